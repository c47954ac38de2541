//===- CpuBackend.h - Compiles and runs a module in this process ----------===//
#ifndef ASGC_TEST_OPS_CPUBACKEND_H
#define ASGC_TEST_OPS_CPUBACKEND_H

#include "asgc/Codegen.h"
#include "asgc/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>
#include <vector>

namespace asgc::test {

struct CpuOptions {
  /// Passes over asg before the plan is built: a textual pipeline such as
  /// "asg-differentiate,asg-simplify,asg-fuse"; may be empty.
  std::string asgPasses = "asg-pipeline";
  /// Passes over the plan after plan-build.
  std::string planPasses = "plan-select-kernels,plan-schedule,"
                           "plan-assign-memory,plan-verify";
  int32_t isa = -1; ///< ASGC_ISA_*; -1: the best this machine has
};

struct CpuRun {
  int32_t threads = 1;
  bool poison = false; ///< the arena, and dead buffers, are filled with NaN
};

/// The graphs of a module, compiled in this process.
class CpuProgram {
public:
  /// Null with a sentence in `error`. `source` stays as it is.
  static std::unique_ptr<CpuProgram> compile(mlir::ModuleOp source,
                                             const CpuOptions &options,
                                             std::string &error);
  ~CpuProgram();

  /// Outputs and the variables after a run that starts from `variables`; an entry of
  /// them missing is zero. Failure with a sentence in `error`.
  mlir::FailureOr<InterpreterResult>
  run(llvm::StringRef entry, llvm::ArrayRef<HostTensor> inputs,
      const Variables &variables, const CpuRun &options, std::string &error);

private:
  CpuProgram() = default;

  mlir::OwningOpRef<mlir::ModuleOp> source; // for the types of outputs
  std::unique_ptr<LoadedProgram> code;
  int32_t isa = 0;
};

/// Compiles `module`, which stays as it is, and runs its first graph. Failure with a
/// sentence in `error`.
mlir::FailureOr<InterpreterResult>
runOnCpu(mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
         const Variables &variables, const CpuOptions &options,
         std::string &error);

} // namespace asgc::test

#endif
