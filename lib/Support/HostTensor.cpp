//===- HostTensor.cpp - A tensor in the memory of this process ------------===//
#include "asgc/HostTensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace asgc {

namespace {
struct TypeInfo {
  std::string_view name;
  size_t size;
  bool isFloat;
};

// In the order of DType.
constexpr std::array<TypeInfo, 8> kTypes = {{{"f32", 4, true},
                                             {"f16", 2, true},
                                             {"bf16", 2, true},
                                             {"f64", 8, true},
                                             {"i8", 1, false},
                                             {"i32", 4, false},
                                             {"i64", 8, false},
                                             {"bool", 1, false}}};

/// The bits of the nearest float with `mantissaBits` and `exponentBits`.
uint16_t roundToNarrow(double value, int mantissaBits, int exponentBits) {
  uint64_t bits = std::bit_cast<uint64_t>(value);
  uint16_t sign = static_cast<uint16_t>(bits >> 63 << 15);
  int bias = (1 << (exponentBits - 1)) - 1;
  uint16_t infinity =
      static_cast<uint16_t>(((1 << exponentBits) - 1) << mantissaBits);
  if (std::isnan(value))
    return sign | infinity | static_cast<uint16_t>(1 << (mantissaBits - 1));
  double magnitude = std::fabs(value);
  if (std::isinf(value))
    return sign | infinity;
  if (magnitude == 0)
    return sign;
  // One unit in the last place of the result is 2^unit; below the smallest
  // normal number it stays that of the subnormals. Scaling by a power of two is
  // exact (the value is no subnormal of f64 where it matters), and rint rounds
  // to nearest even.
  int exponent = std::ilogb(magnitude);
  int least = 1 - bias;
  int unit = std::max(exponent, least) - mantissaBits;
  double steps = std::nearbyint(std::scalbn(magnitude, -unit));
  // Steps carry into the exponent by themselves: encode the exponent's base and
  // add the steps beyond the implicit bit.
  uint64_t encoded = static_cast<uint64_t>(steps);
  if (exponent >= least)
    encoded += (static_cast<uint64_t>(exponent - least)) << mantissaBits;
  return sign | static_cast<uint16_t>(std::min<uint64_t>(encoded, infinity));
}

double widenNarrow(uint16_t bits, int mantissaBits, int exponentBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1);
  int mantissa = bits & ((1 << mantissaBits) - 1);
  double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == (1 << exponentBits) - 1)
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0)
    return sign * std::scalbn(mantissa, 1 - bias - mantissaBits);
  return sign * std::scalbn(mantissa + (1 << mantissaBits),
                            exponent - bias - mantissaBits);
}

/// Towards zero, saturating, NaN to 0.
template <typename Integer>
int64_t saturate(double value) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(value))
    return 0;
  if (value <= static_cast<double>(Limits::min()))
    return Limits::min();
  // 2ʷ⁻¹ is exact, Limits::max() need not be.
  if (value >= -static_cast<double>(Limits::min()))
    return Limits::max();
  return static_cast<Integer>(value);
}

template <typename T>
T load(const std::byte *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <typename T>
void store(std::byte *data, int64_t index, T value) {
  std::memcpy(data + index * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}
} // namespace

size_t sizeOf(DType type) { return kTypes[static_cast<size_t>(type)].size; }
bool isFloat(DType type) { return kTypes[static_cast<size_t>(type)].isFloat; }
std::string_view nameOf(DType type) {
  return kTypes[static_cast<size_t>(type)].name;
}

std::optional<DType> parseDType(std::string_view name) {
  for (size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i].name == name)
      return static_cast<DType>(i);
  return std::nullopt;
}

uint16_t roundToF16(double value) { return roundToNarrow(value, 10, 5); }
uint16_t roundToBF16(double value) { return roundToNarrow(value, 7, 8); }
double widenF16(uint16_t bits) { return widenNarrow(bits, 10, 5); }
double widenBF16(uint16_t bits) { return widenNarrow(bits, 7, 8); }

double roundTo(DType type, double value) {
  switch (type) {
  case DType::F64:
    return value;
  case DType::F32:
    return static_cast<float>(value);
  case DType::F16:
    return widenF16(roundToF16(value));
  case DType::BF16:
    return widenBF16(roundToBF16(value));
  default:
    return static_cast<double>(truncateTo(type, value));
  }
}

int64_t truncateTo(DType type, double value) {
  switch (type) {
  case DType::I8:
    return saturate<int8_t>(value);
  case DType::I32:
    return saturate<int32_t>(value);
  case DType::Bool:
    return value != 0;
  default:
    return saturate<int64_t>(value);
  }
}

int64_t wrapTo(DType type, int64_t value) {
  switch (type) {
  case DType::I8:
    return static_cast<int8_t>(value);
  case DType::I32:
    return static_cast<int32_t>(value);
  case DType::Bool:
    return value != 0;
  default:
    return value;
  }
}

std::optional<HostTensor> HostTensor::make(DType type,
                                           std::vector<int64_t> shape) {
  int64_t size = static_cast<int64_t>(sizeOf(type));
  // Zero extents do not hide the overflow of the others.
  int64_t guarded = size;
  for (int64_t extent : shape) {
    if (extent < 0 ||
        __builtin_mul_overflow(guarded, std::max<int64_t>(extent, 1), &guarded) ||
        guarded > int64_t(1) << 62)
      return std::nullopt;
    size *= extent;
  }
  HostTensor result;
  result.type = type;
  result.extents = std::move(shape);
  result.data.assign(static_cast<size_t>(size), std::byte(0));
  return result;
}

double HostTensor::get(int64_t index) const {
  const std::byte *p = data.data();
  switch (type) {
  case DType::F32:
    return load<float>(p, index);
  case DType::F16:
    return widenF16(load<uint16_t>(p, index));
  case DType::BF16:
    return widenBF16(load<uint16_t>(p, index));
  case DType::F64:
    return load<double>(p, index);
  default:
    return static_cast<double>(getInteger(index));
  }
}

void HostTensor::set(int64_t index, double value) {
  std::byte *p = data.data();
  switch (type) {
  case DType::F32:
    return store(p, index, static_cast<float>(value));
  case DType::F16:
    return store(p, index, roundToF16(value));
  case DType::BF16:
    return store(p, index, roundToBF16(value));
  case DType::F64:
    return store(p, index, value);
  case DType::I8:
    return store(p, index, static_cast<int8_t>(saturate<int8_t>(value)));
  case DType::I32:
    return store(p, index, static_cast<int32_t>(saturate<int32_t>(value)));
  case DType::I64:
    return store(p, index, saturate<int64_t>(value));
  case DType::Bool:
    return store(p, index, static_cast<uint8_t>(value != 0));
  }
}

int64_t HostTensor::getInteger(int64_t index) const {
  const std::byte *p = data.data();
  switch (type) {
  case DType::I8:
    return load<int8_t>(p, index);
  case DType::I32:
    return load<int32_t>(p, index);
  case DType::I64:
    return load<int64_t>(p, index);
  case DType::Bool:
    return load<uint8_t>(p, index) != 0;
  default:
    return saturate<int64_t>(get(index));
  }
}

void HostTensor::setInteger(int64_t index, int64_t value) {
  std::byte *p = data.data();
  switch (type) {
  case DType::I8:
    return store(p, index, static_cast<int8_t>(value));
  case DType::I32:
    return store(p, index, static_cast<int32_t>(value));
  case DType::I64:
    return store(p, index, value);
  case DType::Bool:
    return store(p, index, static_cast<uint8_t>(value != 0));
  default:
    return set(index, static_cast<double>(value));
  }
}

std::string HostTensor::describe() const {
  std::string text(nameOf(type));
  if (extents.empty())
    return text;
  text += "[";
  for (size_t i = 0; i < extents.size(); ++i)
    text += (i ? ", " : "") + std::to_string(extents[i]);
  return text + "]";
}

} // namespace asgc
