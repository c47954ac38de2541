//===- Element.h - Element types and the numbers they hold ----------------===//
#ifndef ASGC_RT_CPU_ELEMENT_H
#define ASGC_RT_CPU_ELEMENT_H

#include "Half.h"
#include "asgc/program.h"
#include <limits>
#include <type_traits>

namespace asgc::rt {

struct F16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};

inline float loadElement(F16 x) { return f16ToFloat(x.bits); }
inline float loadElement(Bf16 x) { return bf16ToFloat(x.bits); }
template <typename T> T loadElement(T x) { return x; }

inline void storeElement(F16 &to, float x) { to.bits = floatToF16(x); }
inline void storeElement(Bf16 &to, float x) { to.bits = floatToBf16(x); }
template <typename T> void storeElement(T &to, T x) { to = x; }

/// What to compute with: float for the 16-bit types, else the type itself.
template <typename T> using NumberOf = decltype(loadElement(std::declval<T>()));

/// Sums of whole numbers wrap around.
template <typename Number> Number addNumbers(Number a, Number b) {
  if constexpr (std::is_integral_v<Number>)
    return Number(std::make_unsigned_t<Number>(a) +
                  std::make_unsigned_t<Number>(b));
  else
    return a + b;
}

/// Calls callable(T()) with the C++ type of `dtype`; false if it has none here.
template <typename Callable>
bool withElementType(int32_t dtype, Callable callable) {
  switch (dtype) {
  case ASGC_F32:
    return callable(float()), true;
  case ASGC_F16:
    return callable(F16()), true;
  case ASGC_BF16:
    return callable(Bf16()), true;
  case ASGC_F64:
    return callable(double()), true;
  case ASGC_I8:
    return callable(int8_t()), true;
  case ASGC_I32:
    return callable(int32_t()), true;
  case ASGC_I64:
    return callable(int64_t()), true;
  default:
    return false;
  }
}

/// The same for the float types only.
template <typename Callable>
bool withFloatType(int32_t dtype, Callable callable) {
  switch (dtype) {
  case ASGC_F32:
    return callable(float()), true;
  case ASGC_F16:
    return callable(F16()), true;
  case ASGC_BF16:
    return callable(Bf16()), true;
  case ASGC_F64:
    return callable(double()), true;
  default:
    return false;
  }
}

} // namespace asgc::rt
#endif
