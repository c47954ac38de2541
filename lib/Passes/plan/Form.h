//===- Form.h - Indices as linear forms over an iteration space -----------===//
#ifndef ASGC_PASSES_PLAN_FORM_H
#define ASGC_PASSES_PLAN_FORM_H

#include "asgc/DimExpr.h"

#include "mlir/IR/Value.h"

namespace asgc::planner {

inline const DimExpr kZero(0), kOne(1);

/// Σ coefs[k] · dₖ + Σ coefficient · value + offset: the index along one axis
/// of a tensor at a point of an iteration space. The values are i64s that a
/// kernel's body computes, such as an element of a list of indices.
struct Form {
  llvm::SmallVector<DimExpr> coefs; // one per dim of the space
  llvm::SmallVector<std::pair<mlir::Value, DimExpr>, 0> terms;
  DimExpr offset;

  static Form constant(size_t rank, const DimExpr &value);
  static Form dim(size_t rank, size_t dim);
  static Form computed(size_t rank, mlir::Value value);

  Form &operator+=(const Form &other);
  Form operator*(const DimExpr &factor) const;
  bool operator==(const Form &) const = default;

  /// Whether it is the same at every point.
  bool isUniform() const;
  bool varies(size_t dim) const { return !(coefs[dim] == DimExpr(0)); }
};

/// One form per axis of a tensor.
using Index = llvm::SmallVector<Form, 0>;

/// Σ index[i] · factors[i] + offset.
Form dot(llvm::ArrayRef<Form> index, llvm::ArrayRef<DimExpr> factors,
         const DimExpr &offset, size_t rank);

/// Strides of a contiguous row-major tensor.
llvm::SmallVector<DimExpr> getRowMajorStrides(llvm::ArrayRef<DimExpr> extents);

DimExpr multiply(llvm::ArrayRef<DimExpr> extents);

/// Axes [begin, end) of one shape and of another that hold the same elements.
struct AxisGroup {
  size_t fromBegin, fromEnd, toBegin, toEnd;
};

/// Cuts two shapes of equally many elements in the smallest groups of axes such
/// that a reshape maps each group on its own.
llvm::SmallVector<AxisGroup> groupAxes(llvm::ArrayRef<DimExpr> from,
                                       llvm::ArrayRef<DimExpr> to);

} // namespace asgc::planner

#endif
