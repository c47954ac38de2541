//===- Relu.h - The rectifier and its gradient ----------------------------===//
#ifndef ASGC_PASSES_ASG_RELU_H
#define ASGC_PASSES_ASG_RELU_H

#include "dialects/asg/Asg.h"

namespace asgc {

/// The select that makes `y`, if that is x <= 0 ? 0 : x for some x; else null.
asg::SelectOp getReluSelect(mlir::Value y);

/// x <= 0 ? 0 : x, if that and the question x <= 0 are all that needs `x`; null
/// otherwise. Others may ask that question, too.
asg::SelectOp findReluSelect(mlir::Value x);

/// Lets gradients of rectifiers ask what is kept anyway instead of the answers
/// to x <= 0 at each element: y or, behind a max pooling, what that gave.
void askWhatIsKept(asg::GraphOp graph);

} // namespace asgc

#endif
