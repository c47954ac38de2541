//===- AsgElementwise.cpp - One element at a time -------------------------===//
#include "dialects/asg/AsgChecks.h"

#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Types --------------------------------------------------------------===//

LogicalResult CompareOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  if (failed(checkTensors(fault, operands)))
    return failure();
  results.push_back(withElementType(tensorType(operands[0]),
                                    IntegerType::get(context, 1)));
  return success();
}

LogicalResult SelectOp::verify() {
  Type boolType = IntegerType::get(getContext(), 1);
  if (getCondition().getType() != withElementType(getY().getType(), boolType))
    return Fault(*this)("selects ", describe(getY().getType()), " by ",
                        describe(getCondition().getType()),
                        ", which has another shape");
  return success();
}

LogicalResult CastOp::verify() {
  auto from = getX().getType(), to = getY().getType();
  if (withElementType(from, to.getElementType()) != to)
    return Fault(*this)("changes the element type only, not ", describe(from),
                        " to ", describe(to));
  return success();
}

LogicalResult ConstantOp::verify() {
  if (!isa<DenseElementsAttr>(getValue()))
    return Fault(*this)("needs dense values, not ", getValue());
  return success();
}

LogicalResult IotaOp::verify() {
  return checkAxis(Fault(*this), getAxis(), getY().getType());
}

LogicalResult DimOp::verify() {
  auto extent = DimExpr::parse(getExtent());
  if (!extent || extent->str() != getExtent())
    return Fault(*this)("has extent '", getExtent(),
                        "', which is not in normal form");
  if (getY().getType().getRank() != 0)
    return Fault(*this)("gives a scalar, not ", describe(getY().getType()));
  return success();
}

//===- Gradients ----------------------------------------------------------===//

namespace {
/// Ops on values of one type, in the order of evaluation.
struct Expression {
  OpBuilder &builder;
  Location loc;

  Value constant(Value like, double value) {
    return buildSplat(builder, loc, tensorType(like), value);
  }
  Value compare(Predicate predicate, Value lhs, Value rhs) {
    return CompareOp::create(builder, loc, predicate, lhs, rhs);
  }
  Value select(Value condition, Value onTrue, Value onFalse) {
    return SelectOp::create(builder, loc, condition, onTrue, onFalse);
  }
  Value mul(Value lhs, Value rhs) {
    return MulOp::create(builder, loc, lhs, rhs);
  }
};

/// The cotangents of min and max: all to the operand that won, and half each
/// when they are equal.
SmallVector<Value> buildExtremumGradient(Expression e, Value dy, Predicate wins,
                                         Value lhs, Value rhs) {
  Value zero = e.constant(dy, 0), half = e.mul(dy, e.constant(dy, 0.5));
  Value tied = e.compare(Predicate::eq, lhs, rhs);
  Value shared = e.select(tied, half, zero);
  return {e.select(e.compare(wins, lhs, rhs), dy, shared),
          e.select(e.compare(wins, rhs, lhs), dy, shared)};
}
} // namespace

SmallVector<Value> SinOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value()};
  Value cosine = CosOp::create(builder, getLoc(), getX());
  return {MulOp::create(builder, getLoc(), dy, cosine)};
}

SmallVector<Value> ModOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  // y = l − ⌊l / r⌋ · r with ⌊l / r⌋ constant almost everywhere.
  Location loc = getLoc();
  Value quotient = DivOp::create(builder, loc, getLhs(), getRhs());
  Value whole = FloorOp::create(builder, loc, quotient);
  Value product = MulOp::create(builder, loc, dy, whole);
  return {dy, NegOp::create(builder, loc, product)};
}

SmallVector<Value> PowOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value(), Value()};
  Expression e{builder, getLoc()};
  Value base = getLhs(), exponent = getRhs();
  Value zero = e.constant(dy, 0), one = e.constant(dy, 1);
  Value baseIsZero = e.compare(Predicate::eq, base, zero);
  Value exponentIsZero = e.compare(Predicate::eq, exponent, zero);
  // dl = dy · r · l^(r − 1), but 0⁰ is constant in l: not 0 · 0⁻¹.
  Value isConstant =
      AndOp::create(builder, getLoc(), baseIsZero, exponentIsZero);
  Value lower = e.select(isConstant, one,
                         SubOp::create(builder, getLoc(), exponent, one));
  Value power = PowOp::create(builder, getLoc(), base, lower);
  // dr = dy · y · ln l, and 0 where l is 0: not 0 · ln 0.
  Value logarithm =
      LogOp::create(builder, getLoc(), e.select(baseIsZero, one, base));
  return {e.mul(e.mul(dy, exponent), power), e.mul(e.mul(dy, getY()), logarithm)};
}

SmallVector<Value> MinOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  return buildExtremumGradient({builder, getLoc()}, dy, Predicate::lt, getLhs(),
                               getRhs());
}

SmallVector<Value> MaxOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  return buildExtremumGradient({builder, getLoc()}, dy, Predicate::gt, getLhs(),
                               getRhs());
}

SmallVector<Value> CastOp::buildGradient(OpBuilder &builder,
                                         ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(getX().getType()))
    return {Value()};
  return {CastOp::create(builder, getLoc(), getX().getType(), dy)};
}

//===- Folds --------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

namespace {
/// One element as the cast of `Asg_CastOp` makes it.
Attribute castElement(Attribute element, Type to) {
  bool isLost;
  if (auto number = dyn_cast<FloatAttr>(element)) {
    APFloat value = number.getValue();
    if (auto floatType = dyn_cast<FloatType>(to)) {
      value.convert(floatType.getFloatSemantics(),
                    APFloat::rmNearestTiesToEven, &isLost);
      return FloatAttr::get(to, value);
    }
    if (to.isInteger(1))
      return IntegerAttr::get(to, value.isZero() ? 0 : 1);
    // Saturates, and makes 0 of NaN.
    APSInt integer(to.getIntOrFloatBitWidth(), /*isUnsigned=*/false);
    value.convertToInteger(integer, APFloat::rmTowardZero, &isLost);
    return IntegerAttr::get(to, integer);
  }
  APInt value = cast<IntegerAttr>(element).getValue();
  bool isBool = value.getBitWidth() == 1;
  if (auto floatType = dyn_cast<FloatType>(to)) {
    APFloat result(floatType.getFloatSemantics());
    result.convertFromAPInt(value, !isBool, APFloat::rmNearestTiesToEven);
    return FloatAttr::get(to, result);
  }
  unsigned width = to.getIntOrFloatBitWidth();
  if (width == 1)
    return IntegerAttr::get(to, value.isZero() ? 0 : 1);
  return IntegerAttr::get(to, isBool ? value.zextOrTrunc(width)
                                     : value.sextOrTrunc(width));
}

/// Larger constants that are no splat stay as they were written.
constexpr int64_t kMaxFolded = 1024;
} // namespace

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  auto values = dyn_cast_or_null<DenseElementsAttr>(adaptor.getX());
  if (!values || (!values.isSplat() && values.getNumElements() > kMaxFolded))
    return {};
  Type to = getY().getType().getElementType();
  if (values.isSplat())
    return DenseElementsAttr::get(
        getY().getType(), castElement(values.getSplatValue<Attribute>(), to));
  SmallVector<Attribute> elements;
  for (Attribute element : values.getValues<Attribute>())
    elements.push_back(castElement(element, to));
  return DenseElementsAttr::get(getY().getType(), elements);
}
