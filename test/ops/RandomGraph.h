//===- RandomGraph.h - Valid graphs by the hundred ------------------------===//
#ifndef ASGC_TEST_OPS_RANDOMGRAPH_H
#define ASGC_TEST_OPS_RANDOMGRAPH_H

#include "asgc/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace asgc::test {

struct RandomGraphOptions {
  int64_t ops = 14;         ///< drawn ops; each is one to five of the dialect
  bool wantsGradient = true; ///< also outputs d loss / d input (asg.gradient)
};

/// A module with one verified graph `@main`, the same for the same seed: inputs
/// of several shapes and types (some with the run-time dim `n`, bound 9), ops of
/// every family over them, and as outputs some of the values, a scalar loss, and
/// its gradients.
///
/// Values stay within about ±4, and ops with jumps (floor, compare, argmax) see
/// inputs only, so that two correct evaluations in f32 agree closely.
mlir::OwningOpRef<mlir::ModuleOp>
makeRandomGraph(mlir::MLIRContext &context, uint64_t seed,
                const RandomGraphOptions &options = {});

/// Inputs for it: floats in [-1, 1] as multiples of 1/64, so that comparisons
/// and roundings of them are exact; indices in range. The dim `n` is 5.
std::vector<HostTensor> drawRandomInputs(asg::GraphOp graph, uint64_t seed);

} // namespace asgc::test

#endif
