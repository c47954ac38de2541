//===- CollapseDims.h - Fewer, longer dims for a kernel -------------------===//
#ifndef ASGC_PASSES_PLAN_COLLAPSEDIMS_H
#define ASGC_PASSES_PLAN_COLLAPSEDIMS_H

#include "KernelBody.h"

namespace asgc::planner {

/// Reorders the dims of a space and joins neighbours that every access runs
/// through as through one: [batch, seq, 64] over contiguous tensors becomes
/// [64·batch·seq].
class CollapsedDims {
public:
  /// `order` lists the dims from the outermost.
  CollapsedDims(llvm::ArrayRef<DimExpr> extents, llvm::ArrayRef<int64_t> order);

  /// A form that must stay linear.
  void require(const Form &form);
  /// Dims of which a joined dim holds either none or nothing else.
  void requireSet(llvm::ArrayRef<int64_t> dims);
  void collapse();

  llvm::ArrayRef<DimExpr> getExtents() const { return extents; }
  plan::Access map(const Form &form) const;
  llvm::SmallVector<int64_t> map(llvm::ArrayRef<int64_t> dims) const;
  /// Puts arithmetic on plan.index in the place of a placeholder.
  mlir::Value replace(const KernelBody::Placeholder &placeholder) const;

private:
  bool canJoin(size_t outer, size_t inner) const;

  llvm::SmallVector<DimExpr> original; // extents of the space
  llvm::SmallVector<int64_t> order;
  llvm::SmallVector<Form> forms;
  llvm::SmallVector<int64_t> set;
  llvm::SmallVector<size_t> joined; // by dim of the space: its new dim
  llvm::SmallVector<size_t>
      inners; // by new dim: its innermost dim of the space
  llvm::SmallVector<DimExpr> extents; // by new dim
};

} // namespace asgc::planner

#endif
