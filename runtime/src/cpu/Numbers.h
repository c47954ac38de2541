//===- Numbers.h - Elements of any type as wide numbers -------------------===//
//
// For the plain loops that serve the types no fast kernel takes.
#ifndef ASGC_RT_CPU_NUMBERS_H
#define ASGC_RT_CPU_NUMBERS_H

#include "Half.h"
#include "asgc/program.h"
#include <cmath>
#include <cstring>

namespace asgc::rt {

template <typename T> T loadAs(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// One element as a number to compute with: double, or a whole number modulo
/// 2^64.
template <typename Number> Number loadNumber(int32_t dtype, const char *from) {
  switch (dtype) {
  case ASGC_F32:
    return Number(loadAs<float>(from));
  case ASGC_F16:
    return Number(f16ToFloat(loadAs<uint16_t>(from)));
  case ASGC_BF16:
    return Number(bf16ToFloat(loadAs<uint16_t>(from)));
  case ASGC_F64:
    return Number(loadAs<double>(from));
  case ASGC_I8:
    return Number(loadAs<int8_t>(from));
  case ASGC_I32:
    return Number(loadAs<int32_t>(from));
  case ASGC_I64:
    return Number(loadAs<int64_t>(from));
  default:
    return Number(loadAs<uint8_t>(from));
  }
}

template <typename T, typename Number> void storeAs(char *to, Number value) {
  T stored = T(value);
  std::memcpy(to, &stored, sizeof(T));
}

template <typename Number>
void storeNumber(int32_t dtype, char *to, Number value) {
  switch (dtype) {
  case ASGC_F32:
    return storeAs<float>(to, value);
  case ASGC_F16:
    return storeAs<uint16_t>(to, floatToF16(float(value)));
  case ASGC_BF16:
    return storeAs<uint16_t>(to, floatToBf16(float(value)));
  case ASGC_F64:
    return storeAs<double>(to, value);
  case ASGC_I8:
    return storeAs<int8_t>(to, value);
  case ASGC_I32:
    return storeAs<int32_t>(to, value);
  case ASGC_I64:
    return storeAs<int64_t>(to, value);
  default:
    return storeAs<uint8_t>(to, value != 0 ? 1 : 0);
  }
}

inline double activate(int32_t activation, double x) {
  switch (activation) {
  case ASGC_ACT_RELU:
    return x <= 0 ? 0 : x; // of -0, too, and a NaN stays
  case ASGC_ACT_TANH:
    return std::tanh(x);
  case ASGC_ACT_GELU_ERF:
    return 0.5 * x * std::erfc(-x * M_SQRT1_2);
  case ASGC_ACT_GELU_TANH:
    return x / (1 + std::exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
  case ASGC_ACT_SIGMOID:
    return 1 / (1 + std::exp(-x));
  case ASGC_ACT_SILU:
    return x / (1 + std::exp(-x));
  default:
    return x;
  }
}

inline uint64_t activate(int32_t activation, uint64_t x) {
  return activation == ASGC_ACT_RELU && int64_t(x) < 0 ? 0 : x;
}

} // namespace asgc::rt
#endif
