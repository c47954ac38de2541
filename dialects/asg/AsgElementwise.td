//===- AsgElementwise.td - One element at a time --------------------------===//
#ifndef ASG_ELEMENTWISE
#define ASG_ELEMENTWISE

include "dialects/asg/AsgBase.td"

/// `scalarFloat` and `scalarInt` name the arith or math op that a kernel applies
/// to each element; empty: C++ `buildScalar` in AsgElementwise.cpp, or, for
/// scalarInt, the op takes no integers.
class Asg_Elementwise<string mnemonic, dag args, list<Trait> traits = []>
    : Asg_DifferentiableOp<mnemonic, !listconcat(traits,
        [DeclareOpInterfaceMethods<Asg_ScalarInterface>])> {
  string scalarFloat = "";
  string scalarInt = "";
  let arguments = args;
}

class Asg_Unary<string mnemonic, TypeConstraint type = Asg_FloatTensor>
    : Asg_Elementwise<mnemonic, (ins type:$x), [SameOperandsAndResultType]> {
  let results = (outs type:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

class Asg_Binary<string mnemonic, TypeConstraint type = Asg_NumberTensor,
                 list<Trait> traits = []>
    : Asg_Elementwise<mnemonic, (ins type:$lhs, type:$rhs),
                      !listconcat(traits, [SameOperandsAndResultType])> {
  let results = (outs type:$y);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($y)";
}

//===- Arithmetic ---------------------------------------------------------===//

def Asg_AddOp : Asg_Binary<"add", Asg_NumberTensor, [Commutative]> {
  let summary = "sum of two tensors, element by element";
  let category = "arithmetic";
  let formula = "y = lhs + rhs";
  let scalarFloat = "arith.addf";
  let scalarInt = "arith.addi";
  let gradient = [(id $dy), (id $dy)];
}

def Asg_NegOp : Asg_Unary<"neg", Asg_NumberTensor> {
  let summary = "opposite of every element";
  let category = "arithmetic";
  let formula = "y = −x";
  let scalarFloat = "arith.negf";
  let gradient = [(Asg_NegOp $dy)];
}

def Asg_SubOp : Asg_Binary<"sub"> {
  let summary = "difference of two tensors, element by element";
  let category = "arithmetic";
  let formula = "y = lhs − rhs";
  let scalarFloat = "arith.subf";
  let scalarInt = "arith.subi";
  let gradient = [(id $dy), (Asg_NegOp $dy)];
}

def Asg_MulOp : Asg_Binary<"mul", Asg_NumberTensor, [Commutative]> {
  let summary = "product of two tensors, element by element";
  let category = "arithmetic";
  let formula = "y = lhs · rhs";
  let scalarFloat = "arith.mulf";
  let scalarInt = "arith.muli";
  let gradient = [(Asg_MulOp $dy, $rhs), (Asg_MulOp $dy, $lhs)];
}

def Asg_DivOp : Asg_Binary<"div"> {
  let summary = "quotient of two tensors, element by element; integers round towards zero, and x / 0 is 0 for them";
  let category = "arithmetic";
  let formula = "y = lhs / rhs";
  let domain = "0.5:2";
  let scalarFloat = "arith.divf";
  // dl = dy / r, dr = −dy · y / r.
  let gradient = [(Asg_DivOp $dy, $rhs),
                  (Asg_NegOp (Asg_DivOp (Asg_MulOp $dy, $y), $rhs))];
}

def Asg_ModOp : Asg_Binary<"mod"> {
  let summary = "floored remainder: the sign is the divisor's; integers give x mod 0 = 0";
  let category = "arithmetic";
  let formula = "y = lhs − ⌊lhs / rhs⌋ · rhs";
  let domain = "0.6:0.9";
}

def Asg_PowOp : Asg_Binary<"pow", Asg_FloatTensor> {
  let summary = "lhs to the power rhs";
  let category = "arithmetic";
  let formula = "y = lhs ^ rhs";
  let domain = "0.5:2";
  let scalarFloat = "math.powf";
}

def Asg_MinOp : Asg_Binary<"min"> {
  let summary = "smaller of two elements; NaN if either is";
  let category = "arithmetic";
  let formula = "y = min(lhs, rhs)";
  let scalarFloat = "arith.minimumf";
  let scalarInt = "arith.minsi";
}

def Asg_MaxOp : Asg_Binary<"max"> {
  let summary = "larger of two elements; NaN if either is";
  let category = "arithmetic";
  let formula = "y = max(lhs, rhs)";
  let scalarFloat = "arith.maximumf";
  let scalarInt = "arith.maxsi";
}

def Asg_SinOp : Asg_Unary<"sin"> {
  let summary = "sine of every element, in radians";
  let category = "arithmetic";
  let formula = "y = sin(x)";
  let scalarFloat = "math.sin";
}

def Asg_CosOp : Asg_Unary<"cos"> {
  let summary = "cosine of every element, in radians";
  let category = "arithmetic";
  let formula = "y = cos(x)";
  let scalarFloat = "math.cos";
  let gradient = [(Asg_NegOp (Asg_MulOp $dy, (Asg_SinOp $x)))];
}

def Asg_SignOp : Asg_Unary<"sign", Asg_NumberTensor> {
  let summary = "−1, 0 or 1 by the sign of every element";
  let category = "arithmetic";
  let formula = "y = sign(x)";
  let smooth = 0;
  let gradient = [(zero)];
}

def Asg_AbsOp : Asg_Unary<"abs", Asg_NumberTensor> {
  let summary = "absolute value of every element";
  let category = "arithmetic";
  let formula = "y = |x|";
  let domain = "0.5:2";
  let scalarFloat = "math.absf";
  let gradient = [(Asg_MulOp $dy, (Asg_SignOp $x))];
}

def Asg_ExpOp : Asg_Unary<"exp"> {
  let summary = "e to the power of every element";
  let category = "arithmetic";
  let formula = "y = eˣ";
  let scalarFloat = "math.exp";
  let gradient = [(Asg_MulOp $dy, $y)];
}

def Asg_Expm1Op : Asg_Unary<"expm1"> {
  let summary = "eˣ − 1, exact near zero";
  let category = "arithmetic";
  let formula = "y = eˣ − 1";
  let scalarFloat = "math.expm1";
  let gradient = [(Asg_MulOp $dy, (Asg_ExpOp $x))];
}

def Asg_LogOp : Asg_Unary<"log"> {
  let summary = "natural logarithm of every element";
  let category = "arithmetic";
  let formula = "y = ln(x)";
  let domain = "0.5:2";
  let scalarFloat = "math.log";
  let gradient = [(Asg_DivOp $dy, $x)];
}

def Asg_Log1pOp : Asg_Unary<"log1p"> {
  let summary = "ln(1 + x), exact near zero";
  let category = "arithmetic";
  let formula = "y = ln(1 + x)";
  let domain = "-0.5:2";
  let scalarFloat = "math.log1p";
  let gradient = [(Asg_DivOp $dy, (Asg_AddOp $x, (scalar "1.0", $x)))];
}

def Asg_SqrtOp : Asg_Unary<"sqrt"> {
  let summary = "square root of every element";
  let category = "arithmetic";
  let formula = "y = √x";
  let domain = "0.5:2";
  let scalarFloat = "math.sqrt";
  let gradient = [(Asg_DivOp (Asg_MulOp $dy, (scalar "0.5", $x)), $y)];
}

def Asg_RsqrtOp : Asg_Unary<"rsqrt"> {
  let summary = "one over the square root of every element";
  let category = "arithmetic";
  let formula = "y = 1 / √x";
  let domain = "0.5:2";
  let scalarFloat = "math.rsqrt";
  // dx = −dy · y³ / 2
  let gradient = [(Asg_MulOp (Asg_MulOp $dy, (scalar "-0.5", $x)),
                             (Asg_MulOp $y, (Asg_MulOp $y, $y)))];
}

def Asg_TanhOp : Asg_Unary<"tanh"> {
  let summary = "hyperbolic tangent of every element";
  let category = "activation";
  let formula = "y = tanh(x)";
  let scalarFloat = "math.tanh";
  // dx = dy · (1 − y²), written without a constant.
  let gradient = [(Asg_SubOp $dy, (Asg_MulOp (Asg_MulOp $dy, $y), $y))];
}

def Asg_ErfOp : Asg_Unary<"erf"> {
  let summary = "Gauss error function of every element";
  let category = "activation";
  let formula = "y = 2/√π · ∫₀ˣ e^(−t²) dt";
  let scalarFloat = "math.erf";
  // dx = dy · 2/√π · e^(−x²)
  let gradient = [(Asg_MulOp (Asg_MulOp $dy, (scalar "1.1283791670955126", $x)),
                             (Asg_ExpOp (Asg_NegOp (Asg_MulOp $x, $x))))];
}

def Asg_FloorOp : Asg_Unary<"floor"> {
  let summary = "largest whole number not above every element";
  let category = "arithmetic";
  let formula = "y = ⌊x⌋";
  let domain = "0.1:0.9";
  let smooth = 0;
  let scalarFloat = "math.floor";
  let gradient = [(zero)];
}

def Asg_CeilOp : Asg_Unary<"ceil"> {
  let summary = "smallest whole number not below every element";
  let category = "arithmetic";
  let formula = "y = ⌈x⌉";
  let domain = "0.1:0.9";
  let smooth = 0;
  let scalarFloat = "math.ceil";
  let gradient = [(zero)];
}

def Asg_RoundOp : Asg_Unary<"round"> {
  let summary = "nearest whole number of every element, halves to even";
  let category = "arithmetic";
  let formula = "y = round(x)";
  let domain = "0.1:0.4";
  let smooth = 0;
  let scalarFloat = "math.roundeven";
  let gradient = [(zero)];
}

//===- Bits and truth -----------------------------------------------------===//

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
  let scalarInt = "arith.andi";
}
def Asg_OrOp : Asg_Bitwise<"or"> {
  let summary = "logical or of bools, bitwise or of integers";
  let formula = "y = lhs ∨ rhs";
  let scalarInt = "arith.ori";
}
def Asg_XorOp : Asg_Bitwise<"xor"> {
  let summary = "exclusive or of bools, bitwise of integers";
  let formula = "y = lhs ⊕ rhs";
  let scalarInt = "arith.xori";
}
def Asg_NotOp : Asg_PureOp<"not", [SameOperandsAndResultType,
                           DeclareOpInterfaceMethods<Asg_ScalarInterface>]> {
  let summary = "logical not of bools, bitwise not of integers";
  let category = "comparison";
  let formula = "y = ¬x";
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
  let arguments = (ins Asg_Predicate:$predicate, Asg_Tensor:$lhs, Asg_Tensor:$rhs);
  let results = (outs Asg_BoolTensor:$y);
  let assemblyFormat = "$predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs)";
}

def Asg_SelectOp : Asg_Elementwise<"select",
    (ins Asg_BoolTensor:$condition, Asg_Tensor:$onTrue, Asg_Tensor:$onFalse),
    [AllTypesMatch<["onTrue", "onFalse", "y"]>]> {
  let summary = "one of two elements, by a truth value";
  let category = "comparison";
  let formula = "y = condition ? onTrue : onFalse";
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
  let results = (outs Asg_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Asg_StopGradientOp : Asg_Unary<"stop_gradient", Asg_Tensor> {
  let summary = "the value itself, through which no gradient flows";
  let category = "gradient";
  let formula = "y = x, dy/dx := 0";
  let smooth = 0;
  let gradient = [(zero)];
}

//===- Sources ------------------------------------------------------------===//

def Asg_ConstantOp : Asg_PureOp<"constant", [ConstantLike, AllTypesMatch<["value", "y"]>]> {
  let summary = "values known at compile time";
  let category = "structural";
  let formula = "y = value";
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
  let arguments = (ins I64Attr:$axis);
  let results = (outs Asg_NumberTensor:$y);
  let assemblyFormat = "`axis` $axis attr-dict `:` type($y)";
  let hasVerifier = 1;
}

def Asg_DimOp : Asg_PureOp<"dim"> {
  let summary = "an extent known at run time, as a scalar";
  let category = "layout";
  let formula = "y = expression of the run-time dims";
  let arguments = (ins StrAttr:$extent);
  let results = (outs Asg_NumberTensor:$y);
  let assemblyFormat = "$extent attr-dict `:` type($y)";
  let hasVerifier = 1;
}

#endif
