//===- Interpreter.h - The executable meaning of asg ----------------------===//
#ifndef ASGC_INTERPRETER_H
#define ASGC_INTERPRETER_H

#include "asgc/HostTensor.h"
#include "dialects/asg/Asg.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace asgc {

/// Values of variables, by name.
using Variables = std::map<std::string, HostTensor>;

struct InterpreterOptions {
  /// True: every result is rounded to its element type, as a backend stores it;
  /// sums are made in f64 all the same. False: floats stay exact f64 throughout
  /// (inputs and variables may then be f64, outputs are), for numeric gradients.
  bool roundToStorage = true;
  /// Values of run-time dims that no input binds.
  std::map<std::string, int64_t> dims;
  /// Keeps the value of every op, see InterpreterResult::values.
  bool keepValues = false;
  /// An op with more result elements or more steps than this is refused.
  int64_t maxElements = int64_t(1) << 28;
  int64_t maxSteps = int64_t(1) << 36;
  /// Steps of all loops, and branches, together.
  int64_t maxIterations = int64_t(1) << 20;
};

struct InterpreterResult {
  std::vector<HostTensor> outputs;
  /// The variables that the graph assigned.
  Variables assigned;
  /// With keepValues: every value inside the graph, in order of evaluation.
  std::vector<std::pair<mlir::Value, HostTensor>> values;
};

/// Evaluates `graph` (verified; with layers and fusions or without) on `inputs`,
/// in plain loops. `variables` must hold every variable that the graph reads.
///
/// Failure is reported as a diagnostic at the op or argument: a wrong input, a
/// missing variable, an extent that does not fit, an op too large, or
/// asg.gradient, which asg-differentiate expands first.
mlir::FailureOr<InterpreterResult>
interpret(asg::GraphOp graph, llvm::ArrayRef<HostTensor> inputs,
          const Variables &variables = {},
          const InterpreterOptions &options = {});

/// Evaluates one op on values of its operands; its regions see nothing outside.
mlir::FailureOr<std::vector<HostTensor>>
interpretOp(mlir::Operation *op, llvm::ArrayRef<HostTensor> operands,
            const InterpreterOptions &options = {});

/// The element type of a tensor of the dialect.
DType getDType(mlir::Type elementType);

} // namespace asgc

#endif
