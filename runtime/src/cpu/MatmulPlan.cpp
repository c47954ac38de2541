//===- MatmulPlan.cpp - How one matrix product is computed ----------------===//
#include "MatmulPlan.h"
#include "Dtype.h"
#include "Kernels.h"
#include "Matmul.h"
#include <algorithm>

namespace asgc::rt {

bool fits(const PackedWeights &weights, const MatmulPlan &plan) {
  return weights.type == plan.types.b && weights.family == plan.family &&
         weights.shape.n == plan.shape.n && weights.shape.k == plan.shape.k &&
         weights.shape.b == plan.shape.b;
}

namespace {

/// What a slice should have: about 80 microseconds of one thread.
constexpr double operationsPerSlice = 12e6;
/// Enough for many threads, and for a late one to be helped.
constexpr double mostSlices = 16;
/// Columns of packed blocks, and what oneDNN's f32 GEMM computes at once.
constexpr int64_t columnBlock = 64, gemmBlock = 48;
/// Packed layouts must not depend on the number of rows of one run.
constexpr int64_t rowsOfLayout = 64;
/// The name of oneDNN's f32 GEMM.
constexpr const char *stridedImplementation = "gemm:jit";
/// Matrices up to this size oneDNN's dense kernels take faster, unpacked too.
constexpr int64_t smallBytes = 1 << 16;

/// Work that is not worth a second thread.
constexpr double inlineNanoseconds = 10e3;

bool isSmallFloat(int32_t dtype) { return isFloat(dtype) && dtype != ASGC_F64; }

/// Chooses what oneDNN computes with; false if only loops will do.
bool chooseTypes(MatmulPlan &plan) {
  const MatmulTypes &t = plan.types;
  if (isSmallFloat(t.a) && isSmallFloat(t.b) && isSmallFloat(t.c)) {
    const bool bf16 = t.a == ASGC_BF16 && t.b == ASGC_BF16 &&
                      __builtin_cpu_supports("avx512bf16");
    plan.computeType = bf16 ? ASGC_BF16 : ASGC_F32;
    plan.resultType = ASGC_F32;
    return true;
  }
  // Without VNNI, oneDNN's sums of pairs of products may saturate.
  if (t.a == ASGC_I8 && t.b == ASGC_I8 && t.c == ASGC_I32 &&
      __builtin_cpu_supports("avx512vnni")) {
    plan.computeType = ASGC_I8;
    plan.resultType = ASGC_I32;
    return true;
  }
  return false;
}

/// oneDNN takes matrices with one unit stride and rows that do not overlap.
bool isPlain(const MatrixStrides &strides, int64_t rows, int64_t columns) {
  return (strides.column == 1 && (strides.row >= columns || rows == 1)) ||
         (strides.row == 1 && (strides.column >= rows || columns == 1));
}

/// Columns of packed weights are cut by the weights' own shape, so that one
/// packed copy serves any number of rows: 256 KiB in a part.
Split packedColumns(int64_t n, int64_t k) {
  int64_t step = (int64_t(1) << 16) / std::max<int64_t>(k, 1);
  step = std::clamp(step / columnBlock * columnBlock, columnBlock,
                    4 * columnBlock);
  return {n, std::min(step, n)};
}

/// The cost of one operation in slices of this size, relative to one whole
/// product. Each slice packs or copies its rows of a and columns of b; the
/// constants are measured.
double costOfSplit(const MatmulPlan &plan, const Split &rows,
                   const Split &columns, double slices) {
  const double perColumns = plan.accessA == Access::Direct ? 13 : 75;
  const double perRows = plan.accessB == Access::Copied ? 75 : 6;
  const bool ragged =
      columns.step < columns.size && columns.step % gemmBlock != 0;
  const double work = 1 + perColumns / double(columns.step) +
                      perRows / double(rows.step) + (ragged ? 0.03 : 0);
  const double missing =
      std::max(0.0, slices / double(rows.parts() * columns.parts()) - 1);
  return work * (1 + 0.15 * missing);
}

/// Cuts rows and columns so that there are enough slices, and not too small.
void chooseSplit(MatmulPlan &plan) {
  const MatmulShape &s = plan.shape;
  const bool blocks = plan.family == Family::Dense && plan.cachesB;
  const double slices =
      std::clamp(2 * double(s.m) * double(s.n) * double(s.k) *
                     double(s.batchSize()) / operationsPerSlice,
                 1.0, mostSlices) /
      double(s.batchSize());
  double best = -1;
  for (int64_t rowStep : {s.m, int64_t(256), int64_t(128), int64_t(64)})
    for (int64_t columnStep :
         {s.n, int64_t(384), int64_t(192), int64_t(128), int64_t(96)}) {
      if (rowStep > s.m || columnStep > s.n)
        continue;
      const Split rows{s.m, rowStep};
      const Split columns =
          blocks ? packedColumns(s.n, s.k) : Split{s.n, columnStep};
      const double cost = costOfSplit(plan, rows, columns, slices);
      if (best >= 0 && cost >= best)
        continue;
      best = cost;
      plan.rows = rows;
      plan.columns = columns;
    }
}

dnnl_memory_desc_t rowsDesc(int32_t dtype, int64_t rows, int64_t columns) {
  return dnnlStrided(dtype, {rows, columns}, {columns, 1});
}

dnnl_memory_desc_t stridedDesc(int32_t dtype, const MatrixStrides &strides,
                               int64_t rows, int64_t columns) {
  // The stride of a single row or column means nothing, but must look plain.
  int64_t row = rows == 1 ? std::max(strides.row, columns) : strides.row;
  int64_t column = columns == 1 ? (row == 1 ? rows : 1) : strides.column;
  return dnnlStrided(dtype, {rows, columns}, {row, column});
}

/// The product of an m x k by a k x n slice; null if oneDNN has none.
std::unique_ptr<DnnlOperation> makeProduct(const Dnnl &dnnl,
                                           const MatmulPlan &plan, int64_t m,
                                           int64_t n,
                                           const dnnl_memory_desc_t &b) {
  const MatmulShape &s = plan.shape;
  const dnnl_memory_desc_t a = plan.accessA == Access::Direct
                                   ? stridedDesc(plan.computeType, s.a, m, s.k)
                                   : rowsDesc(plan.computeType, m, s.k);
  const dnnl_memory_desc_t c = plan.resultApart
                                   ? rowsDesc(plan.resultType, m, n)
                                   : stridedDesc(plan.resultType, s.c, m, n);
  dnnl_matmul_desc_t desc;
  DnnlAttributes attributes = dnnlAttributes();
  auto operation = std::make_unique<DnnlOperation>();
  if (!attributes ||
      dnnl_matmul_desc_init(&desc, &a, &b, nullptr, &c) != dnnl_success)
    return nullptr;
  const bool strided = plan.family == Family::Strided;
  const bool small = plan.rows.parts() * plan.columns.parts() == 1 &&
                     s.k * s.n * sizeOf(plan.computeType) <= smallBytes;
  if (!(strided && small && operation->create(dnnl, &desc, attributes.get())) &&
      !operation->create(dnnl, &desc, attributes.get(),
                         strided ? stridedImplementation : nullptr))
    return nullptr;
  if (!operation->bind(
          dnnl, {{DNNL_ARG_SRC, operation->desc(dnnl_query_src_md)},
                 {DNNL_ARG_WEIGHTS, operation->desc(dnnl_query_weights_md)},
                 {DNNL_ARG_DST, operation->desc(dnnl_query_dst_md)}}))
    return nullptr;
  return operation;
}

/// How oneDNN likes `n` columns of b packed.
bool packedDesc(const Dnnl &dnnl, const MatmulPlan &plan, int64_t n,
                dnnl_memory_desc_t &packed) {
  const int64_t k = plan.shape.k;
  const dnnl_memory_desc_t a = rowsDesc(plan.computeType, rowsOfLayout, k);
  const dnnl_memory_desc_t c = rowsDesc(plan.resultType, rowsOfLayout, n);
  const dnnl_memory_desc_t b = dnnlAny(plan.computeType, {k, n});
  dnnl_matmul_desc_t desc;
  DnnlAttributes attributes = dnnlAttributes();
  DnnlOperation operation;
  if (!attributes ||
      dnnl_matmul_desc_init(&desc, &a, &b, nullptr, &c) != dnnl_success ||
      !operation.describe(dnnl, &desc, attributes.get()))
    return false;
  packed = operation.desc(dnnl_query_weights_md);
  return true;
}

std::unique_ptr<DnnlOperation> makePacker(const Dnnl &dnnl,
                                          const MatmulPlan &plan, int64_t n,
                                          const dnnl_memory_desc_t &packed) {
  const MatmulShape &s = plan.shape;
  auto packer = std::make_unique<DnnlOperation>();
  if (!packer->createReorder(dnnl,
                             plan.gathersB()
                                 ? rowsDesc(plan.computeType, s.k, n)
                                 : stridedDesc(plan.computeType, s.b, s.k, n),
                             packed))
    return nullptr;
  return packer;
}

bool makePackers(const Dnnl &dnnl, const MatmulPlan &plan,
                 dnnl_memory_desc_t (&desc)[2],
                 std::unique_ptr<DnnlOperation> (&packers)[2]) {
  for (int last = 0; last < 2; ++last) {
    if (!plan.columns.has(last))
      continue;
    const int64_t n = plan.columns.lengthOf(last);
    if (!packedDesc(dnnl, plan, n, desc[last]))
      return false;
    packers[last] = makePacker(dnnl, plan, n, desc[last]);
    if (!packers[last])
      return false;
  }
  return true;
}

/// Rows of packed f32 weights: aligned, and not a multiple of 4 KiB apart,
/// which would put whole columns into one set of the cache.
int64_t packedRowStride(int64_t n) {
  int64_t stride = (n + 15) / 16 * 16;
  return stride % 1024 == 0 ? stride + 16 : stride;
}

bool prepareWeights(const Dnnl &dnnl, const MatmulPlan &plan,
                    PackedWeights &weights) {
  if (fits(weights, plan))
    return true;
  weights = {};
  weights.family = plan.family;
  int64_t bytes = 0;
  if (plan.family == Family::Strided) {
    weights.rowStride = packedRowStride(plan.shape.n);
    bytes = weights.rowStride * plan.shape.k * int64_t(sizeof(float));
  } else {
    if (!makePackers(dnnl, plan, weights.desc, weights.packers))
      return false;
    weights.columns = plan.columns;
    for (int last = 0; last < 2; ++last)
      if (weights.packers[last])
        weights.partBytes = std::max<int64_t>(
            weights.partBytes,
            int64_t(dnnl_memory_desc_get_size(&weights.desc[last])));
    weights.partBytes = roundUp(weights.partBytes, bufferAlignment).value_or(0);
    bytes = weights.partBytes * plan.columns.parts();
  }
  if (!weights.data.allocate(bytes))
    return false;
  weights.shape = plan.shape;
  weights.type = plan.types.b;
  return true;
}

/// How `n` columns of b look to the primitive.
dnnl_memory_desc_t descOfB(const MatmulPlan &plan, int64_t n,
                           const PackedWeights &weights,
                           const dnnl_memory_desc_t &packed) {
  const MatmulShape &s = plan.shape;
  if (plan.accessB == Access::Copied)
    return rowsDesc(plan.computeType, s.k, n);
  if (plan.accessB == Access::Direct)
    return stridedDesc(plan.computeType, s.b, s.k, n);
  if (plan.family == Family::Dense)
    return packed;
  return dnnlStrided(ASGC_F32, {s.k, n}, {weights.rowStride, 1});
}

bool makeOperations(const Dnnl &dnnl, MatmulPlan &plan,
                    PackedWeights &weights) {
  dnnl_memory_desc_t ownPacked[2];
  dnnl_memory_desc_t *packed = ownPacked;
  if (plan.cachesB) {
    if (!prepareWeights(dnnl, plan, weights))
      return false;
    packed = weights.desc;
  } else if (plan.accessB == Access::Packed &&
             !makePackers(dnnl, plan, ownPacked, plan.packers)) {
    return false;
  }
  for (int lastRows = 0; lastRows < 2; ++lastRows)
    for (int lastColumns = 0; lastColumns < 2; ++lastColumns) {
      if (!plan.rows.has(lastRows) || !plan.columns.has(lastColumns))
        continue;
      const int64_t n = plan.columns.lengthOf(lastColumns);
      auto &operation = plan.operations[lastRows][lastColumns];
      operation = makeProduct(dnnl, plan, plan.rows.lengthOf(lastRows), n,
                              descOfB(plan, n, weights, packed[lastColumns]));
      if (!operation)
        return false;
    }
  return true;
}

void layOutScratch(MatmulPlan &plan) {
  int64_t offset = 0;
  auto place = [&](int64_t bytes) {
    int64_t at = offset;
    offset += roundUp(bytes, bufferAlignment).value_or(0);
    return at;
  };
  const MatmulShape &s = plan.shape;
  const int64_t size = sizeOf(plan.computeType);
  int64_t own = 0, packed = 0;
  for (auto &byRows : plan.operations)
    for (auto &operation : byRows)
      if (operation)
        own = std::max(own, int64_t(operation->scratchBytes()));
  for (auto &packer : plan.packers)
    if (packer) {
      const dnnl_memory_desc_t desc = packer->desc(dnnl_query_dst_md);
      packed = std::max(packed, int64_t(dnnl_memory_desc_get_size(&desc)));
      own = std::max(own, int64_t(packer->scratchBytes()));
    }
  place(own);
  plan.scratchA =
      place(plan.accessA == Access::Direct ? 0 : plan.rows.step * s.k * size);
  plan.scratchB = place(plan.gathersB() ? s.k * plan.columns.step * size : 0);
  plan.scratchPacked = place(packed);
  plan.scratchC =
      place(plan.resultApart ? plan.rows.step * plan.columns.step * 4 : 0);
  plan.scratchRow = place(2 * plan.columns.step * int64_t(sizeof(float)));
  plan.scratchBytes = offset;
}

/// Few rows: every element of b is used a few times at most, so packing it
/// would take as long as the product.
bool planVectors(MatmulPlan &plan) {
  const MatmulShape &s = plan.shape;
  if (s.m > maxGemvRows || plan.types.b != ASGC_F32 ||
      !isSmallFloat(plan.types.a) || !isSmallFloat(plan.types.c) ||
      (s.b.row != 1 && s.b.column != 1))
    return false;
  plan.method = MatmulMethod::Vectors;
  plan.cachesB = false;
  // A single row of b is a row and a column; rows are read wider.
  plan.dot = s.b.column != 1 || (s.b.row == 1 && s.k > 1);
  plan.rows = {s.m, s.m};
  // About 128 KiB of b in a part; lines long enough for the memory.
  const int64_t block = plan.dot ? 16 : 128;
  int64_t step = (int64_t(1) << 15) / s.k / block * block;
  plan.columns = {s.n, std::min(std::max(step, block), s.n)};
  plan.resultApart =
      plan.resultAliases || plan.types.c != ASGC_F32 || s.c.column != 1;
  plan.accessA = plan.types.a == ASGC_F32 && s.a.column == 1 ? Access::Direct
                                                             : Access::Copied;
  layOutScratch(plan);
  return true;
}

/// f32 by the strided family: operands mostly as they lie. Weights that stay
/// are kept as rows, if they are not rows already.
void planStrided(MatmulPlan &plan) {
  const MatmulShape &s = plan.shape;
  const bool asRows =
      plan.types.b == ASGC_F32 && isPlain(s.b, s.k, s.n) && s.b.column == 1;
  plan.cachesB = plan.wantsCachedB && !asRows;
  plan.resultApart = plan.resultAliases || plan.types.c != ASGC_F32 ||
                     s.c.column != 1 || (s.c.row < s.n && s.m > 1);
  auto direct = [](int32_t type, const MatrixStrides &strides, int64_t rows,
                   int64_t columns) {
    return type == ASGC_F32 && isPlain(strides, rows, columns) ? Access::Direct
                                                               : Access::Copied;
  };
  plan.accessA = direct(plan.types.a, s.a, s.m, s.k);
  plan.accessB =
      plan.cachesB ? Access::Packed : direct(plan.types.b, s.b, s.k, s.n);
  chooseSplit(plan);
}

/// Other types: b packed, once or per slice, and what has gaps is copied.
void planDense(MatmulPlan &plan) {
  const MatmulShape &s = plan.shape;
  plan.cachesB = plan.wantsCachedB;
  chooseSplit(plan);
  const bool rowsOfA = s.a.column == 1 && s.a.row == s.k;
  const bool columnsOfA =
      s.a.row == 1 && s.a.column == s.m && plan.rows.parts() == 1;
  plan.accessA = plan.types.a == plan.computeType && (rowsOfA || columnsOfA)
                     ? Access::Direct
                     : Access::Copied;
  plan.accessB = Access::Packed;
  plan.resultApart = plan.resultAliases || plan.types.c != plan.resultType ||
                     s.c.column != 1 || s.c.row != s.n ||
                     plan.columns.parts() > 1;
}

bool planPrimitive(const Dnnl &dnnl, MatmulPlan &plan, PackedWeights &weights) {
  if (!chooseTypes(plan))
    return false;
  plan.method = MatmulMethod::Primitive;
  plan.family = plan.computeType == ASGC_F32 ? Family::Strided : Family::Dense;
  if (plan.family == Family::Strided) {
    planStrided(plan);
    if (makeOperations(dnnl, plan, weights)) {
      layOutScratch(plan);
      return true;
    }
    plan.family = Family::Dense;
  }
  planDense(plan);
  if (!makeOperations(dnnl, plan, weights)) {
    // Contiguous rows are what oneDNN is surest to take.
    plan.cachesB = false;
    plan.accessA = plan.accessB = Access::Copied;
    plan.resultApart = true;
    if (!makeOperations(dnnl, plan, weights))
      return false;
  }
  layOutScratch(plan);
  return true;
}

void planLoops(MatmulPlan &plan) {
  plan.method = MatmulMethod::Loops;
  plan.cachesB = false;
  plan.rows = {plan.shape.m, plan.shape.m};
  plan.columns = {plan.shape.n, std::min<int64_t>(plan.shape.n, 16)};
  plan.scratchBytes = loopScratchBytes(plan);
}

/// Tasks together that are worth a thread of their own.
int64_t chooseGrain(const MatmulPlan &plan) {
  const MatmulShape &s = plan.shape;
  const double operations =
      2.0 * double(s.m) * double(s.n) * double(s.k) * double(s.batchSize());
  const double perNanosecond = plan.method == MatmulMethod::Loops     ? 1
                               : plan.method == MatmulMethod::Vectors ? 15
                                                                      : 100;
  const double perTask =
      operations / perNanosecond / double(plan.tasks()) + 500;
  return std::max<int64_t>(1, int64_t(inlineNanoseconds / perTask));
}

} // namespace

bool MatmulPlan::gathersB() const {
  return accessB == Access::Copied ||
         (accessB == Access::Packed && family == Family::Dense &&
          (types.b != computeType || !isPlain(shape.b, shape.k, shape.n)));
}

void makePlan(const Dnnl *dnnl, MatmulPlan &plan, PackedWeights &weights) {
  const bool known =
      plan.shape.k > 0 &&
      (planVectors(plan) || (dnnl && planPrimitive(*dnnl, plan, weights)));
  if (!known)
    planLoops(plan);
  plan.grain = chooseGrain(plan);
}

} // namespace asgc::rt
