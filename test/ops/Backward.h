//===- Backward.h - Cotangents through a block, for tests -----------------===//
#ifndef ASGC_TEST_OPS_BACKWARD_H
#define ASGC_TEST_OPS_BACKWARD_H

#include "dialects/asg/Asg.h"

namespace asgc::test {

/// Builds the gradients of the scalar `loss` with respect to `wrt`, in front of `before`
/// or else at the end of their block (before its terminator), by every op's own rule. Null where the
/// loss does not depend on the value, or its derivative is zero.
///
/// Independent of the compiler's pass, so that a fault of one is not shared.
llvm::SmallVector<mlir::Value> buildBackward(mlir::Value loss,
                                             llvm::ArrayRef<mlir::Value> wrt,
                                             mlir::Operation *before = nullptr);

/// Replaces every asg.gradient of the graph, in which no layer is left then.
void expandGradients(asg::GraphOp graph);

/// Adds inputs that weigh every float output, and returns Σ weight · output.
/// Null if no output is of floats.
mlir::Value buildWeightedSum(asg::GraphOp graph);

/// Makes `values` the outputs of the graph.
void setOutputs(asg::GraphOp graph, llvm::ArrayRef<mlir::Value> values);

} // namespace asgc::test

#endif
