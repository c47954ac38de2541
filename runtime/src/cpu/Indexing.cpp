//===- Indexing.cpp - Gather and its transpose ----------------------------===//
#include "Dtype.h"
#include "Element.h"
#include "Program.h"
#include "asgc/abi.h"
#include <algorithm>
#include <cstring>

namespace asgc::rt {

namespace {

/// asgc_gather_desc with its extents known.
struct Geometry {
  int64_t batch, outer, axis, indices, inner;
  bool wideIndex;

  /// Position `i` of batch `b` within the axis.
  int64_t at(const void *index, int64_t b, int64_t i) const {
    const int64_t place = b * indices + i;
    const int64_t value = wideIndex
                              ? static_cast<const int64_t *>(index)[place]
                              : static_cast<const int32_t *>(index)[place];
    return std::clamp<int64_t>(value, 0, axis - 1);
  }
};

Geometry resolveGeometry(const asgc_gather_desc &desc, const int64_t *dims) {
  return {resolve(desc.batch, dims), resolve(desc.outer, dims),
          resolve(desc.axis, dims),  resolve(desc.indices, dims),
          resolve(desc.inner, dims), desc.index_dtype == ASGC_I64};
}

/// Bytes that are worth a thread of their own.
constexpr int64_t grainBytes = 1 << 16;

/// Rows [begin, end) of y: row (b, o, i) is `inner` elements.
template <typename T>
void gatherRows(const Geometry &g, const T *x, const void *index, T *y,
                int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t i = row % g.indices, plane = row / g.indices;
    const T *from =
        x + (plane * g.axis + g.at(index, plane / g.outer, i)) * g.inner;
    T *to = y + row * g.inner;
    if (g.inner == 1)
      *to = *from;
    else
      std::memcpy(to, from, size_t(g.inner) * sizeof(T));
  }
}

template <typename T>
void runGather(asgc_program &program, const Geometry &g, const void *x,
               const void *index, void *y) {
  const int64_t rows = g.batch * g.outer * g.indices;
  auto body = [&](int64_t begin, int64_t end, int) {
    gatherRows(g, static_cast<const T *>(x), index, static_cast<T *>(y), begin,
               end);
  };
  program.pool.forEachRange(
      rows, 1 + grainBytes / (g.inner * int64_t(sizeof(T)) + 8), body);
}

/// Columns of the inner extent that one task of a scatter adds: the order of
/// the sums is that of the indices, whatever the cut.
int64_t scatterTile(int64_t inner) {
  constexpr int64_t mostTiles = 16, line = 16;
  int64_t tile = (inner + mostTiles - 1) / mostTiles;
  return std::min((tile + line - 1) / line * line, inner);
}

/// Adds into columns [column, column + width) of one plane of y. `sums` is
/// zeroed, holds g.axis rows `stride` apart, and may be y itself.
template <typename T>
void scatterPlane(const Geometry &g, const T *x, const void *index,
                  int64_t batch, int64_t column, int64_t width,
                  NumberOf<T> *sums, int64_t stride) {
  for (int64_t i = 0; i < g.indices; ++i) {
    const T *from = x + i * g.inner + column;
    NumberOf<T> *to = sums + g.at(index, batch, i) * stride;
    for (int64_t j = 0; j < width; ++j)
      to[j] = addNumbers(to[j], loadElement(from[j]));
  }
}

template <typename T>
bool runScatter(asgc_program &program, const Geometry &g, const void *x,
                const void *index, void *y) {
  using Number = NumberOf<T>;
  constexpr bool direct = std::is_same_v<Number, T>;
  const int64_t tile = scatterTile(g.inner);
  const int64_t tiles = (g.inner + tile - 1) / tile;
  if (!direct &&
      !program.pool.reserveScratch(g.axis * tile * int64_t(sizeof(Number))))
    return false;
  auto body = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task % tiles * tile, plane = task / tiles;
      const int64_t width = std::min(tile, g.inner - column);
      const T *from = static_cast<const T *>(x) + plane * g.indices * g.inner;
      T *to = static_cast<T *>(y) + plane * g.axis * g.inner + column;
      const int64_t batch = plane / g.outer;
      if constexpr (direct) {
        for (int64_t a = 0; a < g.axis; ++a)
          std::fill_n(to + a * g.inner, width, T(0));
        scatterPlane(g, from, index, batch, column, width, to, g.inner);
      } else {
        Number *sums = reinterpret_cast<Number *>(program.pool.scratch(worker));
        std::fill_n(sums, g.axis * width, Number(0));
        scatterPlane(g, from, index, batch, column, width, sums, width);
        for (int64_t a = 0; a < g.axis; ++a)
          for (int64_t j = 0; j < width; ++j)
            storeElement(to[a * g.inner + j], sums[a * width + j]);
      }
    }
  };
  const int64_t perTask = (g.axis + g.indices) * tile * int64_t(sizeof(T)) + 8;
  program.pool.forEachRange(g.batch * g.outer * tiles, 1 + grainBytes / perTask,
                            body);
  return true;
}

} // namespace

} // namespace asgc::rt

using namespace asgc::rt;

int32_t asgc_rt_gather(asgc_frame *frame, int32_t kernel,
                       const asgc_gather_desc *desc, void *x, void *index,
                       void *y) {
  asgc_program &program = *frame->program;
  ProfileScope profile(program, kernel);
  const Geometry g = resolveGeometry(*desc, frame->dims);
  const int64_t size = sizeOf(desc->dtype);
  const int64_t elements = g.batch * g.outer * g.indices * g.inner;
  if (elements == 0)
    return ASGC_OK;
  if (g.axis == 0) { // nothing to take, but something to fill
    std::memset(y, 0, size_t(elements * size));
    return ASGC_OK;
  }
  switch (size) {
  case 1:
    runGather<uint8_t>(program, g, x, index, y);
    break;
  case 2:
    runGather<uint16_t>(program, g, x, index, y);
    break;
  case 4:
    runGather<uint32_t>(program, g, x, index, y);
    break;
  case 8:
    runGather<uint64_t>(program, g, x, index, y);
    break;
  default:
    return fail(program, ASGC_UNSUPPORTED,
                text("gather of dtype ", desc->dtype));
  }
  return ASGC_OK;
}

int32_t asgc_rt_scatter_add(asgc_frame *frame, int32_t kernel,
                            const asgc_gather_desc *desc, void *x, void *index,
                            void *y) {
  asgc_program &program = *frame->program;
  ProfileScope profile(program, kernel);
  const Geometry g = resolveGeometry(*desc, frame->dims);
  if (g.batch * g.outer * g.axis * g.inner == 0)
    return ASGC_OK;
  bool enoughMemory = true;
  const bool known = withElementType(desc->dtype, [&](auto element) {
    enoughMemory = runScatter<decltype(element)>(program, g, x, index, y);
  });
  if (!known)
    return fail(program, ASGC_UNSUPPORTED,
                text("scatter_add of dtype ", nameOf(desc->dtype)));
  if (!enoughMemory)
    return fail(program, ASGC_OUT_OF_MEMORY,
                "cannot allocate the sums of a scatter_add");
  return ASGC_OK;
}
