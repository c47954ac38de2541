//===- AsgReduction.td - Many elements to one -----------------------------===//
#ifndef ASG_REDUCTION
#define ASG_REDUCTION

include "dialects/asg/AsgBase.td"

/// Reduces the dims in `axes` (sorted, distinct, each in [0, rank)) and drops
/// them from the shape. Without axes it is the identity.
class Asg_Reduce<string mnemonic, TypeConstraint type = Asg_NumberTensor>
    : Asg_InferredOp<mnemonic> {
  let category = "reduction";
  let arguments = (ins type:$x, DenseI64ArrayAttr:$axes);
  let results = (outs type:$y);
  let assemblyFormat = "$x `axes` $axes attr-dict `:` functional-type(operands, results)";
}

def Asg_ReduceSumOp : Asg_Reduce<"reduce_sum"> {
  let summary = "sum over some axes";
  let formula = "y = Σ x";
  let role = "Means, norms, losses over a batch; the gradient of a bias.";
  let summaryRu = "сумма по нескольким осям";
  let roleRu = "Средние, нормы, потери по пакету; градиент смещения.";
  let example = [{%y = asg.reduce_sum %x axes [1] : (tensor<2x3xf32>) -> tensor<2xf32>}];
  let cases = [
    [{%y = asg.reduce_sum %x axes [0, 2] : (tensor<2x3x4xf32>) -> tensor<3xf32>}],
    [{%y = asg.reduce_sum %x axes [] : (tensor<3xf32>) -> tensor<3xf32>}],
    [{%y = asg.reduce_sum %x axes [0] : (tensor<?x3xf32, #asg.dims<n, 3>>) -> tensor<3xf32>}]];
}
def Asg_ReduceProdOp : Asg_Reduce<"reduce_prod"> {
  let summary = "product over some axes";
  let formula = "y = Π x";
  let role = "Joint probabilities, volumes of boxes.";
  let summaryRu = "произведение по нескольким осям";
  let roleRu = "Совместные вероятности, объёмы.";
  let example = [{%y = asg.reduce_prod %x axes [1] : (tensor<2x3xf32>) -> tensor<2xf32>}];
  let cases = [
    [{%y = asg.reduce_prod %x axes [0] : (tensor<3xi32>) -> tensor<i32>}]];
  let smooth = 0; // the rule is exact, zeros included, but built with select
}
def Asg_ReduceMaxOp : Asg_Reduce<"reduce_max"> {
  let summary = "largest element over some axes; NaN if any is; its gradient is shared evenly by equal maxima";
  let formula = "y = max x";
  let role = "The largest score: a stable softmax, global max pooling.";
  let summaryRu = "наибольший элемент по нескольким осям; NaN, если есть NaN; градиент делится поровну между равными максимумами";
  let roleRu = "Наибольшая оценка: устойчивый softmax, глобальный max-пулинг.";
  let example = [{%y = asg.reduce_max %x axes [1] : (tensor<2x3xf32>) -> tensor<2xf32>}];
  let cases = [
    [{%y = asg.reduce_max %x axes [0, 1] : (tensor<2x3xi32>) -> tensor<i32>}]];
  let smooth = 0;
}
def Asg_ReduceMinOp : Asg_Reduce<"reduce_min"> {
  let summary = "smallest element over some axes; NaN if any is; its gradient is shared evenly by equal minima";
  let formula = "y = min x";
  let role = "The smallest distance or score.";
  let summaryRu = "наименьший элемент по нескольким осям; NaN, если есть NaN; градиент делится поровну между равными минимумами";
  let roleRu = "Наименьшее расстояние или оценка.";
  let example = [{%y = asg.reduce_min %x axes [1] : (tensor<2x3xf32>) -> tensor<2xf32>}];
  let smooth = 0;
}

class Asg_ArgReduce<string mnemonic> : Asg_PureOp<mnemonic> {
  let category = "indexing";
  let arguments = (ins Asg_NumberTensor:$x, I64Attr:$axis);
  let results = (outs Asg_IndexTensor:$y);
  let assemblyFormat = "$x `axis` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Asg_ArgMaxOp : Asg_ArgReduce<"arg_max"> {
  let summary = "index of the first largest element along an axis, which is dropped; a NaN counts as largest";
  let formula = "y = argmaxᵢ x[…, i, …]";
  let role = "The predicted class.";
  let summaryRu = "индекс первого наибольшего элемента вдоль оси, которая исчезает; NaN считается наибольшим";
  let roleRu = "Предсказанный класс.";
  let example = [{%y = asg.arg_max %x axis 1 : (tensor<2x3xf32>) -> tensor<2xi64>}];
  let cases = [
    [{%y = asg.arg_max %x axis 0 : (tensor<4xi32>) -> tensor<i32>}]];
}
def Asg_ArgMinOp : Asg_ArgReduce<"arg_min"> {
  let summary = "index of the first smallest element along an axis, which is dropped; a NaN counts as smallest";
  let formula = "y = argminᵢ x[…, i, …]";
  let role = "The nearest of several choices, such as a codebook entry.";
  let summaryRu = "индекс первого наименьшего элемента вдоль оси, которая исчезает; NaN считается наименьшим";
  let roleRu = "Ближайший из нескольких вариантов, например запись кодовой книги.";
  let example = [{%y = asg.arg_min %x axis 0 : (tensor<2x3xf32>) -> tensor<3xi32>}];
}

#endif
