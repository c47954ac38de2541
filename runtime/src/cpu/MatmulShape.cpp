//===- MatmulShape.cpp - The geometry of one matrix product ---------------===//
#include "MatmulShape.h"
#include "Kernels.h"
#include "Program.h"
#include <utility>

namespace asgc::rt {

int64_t MatmulShape::batchSize() const {
  int64_t size = 1;
  for (int32_t i = 0; i < batchRank; ++i)
    size *= batch[i];
  return size;
}

int64_t MatmulShape::offset(const MatrixStrides &operand, int64_t index) const {
  int64_t offset = 0;
  for (int32_t i = batchRank - 1; i >= 0; --i) {
    offset += index % batch[i] * operand.batch[i];
    index /= batch[i];
  }
  return offset;
}

namespace {

/// Removes batch dim `dim`.
void dropBatch(MatmulShape &s, int32_t dim) {
  for (int32_t i = dim; i + 1 < s.batchRank; ++i) {
    s.batch[i] = s.batch[i + 1];
    for (MatrixStrides *operand : {&s.a, &s.b, &s.c})
      operand->batch[i] = operand->batch[i + 1];
  }
  --s.batchRank;
  s.batch[s.batchRank] = 0;
  for (MatrixStrides *operand : {&s.a, &s.b, &s.c})
    operand->batch[s.batchRank] = 0;
}

/// Whether batch dims `dim` and `dim + 1` are one in every operand.
bool canMerge(const MatmulShape &s, int32_t dim) {
  for (const MatrixStrides *operand : {&s.a, &s.b, &s.c})
    if (operand->batch[dim] != operand->batch[dim + 1] * s.batch[dim + 1])
      return false;
  return true;
}

void simplifyBatch(MatmulShape &s) {
  for (int32_t i = s.batchRank - 1; i >= 0; --i)
    if (s.batch[i] == 1)
      dropBatch(s, i);
  for (int32_t i = s.batchRank - 2; i >= 0; --i)
    if (canMerge(s, i)) {
      s.batch[i + 1] *= s.batch[i];
      dropBatch(s, i);
    }
}

/// With the same b for each point, the batch is more rows: [t, m, k] · [k, n].
void foldBatchIntoRows(MatmulShape &s) {
  if (s.batchRank == 0)
    return;
  const int32_t last = s.batchRank - 1;
  if (s.b.batch[last] != 0)
    return;
  if (s.m == 1) {
    s.a.row = s.a.batch[last];
    s.c.row = s.c.batch[last];
  } else if (s.a.batch[last] != s.m * s.a.row ||
             s.c.batch[last] != s.m * s.c.row) {
    return;
  }
  s.m *= s.batch[last];
  dropBatch(s, last);
}

/// c = a · b is the same as cᵀ = bᵀ · aᵀ.
void swapOperands(MatmulShape &s) {
  std::swap(s.m, s.n);
  std::swap(s.a, s.b);
  std::swap(s.a.row, s.a.column);
  std::swap(s.b.row, s.b.column);
  std::swap(s.c.row, s.c.column);
  std::swap(s.biasRow, s.biasColumn);
  s.swapped = true;
}

} // namespace

MatmulShape resolveShape(const asgc_matmul_desc &desc, const int64_t *dims) {
  MatmulShape s;
  s.m = resolve(desc.m, dims);
  s.n = resolve(desc.n, dims);
  s.k = resolve(desc.k, dims);
  s.batchRank = desc.batch_rank;
  const std::pair<MatrixStrides *, const asgc_dim *> operands[] = {
      {&s.a, desc.a_strides}, {&s.b, desc.b_strides}, {&s.c, desc.c_strides}};
  for (int32_t i = 0; i < s.batchRank; ++i)
    s.batch[i] = resolve(desc.batch[i], dims);
  for (auto [operand, strides] : operands) {
    for (int32_t i = 0; i < s.batchRank; ++i)
      operand->batch[i] = resolve(strides[i], dims);
    operand->row = resolve(strides[s.batchRank], dims);
    operand->column = resolve(strides[s.batchRank + 1], dims);
  }
  simplifyBatch(s);
  foldBatchIntoRows(s);
  if (s.n <= maxGemvRows && s.m > s.n && s.m > maxGemvRows)
    swapOperands(s);
  return s;
}

} // namespace asgc::rt
