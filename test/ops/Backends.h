//===- Backends.h - Whatever else can run a module, for parity ------------===//
#ifndef ASGC_TEST_OPS_BACKENDS_H
#define ASGC_TEST_OPS_BACKENDS_H

#include "asgc/Interpreter.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>
#include <vector>

namespace asgc::test {

/// Runs the first graph of a module; failure with a sentence in `error`.
struct Backend {
  std::string name;
  std::function<mlir::FailureOr<InterpreterResult>(
      mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
      const Variables &variables, std::string &error)>
      run;
  /// What results may differ by from the interpreter's, relative to the largest
  /// element: kernels of f32 sum in another order.
  double tolerance = 1e-5;
  /// Makes fusions itself, and so takes none.
  bool fuses = false;
  /// What an error says that refuses what the backend is known not to do yet; such
  /// an example is listed and not counted. Empty: the backend does everything.
  std::string lack;
};

/// The backends that this build has.
const std::vector<Backend> &allBackends();

} // namespace asgc::test

#endif
