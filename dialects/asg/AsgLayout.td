//===- AsgLayout.td - The same elements, arranged otherwise ---------------===//
#ifndef ASG_LAYOUT
#define ASG_LAYOUT

include "dialects/asg/AsgBase.td"

def Asg_ReshapeOp : Asg_DifferentiableOp<"reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let category = "layout";
  let formula = "y = x, seen with other extents";
  let arguments = (ins Asg_Tensor:$x);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_TransposeOp : Asg_DifferentiableOp<"transpose", [Asg_InferTypes]> {
  let summary = "permutes the axes: axis i of the result is axis perm[i] of x";
  let category = "layout";
  let formula = "y[i₀, i₁, …] = x[…], axis k of y = axis perm[k] of x";
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$perm);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x `perm` $perm attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Asg_BroadcastOp : Asg_DifferentiableOp<"broadcast"> {
  let summary = "repeats x along new axes or axes of extent 1";
  let description = [{
    Axis i of x is axis `dims[i]` of the result (strictly rising); its extent is
    the result's, or 1 and then repeated. The other axes of the result are new.
  }];
  let category = "layout";
  let formula = "y[…, i, …] = x[i]";
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$dims);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x `dims` $dims attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_SliceOp : Asg_DifferentiableOp<"slice"> {
  let summary = "every stride-th element from a start, along each axis";
  let description = [{
    The extents are the result type's. A negative start counts from the end of
    its axis (−1 is the last element), for axes known only at run time.
  }];
  let category = "layout";
  let formula = "y[i] = x[start + stride · i]";
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$strides);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = [{
    $x `starts` $starts `strides` $strides attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_PadOp : Asg_DifferentiableOp<"pad", [Asg_InferTypes]> {
  let summary = "adds a constant before, after and between elements, along each axis";
  let description = [{
    Extent: low + high + n + (n − 1) · interior (n ≥ 1). low, high and interior
    are not negative.
  }];
  let category = "layout";
  let formula = "y[low + i · (interior + 1)] = x[i], value elsewhere";
  let arguments = (ins Asg_Tensor:$x, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
      DenseI64ArrayAttr:$interior, F64Attr:$value);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = [{
    $x `low` $low `high` $high `interior` $interior `value` $value attr-dict
    `:` functional-type(operands, results)
  }];
}

def Asg_ConcatOp : Asg_DifferentiableOp<"concat", [Asg_InferTypes]> {
  let summary = "joins tensors along an axis";
  let category = "layout";
  let formula = "y = [x₀; x₁; …]";
  let arguments = (ins Variadic<Asg_Tensor>:$xs, I64Attr:$axis);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$xs `axis` $axis attr-dict `:` functional-type(operands, results)";
}

#endif
