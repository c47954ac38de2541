//===- AsgChecks.h - What the families' shape rules share -----------------===//
// Private to dialects/asg.
#ifndef ASGC_DIALECTS_ASG_ASGCHECKS_H
#define ASGC_DIALECTS_ASG_ASGCHECKS_H

#include "dialects/asg/Asg.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SmallBitVector.h"

namespace asgc::asg {

/// Attributes that add to extents (padding, strides, dilations, …) stay below
/// this, so that sums with extents cannot overflow.
inline constexpr int64_t kMaxGeometry = (int64_t(1) << 31) - 1;

/// Reports a fault of an op, from its verifier or while its type is inferred.
class Fault {
public:
  Fault(std::optional<mlir::Location> location, llvm::StringRef op)
      : location(location), op(op) {}
  explicit Fault(mlir::Operation *op)
      : location(op->getLoc()), op(op->getName().getStringRef()) {}

  template <typename... Parts>
  mlir::LogicalResult operator()(Parts &&...parts) const {
    return mlir::emitOptionalError(location, "'", op, "' op ",
                                   std::forward<Parts>(parts)...);
  }

private:
  std::optional<mlir::Location> location;
  llvm::StringRef op;
};

/// Checks that every value has a type of the dialect: types are inferred while
/// an op is read, before its invariants are verified.
inline mlir::LogicalResult checkTensors(Fault fault, mlir::ValueRange values) {
  for (mlir::Value value : values) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
    if (!type || !hasLegalShape(type))
      return fault("takes tensors with known or named extents, not ",
                   value.getType());
  }
  return mlir::success();
}

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// Checks that `values` has `count` entries, each between `least` and
/// kMaxGeometry.
inline mlir::LogicalResult checkGeometry(Fault fault, llvm::StringRef name,
                                         llvm::ArrayRef<int64_t> values,
                                         size_t count, int64_t least) {
  if (values.size() != count)
    return fault("needs ", count, " entries in ", name, ", not ",
                 values.size());
  for (int64_t value : values)
    if (value < least || value > kMaxGeometry)
      return fault("needs entries of ", name, " between ", least, " and ",
                   kMaxGeometry, ", not ", value);
  return mlir::success();
}

inline mlir::LogicalResult checkAxis(Fault fault, int64_t axis,
                                     mlir::RankedTensorType type) {
  if (axis < 0 || axis >= type.getRank())
    return fault("has no axis ", axis, " in ", describe(type));
  return mlir::success();
}

/// Checks that `axes` are axes of `type`, each once.
inline mlir::LogicalResult checkDistinctAxes(Fault fault,
                                             llvm::ArrayRef<int64_t> axes,
                                             mlir::RankedTensorType type) {
  llvm::SmallBitVector seen(type.getRank());
  for (int64_t axis : axes) {
    if (failed(checkAxis(fault, axis, type)))
      return mlir::failure();
    if (seen.test(axis))
      return fault("names axis ", axis, " of ", describe(type), " twice");
    seen.set(axis);
  }
  return mlir::success();
}

inline mlir::LogicalResult checkSameElements(Fault fault,
                                             mlir::RankedTensorType left,
                                             mlir::RankedTensorType right) {
  if (left.getElementType() != right.getElementType())
    return fault("needs one element type, but has ", describe(left), " and ",
                 describe(right));
  return mlir::success();
}

/// Checks that a result type written in the IR is the one that follows.
inline mlir::LogicalResult checkResult(Fault fault, mlir::Type expected,
                                       mlir::Type actual) {
  if (expected != actual)
    return fault("gives ", describe(expected), ", not ", describe(actual));
  return mlir::success();
}

} // namespace asgc::asg

#endif
