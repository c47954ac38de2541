//===- Build.cpp - Turns graphs into programs -----------------------------===//
#include "ProgramBuilder.h"

#include "asgc/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace asgc {

#define GEN_PASS_DEF_PLANBUILD
#include "asgc/Passes.h.inc"

namespace {
using namespace mlir;

void removeDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct BuildPass final : impl::PlanBuildBase<BuildPass> {
  void runOnOperation() final {
    llvm::StringSet<> names;
    SmallVector<asg::GraphOp> graphs(getOperation().getOps<asg::GraphOp>());
    for (asg::GraphOp graph : graphs) {
      removeDead(graph.getBody().front());
      planner::ProgramBuilder builder(graph, names);
      FailureOr<plan::ProgramOp> program = builder.build();
      if (failed(program))
        return signalPassFailure();
      removeDead(program->getBody().front());
      for (Operation &op : program->getBody().front())
        steps += isa<plan::StepInterface>(op);
      graph.erase();
    }
  }
};
} // namespace

} // namespace asgc
