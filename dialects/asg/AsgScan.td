//===- AsgScan.td - Values carried along an axis -------------------------===//
#ifndef ASG_SCAN
#define ASG_SCAN

include "dialects/asg/AsgBase.td"

def Asg_ScanTensor : Asg_TensorOf<[Asg_Float, I32, I64]>;

def Asg_CumsumOp : Asg_InferredOp<"cumsum"> {
  let summary = "sums of all elements up to each one along an axis";
  let description = [{
    With `reverse`, of each element and all after it. f16 and bf16 are added up in f32
    and each sum is rounded once; whole numbers wrap around. Sums without the element
    itself are these, shifted by one.
  }];
  let category = "reduction";
  let formula = "y[t] = y[t − 1] + x[t]";
  let role = "Distribution functions, positions counted by a mask, times from steps.";
  let summaryRu = "суммы всех элементов до каждого включительно вдоль оси";
  let roleRu = "Функции распределения, позиции по маске, моменты времени из шагов.";
  let example = [{%y = asg.cumsum %x axis 1 : (tensor<2x5xf32>) -> tensor<2x5xf32>}];
  let cases = [
    [{%y = asg.cumsum %x axis 0 reverse : (tensor<4x3xf32>) -> tensor<4x3xf32>}],
    [{%y = asg.cumsum %x axis 1 reverse : (tensor<2x3x2xi32>) -> tensor<2x3x2xi32>}],
    [{%y = asg.cumsum %x axis 0 : (tensor<9xi64>) -> tensor<9xi64>}],
    [{%y = asg.cumsum %x axis 1 : (tensor<2x5xbf16>) -> tensor<2x5xbf16>}],
    [{%y = asg.cumsum %x axis 0 : (tensor<0x3xf32>) -> tensor<0x3xf32>}],
    [{%y = asg.cumsum %x axis 0 : (tensor<?x3xf32, #asg.dims<n, 3>>) -> tensor<?x3xf32, #asg.dims<n, 3>>}]];
  let arguments = (ins Asg_ScanTensor:$x, I64Attr:$axis, UnitAttr:$reverse);
  let results = (outs Asg_ScanTensor:$y);
  let assemblyFormat = [{
    $x `axis` $axis (`reverse` $reverse^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

def Asg_LinearScanOp : Asg_InferredOp<"linear_scan"> {
  let summary = "first-order linear recurrence along an axis";
  let description = [{
    h[−1] is 0, and a[0] is not used: h[0] = b[0]. With `reverse`, from the last element
    to the first: h[t] = a[t] · h[t + 1] + b[t]. The state is f32 for f16 and bf16 too;
    what is stored is rounded. Devices form products of neighbouring coefficients
    first, so these should not overflow.
  }];
  let category = "reduction";
  let formula = "h[t] = a[t] · h[t − 1] + b[t]";
  let role = "The state of a state-space model or a gated linear network; a moving average with a decay.";
  let summaryRu = "линейная рекуррентность первого порядка вдоль оси";
  let roleRu = "Состояние модели пространства состояний или линейной сети с вентилями; скользящее среднее с затуханием.";
  let example = [{%h = asg.linear_scan %a, %b axis 1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>}];
  let cases = [
    [{%h = asg.linear_scan %a, %b axis 0 reverse : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>}],
    [{%h = asg.linear_scan %a, %b axis 1 : (tensor<2x3xf16>, tensor<2x3xf16>) -> tensor<2x3xf16>}],
    [{%h = asg.linear_scan %a, %b axis 0 : (tensor<0x2xf32>, tensor<0x2xf32>) -> tensor<0x2xf32>}],
    [{%h = asg.linear_scan %a, %b axis 1 reverse : (tensor<2x?xf32, #asg.dims<2, n>>, tensor<2x?xf32, #asg.dims<2, n>>) -> tensor<2x?xf32, #asg.dims<2, n>>}]];
  let domain = "-1:1";
  let arguments = (ins Asg_FloatTensor:$a, Asg_FloatTensor:$b, I64Attr:$axis, UnitAttr:$reverse);
  let results = (outs Asg_FloatTensor:$h);
  let assemblyFormat = [{
    $a `,` $b `axis` $axis (`reverse` $reverse^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

#endif
