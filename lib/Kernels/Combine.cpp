//===- Combine.cpp - Reductions in chunks and their second launch ---------===//
#include "GridKernel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
constexpr int64_t kCombineBlock = 1024;
} // namespace

void GridKernel::planCombine() {
  combineModel = model;
  combineModel.vectorDim = -1;
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (has(keptDims(), dim) && model.bounds[dim] > 1)
      combineModel.vectorDim = dim;
  int64_t vectorDim = combineModel.vectorDim;
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (has(keptDims(), dim) && dim != vectorDim && !model.isUnit(dim))
      combineAxes.push_back({.dim = dim, .count = model.space[dim]});
  DimExpr points = chunks;
  if (vectorDim >= 0) {
    DimExpr extent = model.space[vectorDim];
    combineAxes.push_back(
        {.dim = vectorDim,
         .count = (extent + DimExpr(kCombineBlock - 1)).floorDiv(kCombineBlock),
         .block = kCombineBlock});
    points = points * DimExpr(kCombineBlock);
  }
  KernelLaunch launch{.tasks = DimExpr(1), .pointsPerTask = points};
  for (const Axis &axis : combineAxes)
    launch.tasks = launch.tasks * axis.count;
  launch.nanosecondsPerPoint = 0.1;
  launches.push_back(launch);
}

/// The place of partial result `reduce` of `chunk` at the kept point of `scope`
/// (that of lane 0): (reduce · C + chunk) · K + k.
Value GridKernel::partialIndex(Scope &scope, int64_t reduce, Value chunk) {
  KernelBuilder &b = scope.b;
  Value chunkCount = b.extent(chunks);
  Value index = b.addI(b.mulI(b.i64(reduce), chunkCount), chunk);
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (has(keptDims(), dim) && !model.isUnit(dim))
      index = b.addI(b.mulI(index, b.extent(model.space[dim])),
                     scope.coordinate(dim));
  return index;
}

void GridKernel::storePartials(Scope &scope, const Task &task,
                               ArrayRef<Value> values) {
  KernelBuilder &b = scope.b;
  // Kept dims after the vector dim stand between its neighbours.
  Dims after = keptDims() & ~((2u << model.vectorDim) - 1);
  DimExpr stride = model.points(after);
  for (auto [reduce, value] : llvm::enumerate(values)) {
    Value index = partialIndex(scope, reduce, task.chunk);
    Value place = b.address(workspace, index, bytesOf(b.elementOf(value)));
    if (!isa<VectorType>(value.getType()) || stride == DimExpr(1)) {
      b.store(place, value, scope.mask, false);
      continue;
    }
    Value offsets = b.mulI(b.iota(b.intType(64)), b.extent(stride));
    b.scatter(place, offsets, value, scope.mask);
  }
}

void GridKernel::emitCombine(Scope &scope, const Task &task) {
  KernelBuilder &b = scope.b;
  SmallVector<Value> roots;
  SmallVector<int64_t> writes;
  for (auto [index, write] : llvm::enumerate(model.writes))
    if (!(write.varies & model.reduced)) {
      roots.push_back(model.yields()[index]);
      writes.push_back(index);
    }
  auto combineAt = [&](Scope &slot) {
    for (auto [index, reduce] : llvm::enumerate(model.reduces)) {
      Type type = registerType(reduce.getType());
      bool isVector = combineModel.vectorDim >= 0;
      auto partial = [&](Value chunk) {
        Value place = b.address(workspace, partialIndex(slot, index, chunk),
                                bytesOf(type));
        return b.load(place, type, isVector, slot.mask);
      };
      Value first = identity(b, reduce.getKind(), type);
      Values sum = b.loop(
          b.i64(0), b.extent(chunks), 1, {isVector ? b.widen(first) : first},
          [&](Value chunk, ValueRange before) -> Values {
            return {combine(b, reduce.getKind(), before[0], partial(chunk))};
          });
      slot.define(reduce, sum[0]);
    }
    slot.emit(roots);
    for (int64_t index : writes) {
      if (combineModel.vectorDim >= 0 &&
          has(model.writes[index].varies, combineModel.vectorDim))
        slot.store(index);
      else
        slot.storeOnce(index, keptDims());
    }
    return Values();
  };
  if (combineModel.vectorDim < 0) {
    int64_t lanes = std::exchange(b.lanes, 1);
    combineAt(scope);
    b.lanes = lanes;
    return;
  }
  Sweep sweep(combineModel, b, roots, {});
  for (plan::ReduceOp reduce : model.reduces)
    sweep.isMasked &= b.canMask(storageType(reduce.getType()));
  sweep.unroll = 1;
  sweep.prepare = [](Scope &) {};
  sweep.body = combineAt;
  sweep.run(scope, task.from, task.to, {});
}
