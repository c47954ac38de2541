//===- Half.h - The 16-bit float types as bits ----------------------------===//
#ifndef ASGC_RT_HALF_H
#define ASGC_RT_HALF_H

#include <bit>
#include <cstdint>

namespace asgc::rt {

inline float bf16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

/// Rounds to nearest, ties to even; a NaN stays one.
inline uint16_t floatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  bool isNan = (bits & 0x7FFFFFFF) > 0x7F800000;
  return uint16_t(isNan ? (bits >> 16 | 0x40) : rounded);
}

inline float f16ToFloat(uint16_t bits) {
  // Shift the exponent into place and correct its bias by a multiplication,
  // which also normalizes subnormal numbers.
  float magnitude = std::bit_cast<float>(uint32_t(bits & 0x7FFF) << 13) *
                    std::bit_cast<float>(uint32_t(127 + 127 - 15) << 23);
  uint32_t special = (bits & 0x7C00) == 0x7C00 ? 0x7F800000u : 0u;
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | special |
                              sign);
}

/// Rounds to nearest, ties to even; beyond the range is infinity.
inline uint16_t floatToF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = bits >> 16 & 0x8000;
  bits &= 0x7FFFFFFF;
  if (bits > 0x7F800000)
    return uint16_t(sign | 0x7E00);
  if (bits >= 0x47800000) // 2^16 and beyond
    return uint16_t(sign | 0x7C00);
  if (bits < 0x38800000) {
    // Subnormal: adding 0.5 aligns the mantissa so that the unit rounds it.
    float aligned = std::bit_cast<float>(bits) + 0.5f;
    return uint16_t(sign | (std::bit_cast<uint32_t>(aligned) - 0x3F000000));
  }
  // Rounding may carry into the exponent, up to infinity, as it should.
  bits += 0x0FFF + (bits >> 13 & 1);
  return uint16_t(sign | ((bits - (uint32_t(127 - 15) << 23)) >> 13));
}

} // namespace asgc::rt
#endif
