//===- HostTensor.h - A tensor in the memory of this process --------------===//
#ifndef ASGC_HOSTTENSOR_H
#define ASGC_HOSTTENSOR_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asgc {

/// The element types of the dialect. f64 is for checking only.
enum class DType : uint8_t { F32, F16, BF16, F64, I8, I32, I64, Bool };

size_t sizeOf(DType type);
bool isFloat(DType type);
/// "f32", "bool".
std::string_view nameOf(DType type);
std::optional<DType> parseDType(std::string_view name);

/// The nearest f16 and bf16 (ties to even, straight from f64, so that nothing is
/// rounded twice), and back. NaN stays NaN, overflow becomes infinity.
uint16_t roundToF16(double value);
uint16_t roundToBF16(double value);
double widenF16(uint16_t bits);
double widenBF16(uint16_t bits);

/// `value` as an element of `type` holds it: floats round to nearest even,
/// integers truncate towards zero and saturate with NaN as 0, bool is value ≠ 0.
double roundTo(DType type, double value);
/// The same for an integer or bool `type`, exact for i64.
int64_t truncateTo(DType type, double value);
/// Whole numbers as an element of `type`: integers keep their low bits.
int64_t wrapTo(DType type, int64_t value);

/// A row-major array. Owns its elements.
class HostTensor {
public:
  /// A scalar f32 zero.
  HostTensor() : data(sizeof(float)) {}

  /// All zero; null if an extent is negative or the size overflows 2^62 bytes.
  static std::optional<HostTensor> make(DType type, std::vector<int64_t> shape);

  DType dtype() const { return type; }
  std::span<const int64_t> shape() const { return extents; }
  int64_t numElements() const {
    return static_cast<int64_t>(data.size() / sizeOf(type));
  }
  std::span<std::byte> bytes() { return data; }
  std::span<const std::byte> bytes() const { return data; }

  /// Element `index` in row-major order, as a number; i64 beyond 2^53 is rounded.
  double get(int64_t index) const;
  /// Writes `roundTo(dtype(), value)`.
  void set(int64_t index, double value);

  /// The same for whole numbers, exact for i64; floats are converted.
  int64_t getInteger(int64_t index) const;
  void setInteger(int64_t index, int64_t value);

  /// "f32[4, 8]".
  std::string describe() const;

  /// Same type, shape and bits.
  bool operator==(const HostTensor &) const = default;

private:
  DType type = DType::F32;
  std::vector<int64_t> extents;
  std::vector<std::byte> data;
};

} // namespace asgc

#endif
