//===- AsgContraction.td - Sums of products -------------------------------===//
#ifndef ASG_CONTRACTION
#define ASG_CONTRACTION

include "dialects/asg/AsgBase.td"

def Asg_DotOp : Asg_InferredOp<"dot"> {
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
  let role = "Mixes features: linear layers, attention scores and sums.";
  let summaryRu = "пакетное произведение двух тензоров, просуммированное по парным осям";
  let roleRu = "Смешивает признаки: линейные слои, оценки и суммы внимания.";
  let example = [{%y = asg.dot %lhs, %rhs batch [] x [] contract [1] x [0] : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>}];
  let cases = [
    [{%y = asg.dot %lhs, %rhs batch [1] x [0] contract [3, 0] x [1, 3] : (tensor<2x2x3x4xf32>, tensor<2x4x3x2xf32>) -> tensor<2x3x3xf32>}],
    [{%y = asg.dot %lhs, %rhs batch [] x [] contract [] x [] : (tensor<2xf32>, tensor<3xf32>) -> tensor<2x3xf32>}],
    [{%y = asg.dot %lhs, %rhs batch [0] x [1] contract [1] x [2] : (tensor<2x3x?xf32, #asg.dims<2, 3, n>>, tensor<4x2x3xf32>) -> tensor<2x?x4xf32, #asg.dims<2, n, 4>>}],
    [{%y = asg.dot %lhs, %rhs batch [] x [] contract [0] x [0] : (tensor<3xi8>, tensor<3xi8>) -> tensor<i32>}]];
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

def Asg_Conv2dOp : Asg_InferredOp<"conv2d"> {
  let summary = "2-D convolution (cross-correlation) of images with filters";
  let description = [{
    x [n, c, h, w], weight [o, c / groups, kh, kw], y [n, o, oh, ow] with
    oh = ⌊(h + padLow₀ + padHigh₀ − dilation₀ · (kh − 1) − 1) / stride₀⌋ + 1.
  }];
  let category = "convolution";
  let formula = "y[n, o, i, j] = Σ x[n, c, s·i + d·u − p, s·j + d·v − p] · weight[o, c, u, v]";
  let role = "Finds the same patterns everywhere in an image.";
  let summaryRu = "двумерная свёртка (взаимная корреляция) изображений с фильтрами";
  let roleRu = "Находит одни и те же образы по всему изображению.";
  let example = [{%y = asg.conv2d %x, %weight strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<3x2x3x3xf32>) -> tensor<1x3x2x2xf32>}];
  let cases = [
    [{%y = asg.conv2d %x, %weight strides [2, 1] pad [1, 0], [0, 2] dilations [2, 1] groups 2 : (tensor<2x4x5x3xf32>, tensor<6x2x2x3xf32>) -> tensor<2x6x2x3xf32>}],
    [{%y = asg.conv2d %x, %weight strides [2, 2] pad [1, 1], [1, 1] dilations [1, 1] groups 1 : (tensor<?x1x?x4xf32, #asg.dims<n, 1, h, 4>>, tensor<2x1x3x3xf32>) -> tensor<?x2x?x2xf32, #asg.dims<n, 2, "((h + 1) floordiv 2)", 2>>}]];
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
  let role = "Enlarges images with learned filters, in generators and decoders; sends a convolution's gradient back.";
  let summaryRu = "котангенс входа свёртки; он же транспонированная свёртка";
  let roleRu = "Увеличивает изображения обучаемыми фильтрами в генераторах и декодерах; возвращает градиент свёртки.";
  let example = [{%dx = asg.conv2d_input_grad %dy, %weight strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x3x2x2xf32>, tensor<3x2x3x3xf32>) -> tensor<1x2x4x4xf32>}];
  let cases = [
    [{%dx = asg.conv2d_input_grad %dy, %weight strides [2, 1] pad [1, 0], [0, 2] dilations [2, 1] groups 2 : (tensor<2x6x2x3xf32>, tensor<6x2x2x3xf32>) -> tensor<2x4x5x3xf32>}]];
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
  let role = "Tells a convolution's filters how to change.";
  let summaryRu = "котангенс фильтров свёртки";
  let roleRu = "Показывает фильтрам свёртки, как измениться.";
  let example = [{%dweight = asg.conv2d_weight_grad %x, %dy strides [1, 1] pad [0, 0], [0, 0] dilations [1, 1] groups 1 : (tensor<1x2x4x4xf32>, tensor<1x3x2x2xf32>) -> tensor<3x2x3x3xf32>}];
  let cases = [
    [{%dweight = asg.conv2d_weight_grad %x, %dy strides [2, 1] pad [1, 0], [0, 2] dilations [2, 1] groups 2 : (tensor<2x4x5x3xf32>, tensor<2x6x2x3xf32>) -> tensor<6x2x2x3xf32>}]];
  let arguments = !con((ins Asg_FloatTensor:$x, Asg_FloatTensor:$dy), Asg_ConvGeometry);
  let results = (outs Asg_FloatTensor:$dweight);
  let assemblyFormat = [{
    $x `,` $dy `strides` $strides `pad` $padLow `,` $padHigh `dilations` $dilations
    `groups` $groups attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
