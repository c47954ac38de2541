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
  let role = "Joins two signals: a bias, a residual connection, the terms of a loss.";
  let summaryRu = "сумма двух тензоров, поэлементно";
  let roleRu = "Соединяет два сигнала: смещение, остаточную связь, слагаемые потерь.";
  let example = [{%y = asg.add %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.add %lhs, %rhs : tensor<3xi32>}]];
  let scalarFloat = "arith.addf";
  let scalarInt = "arith.addi";
  let gradient = [(id $dy), (id $dy)];
}

def Asg_NegOp : Asg_Unary<"neg", Asg_NumberTensor> {
  let summary = "opposite of every element";
  let category = "arithmetic";
  let formula = "y = −x";
  let role = "Turns a likelihood into a loss, or a step uphill into one downhill.";
  let summaryRu = "противоположное число для каждого элемента";
  let roleRu = "Превращает правдоподобие в потери, а шаг вверх — в шаг вниз.";
  let example = [{%y = asg.neg %x : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.neg %x : tensor<3xi8>}]];
  let scalarFloat = "arith.negf";
  let gradient = [(Asg_NegOp $dy)];
}

def Asg_SubOp : Asg_Binary<"sub"> {
  let summary = "difference of two tensors, element by element";
  let category = "arithmetic";
  let formula = "y = lhs − rhs";
  let role = "The error of a prediction, a centred signal, the step of an optimizer.";
  let summaryRu = "разность двух тензоров, поэлементно";
  let roleRu = "Ошибка предсказания, центрированный сигнал, шаг оптимизатора.";
  let example = [{%y = asg.sub %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.sub %lhs, %rhs : tensor<3xi64>}]];
  let scalarFloat = "arith.subf";
  let scalarInt = "arith.subi";
  let gradient = [(id $dy), (Asg_NegOp $dy)];
}

def Asg_MulOp : Asg_Binary<"mul", Asg_NumberTensor, [Commutative]> {
  let summary = "product of two tensors, element by element";
  let category = "arithmetic";
  let formula = "y = lhs · rhs";
  let role = "Scales and gates: learned scales, dropout masks, attention weights, decay.";
  let summaryRu = "произведение двух тензоров, поэлементно";
  let roleRu = "Масштабирует и пропускает: обучаемые множители, маски dropout, веса внимания, затухание.";
  let example = [{%y = asg.mul %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.mul %lhs, %rhs : tensor<3xi32>}]];
  let scalarFloat = "arith.mulf";
  let scalarInt = "arith.muli";
  let gradient = [(Asg_MulOp $dy, $rhs), (Asg_MulOp $dy, $lhs)];
}

def Asg_DivOp : Asg_Binary<"div"> {
  let summary = "quotient of two tensors, element by element; integers round towards zero, and x / 0 is 0 for them";
  let category = "arithmetic";
  let formula = "y = lhs / rhs";
  let role = "Normalizes: a mean from a sum, softmax from exponentials, a step from its variance.";
  let summaryRu = "частное двух тензоров, поэлементно; целые округляются к нулю, и x / 0 для них равно 0";
  let roleRu = "Нормирует: среднее из суммы, softmax из экспонент, шаг из дисперсии.";
  let example = [{%y = asg.div %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.div %lhs, %rhs : tensor<3xi32>}]];
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
  let role = "Wraps positions and counters around, such as the phase of a schedule.";
  let summaryRu = "остаток с округлением вниз: знак как у делителя; для целых x mod 0 = 0";
  let roleRu = "Замыкает позиции и счётчики по кругу, например фазу расписания.";
  let example = [{%y = asg.mod %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.mod %lhs, %rhs : tensor<3xi32>}]];
  let domain = "0.6:0.9";
}

def Asg_PowOp : Asg_Binary<"pow", Asg_FloatTensor> {
  let summary = "lhs to the power rhs";
  let category = "arithmetic";
  let formula = "y = lhs ^ rhs";
  let role = "Decay over steps, polynomial schedules, bias correction of moments.";
  let summaryRu = "lhs в степени rhs";
  let roleRu = "Затухание по шагам, полиномиальные расписания, поправка моментов.";
  let example = [{%y = asg.pow %lhs, %rhs : tensor<2x3xf32>}];
  let domain = "0.5:2";
  let scalarFloat = "math.powf";
}

def Asg_MinOp : Asg_Binary<"min"> {
  let summary = "smaller of two elements; NaN if either is";
  let category = "arithmetic";
  let formula = "y = min(lhs, rhs)";
  let role = "Clips from above.";
  let summaryRu = "меньший из двух элементов; NaN, если хотя бы один NaN";
  let roleRu = "Ограничивает сверху.";
  let example = [{%y = asg.min %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.min %lhs, %rhs : tensor<3xi32>}]];
  let scalarFloat = "arith.minimumf";
  let scalarInt = "arith.minsi";
}

def Asg_MaxOp : Asg_Binary<"max"> {
  let summary = "larger of two elements; NaN if either is";
  let category = "arithmetic";
  let formula = "y = max(lhs, rhs)";
  let role = "Clips from below; a rectifier is max(x, 0).";
  let summaryRu = "больший из двух элементов; NaN, если хотя бы один NaN";
  let roleRu = "Ограничивает снизу; выпрямитель — это max(x, 0).";
  let example = [{%y = asg.max %lhs, %rhs : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.max %lhs, %rhs : tensor<3xi32>}]];
  let scalarFloat = "arith.maximumf";
  let scalarInt = "arith.maxsi";
}

def Asg_SinOp : Asg_Unary<"sin"> {
  let summary = "sine of every element, in radians";
  let category = "arithmetic";
  let formula = "y = sin(x)";
  let role = "Encodes positions and time by waves.";
  let summaryRu = "синус каждого элемента, в радианах";
  let roleRu = "Кодирует позиции и время волнами.";
  let example = [{%y = asg.sin %x : tensor<2x3xf32>}];
  let scalarFloat = "math.sin";
}

def Asg_CosOp : Asg_Unary<"cos"> {
  let summary = "cosine of every element, in radians";
  let category = "arithmetic";
  let formula = "y = cos(x)";
  let role = "Encodes positions and time by waves; cosine schedules.";
  let summaryRu = "косинус каждого элемента, в радианах";
  let roleRu = "Кодирует позиции и время волнами; косинусные расписания.";
  let example = [{%y = asg.cos %x : tensor<2x3xf32>}];
  let scalarFloat = "math.cos";
  let gradient = [(Asg_NegOp (Asg_MulOp $dy, (Asg_SinOp $x)))];
}

def Asg_SignOp : Asg_Unary<"sign", Asg_NumberTensor> {
  let summary = "−1, 0 or 1 by the sign of every element";
  let category = "arithmetic";
  let formula = "y = sign(x)";
  let role = "Keeps the direction and drops the size, as in sign descent.";
  let summaryRu = "−1, 0 или 1 по знаку каждого элемента";
  let roleRu = "Оставляет направление и отбрасывает величину, как в знаковом спуске.";
  let example = [{%y = asg.sign %x : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.sign %x : tensor<3xi32>}]];
  let smooth = 0;
  let gradient = [(zero)];
}

def Asg_AbsOp : Asg_Unary<"abs", Asg_NumberTensor> {
  let summary = "absolute value of every element";
  let category = "arithmetic";
  let formula = "y = |x|";
  let role = "Absolute errors and sparse penalties.";
  let summaryRu = "модуль каждого элемента";
  let roleRu = "Абсолютные ошибки и штрафы за разреженность.";
  let example = [{%y = asg.abs %x : tensor<2x3xf32>}];
  let cases = [
    [{%y = asg.abs %x : tensor<3xi32>}]];
  let domain = "0.5:2";
  let scalarFloat = "math.absf";
  let gradient = [(Asg_MulOp $dy, (Asg_SignOp $x))];
}

def Asg_ExpOp : Asg_Unary<"exp"> {
  let summary = "e to the power of every element";
  let category = "arithmetic";
  let formula = "y = eˣ";
  let role = "Turns scores into positive weights: softmax, log-probabilities back to probabilities.";
  let summaryRu = "e в степени каждого элемента";
  let roleRu = "Превращает оценки в положительные веса: softmax, вероятности из логарифмов.";
  let example = [{%y = asg.exp %x : tensor<2x3xf32>}];
  let scalarFloat = "math.exp";
  let gradient = [(Asg_MulOp $dy, $y)];
}

def Asg_Expm1Op : Asg_Unary<"expm1"> {
  let summary = "eˣ − 1, exact near zero";
  let category = "arithmetic";
  let formula = "y = eˣ − 1";
  let role = "The exponential of small numbers, as in ELU and SELU.";
  let summaryRu = "eˣ − 1, точно вблизи нуля";
  let roleRu = "Экспонента малых чисел, как в ELU и SELU.";
  let example = [{%y = asg.expm1 %x : tensor<2x3xf32>}];
  let scalarFloat = "math.expm1";
  let gradient = [(Asg_MulOp $dy, (Asg_ExpOp $x))];
}

def Asg_LogOp : Asg_Unary<"log"> {
  let summary = "natural logarithm of every element";
  let category = "arithmetic";
  let formula = "y = ln(x)";
  let role = "Turns probabilities into losses.";
  let summaryRu = "натуральный логарифм каждого элемента";
  let roleRu = "Превращает вероятности в потери.";
  let example = [{%y = asg.log %x : tensor<2x3xf32>}];
  let domain = "0.5:2";
  let scalarFloat = "math.log";
  let gradient = [(Asg_DivOp $dy, $x)];
}

def Asg_Log1pOp : Asg_Unary<"log1p"> {
  let summary = "ln(1 + x), exact near zero";
  let category = "arithmetic";
  let formula = "y = ln(1 + x)";
  let role = "Softplus and binary cross-entropy without loss of digits.";
  let summaryRu = "ln(1 + x), точно вблизи нуля";
  let roleRu = "Softplus и двоичная кросс-энтропия без потери знаков.";
  let example = [{%y = asg.log1p %x : tensor<2x3xf32>}];
  let domain = "-0.5:2";
  let scalarFloat = "math.log1p";
  let gradient = [(Asg_DivOp $dy, (Asg_AddOp $x, (scalar "1.0", $x)))];
}

def Asg_SqrtOp : Asg_Unary<"sqrt"> {
  let summary = "square root of every element";
  let category = "arithmetic";
  let formula = "y = √x";
  let role = "Deviations from variances, norms from sums of squares.";
  let summaryRu = "квадратный корень каждого элемента";
  let roleRu = "Отклонения из дисперсий, нормы из сумм квадратов.";
  let example = [{%y = asg.sqrt %x : tensor<2x3xf32>}];
  let domain = "0.5:2";
  let scalarFloat = "math.sqrt";
  let gradient = [(Asg_DivOp (Asg_MulOp $dy, (scalar "0.5", $x)), $y)];
}

def Asg_RsqrtOp : Asg_Unary<"rsqrt"> {
  let summary = "one over the square root of every element";
  let category = "arithmetic";
  let formula = "y = 1 / √x";
  let role = "Divides by a deviation: layer, batch and RMS normalization.";
  let summaryRu = "единица, делённая на квадратный корень каждого элемента";
  let roleRu = "Деление на отклонение: нормализация слоя, пакета и RMS.";
  let example = [{%y = asg.rsqrt %x : tensor<2x3xf32>}];
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
  let role = "Squashes a signal into (−1, 1); the gate of recurrent cells, and part of GELU's approximation.";
  let summaryRu = "гиперболический тангенс каждого элемента";
  let roleRu = "Сжимает сигнал в (−1, 1); вентиль рекуррентных ячеек и часть приближения GELU.";
  let example = [{%y = asg.tanh %x : tensor<2x3xf32>}];
  let scalarFloat = "math.tanh";
  // dx = dy · (1 − y²), written without a constant.
  let gradient = [(Asg_SubOp $dy, (Asg_MulOp (Asg_MulOp $dy, $y), $y))];
}

def Asg_ErfOp : Asg_Unary<"erf"> {
  let summary = "Gauss error function of every element";
  let category = "activation";
  let formula = "y = 2/√π · ∫₀ˣ e^(−t²) dt";
  let role = "The exact GELU: how likely a normal variable stays below x.";
  let summaryRu = "функция ошибок Гаусса для каждого элемента";
  let roleRu = "Точный GELU: вероятность того, что нормальная величина меньше x.";
  let example = [{%y = asg.erf %x : tensor<2x3xf32>}];
  let scalarFloat = "math.erf";
  // dx = dy · 2/√π · e^(−x²)
  let gradient = [(Asg_MulOp (Asg_MulOp $dy, (scalar "1.1283791670955126", $x)),
                             (Asg_ExpOp (Asg_NegOp (Asg_MulOp $x, $x))))];
}

def Asg_FloorOp : Asg_Unary<"floor"> {
  let summary = "largest whole number not above every element";
  let category = "arithmetic";
  let formula = "y = ⌊x⌋";
  let role = "Quantizes; bins positions and steps.";
  let summaryRu = "наибольшее целое, не превосходящее элемент";
  let roleRu = "Квантует; раскладывает позиции и шаги по корзинам.";
  let example = [{%y = asg.floor %x : tensor<2x3xf32>}];
  let domain = "0.1:0.9";
  let smooth = 0;
  let scalarFloat = "math.floor";
  let gradient = [(zero)];
}

def Asg_CeilOp : Asg_Unary<"ceil"> {
  let summary = "smallest whole number not below every element";
  let category = "arithmetic";
  let formula = "y = ⌈x⌉";
  let role = "Counts the blocks that hold so many elements.";
  let summaryRu = "наименьшее целое, не меньшее элемента";
  let roleRu = "Считает блоки, вмещающие столько элементов.";
  let example = [{%y = asg.ceil %x : tensor<2x3xf32>}];
  let domain = "0.1:0.9";
  let smooth = 0;
  let scalarFloat = "math.ceil";
  let gradient = [(zero)];
}

def Asg_RoundOp : Asg_Unary<"round"> {
  let summary = "nearest whole number of every element, halves to even";
  let category = "arithmetic";
  let formula = "y = round(x)";
  let role = "Quantizes to the nearest level.";
  let summaryRu = "ближайшее целое, половины — к чётному";
  let roleRu = "Квантует к ближайшему уровню.";
  let example = [{%y = asg.round %x : tensor<2x3xf32>}];
  let domain = "0.1:0.4";
  let smooth = 0;
  let scalarFloat = "math.roundeven";
  let gradient = [(zero)];
}

#endif
