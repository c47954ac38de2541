//===- Split.h - Extents cut into parts -----------------------------------===//
#ifndef ASGC_RT_CPU_SPLIT_H
#define ASGC_RT_CPU_SPLIT_H

#include <cstdint>

namespace asgc::rt {

/// Extents [0, size) in parts of `step`, the last one perhaps shorter.
struct Split {
  int64_t size = 0, step = 1;

  int64_t parts() const { return (size + step - 1) / step; }
  int64_t begin(int64_t part) const { return part * step; }
  int64_t length(int64_t part) const {
    return part + 1 < parts() ? step : size - part * step;
  }
  bool isShort(int64_t part) const { return length(part) != step; }

  /// Whether there is a part of full length (0), or a shorter one (1).
  bool has(int shorter) const {
    return shorter ? isShort(parts() - 1) : !isShort(0);
  }
  /// The length of such parts.
  int64_t lengthOf(int shorter) const {
    return shorter ? length(parts() - 1) : step;
  }
};

} // namespace asgc::rt
#endif
