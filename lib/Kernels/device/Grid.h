//===- Grid.h - Device code for a plan.kernel -----------------------------===//
#ifndef ASGC_KERNELS_DEVICE_GRID_H
#define ASGC_KERNELS_DEVICE_GRID_H

#include "Items.h"

namespace asgc::kernels {

/// A kernel without reductions: an item takes points, a few each. Where it
/// reads along another dim than it writes, an item takes a block of `lanes` x
/// `lanes` points and transposes what it reads in its registers.
class DeviceMap final : public DeviceKernel {
public:
  static std::unique_ptr<DeviceMap>
  create(plan::KernelOp op, const DeviceTarget &target, const BoundOf &boundOf);
  mlir::LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  void findTurned();
  void emitPoint(Scope &point, ArrayRef<Value> coordinates) const;
  void emitBlock(DeviceBuilder &builder, Scope &root, ArrayRef<Value> pointers,
                 ArrayRef<Value> coordinates) const;
  DimExpr count() const;

  Model model;
  DeviceTarget target;
  int64_t lanes = 1;
  SmallVector<DimExpr> extents; // of the space, in vectors or blocks
  int64_t turnedDim = -1;       // the other dim of a block; -1: no blocks
  SmallVector<unsigned> turned; // reads that lie along it
};

/// A kernel with reductions. A group takes `columns` kept points and walks
/// `rows` items abreast along the reduced dims, once for each pass; then the
/// items combine what they have. Where a row is short enough, its items keep
/// their points in registers from pass to pass. With a workspace the first
/// reduced dim is cut in chunks, and a second launch combines their results.
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
  /// A point, or a vector of them, along the reduced dims.
  struct Point {
    std::unique_ptr<Scope> scope;
    Value isHere; // it exists; null: always
  };

  void chooseAxes();
  void chooseShape();
  int64_t lastPass() const;
  bool isPointWrite(int64_t index) const {
    return model.writes[index].varies & model.reduced;
  }
  SmallVector<plan::ReduceOp> reducesOf(int64_t pass) const;
  SmallVector<Value> rootsOf(int64_t pass) const;
  Place findPlace(DeviceBuilder &builder, int64_t parts) const;
  void openKept(Scope &scope, Value number) const;
  Point openReduced(Scope &scope, Value number, Value isHere,
                    Value otherwise) const;
  SmallVector<Point> holdPoints(Scope &scope, const Place &place) const;
  Values start(KernelBuilder &builder, int64_t pass) const;
  Values visit(llvm::MutableArrayRef<Point> points, const Place &place,
               int64_t pass, mlir::ValueRange before) const;
  Values walk(Scope &scope, const Place &place, int64_t pass) const;
  Value partialPlace(KernelBuilder &builder, int64_t reduce, Value chunk,
                     Value kept) const;
  void emitRows(DeviceBuilder &builder, Scope &root);
  void emitCombine(DeviceBuilder &builder, Scope &root);
  void finish(Scope &scope, const Place &place) const;

  Model model;
  DeviceTarget target;
  int64_t rows = 1, columns = 1; // powers of two; items of a group
  bool isAcross = false;         // neighbouring items have neighbouring columns
  int64_t lanes = 1;             // of a vector along the last reduced dim
  int64_t abreast = 1;           // points that an item loads at once
  int64_t held = 0;              // points that it keeps; 0: it reads them again
  DimExpr keptPoints, reducedPoints;                // the latter in vectors
  SmallVector<DimExpr> keptExtents, reducedExtents; // likewise
  int64_t keptBound = 1, reducedBound = 1;
  int64_t chunks = 0; // of the first reduced dim; 0: not cut
  Value workspace;
};

/// A plan.update: a group takes a block of a segment.
std::unique_ptr<DeviceKernel> createDeviceUpdate(plan::UpdateOp op,
                                                 const DeviceTarget &target);

} // namespace asgc::kernels

#endif
