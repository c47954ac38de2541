//===- BuildAttention.cpp - Attention as a step ---------------------------===//
#include "ProgramBuilder.h"

using namespace mlir;

namespace asgc::planner {

LogicalResult ProgramBuilder::buildAttention(Operation *op) {
  MLIRContext *context = builder.getContext();
  SmallVector<Value> reads, writes;
  SmallVector<Attribute> readAccesses, writeAccesses;
  auto accessOf = [&](const View &view) {
    return plan::getAccessAttr(context, {view.strides, view.offset});
  };
  for (Value operand : op->getOperands()) {
    FailureOr<View> view = getView(operand);
    if (failed(view))
      return failure();
    reads.push_back(view->buffer);
    readAccesses.push_back(accessOf(*view));
  }
  auto forward = dyn_cast<asg::AttentionOp>(op);
  for (Value result : op->getResults()) {
    // Without a gradient nobody needs the logarithms.
    if (forward && result == forward.getLse() && result.use_empty())
      continue;
    View place = getTransposedDestination(result, /*mayReadPlain=*/true);
    views[result] = place;
    writes.push_back(place.buffer);
    writeAccesses.push_back(accessOf(place));
  }
  auto create = [&](auto attention) {
    SmallVector<DimExpr> batch = asg::getDims(getType(attention.getQ()));
    DimExpr depth = batch.pop_back_val(), queries = batch.pop_back_val();
    SmallVector<DimExpr> values = asg::getDims(getType(attention.getV()));
    DimExpr features = values.pop_back_val(), keys = values.pop_back_val();
    plan::AttentionOp::create(
        builder, op->getLoc(),
        nameStep(op->getLoc(), forward ? "attention" : "attention_grad"),
        !forward, attention.getScale(), attention.getCausal(),
        plan::getExtentsAttr(context, batch),
        plan::getExtentsAttr(context, {queries, keys, depth, features}),
        builder.getArrayAttr(readAccesses), builder.getArrayAttr(writeAccesses),
        reads, writes);
  };
  if (forward)
    create(forward);
  else
    create(cast<asg::AttentionGradOp>(op));
  return success();
}

} // namespace asgc::planner
