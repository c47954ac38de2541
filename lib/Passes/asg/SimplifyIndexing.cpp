//===- SimplifyIndexing.cpp - One index for each row ----------------------===//
#include "Matchers.h"
#include "Simplify.h"

using namespace mlir;

namespace asgc {
namespace {

/// Whether there is one index for each element of the batch axes.
bool picksOne(Value indices, int64_t batchDims) {
  return getTensorType(indices).getRank() == batchDims;
}

/// scatter_add(x, i) -> iota = clamp(i) ? x : 0, where there is one index per row: no
/// two additions meet, and the result fuses with what is computed from it.
struct ScatterOfOne final : OpRewritePattern<asg::ScatterAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ScatterAddOp op,
                                PatternRewriter &rewriter) const final {
    if (!picksOne(op.getIndices(), op.getBatchDims()))
      return rewriter.notifyMatchFailure(op, "has several indices a row");
    Location loc = op.getLoc();
    RankedTensorType type = op.getType();
    int64_t axis = op.getAxis();
    auto indexType = getTensorType(op.getIndices());
    // i clamped to [0, n − 1].
    Value low = asg::buildSplat(rewriter, loc, indexType, 0);
    Value high = buildCount(rewriter, loc, asg::getDim(type, axis) - DimExpr(1),
                            indexType);
    Value index = asg::MinOp::create(rewriter, loc, op.getIndices(), high);
    index = asg::MaxOp::create(rewriter, loc, index, low);
    auto wide = asg::withElementType(type, indexType.getElementType());
    SmallVector<int64_t> rows;
    for (int64_t i = 0; i < indexType.getRank(); ++i)
      rows.push_back(i);
    index = asg::buildBroadcast(rewriter, loc, index, wide, rows);
    Value iota = asg::IotaOp::create(rewriter, loc, wide, axis);
    Value isHere = asg::CompareOp::create(rewriter, loc, asg::Predicate::eq,
                                          iota, index);
    Value x = asg::buildBroadcast(rewriter, loc, op.getX(), type,
                                  getOtherAxes(type.getRank(), {axis}));
    rewriter.replaceOpWithNewOp<asg::SelectOp>(
        op, isHere, x, asg::buildSplat(rewriter, loc, type, 0));
    return success();
  }
};

/// gather(f(x, broadcast(y), c), i) -> f(gather(x, i), y, c), where there is one index
/// per row: f is computed for the picked elements only.
struct GatherOfElementwise final : OpRewritePattern<asg::GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::GatherOp gather,
                                PatternRewriter &rewriter) const final {
    Operation *op = gather.getX().getDefiningOp();
    if (!isElementwise(op) ||
        !picksOne(gather.getIndices(), gather.getBatchDims()))
      return rewriter.notifyMatchFailure(gather, "is no pick from a result");
    SmallVector<Value> full;
    for (Value operand : op->getOperands())
      if (!getSplat(operand) && !repeatsAlong(operand, gather.getAxis()) &&
          !llvm::is_contained(full, operand))
        full.push_back(operand);
    if (full.size() > 1)
      return rewriter.notifyMatchFailure(gather, "would be several gathers");
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(pick(rewriter, gather, operand));
    rewriter.replaceOp(gather,
                       cloneElementwise(rewriter, op, operands, gather.getType()));
    return success();
  }

  static bool repeatsAlong(Value value, int64_t axis) {
    auto broadcast = value.getDefiningOp<asg::BroadcastOp>();
    return broadcast && !llvm::is_contained(broadcast.getDims(), axis);
  }

  static Value pick(PatternRewriter &rewriter, asg::GatherOp gather,
                    Value operand) {
    Location loc = gather.getLoc();
    auto type = asg::withElementType(gather.getType(),
                                     getTensorType(operand).getElementType());
    if (TypedAttr splat = getSplat(operand))
      return asg::buildSplat(rewriter, loc, type, splat);
    int64_t axis = gather.getAxis();
    if (!repeatsAlong(operand, axis))
      return asg::GatherOp::create(rewriter, loc, operand, gather.getIndices(),
                                   gather.getAxis(), gather.getBatchDims());
    auto broadcast = operand.getDefiningOp<asg::BroadcastOp>();
    SmallVector<int64_t> dims;
    for (int64_t dim : broadcast.getDims())
      dims.push_back(dim < axis ? dim : dim - 1);
    return asg::buildBroadcast(rewriter, loc, broadcast.getX(), type, dims);
  }
};

/// Whether every element of `value` is known to lie in [0, n).
bool isBelow(Value value, int64_t n) {
  auto max = value.getDefiningOp<asg::MaxOp>();
  if (!max || !isSplat(max.getRhs(), 0))
    return false;
  auto min = max.getLhs().getDefiningOp<asg::MinOp>();
  return min && isSplat(min.getRhs(), static_cast<double>(n - 1));
}

/// Σᵢ (i = index ? x : 0) -> x, where x and the index do not depend on i: what the
/// row sum of a one-hot gradient comes to.
struct SumOfOneHot final : OpRewritePattern<asg::ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ReduceSumOp op,
                                PatternRewriter &rewriter) const final {
    auto select = op.getX().getDefiningOp<asg::SelectOp>();
    if (!select || op.getAxes().size() != 1 || !isSplat(select.getOnFalse(), 0))
      return rewriter.notifyMatchFailure(op, "operand is no choice");
    int64_t axis = op.getAxes()[0];
    auto compare = select.getCondition().getDefiningOp<asg::CompareOp>();
    auto iota = compare ? compare.getLhs().getDefiningOp<asg::IotaOp>()
                        : asg::IotaOp();
    if (!iota || compare.getPredicate() != asg::Predicate::eq ||
        static_cast<int64_t>(iota.getAxis()) != axis)
      return rewriter.notifyMatchFailure(op, "is not chosen by an index");
    auto index = compare.getRhs().getDefiningOp<asg::BroadcastOp>();
    int64_t extent = getTensorType(op.getX()).getDimSize(axis);
    if (!index || llvm::is_contained(index.getDims(), axis) ||
        ShapedType::isDynamic(extent) || !isBelow(index.getX(), extent))
      return rewriter.notifyMatchFailure(op, "the index may be out of range");
    if (TypedAttr splat = getSplat(select.getOnTrue())) {
      rewriter.replaceOp(
          op, asg::buildSplat(rewriter, op.getLoc(), op.getType(), splat));
      return success();
    }
    auto x = select.getOnTrue().getDefiningOp<asg::BroadcastOp>();
    if (!x || llvm::is_contained(x.getDims(), axis))
      return rewriter.notifyMatchFailure(op, "the value differs along the axis");
    SmallVector<int64_t> dims;
    for (int64_t dim : x.getDims())
      dims.push_back(dim < axis ? dim : dim - 1);
    rewriter.replaceOp(op, asg::buildBroadcast(rewriter, op.getLoc(), x.getX(),
                                               op.getType(), dims));
    return success();
  }
};

} // namespace

void addIndexingPatterns(RewritePatternSet &patterns) {
  patterns.add<GatherOfElementwise, ScatterOfOne, SumOfOneHot>(
      patterns.getContext());
}

} // namespace asgc
