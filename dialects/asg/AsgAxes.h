//===- AsgAxes.h - Axes of operands of products ---------------------------===//
#ifndef ASGC_DIALECTS_ASG_ASGAXES_H
#define ASGC_DIALECTS_ASG_ASGAXES_H

#include "dialects/asg/Asg.h"

namespace asgc::asg {

/// The axes of an operand of rank `rank` that are neither batch nor summed, in
/// order.
inline llvm::SmallVector<int64_t>
getFreeAxes(int64_t rank, llvm::ArrayRef<int64_t> batch,
            llvm::ArrayRef<int64_t> contract) {
  llvm::SmallVector<int64_t> axes;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(batch, axis) && !llvm::is_contained(contract, axis))
      axes.push_back(axis);
  return axes;
}

/// How many elements `type` has along `axes` together.
inline DimExpr getSize(mlir::RankedTensorType type,
                       llvm::ArrayRef<int64_t> axes) {
  DimExpr size(1);
  for (int64_t axis : axes)
    size = size * getDim(type, axis);
  return size;
}

} // namespace asgc::asg

#endif
