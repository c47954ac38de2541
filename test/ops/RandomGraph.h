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

/// A module with one verified graph `@main` and its variables, the same for the same
/// seed: inputs of several shapes and of all element types of the backends (some with
/// the run-time dim `n`, bound 9, one without elements), ops of every family over them,
/// now and then in an asg.layer, and as outputs some of the values, two scalar losses,
/// and their gradients. It assigns some of its variables.
///
/// Values stay within about ±4, and ops with jumps (floor, compare, argmax) see
/// inputs only, so that two correct evaluations in f32 agree closely.
mlir::OwningOpRef<mlir::ModuleOp>
makeRandomGraph(mlir::MLIRContext &context, uint64_t seed,
                const RandomGraphOptions &options = {});

/// Inputs for it: floats in [-1, 1] as multiples of 1/64, so that comparisons and
/// roundings of them are exact; small integers, some of them no valid index. The dim `n`
/// is 1, 2, 5, 7 or 9, by the seed.
std::vector<HostTensor> drawRandomInputs(asg::GraphOp graph, uint64_t seed);

/// Values for its variables, drawn alike.
Variables drawRandomVariables(mlir::ModuleOp module, uint64_t seed);

/// The seeds [first, last) that a test is to take: [0, count), or what the environment
/// variable ASGC_RANDOM_GRAPHS says, a count or FIRST:LAST.
std::pair<uint64_t, uint64_t> randomGraphRange(uint64_t count);

} // namespace asgc::test

#endif
