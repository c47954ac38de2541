//===- TileGrid.h - How the groups of a launch share a product ------------===//
#ifndef ASGC_KERNELS_DEVICE_TILEGRID_H
#define ASGC_KERNELS_DEVICE_TILEGRID_H

#include "Items.h"

#include <limits>
#include <type_traits>

namespace asgc::kernels {

/// c[row, column] = Σ a[row, depth] · b[depth, column] for each point of
/// `batch`, cut into tiles of c. Where those are too few for the device, the
/// depth is cut into `chunks` parts too: then each group leaves its sums in a
/// workspace, and a second launch adds them in order.
struct TileGrid {
  SmallVector<DimExpr> batch;
  DimExpr rows, columns, depth;
  /// The depth at a point of the batch, i64, where it may be less than `depth`;
  /// asked for after `open`. It is a multiple of `depthStep`. Null: it is not.
  std::function<Value()> depthHere;
  DimExpr depthStep;
  Type element; ///< of sums, and of factors in registers: i32; null: f32
  int64_t tileRows = 1, tileColumns = 1, tileDepth = 1;
  int64_t chunks = 1;

  /// What a group computes.
  struct Tile {
    Value row, column; ///< its first, i32
    Value from, to;    ///< of the depth, i64; may be empty
    Value first;       ///< number of its chunk and point of the batch, i64
  };

  DimExpr groups() const; ///< without chunks
  Type elementType(KernelBuilder &builder) const {
    return element ? element : builder.f32Type();
  }
  /// Microseconds with the chunks that take least, which are set. `speed` is a
  /// tile's.
  double chooseChunks(const DeviceTarget &target,
                      const DeviceTarget::TileSpeed &speed,
                      const BoundOf &boundOf);
  /// Takes the tile and chunks that need least time.
  template <typename Tile>
  void chooseTile(const DeviceTarget &target, ArrayRef<Tile> tiles,
                  const BoundOf &boundOf, Tile &chosen) {
    TileGrid best;
    double least = std::numeric_limits<double>::infinity();
    for (const Tile &tile : tiles) {
      tileRows = tile.rows, tileColumns = tile.columns, tileDepth = tile.depth;
      constexpr bool usesUnit = std::is_same_v<Tile, DeviceTarget::MatrixTile>;
      if (double micros = measured(chooseChunks(target, tile.speed, boundOf),
                                   target, tile.speed, usesUnit, boundOf);
          micros < least)
        least = micros, best = *this, chosen = tile;
    }
    *this = best;
  }
  /// What the tile of `speed` took on the device if this product was measured
  /// there; else the time of the model, `micros`, times by how much others took
  /// longer than that (the geometric mean).
  double measured(double micros, const DeviceTarget &target,
                  const DeviceTarget::TileSpeed &speed, bool usesUnit,
                  const BoundOf &boundOf) const;
  /// Slices that a group sums at most; without a bound, many.
  int64_t groupSlices() const;
  /// Whether a group may find no depth to sum over.
  bool mayBeEmpty() const;
  /// For the sums of the chunks.
  int64_t workspaceBytes(const BoundOf &boundOf) const;
  /// `tile` runs the tiles; the launch after it, if there is one, combines.
  SmallVector<DeviceLaunch> launches(DeviceLaunch tile) const;
  /// Reports sizes that are beyond 32 bits.
  mlir::LogicalResult check(Operation *op, const BoundOf &boundOf) const;

  /// Runs `body` with the group's tile, after `open` got its place in the batch
  /// (i64). Groups beyond the last tile do nothing.
  void emit(DeviceBuilder &builder,
            llvm::function_ref<void(ArrayRef<Value>)> open,
            llvm::function_ref<void(const Tile &)> body) const;
  /// Leaves sums of neighbouring columns in the workspace.
  void storePartial(DeviceBuilder &builder, Value workspace, const Tile &tile,
                    Value row, Value column, ArrayRef<Value> sums) const;
  /// The second launch. `store` gets a row, a column (i32) and their sum.
  void combine(DeviceBuilder &builder, Value workspace,
               llvm::function_ref<void(ArrayRef<Value>)> open,
               llvm::function_ref<void(Value, Value, Value)> store) const;

private:
  SmallVector<DimExpr> points() const; ///< of the result
};

/// x + y, of floats or integers.
Value addNumbers(KernelBuilder &builder, Value x, Value y);

/// An element of a buffer as f32, and the reverse; i32 stays.
Value loadFloat(KernelBuilder &builder, Value pointer, Value offset,
                Type element);
void storeFloat(KernelBuilder &builder, Value pointer, Value offset,
                Type element, Value value);

/// The same for one element or four, at a multiple of their size together.
Values loadFloats(DeviceBuilder &builder, Value pointer, Value offset,
                  Type element, int64_t count);
void storeFloats(DeviceBuilder &builder, Value pointer, Value offset,
                 Type element, ArrayRef<Value> values);

/// Halves (i16), two to a word.
Values joinHalves(DeviceBuilder &builder, ArrayRef<Value> halves);
/// One i8 or four, at a multiple of their size together, as i32.
Values loadBytes(DeviceBuilder &builder, Value pointer, Value offset,
                 int64_t count);

/// Σ strides[i] · place[i].
Value offsetOf(KernelBuilder &builder, ArrayRef<DimExpr> strides,
               ArrayRef<Value> place);
/// Whether runs of `of` elements along axis `fast`, which has `extent`, start
/// at multiples of that.
bool arePacked(ArrayRef<DimExpr> strides, size_t fast, const DimExpr &extent,
               const DimExpr &offset, int64_t of);

DimExpr productOf(ArrayRef<DimExpr> extents);
/// ceil(extent / size), and that times size.
DimExpr blocksOf(const DimExpr &extent, int64_t size);
DimExpr roundUp(const DimExpr &extent, int64_t size);

/// Whether an extent or stride is known to be a multiple of `of`.
inline bool isMultiple(const DimExpr &extent, int64_t of) {
  return extent == DimExpr(0) || extent.divideExactly(DimExpr(of));
}

} // namespace asgc::kernels

#endif
