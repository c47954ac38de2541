//===- FaultyPass.cpp - A pass that is wrong on purpose, as a plugin ------===//
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

namespace {

/// tanh(x) -> sin(x)
struct FaultyPass final : PassWrapper<FaultyPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FaultyPass)

  StringRef getArgument() const final { return "test-faulty"; }
  StringRef getDescription() const final { return "Makes asg.tanh asg.sin"; }

  void runOnOperation() final {
    SmallVector<Operation *> found;
    getOperation().walk([&](Operation *op) {
      if (op->getName().getStringRef() == "asg.tanh")
        found.push_back(op);
    });
    for (Operation *op : found) {
      OpBuilder builder(op);
      OperationState state(op->getLoc(), "asg.sin");
      state.addOperands(op->getOperands());
      state.addTypes(op->getResultTypes());
      op->replaceAllUsesWith(builder.create(state));
      op->erase();
    }
  }
};

} // namespace

extern "C" PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "asgc-test-faulty", "1",
          [] { PassRegistration<FaultyPass>(); }};
}
