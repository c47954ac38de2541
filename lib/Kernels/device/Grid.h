//===- Grid.h - Device code for a plan.kernel -----------------------------===//
#ifndef ASGC_KERNELS_DEVICE_GRID_H
#define ASGC_KERNELS_DEVICE_GRID_H

#include "Items.h"

namespace asgc::kernels {

/// A kernel without reductions: an item takes points, a few each.
class DeviceMap final : public DeviceKernel {
public:
  static std::unique_ptr<DeviceMap>
  create(plan::KernelOp op, const DeviceTarget &target, const BoundOf &boundOf);
  mlir::LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  Model model;
  DeviceTarget target;
};

/// A kernel with reductions. A group takes `columns` kept points and walks
/// `rows` items abreast along the reduced dims, once for each pass; then the
/// items combine what they have. With a workspace the first reduced dim is cut
/// in chunks, and a second launch combines their results.
class DeviceReduction final : public DeviceKernel {
public:
  static std::unique_ptr<DeviceReduction>
  create(plan::KernelOp op, const DeviceTarget &target, const BoundOf &boundOf);
  mlir::LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  /// The place of an item in the kept points and the reduced dims.
  struct Place {
    Value kept, chunk; // numbers, i64
    Value isInside;    // the kept point exists
    Value row, column; // i32
    Value from, to;    // of the reduced points
  };

  void chooseShape();
  int64_t lastPass() const;
  bool isPointWrite(int64_t index) const {
    return model.writes[index].varies & model.reduced;
  }
  SmallVector<plan::ReduceOp> reducesOf(int64_t pass) const;
  SmallVector<Value> rootsOf(int64_t pass) const;
  Place findPlace(DeviceBuilder &builder) const;
  void openKept(Scope &scope, Value number) const;
  Values walk(Scope &scope, const Place &place, int64_t pass) const;
  Value partialIndex(KernelBuilder &builder, int64_t reduce, Value chunk,
                     Value kept) const;
  void emitRows(DeviceBuilder &builder, Scope &root);
  void emitCombine(DeviceBuilder &builder, Scope &root);
  void finish(Scope &scope, Value condition) const;

  Model model;
  DeviceTarget target;
  int64_t rows = 1, columns = 1; // powers of two; items of a group
  bool isAcross = false;         // neighbouring items have neighbouring columns
  DimExpr keptPoints, reducedPoints;
  SmallVector<DimExpr> keptExtents, reducedExtents;
  SmallVector<int64_t> keptDims, reducedDims;
  int64_t keptBound = 1, reducedBound = 1;
  int64_t chunks = 0; // of the first reduced dim; 0: not cut
  Value workspace;
};

/// A plan.update: a group takes a block of a segment.
std::unique_ptr<DeviceKernel> createDeviceUpdate(plan::UpdateOp op,
                                                 const DeviceTarget &target);

} // namespace asgc::kernels

#endif
