//===- Floats.h - Random numbers of types that multiply, and their values -===//
#ifndef ASGC_TEST_CODEGEN_FLOATS_H
#define ASGC_TEST_CODEGEN_FLOATS_H

#include "Harness.h"

#include <cmath>
#include <random>

namespace asgc::test {

inline int32_t dtypeOf(const std::string &type) {
  return type == "f16"    ? ASGC_F16
         : type == "bf16" ? ASGC_BF16
         : type == "i8"   ? ASGC_I8
         : type == "i32"  ? ASGC_I32
                          : ASGC_F32;
}

/// Both formats by their definition: sign, exponent, fraction.
inline double decodeFloat(uint16_t bits, int32_t dtype) {
  int fractionBits = dtype == ASGC_F16 ? 10 : 7;
  int exponentBits = 15 - fractionBits;
  int bias = (1 << (exponentBits - 1)) - 1;
  int most = (1 << exponentBits) - 1;
  int exponent = bits >> fractionBits & most;
  double fraction = bits & ((1 << fractionBits) - 1);
  double size = exponent == 0 ? std::ldexp(fraction, 1 - bias - fractionBits)
                              : std::ldexp(fraction + (1 << fractionBits),
                                           exponent - bias - fractionBits);
  if (exponent == most)
    size = fraction == 0 ? HUGE_VAL : std::nan("");
  return bits >> 15 ? -size : size;
}

inline std::vector<double> valuesOf(const Tensor &tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.size(); ++i)
    values.push_back(tensor.dtype == ASGC_F32  ? double(tensor.f()[i])
                     : tensor.dtype == ASGC_I8 ? double(tensor.as<int8_t>()[i])
                     : tensor.dtype == ASGC_I32
                         ? double(tensor.as<int32_t>()[i])
                         : decodeFloat(tensor.as<uint16_t>()[i], tensor.dtype));
  return values;
}

/// Floats between 2^-4 and 2, of both signs; any i8, and i32 below 2^10.
inline Tensor randomTensor(std::vector<int64_t> dims, int32_t dtype,
                           uint32_t seed) {
  if (dtype == ASGC_F32)
    return randomF32(std::move(dims), -2, 2, seed);
  Tensor tensor(dtype, std::move(dims));
  std::mt19937 random(seed);
  if (dtype == ASGC_I8 || dtype == ASGC_I32) {
    for (int64_t i = 0; i < tensor.size(); ++i)
      if (dtype == ASGC_I8)
        tensor.as<int8_t>()[i] = int8_t(random());
      else
        tensor.as<int32_t>()[i] = int32_t(random() % (2u << 10)) - (1 << 10);
    return tensor;
  }
  int fractionBits = dtype == ASGC_F16 ? 10 : 7;
  int one = (dtype == ASGC_F16 ? 15 : 127) << fractionBits;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int size = one - (4 << fractionBits) + int(random() % (5u << fractionBits));
    tensor.as<uint16_t>()[i] = uint16_t(size | int(random() & 1) << 15);
  }
  return tensor;
}

/// A rounding of each partial sum of `count` terms whose sizes add up to
/// `size`, and one of the result; integers are exact.
inline double boundOf(double size, int64_t count, double result, int32_t type) {
  if (type == ASGC_I32)
    return 0;
  double bound = size * double(count + 2) * 0x1p-24;
  if (type != ASGC_F32)
    bound += std::abs(result) * (type == ASGC_F16 ? 0x1p-11 : 0x1p-8);
  return bound;
}
/// What three products of bf16 parts add to that.
inline double splitBoundOf(double size) { return size * 0x1p-15; }

} // namespace asgc::test

#endif
