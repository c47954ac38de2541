//===- AsgPooling.td - Windows over images --------------------------------===//
#ifndef ASG_POOLING
#define ASG_POOLING

include "dialects/asg/AsgBase.td"

defvar Asg_PoolGeometry = (ins DenseI64ArrayAttr:$kernel,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padLow,
    DenseI64ArrayAttr:$padHigh, DenseI64ArrayAttr:$dilations);

def Asg_MaxPool2dOp : Asg_InferredOp<"max_pool2d"> {
  let summary = "largest element of each window, and where it stood";
  let description = [{
    x [n, c, h, w]; y and indices [n, c, oh, ow]. An index (i32) is h · W + w of
    the first largest element in its plane; NaN counts as largest. Padding never
    wins; windows that are all padding are refused by the verifier.
  }];
  let category = "pooling";
  let formula = "y[i, j] = max x[s·i + d·u − p, s·j + d·v − p]";
  let role = "Keeps the strongest response of each neighbourhood and makes images smaller.";
  let summaryRu = "наибольший элемент каждого окна и его место";
  let roleRu = "Оставляет сильнейший отклик в каждой окрестности и уменьшает изображение.";
  let example = [{%y, %indices = asg.max_pool2d %x kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] dilations [1, 1] : (tensor<1x2x4x4xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>)}];
  let cases = [
    [{%y, %indices = asg.max_pool2d %x kernel [3, 2] strides [1, 2] pad [1, 0], [2, 1] dilations [1, 2] : (tensor<1x1x4x5xf32>) -> (tensor<1x1x5x2xf32>, tensor<1x1x5x2xi32>)}]];
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
  let role = "Sends a max pooling's gradient back to the elements that won.";
  let summaryRu = "прибавляет каждый элемент на место, названное его индексом, к нулям";
  let roleRu = "Возвращает градиент max-пулинга победившим элементам.";
  let example = [{%y = asg.max_unpool2d %x, %indices : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xi32>) -> tensor<1x2x4x4xf32>}];
  let arguments = (ins Asg_FloatTensor:$x, Asg_PlaceTensor:$indices);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Asg_PoolGather2dOp : Asg_InferredOp<"pool_gather2d"> {
  let summary = "picks the element of each plane that its index names";
  let category = "pooling";
  let formula = "y[o] = x[indices[o]]";
  let role = "The gradient of unpooling, for second derivatives.";
  let summaryRu = "берёт из каждой плоскости элемент, названный индексом";
  let roleRu = "Градиент обратного пулинга, для вторых производных.";
  let example = [{%y = asg.pool_gather2d %x, %indices : (tensor<1x2x4x4xf32>, tensor<1x2x2x2xi32>) -> tensor<1x2x2x2xf32>}];
  let arguments = (ins Asg_FloatTensor:$x, Asg_PlaceTensor:$indices);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = "$x `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Asg_AvgPool2dOp : Asg_InferredOp<"avg_pool2d"> {
  let summary = "mean of each window";
  let category = "pooling";
  let formula = "y[i, j] = mean x[s·i + u − p, s·j + v − p]";
  let role = "Smooths and makes images smaller; global pooling before a classifier.";
  let summaryRu = "среднее каждого окна";
  let roleRu = "Сглаживает и уменьшает изображение; глобальный пулинг перед классификатором.";
  let example = [{%y = asg.avg_pool2d %x kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] count_include_pad false : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>}];
  let cases = [
    [{%y = asg.avg_pool2d %x kernel [3, 2] strides [2, 1] pad [1, 0], [1, 1] count_include_pad false : (tensor<1x1x4x3xf32>) -> tensor<1x1x2x3xf32>}],
    [{%y = asg.avg_pool2d %x kernel [3, 2] strides [2, 1] pad [1, 0], [1, 1] count_include_pad true : (tensor<1x1x4x3xf32>) -> tensor<1x1x2x3xf32>}]];
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
  let role = "Sends an average pooling's gradient back.";
  let summaryRu = "распределяет каждый элемент поровну по его окну";
  let roleRu = "Возвращает градиент усредняющего пулинга.";
  let example = [{%dx = asg.avg_pool2d_grad %dy kernel [2, 2] strides [2, 2] pad [0, 0], [0, 0] count_include_pad false : (tensor<1x2x2x2xf32>) -> tensor<1x2x4x4xf32>}];
  let cases = [
    [{%dx = asg.avg_pool2d_grad %dy kernel [3, 2] strides [2, 1] pad [1, 0], [1, 1] count_include_pad false : (tensor<1x1x2x3xf32>) -> tensor<1x1x4x3xf32>}]];
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
