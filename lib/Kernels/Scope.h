//===- Scope.h - The values of a body at one place of the loops -----------===//
#ifndef ASGC_KERNELS_SCOPE_H
#define ASGC_KERNELS_SCOPE_H

#include "Model.h"

namespace asgc::kernels {

/// The values of a body that have been emitted at one place: before all loops,
/// in a row, at a vector of points. An inner scope sees those of its outer
/// ones. Each dim of the space is opened, that is given a coordinate, by one of
/// them.
class Scope {
public:
  /// Before all loops. `pointers` are those of the reads, then of the writes.
  Scope(const Model &model, KernelBuilder &builder, Values pointers);
  /// Within `outer`; values of `second`, if there is one, are seen too.
  explicit Scope(Scope &outer, Scope *second = nullptr);
  Scope(const Scope &) = delete;

  void open(ArrayRef<int64_t> dims, ArrayRef<Value> coordinates);
  /// Opens the vector dim: `coordinate` is that of lane 0; only lanes where
  /// `mask` (null: all) is true are points.
  void openLanes(Value coordinate, Value mask);

  /// Sets the pointer of operand `index`, reads before writes.
  void bind(int64_t index, Value pointer) { pointers[index] = pointer; }
  /// Says where a dim starts that is opened further in, for storeOnce.
  void note(int64_t dim, Value coordinate);

  const Model &model;
  KernelBuilder &b;
  Dims opened = 0;
  Value mask;

  Value coordinate(int64_t dim) const { return coordinates[dim]; }
  /// The emitted form of a value of the body; null if there is none yet.
  Value find(Value value) const;
  void define(Value value, Value emitted) { values[value] = emitted; }

  /// Emits what does not vary along dims still to be opened and is known in
  /// pass `pass`, so that inner scopes find it.
  void emitInvariant(int64_t pass);
  /// Emits `roots` and what they need.
  void emit(ArrayRef<Value> roots);
  /// Loads those reads that `roots` need and that no scope has; ahead of
  /// stores.
  void emitLoads(ArrayRef<Value> roots);

  /// Asks for the memory of operand `index` (reads before writes) `ahead`
  /// elements further on.
  void prefetch(unsigned index, const DimExpr &ahead);
  /// Whether a whole vector of write `index` would be aligned here.
  Value isWriteAligned(int64_t index);
  /// Stores the value of write `index` at the point or points of this scope.
  void store(int64_t index, bool streaming = false);
  /// Stores a write that does not vary along some of `dims`: only where their
  /// coordinates are 0, so that no two tasks do.
  void storeOnce(int64_t index, Dims dims);

  /// Set, in all scopes of a kernel, once an op without code was met.
  bool failed() const { return *hasFailed; }

private:
  Value laneOffsets(const DimExpr &stride);
  Value loadRead(unsigned index);
  void emitOp(mlir::Operation *op);
  Value emitLoad(plan::LoadOp load);
  Value emitLaneLoad(plan::LoadOp load, Value pointer, Value offset,
                     Value guard);
  Value emitIndex(int64_t dim);
  const Operand &operand(unsigned index) const;

  Scope *outer = nullptr, *second = nullptr;
  bool inLanes = false;
  Values pointers;    // of reads, then writes, at the opened coordinates
  Values coordinates; // per dim; null if not opened
  llvm::DenseMap<Value, Value> values; // looked up only
  std::shared_ptr<bool> hasFailed;
};

/// How many elements `value` rises by from lane to lane; null if that is not
/// the same everywhere.
std::optional<int64_t> laneStride(const Model &model, Value value,
                                  int depth = 12);

} // namespace asgc::kernels

#endif
