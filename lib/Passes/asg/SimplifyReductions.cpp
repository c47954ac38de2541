//===- SimplifyReductions.cpp - Reductions and contractions ---------------===//
#include "Matchers.h"
#include "Simplify.h"

#include <cmath>

using namespace mlir;

namespace asgc {
namespace {

template <typename Op>
constexpr bool isSum = std::is_same_v<Op, asg::ReduceSumOp>;
template <typename Op>
constexpr bool isExtremum = std::is_same_v<Op, asg::ReduceMaxOp> ||
                            std::is_same_v<Op, asg::ReduceMinOp>;

//===- Reductions ---------------------------------------------------------===//

/// reduce(x) over no axes -> x;  over axes of extent 1 -> reshape(x)
template <typename Op> struct DropUnitAxes final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto type = getTensorType(op.getX());
    SmallVector<int64_t> axes, units;
    for (int64_t axis : op.getAxes())
      (type.getDimSize(axis) == 1 ? units : axes).push_back(axis);
    if (axes.empty()) {
      rewriter.replaceOpWithNewOp<asg::ReshapeOp>(op, op.getType(), op.getX());
      return success();
    }
    if (units.empty())
      return rewriter.notifyMatchFailure(op, "every axis has elements to join");
    SmallVector<DimExpr> dims;
    for (int64_t axis : getOtherAxes(type.getRank(), units))
      dims.push_back(asg::getDim(type, axis));
    for (int64_t &axis : axes)
      axis -= llvm::count_if(units, [&](int64_t unit) { return unit < axis; });
    Value x = asg::ReshapeOp::create(rewriter, op.getLoc(),
                                     asg::withDims(type, dims), op.getX());
    rewriter.replaceOpWithNewOp<Op>(op, x, axes);
    return success();
  }
};

/// reduce(reduce(x)) -> reduce(x) over the axes of both
template <typename Op> struct MergeReductions final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op outer,
                                PatternRewriter &rewriter) const final {
    auto inner = outer.getX().template getDefiningOp<Op>();
    if (!inner || !inner->hasOneUse())
      return rewriter.notifyMatchFailure(outer, "operand is no such reduction");
    SmallVector<int64_t> kept =
        getOtherAxes(getTensorType(inner.getX()).getRank(), inner.getAxes());
    SmallVector<int64_t> axes(inner.getAxes());
    for (int64_t axis : outer.getAxes())
      axes.push_back(kept[axis]);
    llvm::sort(axes);
    Location loc = rewriter.getFusedLoc({outer.getLoc(), inner.getLoc()});
    rewriter.replaceOp(outer, Op::create(rewriter, loc, inner.getX(), axes));
    return success();
  }
};

/// reduce(transpose(x)) -> transpose(reduce(x)): fewer elements move, or none
template <typename Op> struct ReduceOfTranspose final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto transpose = op.getX().template getDefiningOp<asg::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "operand is no transpose");
    ArrayRef<int64_t> perm = transpose.getPerm();
    SmallVector<int64_t> axes;
    for (int64_t axis : op.getAxes())
      axes.push_back(perm[axis]);
    llvm::sort(axes);
    // Where each kept axis lands when the axes of x are reduced.
    SmallVector<int64_t> kept = getOtherAxes(perm.size(), axes), newPerm;
    for (int64_t axis : getOtherAxes(perm.size(), op.getAxes()))
      newPerm.push_back(llvm::find(kept, perm[axis]) - kept.begin());
    Location loc = rewriter.getFusedLoc({op.getLoc(), transpose.getLoc()});
    Value reduced = Op::create(rewriter, loc, transpose.getX(), axes);
    rewriter.replaceOp(
        op, asg::TransposeOp::create(rewriter, loc, reduced, newPerm));
    return success();
  }
};

/// A reduction of everything sees no shape: reduce(reshape(x)) -> reduce(x)
template <typename Op> struct ReduceOfReshape final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto reshape = op.getX().template getDefiningOp<asg::ReshapeOp>();
    // Axes of extent 1 are taken out by a reshape, which stays.
    if (!reshape || op.getType().getRank() != 0 ||
        matchUnitReshape(getTensorType(reshape.getX()), reshape.getType()))
      return rewriter.notifyMatchFailure(op, "reduces no whole reshape");
    // DropUnitAxes puts such a reshape in, and would again.
    if (llvm::is_contained(getTensorType(reshape.getX()).getShape(), 1))
      return rewriter.notifyMatchFailure(op, "the source has unit axes");
    int64_t rank = getTensorType(reshape.getX()).getRank();
    rewriter.replaceOpWithNewOp<Op>(op, reshape.getX(), getOtherAxes(rank, {}));
    return success();
  }
};

/// Whether the number of elements times a value of this type is sure to be as exact
/// as their sum: f16 and i8 cannot even hold large counts.
bool canScale(Type element) {
  return element.isF32() || element.isF64() || element.isInteger(32) ||
         element.isInteger(64);
}

/// sum(broadcast(x)) -> n · x, max(broadcast(x)) -> x, over axes that repeat x
template <typename Op> struct ReduceOfBroadcast final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto broadcast = op.getX().template getDefiningOp<asg::BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "operand is no broadcast");
    auto type = getTensorType(broadcast);
    if (isSum<Op> && !canScale(type.getElementType()))
      return rewriter.notifyMatchFailure(op, "the type holds no large counts");
    SmallVector<int64_t> repeated, axes;
    DimExpr count(1);
    for (int64_t axis : op.getAxes()) {
      if (llvm::is_contained(broadcast.getDims(), axis)) {
        axes.push_back(axis);
        continue;
      }
      // The largest of no elements is −∞, not x.
      if (type.getDimSize(axis) == 0)
        return rewriter.notifyMatchFailure(op, "there are no elements");
      repeated.push_back(axis);
      count = count * asg::getDim(type, axis);
    }
    if (repeated.empty())
      return rewriter.notifyMatchFailure(op, "x has all reduced axes");
    // The broadcast without the repeated axes.
    auto without = [&](int64_t axis) {
      return axis - llvm::count_if(
                        repeated, [&](int64_t other) { return other < axis; });
    };
    SmallVector<int64_t> dims;
    for (int64_t dim : broadcast.getDims())
      dims.push_back(without(dim));
    SmallVector<DimExpr> extents;
    for (int64_t axis : getOtherAxes(type.getRank(), repeated))
      extents.push_back(asg::getDim(type, axis));
    for (int64_t &axis : axes)
      axis = without(axis);
    Location loc = rewriter.getFusedLoc({op.getLoc(), broadcast.getLoc()});
    Value result =
        asg::buildBroadcast(rewriter, loc, broadcast.getX(),
                            asg::withDims(type, extents), dims);
    if (!axes.empty())
      result = Op::create(rewriter, loc, result, axes);
    if (isSum<Op>)
      result = asg::MulOp::create(
          rewriter, loc, result,
          buildCount(rewriter, loc, count, getTensorType(result)));
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// sum(c) -> n · c, max(c) -> c for a constant c
template <typename Op> struct ReduceOfConstant final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    TypedAttr splat = getSplat(op.getX());
    auto type = getTensorType(op.getX());
    auto count = asg::getNumElements(type).asConstant();
    if (!splat || !count || *count == 0)
      return rewriter.notifyMatchFailure(op, "operand is no constant");
    Location loc = op.getLoc();
    if (isSum<Op>) {
      if (!canScale(type.getElementType()))
        return rewriter.notifyMatchFailure(op, "the type holds no large counts");
      DimExpr reduced(1);
      for (int64_t axis : op.getAxes())
        reduced = reduced * asg::getDim(type, axis);
      rewriter.replaceOpWithNewOp<asg::MulOp>(
          op, asg::buildSplat(rewriter, loc, op.getType(), splat),
          buildCount(rewriter, loc, reduced, op.getType()));
    } else {
      rewriter.replaceOp(op,
                         asg::buildSplat(rewriter, loc, op.getType(), splat));
    }
    return success();
  }
};

/// Σ −x -> −Σ x
struct SumOfNegation final : OpRewritePattern<asg::ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ReduceSumOp op,
                                PatternRewriter &rewriter) const final {
    auto neg = op.getX().getDefiningOp<asg::NegOp>();
    if (!neg || !neg->hasOneUse())
      return rewriter.notifyMatchFailure(op, "operand is no negation");
    Value sum = asg::ReduceSumOp::create(rewriter, op.getLoc(), neg.getX(),
                                         op.getAxes());
    rewriter.replaceOpWithNewOp<asg::NegOp>(op, sum);
    return success();
  }
};

/// Whether all elements along `axes` are the same.
bool isRepeated(Value x, ArrayRef<int64_t> axes) {
  if (getSplat(x))
    return true;
  auto broadcast = x.getDefiningOp<asg::BroadcastOp>();
  return broadcast && llvm::none_of(axes, [&](int64_t axis) {
           return llvm::is_contained(broadcast.getDims(), axis);
         });
}

/// The operands of a product, the one that is repeated along `axes` second;
/// null if neither is.
std::pair<Value, Value> matchScaled(Value x, ArrayRef<int64_t> axes) {
  auto mul = x.getDefiningOp<asg::MulOp>();
  if (mul && isRepeated(mul.getRhs(), axes))
    return {mul.getLhs(), mul.getRhs()};
  if (mul && isRepeated(mul.getLhs(), axes))
    return {mul.getRhs(), mul.getLhs()};
  return {};
}

/// Σ c · x -> c · Σ x, where c is repeated along the axes and either nothing
/// else needs the products or Σ x is computed anyway.
struct SumOfScaled final : OpRewritePattern<asg::ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ReduceSumOp op,
                                PatternRewriter &rewriter) const final {
    auto [x, factor] = matchScaled(op.getX(), op.getAxes());
    if (!x || !isFloat(x) || !canScale(op.getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "operand is no scaled one");
    bool isSummed = llvm::any_of(x.getUsers(), [&](Operation *user) {
      auto sum = dyn_cast<asg::ReduceSumOp>(user);
      return sum && sum.getAxes() == op.getAxes();
    });
    if (!isSummed && !op.getX().hasOneUse())
      return rewriter.notifyMatchFailure(op, "others need the products");
    Location loc = op.getLoc();
    Value scale;
    if (TypedAttr splat = getSplat(factor)) {
      scale = asg::buildSplat(rewriter, loc, op.getType(), splat);
    } else {
      auto broadcast = factor.getDefiningOp<asg::BroadcastOp>();
      SmallVector<int64_t> dims;
      for (int64_t dim : broadcast.getDims())
        dims.push_back(dim - llvm::count_if(op.getAxes(), [&](int64_t axis) {
                         return axis < dim;
                       }));
      scale = asg::buildBroadcast(rewriter, loc, broadcast.getX(), op.getType(),
                                  dims);
    }
    Value sum = asg::ReduceSumOp::create(rewriter, loc, x, op.getAxes());
    rewriter.replaceOpWithNewOp<asg::MulOp>(op, sum, scale);
    return success();
  }
};

/// Σ c · (x − mean(x)) -> 0, where c is repeated along the axes of both: the
/// part of a variance's gradient that goes through the mean.
struct SumOfDeviations final : OpRewritePattern<asg::ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ReduceSumOp op,
                                PatternRewriter &rewriter) const final {
    Value x = op.getX();
    while (Value inner = getMultiplied(x, op.getAxes()))
      x = inner;
    auto sub = x.getDefiningOp<asg::SubOp>();
    if (!sub || !isFloat(x) ||
        !isMean(sub.getRhs(), sub.getLhs(), op.getAxes()))
      return rewriter.notifyMatchFailure(op, "adds no deviations from a mean");
    TypedAttr zero = rewriter.getZeroAttr(op.getType().getElementType());
    rewriter.replaceOp(
        op, asg::buildSplat(rewriter, op.getLoc(), op.getType(), zero));
    return success();
  }

  /// The v of −v, v + v or c · v; null for anything else.
  static Value getMultiplied(Value x, ArrayRef<int64_t> axes) {
    if (auto neg = x.getDefiningOp<asg::NegOp>())
      return neg.getX();
    if (auto add = x.getDefiningOp<asg::AddOp>();
        add && add.getLhs() == add.getRhs())
      return add.getLhs();
    return matchScaled(x, axes).first;
  }

  /// Whether `value` repeats Σ x / n along the axes, of n elements.
  static bool isMean(Value value, Value x, ArrayRef<int64_t> axes) {
    auto broadcast = value.getDefiningOp<asg::BroadcastOp>();
    if (!broadcast)
      return false;
    auto type = getTensorType(x);
    Operation *scaled = broadcast.getX().getDefiningOp();
    auto sum = isa_and_nonnull<asg::DivOp, asg::MulOp>(scaled)
                   ? scaled->getOperand(0).getDefiningOp<asg::ReduceSumOp>()
                   : asg::ReduceSumOp();
    if (!sum || sum.getX() != x || sum.getAxes() != axes ||
        ArrayRef(getOtherAxes(type.getRank(), axes)) != broadcast.getDims())
      return false;
    DimExpr count(1);
    for (int64_t axis : axes)
      count = count * asg::getDim(type, axis);
    Value scale = scaled->getOperand(1);
    if (auto known = count.asConstant()) {
      auto number = dyn_cast_or_null<FloatAttr>(getSplat(scale));
      double n = static_cast<double>(*known);
      double found = number ? number.getValueAsDouble() : 0;
      return number &&
             (isa<asg::DivOp>(scaled) ? found == n
                                      : std::abs(found * n - 1) <= 1e-7);
    }
    auto repeated = scale.getDefiningOp<asg::BroadcastOp>();
    auto dim = (repeated ? repeated.getX() : scale).getDefiningOp<asg::DimOp>();
    return isa<asg::DivOp>(scaled) && dim && dim.getExtent() == count.str();
  }
};

//===- Contractions -------------------------------------------------------===//

/// dot(transpose(x), y) -> dot(x, y) over x's own axes, where the free axes keep
/// their order; and alike for y.
struct DotOfTranspose final : OpRewritePattern<asg::DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::DotOp dot,
                                PatternRewriter &rewriter) const final {
    SmallVector<int64_t> lhsBatch(dot.getLhsBatch()), rhsBatch(dot.getRhsBatch());
    SmallVector<int64_t> lhsContract(dot.getLhsContract());
    SmallVector<int64_t> rhsContract(dot.getRhsContract());
    Value lhs = dot.getLhs(), rhs = dot.getRhs();
    bool changed = seeThrough(lhs, lhsBatch, lhsContract);
    changed |= seeThrough(rhs, rhsBatch, rhsContract);
    if (!changed)
      return rewriter.notifyMatchFailure(dot, "no transpose to see through");
    rewriter.replaceOpWithNewOp<asg::DotOp>(dot, dot.getType(), lhs, rhs,
                                            lhsBatch, rhsBatch, lhsContract,
                                            rhsContract);
    return success();
  }

  static bool seeThrough(Value &x, SmallVectorImpl<int64_t> &batch,
                         SmallVectorImpl<int64_t> &contract) {
    auto transpose = x.getDefiningOp<asg::TransposeOp>();
    if (!transpose)
      return false;
    ArrayRef<int64_t> perm = transpose.getPerm();
    SmallVector<int64_t> used(batch.begin(), batch.end());
    used.append(contract.begin(), contract.end());
    SmallVector<int64_t> free;
    for (int64_t axis : getOtherAxes(perm.size(), used))
      free.push_back(perm[axis]);
    if (!llvm::is_sorted(free))
      return false;
    for (int64_t &axis : batch)
      axis = perm[axis];
    for (int64_t &axis : contract)
      axis = perm[axis];
    x = transpose.getX();
    return true;
  }
};

/// The dot that `transpose` alone looks at; null if there is none.
asg::DotOp getOwnDot(asg::TransposeOp transpose) {
  auto dot = transpose.getX().getDefiningOp<asg::DotOp>();
  return dot && dot->hasOneUse() ? dot : asg::DotOp();
}

/// transpose(dot(x, y)) -> dot(x, y), where batch axes move among themselves only.
struct TransposeOfDot final : OpRewritePattern<asg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::TransposeOp transpose,
                                PatternRewriter &rewriter) const final {
    asg::DotOp dot = getOwnDot(transpose);
    if (!dot)
      return rewriter.notifyMatchFailure(transpose, "operand is no dot");
    int64_t numBatch = dot.getLhsBatch().size();
    SmallVector<int64_t> lhsBatch, rhsBatch;
    for (auto [place, axis] : llvm::enumerate(transpose.getPerm())) {
      bool isBatch = static_cast<int64_t>(place) < numBatch;
      if (isBatch ? axis >= numBatch : axis != static_cast<int64_t>(place))
        return rewriter.notifyMatchFailure(transpose, "moves free axes");
      if (!isBatch)
        continue;
      lhsBatch.push_back(dot.getLhsBatch()[axis]);
      rhsBatch.push_back(dot.getRhsBatch()[axis]);
    }
    Location loc = rewriter.getFusedLoc({transpose.getLoc(), dot.getLoc()});
    rewriter.replaceOp(transpose,
                       asg::DotOp::create(rewriter, loc, transpose.getType(),
                                          dot.getLhs(), dot.getRhs(), lhsBatch,
                                          rhsBatch, dot.getLhsContract(),
                                          dot.getRhsContract()));
    return success();
  }
};

/// transpose(dot(x, y)) -> transpose(dot(y, x)), where that leaves the last axis in its
/// place: then the product is written as it is wanted, or is what is wanted.
struct LastAxisOfDot final : OpRewritePattern<asg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::TransposeOp transpose,
                                PatternRewriter &rewriter) const final {
    asg::DotOp dot = getOwnDot(transpose);
    if (!dot)
      return rewriter.notifyMatchFailure(transpose, "operand is no dot");
    int64_t numBatch = dot.getLhsBatch().size();
    int64_t numLhs = getTensorType(dot.getLhs()).getRank() - numBatch -
                     dot.getLhsContract().size();
    int64_t numRhs = dot.getType().getRank() - numBatch - numLhs;
    if (numLhs == 0 || numRhs == 0 ||
        transpose.getPerm().back() != numBatch + numLhs - 1)
      return rewriter.notifyMatchFailure(transpose,
                                         "the last axis is no last one of lhs");
    Location loc = rewriter.getFusedLoc({transpose.getLoc(), dot.getLoc()});
    Value exchanged = asg::DotOp::create(
        rewriter, loc, dot.getRhs(), dot.getLhs(), dot.getRhsBatch(),
        dot.getLhsBatch(), dot.getRhsContract(), dot.getLhsContract());
    SmallVector<int64_t> perm;
    for (int64_t axis : transpose.getPerm())
      perm.push_back(axis < numBatch            ? axis
                     : axis < numBatch + numLhs ? axis + numRhs
                                                : axis - numLhs);
    rewriter.replaceOpWithNewOp<asg::TransposeOp>(transpose, exchanged, perm);
    return success();
  }
};

template <typename Op> void addReduction(RewritePatternSet &patterns) {
  patterns.add<DropUnitAxes<Op>, MergeReductions<Op>, ReduceOfReshape<Op>,
               ReduceOfTranspose<Op>>(patterns.getContext());
  if constexpr (isSum<Op> || isExtremum<Op>)
    patterns.add<ReduceOfBroadcast<Op>, ReduceOfConstant<Op>>(
        patterns.getContext());
}

} // namespace

void addReductionPatterns(RewritePatternSet &patterns) {
  addReduction<asg::ReduceSumOp>(patterns);
  addReduction<asg::ReduceProdOp>(patterns);
  addReduction<asg::ReduceMaxOp>(patterns);
  addReduction<asg::ReduceMinOp>(patterns);
  patterns.add<DotOfTranspose, SumOfDeviations, SumOfNegation, SumOfScaled,
               LastAxisOfDot, TransposeOfDot>(
      patterns.getContext());
}

} // namespace asgc
