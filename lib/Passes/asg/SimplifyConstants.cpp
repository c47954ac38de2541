//===- SimplifyConstants.cpp - What is known at compile time --------------===//
#include "Matchers.h"
#include "Simplify.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace asgc {
namespace {

/// The type that a scalar of this element type has in a kernel.
Type getScalarType(Type element) {
  auto real = dyn_cast<FloatType>(element);
  return real && real.getWidth() < 32 ? Float32Type::get(element.getContext())
                                      : element;
}

/// `value` with another float type; integers stay.
TypedAttr convert(TypedAttr value, Type type) {
  auto real = dyn_cast<FloatAttr>(value);
  if (!real)
    return value.getType() == type ? value : TypedAttr();
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType)
    return {};
  APFloat number = real.getValue();
  bool isLost;
  number.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                 &isLost);
  return FloatAttr::get(type, number);
}

/// Runs the scalar program of an elementwise op on constants, by the folders of
/// arith and math; null where one of them does not fold.
TypedAttr evaluate(asg::ScalarInterface op, ArrayRef<TypedAttr> operands) {
  Block block;
  OpBuilder builder(op.getContext());
  builder.setInsertionPointToStart(&block);
  SmallVector<Value> scalars;
  for (TypedAttr operand : operands)
    scalars.push_back(arith::ConstantOp::create(
        builder, op.getLoc(),
        convert(operand, getScalarType(operand.getType()))));
  Type element = getTensorType(op->getResult(0)).getElementType();
  Value result = op.buildScalar(builder, op.getLoc(), scalars,
                                getScalarType(element));
  DenseMap<Value, Attribute> known;
  for (Operation &step : block) {
    SmallVector<Attribute> inputs;
    for (Value input : step.getOperands())
      inputs.push_back(known.lookup(input));
    SmallVector<OpFoldResult> folded;
    if (failed(step.fold(inputs, folded)) || folded.size() != 1)
      return {};
    auto value = dyn_cast<Value>(folded[0]);
    known[step.getResult(0)] =
        value ? known.lookup(value) : cast<Attribute>(folded[0]);
  }
  auto value = dyn_cast_or_null<TypedAttr>(known.lookup(result));
  return value ? convert(value, element) : TypedAttr();
}

/// f(c, d) -> the constant f(c, d)
struct FoldElementwise final
    : OpInterfaceRewritePattern<asg::ScalarInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(asg::ScalarInterface op,
                                PatternRewriter &rewriter) const final {
    SmallVector<TypedAttr> operands;
    for (Value operand : op->getOperands()) {
      TypedAttr splat = getSplat(operand);
      if (!splat)
        return rewriter.notifyMatchFailure(op, "an operand is no constant");
      operands.push_back(splat);
    }
    if (operands.empty())
      return rewriter.notifyMatchFailure(op, "has no operands");
    TypedAttr value = evaluate(op, operands);
    if (!value)
      return rewriter.notifyMatchFailure(op, "does not fold");
    rewriter.replaceOp(op,
                       asg::buildSplat(rewriter, op.getLoc(),
                                       getTensorType(op->getResult(0)), value));
    return success();
  }
};

/// A layout op of a constant -> the constant. Pad only if it adds that constant.
template <typename Op> struct FoldLayout final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    TypedAttr splat = getSplat(op.getX());
    if (!splat)
      return rewriter.notifyMatchFailure(op, "operand is no constant");
    RankedTensorType type = op.getType();
    if constexpr (std::is_same_v<Op, asg::BroadcastOp>) {
      // The form that constants of run-time shape have stays.
      if (!type.hasStaticShape() &&
          op.getX().template getDefiningOp<asg::ConstantOp>() &&
          getTensorType(op.getX()).getRank() == 0)
        return rewriter.notifyMatchFailure(op, "is a constant's normal form");
    }
    if constexpr (std::is_same_v<Op, asg::PadOp>) {
      if (!isSplat(op.getX(), op.getValue().convertToDouble()))
        return rewriter.notifyMatchFailure(op, "adds another value");
    }
    rewriter.replaceOp(op, asg::buildSplat(rewriter, op.getLoc(), type, splat));
    return success();
  }
};

/// asg.dim of a number -> a constant
struct FoldDim final : OpRewritePattern<asg::DimOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(asg::DimOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<DimExpr> extent = DimExpr::parse(op.getExtent());
    std::optional<int64_t> value = extent ? extent->asConstant() : std::nullopt;
    if (!value)
      return rewriter.notifyMatchFailure(op, "is known at run time only");
    rewriter.replaceOp(op, asg::buildSplat(rewriter, op.getLoc(), op.getType(),
                                           static_cast<double>(*value)));
    return success();
  }
};

} // namespace

void addConstantPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldDim, FoldElementwise, FoldLayout<asg::BroadcastOp>,
               FoldLayout<asg::PadOp>, FoldLayout<asg::ReshapeOp>,
               FoldLayout<asg::SliceOp>, FoldLayout<asg::TransposeOp>>(
      patterns.getContext());
}

} // namespace asgc
