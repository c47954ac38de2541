//===- MathExp.cpp - Exponentials and what is made of them ----------------===//
#include "MathConstants.h"
#include "asgc/Kernels.h"

using namespace mlir;
using namespace asgc;
using arith::CmpFPredicate;

// All polynomials of this library are minimax fits of the relative error, their
// coefficients rounded to f32 one after the other, each time with the rest
// fitted again.

/// eʳ − 1 for |r| ≤ ln 2 / 2.
Value Math::expPolynomial(Value r) {
  // (eʳ − 1 − r) / r², such that eʳ is right to 2^-28.2.
  Value q = b.polynomial(r, {0.4999999404, 0.1666652113, 0.04166826606,
                             0.00836867746, 0.001382070826});
  return b.three(q, b.mulF(r, r), r);
}

Math::Reduced Math::reduceExp(Value x) {
  Value n = b.unary(Unary::RoundEven, b.mulF(x, b.f32(kLog2E)));
  Value r = b.three(n, b.f32(-kLn2High), x);
  return {b.three(n, b.f32(-kLn2Low), r), n};
}

Value Math::expOfReduced(const Reduced &reduced) {
  Value p = b.addF(expPolynomial(reduced.r), b.f32(1));
  return b.scaleByPowerOfTwo(p, reduced.n);
}

Value Math::exp(Value x) {
  // Beyond these bounds the result is 0 or infinite; NaN passes both.
  x = b.maxOrSecond(b.f32(-104), x);
  x = b.minOrSecond(b.f32(89), x);
  return expOfReduced(reduceExp(x));
}

Value Math::exp2(Value x) {
  x = b.maxOrSecond(b.f32(-151), x);
  x = b.minOrSecond(b.f32(129), x);
  Value n = b.unary(Unary::RoundEven, x);
  Value f = b.subF(x, n);
  // f · ln 2 in two parts: the rounding of the product is added back.
  Value r = b.mulF(f, b.f32(kLn2High));
  Value rest = b.three(f, b.f32(kLn2High), b.negF(r));
  rest = b.three(f, b.f32(kLn2Low), rest);
  Value p = b.addF(expPolynomial(r), rest);
  return b.scaleByPowerOfTwo(b.addF(p, b.f32(1)), n);
}

Value Math::expm1(Value x) {
  Value kept = x;
  x = b.maxOrSecond(b.f32(-30), x);
  x = b.minOrSecond(b.f32(89), x);
  auto [r, n] = reduceExp(x);
  // (eʳ − 1 − r) / r², one degree more than for exp: the error counts fully.
  Value q = b.polynomial(r, {0.5, 0.1666666567, 0.04166649282, 0.008333545178,
                             0.001393233077, 0.0001976253843});
  Value p = b.three(q, b.mulF(r, r), r);
  // eˣ − 1 = 2ⁿ p + (2ⁿ − 1), by halves so that 2¹²⁸ does not appear.
  Value half = b.scaleByPowerOfTwo(b.floatLike(n, 0.5), n);
  Value sum = b.three(p, half, b.subF(half, b.f32(0.5)));
  Value result = b.mulF(sum, b.f32(2));
  result = b.choose(b.test(CmpFPredicate::OEQ, n, b.f32(0)), p, result);
  // eˣ − 1 = x where x is tiny; this keeps the sign of zero, too.
  Value tiny = b.test(CmpFPredicate::OLT, b.absF(kept), b.f32(1e-8));
  return b.choose(tiny, kept, result);
}

Value Math::tanh(Value x) {
  // E / (E + 2) with E = e²ᵃ − 1 = 2ⁿ p + (2ⁿ − 1), a = |x|: where a is small n
  // is 0 and E is p, so that nothing is cancelled. It is 1 from 9.01 on, and
  // NaN passes.
  Value a = b.minOrSecond(b.f32(10), b.absF(x));
  auto [r, n] = reduceExp(b.addF(a, a));
  Value scale = b.powerOfTwo(n);
  Value e = b.three(expPolynomial(r), scale, b.subF(scale, b.f32(1)));
  Value result = b.divF(e, b.addF(e, b.f32(2)));
  return b.two(Binary::CopySign, result, x);
}

Value Math::erf(Value x) {
  Value a = b.absF(x);
  // Near zero x + x P(x²), right to 2^-25.9.
  Value p = b.polynomial(b.mulF(a, a),
                         {0.1283791512, -0.3761250079, 0.1128187776,
                          -0.02676861919, 0.004995918833, -0.0006004149909});
  Value small = b.three(p, a, a);
  // Elsewhere 1 − exp(P(x)) with P = ln erfc; it is 1 from 3.92 on.
  Value clamped = b.minOrSecond(b.f32(4), a);
  Value q = b.polynomial(clamped, {-0.0001956547494, -1.127675772,
                                   -0.6371818781, -0.1039320529, 0.02222721465,
                                   -0.003043312579, 0.000195949382});
  Value large = b.subF(b.f32(1), expOfReduced(reduceExp(q)));
  Value result =
      b.choose(b.test(CmpFPredicate::OLT, a, b.f32(0.92)), small, large);
  return b.two(Binary::CopySign, result, x);
}
