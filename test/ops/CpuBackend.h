//===- CpuBackend.h - Compiles and runs a module in this process ----------===//
#ifndef ASGC_TEST_OPS_CPUBACKEND_H
#define ASGC_TEST_OPS_CPUBACKEND_H

#include "asgc/HostTensor.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace asgc::test {

struct CpuOptions {
  /// Passes over asg before the plan is built: a textual pipeline such as
  /// "asg-differentiate,asg-simplify,asg-fuse"; may be empty.
  std::string asgPasses = "asg-pipeline";
  /// Passes over the plan after plan-build.
  std::string planPasses = "plan-schedule,plan-assign-memory";
  int32_t threads = 1;
  bool vulkan = false; ///< on a Vulkan device instead
  int32_t isa = -1;    ///< ASGC_ISA_*; -1: the best this machine has
  bool poison = false; ///< dead buffers are filled with NaN
};

/// Outputs of the only graph of `module`, which stays as it is. Failure with a
/// sentence in `error`.
mlir::FailureOr<std::vector<HostTensor>>
runOnCpu(mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
         const CpuOptions &options, std::string &error);

} // namespace asgc::test

#endif
