//===- AttentionRows.h - The operands of an attention ---------------------===//
#ifndef ASGC_KERNELS_DEVICE_ATTENTIONROWS_H
#define ASGC_KERNELS_DEVICE_ATTENTIONROWS_H

#include "Contraction.h"

namespace asgc::kernels {

/// A tensor [batch…, rows, features] of an attention, or [batch…, rows].
struct AttentionRows {
  plan::Access access;
  Type element;
  int64_t operand = 0;
  DimExpr rows, features;
  Value start; ///< the element at which a point of the batch starts

  void open(DeviceBuilder &builder, ArrayRef<Value> batch);
  /// As a factor of which the rows are summed over the features, and one of
  /// which the features are summed over the rows.
  Contraction::Factor byRow(DeviceBuilder &builder) const;
  Contraction::Factor byFeature(DeviceBuilder &builder) const;
  /// Whether each run of `of` features lies at a multiple of that.
  bool arePacked(int64_t of) const;
  /// The address of an element; row and feature are i32.
  Value place(DeviceBuilder &builder, Value row, Value feature) const;
  /// The number of a row (i32), which need not exist.
  Value loadStatistic(DeviceBuilder &builder, Value row) const;
  void storeStatistic(DeviceBuilder &builder, Value row, Value value) const;
  /// Neighbouring features that are stored at once.
  int64_t storeWidth() const;
  void store(DeviceBuilder &builder, Value row, Value feature,
             ArrayRef<Value> values) const;

private:
  Contraction::Factor factor(DeviceBuilder &builder, bool isByRow) const;
  Value offset(DeviceBuilder &builder, Value row, Value feature) const;
};

/// What a plan.attention says.
struct AttentionStep {
  double scale;
  bool isCausal, isBackward;
  SmallVector<DimExpr> batch;
  DimExpr queries, keys, depth, features;
  SmallVector<AttentionRows> rows; ///< its operands

  explicit AttentionStep(plan::AttentionOp op);
  /// The groups that each own so many of `count` rows.
  TileGrid gridOver(const DimExpr &count, int64_t rowsPerGroup) const;
  void open(DeviceBuilder &builder, ArrayRef<Value> batch);
  /// Behind the last key that `count` queries from `firstQuery` on look at,
  /// i64.
  Value keysEnd(DeviceBuilder &builder, Value firstQuery, int64_t count) const;
  /// Whether a query looks at a key, of any numbers; both must exist.
  Value sees(DeviceBuilder &builder, Value query, Value key) const;
};

/// A plan.attention.
std::unique_ptr<DeviceKernel> createDeviceAttention(plan::AttentionOp op,
                                                    const DeviceTarget &target,
                                                    const BoundOf &boundOf);

} // namespace asgc::kernels

#endif
