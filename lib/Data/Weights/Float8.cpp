//===- Float8.cpp - Floats of 8 bits --------------------------------------===//
#include "Float8.h"

#include <array>
#include <cmath>
#include <limits>

namespace asgc {

namespace {
/// Sign, exponent and `fraction` bits; the value is (1.fraction) · 2^(e −
/// bias).
struct Layout {
  int fraction, bias;
  bool isFnuz, hasInfinity;
};

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

float decode(Layout layout, unsigned bits) {
  if (layout.isFnuz && bits == 0x80)
    return kNaN;
  unsigned exponent = (bits & 0x7f) >> layout.fraction;
  unsigned fraction = bits & ((1u << layout.fraction) - 1);
  float sign = bits & 0x80 ? -1.0f : 1.0f;
  if (layout.hasInfinity && exponent == 31)
    return fraction ? kNaN : sign * std::numeric_limits<float>::infinity();
  if (!layout.isFnuz && !layout.hasInfinity && (bits & 0x7f) == 0x7f)
    return kNaN;
  unsigned units = exponent ? fraction + (1u << layout.fraction) : fraction;
  int scale = int(exponent ? exponent : 1) - layout.bias - layout.fraction;
  return sign * std::ldexp(float(units), scale);
}
} // namespace

float decodeFloat8(Float8 format, std::byte bits) {
  unsigned value = unsigned(bits);
  switch (format) {
  case Float8::E4M3:
    return decode({3, 7, false, false}, value);
  case Float8::E5M2:
    return decode({2, 15, false, true}, value);
  case Float8::E4M3Fnuz:
    return decode({3, 8, true, false}, value);
  case Float8::E5M2Fnuz:
    return decode({2, 16, true, false}, value);
  case Float8::E8M0:
    return value == 0xff ? kNaN : std::ldexp(1.0f, int(value) - 127);
  }
  return kNaN;
}

void decodeFloat8(Float8 format, std::span<const std::byte> bits,
                  std::span<float> out) {
  std::array<float, 256> table;
  for (unsigned i = 0; i < table.size(); ++i)
    table[i] = decodeFloat8(format, std::byte(i));
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = table[size_t(bits[i])];
}

} // namespace asgc
