//===- Plan.td - The plan dialect -----------------------------------------===//
#ifndef PLAN
#define PLAN

include "dialects/plan/PlanBase.td"

//===- Programs and buffers -----------------------------------------------===//

def Plan_ProgramOp : Plan_Op<"program", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "one entry point as a list of steps over buffers";
  let description = [{
    The block's arguments are the input buffers, then the output buffers. `dims`
    maps each run-time dim to its bound. `arena` is the size in bytes that
    plan-assign-memory found, at the bounds, `lowerBound` the largest sum of
    buffers alive at once.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DictionaryAttr:$dims,
      StrArrayAttr:$inputNames, StrArrayAttr:$outputNames,
      OptionalAttr<I64Attr>:$arena, OptionalAttr<I64Attr>:$lowerBound);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ValueRange getInputs();
    ::mlir::ValueRange getOutputs();
    std::optional<int64_t> getDimBound(::llvm::StringRef name);
  }];
}

def Plan_VariableOp : Plan_Op<"variable", [Pure]> {
  let summary = "the memory of a variable of the model";
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = "$variable attr-dict `:` type($buffer)";
}

def Plan_ConstantOp : Plan_Op<"constant", [Pure]> {
  let summary = "read-only memory with values known at compile time";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = "$value attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

def Plan_AllocOp : Plan_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "a buffer in the arena";
  let description = [{
    `offset` in bytes and the lifetime [`first`, `last`] in step numbers are set by
    plan-assign-memory. `inPlaceOf` is set when the buffer takes over the memory of
    an operand that dies in the step that writes this one.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset, OptionalAttr<I64Attr>:$first,
      OptionalAttr<I64Attr>:$last);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = [{
    (`offset` $offset^)? (`alive` $first^ `to` $last)? attr-dict `:` type($buffer)
  }];
  let hasVerifier = 1;
}

def Plan_AliasOp : Plan_Op<"alias", [Pure]> {
  let summary = "the same memory seen with another shape";
  let arguments = (ins Plan_BufferType:$source);
  let results = (outs Plan_BufferType:$buffer);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($buffer)";
  let hasVerifier = 1;
}

//===- Kernels ------------------------------------------------------------===//

def Plan_KernelOp : Plan_Op<"kernel", [AttrSizedOperandSegments, SingleBlock,
    RecursiveMemoryEffects, NoRegionArguments, DeclareOpInterfaceMethods<Plan_StepInterface>]> {
  let summary = "generated code: a scalar program for every point of a space";
  let description = [{
    `space` lists the extents of the iteration space (numbers or DimExpr texts).
    `kind` is the loop structure: `map` (no reduction), `row` (reductions over the
    innermost dim only; rows are independent), `reduce` (other reductions).

    The body has one argument per read: the element at the operand's access map,
    widened to f32 if it is f16 or bf16; or, where the map attribute is a unit
    attribute, the buffer itself, for plan.load. Access maps go from the space's
    dims (and from `symbols`, DimExpr texts, as affine symbols) to the index in the
    buffer's tensor. plan.yield gives one value per write, stored at its map; a map
    that lacks a dim of the space stores a value that is uniform along it, which
    only plan.reduce over that dim, or operands without it, can make.

    Two writes may not overlap; a written buffer may be read only at the same map.
    `workspace` (optional) is scratch in the arena for partial sums.
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$kind, ArrayAttr:$space,
      ArrayAttr:$symbols, ArrayAttr:$readMaps, ArrayAttr:$writeMaps,
      Variadic<Plan_BufferType>:$reads, Variadic<Plan_BufferType>:$writes,
      Optional<Plan_BufferType>:$workspace);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Plan_UpdateOp : Plan_Op<"update", [AttrSizedOperandSegments, SingleBlock,
    RecursiveMemoryEffects, NoRegionArguments, DeclareOpInterfaceMethods<Plan_StepInterface>]> {
  let summary = "one elementwise body over several tensors in one launch";
  let description = [{
    Segment s covers `extents[s]` elements. `shared` operands hold one element
    each, the same for all segments. `reads` are `extents.size()` groups of equal
    length, as are `writes`; all are indexed flat. A write may be a read of the
    same position (in place). Body arguments: shared, then one group of reads.
    With `reduces`, the body yields plan.reduce over [0] and every write holds one
    element; `workspace` then holds the partial results.
  }];
  let arguments = (ins StrAttr:$name, ArrayAttr:$extents, UnitAttr:$reduces,
      Variadic<Plan_BufferType>:$shared, Variadic<Plan_BufferType>:$reads,
      Variadic<Plan_BufferType>:$writes, Optional<Plan_BufferType>:$workspace);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Plan_YieldOp : Plan_Op<"yield", [Pure, Terminator, ParentOneOf<["KernelOp", "UpdateOp"]>]> {
  let summary = "the values a kernel stores at a point";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Plan_ReduceOp : Plan_Op<"reduce", [Pure, AllTypesMatch<["value", "result"]>]> {
  let summary = "combines a value over dims of the space; the same at every point along them";
  let description = "The order of the sum is the kernel's, and never depends on threads.";
  let arguments = (ins Plan_ReduceKind:$kind, AnyType:$value, DenseI64ArrayAttr:$dims);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$kind $value `over` $dims attr-dict `:` type($value)";
}

def Plan_IndexOp : Plan_Op<"index", [Pure]> {
  let summary = "the coordinate of the point along a dim of the space";
  let arguments = (ins I64Attr:$dim);
  let results = (outs I64:$index);
  let assemblyFormat = "$dim attr-dict";
}

def Plan_ExtentOp : Plan_Op<"extent", [Pure]> {
  let summary = "an extent known at run time";
  let arguments = (ins StrAttr:$extent);
  let results = (outs I64:$value);
  let assemblyFormat = "$extent attr-dict";
}

def Plan_LoadOp : Plan_Op<"load", [AttrSizedOperandSegments]> {
  let summary = "an element of a buffer at computed indices";
  let description = [{
    With `guard`, memory is read only where it is true, and the result is
    `otherwise` elsewhere. Widened like a body argument.
  }];
  let arguments = (ins Plan_BufferType:$buffer, Variadic<I64>:$indices,
      Optional<I1>:$guard, Optional<AnyType>:$otherwise);
  let results = (outs AnyType:$value);
  let assemblyFormat = [{
    $buffer `[` $indices `]` (`if` $guard^ `else` $otherwise `:` type($otherwise))?
    attr-dict `:` type($buffer) `->` type($value)
  }];
}

//===- Library calls ------------------------------------------------------===//

/// A call of runtime/include/asgc/abi.def. `name` is its line in the profile.
class Plan_Call<string mnemonic, list<Trait> traits = []>
    : Plan_Op<mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<Plan_StepInterface>])>;

def Plan_MatmulOp : Plan_Call<"matmul", [AttrSizedOperandSegments]> {
  let summary = "batched matrix product with strides and an epilogue";
  let description = [{
    asgc_matmul_desc. Extents and strides are arrays of numbers or DimExpr texts:
    `batch` extents; `m`, `n`, `k` in `sizes`; strides of a, b and c with the batch
    dims first. Offsets (elements, DimExpr) let an operand be a slice of a buffer.
  }];
  let arguments = (ins StrAttr:$name, ArrayAttr:$batch, ArrayAttr:$sizes,
      ArrayAttr:$aStrides, ArrayAttr:$bStrides, ArrayAttr:$cStrides,
      ArrayAttr:$offsets, Plan_Activation:$activation,
      Plan_BufferType:$a, Plan_BufferType:$b, Optional<Plan_BufferType>:$bias,
      Optional<Plan_BufferType>:$residual, Plan_BufferType:$c);
  let assemblyFormat = [{
    $name `batch` $batch `m_n_k` $sizes `strides` $aStrides `,` $bStrides `,` $cStrides
    `offsets` $offsets `act` $activation
    `(` $a `,` $b (`bias` $bias^)? (`residual` $residual^)? `)` `->` $c attr-dict
    `:` type($a) `,` type($b) (`,` type($bias)^)? (`,` type($residual)^)? `->` type($c)
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
    attr-dict `:` type($in0) `,` type($in1) (`,` type($bias)^)? `->` type($out)
  }];
  let hasVerifier = 1;
}

defvar Plan_PoolGeometry = (ins DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$padLow, DenseI64ArrayAttr:$padHigh, DenseI64ArrayAttr:$dilations);

def Plan_MaxPool2dOp : Plan_Call<"max_pool2d"> {
  let summary = "asgc_rt_max_pool2d";
  let arguments = !con((ins StrAttr:$name), Plan_PoolGeometry,
      (ins Plan_BufferType:$x, Plan_BufferType:$y, Plan_BufferType:$indices));
  let assemblyFormat = [{
    $name `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `(` $x `)` `->` $y `,` $indices attr-dict `:` type($x) `->` type($y) `,` type($indices)
  }];
}

def Plan_AvgPool2dOp : Plan_Call<"avg_pool2d"> {
  let summary = "asgc_rt_avg_pool2d, or with `backward` its gradient (in = dy, out = dx)";
  let arguments = !con((ins StrAttr:$name, UnitAttr:$backward), Plan_PoolGeometry,
      (ins BoolAttr:$countIncludePad, Plan_BufferType:$in, Plan_BufferType:$out));
  let assemblyFormat = [{
    $name (`backward` $backward^)? `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh
    `dilations` $dilations `count_include_pad` $countIncludePad
    `(` $in `)` `->` $out attr-dict `:` type($in) `->` type($out)
  }];
}

/// in, indices -> out: max_unpool2d, pool_gather2d, gather, scatter_add.
class Plan_IndexedCall<string mnemonic, dag extra = (ins)> : Plan_Call<mnemonic> {
  let arguments = !con((ins StrAttr:$name), extra, (ins Plan_BufferType:$in,
      Plan_BufferType:$indices, Plan_BufferType:$out));
}
def Plan_MaxUnpool2dOp : Plan_IndexedCall<"max_unpool2d"> {
  let summary = "asgc_rt_max_unpool2d";
  let assemblyFormat = [{
    $name `(` $in `,` $indices `)` `->` $out attr-dict `:` type($in) `,` type($indices) `->` type($out)
  }];
}
def Plan_PoolGather2dOp : Plan_IndexedCall<"pool_gather2d"> {
  let summary = "asgc_rt_pool_gather2d";
  let assemblyFormat = [{
    $name `(` $in `,` $indices `)` `->` $out attr-dict `:` type($in) `,` type($indices) `->` type($out)
  }];
}
def Plan_GatherOp : Plan_IndexedCall<"gather", (ins I64Attr:$axis, I64Attr:$batchDims)> {
  let summary = "asgc_rt_gather; axis and batchDims as in asg.gather";
  let assemblyFormat = [{
    $name `axis` $axis `batch_dims` $batchDims `(` $in `,` $indices `)` `->` $out attr-dict
    `:` type($in) `,` type($indices) `->` type($out)
  }];
}
def Plan_ScatterAddOp : Plan_IndexedCall<"scatter_add", (ins I64Attr:$axis, I64Attr:$batchDims)> {
  let summary = "asgc_rt_scatter_add; axis and batchDims as in asg.scatter_add";
  let assemblyFormat = [{
    $name `axis` $axis `batch_dims` $batchDims `(` $in `,` $indices `)` `->` $out attr-dict
    `:` type($in) `,` type($indices) `->` type($out)
  }];
}

def Plan_CopyOp : Plan_Call<"copy"> {
  let summary = "asgc_rt_copy: a strided copy";
  let description = "`extents`, strides in elements and offsets [x, y] as numbers or DimExpr texts.";
  let arguments = (ins StrAttr:$name, ArrayAttr:$extents, ArrayAttr:$xStrides,
      ArrayAttr:$yStrides, ArrayAttr:$offsets, Plan_BufferType:$x, Plan_BufferType:$y);
  let assemblyFormat = [{
    $name `extents` $extents `strides` $xStrides `,` $yStrides `offsets` $offsets
    `(` $x `)` `->` $y attr-dict `:` type($x) `->` type($y)
  }];
}

#endif
