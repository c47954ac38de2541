//===- Contraction.h - Products of tiles in the memory of a group ---------===//
#ifndef ASGC_KERNELS_DEVICE_CONTRACTION_H
#define ASGC_KERNELS_DEVICE_CONTRACTION_H

#include "Items.h"

namespace asgc::kernels {

/// c[row, column] = Σ a[row, depth] · b[depth, column] in f32, once for each
/// point of `batch`. A group computes a tile of c: it brings slices of a and b
/// to its memory, and each item multiplies what its part of the tile needs.
///
/// Where elements lie is the matter of the functions, so that a convolution is
/// a contraction too. They get i32 coordinates that are in range.
struct Contraction {
  SmallVector<DimExpr> batch;
  DimExpr rows, columns, depth;
  DeviceTarget::Tile tile{};
  bool isADepthFast = true; ///< a's neighbours in memory lie along the depth
  bool isBDepthFast = false;

  /// Called once with the coordinates (i64) within the batch.
  std::function<void(ArrayRef<Value>)> open;
  std::function<Value(Value row, Value depth)> loadA;
  std::function<Value(Value depth, Value column)> loadB;
  std::function<void(Value row, Value column, Value sum)> store;

  /// The largest tile that is filled and leaves no part of the device idle.
  void chooseTile(const DeviceTarget &target, const BoundOf &boundOf);
  DeviceLaunch launch() const;
  /// Reports sizes that are beyond 32 bits.
  mlir::LogicalResult check(Operation *op, const BoundOf &boundOf) const;
  void emit(DeviceBuilder &builder) const;

private:
  SmallVector<DimExpr> blocks() const;
  void emitTile(DeviceBuilder &builder, Value blockRow,
                Value blockColumn) const;
};

/// An element of a buffer as f32, and the reverse.
Value loadFloat(KernelBuilder &builder, Value pointer, Value offset,
                Type element);
void storeFloat(KernelBuilder &builder, Value pointer, Value offset,
                Type element, Value value);

/// The activation of a contraction.
Value activate(KernelBuilder &builder, plan::Activation activation, Value x);

std::unique_ptr<DeviceKernel> createDeviceMatmul(plan::MatmulOp op,
                                                 const DeviceTarget &target,
                                                 const BoundOf &boundOf);
std::unique_ptr<DeviceKernel> createDeviceConv(plan::Conv2dOp op,
                                               const DeviceTarget &target,
                                               const BoundOf &boundOf);

} // namespace asgc::kernels

#endif
