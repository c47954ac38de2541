//===- Verify.cpp - Checks that the module is legal asg -------------------===//
#include "asgc/Fusion.h"
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGVERIFY
#include "asgc/Passes.h.inc"

namespace {

/// Whether a location names a place in some text.
bool isKnown(Location loc) {
  return loc
      ->walk([](Location part) {
        return isa<FileLineColLoc>(part) ? WalkResult::interrupt()
                                         : WalkResult::advance();
      })
      .wasInterrupted();
}

/// A fusion is legal if a kernel can be made of it.
LogicalResult verifyFusion(asg::FusionOp fusion) {
  if (fusion.getKind() == "contraction")
    return success(succeeded(analyzeContraction(fusion)));
  return success(succeeded(analyzeFusion(fusion)));
}

LogicalResult verifyOp(Operation *op) {
  if (!isa<asg::AsgDialect>(op->getDialect()))
    return op->emitError() << "op '" << op->getName()
                           << "' is not of the asg dialect";
  if (isa<asg::LayerOp>(op))
    return op->emitOpError("is left; asg-inline-layers removes it");
  if (isa<asg::GradientOp>(op))
    return op->emitOpError("is left; asg-differentiate expands it");
  if (isa<asg::AssignOp>(op) && !isa<asg::GraphOp>(op->getParentOp()))
    return op->emitOpError("stands inside another op than a graph");
  if (!isKnown(op->getLoc()))
    return op->emitOpError("has no source location");
  if (auto fusion = dyn_cast<asg::FusionOp>(op))
    return verifyFusion(fusion);
  return success();
}

struct VerifyPass final : impl::AsgVerifyBase<VerifyPass> {
  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>()) {
      WalkResult walked = graph.getBody().walk([](Operation *op) {
        return failed(verifyOp(op)) ? WalkResult::interrupt()
                                    : WalkResult::advance();
      });
      if (walked.wasInterrupted())
        return signalPassFailure();
    }
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace asgc
