//===- MatrixContraction.h - Products by matrix units ---------------------===//
#ifndef ASGC_KERNELS_DEVICE_MATRIXCONTRACTION_H
#define ASGC_KERNELS_DEVICE_MATRIXCONTRACTION_H

#include "Contraction.h"

namespace asgc::kernels {

/// Elements of 16 bits in the four words that an item moves at once.
constexpr int64_t kPacked = 8;

/// Whether an extent or stride is known to be a multiple of `of`.
inline bool isMultiple(const DimExpr &extent, int64_t of) {
  return extent == DimExpr(0) || extent.divideExactly(DimExpr(of));
}

/// A contraction of f16 or bf16 factors with f32 sums, by the matrix unit.
///
/// A group computes a tile of c. While its subgroups multiply slices of a and b
/// that lie in the group's memory, each item has a part of the next slices on
/// the way in its registers. The finished tile goes through the group's memory
/// too, so that `store` sees neighbouring columns whatever part of a matrix an
/// item holds.
struct MatrixContraction {
  /// A factor; `across` is the row of a or the column of b.
  struct Factor {
    bool isDepthFast = false; ///< else neighbours in memory lie across
    /// Whether `packed` elements along the fast axis lie at a multiple of 16
    /// bytes, wherever they start at a multiple of `kPacked`; its extent is
    /// such a multiple.
    bool isPacked = false;
    /// The address of an element, and the bytes from one to the next.
    std::function<Value(Value across, Value depth)> pointer;
    DimExpr acrossBytes, depthBytes;
  };

  SmallVector<DimExpr> batch;
  DimExpr rows, columns, depth;
  Type element;
  MatrixUnit unit;
  DeviceTarget::MatrixTile tile{};
  Factor a, b;
  int64_t storeWidth = 1; ///< neighbouring columns that `store` takes, 1 or 4

  std::function<void(ArrayRef<Value>)> open; ///< see Contraction
  std::function<void(Value row, Value column, ArrayRef<Value> sums)> store;

  /// Whether the unit is of use for such sizes; then `tile` is chosen.
  bool chooseTile(const DeviceTarget &target, const BoundOf &boundOf);
  DeviceLaunch launch() const;
  mlir::LogicalResult check(Operation *op, const BoundOf &boundOf) const {
    return checkSizes(op, grid(), depth, boundOf);
  }
  void emit(DeviceBuilder &builder) const;

private:
  TileGrid grid() const {
    return {batch, rows, columns, tile.rows, tile.columns};
  }
  int64_t items() const { return tile.subgroups() * unit.subgroupSize; }
  void emitTile(DeviceBuilder &builder, Value firstRow,
                Value firstColumn) const;
  Values multiply(DeviceBuilder &builder, int64_t array, Value firstA,
                  Value firstB, mlir::ValueRange sums) const;
  void storeTile(DeviceBuilder &builder, int64_t array, Value subgroup,
                 ArrayRef<Value> sums, Value firstRow, Value firstColumn) const;
  void storeQuad(DeviceBuilder &builder, Value quad, Value row,
                 Value column) const;
};

} // namespace asgc::kernels

#endif
