//===- Plan.td - The plan dialect -----------------------------------------===//
#ifndef PLAN
#define PLAN

include "dialects/plan/PlanBase.td"

//===- Programs and buffers -----------------------------------------------===//

def Plan_ProgramOp : Plan_Op<"program", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "one entry point as a list of steps over buffers";
  let description = [{
    The block's arguments are the input buffers, then the output buffers. `dims`
    maps each run-time dim to its bound. `arena` is the size in bytes that
    plan-assign-memory found, at the bounds, `lowerBound` the largest sum of
    buffers alive at once. Where it is larger than `block`, no buffer crosses a
    multiple of `block` but those that are larger themselves. Buffers (variable, constant, alloc, alias) stand before
    the steps that use them; the steps run in the order of the block.

    A `private` program is no entry point: plan.loop and plan.if of later programs
    run it, in a part of their own arena.

    Text shows a buffer's type as that of its tensor.

    ```mlir
    plan.program @infer dims {batch = 64}
        inputs("image" %image: tensor<?x64xf32, #asg.dims<batch, 64>>)
        outputs("output" %output: tensor<?x10xf32, #asg.dims<batch, 10>>)
        arena 2560 lower_bound 2560 { ... }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DictionaryAttr:$dims,
      StrArrayAttr:$inputNames, StrArrayAttr:$outputNames,
      OptionalAttr<I64Attr>:$arena, OptionalAttr<I64Attr>:$lowerBound,
      OptionalAttr<I64Attr>:$block);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ValueRange getInputs();
    ::mlir::ValueRange getOutputs();
    /// The bound of a run-time dim; null if the program has none of this name.
    std::optional<int64_t> getDimBound(::llvm::StringRef name);
  }];
}

def Plan_VariableOp : Plan_Op<"variable", [Pure,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "the memory of a variable of the model";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = "$variable attr-dict `:` custom<Tensor>(type($buffer))";
}

def Plan_ConstantOp : Plan_Op<"constant", [Pure]> {
  let summary = "read-only memory with values known at compile time";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = "$value attr-dict `:` custom<Tensor>(type($buffer))";
  let hasVerifier = 1;
}

def Plan_AllocOp : Plan_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "a buffer in the arena";
  let description = [{
    Set by plan-assign-memory: `offset` in bytes, `bytes` at the bounds of run-time
    dims (rounded up to 64), the lifetime [`first`, `last`] in numbers of steps.
    Two buffers share memory while both live only where the later one takes over the
    place of an operand that dies in the step that writes it (see plan.kernel).
    `source` says where it comes from: `fc1 digits.asg:12:3`.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset, OptionalAttr<I64Attr>:$bytes,
      OptionalAttr<I64Attr>:$first, OptionalAttr<I64Attr>:$last,
      OptionalAttr<StrAttr>:$source);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = [{
    (`offset` $offset^)? (`bytes` $bytes^)? (`alive` $first^ `to` $last)?
    (`from` $source^)? attr-dict `:` custom<Tensor>(type($buffer))
  }];
  let hasVerifier = 1;
}

def Plan_AliasOp : Plan_Op<"alias", [Pure]> {
  let summary = "the same memory seen with another shape";
  let description = "Both shapes have the same number of elements of the same type.";
  let arguments = (ins Plan_BufferType:$source);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = "$source attr-dict `:` custom<Tensor>(type($source)) `to` custom<Tensor>(type($buffer))";
  let hasVerifier = 1;
}

//===- Kernels ------------------------------------------------------------===//

def Plan_KernelOp : Plan_Op<"kernel", [AttrSizedOperandSegments, SingleBlock, IsolatedFromAbove,
    DeclareOpInterfaceMethods<Plan_StepInterface>]> {
  let summary = "generated code: a scalar program for every point of a space";
  let description = [{
    ```mlir
    plan.kernel "softmax" row space [batch, 10]
        (%x = %logits at [10, 1] : tensor<...>, %t = %table : tensor<...>)
        -> (%y at [10, 1] : tensor<...>) {
      %m = plan.reduce max %x over [1] : f32
      %d = arith.subf %x, %m : f32
      ...
      plan.yield %p : f32
    }
    ```
    `space` lists the extents of the iteration space; rank 0 is one point. An
    operand's `at [s0, s1, …] offset o` is its access: at the point (d0, d1, …) it is
    element o + s0·d0 + s1·d1 + … of the buffer, in its row-major order, whatever the
    buffer's shape. Strides are never negative; 0 repeats. Collapsing of dims has
    been done: the innermost dim is the longest that all accesses allow.

    The body has one argument per read: the element at the access, widened to f32
    if it is f16 or bf16, i1 if it is bool; or, for a read without `at`, the buffer
    itself, which only plan.load uses. Body ops are those of arith and math on
    scalars, and plan.reduce, plan.index, plan.extent, plan.load. plan.yield
    gives one value per write, in the widened type; the kernel rounds it to the
    buffer's. A write whose stride is 0 along a dim stores a value that is uniform
    along it (the verifier checks this).

    `kind` is the loop structure:
    - `map`: no plan.reduce. Points are independent.
    - `row`: every plan.reduce is over the innermost dim alone, and one may depend on
      another. Rows are independent.
    - `reduce`: every plan.reduce is over the same dims, whichever, and none depends
      on another. A value that depends on one is written only at strides 0 along
      those dims. Each point's operands are read once.

    Writes never overlap each other. A written buffer may be read too, at the same
    access only; plan-assign-memory may also give a written buffer the memory of a
    read one whose access and element size are the same. So an emitter reads all
    operands of a point before it writes any of that point and, for `row`, all
    operands of a row that share memory with a write before the last pass over the row;
    it must not tell LLVM that reads and writes do not alias.

    `workspace` (`reduce` only, optional) is tensor<P x C x K> of the widened type: with
    it the first reduced dim, of extent n, is cut in C chunks of ceil(n / C), one task
    each; partial result p (in order of the plan.reduce ops) of chunk c at kept point k is
    element (p·C + c)·K + k, and a second launch combines them in order of c. All
    plan.reduce results then have one type. C depends on shapes alone, so the result does not
    depend on the number of threads.
  }];
  let arguments = (ins StrAttr:$name, Plan_KernelKind:$kind, Plan_Extents:$space,
      ArrayAttr:$readAccesses, ArrayAttr:$writeAccesses,
      Variadic<Plan_BufferType>:$reads, Variadic<Plan_BufferType>:$writes,
      Optional<Plan_BufferType>:$workspace);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getSpaceRank() { return getSpace().size(); }
    ::asgc::DimExpr getExtent(int64_t dim);
    /// Null where the body takes the buffer itself.
    std::optional<::asgc::plan::Access> getReadAccess(int64_t read);
    ::asgc::plan::Access getWriteAccess(int64_t write);
    ::asgc::plan::YieldOp getYield();
  }];
}

def Plan_UpdateOp : Plan_Op<"update", [AttrSizedOperandSegments, SingleBlock, IsolatedFromAbove,
    DeclareOpInterfaceMethods<Plan_StepInterface>]> {
  let summary = "one elementwise body over several tensors in one launch";
  let description = [{
    ```mlir
    plan.update "sgd" [8192, 128] shared(%lr = %0 : tensor<f32>)
        reads(%p = [%w : tensor<...>, %b : tensor<...>], %g = [%dw : ..., %db : ...])
        -> ([%w : ..., %b : ...]) { ... }
    ```
    Segment s covers `extents[s]` elements, a number. `shared` operands hold one element
    each, the same for all segments. `reads` are groups of one buffer per
    segment, as are `writes`; all are indexed flat, at stride 1. A write may be
    a read of the same position (in place). Body arguments: one per shared, then one per group
    of reads. plan.index 0 is the index in the segment.

    With `reduces`, every yielded value is a plan.reduce over [0] of a value of its
    segment, or is computed from such and from `shared`, and every write holds one
    element. `workspace` (optional) is then tensor<P x T> of the widened type, room for
    T ≥ S tasks, each a block of one segment: partial result p of task t is element
    p·T + t, and a second launch combines those of each segment in order.
  }];
  let arguments = (ins StrAttr:$name, Plan_Extents:$extents, UnitAttr:$reduces,
      Variadic<Plan_BufferType>:$shared, Variadic<Plan_BufferType>:$reads,
      Variadic<Plan_BufferType>:$writes, Optional<Plan_BufferType>:$workspace);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getSegmentCount() { return getExtents().size(); }
    ::asgc::DimExpr getExtent(int64_t segment);
    /// The buffers of group `group`, one per segment.
    ::mlir::OperandRange getReadGroup(int64_t group);
    ::mlir::OperandRange getWriteGroup(int64_t group);
    int64_t getReadGroupCount() { return getReads().size() / getSegmentCount(); }
    int64_t getWriteGroupCount() { return getWrites().size() / getSegmentCount(); }
    ::asgc::plan::YieldOp getYield();
  }];
}

def Plan_ScanOp : Plan_Op<"scan", [DeclareOpInterfaceMethods<Plan_StepInterface>]> {
  let summary = "generated code: a sum or a linear recurrence along an axis";
  let description = [{
    y[t] = y[t - 1] + x[t] along `axis`, from the last element to the first with
    `reverse`. With `coefficients` c, y[t] = c[t] · y[t - 1] + x[t], of which the first
    is x alone. All buffers have one type; f16 and bf16 are carried in f32. An element of
    x and of the coefficients is read before that of y at its place is written, and not
    again, so that y may have the memory of one of them.
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$axis, UnitAttr:$reverse,
      Plan_BufferType:$x, Optional<Plan_BufferType>:$coefficients, Plan_BufferType:$y);
  let assemblyFormat = [{
    $name `axis` $axis (`reverse` $reverse^)? `(` $x (`coefficients` $coefficients^)? `)` `->` $y
    attr-dict `:` custom<Tensor>(type($x)) (`,` custom<Tensor>(type($coefficients))^)? `->` custom<Tensor>(type($y))
  }];
  let hasVerifier = 1;
}

def Plan_YieldOp : Plan_Op<"yield", [Pure, Terminator, ParentOneOf<["KernelOp", "UpdateOp"]>]> {
  let summary = "the values a kernel stores at a point";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Plan_Scalar : AnyTypeOf<[F32, F64, I1, I8, I32, I64]>;

def Plan_ReduceOp : Plan_Op<"reduce", [Pure, AllTypesMatch<["value", "result"]>]> {
  let summary = "combines a value over dims of the space; the same at every point along them";
  let description = [{
    max and min give NaN if any value is. Over no point at all: 0, 1, the least, the
    greatest value (infinities for floats). The order of the sum is the kernel's,
    and never depends on threads.
  }];
  let arguments = (ins Plan_ReduceKind:$kind, Plan_Scalar:$value, DenseI64ArrayAttr:$dims);
  let results = (outs Plan_Scalar:$result);
  let assemblyFormat = "$kind $value `over` $dims attr-dict `:` type($value)";
}

def Plan_IndexOp : Plan_Op<"index", [Pure]> {
  let summary = "the coordinate of the point along a dim of the space";
  let arguments = (ins I64Attr:$dim);
  let results = (outs I64:$index);
  let assemblyFormat = "$dim attr-dict";
}

def Plan_ExtentOp : Plan_Op<"extent", [Pure]> {
  let summary = "an extent known at run time (a DimExpr text)";
  let arguments = (ins StrAttr:$extent);
  let results = (outs I64:$value);
  let assemblyFormat = "$extent attr-dict";
  let hasVerifier = 1;
}

def Plan_LoadOp : Plan_Op<"load", [Pure, AttrSizedOperandSegments]> {
  let summary = "the element of a buffer at a computed offset";
  let description = [{
    `offset` counts elements in row-major order. With `if`, memory is read only where
    the guard is true, and the result is `else` elsewhere; the offset may then be
    anything. Widened like a body argument.
  }];
  let arguments = (ins Plan_BufferType:$buffer, I64:$offset,
      Optional<I1>:$guard, Optional<Plan_Scalar>:$otherwise);
  let results = (outs Plan_Scalar:$value);
  let assemblyFormat = [{
    $buffer `[` $offset `]` (`if` $guard^ `else` $otherwise `:` type($otherwise))?
    attr-dict `:` custom<Tensor>(type($buffer)) `->` type($value)
  }];
  let hasVerifier = 1;
}

//===- Library calls ------------------------------------------------------===//

/// A call of runtime/include/asgc/abi.def. `name` is its line in the profile.
class Plan_Call<string mnemonic, list<Trait> traits = []>
    : Plan_Op<mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<Plan_StepInterface>])>;

def Plan_MatmulOp : Plan_Call<"matmul", [AttrSizedOperandSegments]> {
  let summary = "batched matrix product with strides and an epilogue";
  let description = [{
    asgc_matmul_desc: c = act(a · b + bias + residual). `batch` extents; m, n and k in
    `sizes`; strides (elements) of a, b and c with the batch dims first (then m, k;
    k, n; m, n). `offsets` of a, b and c (elements) let an operand be a slice of
    a buffer; bias [n] and residual (with c's strides) start at 0.
  }];
  let arguments = (ins StrAttr:$name, Plan_Extents:$batch, Plan_Extents:$sizes,
      Plan_Extents:$aStrides, Plan_Extents:$bStrides, Plan_Extents:$cStrides,
      Plan_Extents:$offsets, Plan_Activation:$activation,
      Plan_BufferType:$a, Plan_BufferType:$b, Optional<Plan_BufferType>:$bias,
      Optional<Plan_BufferType>:$residual, Plan_BufferType:$c);
  let assemblyFormat = [{
    $name `batch` custom<Extents>($batch) `m_n_k` custom<Extents>($sizes)
    `strides` custom<Extents>($aStrides) `,` custom<Extents>($bStrides) `,` custom<Extents>($cStrides)
    `offsets` custom<Extents>($offsets) `act` $activation
    `(` $a `,` $b (`bias` $bias^)? (`residual` $residual^)? `)` `->` $c attr-dict
    `:` custom<Tensor>(type($a)) `,` custom<Tensor>(type($b)) (`bias` custom<Tensor>(type($bias))^)? (`residual` custom<Tensor>(type($residual))^)? `->` custom<Tensor>(type($c))
  }];
  let hasVerifier = 1;
}

defvar Plan_ConvGeometry = (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padLow,
    DenseI64ArrayAttr:$padHigh, DenseI64ArrayAttr:$dilations, I64Attr:$groups);

def Plan_ConvKind : I32EnumAttr<"ConvKind", "which of the three convolutions", [
    I32EnumAttrCase<"forward", 0>, I32EnumAttrCase<"input_grad", 1>,
    I32EnumAttrCase<"weight_grad", 2>]> {
  let cppNamespace = "::asgc::plan";
}

def Plan_Conv2dOp : Plan_Call<"conv2d"> {
  let summary = "2-D convolution or one of its gradients";
  let description = "in0, in1, out as in asgc_rt_conv2d.";
  let arguments = !con((ins StrAttr:$name, Plan_ConvKind:$kind), Plan_ConvGeometry,
      (ins Plan_Activation:$activation, Plan_BufferType:$in0, Plan_BufferType:$in1,
       Optional<Plan_BufferType>:$bias, Plan_BufferType:$out));
  let assemblyFormat = [{
    $name $kind `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `groups` $groups `act` $activation `(` $in0 `,` $in1 (`bias` $bias^)? `)` `->` $out
    attr-dict `:` custom<Tensor>(type($in0)) `,` custom<Tensor>(type($in1)) (`,` custom<Tensor>(type($bias))^)? `->` custom<Tensor>(type($out))
  }];
  let hasVerifier = 1;
}

def Plan_AttentionOp : Plan_Call<"attention", [AttrSizedOperandSegments]> {
  let summary = "attention or its gradient, without scores in memory; on devices alone";
  let description = [{
    `sizes`: queries, keys, features of both, features of values. Reads q, k and v, and
    writes y and, if it is needed, lse; with `backward`, reads q, k, v, dy, lse and delta
    and writes dq, dk and dv (see asg.attention and asg.attention_grad). An access has a
    stride for each of `batch`, for the row, and, but for lse and delta, for the feature.
  }];
  let arguments = (ins StrAttr:$name, UnitAttr:$backward, F64Attr:$scale, UnitAttr:$causal,
      Plan_Extents:$batch, Plan_Extents:$sizes, ArrayAttr:$readAccesses,
      ArrayAttr:$writeAccesses, Variadic<Plan_BufferType>:$reads,
      Variadic<Plan_BufferType>:$writes);
  let assemblyFormat = [{
    $name (`backward` $backward^)? `scale` $scale (`causal` $causal^)?
    `batch` custom<Extents>($batch) `sizes` custom<Extents>($sizes)
    `(` custom<Placed>($reads, type($reads), $readAccesses) `)` `->`
    `(` custom<Placed>($writes, type($writes), $writeAccesses) `)` attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// That of an operand: the reads, then the writes.
    ::asgc::plan::Access getAccess(int64_t operand);
  }];
}

defvar Plan_PoolGeometry = (ins DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$padLow, DenseI64ArrayAttr:$padHigh, DenseI64ArrayAttr:$dilations);

def Plan_MaxPool2dOp : Plan_Call<"max_pool2d"> {
  let summary = "asgc_rt_max_pool2d";
  let arguments = !con((ins StrAttr:$name), Plan_PoolGeometry,
      (ins Plan_BufferType:$x, Plan_BufferType:$y, Plan_BufferType:$indices));
  let assemblyFormat = [{
    $name `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `(` $x `)` `->` $y `,` $indices attr-dict `:` custom<Tensor>(type($x)) `->` custom<Tensor>(type($y)) `,` custom<Tensor>(type($indices))
  }];
  let hasVerifier = 1;
}

def Plan_AvgPool2dOp : Plan_Call<"avg_pool2d"> {
  let summary = "asgc_rt_avg_pool2d, or with `backward` its gradient (in = dy, out = dx)";
  let arguments = !con((ins StrAttr:$name, UnitAttr:$backward), Plan_PoolGeometry,
      (ins BoolAttr:$countIncludePad, Plan_BufferType:$in, Plan_BufferType:$out));
  let assemblyFormat = [{
    $name (`backward` $backward^)? `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh
    `dilations` $dilations `count_include_pad` $countIncludePad
    `(` $in `)` `->` $out attr-dict `:` custom<Tensor>(type($in)) `->` custom<Tensor>(type($out))
  }];
  let hasVerifier = 1;
}

/// in, indices -> out: max_unpool2d, pool_gather2d, gather, scatter_add.
class Plan_IndexedCall<string mnemonic, dag extra = (ins)> : Plan_Call<mnemonic> {
  let arguments = !con((ins StrAttr:$name), extra, (ins Plan_BufferType:$in,
      Plan_BufferType:$indices, Plan_BufferType:$out));
  let hasVerifier = 1;
}
def Plan_MaxUnpool2dOp : Plan_IndexedCall<"max_unpool2d"> {
  let summary = "asgc_rt_max_unpool2d";
  let assemblyFormat = [{
    $name `(` $in `,` $indices `)` `->` $out attr-dict `:` custom<Tensor>(type($in)) `,` custom<Tensor>(type($indices)) `->` custom<Tensor>(type($out))
  }];
}
def Plan_PoolGather2dOp : Plan_IndexedCall<"pool_gather2d"> {
  let summary = "asgc_rt_pool_gather2d";
  let assemblyFormat = [{
    $name `(` $in `,` $indices `)` `->` $out attr-dict `:` custom<Tensor>(type($in)) `,` custom<Tensor>(type($indices)) `->` custom<Tensor>(type($out))
  }];
}
def Plan_GatherOp : Plan_IndexedCall<"gather", (ins I64Attr:$axis, I64Attr:$batchDims)> {
  let summary = "asgc_rt_gather; axis and batchDims as in asg.gather";
  let assemblyFormat = [{
    $name `axis` $axis `batch_dims` $batchDims `(` $in `,` $indices `)` `->` $out attr-dict
    `:` custom<Tensor>(type($in)) `,` custom<Tensor>(type($indices)) `->` custom<Tensor>(type($out))
  }];
}
def Plan_ScatterAddOp : Plan_IndexedCall<"scatter_add", (ins I64Attr:$axis, I64Attr:$batchDims)> {
  let summary = "asgc_rt_scatter_add; axis and batchDims as in asg.scatter_add";
  let assemblyFormat = [{
    $name `axis` $axis `batch_dims` $batchDims `(` $in `,` $indices `)` `->` $out attr-dict
    `:` custom<Tensor>(type($in)) `,` custom<Tensor>(type($indices)) `->` custom<Tensor>(type($out))
  }];
}

def Plan_CopyOp : Plan_Call<"copy"> {
  let summary = "asgc_rt_copy: a strided copy";
  let description = "`extents`, strides in elements and offsets [x, y] as numbers or DimExpr texts.";
  let arguments = (ins StrAttr:$name, Plan_Extents:$extents, Plan_Extents:$xStrides,
      Plan_Extents:$yStrides, Plan_Extents:$offsets, Plan_BufferType:$x, Plan_BufferType:$y);
  let assemblyFormat = [{
    $name `extents` custom<Extents>($extents) `strides` custom<Extents>($xStrides) `,`
    custom<Extents>($yStrides) `offsets` custom<Extents>($offsets)
    `(` $x `)` `->` $y attr-dict `:` custom<Tensor>(type($x)) `->` custom<Tensor>(type($y))
  }];
  let hasVerifier = 1;
}

//===- Control ------------------------------------------------------------===//

/// Runs private programs that stand before its own. `workspace` is the arena of whichever
/// runs, i8[bytes]; plan-assign-memory gives it its size.
class Plan_ControlOp<string mnemonic, list<Trait> traits = []> : Plan_Call<mnemonic,
    !listconcat(traits, [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>])> {
  code bodies = [{
    /// The programs that it may run.
    ::llvm::SmallVector<::mlir::FlatSymbolRefAttr> getBodies();
  }];
}

def Plan_LoopOp : Plan_ControlOp<"loop"> {
  let summary = "asgc_rt_loop: a program run on its own results";
  let description = [{
    As asg.loop. The first step reads `inits` and writes `values`; from then on, `values`
    and `spares` are read and written in turn, and the last results end in `values`.
    Values beyond those of `inits` are collected, one element of their first axis in each
    step, which their spares hold; `places` is the extent of that axis, a number or the
    text of a DimExpr.
  }];
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$body,
      Optional<Plan_BufferType>:$count, Optional<Plan_BufferType>:$condition,
      Variadic<Plan_BufferType>:$inits, Variadic<Plan_BufferType>:$invariants,
      Variadic<Plan_BufferType>:$values, Variadic<Plan_BufferType>:$spares,
      Plan_BufferType:$workspace, OptionalAttr<AnyAttr>:$places);
  let assemblyFormat = [{
    $name $body (`count` $count^ `:` custom<Tensor>(type($count)))?
    (`while` $condition^ `:` custom<Tensor>(type($condition)))?
    ` ` `(` custom<Buffers>($inits, type($inits)) `)` `with` ` `
    `(` custom<Buffers>($invariants, type($invariants)) `)` `->`
    ` ` `(` custom<Buffers>($values, type($values)) `)` `spares` ` `
    `(` custom<Buffers>($spares, type($spares)) `)` `workspace` $workspace `:`
    custom<Tensor>(type($workspace)) attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = bodies;
}

def Plan_IfOp : Plan_ControlOp<"if"> {
  let summary = "asgc_rt_if: one of two programs";
  let arguments = (ins StrAttr:$name, FlatSymbolRefAttr:$thenBody, FlatSymbolRefAttr:$elseBody,
      Plan_BufferType:$condition, Variadic<Plan_BufferType>:$inputs,
      Variadic<Plan_BufferType>:$values, Plan_BufferType:$workspace);
  let assemblyFormat = [{
    $name $condition `:` custom<Tensor>(type($condition)) `then` $thenBody `else` $elseBody
    ` ` `(` custom<Buffers>($inputs, type($inputs)) `)` `->`
    ` ` `(` custom<Buffers>($values, type($values)) `)` `workspace` $workspace `:`
    custom<Tensor>(type($workspace)) attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = bodies;
}

#endif
