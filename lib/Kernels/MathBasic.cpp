//===- MathBasic.cpp - Rounding, division, minima -------------------------===//
#include "asgc/Kernels.h"

#include <limits>

using namespace mlir;
using namespace asgc;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

//===- Minima and maxima --------------------------------------------------===//

Value Math::minimum(Value x, Value y) {
  Value isNan = b.test(CmpFPredicate::UNO, x, x);
  return b.choose(isNan, x, b.minOrSecond(x, y));
}

Value Math::maximum(Value x, Value y) {
  Value isNan = b.test(CmpFPredicate::UNO, x, x);
  return b.choose(isNan, x, b.maxOrSecond(x, y));
}

//===- Floats -------------------------------------------------------------===//

Value Math::rsqrt(Value x) { return b.divF(b.f32(1), b.unary(Unary::Sqrt, x)); }

Value Math::round(Value x) {
  // Adding the largest number below ½ leaves those below x.5 below, as ½ would
  // not; the sign is kept for zeros.
  Value half = b.two(Binary::CopySign, b.f32(0x1.fffffep-2), x);
  Value sum = b.unary(Unary::Trunc, b.addF(x, half));
  return b.two(Binary::CopySign, sum, x);
}

Value Math::remainder(Value x, Value y) {
  // In f64 the quotient of two f32 rounds rightly up to 2²⁹; what is larger is
  // taken off by and by, 24 bits of the quotient at a time.
  Type f64 = b.f64Type();
  Value dividend = b.cast(Cast::ExtF, b.absF(x), f64);
  Value divisor = b.cast(Cast::ExtF, b.absF(y), f64);
  KernelBuilder::Values rest =
      b.loop(b.i64(0), b.i64(12), 1, {dividend},
             [&](Value, ValueRange carried) -> KernelBuilder::Values {
               Value quotient =
                   b.unary(Unary::Trunc, b.divF(carried[0], divisor));
               // The upper 24 bits of the quotient: times the divisor is exact.
               Value bits = b.cast(Cast::Bits, quotient, b.intType(64));
               bits = b.andI(bits, b.i64(~((int64_t(1) << 29) - 1)));
               Value upper = b.cast(Cast::Bits, bits, f64);
               Value less = b.three(b.negF(upper), divisor, carried[0]);
               // A quotient rounded up: one divisor too much was taken.
               Value isNegative = b.test(CmpFPredicate::OLT, less, b.f64(0));
               return {b.choose(isNegative, b.addF(less, divisor), less)};
             });
  Value result = b.cast(Cast::TruncF, rest[0], b.f32Type());
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Value yInfinite = b.test(CmpFPredicate::OEQ, b.absF(y), b.f32(infinity));
  Value xFinite = b.test(CmpFPredicate::OLT, b.absF(x), b.f32(infinity));
  result = b.choose(b.andI(yInfinite, xFinite), b.absF(x), result);
  return b.two(Binary::CopySign, result, x);
}

Value Math::divideByUniform(Value x, Value y) {
  // q = x r with r ≈ 1/y is off by an ulp or so; the remainder x − q y, exact
  // in one fma, corrects it. Out of this range of y a product may leave the
  // range of f32, so there y is scaled and the result left uncorrected.
  Value a = b.absF(y);
  Value isSmall = b.test(CmpFPredicate::OLT, a, b.f32(0x1p-100));
  Value isLarge = b.test(CmpFPredicate::OGT, a, b.f32(0x1p100));
  Value isPlain =
      b.test(CmpIPredicate::eq, b.orI(isSmall, isLarge), b.boolean(false));
  Value scale = b.choose(isSmall, b.f32(0x1p64),
                         b.choose(isLarge, b.f32(0x1p-64), b.f32(1)));
  Value r = b.divF(b.f32(1), b.mulF(y, scale));
  // Corrections vanish where they must not be applied.
  Value step = b.choose(isPlain, r, b.f32(0));
  Value divisor = b.choose(isPlain, y, b.f32(0));
  Value q = b.mulF(x, r);
  // 0 · ∞ may not spoil an infinite quotient.
  Value isFinite = b.test(CmpFPredicate::OLT, b.absF(q),
                          b.f32(std::numeric_limits<double>::infinity()));
  Value remainder = b.three(b.negF(q), divisor, x);
  Value corrected = b.three(remainder, step, q);
  return b.mulF(b.choose(isFinite, corrected, q), scale);
}

//===- Integers -----------------------------------------------------------===//

/// y where x / y is defined, else 1.
Value Math::guardedDivisor(Value x, Value y, bool isSigned) {
  unsigned bits = b.elementOf(x).getIntOrFloatBitWidth();
  Value isBad = b.test(CmpIPredicate::eq, y, b.integer(0, bits));
  if (isSigned) {
    Value isMinusOne = b.test(CmpIPredicate::eq, y, b.integer(-1, bits));
    Value isSmallest =
        b.test(CmpIPredicate::eq, x,
               b.constant(b.builder.getIntegerAttr(
                   b.elementOf(x), APInt::getSignedMinValue(bits))));
    isBad = b.orI(isBad, b.andI(isMinusOne, isSmallest));
  }
  return b.choose(isBad, b.integer(1, bits), y);
}

/// The quotient of integers of at most 32 bits; f64 holds them, and rounding
/// the exact quotient never reaches the next whole number.
Value Math::divideInF64(Value x, Value y, bool isSigned) {
  Type type = b.elementOf(x);
  Cast toFloat = isSigned ? Cast::IntToFloatS : Cast::IntToFloatU;
  Value quotient =
      b.divF(b.cast(toFloat, x, b.f64Type()), b.cast(toFloat, y, b.f64Type()));
  // Unsigned quotients need the 33rd bit.
  Value whole =
      b.cast(Cast::FloatToInt, quotient, b.intType(isSigned ? 32 : 64));
  return b.elementOf(whole) == type ? whole : b.cast(Cast::TruncI, whole, type);
}

Value Math::divideS(Value x, Value y) {
  unsigned bits = b.elementOf(x).getIntOrFloatBitWidth();
  Value divisor = guardedDivisor(x, y, /*isSigned=*/true);
  Value quotient = bits <= 32 && !b.divides() ? divideInF64(x, divisor, true)
                                              : b.two(Binary::DivS, x, divisor);
  Value isZero = b.test(CmpIPredicate::eq, y, b.integer(0, bits));
  return b.choose(isZero, b.integer(0, bits), quotient);
}

Value Math::divideU(Value x, Value y) {
  unsigned bits = b.elementOf(x).getIntOrFloatBitWidth();
  Value divisor = guardedDivisor(x, y, /*isSigned=*/false);
  Value quotient = bits <= 32 && !b.divides() ? divideInF64(x, divisor, false)
                                              : b.two(Binary::DivU, x, divisor);
  Value isZero = b.test(CmpIPredicate::eq, y, b.integer(0, bits));
  return b.choose(isZero, b.integer(0, bits), quotient);
}

Value Math::remainderS(Value x, Value y) {
  Value rest = b.subI(x, b.mulI(divideS(x, y), y));
  unsigned bits = b.elementOf(x).getIntOrFloatBitWidth();
  Value isZero = b.test(CmpIPredicate::eq, y, b.integer(0, bits));
  return b.choose(isZero, b.integer(0, bits), rest);
}

Value Math::remainderU(Value x, Value y) {
  Value rest = b.subI(x, b.mulI(divideU(x, y), y));
  unsigned bits = b.elementOf(x).getIntOrFloatBitWidth();
  Value isZero = b.test(CmpIPredicate::eq, y, b.integer(0, bits));
  return b.choose(isZero, b.integer(0, bits), rest);
}

//===- Narrow floats ------------------------------------------------------===//

Value Math::bf16Bits(Value x) {
  Value bits = b.cast(Cast::Bits, x, b.intType(32));
  // Half of what is cut off, less one if the last kept bit is 0: ties to even.
  Value last = b.andI(b.shrU(bits, b.i32(16)), b.i32(1));
  Value rounded = b.addI(bits, b.addI(last, b.i32(0x7fff)));
  // The rounding of a NaN could make it infinite.
  Value isNan = b.test(CmpFPredicate::UNO, x, x);
  Value quiet = b.orI(bits, b.i32(0x400000));
  Value upper = b.shrU(b.choose(isNan, quiet, rounded), b.i32(16));
  return b.cast(Cast::TruncI, upper, b.intType(16));
}

Value Math::fromBf16Bits(Value bits) {
  Value upper = b.shl(b.cast(Cast::ExtU, bits, b.intType(32)), b.i32(16));
  return b.cast(Cast::Bits, upper, b.f32Type());
}

Value Math::roundTo(Value x, Type element) {
  if (element.isF16())
    return b.cast(Cast::ExtF, b.cast(Cast::TruncF, x, element), b.f32Type());
  if (element.isBF16())
    return fromBf16Bits(bf16Bits(x));
  return x;
}
