//===- ReluGradient.cpp - What the gradient of a rectifier keeps ----------===//
#include "Matchers.h"
#include "Relu.h"
#include "asgc/Fusion.h"

using namespace mlir;

namespace asgc {
namespace {

Value askNotPositive(OpBuilder &builder, Location loc, Value x) {
  TypedAttr zero = builder.getZeroAttr(getTensorType(x).getElementType());
  Value zeros = asg::buildSplat(builder, loc, getTensorType(x), zero);
  return asg::CompareOp::create(builder, loc, asg::Predicate::le, x, zeros);
}

/// y <= 0 where x <= 0: so if y = x <= 0 ? 0 : x follows a contraction and the
/// gradient of a weight keeps y, the contraction makes y itself and nothing
/// else is kept.
void askActivation(Operation *contraction) {
  asg::SelectOp select = findReluSelect(growContraction(contraction).result);
  if (!select || select.getCondition().hasOneUse())
    return;
  auto contractions =
      llvm::count_if(select.getResult().getUsers(), [](Operation *user) {
        return isa<asg::DotOp, asg::Conv2dOp, asg::Conv2dWeightGradOp>(user);
      });
  if (contractions < 2)
    return;
  OpBuilder builder(select);
  builder.setInsertionPointAfter(select);
  Value question = select.getCondition();
  Value answer = askNotPositive(builder, question.getLoc(), select.getResult());
  question.replaceAllUsesExcept(answer, select);
}

/// The gradient of a max pooling is 0 but where an element won, and that was
/// not above 0 if the pooling gave nothing above 0: so what comes back is asked
/// before it spreads, where there is less of it.
void askPooling(asg::MaxPool2dOp pool) {
  asg::SelectOp relu = getReluSelect(pool.getX());
  if (!relu)
    return;
  Value question = relu.getCondition();
  for (Operation *user : llvm::make_early_inc_range(question.getUsers())) {
    auto select = dyn_cast<asg::SelectOp>(user);
    if (!select || select == relu || select.getCondition() != question ||
        !isSplat(select.getOnTrue(), 0))
      continue;
    auto unpool = select.getOnFalse().getDefiningOp<asg::MaxUnpool2dOp>();
    if (!unpool || unpool.getIndices() != pool.getIndices() ||
        !unpool->hasOneUse())
      continue;
    OpBuilder builder(unpool);
    Location loc = select.getLoc();
    Value isOut = askNotPositive(builder, loc, pool.getY());
    Value zeros = isOut.getDefiningOp<asg::CompareOp>().getRhs();
    Value kept =
        asg::SelectOp::create(builder, loc, isOut, zeros, unpool.getX());
    unpool.getXMutable().assign(kept);
    select.getResult().replaceAllUsesWith(unpool.getY());
    select->erase();
  }
}

} // namespace

void askWhatIsKept(asg::GraphOp graph) {
  for (Operation &op : llvm::make_early_inc_range(graph.getBody().front()))
    if (auto pool = dyn_cast<asg::MaxPool2dOp>(op))
      askPooling(pool);
  for (Operation &op : llvm::make_early_inc_range(graph.getBody().front()))
    if (isa<asg::DotOp, asg::Conv2dOp>(op))
      askActivation(&op);
}

} // namespace asgc
