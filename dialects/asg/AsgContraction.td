//===- AsgContraction.td - Sums of products -------------------------------===//
#ifndef ASG_CONTRACTION
#define ASG_CONTRACTION

include "dialects/asg/AsgBase.td"

def Asg_DotOp : Asg_DifferentiableOp<"dot", [Asg_InferTypes]> {
  let summary = "batched product of two tensors, summed over paired axes";
  let description = [{
    Axis `lhsBatch[i]` of lhs goes with `rhsBatch[i]` of rhs and stays;
    `lhsContract[i]` goes with `rhsContract[i]` and is summed. The result has the
    batch axes first, then the free axes of lhs, then those of rhs, each in
    order. i8 operands give i32; other element types stay, and sums are made in
    at least f32.
  }];
  let category = "contraction";
  let formula = "y[b, m, n] = Σₖ lhs[b, m, k] · rhs[b, k, n]";
  let arguments = (ins Asg_NumberTensor:$lhs, Asg_NumberTensor:$rhs,
      DenseI64ArrayAttr:$lhsBatch, DenseI64ArrayAttr:$rhsBatch,
      DenseI64ArrayAttr:$lhsContract, DenseI64ArrayAttr:$rhsContract);
  let results = (outs Asg_NumberTensor:$y);
  let assemblyFormat = [{
    $lhs `,` $rhs `batch` $lhsBatch `x` $rhsBatch `contract` $lhsContract `x`
    $rhsContract attr-dict `:` functional-type(operands, results)
  }];
}

defvar Asg_ConvGeometry = (ins DenseI64ArrayAttr:$strides,
    DenseI64ArrayAttr:$padLow, DenseI64ArrayAttr:$padHigh,
    DenseI64ArrayAttr:$dilations, I64Attr:$groups);

def Asg_Conv2dOp : Asg_DifferentiableOp<"conv2d", [Asg_InferTypes]> {
  let summary = "2-D convolution (cross-correlation) of images with filters";
  let description = [{
    x [n, c, h, w], weight [o, c / groups, kh, kw], y [n, o, oh, ow] with
    oh = ⌊(h + padLow₀ + padHigh₀ − dilation₀ · (kh − 1) − 1) / stride₀⌋ + 1.
  }];
  let category = "convolution";
  let formula = "y[n, o, i, j] = Σ x[n, c, s·i + d·u − p, s·j + d·v − p] · weight[o, c, u, v]";
  let arguments = !con((ins Asg_FloatTensor:$x, Asg_FloatTensor:$weight), Asg_ConvGeometry);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = [{
    $x `,` $weight `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `groups` $groups attr-dict `:` functional-type(operands, results)
  }];
}

def Asg_Conv2dInputGradOp : Asg_DifferentiableOp<"conv2d_input_grad"> {
  let summary = "cotangent of a convolution's input; also the transposed convolution";
  let category = "convolution";
  let formula = "dx = convᵀ(dy, weight)";
  let arguments = !con((ins Asg_FloatTensor:$dy, Asg_FloatTensor:$weight), Asg_ConvGeometry);
  let results = (outs Asg_FloatTensor:$dx);
  let assemblyFormat = [{
    $dy `,` $weight `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `groups` $groups attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Asg_Conv2dWeightGradOp : Asg_DifferentiableOp<"conv2d_weight_grad"> {
  let summary = "cotangent of a convolution's filters";
  let category = "convolution";
  let formula = "dweight[o, c, u, v] = Σ dy[n, o, i, j] · x[n, c, s·i + d·u − p, s·j + d·v − p]";
  let arguments = !con((ins Asg_FloatTensor:$x, Asg_FloatTensor:$dy), Asg_ConvGeometry);
  let results = (outs Asg_FloatTensor:$dweight);
  let assemblyFormat = [{
    $x `,` $dy `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `groups` $groups attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
