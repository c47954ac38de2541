//===- Matchers.h - What patterns ask of values ---------------------------===//
#ifndef ASGC_PASSES_ASG_MATCHERS_H
#define ASGC_PASSES_ASG_MATCHERS_H

#include "dialects/asg/Asg.h"

#include "mlir/IR/PatternMatch.h"

namespace asgc {

/// The value of all elements if they are known to be the same; else null.
mlir::TypedAttr getSplat(mlir::Value value);

/// Whether all elements are known to be `number`.
bool isSplat(mlir::Value value, double number);

/// A number of elements as a tensor of `type`.
mlir::Value buildCount(mlir::OpBuilder &builder, mlir::Location loc,
                       const DimExpr &count, mlir::RankedTensorType type);

inline mlir::RankedTensorType getTensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline bool isFloat(mlir::Value value) {
  return mlir::isa<mlir::FloatType>(getTensorType(value).getElementType());
}

/// Whether the op is elementwise (asg::ScalarInterface).
bool isElementwise(mlir::Operation *op);

/// `op` with other operands and another result type.
mlir::Value cloneElementwise(mlir::OpBuilder &builder, mlir::Operation *op,
                             mlir::ValueRange operands,
                             mlir::RankedTensorType type);

/// The reduced axes of a reduce op, or none for another op.
std::optional<llvm::ArrayRef<int64_t>> getReducedAxes(mlir::Operation *op);

/// Axes of a tensor of this rank that are not in `axes`.
llvm::SmallVector<int64_t> getOtherAxes(int64_t rank,
                                        llvm::ArrayRef<int64_t> axes);

/// For a reshape that only puts in or takes out axes of extent 1: for each axis of
/// the result its axis of the operand, or −1 for a new one. None for another.
std::optional<llvm::SmallVector<int64_t>>
matchUnitReshape(mlir::RankedTensorType from, mlir::RankedTensorType to);

} // namespace asgc

#endif
