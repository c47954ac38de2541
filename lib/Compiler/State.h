//===- State.h - What a compilation holds ---------------------------------===//
#ifndef ASGC_LIB_COMPILER_STATE_H
#define ASGC_LIB_COMPILER_STATE_H

#include "asgc/Compiler.h"
#include "asgc/Inspect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"

#include <chrono>

namespace asgc {

/// The category of an op in the catalog; empty if it has none.
std::string categoryOf(llvm::StringRef opName);

/// Why MLIR must not read `bytes`, a text of IR or bytecode of the file `path`,
/// which would overflow the stack or take memory without bounds.
MaybeFault guardIr(llvm::StringRef bytes, const std::string &path);

/// The levels a module passes through, in order.
enum class Level { None, Elaborated, Asg, Plan };

class Compilation::State {
public:
  explicit State(CompileOptions options);

  MaybeFault elaborate(FileId file);
  MaybeFault importOnnx(const std::string &path);
  MaybeFault importIr(const std::string &path);
  /// Runs the passes over asg that can find fault with a model.
  MaybeFault check();
  /// Runs the passes between here and `level`.
  MaybeFault lowerTo(Level level);
  /// The program as LLVM IR, assembly or an object.
  Result<std::string> generate(Emit format);
  /// The program as objects to link, made once.
  Result<const std::vector<std::string> *> generateObjects();
  std::string printModule() { return printModule(*module); }
  static std::string printModule(mlir::ModuleOp module);
  Result<std::string> printSpirv();
  Result<std::string> dumpJson();

  CompileOptions options;
  SourceManager sources;
  DiagnosticEngine diagnostics{sources};
  mlir::DialectRegistry registry;
  mlir::MLIRContext context;
  std::optional<Recipe> recipe;
  std::vector<NamedView> weights;             ///< of an ONNX model
  std::map<std::string, ElementType> carried; ///< see OnnxModel
  std::string embedded;            ///< a safetensors file for the program
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Level level = Level::None;
  /// True once the pass named by options.after has run.
  bool isStopped = false;
  std::vector<std::string> remarks;
  std::vector<PassTime> times;
  std::string reproducer;
  DumpWriter snapshots{categoryOf}; ///< of every pass, if wantsSnapshots
  DumpWriter metadata{categoryOf};  ///< of the last stage of each level
  unsigned numDumped = 0;

private:
  MaybeFault finishElaboration(std::chrono::steady_clock::time_point start);
  MaybeFault runPasses(mlir::OpPassManager &passes, FaultKind kindOfErrors,
                       Code code);
  MaybeFault writeDump(llvm::StringRef stage);
  MaybeFault lowerToLlvm();

  mlir::OwningOpRef<mlir::ModuleOp> llvmModule;
  std::vector<std::string> objects; ///< once they are made
};

/// Turns what MLIR reports while it lives into diagnostics with `code` and into
/// remarks.
class DiagnosticBridge {
public:
  DiagnosticBridge(mlir::MLIRContext &context, DiagnosticEngine &engine,
                   std::vector<std::string> &remarks, Code code);

private:
  void receive(mlir::Diagnostic &diagnostic);

  DiagnosticEngine &engine;
  std::vector<std::string> &remarks;
  Code code;
  mlir::ScopedDiagnosticHandler handler;
};

/// Adds the graph @grad to a module with a graph @infer; see
/// CompileOptions::wantsGradients. Returns why it cannot.
MaybeFault addGradientGraph(mlir::ModuleOp module);

} // namespace asgc

#endif
