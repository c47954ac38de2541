//===- AsgReduction.td - Many elements to one -----------------------------===//
#ifndef ASG_REDUCTION
#define ASG_REDUCTION

include "dialects/asg/AsgBase.td"

/// Reduces the dims in `axes` (sorted, distinct, each in [0, rank)) and drops
/// them from the shape. Without axes it is the identity.
class Asg_Reduce<string mnemonic, TypeConstraint type = Asg_NumberTensor>
    : Asg_DifferentiableOp<mnemonic, [Asg_InferTypes]> {
  let category = "reduction";
  let arguments = (ins type:$x, DenseI64ArrayAttr:$axes);
  let results = (outs type:$y);
  let assemblyFormat = "$x `axes` $axes attr-dict `:` functional-type(operands, results)";
}

def Asg_ReduceSumOp : Asg_Reduce<"reduce_sum"> {
  let summary = "sum over some axes";
  let formula = "y = Σ x";
}
def Asg_ReduceProdOp : Asg_Reduce<"reduce_prod"> {
  let summary = "product over some axes";
  let formula = "y = Π x";
  let smooth = 0; // the rule is exact, zeros included, but built with select
}
def Asg_ReduceMaxOp : Asg_Reduce<"reduce_max"> {
  let summary = "largest element over some axes; NaN if any is; its gradient is shared evenly by equal maxima";
  let formula = "y = max x";
  let smooth = 0;
}
def Asg_ReduceMinOp : Asg_Reduce<"reduce_min"> {
  let summary = "smallest element over some axes; NaN if any is; its gradient is shared evenly by equal minima";
  let formula = "y = min x";
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
}
def Asg_ArgMinOp : Asg_ArgReduce<"arg_min"> {
  let summary = "index of the first smallest element along an axis, which is dropped; a NaN counts as smallest";
  let formula = "y = argminᵢ x[…, i, …]";
}

#endif
