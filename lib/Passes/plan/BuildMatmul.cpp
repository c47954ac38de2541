//===- BuildMatmul.cpp - Dots as calls ------------------------------------===//
#include "ProgramBuilder.h"
#include "dialects/asg/AsgAxes.h"

using namespace mlir;

namespace asgc::planner {

namespace {
constexpr size_t kMaxBatchRank = 6; // ASGC_MAX_RANK - 2

/// One loop of a matrix product: an extent and the strides of a, b and c.
struct Loop {
  DimExpr extent;
  DimExpr a, b, c;
};
using Loops = SmallVector<Loop>;

/// Joins neighbours that all operands run through as through one; drops those
/// of extent 1.
Loops join(const Loops &loops) {
  Loops joined;
  for (const Loop &loop : loops) {
    if (loop.extent == kOne)
      continue;
    if (!joined.empty() && joined.back().a == loop.a * loop.extent &&
        joined.back().b == loop.b * loop.extent &&
        joined.back().c == loop.c * loop.extent)
      joined.back() = {joined.back().extent * loop.extent, loop.a, loop.b,
                       loop.c};
    else
      joined.push_back(loop);
  }
  return joined;
}

/// The loops of a dot, by their part in it.
struct Matmul {
  Loops batch, m, n, k;

  Matmul(asg::DotOp dot, const View &a, const View &b, const View &c) {
    size_t cAxis = 0;
    for (auto [l, r] : llvm::zip(dot.getLhsBatch(), dot.getRhsBatch()))
      batch.push_back(
          {a.extents[l], a.strides[l], b.strides[r], c.strides[cAxis++]});
    for (int64_t axis :
         asg::getFreeAxes(a.extents.size(), dot.getLhsBatch(), dot.getLhsContract()))
      m.push_back(
          {a.extents[axis], a.strides[axis], kZero, c.strides[cAxis++]});
    for (int64_t axis :
         asg::getFreeAxes(b.extents.size(), dot.getRhsBatch(), dot.getRhsContract()))
      n.push_back(
          {b.extents[axis], kZero, b.strides[axis], c.strides[cAxis++]});
    for (auto [l, r] : llvm::zip(dot.getLhsContract(), dot.getRhsContract()))
      k.push_back({a.extents[l], a.strides[l], b.strides[r], kZero});
    batch = join(batch);
    m = join(m);
    n = join(n);
    k = join(k);
  }

  /// Outer loops over rows or columns become batch loops.
  void moveOuterLoops() {
    for (Loops *loops : {&m, &n})
      while (loops->size() > 1) {
        batch.push_back(loops->front());
        loops->erase(loops->begin());
      }
    batch = join(batch);
  }

  bool fits() const { return batch.size() <= kMaxBatchRank && k.size() <= 1; }

  /// Whether an operand repeats elements within its matrix, which no call
  /// takes.
  bool repeatsA() const {
    return llvm::any_of(m, [](const Loop &loop) { return loop.a == kZero; }) ||
           llvm::any_of(k, [](const Loop &loop) { return loop.a == kZero; });
  }
  bool repeatsB() const {
    return llvm::any_of(n, [](const Loop &loop) { return loop.b == kZero; }) ||
           llvm::any_of(k, [](const Loop &loop) { return loop.b == kZero; });
  }
};

/// Whether a result is only ever looked at through one transposition that keeps
/// its last axis: then it is best written transposed at once.
std::optional<SmallVector<int64_t>> getTransposedUse(Value value,
                                                     bool mayReadPlain) {
  std::optional<SmallVector<int64_t>> perm;
  for (Operation *user : value.getUsers()) {
    auto transpose = dyn_cast<asg::TransposeOp>(user);
    if (!transpose && mayReadPlain)
      continue;
    if (!transpose || transpose.getPerm().empty() ||
        transpose.getPerm().back() != getType(value).getRank() - 1)
      return std::nullopt;
    if (perm && ArrayRef(*perm) != transpose.getPerm())
      return std::nullopt;
    perm = SmallVector<int64_t>(transpose.getPerm());
  }
  return perm;
}
} // namespace

View ProgramBuilder::getTransposedDestination(Value value, bool mayReadPlain) {
  auto perm = destinations.contains(value)
                  ? std::nullopt
                  : getTransposedUse(value, mayReadPlain);
  if (!perm)
    return getDestination(value);
  View view = View::contiguous(Value(), getType(value));
  SmallVector<DimExpr> extents;
  for (int64_t axis : *perm)
    extents.push_back(view.extents[axis]);
  View turned =
      allocate(asg::withDims(getType(value), extents), value.getLoc());
  view.buffer = turned.buffer;
  for (auto [position, axis] : llvm::enumerate(*perm))
    view.strides[axis] = turned.strides[position];
  return view;
}

/// The same elements copied so that the axes lie in `order`, without gaps.
View ProgramBuilder::pack(const View &view, ArrayRef<int64_t> order,
                          Value value) {
  SmallVector<DimExpr> extents;
  for (int64_t axis : order)
    extents.push_back(view.extents[axis]);
  View packed =
      allocate(asg::withDims(getType(value), extents), value.getLoc());
  View result = view;
  result.buffer = packed.buffer;
  result.offset = kZero;
  for (auto [position, axis] : llvm::enumerate(order))
    result.strides[axis] = packed.strides[position];
  copy(view, result, value.getLoc(), "copy");
  return result;
}

LogicalResult ProgramBuilder::buildDot(asg::DotOp dot,
                                       const Epilogue &epilogue) {
  FailureOr<View> a = getView(dot.getLhs()), b = getView(dot.getRhs());
  if (failed(a) || failed(b))
    return failure();
  Value biasBuffer, residualBuffer;
  if (epilogue.bias)
    biasBuffer = findView(epilogue.bias)->buffer;
  if (epilogue.residual)
    residualBuffer = findView(epilogue.residual)->buffer;
  // A residual has the strides of c, so c stays as it is.
  View c = residualBuffer ? getDestination(epilogue.result)
                          : getTransposedDestination(epilogue.result);
  auto packOrder = [](Value operand, ArrayRef<int64_t> batch,
                      ArrayRef<int64_t> contract) {
    SmallVector<int64_t> order(batch);
    llvm::append_range(order, asg::getFreeAxes(getType(operand).getRank(), batch,
                                                 contract));
    llvm::append_range(order, contract);
    return order;
  };
  auto packA = [&] {
    *a = pack(*a,
              packOrder(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract()),
              dot.getLhs());
  };
  auto packB = [&] {
    *b = pack(*b,
              packOrder(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract()),
              dot.getRhs());
  };
  Matmul matmul(dot, *a, *b, c);
  if (matmul.repeatsA())
    packA();
  if (matmul.repeatsB())
    packB();
  matmul = Matmul(dot, *a, *b, c);
  matmul.moveOuterLoops();
  if (!matmul.fits()) {
    packA();
    packB();
    matmul = Matmul(dot, *a, *b, c);
    matmul.moveOuterLoops();
  }
  if (!matmul.fits())
    return dot.emitOpError()
           << "has " << matmul.batch.size() << " batch dims in memory; at most "
           << kMaxBatchRank << " are supported";

  SmallVector<DimExpr> batch, aStrides, bStrides, cStrides;
  for (const Loop &loop : matmul.batch) {
    batch.push_back(loop.extent);
    aStrides.push_back(loop.a);
    bStrides.push_back(loop.b);
    cStrides.push_back(loop.c);
  }
  // A missing loop runs once; its stride is that of a contiguous matrix.
  auto get = [](const Loops &loops) {
    return loops.empty() ? Loop{kOne, kOne, kOne, kOne} : loops.front();
  };
  Loop m = get(matmul.m), n = get(matmul.n), k = get(matmul.k);
  aStrides.append({m.a, k.a});
  bStrides.append({k.b, n.b});
  cStrides.append({m.c, n.c});
  MLIRContext *context = builder.getContext();
  plan::MatmulOp::create(
      builder, epilogue.result.getLoc(), nameStep(dot.getLoc(), "dot"),
      plan::getExtentsAttr(context, batch),
      plan::getExtentsAttr(context, {m.extent, n.extent, k.extent}),
      plan::getExtentsAttr(context, aStrides),
      plan::getExtentsAttr(context, bStrides),
      plan::getExtentsAttr(context, cStrides),
      plan::getExtentsAttr(context, {a->offset, b->offset, c.offset}),
      epilogue.activation, a->buffer, b->buffer, biasBuffer, residualBuffer,
      c.buffer);
  views[epilogue.result] = c;
  return success();
}

} // namespace asgc::planner
