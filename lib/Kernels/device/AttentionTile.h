//===- AttentionTile.h - Products between rows of an attention ------------===//
#ifndef ASGC_KERNELS_DEVICE_ATTENTIONTILE_H
#define ASGC_KERNELS_DEVICE_ATTENTIONTILE_H

#include "AttentionRows.h"
#include "FactorLoader.h"

namespace asgc::kernels {

/// The part of an item in a tile of weights, of kRows rows and kColumns
/// columns, and in sums for its rows. The weights go through the group's
/// memory.
class AttentionTile {
public:
  static constexpr int64_t kRows = 64, kColumns = 32, kDepth = 16;
  static constexpr int64_t kPerItem = 4; ///< rows, and columns of weights
  static constexpr int64_t kItemsAcross = kColumns / kPerItem;
  static constexpr int64_t kItems = kRows / kPerItem * kItemsAcross;
  /// Of a row, for which the group's memory has room.
  static constexpr int64_t kMostFeatures = 128;

  /// Sums are for at most `features`.
  AttentionTile(DeviceBuilder &builder, int64_t features);

  /// The item's rows and columns of weights, in the tile (i32).
  Value row(int64_t i) const;
  Value column(int64_t j) const;

  /// Σ x · y over the features: an item's rows of x from `firstX` on by its
  /// columns, which are rows of y from `firstY` on. Rows that do not exist are
  /// zeros.
  Values products(const AttentionRows &x, Value firstX, const AttentionRows &y,
                  Value firstY) const;
  /// What all items of each of the item's rows have, combined in order.
  Values acrossRows(ArrayRef<Value> values,
                    llvm::function_ref<Value(Value, Value)> combine) const;
  /// Sums of zero for the item's rows, quads of the features of `y` that it
  /// has.
  Values zeroSums(const AttentionRows &y) const;
  /// sums + weights · y, where column j of the tile is row `firstY` + j of y.
  Values accumulate(ArrayRef<Value> weights, const AttentionRows &y,
                    Value firstY, mlir::ValueRange sums) const;
  /// Stores sums, each times the factor of its row, as rows of y from `firstY`
  /// on.
  void store(const AttentionRows &y, Value firstY, ArrayRef<Value> sums,
             ArrayRef<Value> factors) const;

private:
  /// Of sums as wide as the features of `y`.
  static DeviceTarget::Tile sumTile(const AttentionRows &y);

  DeviceBuilder &b;
  int64_t aSlice, bSlice, weightLines; // arrays in the group's memory
  Value itemRow, itemColumn;
};

} // namespace asgc::kernels

#endif
