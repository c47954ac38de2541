//===- GridKernel.h - Code for a plan.kernel ------------------------------===//
#ifndef ASGC_KERNELS_GRIDKERNEL_H
#define ASGC_KERNELS_GRIDKERNEL_H

#include "Sweep.h"

namespace asgc::kernels {

/// A plan.kernel. Tasks cover the kept dims, those that are not reduced:
/// - map: nothing is reduced; a task is a stretch of the vector dim;
/// - row: the vector dim is reduced; a task is one point of the kept dims;
/// - column: the vector dim is kept; a task is a strip of it.
/// With a workspace, the first reduced dim is cut in chunks, one more factor of
/// the tasks, and a second launch combines what they left.
class GridKernel final : public VectorKernel {
public:
  static std::unique_ptr<GridKernel> create(plan::KernelOp op,
                                            const BoundOf &boundOf);
  mlir::LogicalResult emit(int64_t launch, KernelBuilder &builder,
                           const KernelArguments &arguments) override;

private:
  enum class Shape { Point, Map, Row, Column };

  /// A factor of the number of tasks; the last one varies fastest.
  struct Axis {
    int64_t dim = 0;
    DimExpr count;
    int64_t block = 0;    // elements of the vector dim in each; 0: one
    bool isChunk = false; // of the first reduced dim
  };

  /// The part of the space that a task covers.
  struct Task {
    Value from, to;           // of the vector dim, where it is blocked
    Value chunk;              // its number
    Value chunkFrom, chunkTo; // of the first reduced dim; null: all of it
  };

  /// A value kept from one pass over a row to later ones.
  struct Kept {
    Value value;
    int64_t firstPass = 0;
    int64_t offset = 0; // in scratch, bytes
  };

  /// An operand to be asked for in a pass, so many elements further on.
  struct Prefetch {
    unsigned operand = 0; // reads before writes
    DimExpr distance;
    int64_t pass = 0;
  };

  void chooseShape();
  void planTasks();
  void planCombine();
  void planKept();
  void planPrefetches();
  int64_t costliestPass(int64_t first, int64_t last) const;
  void addKept(int64_t pass, SmallVectorImpl<llvm::DenseSet<Value>> &computed);

  Dims keptDims() const { return model.allDims() & ~model.reduced; }
  bool hasChunks() const { return !(chunks == DimExpr(0)); }
  int64_t firstReducedDim() const;
  SmallVector<int64_t> reducedDims() const;
  /// Values computed at each point in a pass: of reductions and, in the last
  /// pass, of writes.
  SmallVector<Value> rootsOf(int64_t pass) const;
  SmallVector<plan::ReduceOp> reducesOf(int64_t pass) const;
  SmallVector<int64_t> pointWritesOf(int64_t pass) const;
  int64_t lastPass() const;
  bool isPointWrite(int64_t index) const;

  Task openTask(Scope &scope, ArrayRef<Axis> axes, Value number);
  void emitPoint(Scope &root);
  void emitMap(Scope &scope, const Task &task);
  void prefetchStreams(Scope &slot);
  void emitRow(Scope &scope, const Task &task);
  void emitSmallRow(Scope &scope);
  bool isSmallRow(KernelBuilder &builder) const;
  Values sweepNest(Scope &scope, const Task &task, ArrayRef<int64_t> dims,
                   int64_t pass, Sweep &sweep, Values carried);
  void storeAt(Scope &scope, int64_t dim, int64_t pass);
  void useKept(Scope &slot, int64_t pass);
  void storeKept(Scope &slot, int64_t pass);
  void emitPrefetches(Scope &slot, int64_t pass);
  void emitColumns(Scope &scope, const Task &task);
  void emitStrip(Scope &scope, const Task &task, Value at, int64_t count,
                 Value mask);
  Values columnNest(Scope &scope, const Task &task, ArrayRef<int64_t> dims,
                    int64_t pass, ArrayRef<std::unique_ptr<Scope>> strips,
                    Values carried);
  void finishRow(Scope &scope);
  void storePartials(Scope &scope, const Task &task, ArrayRef<Value> values);
  void emitCombine(Scope &scope, const Task &task);
  Value partialIndex(Scope &scope, int64_t reduce, Value chunk);

  Model model;
  Model combineModel; // the same with lanes along the last kept dim
  Shape shape = Shape::Map;
  SmallVector<Axis> axes, combineAxes;
  DimExpr chunks; // of the first reduced dim; 0: not cut
  bool isStreaming = false;
  SmallVector<Kept> kept;
  SmallVector<Prefetch> prefetches; // of rows

  // While code is emitted.
  Value workspace, scratch;
};

} // namespace asgc::kernels

#endif
