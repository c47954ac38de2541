//===- Contraction.h - Products of tiles in the memory of a group ---------===//
#ifndef ASGC_KERNELS_DEVICE_CONTRACTION_H
#define ASGC_KERNELS_DEVICE_CONTRACTION_H

#include "Items.h"

namespace asgc::kernels {

/// How the result of a product is cut into tiles, one to a group: rows x
/// columns for each point of `batch`.
struct TileGrid {
  SmallVector<DimExpr> batch;
  DimExpr rows, columns;
  int64_t tileRows = 1, tileColumns = 1;

  SmallVector<DimExpr> blocks() const; ///< of the batch, down, across
  DimExpr groups() const;
  /// Runs `body` with the first row and column (i32) of the group's tile, after
  /// `open` got its place in the batch (i64). Groups beyond the last tile do
  /// nothing.
  void emit(DeviceBuilder &builder,
            llvm::function_ref<void(ArrayRef<Value>)> open,
            llvm::function_ref<void(Value, Value)> body) const;
};

/// Reports sizes that are beyond 32 bits.
mlir::LogicalResult checkSizes(Operation *op, const TileGrid &grid,
                               const DimExpr &depth, const BoundOf &boundOf);

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
  /// Parts of the depth that groups of their own sum up, where there are too
  /// few tiles for the device. A second launch adds them in order.
  int64_t chunks = 1;
  bool isADepthFast = true; ///< a's neighbours in memory lie along the depth
  bool isBDepthFast = false;

  /// Called once with the coordinates (i64) within the batch.
  std::function<void(ArrayRef<Value>)> open;
  std::function<Value(Value row, Value depth)> loadA;
  std::function<Value(Value depth, Value column)> loadB;
  std::function<void(Value row, Value column, Value sum)> store;

  /// The largest tile that is filled and leaves no part of the device idle.
  void chooseTile(const DeviceTarget &target, const BoundOf &boundOf);
  SmallVector<DeviceLaunch> launches() const;
  /// For the sums of the parts.
  int64_t workspaceBytes(const BoundOf &boundOf) const;
  mlir::LogicalResult check(Operation *op, const BoundOf &boundOf) const {
    return checkSizes(op, grid(), depth, boundOf);
  }
  /// `workspace` is null if there are no parts.
  void emit(int64_t launch, DeviceBuilder &builder, Value workspace) const;

private:
  TileGrid grid() const {
    return {batch, rows, columns, tile.rows, tile.columns};
  }
  SmallVector<DimExpr> points() const; ///< of the result
  void emitTile(DeviceBuilder &builder, Value firstRow, Value firstColumn,
                Value from, Value to,
                llvm::function_ref<void(Value, Value, Value)> put) const;
  void combine(DeviceBuilder &builder, Value workspace) const;
};

/// An element of a buffer as f32, and the reverse.
Value loadFloat(KernelBuilder &builder, Value pointer, Value offset,
                Type element);
void storeFloat(KernelBuilder &builder, Value pointer, Value offset,
                Type element, Value value);

/// The same for one element or four, at a multiple of their size together.
Values loadFloats(DeviceBuilder &builder, Value pointer, Value offset,
                  Type element, int64_t count);
void storeFloats(DeviceBuilder &builder, Value pointer, Value offset,
                 Type element, ArrayRef<Value> values);

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
