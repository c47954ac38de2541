//===- SimplifyArithmetic.cpp - Identities, element by element ------------===//
#include "Matchers.h"
#include "Simplify.h"

using namespace mlir;
using asgc::asg::Predicate;

namespace asgc {
namespace {

//===- Addition and subtraction -------------------------------------------===//

/// x + 0 -> x;  x + (−y) -> x − y
struct SimplifyAdd final : OpRewritePattern<asg::AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::AddOp add,
                                PatternRewriter &rewriter) const final {
    for (auto [x, other] : {std::pair(add.getLhs(), add.getRhs()),
                            std::pair(add.getRhs(), add.getLhs())}) {
      if (isSplat(other, 0)) {
        rewriter.replaceOp(add, x);
        return success();
      }
      if (auto neg = other.getDefiningOp<asg::NegOp>()) {
        rewriter.replaceOpWithNewOp<asg::SubOp>(add, x, neg.getX());
        return success();
      }
    }
    return rewriter.notifyMatchFailure(add, "no zero and no negation");
  }
};

/// x − 0 -> x;  0 − x -> −x;  x − (−y) -> x + y
struct SimplifySub final : OpRewritePattern<asg::SubOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::SubOp sub,
                                PatternRewriter &rewriter) const final {
    if (isSplat(sub.getRhs(), 0))
      rewriter.replaceOp(sub, sub.getLhs());
    else if (isSplat(sub.getLhs(), 0))
      rewriter.replaceOpWithNewOp<asg::NegOp>(sub, sub.getRhs());
    else if (auto neg = sub.getRhs().getDefiningOp<asg::NegOp>())
      rewriter.replaceOpWithNewOp<asg::AddOp>(sub, sub.getLhs(), neg.getX());
    else
      return rewriter.notifyMatchFailure(sub, "no zero and no negation");
    return success();
  }
};

/// −(−x) -> x;  −(x − y) -> y − x
struct SimplifyNeg final : OpRewritePattern<asg::NegOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::NegOp neg,
                                PatternRewriter &rewriter) const final {
    if (auto inner = neg.getX().getDefiningOp<asg::NegOp>()) {
      rewriter.replaceOp(neg, inner.getX());
      return success();
    }
    auto sub = neg.getX().getDefiningOp<asg::SubOp>();
    if (!sub || !sub->hasOneUse())
      return rewriter.notifyMatchFailure(neg, "operand is no negation");
    rewriter.replaceOpWithNewOp<asg::SubOp>(neg, sub.getRhs(), sub.getLhs());
    return success();
  }
};

//===- Multiplication and division ----------------------------------------===//

/// x · 1 -> x;  x · (−1) -> −x;  x · 0 -> 0 for integers (not for floats: NaN · 0)
/// (−x) · (−y) -> x · y
struct SimplifyMul final : OpRewritePattern<asg::MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::MulOp mul,
                                PatternRewriter &rewriter) const final {
    for (auto [x, other] : {std::pair(mul.getLhs(), mul.getRhs()),
                            std::pair(mul.getRhs(), mul.getLhs())}) {
      if (isSplat(other, 1)) {
        rewriter.replaceOp(mul, x);
        return success();
      }
      if (isSplat(other, -1)) {
        rewriter.replaceOpWithNewOp<asg::NegOp>(mul, x);
        return success();
      }
      if (isSplat(other, 0) && !isFloat(x)) {
        rewriter.replaceOp(mul, other);
        return success();
      }
    }
    auto lhs = mul.getLhs().getDefiningOp<asg::NegOp>();
    auto rhs = mul.getRhs().getDefiningOp<asg::NegOp>();
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(mul, "no known factor");
    rewriter.replaceOpWithNewOp<asg::MulOp>(mul, lhs.getX(), rhs.getX());
    return success();
  }
};

/// Whether a value repeats an extent of at least 1.
bool isExtent(Value value) {
  auto broadcast = value.getDefiningOp<asg::BroadcastOp>();
  auto dim =
      (broadcast ? broadcast.getX() : value).getDefiningOp<asg::DimOp>();
  std::optional<DimExpr> extent =
      dim ? DimExpr::parse(dim.getExtent()) : std::nullopt;
  return extent && extent->minimum().value_or(0) > 0;
}

/// x / 1 -> x;  x / (−1) -> −x;  x / c -> x · (1/c) where 1/c is exact, or if asked;
/// 0 / n -> 0 for an extent n
struct SimplifyDiv final : OpRewritePattern<asg::DivOp> {
  SimplifyDiv(MLIRContext *context, bool reciprocals)
      : OpRewritePattern(context), reciprocals(reciprocals) {}

  LogicalResult matchAndRewrite(asg::DivOp div,
                                PatternRewriter &rewriter) const final {
    if (isSplat(div.getRhs(), 1) ||
        (isSplat(div.getLhs(), 0) && isExtent(div.getRhs()))) {
      rewriter.replaceOp(div, div.getLhs());
      return success();
    }
    auto divisor = dyn_cast_or_null<FloatAttr>(getSplat(div.getRhs()));
    if (!divisor)
      return rewriter.notifyMatchFailure(div, "divisor is no constant");
    // Exact for powers of two whose inverse is a normal number.
    APFloat inverse(divisor.getValue().getSemantics(), 1);
    if (!divisor.getValue().getExactInverse(&inverse)) {
      if (!reciprocals || divisor.getValue().isZero() ||
          !divisor.getValue().isFinite())
        return rewriter.notifyMatchFailure(div, "1/c would be rounded");
      inverse.divide(divisor.getValue(), APFloat::rmNearestTiesToEven);
    }
    Value factor =
        asg::buildSplat(rewriter, div.getRhs().getLoc(), div.getType(),
                        FloatAttr::get(divisor.getType(), inverse));
    rewriter.replaceOpWithNewOp<asg::MulOp>(div, div.getLhs(), factor);
    return success();
  }

  bool reciprocals;
};

/// x^0 -> 1;  x^1 -> x;  x^n -> products, for n up to 4;  x^−1 -> 1 / x
struct ExpandPow final : OpRewritePattern<asg::PowOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::PowOp pow,
                                PatternRewriter &rewriter) const final {
    auto exponent = dyn_cast_or_null<FloatAttr>(getSplat(pow.getRhs()));
    if (!exponent)
      return rewriter.notifyMatchFailure(pow, "exponent is no constant");
    double n = exponent.getValueAsDouble();
    Value x = pow.getLhs();
    Location loc = pow.getLoc();
    auto one = [&] {
      return asg::buildSplat(rewriter, loc, pow.getType(), 1);
    };
    auto square = [&](Value value) -> Value {
      return asg::MulOp::create(rewriter, loc, value, value);
    };
    Value result;
    if (n == 0)
      result = one();
    else if (n == 1)
      result = x;
    else if (n == 2)
      result = square(x);
    else if (n == 3)
      result = asg::MulOp::create(rewriter, loc, square(x), x);
    else if (n == 4)
      result = square(square(x));
    else if (n == -1)
      result = asg::DivOp::create(rewriter, loc, one(), x);
    else
      return rewriter.notifyMatchFailure(pow, "exponent is no small integer");
    rewriter.replaceOp(pow, result);
    return success();
  }
};

//===- Truth --------------------------------------------------------------===//

/// ¬¬x -> x;  ¬(a = b) -> a ≠ b, and back. Not for <: NaN makes both false.
struct SimplifyNot final : OpRewritePattern<asg::NotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::NotOp op,
                                PatternRewriter &rewriter) const final {
    if (auto inner = op.getX().getDefiningOp<asg::NotOp>()) {
      rewriter.replaceOp(op, inner.getX());
      return success();
    }
    auto compare = op.getX().getDefiningOp<asg::CompareOp>();
    if (!compare)
      return rewriter.notifyMatchFailure(op, "operand is no comparison");
    static constexpr Predicate opposites[] = {Predicate::ne, Predicate::eq,
                                              Predicate::ge, Predicate::gt,
                                              Predicate::le, Predicate::lt};
    Predicate predicate = compare.getPredicate();
    bool isExact = predicate == Predicate::eq || predicate == Predicate::ne;
    if (!isExact && isFloat(compare.getLhs()))
      return rewriter.notifyMatchFailure(op, "NaN compares false both ways");
    rewriter.replaceOpWithNewOp<asg::CompareOp>(
        op, opposites[static_cast<unsigned>(predicate)], compare.getLhs(),
        compare.getRhs());
    return success();
  }
};

/// c ? x : x -> x;  true ? x : y -> x;  false ? x : y -> y
/// ¬c ? x : y -> c ? y : x;  c ? (c ? x : y) : z -> c ? x : z, and alike for z
struct SimplifySelect final : OpRewritePattern<asg::SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::SelectOp select,
                                PatternRewriter &rewriter) const final {
    Value condition = select.getCondition();
    Value onTrue = select.getOnTrue(), onFalse = select.getOnFalse();
    if (onTrue == onFalse || isSplat(condition, 1)) {
      rewriter.replaceOp(select, onTrue);
      return success();
    }
    if (isSplat(condition, 0)) {
      rewriter.replaceOp(select, onFalse);
      return success();
    }
    if (auto negated = condition.getDefiningOp<asg::NotOp>()) {
      rewriter.replaceOpWithNewOp<asg::SelectOp>(select, negated.getX(), onFalse,
                                                 onTrue);
      return success();
    }
    auto inner = onTrue.getDefiningOp<asg::SelectOp>();
    if (inner && inner.getCondition() == condition)
      onTrue = inner.getOnTrue();
    inner = onFalse.getDefiningOp<asg::SelectOp>();
    if (inner && inner.getCondition() == condition)
      onFalse = inner.getOnFalse();
    if (onTrue == select.getOnTrue() && onFalse == select.getOnFalse())
      return rewriter.notifyMatchFailure(select, "nothing known of the choice");
    rewriter.replaceOpWithNewOp<asg::SelectOp>(select, condition, onTrue,
                                               onFalse);
    return success();
  }
};

/// x ∧ true -> x;  x ∧ false -> false;  x ∧ x -> x, for bools; and alike for ∨.
template <typename Op, bool neutral>
struct SimplifyLogic final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    if (op.getLhs() == op.getRhs()) {
      rewriter.replaceOp(op, op.getLhs());
      return success();
    }
    if (!op.getType().getElementType().isInteger(1))
      return rewriter.notifyMatchFailure(op, "not of bools");
    for (auto [x, other] : {std::pair(op.getLhs(), op.getRhs()),
                            std::pair(op.getRhs(), op.getLhs())}) {
      if (isSplat(other, neutral)) {
        rewriter.replaceOp(op, x);
        return success();
      }
      if (isSplat(other, !neutral)) {
        rewriter.replaceOp(op, other);
        return success();
      }
    }
    return rewriter.notifyMatchFailure(op, "no known operand");
  }
};

/// With y = max(x, 0), or y = x > 0 ? x : 0: a second use of x > 0 becomes y > 0,
/// the same for every x, NaN included. So a rectifier's gradient keeps y, which the
/// next layer keeps anyway, and x can go.
struct RectifierMask final : OpRewritePattern<asg::CompareOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::CompareOp compare,
                                PatternRewriter &rewriter) const final {
    Value x = compare.getLhs();
    if (compare.getPredicate() != Predicate::gt || !isFloat(x) ||
        !isSplat(compare.getRhs(), 0))
      return rewriter.notifyMatchFailure(compare, "is not x > 0");
    Operation *rectified = findRectified(compare);
    if (!rectified)
      return rewriter.notifyMatchFailure(compare, "x is not rectified before");
    SmallVector<Operation *> users;
    for (Operation *user : compare->getUsers())
      if (user->getBlock() == rectified->getBlock() &&
          rectified->isBeforeInBlock(user))
        users.push_back(user);
    if (users.empty())
      return rewriter.notifyMatchFailure(compare, "serves the rectifier only");
    rewriter.setInsertionPointAfter(
        rectified->isBeforeInBlock(compare) ? compare.getOperation() : rectified);
    Value mask = asg::CompareOp::create(rewriter, compare.getLoc(),
                                        Predicate::gt, rectified->getResult(0),
                                        compare.getRhs());
    for (Operation *user : users)
      rewriter.modifyOpInPlace(user, [&] {
        user->replaceUsesOfWith(compare.getResult(), mask);
      });
    return success();
  }

  static Operation *findRectified(asg::CompareOp compare) {
    Value x = compare.getLhs();
    for (Operation *user : x.getUsers()) {
      if (user->getBlock() != compare->getBlock())
        continue;
      if (auto max = dyn_cast<asg::MaxOp>(user);
          max && (isSplat(max.getLhs(), 0) || isSplat(max.getRhs(), 0)))
        return user;
      if (auto select = dyn_cast<asg::SelectOp>(user);
          select && select.getCondition() == compare.getResult() &&
          select.getOnTrue() == x && isSplat(select.getOnFalse(), 0))
        return user;
    }
    return nullptr;
  }
};

/// stop_gradient(x) -> x: the gradients have been built.
struct DropStopGradient final : OpRewritePattern<asg::StopGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::StopGradientOp op,
                                PatternRewriter &rewriter) const final {
    rewriter.replaceOp(op, op.getX());
    return success();
  }
};

/// max(max(x, c), c) -> max(x, c), and alike for min
template <typename Op> struct MergeExtrema final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    if (op.getLhs() == op.getRhs()) {
      rewriter.replaceOp(op, op.getLhs());
      return success();
    }
    for (auto [x, other] : {std::pair(op.getLhs(), op.getRhs()),
                            std::pair(op.getRhs(), op.getLhs())})
      if (auto inner = x.template getDefiningOp<Op>())
        if (inner.getLhs() == other || inner.getRhs() == other) {
          rewriter.replaceOp(op, inner.getResult());
          return success();
        }
    return rewriter.notifyMatchFailure(op, "no repeated bound");
  }
};

} // namespace

void addArithmeticPatterns(RewritePatternSet &patterns, bool reciprocals) {
  MLIRContext *context = patterns.getContext();
  patterns
      .add<DropStopGradient, ExpandPow, MergeExtrema<asg::MaxOp>,
           MergeExtrema<asg::MinOp>, RectifierMask, SimplifyAdd,
           SimplifyLogic<asg::AndOp, true>, SimplifyLogic<asg::OrOp, false>,
           SimplifyMul, SimplifyNeg, SimplifyNot, SimplifySelect, SimplifySub>(
          context);
  patterns.add<SimplifyDiv>(context, reciprocals);
}

} // namespace asgc
