//===- MatrixContraction.h - Products by matrix units ---------------------===//
#ifndef ASGC_KERNELS_DEVICE_MATRIXCONTRACTION_H
#define ASGC_KERNELS_DEVICE_MATRIXCONTRACTION_H

#include "TileGrid.h"

namespace asgc::kernels {

/// Elements of 16 bits in the four words that an item moves at once.
constexpr int64_t kPacked = 8;
/// Depths of a split factor whose high parts come before their low parts.
constexpr int64_t kSplitDepth = 16;

/// A contraction of f16 or bf16 factors with f32 sums, by the matrix unit.
///
/// A group computes a tile of c. While its subgroups multiply slices of a and b
/// that lie in the group's memory, each item has a part of the next slices on
/// the way in its registers. The finished tile goes through the group's memory
/// too, so that `store` sees neighbouring columns whatever part of a matrix an
/// item holds.
struct MatrixContraction {
  /// A factor; `across` is the row of a or the column of b. The address of an
  /// element is `at` its place across + the bytes `along` the depth.
  struct Factor {
    bool isDepthFast = false; ///< else neighbours in memory lie across
    /// Neighbours along the fast axis that are read at once, 8 (of halves), 4
    /// or 1: wherever they start at a multiple of that, they lie at a multiple
    /// of their size, and the axis' extent is one.
    int64_t run = 1;
    Type stored;    ///< the product's `element`, or f32 that are to be split
    DimExpr extent; ///< across
    std::function<Value(Value across)> at;
    std::function<Value(Value depth)> along;
    /// along(d + i) = along(d) + along(i) if d is a multiple of the tile's
    /// depth and i is less than that.
    bool isLinear = true;
    DimExpr fastBytes{2}; ///< between elements along the fast axis, if run is 1
    /// Bytes from a line along the fast axis to the next, if all are as far.
    std::optional<DimExpr> lineBytes;
  };

  TileGrid grid;
  Type element;
  MatrixUnit unit;
  DeviceTarget::MatrixTile tile{};
  Factor a, b;
  /// Each factor is the sum of two of `element`: kSplitDepth high parts along
  /// the depth are followed by their low parts, so it is twice as deep: the
  /// grid's depth and the tile's count both. Factors in memory do not have low
  /// parts if they are f32, which is split on the way. Of the four products
  /// that of the low parts is left out.
  bool isSplit = false;
  int64_t storeWidth = 1; ///< neighbouring columns that `store` takes, 1 or 4

  std::function<void(ArrayRef<Value>)> open; ///< see Contraction
  std::function<void(Value row, Value column, ArrayRef<Value> sums)> store;

  /// Whether the unit is of use for such sizes; then `tile` is chosen.
  bool chooseTile(const DeviceTarget &target, const BoundOf &boundOf);
  SmallVector<DeviceLaunch> launches() const {
    return grid.launches({.groupSize = items(), .unit = unit});
  }
  /// `launch` counts from the first of `launches()`; `workspace` is null if
  /// there are no chunks.
  void emit(int64_t launch, DeviceBuilder &builder, Value workspace) const;

  int64_t items() const { return tile.subgroups() * unit.subgroupSize; }

private:
  void emitTile(DeviceBuilder &builder, const TileGrid::Tile &part,
                Value workspace) const;
  Values multiply(DeviceBuilder &builder, int64_t array, Value firstA,
                  Value firstB, mlir::ValueRange sums) const;
  void storeTile(DeviceBuilder &builder, int64_t array, Value subgroup,
                 ArrayRef<Value> sums, const TileGrid::Tile &part,
                 Value workspace) const;
  void storeQuad(DeviceBuilder &builder, Value quad, Value row, Value column,
                 const TileGrid::Tile &part, Value workspace) const;
};

} // namespace asgc::kernels

#endif
