//===- AsgScalars.cpp - Elementwise ops on one point, in arith and math ---===//
#include "dialects/asg/AsgChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

namespace {
bool isFloatPoint(Value point) {
  return isa<FloatType>(getElementTypeOrSelf(point.getType()));
}

Value buildScalarOp(StringRef name, OpBuilder &builder, Location loc,
                    ValueRange operands, Type resultType) {
  OperationState state(loc, name);
  state.addOperands(operands);
  state.addTypes(resultType);
  return builder.create(state)->getResult(0);
}

/// Values of one type, a scalar or a vector, and what is made of them.
class Point {
public:
  Point(OpBuilder &builder, Location loc, Type type)
      : builder(builder), loc(loc), type(type),
        element(getElementTypeOrSelf(type)) {}

  Value constant(double value) {
    return make(builder.getFloatAttr(element, value));
  }
  Value constant(const APInt &value) {
    return make(builder.getIntegerAttr(element, value));
  }
  Value integer(int64_t value) {
    return constant(APInt(element.getIntOrFloatBitWidth(), value, true, true));
  }
  Value compare(arith::CmpFPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpFOp::create(builder, loc, predicate, lhs, rhs);
  }
  Value compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpIOp::create(builder, loc, predicate, lhs, rhs);
  }
  Value select(Value condition, Value onTrue, Value onFalse) {
    return arith::SelectOp::create(builder, loc, condition, onTrue, onFalse);
  }

private:
  Value make(TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, Attribute(value));
    return arith::ConstantOp::create(builder, loc, value);
  }

  OpBuilder &builder;
  Location loc;
  Type type, element;
};
} // namespace

namespace asgc::asg {
#include "dialects/asg/AsgScalars.cpp.inc"
} // namespace asgc::asg

//===- Integers -----------------------------------------------------------===//

Value asg::buildIntegerScalar(NegOp, OpBuilder &builder, Location loc,
                              ValueRange operands, Type resultType) {
  Value zero = Point(builder, loc, resultType).integer(0);
  return arith::SubIOp::create(builder, loc, zero, operands[0]);
}

Value asg::buildIntegerScalar(AbsOp, OpBuilder &builder, Location loc,
                              ValueRange operands, Type resultType) {
  return math::AbsIOp::create(builder, loc, operands[0]);
}

namespace {
/// A divisor for which arith's division is defined: 1 in place of 0 and of −1,
/// whose quotient may overflow.
Value buildSafeDivisor(Point point, OpBuilder &builder, Location loc,
                       Value divisor, Value &isZero, Value &isMinusOne) {
  isZero = point.compare(arith::CmpIPredicate::eq, divisor, point.integer(0));
  isMinusOne =
      point.compare(arith::CmpIPredicate::eq, divisor, point.integer(-1));
  Value isUnsafe = arith::OrIOp::create(builder, loc, isZero, isMinusOne);
  return point.select(isUnsafe, point.integer(1), divisor);
}
} // namespace

Value asg::buildIntegerScalar(DivOp, OpBuilder &builder, Location loc,
                              ValueRange operands, Type resultType) {
  Point point(builder, loc, resultType);
  Value isZero, isMinusOne;
  Value divisor = buildSafeDivisor(point, builder, loc, operands[1], isZero,
                                   isMinusOne);
  Value quotient = arith::DivSIOp::create(builder, loc, operands[0], divisor);
  Value opposite =
      arith::SubIOp::create(builder, loc, point.integer(0), operands[0]);
  quotient = point.select(isMinusOne, opposite, quotient);
  return point.select(isZero, point.integer(0), quotient);
}

Value ModOp::buildScalar(OpBuilder &builder, Location loc, ValueRange operands,
                         Type resultType) {
  Value lhs = operands[0], rhs = operands[1];
  if (isFloatPoint(lhs)) {
    Value quotient = arith::DivFOp::create(builder, loc, lhs, rhs);
    Value whole = math::FloorOp::create(builder, loc, quotient);
    Value product = arith::MulFOp::create(builder, loc, whole, rhs);
    return arith::SubFOp::create(builder, loc, lhs, product);
  }
  Point point(builder, loc, resultType);
  Value isZero, isMinusOne, zero = point.integer(0);
  // With the divisor 1 for 0 and −1 the remainder is 0, as it should be.
  Value divisor =
      buildSafeDivisor(point, builder, loc, rhs, isZero, isMinusOne);
  Value rest = arith::RemSIOp::create(builder, loc, lhs, divisor);
  // arith's remainder has the sign of lhs; ours has the divisor's.
  Value signs = arith::XOrIOp::create(builder, loc, rest, divisor);
  Value isNonZero = point.compare(arith::CmpIPredicate::ne, rest, zero);
  Value isOpposite = point.compare(arith::CmpIPredicate::slt, signs, zero);
  Value moves = arith::AndIOp::create(builder, loc, isNonZero, isOpposite);
  Value moved = arith::AddIOp::create(builder, loc, rest, divisor);
  return point.select(moves, moved, rest);
}

//===- Any element type ---------------------------------------------------===//

Value SignOp::buildScalar(OpBuilder &builder, Location loc, ValueRange operands,
                          Type resultType) {
  Value x = operands[0];
  Point point(builder, loc, resultType);
  if (isFloatPoint(x)) {
    // NaN and the zeros are their own sign.
    Value zero = point.constant(0.0);
    Value isLess = point.compare(arith::CmpFPredicate::OLT, x, zero);
    Value isMore = point.compare(arith::CmpFPredicate::OGT, x, zero);
    return point.select(isMore, point.constant(1.0),
                        point.select(isLess, point.constant(-1.0), x));
  }
  Value zero = point.integer(0);
  Value isLess = point.compare(arith::CmpIPredicate::slt, x, zero);
  Value isMore = point.compare(arith::CmpIPredicate::sgt, x, zero);
  return point.select(isMore, point.integer(1),
                      point.select(isLess, point.integer(-1), zero));
}

Value NotOp::buildScalar(OpBuilder &builder, Location loc, ValueRange operands,
                         Type resultType) {
  Value ones = Point(builder, loc, resultType).integer(-1);
  return arith::XOrIOp::create(builder, loc, operands[0], ones);
}

Value CompareOp::buildScalar(OpBuilder &builder, Location loc,
                             ValueRange operands, Type resultType) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  // In the order of Asg_Predicate. NaN compares only ne.
  constexpr F floats[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
  constexpr I integers[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  constexpr I bools[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  Point point(builder, loc, operands[0].getType());
  unsigned index = static_cast<unsigned>(getPredicate());
  if (isFloatPoint(operands[0]))
    return point.compare(floats[index], operands[0], operands[1]);
  bool isBool = getElementTypeOrSelf(operands[0].getType()).isInteger(1);
  return point.compare(isBool ? bools[index] : integers[index], operands[0],
                       operands[1]);
}

Value SelectOp::buildScalar(OpBuilder &builder, Location loc,
                            ValueRange operands, Type resultType) {
  return arith::SelectOp::create(builder, loc, operands[0], operands[1],
                                 operands[2]);
}

Value StopGradientOp::buildScalar(OpBuilder &, Location, ValueRange operands,
                                  Type) {
  return operands[0];
}

//===- Cast ---------------------------------------------------------------===//

namespace {
/// Towards zero, saturating, NaN to 0. arith.fptosi is undefined outside the
/// range of the integer, so the operand is brought into it first.
Value buildFloatToInteger(OpBuilder &builder, Location loc, Value x,
                          Type resultType) {
  Point from(builder, loc, x.getType()), to(builder, loc, resultType);
  unsigned width = getElementTypeOrSelf(resultType).getIntOrFloatBitWidth();
  const llvm::fltSemantics &semantics =
      cast<FloatType>(getElementTypeOrSelf(x.getType())).getFloatSemantics();
  // −2ʷ⁻¹ is exact in every float type; 2ʷ⁻¹ is the first that does not fit.
  APFloat limit(semantics);
  limit.convertFromAPInt(APInt::getOneBitSet(width + 1, width - 1), false,
                         APFloat::rmNearestTiesToEven);
  APFloat last = limit;
  last.next(/*nextDown=*/true);
  Value low = from.constant(-limit.convertToDouble());
  Value high = from.constant(last.convertToDouble());
  Value isAbove = from.compare(arith::CmpFPredicate::OGT, x, high);
  Value isBelow = from.compare(arith::CmpFPredicate::OLT, x, low);
  Value isNan = from.compare(arith::CmpFPredicate::UNO, x, x);
  Value inside = from.select(isBelow, low, from.select(isAbove, high, x));
  inside = from.select(isNan, from.constant(0.0), inside);
  Value whole = arith::FPToSIOp::create(builder, loc, resultType, inside);
  return to.select(isAbove, to.constant(APInt::getSignedMaxValue(width)),
                   whole);
}

Value buildCast(OpBuilder &builder, Location loc, Value x, Type resultType) {
  Type from = getElementTypeOrSelf(x.getType());
  Type to = getElementTypeOrSelf(resultType);
  if (x.getType() == resultType)
    return x;
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  unsigned toWidth = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from)) {
    if (to.isInteger(1)) {
      Point point(builder, loc, x.getType());
      return point.compare(arith::CmpFPredicate::UNE, x, point.constant(0.0));
    }
    if (!isa<FloatType>(to))
      return buildFloatToInteger(builder, loc, x, resultType);
    if (fromWidth < toWidth)
      return arith::ExtFOp::create(builder, loc, resultType, x);
    if (fromWidth > toWidth)
      return arith::TruncFOp::create(builder, loc, resultType, x);
    // f16 and bf16 meet in f32.
    Type wide = builder.getF32Type();
    if (auto vector = dyn_cast<VectorType>(resultType))
      wide = vector.clone(wide);
    Value widened = arith::ExtFOp::create(builder, loc, wide, x);
    return arith::TruncFOp::create(builder, loc, resultType, widened);
  }
  bool isBool = from.isInteger(1);
  if (isa<FloatType>(to)) {
    if (isBool)
      return arith::UIToFPOp::create(builder, loc, resultType, x);
    return arith::SIToFPOp::create(builder, loc, resultType, x);
  }
  if (to.isInteger(1)) {
    Point point(builder, loc, x.getType());
    return point.compare(arith::CmpIPredicate::ne, x, point.integer(0));
  }
  if (fromWidth > toWidth)
    return arith::TruncIOp::create(builder, loc, resultType, x);
  if (isBool)
    return arith::ExtUIOp::create(builder, loc, resultType, x);
  return arith::ExtSIOp::create(builder, loc, resultType, x);
}
} // namespace

Value CastOp::buildScalar(OpBuilder &builder, Location loc, ValueRange operands,
                          Type resultType) {
  Value cast = buildCast(builder, loc, operands[0], resultType);
  // f16 and bf16 are held in f32 here; the rounding of the cast is the op's
  // meaning, so it is done all the same.
  Type stored = getY().getType().getElementType();
  Type held = getElementTypeOrSelf(resultType);
  if (!isa<FloatType>(stored) ||
      stored.getIntOrFloatBitWidth() >= held.getIntOrFloatBitWidth())
    return cast;
  Type narrow = stored;
  if (auto vector = dyn_cast<VectorType>(resultType))
    narrow = vector.clone(stored);
  Value rounded = arith::TruncFOp::create(builder, loc, narrow, cast);
  return arith::ExtFOp::create(builder, loc, resultType, rounded);
}
