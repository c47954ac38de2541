//===- Elementwise.cpp - Arithmetic, comparisons and logic ----------------===//
#include "lib/Interop/Onnx/Call.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// Operands of a binary operator. Before opset 7 the second one was placed by
/// attributes instead of by numpy's rule.
static std::pair<Value, Value> operandsOf(Call &call) {
  Value x = call[0], y = call[1];
  if (call.opset >= 7 || !call.integer("broadcast", 0) || !x || !y ||
      !call.hasAttribute("axis"))
    return {x, y};
  auto axis = call.e.axis(call.integer("axis", 0), Emitter::rankOf(x));
  Axes axes;
  for (int64_t i = axis.value_or(0) + Emitter::rankOf(y);
       i < Emitter::rankOf(x); ++i)
    axes.push_back(i - *axis);
  return {x, call.e.unsqueeze(y, axes)};
}

template <typename Op> static Values importBinary(Call &call) {
  auto [x, y] = operandsOf(call);
  return {call.e.binary<Op>(x, y)};
}

Values importAdd(Call &call) { return importBinary<asg::AddOp>(call); }
Values importSub(Call &call) { return importBinary<asg::SubOp>(call); }
Values importMul(Call &call) { return importBinary<asg::MulOp>(call); }
Values importDiv(Call &call) { return importBinary<asg::DivOp>(call); }
Values importAnd(Call &call) { return importBinary<asg::AndOp>(call); }
Values importOr(Call &call) { return importBinary<asg::OrOp>(call); }
Values importXor(Call &call) { return importBinary<asg::XorOp>(call); }
Values importBitwiseAnd(Call &call) { return importAnd(call); }
Values importBitwiseOr(Call &call) { return importOr(call); }
Values importBitwiseXor(Call &call) { return importXor(call); }
Values importNot(Call &call) { return importUnary<asg::NotOp>(call); }
Values importBitwiseNot(Call &call) { return importNot(call); }

static Values importCompare(Call &call, Predicate predicate) {
  auto [x, y] = operandsOf(call);
  return {call.e.compare(predicate, x, y)};
}

Values importEqual(Call &call) { return importCompare(call, Predicate::eq); }
Values importLess(Call &call) { return importCompare(call, Predicate::lt); }
Values importLessOrEqual(Call &call) {
  return importCompare(call, Predicate::le);
}
Values importGreater(Call &call) { return importCompare(call, Predicate::gt); }
Values importGreaterOrEqual(Call &call) {
  return importCompare(call, Predicate::ge);
}

Values importMod(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], y = call[1];
  if (!call.integer("fmod", 0))
    return {e.binary<asg::ModOp>(x, y)};
  // The sign of C's remainder is the dividend's.
  Value rest = e.binary<asg::ModOp>(e.abs(x), e.abs(y));
  return {e.select(e.compare(Predicate::lt, x, 0.0), e.neg(rest), rest)};
}

/// Whole powers of whole numbers, exactly: x^n = Π x^(2^k) over the bits of n.
static Value wholePower(Emitter &e, Value x, Value n) {
  Value result = e.like(x, 1), square = x;
  for (int bit = 0; bit < 6; ++bit) { // x^64 does not fit
    Value isSet = e.compare(Predicate::eq, e.binary<asg::ModOp>(n, 2.0), 1.0);
    result = e.mul(result, e.select(isSet, square, e.like(x, 1)));
    square = e.mul(square, square);
    n = e.div(n, 2.0);
  }
  return result;
}

Values importPow(Call &call) {
  Emitter &e = call.e;
  auto [x, y] = operandsOf(call);
  if (!x || !y)
    return {};
  Type element = Emitter::elementOf(x);
  if (isa<FloatType>(element))
    return {e.binary<asg::PowOp>(x, e.cast(y, element))};
  Value whole = wholePower(e, x, e.cast(y, element));
  if (!isa<FloatType>(Emitter::elementOf(y)))
    return {whole};
  Value power = e.cast(
      e.binary<asg::PowOp>(e.cast(x, Emitter::elementOf(y)), y), element);
  Value isWhole = e.compare(Predicate::eq, e.unary<asg::FloorOp>(y), y);
  return {e.select(isWhole, whole, power)};
}

//===----------------------------------------------------------------------===//
// Any number of operands
//===----------------------------------------------------------------------===//

template <typename Op> static Value combineAll(Call &call) {
  Value all = call[0];
  for (size_t i = 1; i < call.size(); ++i)
    all = call.e.binary<Op>(all, call[i]);
  return all;
}

Values importMax(Call &call) { return {combineAll<asg::MaxOp>(call)}; }
Values importMin(Call &call) { return {combineAll<asg::MinOp>(call)}; }
Values importSum(Call &call) { return {combineAll<asg::AddOp>(call)}; }
Values importMean(Call &call) {
  return {call.e.div(combineAll<asg::AddOp>(call), double(call.size()))};
}

Values importClip(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  Value low = call[1], high = call[2];
  if (call.opset < 11) {
    if (call.hasAttribute("min"))
      low = e.like(x, call.number("min", 0));
    if (call.hasAttribute("max"))
      high = e.like(x, call.number("max", 0));
  }
  if (low)
    x = e.max(x, low);
  if (high)
    x = e.min(x, high);
  return {x};
}

Values importWhere(Call &call) {
  return {call.e.select(call[0], call[1], call[2])};
}

//===----------------------------------------------------------------------===//
// Tests and types
//===----------------------------------------------------------------------===//

Values importIsNaN(Call &call) {
  return {call.e.compare(Predicate::ne, call[0], call[0])};
}

Values importIsInf(Call &call) {
  Emitter &e = call.e;
  double infinity = std::numeric_limits<double>::infinity();
  bool positive = call.integer("detect_positive", 1);
  bool negative = call.integer("detect_negative", 1);
  Value x = call[0];
  if (positive && negative)
    return {e.compare(Predicate::eq, e.abs(x), infinity)};
  if (positive || negative)
    return {e.compare(Predicate::eq, x, positive ? infinity : -infinity)};
  return {e.compare(Predicate::lt, x, x)};
}

/// To integers: the low bits of integers; floats beyond the range may give
/// anything.
static Values castTo(Call &call, Type element, const Carrier *carrier) {
  if (!element)
    return {};
  Value y = call.e.cast(call[0], element);
  if (carrier && carrier != call.carrier(0))
    y = wrap(call.e, y, *carrier);
  call.setCarrier(0, carrier);
  return {y};
}

Values importCast(Call &call) {
  int64_t to = call.integer("to", 0);
  return castTo(call, call.elementType(to), findCarrier(int32_t(to)));
}

Values importCastLike(Call &call) {
  return castTo(call, call[1] ? Emitter::elementOf(call[1]) : Type(),
                call.carrier(1));
}

/// Bits of unsigned integers, x · 2ⁿ or x / 2ⁿ.
Values importBitShift(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], n = call[1];
  if (!x || !n)
    return {};
  if (!call.carrier(0))
    return {e.fail("takes unsigned integers")};
  Value power = wholePower(e, e.like(x, 2), n);
  std::string direction = call.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return {e.fail("direction is neither LEFT nor RIGHT")};
  return {direction == "LEFT" ? e.mul(x, power) : e.div(x, power)};
}

//===----------------------------------------------------------------------===//
// Functions that asg has no op for
//===----------------------------------------------------------------------===//

Values importReciprocal(Call &call) {
  return {call.e.div(call.e.like(call[0], 1), call[0])};
}

Values importTan(Call &call) {
  return {call.e.div(call.e.unary<asg::SinOp>(call[0]),
                     call.e.unary<asg::CosOp>(call[0]))};
}

/// sinh x = (a + a / (a + 1)) / 2 with a = eˣ − 1, exact near zero.
Values importSinh(Call &call) {
  Emitter &e = call.e;
  Value magnitude = e.abs(call[0]);
  Value a = e.unary<asg::Expm1Op>(magnitude);
  // Where eˣ overflows, half of e^(x − ln 2) may not.
  Value large = e.exp(e.sub(magnitude, std::log(2.0)));
  Value small = e.mul(e.add(a, e.div(a, e.add(a, 1.0))), 0.5);
  Value y = e.select(e.compare(Predicate::gt, magnitude, 20.0), large, small);
  return {e.mul(y, e.unary<asg::SignOp>(call[0]))};
}

Values importCosh(Call &call) {
  Emitter &e = call.e;
  Value half = e.exp(e.sub(e.abs(call[0]), std::log(2.0)));
  return {e.add(half, e.div(e.like(half, 0.25), half))};
}

/// asinh x = sign(x) · log1p(|x| + x² / (1 + √(x² + 1)))
Values importAsinh(Call &call) {
  Emitter &e = call.e;
  Value x = e.abs(call[0]);
  Value square = e.mul(x, x);
  Value root = e.unary<asg::SqrtOp>(e.add(square, 1.0));
  Value small =
      e.unary<asg::Log1pOp>(e.add(x, e.div(square, e.add(root, 1.0))));
  Value large = e.add(e.log(x), std::log(2.0)); // x² would overflow
  Value y = e.select(e.compare(Predicate::gt, x, 1e9), large, small);
  return {e.mul(y, e.unary<asg::SignOp>(call[0]))};
}

/// acosh x = log1p(t + √(2t + t²)) with t = x − 1
Values importAcosh(Call &call) {
  Emitter &e = call.e;
  Value t = e.sub(call[0], 1.0);
  Value root = e.unary<asg::SqrtOp>(e.mul(t, e.add(t, 2.0)));
  Value small = e.unary<asg::Log1pOp>(e.add(t, root));
  Value large = e.add(e.log(call[0]), std::log(2.0));
  return {e.select(e.compare(Predicate::gt, call[0], 1e9), large, small)};
}

/// atanh x = log1p(2x / (1 − x)) / 2
Values importAtanh(Call &call) {
  Emitter &e = call.e;
  Value x = e.abs(call[0]);
  Value ratio = e.div(e.mul(x, 2.0), e.sub(e.like(x, 1), x));
  Value y = e.mul(e.unary<asg::Log1pOp>(ratio), 0.5);
  return {e.mul(y, e.unary<asg::SignOp>(call[0]))};
}

/// Arc tangent of x ≥ 0 as in Cephes: reduced to |x| ≤ tan(π/8), then a
/// polynomial in x² of a relative error of 2e-7.
static Value positiveAtan(Emitter &e, Value x) {
  Value one = e.like(x, 1);
  Value isLarge = e.compare(Predicate::gt, x, 2.414213562373095);
  Value isMiddle = e.compare(Predicate::gt, x, 0.4142135623730950);
  Value safe = e.max(x, 1e-30); // 1 / 0 would meet a select of its own
  Value reduced =
      e.select(isLarge, e.neg(e.div(one, safe)),
               e.select(isMiddle, e.div(e.sub(x, 1.0), e.add(x, 1.0)), x));
  Value offset = e.select(isLarge, e.like(x, M_PI_2),
                          e.select(isMiddle, e.like(x, M_PI_4), e.like(x, 0)));
  Value z = e.mul(reduced, reduced);
  Value p = e.like(x, 8.05374449538e-2);
  for (double c : {-1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1})
    p = e.add(e.mul(p, z), c);
  return e.add(offset, e.add(e.mul(e.mul(p, z), reduced), reduced));
}

Values importAtan(Call &call) {
  Emitter &e = call.e;
  return {
      e.mul(positiveAtan(e, e.abs(call[0])), e.unary<asg::SignOp>(call[0]))};
}

/// asin x = 2 atan(x / (1 + √(1 − x²)))
static Value positiveAsin(Emitter &e, Value x) {
  Value product = e.mul(e.sub(e.like(x, 1), x), e.add(x, 1.0));
  Value root = e.unary<asg::SqrtOp>(product);
  return e.mul(positiveAtan(e, e.div(x, e.add(root, 1.0))), 2.0);
}

Values importAsin(Call &call) {
  Emitter &e = call.e;
  return {
      e.mul(positiveAsin(e, e.abs(call[0])), e.unary<asg::SignOp>(call[0]))};
}

/// acos x = 2 atan(√((1 − x) / (1 + x)))
Values importAcos(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  Value below = e.max(e.add(x, 1.0), 1e-30);
  Value ratio = e.div(e.sub(e.like(x, 1), x), below);
  return {e.mul(positiveAtan(e, e.unary<asg::SqrtOp>(ratio)), 2.0)};
}

} // namespace asgc::interop
