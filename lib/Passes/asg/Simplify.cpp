//===- Simplify.cpp - Rewrites asg ops to cheaper equal ones --------------===//
#include "Simplify.h"
#include "InlineBranches.h"
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGSIMPLIFY
#include "asgc/Passes.h.inc"

namespace {

/// A variable that is assigned what it holds anyway is not assigned.
struct DropIdleAssign final : OpRewritePattern<asg::AssignOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::AssignOp assign,
                                PatternRewriter &rewriter) const final {
    auto read = assign.getValue().getDefiningOp<asg::ReadOp>();
    if (!read || read.getVariable() != assign.getVariable())
      return rewriter.notifyMatchFailure(assign, "the value is another");
    rewriter.eraseOp(assign);
    return success();
  }
};

struct SimplifyPass final : impl::AsgSimplifyBase<SimplifyPass> {
  using AsgSimplifyBase::AsgSimplifyBase;

  LogicalResult initialize(MLIRContext *context) final {
    RewritePatternSet set(context);
    set.add<DropIdleAssign>(context);
    addArithmeticPatterns(set, reciprocals);
    addCastPatterns(set);
    addConstantPatterns(set);
    addIndexingPatterns(set);
    addLayoutPatterns(set);
    addReductionPatterns(set);
    patterns = FrozenRewritePatternSet(std::move(set));
    return success();
  }

  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>())
      if (failed(simplify(graph)))
        return signalPassFailure();
    dropUncalledGraphs(getOperation());
  }

private:
  LogicalResult simplify(asg::GraphOp graph);

  FrozenRewritePatternSet patterns;
};

LogicalResult SimplifyPass::simplify(asg::GraphOp graph) {
  // A gradient means the values it names, which rewrites would replace by equal
  // ones that other paths run through.
  WalkResult gradients =
      graph.walk([](asg::GradientOp) { return WalkResult::interrupt(); });
  if (gradients.wasInterrupted())
    return success();
  GreedyRewriteConfig config;
  // MLIR's region simplification looks for control flow; there is none.
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  // Every rewrite makes something smaller; patterns that undid each other would stop
  // here with an error instead of filling the memory.
  int64_t numOps = 0;
  graph.walk([&](Operation *) { ++numOps; });
  config.setMaxNumRewrites(1000 + 50 * numOps);
  // Constants that the driver hoists and merges lose their locations.
  config.enableConstantCSE(false);
  IRRewriter rewriter(&getContext());
  // Patterns bring equal ops forth, and merged ops match further patterns.
  bool changed = true;
  for (int round = 0; changed && round < 4; ++round) {
    if (failed(applyPatternsGreedily(graph, patterns, config, &changed)))
      return graph.emitOpError("did not come to rest under asg-simplify");
    DominanceInfo dominance;
    bool merged = false;
    eliminateCommonSubExpressions(rewriter, dominance, graph, &merged);
    changed |= merged;
  }
  return success();
}

} // namespace
} // namespace asgc
