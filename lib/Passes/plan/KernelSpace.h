//===- KernelSpace.h - The iteration space that ops share -----------------===//
#ifndef ASGC_PASSES_PLAN_KERNELSPACE_H
#define ASGC_PASSES_PLAN_KERNELSPACE_H

#include "View.h"

#include "llvm/ADT/DenseMap.h"

namespace asgc::planner {

/// One iteration space for some ops, and where in each of their values a point
/// of the space lies.
///
/// The dims are the axes of one tensor, the operand of a reduction or else the
/// largest value written, from which indices spread along operands and results.
/// An axis is cut where a reshape cuts it, so that all indices stay linear.
class KernelSpace {
public:
  /// `ops` in program order; `roots` are the values to be written.
  KernelSpace(llvm::ArrayRef<mlir::Operation *> ops,
              llvm::ArrayRef<mlir::Value> roots);

  llvm::ArrayRef<DimExpr> getExtents() const { return extents; }
  size_t getRank() const { return extents.size(); }

  /// Where in `value` a point lies; null if the value has no place in the
  /// space.
  const Index *find(mlir::Value value) const;

private:
  void place(mlir::Value value, const Index &index);
  void spread();
  void spreadToOperands(mlir::Operation *op, const Index &index);
  void spreadToResult(mlir::Operation *op, mlir::Value operand,
                      const Index &index);
  bool cut(mlir::Operation *reshape, const Index &index, bool isForward);
  /// Places what lies apart from the seed but has its shape.
  void placeAlike(llvm::ArrayRef<mlir::Value> roots);

  llvm::ArrayRef<mlir::Operation *> ops;
  llvm::DenseMap<mlir::Operation *, size_t> order; // looked up only
  mlir::Value seed;
  llvm::SmallVector<llvm::SmallVector<DimExpr>>
      parts; // of each axis of the seed
  llvm::SmallVector<DimExpr> extents;
  llvm::DenseMap<mlir::Value, Index> indices; // looked up only
  llvm::SmallVector<mlir::Value> worklist;
  bool isCut = false; // an axis was cut: start again
};

/// The axes that a reduction, or arg_max or arg_min, drops; null for other ops.
std::optional<llvm::SmallVector<int64_t>> getReducedAxes(mlir::Operation *op);

} // namespace asgc::planner

#endif
