//===- Vec.h - A vector of floats of the instruction set compiled for -----===//
//
// Only for files that are compiled once per instruction set. They must not call
// inline functions of other headers: the linker would keep one copy for all.
#ifndef ASGC_RT_CPU_VEC_H
#define ASGC_RT_CPU_VEC_H

#include <immintrin.h>
#include <stdint.h>

#define ASGC_INLINE static inline __attribute__((always_inline))

namespace ASGC_ISA_NAMESPACE {

#ifdef __AVX512F__

struct Vec {
  static constexpr int width = 16;
  __m512 v;
};
using Mask = __mmask16;

ASGC_INLINE Vec splat(float x) { return {_mm512_set1_ps(x)}; }
ASGC_INLINE Vec load(const float *p) { return {_mm512_loadu_ps(p)}; }
ASGC_INLINE void store(float *p, Vec x) { _mm512_storeu_ps(p, x.v); }
/// The first `count` elements (0 to width); the others are 0.
ASGC_INLINE Vec loadFirst(const float *p, int64_t count) {
  return {_mm512_maskz_loadu_ps(Mask((1u << count) - 1), p)};
}
ASGC_INLINE void storeFirst(float *p, Vec x, int64_t count) {
  _mm512_mask_storeu_ps(p, Mask((1u << count) - 1), x.v);
}
ASGC_INLINE Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
ASGC_INLINE Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
ASGC_INLINE Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
ASGC_INLINE Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
/// a * b + c, rounded once.
ASGC_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
/// The second operand where either is a NaN, as the instruction has it.
ASGC_INLINE Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
ASGC_INLINE Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
ASGC_INLINE Vec abs(Vec a) { return {_mm512_abs_ps(a.v)}; }
ASGC_INLINE Mask less(Vec a, Vec b) {
  return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ);
}
ASGC_INLINE Vec select(Mask m, Vec yes, Vec no) {
  return {_mm512_mask_blend_ps(m, no.v, yes.v)};
}
ASGC_INLINE Vec copySign(Vec magnitude, Vec sign) {
  const __m512i bit = _mm512_set1_epi32(int(0x80000000u));
  return {_mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(bit, _mm512_castps_si512(sign.v),
                                _mm512_castps_si512(magnitude.v), 0xCA))};
}
ASGC_INLINE Vec roundToEven(Vec a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT)};
}
/// a * 2^n for integral n, down to subnormal results and up to infinity.
ASGC_INLINE Vec scale(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }
ASGC_INLINE float sum(Vec a) { return _mm512_reduce_add_ps(a.v); }
ASGC_INLINE Vec loadF16(const uint16_t *p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p))};
}
ASGC_INLINE void storeF16(uint16_t *p, Vec x) {
  _mm256_storeu_si256((__m256i *)p,
                      _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}
ASGC_INLINE Vec loadBf16(const uint16_t *p) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
ASGC_INLINE void storeBf16(uint16_t *p, Vec x) {
  __m512i bits = _mm512_castps_si512(x.v);
  __m512i odd =
      _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded =
      _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  Mask isNan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  __m512i chosen = _mm512_mask_blend_epi32(isNan, rounded, quiet);
  _mm256_storeu_si256((__m256i *)p,
                      _mm512_cvtepi32_epi16(_mm512_srli_epi32(chosen, 16)));
}

#else

struct Vec {
  static constexpr int width = 8;
  __m256 v;
};
using Mask = __m256;

ASGC_INLINE Vec splat(float x) { return {_mm256_set1_ps(x)}; }
ASGC_INLINE Vec load(const float *p) { return {_mm256_loadu_ps(p)}; }
ASGC_INLINE void store(float *p, Vec x) { _mm256_storeu_ps(p, x.v); }
ASGC_INLINE __m256i firstLanes(int64_t count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), lane);
}
ASGC_INLINE Vec loadFirst(const float *p, int64_t count) {
  return {_mm256_maskload_ps(p, firstLanes(count))};
}
ASGC_INLINE void storeFirst(float *p, Vec x, int64_t count) {
  _mm256_maskstore_ps(p, firstLanes(count), x.v);
}
ASGC_INLINE Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
ASGC_INLINE Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
ASGC_INLINE Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
ASGC_INLINE Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
ASGC_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
ASGC_INLINE Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
ASGC_INLINE Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
ASGC_INLINE Vec abs(Vec a) {
  return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)};
}
ASGC_INLINE Mask less(Vec a, Vec b) {
  return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ);
}
ASGC_INLINE Vec select(Mask m, Vec yes, Vec no) {
  return {_mm256_blendv_ps(no.v, yes.v, m)};
}
ASGC_INLINE Vec copySign(Vec magnitude, Vec sign) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_and_ps(bit, sign.v),
                       _mm256_andnot_ps(bit, magnitude.v))};
}
ASGC_INLINE Vec roundToEven(Vec a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
ASGC_INLINE Vec scale(Vec a, Vec n) {
  // Two factors, because 2^n itself may be subnormal or beyond the range.
  __m256i whole =
      _mm256_cvtps_epi32(min(max(n, splat(-252.0f)), splat(252.0f)).v);
  __m256i half = _mm256_srai_epi32(whole, 1);
  auto power = [](__m256i e) {
    return Vec{_mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23))};
  };
  return a * power(half) * power(_mm256_sub_epi32(whole, half));
}
ASGC_INLINE float sum(Vec a) {
  __m128 s =
      _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
ASGC_INLINE Vec loadF16(const uint16_t *p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p))};
}
ASGC_INLINE void storeF16(uint16_t *p, Vec x) {
  _mm_storeu_si128((__m128i *)p,
                   _mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}
ASGC_INLINE Vec loadBf16(const uint16_t *p) {
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}
ASGC_INLINE void storeBf16(uint16_t *p, Vec x) {
  __m256i bits = _mm256_castps_si256(x.v);
  __m256i odd =
      _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i rounded =
      _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
  __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  __m256 isNan = _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q);
  __m256i chosen = _mm256_srli_epi32(
      _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(isNan)), 16);
  // The pack works within halves of 128 bits; the permutation joins them.
  __m256i packed =
      _mm256_permute4x64_epi64(_mm256_packus_epi32(chosen, chosen), 0x08);
  _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(packed));
}

#endif

/// Values by Horner's rule: c[0] + c[1] x + ...
template <int Count>
ASGC_INLINE Vec polynomial(Vec x, const float (&c)[Count]) {
  Vec y = splat(c[Count - 1]);
  for (int i = Count - 2; i >= 0; --i)
    y = fma(y, x, splat(c[i]));
  return y;
}

/// 2^x: error below 1 ulp; NaN for NaN.
ASGC_INLINE Vec exp2(Vec x) {
  // 2^f on [-1/2, 1/2]: an interpolation at Chebyshev points.
  constexpr float c[] = {1.0f,
                         0.6931471824645996f,
                         0.24022650718688965f,
                         0.05550327152013779f,
                         0.009618056938052177f,
                         0.0013400427997112274f,
                         0.00015461444854736328f};
  x = min(splat(130.0f), max(splat(-151.0f), x));
  Vec n = roundToEven(x);
  return scale(polynomial(x - n, c), n);
}

/// e^x. The product with log2(e) is exact to two floats, so that large
/// arguments lose nothing.
ASGC_INLINE Vec exp(Vec x) {
  const Vec high = splat(1.44269502162933349609375f);
  const Vec low = splat(1.925963033500011e-8f);
  constexpr float c[] = {1.0f,
                         0.6931471824645996f,
                         0.24022650718688965f,
                         0.05550327152013779f,
                         0.009618056938052177f,
                         0.0013400427997112274f,
                         0.00015461444854736328f};
  x = min(splat(89.0f), max(splat(-104.0f), x));
  Vec n = roundToEven(x * high);
  Vec f = fma(x, low, fma(x, high, splat(0) - n));
  return scale(polynomial(f, c), n);
}

/// 1 / (1 + e^-x)
ASGC_INLINE Vec sigmoid(Vec x) {
  return splat(1) / (splat(1) + exp(splat(0) - x));
}

ASGC_INLINE Vec tanh(Vec x) {
  // (tanh(x) - x) / x³ in x², for |x| < 0.6; beyond, 1 - 2 / (e^2x + 1).
  constexpr float c[] = {-0.3333333134651184f, 0.13332915306091309f,
                         -0.053873948752880096f, 0.021110959351062775f,
                         -0.006269119679927826f};
  Vec a = abs(x), square = x * x;
  Vec nearZero = fma(x * square, polynomial(square, c), x);
  Vec far = splat(1) - splat(2) / (exp(a + a) + splat(1));
  return select(less(a, splat(0.6f)), nearZero, copySign(far, x));
}

/// 1 - erf(t) for t >= 0: 2^(-t p(t)), relative error below 1e-6, absolute
/// below 1e-7.
ASGC_INLINE Vec erfcOfPositive(Vec t) {
  constexpr float c[] = {1.6279075145721436f,      0.9184249639511108f,
                         0.14844989776611328f,     -0.028130000457167625f,
                         0.0004657747922465205f,   0.0018868354381993413f,
                         -0.0007118582725524902f,  0.00013680587289854884f,
                         -1.4203120372258127e-05f, 6.295614412010764e-07f};
  // The polynomial holds up to 4.2, where 1 - erf is 3e-9.
  Vec inside = min(t, splat(4.2f));
  return exp2(splat(0) - t * polynomial(inside, c));
}

/// x Φ(x) = x (1 + erf(x / √2)) / 2
ASGC_INLINE Vec geluErf(Vec x) {
  Vec half = splat(0.5f) * erfcOfPositive(abs(x) * splat(0.70710678118f));
  return x * select(less(x, splat(0)), half, splat(1) - half);
}

/// x (1 + tanh(u)) / 2 = x / (1 + e^-2u), u = √(2/π) (x + 0.044715 x³)
ASGC_INLINE Vec geluTanh(Vec x) {
  Vec inner = fma(x * x, splat(0.044715f), splat(1)) * x;
  return x * sigmoid(inner * splat(1.5957691216057308f));
}

} // namespace ASGC_ISA_NAMESPACE
#endif
