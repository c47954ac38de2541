//===- MathTrig.cpp - Sine and cosine -------------------------------------===//
#include "asgc/Kernels.h"

#include <limits>

using namespace mlir;
using namespace asgc;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace {
constexpr double kTwoOverPi = 0.63661977236758134;
// π/2 as the sum of three f32.
constexpr double kHalfPi[] = {0x1.921fb6p+0, -0x1.777a5cp-25, -0x1.ee59dap-50};
/// Up to here x − q π/2 in three steps is right: q has 16 bits, so that the
/// first step is exact.
constexpr double kDirectLimit = 1e5;
/// 2/π in units of 2⁻³²ʲ; word 0 is its whole part.
constexpr uint32_t kTwoOverPiWords[] = {0,          0xa2f9836e, 0x4e441529,
                                        0xfc2757d1, 0xf534ddc0, 0xdb629599,
                                        0x3c439041, 0xfe5163ab};
} // namespace

/// x − q π/2 for 0 ≤ x ≤ kDirectLimit. Larger arguments give garbage.
static KernelBuilder::Values reduceDirect(KernelBuilder &b, Value x) {
  Value q = b.unary(Unary::RoundEven, b.mulF(x, b.f32(kTwoOverPi)));
  Value r = x;
  for (double part : kHalfPi)
    r = b.three(q, b.f32(-part), r);
  return {r, q};
}

/// The same for any finite x ≥ 2¹⁶ after Payne and Hanek: the product of x's 24
/// bits with those 128 bits of 2/π that decide the quadrant and 60 bits after.
Math::Quadrant Math::reduceHuge(Value x) {
  Type wide = b.intType(64);
  auto word = [&](uint32_t value) { return b.i64(value); };
  Value low32 = word(0xffffffff);
  Value bits = b.cast(Cast::Bits, x, b.intType(32));
  // x = mantissa · 2ᵉ
  Value mantissa = b.cast(
      Cast::ExtU, b.orI(b.andI(bits, b.i32(0x7fffff)), b.i32(0x800000)), wide);
  Value e = b.subI(b.shrU(bits, b.i32(23)), b.i32(150));
  // The words from `first` on matter: those before give multiples of 4
  // quadrants, as 2ᵉ⁻³²⁽ᶠⁱʳˢᵗ⁻¹⁾ ≥ 4. Hence shift = e − 32 first is in [−30,
  // 1].
  Value first = b.shrS(b.addI(e, b.i32(30)), b.i32(5));
  Value shift = b.cast(Cast::ExtS, b.subI(e, b.shl(first, b.i32(5))), wide);
  auto product = [&](int64_t index) {
    Value chosen = word(kTwoOverPiWords[index]);
    for (int64_t start = 1; start + 3 < std::ssize(kTwoOverPiWords); ++start)
      chosen = b.choose(b.test(CmpIPredicate::sge, first, b.i32(start)),
                        word(kTwoOverPiWords[start + index]), chosen);
    return b.mulI(mantissa, chosen);
  };
  Value carry = b.addI(product(2), b.shrU(product(3), b.i64(32)));
  Value bottom = b.andI(carry, low32);
  carry = b.addI(product(1), b.shrU(carry, b.i64(32)));
  Value middle = b.andI(carry, low32);
  Value top = b.addI(product(0), b.shrU(carry, b.i64(32)));
  // top : middle : bottom in units of 2^(shift − 64); the fraction of the
  // number of quadrants is made the 64 bits of a signed number in [−½, ½).
  Value high = b.orI(b.shl(top, b.i64(32)), middle);
  Value below = b.shrU(b.shl(bottom, b.i64(1)), b.subI(b.i64(1), shift));
  Value fraction = b.orI(b.shl(high, b.addI(shift, b.i64(32))), below);
  Value quadrant = b.shrU(high, b.subI(b.i64(32), shift));
  quadrant = b.addI(quadrant, b.shrU(fraction, b.i64(63)));
  // Through f64, so that only the last step rounds.
  Value r = b.cast(Cast::TruncF,
                   b.mulF(b.cast(Cast::IntToFloatS, fraction, b.f64Type()),
                          b.f64(1.5707963267948966 * 0x1p-64)),
                   b.f32Type());
  Value finite = b.test(CmpFPredicate::OLT, x,
                        b.f32(std::numeric_limits<double>::infinity()));
  r = b.choose(finite, r, b.f32(std::numeric_limits<double>::quiet_NaN()));
  return {r, b.cast(Cast::TruncI, quadrant, b.intType(32))};
}

Math::Quadrant Math::reduceTrig(Value x) {
  KernelBuilder::Values direct = reduceDirect(b, x);
  Value isHuge = b.test(CmpFPredicate::UGT, x, b.f32(kDirectLimit));
  Value bounded = b.choose(isHuge, b.f32(0), direct[1]);
  Value quadrant = b.cast(Cast::FloatToInt, bounded, b.intType(32));
  KernelBuilder::Values result = b.branch(
      b.any(isHuge),
      [&]() -> KernelBuilder::Values {
        Quadrant huge = reduceHuge(x);
        return {b.choose(isHuge, huge.r, direct[0]),
                b.choose(isHuge, huge.quadrant, quadrant)};
      },
      [&]() -> KernelBuilder::Values {
        return {direct[0], quadrant};
      });
  return {result[0], result[1]};
}

/// ± sin r, or ± cos r where the quadrant is odd; the sign is that of bit 1.
Value Math::sinOrCos(const Quadrant &quadrant, Value quadrantOfSin) {
  Value r = quadrant.r;
  Value r2 = b.mulF(r, r);
  // sin r = r + r³ P(r²), right to 2^-27.8; cos r = 1 + r² Q(r²), to 2^-32.9.
  Value p = b.polynomial(r2, {-0.1666665375, 0.008332106285, -0.0001950787409});
  Value sine = b.three(b.mulF(r2, p), r, r);
  Value q =
      b.polynomial(r2, {-0.5, 0.04166664556, -0.001388730831, 2.443210906e-5});
  Value cosine = b.three(q, r2, b.f32(1));
  Value isOdd =
      b.test(CmpIPredicate::ne, b.andI(quadrantOfSin, b.i32(1)), b.i32(0));
  Value value = b.choose(isOdd, cosine, sine);
  Value sign = b.shl(b.andI(quadrantOfSin, b.i32(2)), b.i32(30));
  Value bits = b.xorI(b.cast(Cast::Bits, value, b.intType(32)), sign);
  return b.cast(Cast::Bits, bits, b.f32Type());
}

Value Math::sin(Value x) {
  Quadrant quadrant = reduceTrig(b.absF(x));
  Value y = sinOrCos(quadrant, quadrant.quadrant);
  // sin(−x) = −sin x
  Value sign =
      b.andI(b.cast(Cast::Bits, x, b.intType(32)), b.integer(INT32_MIN, 32));
  Value bits = b.xorI(b.cast(Cast::Bits, y, b.intType(32)), sign);
  return b.cast(Cast::Bits, bits, b.f32Type());
}

Value Math::cos(Value x) {
  Quadrant quadrant = reduceTrig(b.absF(x));
  // cos x = sin(x + π/2)
  return sinOrCos(quadrant, b.addI(quadrant.quadrant, b.i32(1)));
}
