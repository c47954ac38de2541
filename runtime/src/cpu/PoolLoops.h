//===- PoolLoops.h - Pooling of one plane ---------------------------------===//
//
// Compiled once per instruction set for f32, and once more for the other types:
// each in its own namespace, and without inline functions of other headers.
// `Access` has the type Stored of an element, the type Number to compute with,
// load(Stored) and store(Number).
#ifndef ASGC_RT_CPU_POOLLOOPS_H
#define ASGC_RT_CPU_POOLLOOPS_H

#include "Kernels.h"

namespace ASGC_ISA_NAMESPACE {

/// What one offset of the window meets: input row `row` of the plane from
/// column `column` on, for `count` outputs from `first` on.
struct PoolStrip {
  int64_t row, column, first, count;
};

/// False if the strip is all padding.
static inline bool findStrip(const PoolGeometry &g, int64_t outputRow,
                             int64_t i, int64_t j, PoolStrip &strip) {
  strip.row = outputRow * g.stride[0] - g.pad[0] + i * g.dilation[0];
  const int64_t offset = j * g.dilation[1] - g.pad[1], step = g.stride[1];
  strip.first = offset < 0 ? (-offset + step - 1) / step : 0;
  int64_t last = offset < g.w ? (g.w - 1 - offset) / step + 1 : 0;
  if (last > g.ow)
    last = g.ow;
  strip.column = offset + strip.first * step;
  strip.count = last - strip.first;
  return strip.row >= 0 && strip.row < g.h && strip.count > 0;
}

/// Takes greater values and NaNs over, so the first of equal values stays.
template <typename Access, int Step>
static inline void maxStrip(const typename Access::Stored *x, int64_t step,
                            int32_t index, int64_t count,
                            typename Access::Stored *best, int32_t *place) {
  if (Step)
    step = Step;
  for (int64_t o = 0; o < count; ++o) {
    const auto stored = x[o * step];
    const auto value = Access::load(stored);
    const bool better =
        value > Access::load(best[o]) || value != value || place[o] < 0;
    best[o] = better ? stored : best[o];
    place[o] = better ? index + int32_t(o * step) : place[o];
  }
}

/// y = the maximum of each window and its place in the plane; `lowest` and -1
/// for a window that is all padding. `indices` may be null; then `places` is
/// scratch for a row.
template <typename Access>
static inline void
maxPoolPlane(const PoolGeometry &g, const typename Access::Stored *x,
             typename Access::Stored *y, int32_t *indices, int32_t *places,
             typename Access::Stored lowest) {
  for (int64_t row = 0; row < g.oh; ++row, y += g.ow) {
    if (indices)
      places = indices + row * g.ow;
    for (int64_t o = 0; o < g.ow; ++o) {
      y[o] = lowest;
      places[o] = -1;
    }
    for (int64_t i = 0; i < g.kernel[0]; ++i)
      for (int64_t j = 0; j < g.kernel[1]; ++j) {
        PoolStrip s;
        if (!findStrip(g, row, i, j, s))
          continue;
        const int64_t at = s.row * g.w + s.column;
        const auto run = g.stride[1] == 1   ? maxStrip<Access, 1>
                         : g.stride[1] == 2 ? maxStrip<Access, 2>
                                            : maxStrip<Access, 0>;
        run(x + at, g.stride[1], int32_t(at), s.count, y + s.first,
            places + s.first);
      }
  }
}

/// Divisors of a row of averages: elements inside of the plane, or all.
template <typename Number>
static inline void countRow(const PoolGeometry &g, int64_t row,
                            Number *counts) {
  for (int64_t o = 0; o < g.ow; ++o)
    counts[o] = g.countsPadding ? Number(g.kernel[0] * g.kernel[1]) : 0;
  for (int64_t i = 0; !g.countsPadding && i < g.kernel[0]; ++i)
    for (int64_t j = 0; j < g.kernel[1]; ++j) {
      PoolStrip s;
      if (findStrip(g, row, i, j, s))
        for (int64_t o = 0; o < s.count; ++o)
          counts[s.first + o] += 1;
    }
}

/// `scratch` holds two rows of numbers.
template <typename Access>
static inline void
avgPoolPlane(const PoolGeometry &g, const typename Access::Stored *x,
             typename Access::Stored *y, typename Access::Number *scratch) {
  typename Access::Number *sums = scratch, *counts = scratch + g.ow;
  for (int64_t row = 0; row < g.oh; ++row, y += g.ow) {
    countRow(g, row, counts);
    for (int64_t o = 0; o < g.ow; ++o)
      sums[o] = 0;
    for (int64_t i = 0; i < g.kernel[0]; ++i)
      for (int64_t j = 0; j < g.kernel[1]; ++j) {
        PoolStrip s;
        if (!findStrip(g, row, i, j, s))
          continue;
        const auto *from = x + s.row * g.w + s.column;
        for (int64_t o = 0; o < s.count; ++o)
          sums[s.first + o] += Access::load(from[o * g.stride[1]]);
      }
    for (int64_t o = 0; o < g.ow; ++o)
      y[o] = Access::store(counts[o] > 0 ? sums[o] / counts[o] : 0);
  }
}

/// dx += dy / count over each window. `scratch` holds two rows of numbers.
template <typename Access>
static inline void avgPoolBackwardPlane(const PoolGeometry &g,
                                        const typename Access::Stored *dy,
                                        typename Access::Number *dx,
                                        typename Access::Number *scratch) {
  typename Access::Number *shares = scratch, *counts = scratch + g.ow;
  for (int64_t row = 0; row < g.oh; ++row, dy += g.ow) {
    countRow(g, row, counts);
    for (int64_t o = 0; o < g.ow; ++o)
      shares[o] = counts[o] > 0 ? Access::load(dy[o]) / counts[o] : 0;
    for (int64_t i = 0; i < g.kernel[0]; ++i)
      for (int64_t j = 0; j < g.kernel[1]; ++j) {
        PoolStrip s;
        if (!findStrip(g, row, i, j, s))
          continue;
        auto *to = dx + s.row * g.w + s.column;
        for (int64_t o = 0; o < s.count; ++o)
          to[o * g.stride[1]] += shares[s.first + o];
      }
  }
}

} // namespace ASGC_ISA_NAMESPACE
#endif
