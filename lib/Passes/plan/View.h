//===- View.h - A tensor's place in memory --------------------------------===//
#ifndef ASGC_PASSES_PLAN_VIEW_H
#define ASGC_PASSES_PLAN_VIEW_H

#include "Form.h"

#include "dialects/asg/Asg.h"

namespace asgc::planner {

inline mlir::RankedTensorType getType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// Where the elements of a tensor lie: element (i0, i1, …) is element
/// `offset` + Σ strides[k] · ik of `buffer`.
struct View {
  mlir::Value buffer; // of type plan.buffer
  llvm::SmallVector<DimExpr> extents;
  llvm::SmallVector<DimExpr> strides;
  DimExpr offset;

  static View contiguous(mlir::Value buffer, mlir::RankedTensorType type);

  /// Whether the elements stand in row-major order without gaps.
  bool isContiguous() const;
  /// Whether they fill the buffer from its start as well.
  bool coversBuffer() const { return isContiguous() && offset == DimExpr(0); }
};

/// Whether `op` only looks at its operand otherwise: reshape, transpose,
/// broadcast, slice.
bool isViewOp(mlir::Operation *op);

/// What a view op makes of its operand's place; null where a reshape needs the
/// elements in another order.
std::optional<View> applyViewOp(mlir::Operation *op, const View &operand);

/// The element that element `index` of a view op's result is, in its operand;
/// null for a reshape that forms alone cannot express.
std::optional<Index> getOperandIndex(mlir::Operation *viewOp,
                                     llvm::ArrayRef<Form> index, size_t rank,
                                     llvm::ArrayRef<DimExpr> space);

/// The index in a result for that of an operand; null where it has none, or
/// more than one.
std::optional<Index> getResultIndex(mlir::Operation *viewOp,
                                    llvm::ArrayRef<Form> index, size_t rank,
                                    llvm::ArrayRef<DimExpr> space);

/// Σ index · strides cut into an index over `extents`; null if a form would
/// need a division. `space` has the extents of the dims.
std::optional<Index> delinearize(const Form &linear,
                                 llvm::ArrayRef<DimExpr> extents, size_t rank,
                                 llvm::ArrayRef<DimExpr> space);

} // namespace asgc::planner

#endif
