//===- InlineBranches.cpp - Branches without a choice ---------------------===//
#include "InlineBranches.h"
#include "asgc/Passes.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGINLINEBRANCHES
#include "asgc/Passes.h.inc"

void dropUncalledGraphs(ModuleOp module) {
  // Each stands before its callers.
  SmallVector<asg::GraphOp> graphs(module.getOps<asg::GraphOp>());
  for (asg::GraphOp graph : llvm::reverse(graphs))
    if (graph.isPrivate() && SymbolTable::symbolKnownUseEmpty(graph, module))
      graph.erase();
}

SmallVector<Value> copyBody(OpBuilder &builder, asg::GraphOp body,
                            ValueRange arguments, int64_t &copied) {
  IRMapping mapping;
  mapping.map(body.getArguments(), arguments);
  Block &block = body.getBody().front();
  for (Operation &op : block.without_terminator()) {
    builder.clone(op, mapping);
    ++copied;
  }
  SmallVector<Value> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

namespace {

/// Branches in branches multiply: a small file could ask for any amount of ops.
constexpr int64_t kMaxCopied = 1'000'000;

void inlineBranches(asg::IfOp choice, int64_t &copied) {
  OpBuilder builder(choice);
  auto copy = [&](FlatSymbolRefAttr name) {
    auto body =
        SymbolTable::lookupNearestSymbolFrom<asg::GraphOp>(choice, name);
    return copyBody(builder, body, choice.getInputs(), copied);
  };
  SmallVector<Value> ours = copy(choice.getThenBodyAttr());
  SmallVector<Value> theirs = copy(choice.getElseBodyAttr());
  Location loc = choice.getLoc();
  for (auto [result, x, y] :
       llvm::zip_equal(choice.getValues(), ours, theirs)) {
    auto type = cast<RankedTensorType>(result.getType());
    Value condition = asg::buildBroadcast(
        builder, loc, choice.getCondition(),
        asg::withElementType(type, builder.getI1Type()), {});
    result.replaceAllUsesWith(
        asg::SelectOp::create(builder, loc, type, condition, x, y));
  }
  choice.erase();
}

struct InlineBranchesPass final
    : impl::AsgInlineBranchesBase<InlineBranchesPass> {
  using AsgInlineBranchesBase::AsgInlineBranchesBase;

  void runOnOperation() final {
    int64_t copied = 0;
    // Bodies stand before their callers, so what is copied has no branch left.
    for (auto graph : getOperation().getOps<asg::GraphOp>()) {
      SmallVector<asg::IfOp> choices;
      bool hasGradients = false;
      graph.walk([&](Operation *op) {
        hasGradients |= isa<asg::GradientOp>(op);
        if (auto choice = dyn_cast<asg::IfOp>(op))
          choices.push_back(choice);
      });
      if (!all && !hasGradients)
        continue;
      for (asg::IfOp choice : choices) {
        inlineBranches(choice, copied);
        if (copied <= kMaxCopied)
          continue;
        graph.emitOpError() << "makes more than " << kMaxCopied
                            << " ops of its branches, both sides computed";
        return signalPassFailure();
      }
      inlined += choices.size();
    }
    dropUncalledGraphs(getOperation());
  }
};

} // namespace
} // namespace asgc
