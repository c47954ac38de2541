//===- Pipeline.cpp - Runs passes and watches them ------------------------===//
#include "State.h"

#include "asgc/Catalog.h"
#include "asgc/Passes.h"
#include "asgc/Registry.h"
#include "asgc/file.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassRegistry.h"

#include <chrono>
#include <fmt/format.h>

using namespace mlir;

namespace asgc {

namespace {

using Clock = std::chrono::steady_clock;

/// Times every pass and shows the module after it to `onPass`.
class PassObserver final : public PassInstrumentation {
public:
  PassObserver(std::vector<PassTime> &times,
               std::function<void(StringRef)> onPass, std::string &failed,
               bool &isBroken)
      : times(times), onPass(std::move(onPass)), failed(failed),
        isBroken(isBroken) {}

  void runBeforePass(Pass *pass, Operation *) final { start = Clock::now(); }

  void runAfterPass(Pass *pass, Operation *) final {
    std::chrono::duration<double> seconds = Clock::now() - start;
    if (pass->getArgument().empty()) // an adaptor around other passes
      return;
    times.push_back({pass->getArgument().str(), seconds.count()});
    onPass(pass->getArgument());
  }

  void runAfterPassFailed(Pass *pass, Operation *op) final {
    if (pass->getArgument().empty() || !failed.empty())
      return;
    failed = pass->getArgument().str();
    // A pass that reports an error leaves the module valid; one that leaves it
    // invalid is wrong itself.
    ScopedDiagnosticHandler quiet(op->getContext(),
                                  [](mlir::Diagnostic &) { return success(); });
    isBroken = mlir::failed(mlir::verify(op));
  }

private:
  std::vector<PassTime> &times;
  std::function<void(StringRef)> onPass;
  std::string &failed;
  bool &isBroken;
  Clock::time_point start;
};

/// Passes of `manager` by name, each as a pipeline of itself.
std::vector<std::pair<std::string, std::string>>
listPasses(OpPassManager &manager) {
  std::vector<std::pair<std::string, std::string>> passes;
  for (Pass &pass : manager) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    pass.printAsTextualPipeline(stream);
    passes.emplace_back(pass.getArgument().str(), text);
  }
  return passes;
}

} // namespace

std::string categoryOf(StringRef opName) {
  const CatalogOp *op = findOp(std::string_view(opName));
  return op ? op->category : "";
}

Compilation::State::State(CompileOptions given)
    : options(std::move(given)), context(MLIRContext::Threading::DISABLED) {
  registerAllDialects(registry);
  context.appendDialectRegistry(registry);
  context.printOpOnDiagnostic(false);
  enableRemarks(context, options.remarks);
}

std::string Compilation::State::printModule(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(64);
  module.print(stream, flags);
  return text + "\n";
}

MaybeFault Compilation::State::writeDump(StringRef stage) {
  if (options.wantsSnapshots)
    snapshots.addStage(stage, *module);
  if (options.dumpFolder.empty())
    return std::nullopt;
  std::string path = fmt::format("{}/{:02}-{}.mlir", options.dumpFolder,
                                 numDumped++, stage.str());
  std::string text = printModule();
  if (asgc_file_replace(path.c_str(), text.data(), text.size()) != ASGC_OK)
    return Fault{FaultKind::Environment, asgc_last_error()};
  return std::nullopt;
}

MaybeFault Compilation::State::runPasses(OpPassManager &passes,
                                         FaultKind kindOfErrors, Code code) {
  PassManager manager(&context);
  if (options.after.empty()) {
    static_cast<OpPassManager &>(manager) = std::move(passes);
  } else {
    registerAllPasses();
    for (const auto &[name, pipeline] : listPasses(passes)) {
      if (failed(parsePassPipeline(pipeline, manager, llvm::nulls())))
        return Fault{FaultKind::Internal, "pass '" + name + "' is unknown"};
      isStopped = name == options.after;
      if (isStopped)
        break;
    }
  }
  std::string failedPass;
  bool isBroken = false;
  MaybeFault dumpFault;
  manager.addInstrumentation(std::make_unique<PassObserver>(
      times,
      [&](StringRef pass) {
        if (!dumpFault)
          dumpFault = writeDump(pass);
      },
      failedPass, isBroken));

  // Text is made of it only if a pass fails.
  OwningOpRef<ModuleOp> before = module->clone();
  size_t errorsBefore = diagnostics.getNumErrors();
  DiagnosticBridge bridge(context, diagnostics, remarks, code);
  if (succeeded(manager.run(*module)))
    return dumpFault;
  bool isSilent = diagnostics.getNumErrors() == errorsBefore;
  if (isBroken || isSilent) {
    reproducer = fmt::format("// pass that failed: {}\n{}", failedPass,
                             printModule(*before));
    return Fault{FaultKind::Internal,
                 fmt::format("pass '{}' failed{}", failedPass,
                             isBroken ? ": it left the module invalid" : "")};
  }
  return Fault{kindOfErrors, ""};
}

MaybeFault Compilation::State::check() {
  bool wantsAll = !options.remarks.empty() || !options.after.empty() ||
                  !options.dumpFolder.empty() || options.wantsSnapshots;
  if (wantsAll || level >= Level::Asg)
    return lowerTo(Level::Asg);
  // No model is at fault if an optimization fails. The level stays as it is,
  // since these passes leave what they made as it is when they run again.
  OpPassManager passes(ModuleOp::getOperationName());
  AsgPipelineOptions pipeline;
  pipeline.simplify = false;
  pipeline.fuse = false;
  buildAsgPipeline(passes, pipeline);
  return runPasses(passes, FaultKind::Input, Code::ASG0601);
}

MaybeFault Compilation::State::lowerTo(Level wanted) {
  if (level < Level::Asg && wanted >= Level::Asg && !isStopped) {
    OpPassManager passes(ModuleOp::getOperationName());
    AsgPipelineOptions pipeline;
    pipeline.fuse = options.optimize > 0;
    // Code for the CPU is made from the same plan and has no such kernel; where
    // matrix units multiply f32 by parts, they do products only.
    pipeline.branches = !options.vulkan;
    // Code for the CPU runs kernels one after the other.
    pipeline.runAtOnce = options.vulkan && !options.cpu;
    pipeline.attention = options.vulkan && !options.cpu && !options.splitsF32;
    buildAsgPipeline(passes, pipeline);
    if (MaybeFault fault = runPasses(passes, FaultKind::Input, Code::ASG0601))
      return fault;
    level = Level::Asg;
  }
  if (level < Level::Plan && wanted >= Level::Plan && !isStopped) {
    bool wantsMetadata = !options.stripMetadata;
    if (wantsMetadata)
      metadata.addStage("asg", *module);
    OpPassManager passes(ModuleOp::getOperationName());
    PlanPipelineOptions pipeline;
    if (options.blockBytes > 0)
      pipeline.blockBytes = options.blockBytes;
    // Code for the CPU runs steps one after the other.
    pipeline.runAtOnce = options.vulkan && !options.cpu;
    buildPlanPipeline(passes, pipeline);
    if (MaybeFault fault =
            runPasses(passes, FaultKind::Unsupported, Code::ASG0602))
      return fault;
    level = Level::Plan;
    if (wantsMetadata)
      metadata.addStage("plan", *module);
  }
  return std::nullopt;
}

const std::vector<std::string> &remarkNames() { return remarkCategories(); }

std::vector<std::string> passNames() {
  std::vector<std::string> names = {"elaborate"};
  MLIRContext context(MLIRContext::Threading::DISABLED);
  OpPassManager passes(ModuleOp::getOperationName());
  buildAsgPipeline(passes, AsgPipelineOptions());
  buildPlanPipeline(passes);
  for (const auto &[name, pipeline] : listPasses(passes))
    names.push_back(name);
  return names;
}

} // namespace asgc
