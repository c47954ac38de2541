//===- AttentionMatrices.h - Products of an attention by a matrix unit ----===//
#ifndef ASGC_KERNELS_DEVICE_ATTENTIONMATRICES_H
#define ASGC_KERNELS_DEVICE_ATTENTIONMATRICES_H

#include "AttentionRows.h"

namespace asgc::kernels {

/// How a group of four subgroups works on a tile of weights: a subgroup has as
/// many rows of it as a matrix, and all of its kColumns columns.
///
/// The group's memory is one array of four words each, which holds a slice,
/// kColumns rows of one operand (lines a quad longer than what they hold,
/// against bank conflicts), and behind it a stage for each subgroup: where an
/// element of a matrix is held is known only once it has been stored.
struct AttentionLayout {
  static constexpr int64_t kSubgroups = 4, kColumns = 32;
  static constexpr int64_t kMostFeatures = 128;

  MatrixUnit unit;
  Type element;
  int64_t widest = 0; ///< most features of a row

  /// Whether the unit and its items share out rows and columns evenly.
  bool isEven() const;
  /// Whether rows of so many features are whole matrices.
  bool isWhole(int64_t features) const {
    return features > 0 && features <= kMostFeatures &&
           features % unit.rows == 0;
  }

  int64_t rows() const { return kSubgroups * unit.rows; }
  int64_t items() const { return kSubgroups * unit.subgroupSize; }
  int64_t itemsPerRow() const { return unit.subgroupSize / unit.rows; }
  int64_t columnsPerItem() const { return kColumns / itemsPerRow(); }

  // In quads.
  static int64_t sliceLine(int64_t features) { return features / 8 + 1; }
  static constexpr int64_t kSumLine = kColumns / 4 + 1;
  static constexpr int64_t kWeightLine = kColumns / 8 + 1;
  int64_t factorLine() const { return unit.columns / 4; }
  int64_t factorsAt() const { return unit.rows * kWeightLine; }
  int64_t stageSize() const {
    return std::max(unit.rows * kSumLine,
                    factorsAt() + unit.rows * factorLine());
  }
  int64_t stagesAt() const { return kColumns * sliceLine(widest); }
  int64_t statisticsAt() const { return stagesAt() + kSubgroups * stageSize(); }
  int64_t arraySize() const {
    return std::max(rows() * sliceLine(widest),
                    statisticsAt() + 2 * kColumns / 4);
  }
};

/// Emits the part of an item. Between what writes to the group's memory and
/// what reads it, in this order or the other, all wait for each other: an item
/// that works on a row of a stage need not be of the subgroup that stored it.
class AttentionMatrices {
public:
  AttentionMatrices(DeviceBuilder &builder, const AttentionLayout &layout);

  /// The row of the tile on which the item works, and which part of its columns
  /// it has: columnsPerItem() from `firstColumn()` on. All i32.
  Value row() const { return itemRow; }
  Value firstColumn() const;
  Value isFirstOfRow() const;

  /// The item's quads of `count` rows from `first` on; zeros where there is
  /// none.
  Values loadRows(const AttentionRows &rows, Value first, int64_t count) const;
  void storeSlice(const AttentionRows &rows, ArrayRef<Value> quads) const;
  /// The subgroup's rows, of those from `first` on, as matrices along the
  /// features. Uses the whole array; waits before and after.
  Values loadFactors(const AttentionRows &rows, Value first) const;

  /// factors · sliceᵀ, to the stage.
  void multiplyTransposed(ArrayRef<Value> factors, int64_t features) const;
  /// sums + weights · slice.
  Values addProducts(mlir::ValueRange sums, int64_t features) const;
  Values zeroSums(int64_t features) const;

  /// What `multiplyTransposed` left of the item's row: its own columns, or
  /// those that are `parts` parts further, around the end.
  Values readSums(int64_t parts = 0) const;
  Value columnsFurther(int64_t parts) const; ///< the first of those, i32
  /// The item's columns of its row of weights, to the stage.
  void putWeights(ArrayRef<Value> weights) const;
  /// A factor for each row, to the stage; and sums times those.
  void putFactor(Value factor) const;
  void scaleRows(llvm::MutableArrayRef<Value> sums) const;
  /// What the items of a row have, added up in order. Waits before and after.
  Value addAcrossRow(Value value) const;

  /// The item's statistic, of those of kColumns rows from `first` on; and all
  /// of them to list 0 or 1, of which an item reads those of its columns.
  Value loadStatistic(const AttentionRows &rows, Value first) const;
  void putStatistics(int64_t list, Value number) const;
  Values readStatistics(int64_t list) const;

  /// Stores sums as rows from `first` on. Uses the whole array; waits before.
  void store(const AttentionRows &rows, Value first,
             ArrayRef<Value> sums) const;

private:
  void storeRows(const AttentionRows &rows, int64_t count,
                 ArrayRef<Value> quads) const;
  /// Where the stage of a subgroup is, and in it a line of the item's row.
  Value stageOf(Value subgroup) const;
  Value lineOf(int64_t length) const;

  DeviceBuilder &b;
  AttentionLayout layout;
  int64_t array;
  Value subgroup, itemRow, itemPart;
};

/// A plan.attention by the unit; null if it does not take such operands.
std::unique_ptr<DeviceKernel> createMatrixAttention(plan::AttentionOp op,
                                                    const MatrixUnit &unit);

} // namespace asgc::kernels

#endif
