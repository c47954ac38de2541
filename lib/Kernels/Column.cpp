//===- Column.cpp - Kernels that reduce across the vector dim -------------===//
#include "GridKernel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

/// Vectors walked down together: of a row, neighbours share cache lines and
/// pages.
constexpr int64_t kVectorsPerStrip = 4;

void GridKernel::emitColumns(Scope &scope, const Task &task) {
  KernelBuilder &b = scope.b;
  scope.emitInvariant(0);
  auto from = constantOf(task.from), to = constantOf(task.to);
  Value count = from && to ? b.i64(*to - *from) : b.subI(task.to, task.from);
  Value whole = roundDown(b, count, kVectorsPerStrip * b.lanes);
  Value middle =
      from && to ? b.i64(*from + *constantOf(whole)) : b.addI(task.from, whole);
  auto walk = [&](Value first, Value end, int64_t vectors, bool isMasked) {
    b.loop(first, end, vectors * b.lanes, {},
           [&](Value at, ValueRange) -> Values {
             Value mask = isMasked ? laneMask(b, at, end) : Value();
             emitStrip(scope, task, at, vectors, mask);
             return {};
           });
  };
  walk(task.from, middle, kVectorsPerStrip, false);
  if (canMaskAll(model, b))
    return walk(middle, task.to, 1, true);
  int64_t lanes = std::exchange(b.lanes, 1);
  walk(middle, task.to, 1, false);
  b.lanes = lanes;
}

/// `count` vectors of columns from `at` on.
void GridKernel::emitStrip(Scope &scope, const Task &task, Value at,
                           int64_t count, Value mask) {
  KernelBuilder &b = scope.b;
  SmallVector<std::unique_ptr<Scope>> strips;
  for (int64_t index = 0; index < count; ++index) {
    strips.push_back(std::make_unique<Scope>(scope));
    strips.back()->openLanes(
        index == 0 ? at : b.addI(at, b.i64(index * b.lanes)), mask);
  }
  for (int64_t pass = 0; pass <= lastPass(); ++pass) {
    for (auto &strip : strips)
      strip->emitInvariant(pass);
    SmallVector<plan::ReduceOp> reduces = reducesOf(pass);
    Values sums;
    for (int64_t index = 0; index < count; ++index)
      for (plan::ReduceOp reduce : reduces)
        sums.push_back(b.widen(
            identity(b, reduce.getKind(), registerType(reduce.getType()))));
    sums = columnNest(scope, task, reducedDims(), pass, strips, sums);
    for (auto [index, strip] : llvm::enumerate(strips)) {
      ArrayRef<Value> own =
          ArrayRef(sums).slice(index * reduces.size(), reduces.size());
      if (hasChunks())
        storePartials(*strip, task, own);
      for (auto [reduce, value] : llvm::zip(reduces, own))
        strip->define(reduce, value);
    }
  }
  if (hasChunks())
    return;
  for (auto [index, strip] : llvm::enumerate(strips)) {
    strip->emitInvariant(model.passes);
    for (auto [write, operand] : llvm::enumerate(model.writes)) {
      if (operand.varies & model.reduced)
        continue;
      if (has(operand.varies, model.vectorDim))
        strip->store(write);
      else if (index == 0)
        strip->storeOnce(write, keptDims());
    }
  }
}

/// The loops over the reduced dims.
Values GridKernel::columnNest(Scope &scope, const Task &task,
                              ArrayRef<int64_t> dims, int64_t pass,
                              ArrayRef<std::unique_ptr<Scope>> strips,
                              Values carried) {
  KernelBuilder &b = scope.b;
  int64_t dim = dims.front();
  bool isChunk = task.chunk && dim == firstReducedDim();
  Value from = isChunk ? task.chunkFrom : b.i64(0);
  Value to = isChunk ? task.chunkTo : b.extent(model.space[dim]);
  return b.loop(from, to, 1, carried, [&](Value index, ValueRange before) {
    Scope point(scope);
    point.open(dim, index);
    point.emitInvariant(pass);
    if (dims.size() > 1)
      return columnNest(point, task, dims.drop_front(), pass, strips,
                        Values(before));
    SmallVector<plan::ReduceOp> reduces = reducesOf(pass);
    SmallVector<Value> roots = rootsOf(pass);
    SmallVector<std::unique_ptr<Scope>> slots;
    for (auto &strip : strips) {
      slots.push_back(std::make_unique<Scope>(point, strip.get()));
      slots.back()->openLanes(strip->coordinate(model.vectorDim), strip->mask);
      slots.back()->emitLoads(roots);
    }
    Values after;
    for (auto &slot : slots) {
      slot->emit(roots);
      for (plan::ReduceOp reduce : reduces)
        after.push_back(combine(b, reduce.getKind(), before[after.size()],
                                slot->find(reduce.getValue())));
      for (int64_t write : pointWritesOf(pass)) {
        if (has(model.writes[write].varies, model.vectorDim))
          slot->store(write);
        else if (slot == slots.front())
          slot->storeOnce(write, model.allDims());
      }
    }
    return after;
  });
}
