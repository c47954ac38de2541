//===- SimplifyCasts.cpp - Fewer casts, and of what is moved --------------===//
#include "Matchers.h"
#include "Simplify.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace asgc {
namespace {

/// Whether every value of `from` is one of `to`.
bool holds(Type to, Type from) {
  if (from.isInteger(1))
    return true;
  if (auto fromFloat = dyn_cast<FloatType>(from)) {
    auto toFloat = dyn_cast<FloatType>(to);
    return toFloat &&
           APFloat::isRepresentableBy(fromFloat.getFloatSemantics(),
                                      toFloat.getFloatSemantics());
  }
  unsigned bits = from.getIntOrFloatBitWidth();
  if (auto toFloat = dyn_cast<FloatType>(to))
    return toFloat.getFPMantissaWidth() >= bits;
  return to.getIntOrFloatBitWidth() >= bits && !to.isInteger(1);
}

/// cast(cast(x)) -> cast(x) where the inner one loses nothing
struct MergeCasts final : OpRewritePattern<asg::CastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::CastOp outer,
                                PatternRewriter &rewriter) const final {
    auto inner = outer.getX().getDefiningOp<asg::CastOp>();
    if (!inner || !holds(inner.getType().getElementType(),
                         getTensorType(inner.getX()).getElementType()))
      return rewriter.notifyMatchFailure(outer, "operand is no exact cast");
    rewriter.replaceOpWithNewOp<asg::CastOp>(outer, outer.getType(),
                                             inner.getX());
    return success();
  }
};

/// Ops that move elements of their operand and make none; not broadcast, of which
/// HoistBroadcast knows better.
bool moves(Operation *op) {
  return isa<asg::ReshapeOp, asg::SliceOp, asg::TransposeOp>(op);
}

/// `op`, which moves or pads elements, of other operands.
Value moveOf(OpBuilder &builder, Operation *op, ValueRange operands) {
  IRMapping map;
  map.map(op->getOperands(), operands);
  Value result = builder.clone(*op, map)->getResult(0);
  result.setType(asg::withElementType(
      getTensorType(op->getResult(0)),
      getTensorType(operands.front()).getElementType()));
  return result;
}

/// x, where `value` is it in a type that holds all its values, maybe with axes of
/// extent 1 put in after that; else null.
asg::CastOp getWidening(Value value) {
  if (auto broadcast = value.getDefiningOp<asg::BroadcastOp>())
    if (asg::getNumElements(getTensorType(broadcast.getX())) ==
        asg::getNumElements(broadcast.getType()))
      value = broadcast.getX();
  auto cast = value.getDefiningOp<asg::CastOp>();
  if (!cast)
    return {};
  Type from = getTensorType(cast.getX()).getElementType();
  Type to = cast.getType().getElementType();
  return isa<FloatType>(from) && isa<FloatType>(to) && from != to &&
                 holds(to, from)
             ? cast
             : asg::CastOp();
}

/// Whether `number` is a value of `type`.
bool holds(FloatType type, APFloat number) {
  bool isLossy = false;
  number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &isLossy);
  return !isLossy;
}

/// move(cast(x)) -> cast(move(x)), pad and concat too, where the cast loses nothing:
/// fewer bytes are moved, and the cast meets the next one.
struct WidenAfterMove final : RewritePattern {
  explicit WidenAfterMove(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const final {
    if (!moves(op) && !isa<asg::PadOp, asg::ConcatOp>(op))
      return failure();
    Type element;
    for (Value operand : op->getOperands()) {
      asg::CastOp cast = getWidening(operand);
      Type from = cast ? getTensorType(cast.getX()).getElementType() : Type();
      if (!from || (element && from != element))
        return rewriter.notifyMatchFailure(op, "an operand is not widened");
      element = from;
    }
    if (auto pad = dyn_cast<asg::PadOp>(op);
        pad && !holds(cast<FloatType>(element), pad.getValueAttr().getValue()))
      return rewriter.notifyMatchFailure(op, "the padding would be rounded");
    SmallVector<Value> narrow;
    for (Value operand : op->getOperands()) {
      narrow.push_back(getWidening(operand).getX());
      if (auto broadcast = operand.getDefiningOp<asg::BroadcastOp>())
        narrow.back() = moveOf(rewriter, broadcast, narrow.back());
    }
    Value moved = moveOf(rewriter, op, narrow);
    rewriter.replaceOpWithNewOp<asg::CastOp>(op, op->getResult(0).getType(),
                                             moved);
    return success();
  }
};

/// cast(move(x)) -> move(cast(x)), where the cast narrows, and all of x is moved and
/// cast alike: it is cast once, by whoever makes it, and what is moved is a view.
struct NarrowBeforeMove final : OpRewritePattern<asg::CastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::CastOp op,
                                PatternRewriter &rewriter) const final {
    Type to = op.getType().getElementType();
    Type from = getTensorType(op.getX()).getElementType();
    if (!isa<FloatType>(to) || !isa<FloatType>(from) ||
        to.getIntOrFloatBitWidth() >= from.getIntOrFloatBitWidth())
      return rewriter.notifyMatchFailure(op, "narrows no float");
    Operation *move = op.getX().getDefiningOp();
    if (!move || !moves(move))
      return rewriter.notifyMatchFailure(op, "operand is not moved");
    Value x = move->getOperand(0);
    DimExpr count(0);
    SmallVector<asg::CastOp> casts;
    for (Operation *user : x.getUsers()) {
      if (!moves(user))
        return rewriter.notifyMatchFailure(op, "x has other uses");
      for (Operation *last : user->getUsers()) {
        auto cast = dyn_cast<asg::CastOp>(last);
        if (!cast || cast.getType().getElementType() != to)
          return rewriter.notifyMatchFailure(op, "x is not cast alike");
        casts.push_back(cast);
      }
      count = count + asg::getNumElements(getTensorType(user->getResult(0)));
    }
    std::optional<int64_t> moved = count.asConstant();
    std::optional<int64_t> all =
        asg::getNumElements(getTensorType(x)).asConstant();
    if (!(count == asg::getNumElements(getTensorType(x))) &&
        !(moved && all && *moved >= *all))
      return rewriter.notifyMatchFailure(op, "only a part of x is moved");
    if (Operation *maker = x.getDefiningOp())
      rewriter.setInsertionPointAfter(maker);
    else
      rewriter.setInsertionPointToStart(op->getBlock());
    Value narrow = asg::CastOp::create(
        rewriter, op.getLoc(), asg::withElementType(getTensorType(x), to), x);
    for (asg::CastOp cast : casts) {
      Operation *user = cast.getX().getDefiningOp();
      rewriter.setInsertionPoint(user);
      rewriter.replaceOp(cast, moveOf(rewriter, user, {narrow}));
    }
    return success();
  }
};

} // namespace

void addCastPatterns(RewritePatternSet &patterns) {
  patterns.add<MergeCasts, NarrowBeforeMove, WidenAfterMove>(
      patterns.getContext());
}

} // namespace asgc
