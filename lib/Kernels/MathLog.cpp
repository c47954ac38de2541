//===- MathLog.cpp - Logarithms and powers --------------------------------===//
#include "MathConstants.h"
#include "asgc/Kernels.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace asgc;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace {
// log10 2 as the sum of two f32.
constexpr double kLog102High = 0.301030009985, kLog102Low = -1.43209888392e-8;
constexpr double kLog10E = 0.43429448190325182;
/// Bits of √½: the mantissas that are left lie in [√½, √2).
constexpr int64_t kSqrtHalfBits = 0x3f3504f3;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();
} // namespace

/// ln(1 + f) for 1 + f in [√½, √2).
Value Math::log1pPolynomial(Value f) {
  // ln(1 + f) = f − f²/2 + f³ P(f), right to 2^-27.
  Value p = b.polynomial(f, {0.3333333135, -0.2500082552, 0.2000124902,
                             -0.1662318856, 0.1420121789, -0.1316152513,
                             0.1276592016, -0.07635913044});
  Value q = b.three(p, f, b.f32(-0.5));
  return b.three(q, b.mulF(f, f), f);
}

/// x = 2ᵏ m with m in [√½, √2), for x > 0; denormals are scaled up first.
Math::Logarithm Math::splitLog(Value x) {
  Value isSmall = b.test(CmpFPredicate::OLT, x, b.f32(0x1p-126));
  Value scaled = b.choose(isSmall, b.mulF(x, b.f32(0x1p23)), x);
  Value bits = b.cast(Cast::Bits, scaled, b.intType(32));
  Value k = b.shrS(b.subI(bits, b.i32(kSqrtHalfBits)), b.i32(23));
  Value mantissa = b.subI(bits, b.shl(k, b.i32(23)));
  Value f = b.subF(b.cast(Cast::Bits, mantissa, b.f32Type()), b.f32(1));
  Value exponent = b.cast(Cast::IntToFloatS, k, b.f32Type());
  exponent = b.addF(exponent, b.choose(isSmall, b.f32(-23), b.f32(0)));
  return {exponent, log1pPolynomial(f)};
}

/// `result` where x is positive and finite, else what a logarithm of x is.
Value Math::logSpecial(Value x, Value result) {
  Value finite = b.test(CmpFPredicate::OLT, x, b.f32(kInfinity));
  result = b.choose(finite, result, x); // +inf and NaN
  Value isZero = b.test(CmpFPredicate::OEQ, x, b.f32(0));
  result = b.choose(isZero, b.f32(-kInfinity), result);
  Value isNegative = b.test(CmpFPredicate::OLT, x, b.f32(0));
  return b.choose(isNegative, b.f32(kNan), result);
}

Value Math::log(Value x) {
  auto [k, y] = splitLog(x);
  y = b.three(k, b.f32(kLn2Low), y);
  return logSpecial(x, b.three(k, b.f32(kLn2High), y));
}

Value Math::log2(Value x) {
  auto [k, y] = splitLog(x);
  return logSpecial(x, b.three(y, b.f32(kLog2E), k));
}

Value Math::log10(Value x) {
  auto [k, y] = splitLog(x);
  Value low = b.three(y, b.f32(kLog10E), b.mulF(k, b.f32(kLog102Low)));
  return logSpecial(x, b.three(k, b.f32(kLog102High), low));
}

Value Math::log1p(Value x) {
  // 1 + x = 2ᵏ (1 + f) with f = 2⁻ᵏ x + (2⁻ᵏ − 1), rounded once.
  Value u = b.addF(x, b.f32(1));
  Value bits = b.cast(Cast::Bits, u, b.intType(32));
  Value k = b.shrS(b.subI(bits, b.i32(kSqrtHalfBits)), b.i32(23));
  Value xBits = b.cast(Cast::Bits, x, b.intType(32));
  Value scaled =
      b.cast(Cast::Bits, b.subI(xBits, b.shl(k, b.i32(23))), b.f32Type());
  // Where k is 0, x itself: its exponent may not be one to subtract from.
  scaled = b.choose(b.test(CmpIPredicate::eq, k, b.i32(0)), x, scaled);
  // From 2⁻³⁰ on, 2⁻ᵏ − 1 is −1.
  Value bounded = b.two(Binary::MinS, k, b.i32(30));
  Value power = b.cast(
      Cast::Bits, b.shl(b.subI(b.i32(127), bounded), b.i32(23)), b.f32Type());
  Value f = b.addF(scaled, b.subF(power, b.f32(1)));
  Value exponent = b.cast(Cast::IntToFloatS, k, b.f32Type());
  Value y = b.three(exponent, b.f32(kLn2Low), log1pPolynomial(f));
  Value result = logSpecial(u, b.three(exponent, b.f32(kLn2High), y));
  // ln(1 + x) = x where x is tiny; this keeps denormals and the sign of zero.
  Value tiny = b.test(CmpFPredicate::OLT, b.absF(x), b.f32(1e-8));
  return b.choose(tiny, x, result);
}

//===- Power --------------------------------------------------------------===//

// xʸ = 2^(y log2 x) in f64: an error of 2^-34 in the exponent is what the
// result needs, and f64 has it without carrying two parts of each number.

/// log2 of an f64 that is positive and finite.
Value Math::log2Wide(Value x) {
  Type i64 = b.intType(64);
  Value bits = b.cast(Cast::Bits, x, i64);
  // Bits of √½ as f64.
  Value k = b.shrS(b.subI(bits, b.i64(0x3fe6a09e667f3bcd)), b.i64(52));
  Value m = b.cast(Cast::Bits, b.subI(bits, b.shl(k, b.i64(52))), b.f64Type());
  // log2 m = 2/ln 2 · atanh s with s = (m − 1) / (m + 1), right to 2^-45.
  Value s = b.divF(b.subF(m, b.f64(1)), b.addF(m, b.f64(1)));
  Value p =
      b.polynomial(b.mulF(s, s), {0x1.71547652b824fp+1, 0x1.ec709dc5406a6p-1,
                                  0x1.2776c28e4a9f7p-1, 0x1.a61a32fc538e7p-2,
                                  0x1.47949f2fe2259p-2, 0x1.21bbb19c65b14p-2});
  Value exponent = b.cast(Cast::IntToFloatS,
                          b.cast(Cast::TruncI, k, b.intType(32)), b.f64Type());
  return b.three(p, s, exponent);
}

/// 2ˣ for an f64 x within ±160.
Value Math::exp2Wide(Value x) {
  Value n = b.unary(Unary::RoundEven, x);
  Value p =
      b.polynomial(b.subF(x, n), {1, 0x1.62e42ff0e4270p-1, 0x1.ebfbe0784b81cp-3,
                                  0x1.c6b08abc3e7acp-5, 0x1.3b29f2d4e017cp-7,
                                  0x1.5d8a88a273fb7p-10, 0x1.445d31e812a0ep-13,
                                  0x1.fde4f0fff7c5bp-17});
  Value k = b.cast(Cast::ExtS, b.cast(Cast::FloatToInt, n, b.intType(32)),
                   b.intType(64));
  Value power =
      b.cast(Cast::Bits, b.shl(b.addI(k, b.i64(1023)), b.i64(52)), b.f64Type());
  return b.mulF(p, power);
}

Value Math::pow(Value x, Value y) {
  std::array operands{x, y};
  b.unify(operands);
  x = operands[0], y = operands[1];
  Value a = b.absF(x);
  Value log = log2Wide(b.cast(Cast::ExtF, a, b.f64Type()));
  // |x| = 0, infinite or NaN.
  Value finite = b.test(CmpFPredicate::OLT, a, b.f32(kInfinity));
  log = b.choose(finite, log, b.cast(Cast::ExtF, a, b.f64Type()));
  log =
      b.choose(b.test(CmpFPredicate::OEQ, a, b.f32(0)), b.f64(-kInfinity), log);
  Value t = b.mulF(b.cast(Cast::ExtF, y, b.f64Type()), log);
  // x⁰ = 1 and 1ʸ = 1 even for NaN, and (−1)^±∞ = 1.
  auto is = [&](Value v, double number) {
    return b.test(CmpFPredicate::OEQ, v, b.f32(number));
  };
  Value yInfinite = is(b.absF(y), kInfinity);
  Value isOne = b.orI(b.orI(is(y, 0), is(x, 1)), b.andI(is(x, -1), yInfinite));
  t = b.choose(isOne, b.f64(0), t);
  t = b.minOrSecond(b.f64(160), b.maxOrSecond(b.f64(-160), t));
  Value result = b.cast(Cast::TruncF, exp2Wide(t), b.f32Type());
  // A negative x needs a whole y; an odd one keeps the sign.
  Value isWhole = b.test(CmpFPredicate::OEQ, y, b.unary(Unary::Trunc, y));
  Value half = b.mulF(y, b.f32(0.5));
  Value isOdd = b.andI(
      isWhole, b.test(CmpFPredicate::UNE, half, b.unary(Unary::Trunc, half)));
  Value hasSign = b.test(CmpIPredicate::slt,
                         b.cast(Cast::Bits, x, b.intType(32)), b.i32(0));
  result = b.choose(b.andI(hasSign, isOdd), b.negF(result), result);
  Value isUndefined =
      b.andI(b.andI(b.test(CmpFPredicate::OLT, x, b.f32(0)), finite),
             b.test(CmpFPredicate::ONE, y, b.unary(Unary::Trunc, y)));
  return b.choose(isUndefined, b.f32(kNan), result);
}
