//===- Items.h - How work items share the points of a kernel --------------===//
#ifndef ASGC_KERNELS_DEVICE_ITEMS_H
#define ASGC_KERNELS_DEVICE_ITEMS_H

#include "../Scope.h"
#include "asgc/DeviceKernels.h"

namespace asgc::kernels {

/// The tensor that a buffer holds.
inline mlir::RankedTensorType tensorOf(Value buffer) {
  return mlir::cast<plan::BufferType>(buffer.getType()).getTensor();
}

/// i32 and i64 numbers of work, converted into each other.
Value narrow(KernelBuilder &builder, Value number);
Value wide(KernelBuilder &builder, Value number);

/// The coordinates (i64) of point `number` of a space in row-major order, the
/// last dim fastest. `bound` is the largest number of points.
Values unflatten(KernelBuilder &builder, Value number,
                 ArrayRef<DimExpr> extents, int64_t bound);

/// Product of `bounds`, or INT64_MAX if that overflows.
int64_t pointBound(ArrayRef<int64_t> bounds);

/// A launch in which `forEachPoint` covers `points`.
DeviceLaunch pointLaunch(const DeviceTarget &target, const DimExpr &points);
/// Runs `body` for each of `points` points, spread over all items; neighbours
/// get neighbouring points.
void forEachPoint(DeviceBuilder &builder, const DeviceTarget &target,
                  const DimExpr &points, llvm::function_ref<void(Value)> body);
/// The same where `group` is the number of the group among those that do it.
void forEachPointOf(DeviceBuilder &builder, const DeviceTarget &target,
                    Value group, const DimExpr &points,
                    llvm::function_ref<void(Value)> body);

/// Whether neighbours along `dim` lie side by side in an operand that varies
/// along it, `lanes` of them at a multiple of their size together.
bool liesAlong(const Model &model, const Operand &operand, int64_t dim,
               int64_t lanes);
/// How many neighbours along the model's vector dim make a vector: 1 unless
/// they lie side by side in all operands that vary along it, at a multiple of
/// their size together.
int64_t lanesAlong(const Model &model, const DeviceTarget &target);
/// Opens `dims` at `coordinates`; that of the vector dim, where the builder's
/// values have lanes, counts vectors.
void openPoint(Scope &scope, Dims dims, ArrayRef<Value> coordinates);

/// Runs `body` where the condition (null: always) is true.
void onlyIf(KernelBuilder &builder, Value condition,
            llvm::function_ref<void()> body);

/// Combines `values` of the items of a group, which have a row and a column
/// each; each column is combined on its own, always in the same order, and its
/// results are given to all of its items. `columns` and `rows` are powers of
/// two.
Values combineItems(DeviceBuilder &builder, ArrayRef<plan::ReduceKind> kinds,
                    ArrayRef<Value> values, Value row, Value column,
                    int64_t rows, int64_t columns);
SmallVector<plan::ReduceKind> kindsOf(ArrayRef<plan::ReduceOp> reduces);

/// The pointers of a kernel's reads and writes.
Values operandPointers(DeviceBuilder &builder, const Model &model);

} // namespace asgc::kernels

#endif
