//===- SimplifyLayout.cpp - Fewer and smaller rearrangements --------------===//
#include "Matchers.h"
#include "Simplify.h"

using namespace mlir;

namespace asgc {
namespace {

SmallVector<int64_t> compose(ArrayRef<int64_t> inner, ArrayRef<int64_t> outer) {
  SmallVector<int64_t> result;
  for (int64_t axis : outer)
    result.push_back(inner[axis]);
  return result;
}

Location fuse(PatternRewriter &rewriter, Operation *a, Operation *b) {
  return rewriter.getFusedLoc({a->getLoc(), b->getLoc()});
}

//===- Transpose ----------------------------------------------------------===//

/// transpose(transpose(x, p), q) -> transpose(x, p∘q)
struct MergeTransposes final : OpRewritePattern<asg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::TransposeOp outer,
                                PatternRewriter &rewriter) const final {
    auto inner = outer.getX().getDefiningOp<asg::TransposeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(outer, "operand is no transpose");
    rewriter.replaceOp(outer, asg::TransposeOp::create(
                                  rewriter, fuse(rewriter, outer, inner),
                                  inner.getX(),
                                  compose(inner.getPerm(), outer.getPerm())));
    return success();
  }
};

/// A transpose that moves axes of extent 1 only -> reshape, which moves nothing
struct TransposeOfUnits final : OpRewritePattern<asg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    RankedTensorType type = getTensorType(op.getX());
    SmallVector<int64_t> moved;
    for (int64_t axis : op.getPerm())
      if (type.getDimSize(axis) != 1)
        moved.push_back(axis);
    if (!llvm::is_sorted(moved))
      return rewriter.notifyMatchFailure(op, "moves elements");
    rewriter.replaceOpWithNewOp<asg::ReshapeOp>(op, op.getType(), op.getX());
    return success();
  }
};

/// transpose(broadcast(x)) -> broadcast(transpose(x))
struct TransposeOfBroadcast final : OpRewritePattern<asg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    auto broadcast = op.getX().getDefiningOp<asg::BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "operand is no broadcast");
    // Axis `axis` of the result is axis perm[axis] of the broadcast, which is an
    // axis of x or new.
    SmallVector<int64_t> perm, dims;
    for (auto [axis, from] : llvm::enumerate(op.getPerm())) {
      const auto *found = llvm::find(broadcast.getDims(), from);
      if (found == broadcast.getDims().end())
        continue;
      perm.push_back(found - broadcast.getDims().begin());
      dims.push_back(axis);
    }
    Value x = broadcast.getX();
    if (!llvm::is_sorted(perm))
      x = asg::TransposeOp::create(rewriter, op.getLoc(), x, perm);
    rewriter.replaceOp(op, asg::BroadcastOp::create(
                               rewriter, fuse(rewriter, op, broadcast),
                               op.getType(), x, dims));
    return success();
  }
};

//===- Broadcast ----------------------------------------------------------===//

/// broadcast(broadcast(x, d), e) -> broadcast(x, e∘d)
struct MergeBroadcasts final : OpRewritePattern<asg::BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::BroadcastOp outer,
                                PatternRewriter &rewriter) const final {
    auto inner = outer.getX().getDefiningOp<asg::BroadcastOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(outer, "operand is no broadcast");
    rewriter.replaceOp(outer, asg::BroadcastOp::create(
                                  rewriter, fuse(rewriter, outer, inner),
                                  outer.getType(), inner.getX(),
                                  compose(outer.getDims(), inner.getDims())));
    return success();
  }
};

/// A reshape that only puts in axes of extent 1 -> broadcast, through which more is
/// seen. Those that no kernel takes in become reshapes again in asg-fuse.
struct ReshapeToBroadcast final : OpRewritePattern<asg::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ReshapeOp op,
                                PatternRewriter &rewriter) const final {
    auto from = getTensorType(op.getX());
    auto axes = matchUnitReshape(from, op.getType());
    if (!axes || op.getType().getRank() <= from.getRank() ||
        llvm::count_if(*axes, [](int64_t axis) { return axis >= 0; }) !=
            from.getRank())
      return rewriter.notifyMatchFailure(op, "does more than put in units");
    SmallVector<int64_t> dims;
    for (auto [axis, source] : llvm::enumerate(*axes))
      if (source >= 0)
        dims.push_back(axis);
    rewriter.replaceOpWithNewOp<asg::BroadcastOp>(op, op.getType(), op.getX(),
                                                  dims);
    return success();
  }
};

/// reshape(broadcast(x)) -> reshape(x), where the broadcast only puts in units; or
/// broadcast(x), where the reshape only takes units out or puts them in
struct ReshapeOfBroadcast final : OpRewritePattern<asg::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ReshapeOp op,
                                PatternRewriter &rewriter) const final {
    auto broadcast = op.getX().getDefiningOp<asg::BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "operand is no broadcast");
    Location loc = fuse(rewriter, op, broadcast);
    Value x = broadcast.getX();
    if (asg::getNumElements(getTensorType(x)) ==
        asg::getNumElements(broadcast.getType())) {
      rewriter.replaceOp(op,
                         asg::ReshapeOp::create(rewriter, loc, op.getType(), x));
      return success();
    }
    if (getTensorType(x).getRank() == 0) {
      rewriter.replaceOp(op, asg::BroadcastOp::create(rewriter, loc, op.getType(),
                                                      x, ArrayRef<int64_t>()));
      return success();
    }
    auto axes = matchUnitReshape(broadcast.getType(), op.getType());
    if (!axes)
      return rewriter.notifyMatchFailure(op, "splits or merges axes");
    // Where axis d of the broadcast went, for each axis of x.
    SmallVector<int64_t> dims;
    for (int64_t dim : broadcast.getDims()) {
      const auto *found = llvm::find(*axes, dim);
      if (found == axes->end())
        return rewriter.notifyMatchFailure(op, "takes out an axis of x");
      dims.push_back(found - axes->begin());
    }
    rewriter.replaceOp(
        op, asg::BroadcastOp::create(rewriter, loc, op.getType(), x, dims));
    return success();
  }
};

/// f(broadcast(x), broadcast(y), c) -> broadcast(f(x, y, c)), where both repeat along
/// the same axes: fewer elements are computed
struct HoistBroadcast final : OpInterfaceRewritePattern<asg::ScalarInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(asg::ScalarInterface op,
                                PatternRewriter &rewriter) const final {
    asg::BroadcastOp model;
    for (Value operand : op->getOperands()) {
      if (getSplat(operand))
        continue;
      auto broadcast = operand.getDefiningOp<asg::BroadcastOp>();
      if (!broadcast)
        return rewriter.notifyMatchFailure(op, "an operand is no broadcast");
      if (!model)
        model = broadcast;
      else if (broadcast.getDims() != model.getDims() ||
               asg::getDims(getTensorType(broadcast.getX())) !=
                   asg::getDims(getTensorType(model.getX())))
        return rewriter.notifyMatchFailure(op, "operands repeat differently");
    }
    if (!model)
      return rewriter.notifyMatchFailure(op, "has only constant operands");
    auto small = [&](Type type) {
      return asg::withElementType(getTensorType(model.getX()),
                                  cast<RankedTensorType>(type).getElementType());
    };
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (TypedAttr splat = getSplat(operand))
        operands.push_back(asg::buildSplat(rewriter, operand.getLoc(),
                                           small(operand.getType()), splat));
      else
        operands.push_back(operand.getDefiningOp<asg::BroadcastOp>().getX());
    }
    auto type = getTensorType(op->getResult(0));
    Value result = cloneElementwise(rewriter, op, operands, small(type));
    rewriter.replaceOpWithNewOp<asg::BroadcastOp>(op, type, result,
                                                  model.getDims());
    return success();
  }
};

//===- Slice --------------------------------------------------------------===//

/// slice(slice(x)) -> slice(x): start = a + s·b, stride = s·t
struct MergeSlices final : OpRewritePattern<asg::SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::SliceOp outer,
                                PatternRewriter &rewriter) const final {
    auto inner = outer.getX().getDefiningOp<asg::SliceOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(outer, "operand is no slice");
    SmallVector<int64_t> starts, strides;
    for (int64_t axis = 0; axis < outer.getType().getRank(); ++axis) {
      int64_t a = inner.getStarts()[axis], s = inner.getStrides()[axis];
      int64_t b = outer.getStarts()[axis], t = outer.getStrides()[axis];
      if (b < 0 || (a < 0 && a + s * b >= 0))
        return rewriter.notifyMatchFailure(outer, "starts count from the end");
      starts.push_back(a + s * b);
      strides.push_back(s * t);
    }
    rewriter.replaceOp(outer,
                       asg::SliceOp::create(
                           rewriter, fuse(rewriter, outer, inner),
                           outer.getType(), inner.getX(), starts, strides));
    return success();
  }
};

/// slice(concat(x, y)) -> slice(x), where all of it lies in x
struct SliceOfConcat final : OpRewritePattern<asg::SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::SliceOp slice,
                                PatternRewriter &rewriter) const final {
    auto concat = slice.getX().getDefiningOp<asg::ConcatOp>();
    if (!concat)
      return rewriter.notifyMatchFailure(slice, "operand is no concat");
    int64_t axis = concat.getAxis();
    int64_t start = slice.getStarts()[axis], stride = slice.getStrides()[axis];
    int64_t count = slice.getType().getDimSize(axis);
    if (start < 0 || ShapedType::isDynamic(count) || count == 0)
      return rewriter.notifyMatchFailure(slice, "is placed at run time");
    int64_t last = start + stride * (count - 1);
    for (Value x : concat.getXs()) {
      int64_t extent = getTensorType(x).getDimSize(axis);
      if (ShapedType::isDynamic(extent))
        break;
      if (start < extent) {
        if (last >= extent)
          break;
        SmallVector<int64_t> starts(slice.getStarts());
        starts[axis] = start;
        rewriter.replaceOp(slice, asg::SliceOp::create(
                                      rewriter, fuse(rewriter, slice, concat),
                                      slice.getType(), x, starts,
                                      slice.getStrides()));
        return success();
      }
      start -= extent;
      last -= extent;
    }
    return rewriter.notifyMatchFailure(slice, "spans several operands");
  }
};

/// concat(x) -> x
struct ConcatOfOne final : OpRewritePattern<asg::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::ConcatOp op,
                                PatternRewriter &rewriter) const final {
    if (op.getXs().size() != 1)
      return rewriter.notifyMatchFailure(op, "joins several");
    rewriter.replaceOp(op, op.getXs()[0]);
    return success();
  }
};

/// A pad that adds nothing -> x
struct IdlePad final : OpRewritePattern<asg::PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::PadOp op,
                                PatternRewriter &rewriter) const final {
    if (op.getType() != op.getX().getType())
      return rewriter.notifyMatchFailure(op, "adds elements");
    rewriter.replaceOp(op, op.getX());
    return success();
  }
};

/// pad(x, 0) + pad(y, 0), whose elements are neighbours -> pad(concat(x, y),
/// 0): the gradient of a tensor that was split.
struct SumOfPads final : OpRewritePattern<asg::AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::AddOp add,
                                PatternRewriter &rewriter) const final {
    auto first = add.getLhs().getDefiningOp<asg::PadOp>();
    auto second = add.getRhs().getDefiningOp<asg::PadOp>();
    if (!first || !second || !isZeroPad(first) || !isZeroPad(second))
      return rewriter.notifyMatchFailure(add, "no sum of pads with zeros");
    int64_t axis = -1;
    for (int64_t other = 0; other < add.getType().getRank(); ++other) {
      if (first.getLow()[other] == second.getLow()[other] &&
          first.getHigh()[other] == second.getHigh()[other])
        continue;
      if (axis >= 0)
        return rewriter.notifyMatchFailure(add, "pads along several axes");
      axis = other;
    }
    if (axis < 0)
      return rewriter.notifyMatchFailure(add, "elements meet");
    if (first.getLow()[axis] > second.getLow()[axis])
      std::swap(first, second);
    DimExpr extent = asg::getDim(getTensorType(first.getX()), axis);
    if (!(extent + DimExpr(first.getLow()[axis]) ==
          DimExpr(second.getLow()[axis])))
      return rewriter.notifyMatchFailure(add, "elements are no neighbours");
    SmallVector<Value> parts;
    for (Value x : {first.getX(), second.getX()}) {
      auto concat = x.getDefiningOp<asg::ConcatOp>();
      if (concat && static_cast<int64_t>(concat.getAxis()) == axis)
        llvm::append_range(parts, concat.getXs());
      else
        parts.push_back(x);
    }
    Location loc = fuse(rewriter, first, second);
    Value whole = asg::ConcatOp::create(rewriter, loc, parts, axis);
    SmallVector<int64_t> high(first.getHigh());
    high[axis] = second.getHigh()[axis];
    rewriter.replaceOpWithNewOp<asg::PadOp>(add, whole, first.getLow(), high,
                                            first.getInterior(),
                                            first.getValue());
    return success();
  }

private:
  static bool isZeroPad(asg::PadOp pad) {
    return pad.getValueAttr().getValue().isPosZero() &&
           llvm::all_of(pad.getInterior(),
                        [](int64_t gap) { return gap == 0; });
  }
};

} // namespace

void addLayoutPatterns(RewritePatternSet &patterns) {
  patterns
      .add<ConcatOfOne, HoistBroadcast, IdlePad, MergeBroadcasts, MergeSlices,
           MergeTransposes, ReshapeOfBroadcast, ReshapeToBroadcast,
           SliceOfConcat, SumOfPads, TransposeOfBroadcast, TransposeOfUnits>(
          patterns.getContext());
}

} // namespace asgc
