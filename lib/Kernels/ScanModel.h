//===- ScanModel.h - A plan.scan as the emitters see it -------------------===//
#ifndef ASGC_KERNELS_SCANMODEL_H
#define ASGC_KERNELS_SCANMODEL_H

#include "Model.h"

namespace asgc::kernels {

/// What some elements of a scan do to the state before them: h -> a · h + b, or
/// h + b where `a` is null, of a sum.
struct Carry {
  Value a, b;

  Value apply(KernelBuilder &builder, Value h) const;
  /// Both, this one first.
  Carry then(KernelBuilder &builder, const Carry &next) const;
};

/// The buffers [outer, axis, inner] of a plan.scan. A line is what lies along
/// the axis at one place of the others.
struct ScanModel {
  DimExpr outer, axis, inner;
  Type element;
  bool isReverse = false, hasCoefficients = false;

  /// Reports what no backend carries.
  mlir::LogicalResult read(plan::ScanOp op);

  int64_t readCount() const { return hasCoefficients ? 2 : 1; }
  /// The place in a buffer of the element `step` places along the scan.
  Value place(KernelBuilder &b, Value outerAt, Value step, Value innerAt) const;
  /// What the element, or the vector of them, at a place does.
  Carry load(KernelBuilder &b, ArrayRef<Value> pointers, Value place,
             Value mask) const;
  /// The same, but zero stands for the first coefficient, that of `step` 0, as
  /// for the state before it.
  Carry withoutFirst(KernelBuilder &b, const Carry &carry, Value step) const;
  /// The state before the first element, or what leaves any state as it is;
  /// scalars.
  Value zero(KernelBuilder &b) const;
  Carry none(KernelBuilder &b) const;
};

} // namespace asgc::kernels

#endif
