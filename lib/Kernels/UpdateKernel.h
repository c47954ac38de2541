//===- UpdateKernel.h - Code for a plan.update ----------------------------===//
#ifndef ASGC_KERNELS_UPDATEKERNEL_H
#define ASGC_KERNELS_UPDATEKERNEL_H

#include "Sweep.h"

namespace asgc::kernels {

/// A plan.update as emitters see it: its segments cut in blocks, the tasks.
struct UpdateModel {
  /// The body over one segment: reads are the shared operands, then the groups.
  Model model;
  size_t sharedCount = 0, segmentCount = 0, bufferCount = 0;
  SmallVector<int64_t> extents;    // of the segments
  SmallVector<int64_t> firstTasks; // of each segment, and the number of all
  int64_t block = 0;
  int64_t partialCount = 0; // T of the workspace
  bool hasWorkspace = false;
  bool reduces = false;

  mlir::LogicalResult read(plan::UpdateOp op);
  /// Makes tasks of at most `size` elements.
  void cut(int64_t size);
  /// What the emitted code needs of it at run time: firstTasks, then extents.
  SmallVector<int64_t> numbers() const;
  /// The segment of task `number`: the last whose first task is not after it.
  /// `table` holds the numbers.
  Value findSegment(KernelBuilder &builder, Value table, Value number) const;
  /// Values the body computes at each point.
  SmallVector<Value> roots() const;
};

/// A plan.update: tasks are blocks of its segments, so that one launch serves
/// many small tensors. Where it reduces, each task leaves a partial result in
/// the workspace and a second launch, a task per segment, combines those;
/// without a workspace a task is a whole segment.
class UpdateKernel final : public VectorKernel {
public:
  static std::unique_ptr<UpdateKernel> create(plan::UpdateOp op,
                                              const BoundOf &boundOf);
  mlir::LogicalResult emit(int64_t launch, KernelBuilder &builder,
                           const KernelArguments &arguments) override;

private:
  Values segmentPointers(KernelBuilder &b, Value buffers, Value segment);
  void emitBlock(Scope &root, Value buffers, Value segment, Value from,
                 Value to, Value task);
  void emitCombine(KernelBuilder &b, const KernelArguments &arguments,
                   Scope &root, Value firstTasks);

  UpdateModel update;
  Value workspace;
};

/// Stores what the reductions of a segment give.
void finishUpdate(Scope &scope);

} // namespace asgc::kernels

#endif
