//===- Contraction.h - Products of tiles in the memory of a group ---------===//
#ifndef ASGC_KERNELS_DEVICE_CONTRACTION_H
#define ASGC_KERNELS_DEVICE_CONTRACTION_H

#include "TileGrid.h"

namespace asgc::kernels {

/// A contraction in f32 or i32 by scalar instructions. While the items of a
/// group multiply slices of a and b that lie in its memory, each has its part
/// of the next slices on the way in registers.
///
/// Where elements lie is the matter of the functions, so that a convolution is
/// a contraction too. They get i32 coordinates that are in range.
struct Contraction {
  /// A factor; `across` is the row of a or the column of b.
  struct Factor {
    bool isDepthFast = false; ///< neighbours in memory lie along the depth
    std::function<Value(Value across, Value depth)> read; ///< an element
    /// Reads four neighbours at a multiple of four; its extent is one too. Null
    /// if they do not lie like that.
    std::function<Values(Value across, Value depth)> readRun;
  };

  TileGrid grid;
  DeviceTarget::Tile tile{};
  Factor a, b;
  int64_t storeWidth = 1; ///< neighbouring columns that `store` takes, 1 or 4

  /// Called once with the coordinates (i64) within the batch.
  std::function<void(ArrayRef<Value>)> open;
  std::function<void(Value row, Value column, ArrayRef<Value> sums)> store;

  /// The tile that takes least time.
  void chooseTile(const DeviceTarget &target, const BoundOf &boundOf);
  SmallVector<DeviceLaunch> launches() const {
    return grid.launches({.groupSize = tile.items()});
  }
  /// `workspace` is null if there are no chunks.
  void emit(int64_t launch, DeviceBuilder &builder, Value workspace) const;

private:
  void emitTile(DeviceBuilder &builder, const TileGrid::Tile &part,
                Value workspace) const;
  void storeTile(DeviceBuilder &builder, const TileGrid::Tile &part,
                 ArrayRef<Value> sums, Value workspace) const;
};

/// The activation of a contraction, of one number or four.
void activate(DeviceBuilder &builder, plan::Activation activation,
              Values &numbers);

std::unique_ptr<DeviceKernel> createDeviceMatmul(plan::MatmulOp op,
                                                 const DeviceTarget &target,
                                                 const BoundOf &boundOf);
std::unique_ptr<DeviceKernel> createDeviceConv(plan::Conv2dOp op,
                                               const DeviceTarget &target,
                                               const BoundOf &boundOf);

} // namespace asgc::kernels

#endif
