//===- Matmul.cpp - Matrix products of a program --------------------------===//
#include "Matmul.h"
#include "Dtype.h"
#include "asgc/abi.h"
#include <algorithm>
#include <atomic>
#include <cstring>

namespace asgc::rt {

/// Plans kept for one kernel: a run-time dim takes few values at a time.
static constexpr size_t mostPlans = 16;

Slice sliceOf(const MatmulPlan &plan, int64_t task) {
  const int64_t columnParts = plan.columns.parts(),
                rowParts = plan.rows.parts();
  const int64_t columnPart = task % columnParts;
  const int64_t rowPart = task / columnParts % rowParts;
  Slice slice;
  slice.batch = task / columnParts / rowParts;
  slice.row = plan.rows.begin(rowPart);
  slice.rows = plan.rows.length(rowPart);
  slice.column = plan.columns.begin(columnPart);
  slice.columns = plan.columns.length(columnPart);
  slice.lastRows = slice.rows != plan.rows.step;
  slice.lastColumns = slice.columns != plan.columns.step;
  slice.columnPart = columnPart;
  return slice;
}

void gatherRows(const CpuKernels &kernels, int32_t fromType, const char *from,
                int64_t rowStride, int64_t columnStride, int64_t rows,
                int64_t columns, int32_t toType, char *to) {
  const int64_t size = sizeOf(fromType), toSize = sizeOf(toType);
  for (int64_t i = 0; i < rows; ++i, to += columns * toSize) {
    const char *row = from + i * rowStride * size;
    if (columnStride == 1 && fromType == toType) {
      std::memcpy(to, row, size_t(columns * size));
      continue;
    }
    if (columnStride == 1) {
      kernels.widen(fromType, row, reinterpret_cast<float *>(to), columns);
      continue;
    }
    // Strided: the elements as they are first, at the end of the row where the
    // wider ones then overwrite them.
    char *narrow = to + columns * (toSize - size);
    for (int64_t j = 0; j < columns; ++j)
      std::memcpy(narrow + j * size, row + j * columnStride * size,
                  size_t(size));
    if (fromType != toType)
      kernels.widen(fromType, narrow, reinterpret_cast<float *>(to), columns);
  }
}

namespace {

const char *elementOf(const MatmulPlan &plan, const char *data, int32_t dtype,
                      const MatrixStrides &strides, int64_t batch, int64_t row,
                      int64_t column) {
  return data + (plan.shape.offset(strides, batch) + row * strides.row +
                 column * strides.column) *
                    sizeOf(dtype);
}

/// Bias of the columns from `column` on, in f32, for one row.
const float *biasRow(const MatmulCall &call, const Slice &slice, int64_t row,
                     float *scratch) {
  const MatmulShape &s = call.plan.shape;
  if (!call.buffers.bias)
    return nullptr;
  const int64_t count = s.biasColumn ? slice.columns : 1;
  const int32_t dtype = call.plan.types.c;
  const char *from =
      call.buffers.bias +
      (row * s.biasRow + slice.column * s.biasColumn) * sizeOf(dtype);
  if (dtype == ASGC_F32)
    return reinterpret_cast<const float *>(from);
  call.kernels.widen(dtype, from, scratch, count);
  return scratch;
}

} // namespace

void finishSlice(const MatmulCall &call, const Slice &slice, const float *from,
                 int64_t fromRow, float *scratch) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  const int32_t dtype = plan.types.c;
  const bool plainRow = dtype == ASGC_F32 && s.c.column == 1;
  float *biasScratch = scratch, *valueScratch = scratch + plan.columns.step;
  const float *bias = biasRow(call, slice, slice.row, biasScratch);
  for (int64_t i = 0; i < slice.rows; ++i) {
    const int64_t row = slice.row + i;
    if (s.biasRow && i > 0)
      bias = biasRow(call, slice, row, biasScratch);
    char *to = const_cast<char *>(elementOf(plan, call.buffers.c, dtype, s.c,
                                            slice.batch, row, slice.column));
    const char *residual = call.buffers.residual
                               ? elementOf(plan, call.buffers.residual, dtype,
                                           s.c, slice.batch, row, slice.column)
                               : nullptr;
    if (residual && !plainRow) {
      gatherRows(call.kernels, dtype, residual, 0, s.c.column, 1, slice.columns,
                 ASGC_F32, reinterpret_cast<char *>(valueScratch));
      residual = reinterpret_cast<const char *>(valueScratch);
    }
    float *values = plainRow ? reinterpret_cast<float *>(to) : valueScratch;
    call.kernels.finish({.from = from + i * fromRow,
                         .to = values,
                         .bias = bias,
                         .residual = reinterpret_cast<const float *>(residual),
                         .count = slice.columns,
                         .biasStride = s.biasColumn,
                         .activation = call.activation});
    if (plainRow)
      continue;
    // The narrowed row overwrites the floats from their start.
    if (dtype != ASGC_F32)
      call.kernels.narrow(dtype, values, values, slice.columns);
    const int64_t size = sizeOf(dtype);
    const char *narrow = reinterpret_cast<const char *>(values);
    for (int64_t j = 0; j < slice.columns; ++j)
      std::memcpy(to + j * s.c.column * size, narrow + j * size, size_t(size));
  }
}

void runVectorTasks(const MatmulCall &call, int64_t begin, int64_t end,
                    char *scratch) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  const bool finishes = plan.resultApart || call.buffers.bias ||
                        call.buffers.residual || call.activation;
  for (int64_t task = begin; task < end; ++task) {
    const Slice slice = sliceOf(plan, task);
    const char *a = elementOf(plan, call.buffers.a, plan.types.a, s.a,
                              slice.batch, slice.row, 0);
    GemvArgs args{};
    args.aRow = s.a.row;
    if (plan.accessA == Access::Copied) {
      gatherRows(call.kernels, plan.types.a, a, s.a.row, s.a.column, slice.rows,
                 s.k, ASGC_F32, scratch + plan.scratchA);
      a = scratch + plan.scratchA;
      args.aRow = s.k;
    }
    args.a = reinterpret_cast<const float *>(a);
    args.b = reinterpret_cast<const float *>(elementOf(
        plan, call.buffers.b, ASGC_F32, s.b, slice.batch, 0, slice.column));
    args.bStride = plan.dot ? s.b.column : s.b.row;
    args.m = slice.rows;
    args.n = slice.columns;
    args.k = s.k;
    args.out = reinterpret_cast<float *>(scratch + plan.scratchC);
    args.outRow = slice.columns;
    if (!plan.resultApart) {
      args.out = reinterpret_cast<float *>(
          const_cast<char *>(elementOf(plan, call.buffers.c, ASGC_F32, s.c,
                                       slice.batch, slice.row, slice.column)));
      args.outRow = s.c.row;
    }
    (plan.dot ? call.kernels.gemvDot : call.kernels.gemvAxpy)(args);
    if (finishes)
      finishSlice(call, slice, args.out, args.outRow,
                  reinterpret_cast<float *>(scratch + plan.scratchRow));
  }
}

bool packPart(const MatmulCall &call, const DnnlOperation *packer,
              int64_t batch, int64_t part, int worker, char *scratch,
              void *to) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  const char *from = elementOf(plan, call.buffers.b, plan.types.b, s.b, batch,
                               0, plan.columns.begin(part));
  if (plan.gathersB()) {
    char *rows = scratch + plan.scratchB;
    gatherRows(call.kernels, plan.types.b, from, s.b.row, s.b.column, s.k,
               plan.columns.length(part), plan.computeType, rows);
    from = rows;
  }
  void *addresses[] = {const_cast<char *>(from), to};
  return packer->run(*call.dnnl, worker, addresses, scratch);
}

namespace {

/// The address of the slice's columns of b as the primitive wants them.
const char *prepareB(const MatmulCall &call, const Slice &slice, int worker,
                     char *scratch) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  if (plan.cachesB)
    return call.weights.data.data() +
           (plan.family == Family::Strided
                ? slice.column * int64_t(sizeof(float))
                : slice.columnPart * call.weights.partBytes);
  if (plan.accessB == Access::Packed) {
    char *packed = scratch + plan.scratchPacked;
    return packPart(call, plan.packers[slice.lastColumns].get(), slice.batch,
                    slice.columnPart, worker, scratch, packed)
               ? packed
               : nullptr;
  }
  const char *b = elementOf(plan, call.buffers.b, plan.types.b, s.b,
                            slice.batch, 0, slice.column);
  if (plan.accessB == Access::Direct)
    return b;
  char *rows = scratch + plan.scratchB;
  gatherRows(call.kernels, plan.types.b, b, s.b.row, s.b.column, s.k,
             slice.columns, plan.computeType, rows);
  return rows;
}

const char *prepareA(const MatmulCall &call, const Slice &slice,
                     char *scratch) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  const char *a = elementOf(plan, call.buffers.a, plan.types.a, s.a,
                            slice.batch, slice.row, 0);
  if (plan.accessA == Access::Direct)
    return a;
  gatherRows(call.kernels, plan.types.a, a, s.a.row, s.a.column, slice.rows,
             s.k, plan.computeType, scratch + plan.scratchA);
  return scratch + plan.scratchA;
}

/// Bias, residual and activation of whole numbers, which wrap around.
void finishIntegers(const MatmulCall &call, const Slice &slice,
                    const int32_t *from, int64_t fromRow) {
  const MatmulShape &s = call.plan.shape;
  const int32_t *bias = reinterpret_cast<const int32_t *>(call.buffers.bias);
  for (int64_t i = 0; i < slice.rows; ++i) {
    const int64_t row = slice.row + i;
    const int64_t offset =
        s.offset(s.c, slice.batch) + row * s.c.row + slice.column * s.c.column;
    int32_t *to = reinterpret_cast<int32_t *>(call.buffers.c) + offset;
    const int32_t *residual =
        call.buffers.residual
            ? reinterpret_cast<const int32_t *>(call.buffers.residual) + offset
            : nullptr;
    for (int64_t j = 0; j < slice.columns; ++j) {
      uint32_t value = uint32_t(from[i * fromRow + j]);
      if (bias)
        value +=
            uint32_t(bias[row * s.biasRow + (slice.column + j) * s.biasColumn]);
      if (residual)
        value += uint32_t(residual[j * s.c.column]);
      int32_t result = int32_t(value);
      if (call.activation == ASGC_ACT_RELU)
        result = std::max(result, 0);
      to[j * s.c.column] = result;
    }
  }
}

} // namespace

bool runPrimitiveTasks(const MatmulCall &call, int64_t begin, int64_t end,
                       int worker, char *scratch) {
  const MatmulPlan &plan = call.plan;
  const MatmulShape &s = plan.shape;
  const bool finishes = plan.resultApart || call.buffers.bias ||
                        call.buffers.residual || call.activation;
  for (int64_t task = begin; task < end; ++task) {
    const Slice slice = sliceOf(plan, task);
    const char *b = prepareB(call, slice, worker, scratch);
    const char *a = prepareA(call, slice, scratch);
    char *c = scratch + plan.scratchC;
    int64_t cRow = slice.columns;
    if (!plan.resultApart) {
      c = const_cast<char *>(elementOf(plan, call.buffers.c, plan.types.c, s.c,
                                       slice.batch, slice.row, slice.column));
      cRow = s.c.row;
    }
    const auto &operation = plan.operations[slice.lastRows][slice.lastColumns];
    void *addresses[] = {const_cast<char *>(a), const_cast<char *>(b), c};
    if (!b || !operation->run(*call.dnnl, worker, addresses, scratch))
      return false;
    if (!finishes)
      continue;
    if (plan.resultType == ASGC_I32)
      finishIntegers(call, slice, reinterpret_cast<const int32_t *>(c), cRow);
    else
      finishSlice(call, slice, reinterpret_cast<const float *>(c), cRow,
                  reinterpret_cast<float *>(scratch + plan.scratchRow));
  }
  return true;
}

const MatmulPlan &MatmulState::planFor(asgc_program &program,
                                       const MatmulPlan &wanted) {
  auto isSame = [&](const MatmulPlan &plan) {
    return plan.shape == wanted.shape && plan.types == wanted.types &&
           plan.wantsCachedB == wanted.wantsCachedB &&
           plan.resultAliases == wanted.resultAliases &&
           (!plan.cachesB || fits(weights_, plan));
  };
  if (!plans_.empty() && isSame(*plans_[lastUsed_]))
    return *plans_[lastUsed_];
  for (size_t i = 0; i < plans_.size(); ++i)
    if (isSame(*plans_[i])) {
      lastUsed_ = i;
      return *plans_[i];
    }
  auto plan = std::make_unique<MatmulPlan>();
  plan->shape = wanted.shape;
  plan->types = wanted.types;
  plan->wantsCachedB = plan->cachesB = wanted.wantsCachedB;
  plan->resultAliases = wanted.resultAliases;
  makePlan(dnnlOf(program), *plan, weights_);
  if (plans_.size() < mostPlans) {
    lastUsed_ = plans_.size();
    plans_.push_back(std::move(plan));
  } else {
    lastUsed_ = nextReplaced_++ % mostPlans;
    plans_[lastUsed_] = std::move(plan);
  }
  return *plans_[lastUsed_];
}

/// Rows [begin, end) of b as rows of f32.
static void packRows(const MatmulCall &call, const PackedWeights &weights,
                     int64_t begin, int64_t end) {
  const MatmulShape &s = call.plan.shape;
  const int32_t type = call.plan.types.b;
  float *to = reinterpret_cast<float *>(weights.data.data()) +
              begin * weights.rowStride;
  const char *from = call.buffers.b + begin * s.b.row * sizeOf(type);
  if (type == ASGC_F32 && s.b.row == 1)
    return call.kernels.transpose(reinterpret_cast<const float *>(from),
                                  s.b.column, to, weights.rowStride, s.n,
                                  end - begin);
  for (int64_t i = begin; i < end; ++i, to += weights.rowStride) {
    gatherRows(call.kernels, type, from, 0, s.b.column, 1, s.n, ASGC_F32,
               reinterpret_cast<char *>(to));
    from += s.b.row * sizeOf(type);
  }
}

/// Packs the weights if they changed since they were last packed.
bool MatmulState::packWeights(asgc_program &program, const MatmulCall &call) {
  if (weights_.epoch == program.variableEpoch &&
      weights_.source == call.buffers.b)
    return true;
  std::atomic<bool> ok{true};
  auto packBlocks = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t part = begin; part < end; ++part) {
      const bool last = call.plan.columns.isShort(part);
      if (!packPart(call, weights_.packers[last].get(), 0, part, worker,
                    program.pool.scratch(worker),
                    weights_.data.data() + part * weights_.partBytes))
        ok = false;
    }
  };
  auto packRowRange = [&](int64_t begin, int64_t end, int) {
    packRows(call, weights_, begin, end);
  };
  if (weights_.family == Family::Strided)
    program.pool.forEachRange(call.plan.shape.k, 32, packRowRange);
  else
    program.pool.forEachRange(weights_.columns.parts(), 1, packBlocks);
  weights_.epoch = ok ? program.variableEpoch : 0;
  weights_.source = call.buffers.b;
  return ok;
}

asgc_status MatmulState::run(asgc_program &program,
                             const asgc_matmul_desc &desc, const int64_t *dims,
                             MatmulBuffers buffers) {
  MatmulPlan wanted;
  wanted.shape = resolveShape(desc, dims);
  const MatmulShape &shape = wanted.shape;
  if (shape.batchSize() == 0 || shape.m == 0 || shape.n == 0)
    return ASGC_OK;
  wanted.types = {desc.dtype_a, desc.dtype_b, desc.dtype_c};
  if (shape.swapped) {
    std::swap(buffers.a, buffers.b);
    std::swap(wanted.types.a, wanted.types.b);
  }
  wanted.wantsCachedB = desc.b_variable >= 0 && !program.runAssigns &&
                        !shape.swapped && shape.b.isSameForBatch();
  wanted.resultAliases = buffers.residual == buffers.c;

  const MatmulPlan &plan = planFor(program, wanted);
  if (!program.pool.reserveScratch(plan.scratchBytes))
    return fail(program, ASGC_OUT_OF_MEMORY,
                text("cannot allocate ", plan.scratchBytes,
                     " bytes of scratch memory for each of ",
                     program.pool.threads(), " threads"));
  const MatmulCall call{plan,     dnnlOf(program), cpuKernels(program.isa),
                        weights_, buffers,         desc.activation};
  std::atomic<bool> ok{!plan.cachesB || packWeights(program, call)};
  auto body = [&](int64_t begin, int64_t end, int worker) {
    char *scratch = program.pool.scratch(worker);
    if (plan.method == MatmulMethod::Vectors)
      runVectorTasks(call, begin, end, scratch);
    else if (plan.method == MatmulMethod::Loops)
      runLoopTasks(call, begin, end, scratch);
    else if (!runPrimitiveTasks(call, begin, end, worker, scratch))
      ok = false;
  };
  if (ok)
    program.pool.forEachRange(plan.tasks(), plan.grain, body);
  return ok ? ASGC_OK
            : fail(program, ASGC_INTERNAL, "oneDNN failed in a matmul");
}

} // namespace asgc::rt

using namespace asgc::rt;

int32_t asgc_rt_matmul(asgc_frame *frame, int32_t kernel,
                       const asgc_matmul_desc *desc, void *a, void *b,
                       void *bias, void *residual, void *c) {
  asgc_program &program = *frame->program;
  ProfileScope profile(program, kernel);
  if (asgc_status status = requireDnnl(program))
    return status;
  return stateOf<MatmulState>(program, kernel)
      .run(program, *desc, frame->dims,
           {static_cast<const char *>(a), static_cast<const char *>(b),
            static_cast<const char *>(bias),
            static_cast<const char *>(residual), static_cast<char *>(c)});
}
