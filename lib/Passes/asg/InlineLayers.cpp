//===- InlineLayers.cpp - Puts the ops of every layer into its graph ------===//
#include "asgc/InlineLayers.h"
#include "asgc/Passes.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGINLINELAYERS
#include "asgc/Passes.h.inc"

static void inlineLayer(asg::LayerOp layer) {
  Block &body = layer.getBody().front();
  auto yield = cast<asg::YieldOp>(body.getTerminator());
  layer->replaceAllUsesWith(yield.getValues());
  yield.erase();
  layer->getBlock()->getOperations().splice(layer->getIterator(),
                                            body.getOperations());
  layer.erase();
}

unsigned inlineLayers(Operation *root,
                      function_ref<bool(asg::LayerOp)> isKept) {
  // Post-order: inner layers first, so that each op moves by one level at a time
  // and the walk never meets an erased op.
  SmallVector<asg::LayerOp> layers;
  root->walk([&](asg::LayerOp layer) {
    if (!isKept(layer))
      layers.push_back(layer);
  });
  for (asg::LayerOp layer : layers)
    inlineLayer(layer);
  return layers.size();
}

namespace {
struct InlineLayersPass final
    : impl::AsgInlineLayersBase<InlineLayersPass> {
  void runOnOperation() final { inlined += inlineLayers(getOperation()); }
};
} // namespace
} // namespace asgc
