//===- MatmulLoops.cpp - Matrix products of any types, by plain loops -----===//
#include "Dtype.h"
#include "Half.h"
#include "Matmul.h"
#include <cmath>
#include <cstring>

namespace asgc::rt {

namespace {

template <typename T> T loadAs(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// One element as a number to compute with: double, or a whole number modulo
/// 2^64.
template <typename Number> Number loadNumber(int32_t dtype, const char *from) {
  switch (dtype) {
  case ASGC_F32:
    return Number(loadAs<float>(from));
  case ASGC_F16:
    return Number(f16ToFloat(loadAs<uint16_t>(from)));
  case ASGC_BF16:
    return Number(bf16ToFloat(loadAs<uint16_t>(from)));
  case ASGC_F64:
    return Number(loadAs<double>(from));
  case ASGC_I8:
    return Number(loadAs<int8_t>(from));
  case ASGC_I32:
    return Number(loadAs<int32_t>(from));
  case ASGC_I64:
    return Number(loadAs<int64_t>(from));
  default:
    return Number(loadAs<uint8_t>(from));
  }
}

template <typename T, typename Number> void storeAs(char *to, Number value) {
  T stored = T(value);
  std::memcpy(to, &stored, sizeof(T));
}

template <typename Number>
void storeNumber(int32_t dtype, char *to, Number value) {
  switch (dtype) {
  case ASGC_F32:
    return storeAs<float>(to, value);
  case ASGC_F16:
    return storeAs<uint16_t>(to, floatToF16(float(value)));
  case ASGC_BF16:
    return storeAs<uint16_t>(to, floatToBf16(float(value)));
  case ASGC_F64:
    return storeAs<double>(to, value);
  case ASGC_I8:
    return storeAs<int8_t>(to, value);
  case ASGC_I32:
    return storeAs<int32_t>(to, value);
  case ASGC_I64:
    return storeAs<int64_t>(to, value);
  default:
    return storeAs<uint8_t>(to, value != 0 ? 1 : 0);
  }
}

double activate(int32_t activation, double x) {
  switch (activation) {
  case ASGC_ACT_RELU:
    return x < 0 ? 0 : x;
  case ASGC_ACT_TANH:
    return std::tanh(x);
  case ASGC_ACT_GELU_ERF:
    return 0.5 * x * std::erfc(-x * M_SQRT1_2);
  case ASGC_ACT_GELU_TANH:
    return x / (1 + std::exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
  case ASGC_ACT_SIGMOID:
    return 1 / (1 + std::exp(-x));
  case ASGC_ACT_SILU:
    return x / (1 + std::exp(-x));
  default:
    return x;
  }
}

uint64_t activate(int32_t activation, uint64_t x) {
  return activation == ASGC_ACT_RELU && int64_t(x) < 0 ? 0 : x;
}

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
