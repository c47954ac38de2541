//===- NumberColumn.cpp - Numbers in text become an array of one type -----===//
#include "Readers.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace asgc {

namespace {
/// The whole numbers up to here are exact in f64.
constexpr double kExactWhole = 9007199254740992.0;

bool spellsWhole(std::string_view text) {
  size_t start = !text.empty() && (text[0] == '-' || text[0] == '+');
  return text.size() > start &&
         text.find_first_not_of("0123456789", start) == std::string_view::npos;
}

/// The value of a few digits, exact in f32, or -1: most of what files hold.
int64_t spellsSmall(std::string_view text) {
  if (text.size() > 6)
    return -1;
  int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9')
      return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

template <typename T> std::vector<std::byte> bytesOf(const std::vector<T> &v) {
  std::vector<std::byte> bytes(v.size() * sizeof(T));
  if (!bytes.empty())
    std::memcpy(bytes.data(), v.data(), bytes.size());
  return bytes;
}
} // namespace

const char *NumberColumn::append(std::string_view text) {
  if (text.empty())
    return "a number";
  if (int64_t small = spellsSmall(text); small >= 0) {
    if (wide)
      doubles.push_back(double(small));
    else
      floats.push_back(float(small));
    return nullptr;
  }
  std::string_view digits = text[0] == '+' ? text.substr(1) : text;
  double value = 0;
  auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code == std::errc::invalid_argument ||
      end != digits.data() + digits.size() ||
      (text[0] == '+' && digits.starts_with('-')))
    return "a number";
  if (code == std::errc::result_out_of_range) {
    // Below the smallest double is 0; above the greatest is an error. The
    // standard leaves `value` alone in both cases.
    value = std::strtod(std::string(digits).c_str(), nullptr);
  }
  if (!std::isfinite(value) || std::fabs(value) > 3.4028234663852886e38)
    return "a finite number in the range of f32";
  bool isWholeText = spellsWhole(text);
  if (isWholeText && std::fabs(value) > kExactWhole)
    return "a whole number of at most 2^53";
  whole = whole && isWholeText;
  if (!wide && isWholeText && double(float(value)) != value) {
    // Ids beyond 2²⁴ are not exact in f32.
    wide = true;
    doubles.assign(floats.begin(), floats.end());
    floats = {};
  }
  if (wide)
    doubles.push_back(value);
  else
    floats.push_back(static_cast<float>(value));
  return nullptr;
}

std::vector<std::byte> NumberColumn::finish(bool preferWhole,
                                            ElementType *type) {
  if (preferWhole && whole) {
    *type = ElementType::I64;
    std::vector<int64_t> numbers(size());
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = static_cast<int64_t>(wide ? doubles[i] : floats[i]);
    return bytesOf(numbers);
  }
  *type = wide ? ElementType::F64 : ElementType::F32;
  return wide ? bytesOf(doubles) : bytesOf(floats);
}

} // namespace asgc
