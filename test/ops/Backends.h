//===- Backends.h - Whatever else can run a module, for parity ------------===//
#ifndef ASGC_TEST_OPS_BACKENDS_H
#define ASGC_TEST_OPS_BACKENDS_H

#include "asgc/HostTensor.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>
#include <vector>

namespace asgc::test {

/// Runs the only graph of a module on `inputs`; failure with a sentence in
/// `error`.
struct Backend {
  std::string name;
  std::function<mlir::FailureOr<std::vector<HostTensor>>(
      mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
      std::string &error)>
      run;
  /// What results may differ by from the interpreter's, relative to the largest
  /// element: kernels of f32 sum in another order.
  double tolerance = 1e-5;
};

/// The backends that this build has.
const std::vector<Backend> &allBackends();

} // namespace asgc::test

#endif
