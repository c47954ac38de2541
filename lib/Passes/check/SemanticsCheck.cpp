//===- SemanticsCheck.cpp - Interprets before and after each pass ---------===//
#include "asgc/SemanticsCheck.h"
#include "asgc/Passes.h"

using namespace mlir;

namespace asgc {
namespace {

class Instrumentation final : public PassInstrumentation {
public:
  Instrumentation(uint64_t seed, std::shared_ptr<bool> failed)
      : seed(seed), failed(std::move(failed)) {}

  void runBeforePass(Pass *pass, Operation *op) final {
    auto module = dyn_cast<ModuleOp>(op);
    if (module && !*failed && !before)
      before = copy(module);
  }

  void runAfterPass(Pass *pass, Operation *op) final {
    auto module = dyn_cast<ModuleOp>(op);
    if (!module || *failed || !before)
      return;
    OwningOpRef<ModuleOp> after = copy(module);
    if (after)
      compare(pass, *after);
    before = std::move(after); // the next pass starts where this one ended
  }

private:
  OwningOpRef<ModuleOp> copy(ModuleOp module);
  void compare(Pass *pass, ModuleOp after);
  void report(Pass *pass, asg::GraphOp graph, const SemanticsDifference &found);

  uint64_t seed;
  std::shared_ptr<bool> failed;
  OwningOpRef<ModuleOp> before; // free of asg.gradient; null if that failed
};

/// A copy that can be interpreted; null if its gradients have no expansion, which the
/// pass itself reports.
OwningOpRef<ModuleOp> Instrumentation::copy(ModuleOp module) {
  OwningOpRef<ModuleOp> copied(module.clone());
  bool hasGradients = copied
                          ->walk([](asg::GradientOp) {
                            return WalkResult::interrupt();
                          })
                          .wasInterrupted();
  if (!hasGradients)
    return copied;
  ScopedDiagnosticHandler silence(module.getContext(),
                                  [](Diagnostic &) { return success(); });
  PassManager manager(module.getContext());
  manager.addPass(createAsgDifferentiate());
  if (mlir::failed(manager.run(*copied)))
    return nullptr;
  return copied;
}

void Instrumentation::report(Pass *pass, asg::GraphOp graph,
                             const SemanticsDifference &found) {
  *failed = true;
  InFlightDiagnostic diag = graph.emitError()
                            << "pass '" << pass->getArgument()
                            << "' changed what graph '" << graph.getSymName()
                            << "' computes: " << found.message;
  if (found.op)
    diag.attachNote(found.op->getLoc())
        << "'" << found.op->getName() << "' is the first op that differs";
}

void Instrumentation::compare(Pass *pass, ModuleOp after) {
  SymbolTable symbols(after);
  for (auto old : before->getOps<asg::GraphOp>()) {
    auto graph = symbols.lookup<asg::GraphOp>(old.getSymName());
    if (!graph)
      continue; // taken away on purpose
    auto found = compareSemantics(old, graph, seed);
    if (mlir::failed(found)) {
      graph.emitWarning() << "cannot be checked after pass '"
                          << pass->getArgument() << "'";
      continue;
    }
    if (*found)
      return report(pass, graph, **found);
  }
}

} // namespace

std::unique_ptr<PassInstrumentation>
createSemanticsCheck(uint64_t seed, std::shared_ptr<bool> failed) {
  return std::make_unique<Instrumentation>(seed, std::move(failed));
}

} // namespace asgc
