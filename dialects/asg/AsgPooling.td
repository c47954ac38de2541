//===- AsgPooling.td - Windows over images --------------------------------===//
#ifndef ASG_POOLING
#define ASG_POOLING

include "dialects/asg/AsgBase.td"

defvar Asg_PoolGeometry = (ins DenseI64ArrayAttr:$kernel,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padLow,
    DenseI64ArrayAttr:$padHigh, DenseI64ArrayAttr:$dilations);

def Asg_MaxPool2dOp : Asg_DifferentiableOp<"max_pool2d", [Asg_InferTypes]> {
  let summary = "largest element of each window, and where it stood";
  let description = [{
    x [n, c, h, w]; y and indices [n, c, oh, ow]. An index (i32) is h · W + w of
    the first largest element in its plane; NaN counts as largest. Padding never
    wins; windows that are all padding are refused by the verifier.
  }];
  let category = "pooling";
  let formula = "y[i, j] = max x[s·i + d·u − p, s·j + d·v − p]";
  let smooth = 0;
  let arguments = !con((ins Asg_FloatTensor:$x), Asg_PoolGeometry);
  let results = (outs Asg_FloatTensor:$y, Asg_PlaceTensor:$indices);
  let assemblyFormat = [{
    $x `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh `dilations`
    $dilations attr-dict `:` functional-type(operands, results)
  }];
}

def Asg_MaxUnpool2dOp : Asg_DifferentiableOp<"max_unpool2d"> {
  let summary = "adds each element to the place its index names, into zeros";
  let category = "pooling";
  let formula = "y[indices[o]] += x[o]";
  let arguments = (ins Asg_FloatTensor:$x, Asg_PlaceTensor:$indices);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Asg_PoolGather2dOp : Asg_DifferentiableOp<"pool_gather2d", [Asg_InferTypes]> {
  let summary = "picks the element of each plane that its index names";
  let category = "pooling";
  let formula = "y[o] = x[indices[o]]";
  let arguments = (ins Asg_FloatTensor:$x, Asg_PlaceTensor:$indices);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Asg_AvgPool2dOp : Asg_DifferentiableOp<"avg_pool2d", [Asg_InferTypes]> {
  let summary = "mean of each window";
  let category = "pooling";
  let formula = "y[i, j] = mean x[s·i + u − p, s·j + v − p]";
  let arguments = (ins Asg_FloatTensor:$x, DenseI64ArrayAttr:$kernel,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padLow,
      DenseI64ArrayAttr:$padHigh, BoolAttr:$countIncludePad);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = [{
    $x `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh
    `count_include_pad` $countIncludePad attr-dict `:` functional-type(operands, results)
  }];
}

def Asg_AvgPool2dGradOp : Asg_DifferentiableOp<"avg_pool2d_grad"> {
  let summary = "spreads each element evenly over its window";
  let category = "pooling";
  let formula = "dx[s·i + u − p, s·j + v − p] += dy[i, j] / count";
  let arguments = (ins Asg_FloatTensor:$dy, DenseI64ArrayAttr:$kernel,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padLow,
      DenseI64ArrayAttr:$padHigh, BoolAttr:$countIncludePad);
  let results = (outs Asg_FloatTensor:$dx);
  let assemblyFormat = [{
    $dy `kernel` $kernel `strides` $strides `pad` $padLow `,` $padHigh
    `count_include_pad` $countIncludePad attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
