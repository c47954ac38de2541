//===- ElementType.cpp - Element types of data files, and their numbers ---===//
#include "asgc/Data.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>

namespace asgc {

namespace {
/// A binary float of 16 bits: `fraction` stored bits of the significand, least
/// normal exponent `minExponent`, greatest `maxExponent`.
struct SmallFloat {
  int fraction, minExponent, maxExponent;
};
constexpr SmallFloat kHalf{10, -14, 15};
constexpr SmallFloat kBrain{7, -126, 127};

double decode(SmallFloat format, uint16_t bits) {
  int64_t one = int64_t(1) << format.fraction;
  int64_t fraction = bits & (one - 1);
  int exponent = (bits & 0x7fff) >> format.fraction;
  double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == format.maxExponent - format.minExponent + 2)
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0)
    return sign *
           std::ldexp(double(fraction), format.minExponent - format.fraction);
  // The same fields in their places in a double.
  uint64_t wide = uint64_t(bits & 0x8000) << 48 |
                  uint64_t(exponent - 1 + format.minExponent + 1023) << 52 |
                  uint64_t(fraction) << (52 - format.fraction);
  return std::bit_cast<double>(wide);
}

/// Rounds to nearest, ties to even.
uint16_t encode(SmallFloat format, double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  uint16_t infinity = uint16_t((format.maxExponent - format.minExponent + 2)
                               << format.fraction);
  if (std::isnan(value))
    return sign | infinity | uint16_t(1 << (format.fraction - 1));
  double magnitude = std::fabs(value);
  if (magnitude >= std::ldexp(1.0, format.maxExponent + 1))
    return sign | infinity;
  int exponent = magnitude == 0
                     ? format.minExponent
                     : std::max(std::ilogb(magnitude), format.minExponent);
  // The scaling is exact, so nearbyint is the only rounding. A carry out of
  // the fraction raises the exponent by itself, up to infinity.
  double units =
      std::nearbyint(std::ldexp(magnitude, format.fraction - exponent));
  return sign | uint16_t(((exponent - format.minExponent) << format.fraction) +
                         int(units));
}

template <typename T>
void loadAs(const std::byte *data, size_t first, std::span<double> out) {
  const std::byte *from = data + first * sizeof(T);
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

template <typename T>
void storeAs(std::span<const double> values, std::byte *data) {
  for (size_t i = 0; i < values.size(); ++i) {
    T value = static_cast<T>(values[i]);
    std::memcpy(data + i * sizeof(T), &value, sizeof(T));
  }
}

void loadSmall(SmallFloat format, const std::byte *data, size_t first,
               std::span<double> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, data + (first + i) * 2, 2);
    out[i] = decode(format, bits);
  }
}

void storeSmall(SmallFloat format, std::span<const double> values,
                std::byte *data) {
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits = encode(format, values[i]);
    std::memcpy(data + i * 2, &bits, 2);
  }
}
} // namespace

size_t elementBytes(ElementType type) {
  switch (type) {
  case ElementType::I8:
  case ElementType::U8:
  case ElementType::Bool:
    return 1;
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::I16:
  case ElementType::U16:
    return 2;
  case ElementType::F32:
  case ElementType::I32:
  case ElementType::U32:
    return 4;
  case ElementType::F64:
  case ElementType::I64:
  case ElementType::U64:
    return 8;
  }
  return 0;
}

std::string_view elementName(ElementType type) {
  constexpr std::string_view names[] = {"f16", "bf16", "f32", "f64", "i8",
                                        "i16", "i32",  "i64", "u8",  "u16",
                                        "u32", "u64",  "bool"};
  return names[static_cast<size_t>(type)];
}

bool isFloat(ElementType type) { return type <= ElementType::F64; }

std::optional<int64_t> arrayBytes(ElementType type,
                                  std::span<const int64_t> shape) {
  int64_t bytes = static_cast<int64_t>(elementBytes(type));
  bool isEmpty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return std::nullopt;
    // A zero elsewhere in the shape must not hide an overflow: the strides of
    // such an array would overflow all the same.
    if (extent == 0)
      isEmpty = true;
    else if (__builtin_mul_overflow(bytes, extent, &bytes))
      return std::nullopt;
  }
  return isEmpty ? 0 : bytes;
}

int64_t Array::elements() const {
  return static_cast<int64_t>(data.size() / elementBytes(type));
}

void loadElements(ElementType type, const std::byte *data, size_t first,
                  std::span<double> out) {
  switch (type) {
  case ElementType::F16:
    return loadSmall(kHalf, data, first, out);
  case ElementType::BF16:
    return loadSmall(kBrain, data, first, out);
  case ElementType::F32:
    return loadAs<float>(data, first, out);
  case ElementType::F64:
    return loadAs<double>(data, first, out);
  case ElementType::I8:
    return loadAs<int8_t>(data, first, out);
  case ElementType::I16:
    return loadAs<int16_t>(data, first, out);
  case ElementType::I32:
    return loadAs<int32_t>(data, first, out);
  case ElementType::I64:
    return loadAs<int64_t>(data, first, out);
  case ElementType::U8:
  case ElementType::Bool:
    return loadAs<uint8_t>(data, first, out);
  case ElementType::U16:
    return loadAs<uint16_t>(data, first, out);
  case ElementType::U32:
    return loadAs<uint32_t>(data, first, out);
  case ElementType::U64:
    return loadAs<uint64_t>(data, first, out);
  }
}

void storeElements(ElementType type, std::span<const double> values,
                   std::byte *data) {
  switch (type) {
  case ElementType::F16:
    return storeSmall(kHalf, values, data);
  case ElementType::BF16:
    return storeSmall(kBrain, values, data);
  case ElementType::F32:
    return storeAs<float>(values, data);
  case ElementType::F64:
    return storeAs<double>(values, data);
  case ElementType::I8:
    return storeAs<int8_t>(values, data);
  case ElementType::I16:
    return storeAs<int16_t>(values, data);
  case ElementType::I32:
    return storeAs<int32_t>(values, data);
  case ElementType::I64:
    return storeAs<int64_t>(values, data);
  case ElementType::U8:
    return storeAs<uint8_t>(values, data);
  case ElementType::U16:
    return storeAs<uint16_t>(values, data);
  case ElementType::U32:
    return storeAs<uint32_t>(values, data);
  case ElementType::U64:
    return storeAs<uint64_t>(values, data);
  case ElementType::Bool:
    for (size_t i = 0; i < values.size(); ++i)
      data[i] = std::byte(values[i] != 0);
    return;
  }
}

namespace {
/// The numbers that an integer type or bool holds.
struct Range {
  double low, high;
};
Range rangeOf(ElementType type) {
  if (type == ElementType::Bool)
    return {0, 1};
  bool isSigned = type >= ElementType::I8 && type <= ElementType::I64;
  int bits = int(8 * elementBytes(type)) - isSigned;
  // 2⁶³ and 2⁶⁴ less one are no doubles; the next ones below are.
  double high =
      bits > 53 ? std::ldexp(1.0 - 0x1p-53, bits) : std::ldexp(1.0, bits) - 1;
  return {isSigned ? -std::ldexp(1.0, bits) : 0, high};
}

Fault outOfRange(const std::string &what, ElementType to, size_t index,
                 ElementType from, auto value) {
  return {FaultKind::Input,
          fmt::format("{}: expected {}, but element {} of the {} given is {}",
                      what, elementName(to), index, elementName(from), value)};
}

bool isWide(ElementType type) {
  return type == ElementType::I64 || type == ElementType::U64;
}

/// Between i64 and u64, which doubles do not hold: what both can say has the
/// same bits.
MaybeFault convertWide(ElementType from, const std::byte *data, size_t count,
                       ElementType to, std::byte *out,
                       const std::string &what) {
  for (size_t i = 0; i < count; ++i) {
    int64_t value;
    std::memcpy(&value, data + i * sizeof(value), sizeof(value));
    if (value < 0)
      return from == ElementType::I64
                 ? outOfRange(what, to, i, from, value)
                 : outOfRange(what, to, i, from, uint64_t(value));
    std::memcpy(out + i * sizeof(value), &value, sizeof(value));
  }
  return std::nullopt;
}
} // namespace

MaybeFault convertElements(ElementType from, const std::byte *data,
                           size_t count, ElementType to, std::byte *out,
                           const std::string &what) {
  if (from == to) {
    if (count > 0)
      std::memcpy(out, data, count * elementBytes(to));
    return std::nullopt;
  }
  if (isWide(from) && isWide(to))
    return convertWide(from, data, count, to, out, what);
  bool mustHold = !isFloat(to) && from != ElementType::Bool;
  Range range = mustHold ? rangeOf(to) : Range{};
  std::array<double, 1024> chunk;
  for (size_t first = 0; first < count; first += chunk.size()) {
    std::span values(chunk.data(), std::min(chunk.size(), count - first));
    loadElements(from, data, first, values);
    for (size_t i = 0; mustHold && i < values.size(); ++i)
      if (!(values[i] >= range.low && values[i] <= range.high) ||
          values[i] != std::trunc(values[i]))
        return outOfRange(what, to, first + i, from, values[i]);
    storeElements(to, values, out + first * elementBytes(to));
  }
  return std::nullopt;
}

} // namespace asgc
