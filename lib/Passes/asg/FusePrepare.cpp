//===- FusePrepare.cpp - Ops in the terms of kernels ----------------------===//
#include "FusePrepare.h"
#include "Matchers.h"
#include "Relu.h"

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace asgc {
namespace {

/// arg_max(x) -> min(i where xᵢ ≥ max(x) or xᵢ is NaN): the first of the largest, and
/// the first NaN if there is one, since then xᵢ ≥ NaN holds nowhere.
template <typename Op, typename Extremum>
void expandArg(Op op, asg::Predicate reaches) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Value x = op.getX();
  auto type = getTensorType(x), result = getTensorType(op.getY());
  int64_t axis = op.getAxis();
  Value best = Extremum::create(builder, loc, x, ArrayRef<int64_t>{axis});
  best = asg::buildUnreduce(builder, loc, best, type, {axis});
  Value isBest = asg::CompareOp::create(builder, loc, reaches, x, best);
  if (isFloat(x)) {
    Value isNan =
        asg::CompareOp::create(builder, loc, asg::Predicate::ne, x, x);
    isBest = asg::OrOp::create(builder, loc, isBest, isNan);
  }
  auto wide = asg::withElementType(type, result.getElementType());
  Value iota = asg::IotaOp::create(builder, loc, wide, axis);
  unsigned width = result.getElementTypeBitWidth();
  TypedAttr largest = builder.getIntegerAttr(result.getElementType(),
                                             APInt::getSignedMaxValue(width));
  Value none = asg::buildSplat(builder, loc, wide, largest);
  Value place = asg::SelectOp::create(builder, loc, isBest, iota, none);
  Value first = asg::ReduceMinOp::create(builder, loc, place,
                                         ArrayRef<int64_t>{axis});
  op.getY().replaceAllUsesWith(first);
  op->erase();
}

} // namespace

void prepareFusion(asg::GraphOp graph) {
  Block &block = graph.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto arg = dyn_cast<asg::ArgMaxOp>(op)) {
      expandArg<asg::ArgMaxOp, asg::ReduceMaxOp>(arg, asg::Predicate::ge);
    } else if (auto arg = dyn_cast<asg::ArgMinOp>(op)) {
      expandArg<asg::ArgMinOp, asg::ReduceMinOp>(arg, asg::Predicate::le);
    } else if (auto axes = getReducedAxes(&op); axes && axes->empty()) {
      op.getResult(0).replaceAllUsesWith(op.getOperand(0));
      op.erase();
    }
  }
  IRRewriter rewriter(graph.getContext());
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, graph);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  askWhatIsKept(graph);
}

} // namespace asgc
