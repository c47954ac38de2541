//===- AsgLogic.td - Truth values, choice, and element types --------------===//
#ifndef ASG_LOGIC
#define ASG_LOGIC

include "dialects/asg/AsgElementwise.td"

class Asg_Bitwise<string mnemonic>
    : Asg_PureOp<mnemonic, [SameOperandsAndResultType, Commutative,
                            DeclareOpInterfaceMethods<Asg_ScalarInterface>]> {
  string scalarFloat = "";
  string scalarInt = "";
  let category = "comparison";
  let arguments = (ins Asg_BitsTensor:$lhs, Asg_BitsTensor:$rhs);
  let results = (outs Asg_BitsTensor:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($y)";
}
def Asg_AndOp : Asg_Bitwise<"and"> {
  let summary = "logical and of bools, bitwise and of integers";
  let formula = "y = lhs ∧ rhs";
  let role = "Combines masks: valid and not padded.";
  let summaryRu = "логическое «и» булевых, побитовое — целых";
  let roleRu = "Соединяет маски: действительные и не дополнение.";
  let example = [{%y = asg.and %lhs, %rhs : tensor<4xi1>}];
  let cases = [
    [{%y = asg.and %lhs, %rhs : tensor<3xi32>}]];
  let scalarInt = "arith.andi";
}
def Asg_OrOp : Asg_Bitwise<"or"> {
  let summary = "logical or of bools, bitwise or of integers";
  let formula = "y = lhs ∨ rhs";
  let role = "Combines masks: either reason to hide an element.";
  let summaryRu = "логическое «или» булевых, побитовое — целых";
  let roleRu = "Соединяет маски: любая причина скрыть элемент.";
  let example = [{%y = asg.or %lhs, %rhs : tensor<4xi1>}];
  let cases = [
    [{%y = asg.or %lhs, %rhs : tensor<3xi8>}]];
  let scalarInt = "arith.ori";
}
def Asg_XorOp : Asg_Bitwise<"xor"> {
  let summary = "exclusive or of bools, bitwise of integers";
  let formula = "y = lhs ⊕ rhs";
  let role = "Where two masks differ.";
  let summaryRu = "исключающее «или» булевых, побитовое — целых";
  let roleRu = "Где две маски различаются.";
  let example = [{%y = asg.xor %lhs, %rhs : tensor<4xi1>}];
  let cases = [
    [{%y = asg.xor %lhs, %rhs : tensor<3xi64>}]];
  let scalarInt = "arith.xori";
}
def Asg_NotOp : Asg_PureOp<"not", [SameOperandsAndResultType,
                           DeclareOpInterfaceMethods<Asg_ScalarInterface>]> {
  let summary = "logical not of bools, bitwise not of integers";
  let category = "comparison";
  let formula = "y = ¬x";
  let role = "Turns a mask over.";
  let summaryRu = "логическое «не» булевых, побитовое — целых";
  let roleRu = "Обращает маску.";
  let example = [{%y = asg.not %x : tensor<4xi1>}];
  let cases = [
    [{%y = asg.not %x : tensor<3xi32>}]];
  let arguments = (ins Asg_BitsTensor:$x);
  let results = (outs Asg_BitsTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def Asg_Predicate : I32EnumAttr<"Predicate", "how two elements compare", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>,
    I32EnumAttrCase<"lt", 2>, I32EnumAttrCase<"le", 3>,
    I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]> {
  let cppNamespace = "::asgc::asg";
}

def Asg_CompareOp : Asg_PureOp<"compare", [SameTypeOperands, Asg_InferTypes,
                               DeclareOpInterfaceMethods<Asg_ScalarInterface>]> {
  let summary = "truth of a comparison, element by element; NaN compares only ne";
  let category = "comparison";
  let formula = "y = lhs ⋛ rhs";
  let role = "Makes masks: causal attention, correct predictions, active units.";
  let summaryRu = "истинность сравнения, поэлементно; NaN удовлетворяет только ne";
  let roleRu = "Строит маски: причинное внимание, верные предсказания, активные нейроны.";
  let example = [{%y = asg.compare gt, %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.compare le, %lhs, %rhs : tensor<4xi32>}],
    [{%y = asg.compare lt, %lhs, %rhs : tensor<4xi1>}]];
  let arguments = (ins Asg_Predicate:$predicate, Asg_Tensor:$lhs, Asg_Tensor:$rhs);
  let results = (outs Asg_BoolTensor:$y);
  let assemblyFormat = "$predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs)";
  let hasVerifier = 1;
  let extraClassDefinition = Asg_VerifyInferredTypes;
}

def Asg_SelectOp : Asg_Elementwise<"select",
    (ins Asg_BoolTensor:$condition, Asg_Tensor:$onTrue, Asg_Tensor:$onFalse),
    [AllTypesMatch<["onTrue", "onFalse", "y"]>]> {
  let summary = "one of two elements, by a truth value";
  let category = "comparison";
  let formula = "y = condition ? onTrue : onFalse";
  let role = "Applies a mask: rectifiers, causal attention, ignored labels.";
  let summaryRu = "один из двух элементов по булевому значению";
  let roleRu = "Применяет маску: выпрямители, причинное внимание, пропущенные метки.";
  let example = [{%y = asg.select %condition, %onTrue, %onFalse : tensor<2x3xi1>, tensor<2x3xf32>}];
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = [{
    $condition `,` $onTrue `,` $onFalse attr-dict `:` type($condition) `,` type($onTrue)
  }];
  let gradient = [(none),
      (Asg_SelectOp $condition, $dy, (scalar "0.0", $dy)),
      (Asg_SelectOp $condition, (scalar "0.0", $dy), $dy)];
  let hasVerifier = 1;
}

def Asg_CastOp : Asg_Elementwise<"cast", (ins Asg_Tensor:$x)> {
  let summary = "the same values in another element type; floats round to nearest even, and to integers towards zero, saturating, NaN to 0";
  let category = "arithmetic";
  let formula = "y = x";
  let role = "Changes precision: mixed precision, masks to numbers, counts to means.";
  let summaryRu = "те же значения в другом типе; числа с плавающей точкой округляются к ближайшему чётному, а в целые — к нулю с насыщением, NaN даёт 0";
  let roleRu = "Меняет точность: смешанная точность, маски в числа, счётчики в средние.";
  let example = [{%y = asg.cast %x : tensor<2x3xf32> to tensor<2x3xbf16>}];
  let cases = [
    [{%y = asg.cast %x : tensor<4xi1> to tensor<4xf32>}],
    [{%y = asg.cast %x : tensor<4xf32> to tensor<4xi8>}],
    [{%y = asg.cast %x : tensor<4xi32> to tensor<4xi8>}]];
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_StopGradientOp : Asg_Unary<"stop_gradient", Asg_Tensor> {
  let summary = "the value itself, through which no gradient flows";
  let category = "gradient";
  let formula = "y = x, dy/dx := 0";
  let role = "Freezes what is upstream: targets, moving averages, codebooks.";
  let summaryRu = "само значение, через которое градиент не течёт";
  let roleRu = "Замораживает то, что выше: цели, скользящие средние, кодовые книги.";
  let example = [{%y = asg.stop_gradient %x : tensor<2x3xf32>}];
  let smooth = 0;
  let gradient = [(zero)];
}

#endif
