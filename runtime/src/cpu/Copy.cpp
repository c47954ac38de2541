//===- Copy.cpp - Copies between any two layouts --------------------------===//
#include "Dtype.h"
#include "Kernels.h"
#include "Program.h"
#include "asgc/abi.h"
#include <algorithm>
#include <cstring>
#include <utility>

namespace asgc::rt {

namespace {

struct Dim {
  int64_t extent, from, to; ///< strides in elements
};

/// Elements of a tile that one thread copies at a time.
constexpr int64_t tileBytes = 1 << 15;
/// Rows and columns of a tile that is transposed.
constexpr int64_t transposeTile = 64;
/// Bytes that are worth a thread of their own.
constexpr int64_t grainBytes = 1 << 17;

/// A copy as a grid of tiles of two dims, rows and columns, the last of `dims`.
struct CopyPlan {
  Dim dims[ASGC_MAX_RANK + 2];
  int32_t rank = 0;
  int64_t tileRows = 1, tileColumns = 1;

  const Dim &rows() const { return dims[rank - 2]; }
  const Dim &columns() const { return dims[rank - 1]; }
  int64_t tiles() const {
    int64_t count = 1;
    for (int32_t i = 0; i < rank - 2; ++i)
      count *= dims[i].extent;
    return count * ((rows().extent + tileRows - 1) / tileRows) *
           ((columns().extent + tileColumns - 1) / tileColumns);
  }
};

/// Dims in the order of the target's memory, joined where both sides allow.
void simplify(CopyPlan &plan) {
  Dim *dims = plan.dims;
  std::stable_sort(dims, dims + plan.rank,
                   [](const Dim &a, const Dim &b) { return a.to > b.to; });
  int32_t kept = 0;
  for (int32_t i = 0; i < plan.rank; ++i) {
    const Dim &dim = dims[i];
    if (dim.extent == 1)
      continue;
    Dim *last = kept > 0 ? &dims[kept - 1] : nullptr;
    if (last && last->from == dim.from * dim.extent &&
        last->to == dim.to * dim.extent)
      *last = {last->extent * dim.extent, dim.from, dim.to};
    else
      dims[kept++] = dim;
  }
  plan.rank = kept;
}

void choosePlan(CopyPlan &plan, int64_t size) {
  simplify(plan);
  // Room for rows and columns in front.
  while (plan.rank < 2) {
    std::copy_backward(plan.dims, plan.dims + plan.rank,
                       plan.dims + plan.rank + 1);
    plan.dims[0] = {1, 0, 0};
    ++plan.rank;
  }
  // A transpose: rows are what is contiguous in the source.
  if (plan.columns().from != 1)
    for (int32_t i = 0; i < plan.rank - 2; ++i)
      if (plan.dims[i].from == 1) {
        std::rotate(plan.dims + i, plan.dims + i + 1,
                    plan.dims + plan.rank - 1);
        break;
      }
  if (plan.columns().from != 1 && plan.rows().from == 1) {
    plan.tileRows = std::min(plan.rows().extent, transposeTile);
    plan.tileColumns = std::min(plan.columns().extent, transposeTile);
    return;
  }
  plan.tileColumns = std::min(plan.columns().extent, tileBytes / size);
  plan.tileRows = std::clamp<int64_t>(tileBytes / size / plan.tileColumns, 1,
                                      plan.rows().extent);
}

template <typename T>
void copyTile(const CpuKernels &kernels, const T *from, T *to, const Dim &rows,
              const Dim &columns, int64_t numRows, int64_t numColumns) {
  if (columns.from == 1 && columns.to == 1) {
    for (int64_t i = 0; i < numRows; ++i)
      std::memcpy(to + i * rows.to, from + i * rows.from,
                  size_t(numColumns) * sizeof(T));
    return;
  }
  if constexpr (sizeof(T) == 4)
    if (rows.from == 1 && columns.to == 1)
      return kernels.transpose(reinterpret_cast<const float *>(from),
                               columns.from, reinterpret_cast<float *>(to),
                               rows.to, numColumns, numRows);
  for (int64_t i = 0; i < numRows; ++i) {
    const T *source = from + i * rows.from;
    T *target = to + i * rows.to;
    if (columns.from == 0 && columns.to == 1)
      std::fill(target, target + numColumns, *source);
    else if (columns.to == 1)
      for (int64_t j = 0; j < numColumns; ++j)
        target[j] = source[j * columns.from];
    else
      for (int64_t j = 0; j < numColumns; ++j)
        target[j * columns.to] = source[j * columns.from];
  }
}

template <typename T>
void copyTiles(const CpuKernels &kernels, const CopyPlan &plan, const T *from,
               T *to, int64_t begin, int64_t end) {
  const Dim &rows = plan.rows(), &columns = plan.columns();
  const int64_t columnTiles =
      (columns.extent + plan.tileColumns - 1) / plan.tileColumns;
  const int64_t rowTiles = (rows.extent + plan.tileRows - 1) / plan.tileRows;
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t column = tile % columnTiles * plan.tileColumns;
    const int64_t row = tile / columnTiles % rowTiles * plan.tileRows;
    int64_t rest = tile / columnTiles / rowTiles;
    int64_t source = row * rows.from + column * columns.from;
    int64_t target = row * rows.to + column * columns.to;
    for (int32_t i = plan.rank - 3; i >= 0; --i) {
      const int64_t at = rest % plan.dims[i].extent;
      rest /= plan.dims[i].extent;
      source += at * plan.dims[i].from;
      target += at * plan.dims[i].to;
    }
    copyTile(kernels, from + source, to + target, rows, columns,
             std::min(plan.tileRows, rows.extent - row),
             std::min(plan.tileColumns, columns.extent - column));
  }
}

template <typename T>
void runCopy(asgc_program &program, const CopyPlan &plan, const void *from,
             void *to) {
  const CpuKernels &kernels = cpuKernels(program.isa);
  const int64_t perTile = plan.tileRows * plan.tileColumns * int64_t(sizeof(T));
  auto body = [&](int64_t begin, int64_t end, int) {
    copyTiles(kernels, plan, static_cast<const T *>(from), static_cast<T *>(to),
              begin, end);
  };
  program.pool.forEachRange(plan.tiles(),
                            std::max<int64_t>(1, grainBytes / perTile), body);
}

} // namespace

} // namespace asgc::rt

using namespace asgc::rt;

int32_t asgc_rt_copy(asgc_frame *frame, int32_t kernel,
                     const asgc_copy_desc *desc, void *x, void *y) {
  asgc_program &program = *frame->program;
  ProfileScope profile(program, kernel);
  CopyPlan plan;
  plan.rank = desc->rank;
  for (int32_t i = 0; i < desc->rank; ++i) {
    plan.dims[i] = {resolve(desc->extents[i], frame->dims),
                    resolve(desc->x_strides[i], frame->dims),
                    resolve(desc->y_strides[i], frame->dims)};
    if (plan.dims[i].extent == 0)
      return ASGC_OK;
  }
  const int64_t size = sizeOf(desc->dtype);
  if (size == 0)
    return fail(program, ASGC_UNSUPPORTED, text("copy of dtype ", desc->dtype));
  choosePlan(plan, size);
  switch (size) {
  case 1:
    runCopy<uint8_t>(program, plan, x, y);
    break;
  case 2:
    runCopy<uint16_t>(program, plan, x, y);
    break;
  case 4:
    runCopy<uint32_t>(program, plan, x, y);
    break;
  default:
    runCopy<uint64_t>(program, plan, x, y);
  }
  return ASGC_OK;
}
