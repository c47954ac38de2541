//===- AsgSource.td - Values that are made of nothing ---------------------===//
#ifndef ASG_SOURCE
#define ASG_SOURCE

include "dialects/asg/AsgBase.td"

def Asg_ConstantOp : Asg_PureOp<"constant", [ConstantLike, AllTypesMatch<["value", "y"]>]> {
  let summary = "values known at compile time";
  let category = "structural";
  let formula = "y = value";
  let role = "Numbers written in the model: factors, masks, tables.";
  let summaryRu = "значения, известные при компиляции";
  let roleRu = "Числа, записанные в модели: множители, маски, таблицы.";
  let example = [{%y = asg.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>}];
  let cases = [
    [{%y = asg.constant dense<true> : tensor<3xi1>}]];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "attr-dict $value";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_IotaOp : Asg_PureOp<"iota"> {
  let summary = "every element is its own index along one axis";
  let category = "indexing";
  let formula = "y[…, i, …] = i";
  let role = "Positions: of tokens, of classes, of rows.";
  let summaryRu = "каждый элемент — его индекс вдоль одной оси";
  let roleRu = "Позиции: токенов, классов, строк.";
  let example = [{%y = asg.iota axis 1 : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.iota axis 0 : tensor<4xi64>}]];
  let arguments = (ins I64Attr:$axis);
  let results = (outs Asg_NumberTensor:$y);
  let assemblyFormat = "`axis` $axis attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def Asg_DimOp : Asg_PureOp<"dim"> {
  let summary = "an extent known at run time, as a scalar";
  let category = "layout";
  let formula = "y = expression of the run-time dims";
  let role = "The size of this batch or sequence, for means and positions.";
  let summaryRu = "размер, известный во время выполнения, как скаляр";
  let roleRu = "Размер этого пакета или последовательности, для средних и позиций.";
  let example = [{
    %y = asg.dim "2*n" : tensor<f32>
    %z = asg.neg %x : tensor<?xf32, #asg.dims<n>>
  }];
  let arguments = (ins StrAttr:$extent);
  let results = (outs Asg_NumberTensor:$y);
  let assemblyFormat = "$extent attr-dict `:` type($y)";
  let hasVerifier = 1;
}

#endif
