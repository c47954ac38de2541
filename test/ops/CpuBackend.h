//===- CpuBackend.h - Compiles and runs a module in this process ----------===//
#ifndef ASGC_TEST_OPS_CPUBACKEND_H
#define ASGC_TEST_OPS_CPUBACKEND_H

#include "asgc/Codegen.h"
#include "asgc/Interpreter.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"

#include <memory>
#include <string>
#include <vector>

namespace asgc::test {

struct CpuOptions {
  /// Appended to the names of the graphs, where several pipelines share a
  /// program.
  std::string suffix;
  /// Passes over asg before the plan is built: a textual pipeline such as
  /// "asg-differentiate,asg-simplify,asg-fuse"; may be empty.
  std::string asgPasses = "asg-pipeline";
  /// Passes over the plan after plan-build.
  std::string planPasses = "plan-select-kernels,plan-schedule,"
                           "plan-assign-memory,plan-verify";
  int32_t isa = -1;    ///< ASGC_ISA_*; -1: the best this machine has
  bool vulkan = false; ///< for a Vulkan device instead
  DeviceOptions device;
};

struct CpuRun {
  /// More than one share every kernel, also one that is not worth it.
  int32_t threads = 1;
  bool poison = false; ///< the arena, and dead buffers, are filled with NaN

  bool operator==(const CpuRun &) const = default;
};

/// What a module becomes.
struct CompiledObject {
  std::string bytes; ///< a relocatable object that defines `<name>_program`
  /// The entry of each graph: its name and a pipeline's suffix. Graphs of which
  /// pipelines make the same plan share one.
  llvm::StringMap<std::string> entryOf;
};

/// The graphs of `source`, which stays as it is, by several pipelines, for the
/// first one's isa and device. Failure with a sentence in `error`.
mlir::FailureOr<CompiledObject>
compileObject(mlir::ModuleOp source, llvm::ArrayRef<CpuOptions> pipelines,
              const std::string &name, std::string &error);

/// The graphs of a module, compiled in this process.
class CpuProgram {
public:
  /// Null with a sentence in `error`. `source` stays as it is.
  static std::unique_ptr<CpuProgram>
  compile(mlir::ModuleOp source, const CpuOptions &options, std::string &error);
  /// The same graphs by several pipelines, for the first one's isa and device.
  /// Equal kernels are compiled once.
  static std::unique_ptr<CpuProgram>
  compile(mlir::ModuleOp source, llvm::ArrayRef<CpuOptions> pipelines,
          std::string &error);
  ~CpuProgram();

  /// Outputs and the variables after a run of a graph (its name and a
  /// pipeline's suffix) that starts from `variables`; what is missing of them
  /// is zero. Failure with a sentence in `error`.
  mlir::FailureOr<InterpreterResult>
  run(llvm::StringRef entry, llvm::ArrayRef<HostTensor> inputs,
      const Variables &variables, const CpuRun &options, std::string &error);

private:
  struct Session;

  CpuProgram();

  mlir::OwningOpRef<mlir::ModuleOp> source;
  /// By the name of a graph and a suffix: the graph, for the types of outputs;
  /// what was compiled of it.
  llvm::StringMap<asg::GraphOp> graphs;
  llvm::StringMap<std::string> entryOf;
  std::unique_ptr<LoadedProgram> code;
  /// Of the last run; the next one takes it over if its options are the same.
  std::unique_ptr<Session> session;
  int32_t isa = 0;
  bool vulkan = false;
};

/// The first graph that is no body of another; null if there is none.
asg::GraphOp firstEntry(mlir::ModuleOp module);

/// Compiles `module`, which stays as it is, and runs that graph. Failure
/// with a sentence in `error`.
mlir::FailureOr<InterpreterResult> runOnCpu(mlir::ModuleOp module,
                                            llvm::ArrayRef<HostTensor> inputs,
                                            const Variables &variables,
                                            const CpuOptions &options,
                                            std::string &error);

} // namespace asgc::test

#endif
