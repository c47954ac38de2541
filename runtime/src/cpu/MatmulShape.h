//===- MatmulShape.h - The geometry of one matrix product -----------------===//
#ifndef ASGC_RT_CPU_MATMULSHAPE_H
#define ASGC_RT_CPU_MATMULSHAPE_H

#include "asgc/program.h"
#include <cstdint>

namespace asgc::rt {

inline constexpr int maxBatchRank = ASGC_MAX_RANK - 2;

/// Where the elements of an operand lie, in elements.
struct MatrixStrides {
  int64_t batch[maxBatchRank] = {};
  int64_t row = 0;
  int64_t column = 0;

  bool isSameForBatch() const {
    for (int64_t stride : batch)
      if (stride != 0)
        return false;
    return true;
  }
  bool operator==(const MatrixStrides &) const = default;
};

/// c[m, n] = sum over k of a[m, k] b[k, n], for each point of the batch, with
/// all extents known and brought to one form: no batch dim of extent 1, no two
/// that could be one, and few rows rather than few columns.
struct MatmulShape {
  int64_t m = 0, n = 0, k = 0;
  int32_t batchRank = 0;
  int64_t batch[maxBatchRank] = {};
  MatrixStrides a, b, c; ///< residual has c's strides
  int64_t biasRow = 0, biasColumn = 1;
  bool swapped = false; ///< a and b changed places, and c is transposed
  bool operator==(const MatmulShape &) const = default;

  int64_t batchSize() const;
  /// The element at which point `index` of the batch begins.
  int64_t offset(const MatrixStrides &operand, int64_t index) const;
};

MatmulShape resolveShape(const asgc_matmul_desc &desc, const int64_t *dims);

} // namespace asgc::rt
#endif
