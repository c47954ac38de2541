//===- SemanticsCheck.h - Whether passes keep what a graph computes -------===//
#ifndef ASGC_SEMANTICSCHECK_H
#define ASGC_SEMANTICSCHECK_H

#include "asgc/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassInstrumentation.h"

#include <memory>

namespace asgc {

/// What two versions of a graph do not agree on.
struct SemanticsDifference {
  /// "output 'y' is 1.5 at [0, 3], was 2".
  std::string message;
  /// The first op of the later version whose values no op of the same source place
  /// had in the earlier one; null if none is known.
  mlir::Operation *op = nullptr;
};

/// Interprets both graphs, in f64, on the same random inputs and variables: floats in
/// [−1, 1], small whole numbers, run-time dims of a few elements unless the later
/// version has numbers for them. Each must be free of asg.gradient.
///
/// Null if they agree; failure, with diagnostics, if one cannot be interpreted.
mlir::FailureOr<std::optional<SemanticsDifference>>
compareSemantics(asg::GraphOp before, asg::GraphOp after, uint64_t seed);

/// Compares the module before and after each pass and emits an error that names the
/// first pass, graph and op that differ; `*failed` is then true. Graphs with
/// asg.gradient are compared after a copy has been differentiated.
std::unique_ptr<mlir::PassInstrumentation>
createSemanticsCheck(uint64_t seed, std::shared_ptr<bool> failed);

} // namespace asgc

#endif
