//===- Memory.h - Large zeroed blocks of memory ---------------------------===//
#ifndef ASGC_RT_MEMORY_H
#define ASGC_RT_MEMORY_H

#include <cstdint>
#include <optional>
#include <utility>

namespace asgc::rt {

/// What every buffer at the boundary of a kernel is aligned to.
inline constexpr int64_t bufferAlignment = 64;

/// `value` rounded up to a multiple of `step`, or nothing on overflow.
inline std::optional<int64_t> roundUp(int64_t value, int64_t step) {
  int64_t sum;
  if (__builtin_add_overflow(value, step - 1, &sum))
    return std::nullopt;
  return sum / step * step;
}

/// A zeroed, page-aligned block of the process's own. Pages become real when
/// they are first touched; blocks of several MiB are laid on huge pages where
/// the system gives them.
class Pages {
public:
  Pages() = default;
  Pages(Pages &&other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Pages &operator=(Pages &&other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pages();

  /// Replaces the block by one of at least `bytes`; false, with the old block
  /// kept, if there is not so much memory.
  bool allocate(int64_t bytes);

  char *data() const { return data_; }
  int64_t bytes() const { return bytes_; }

private:
  char *data_ = nullptr;
  int64_t bytes_ = 0;
};

} // namespace asgc::rt
#endif
