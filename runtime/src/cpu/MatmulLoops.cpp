//===- MatmulLoops.cpp - Matrix products of any types, by plain loops -----===//
#include "Dtype.h"
#include "Matmul.h"
#include "Numbers.h"

namespace asgc::rt {

namespace {

/// One slice of columns: b's columns as numbers, then row after row.
template <typename Number>
void runSlice(const MatmulCall &call, const Slice &slice, Number *b,
              Number *a) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  const int64_t sizeA = sizeOf(plan.types.a), sizeB = sizeOf(plan.types.b),
                sizeC = sizeOf(plan.types.c);
  const int64_t startA = s.offset(s.a, slice.batch),
                startB = s.offset(s.b, slice.batch) + slice.column * s.b.column,
                startC = s.offset(s.c, slice.batch) + slice.column * s.c.column;
  for (int64_t j = 0; j < slice.columns; ++j)
    for (int64_t p = 0; p < s.k; ++p)
      b[j * s.k + p] = loadNumber<Number>(
          plan.types.b,
          call.buffers.b + (startB + p * s.b.row + j * s.b.column) * sizeB);
  for (int64_t i = 0; i < slice.rows; ++i) {
    for (int64_t p = 0; p < s.k; ++p)
      a[p] = loadNumber<Number>(
          plan.types.a,
          call.buffers.a + (startA + i * s.a.row + p * s.a.column) * sizeA);
    for (int64_t j = 0; j < slice.columns; ++j) {
      Number sum = 0;
      for (int64_t p = 0; p < s.k; ++p)
        sum += a[p] * b[j * s.k + p];
      const int64_t at = (startC + i * s.c.row + j * s.c.column) * sizeC;
      if (call.buffers.bias)
        sum += loadNumber<Number>(
            plan.types.c,
            call.buffers.bias +
                (i * s.biasRow + (slice.column + j) * s.biasColumn) * sizeC);
      if (call.buffers.residual)
        sum += loadNumber<Number>(plan.types.c, call.buffers.residual + at);
      storeNumber(plan.types.c, call.buffers.c + at,
                  activate(call.activation, sum));
    }
  }
}

} // namespace

int64_t loopScratchBytes(const MatmulPlan &plan) {
  return (plan.columns.step + 1) * plan.shape.k * 8;
}

void runLoopTasks(const MatmulCall &call, int64_t begin, int64_t end,
                  char *scratch) {
  const MatmulTypes &types = call.plan.types;
  const bool real = isFloat(types.a) || isFloat(types.b) || isFloat(types.c);
  const int64_t room = call.plan.columns.step * call.plan.shape.k;
  for (int64_t task = begin; task < end; ++task) {
    const Slice slice = sliceOf(call.plan, task);
    if (real) {
      double *b = reinterpret_cast<double *>(scratch);
      runSlice(call, slice, b, b + room);
    } else {
      uint64_t *b = reinterpret_cast<uint64_t *>(scratch);
      runSlice(call, slice, b, b + room);
    }
  }
}

} // namespace asgc::rt
