//===- Map.cpp - Device code for kernels without reductions ---------------===//
#include "Grid.h"

#include "MatrixContraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

std::unique_ptr<DeviceMap> DeviceMap::create(plan::KernelOp op,
                                             const DeviceTarget &given,
                                             const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceMap>();
  Model &model = kernel->model;
  DeviceTarget &target = kernel->target;
  target = given;
  model.read(op);
  if (failed(model.analyze(boundOf)))
    return nullptr;
  kernel->extents = model.space;
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (!model.isUnit(dim))
      model.vectorDim = dim;
  kernel->lanes = lanesAlong(model, target);
  if (kernel->lanes == 1)
    kernel->findTurned();
  if (kernel->lanes > 1) {
    for (int64_t dim : {model.vectorDim, kernel->turnedDim})
      if (dim >= 0)
        kernel->extents[dim] = kernel->extents[dim].floorDiv(kernel->lanes);
    target.pointsPerItem /= kernel->lanes;
  }
  kernel->launches.push_back(pointLaunch(target, kernel->count()));
  return kernel;
}

/// Looks for a dim along which all reads lie that do not along the vector dim.
void DeviceMap::findTurned() {
  if (model.vectorDim < 0 ||
      !isMultiple(model.space[model.vectorDim], target.lanes))
    return;
  auto isTurned = [&](const Operand &operand) {
    return !operand.isWhole && has(operand.varies, model.vectorDim) &&
           !liesAlong(model, operand, model.vectorDim, target.lanes);
  };
  if (llvm::any_of(model.writes, isTurned))
    return;
  for (auto [index, read] : llvm::enumerate(model.reads))
    if (isTurned(read))
      turned.push_back(index);
  if (turned.empty())
    return;
  for (int64_t dim = 0; dim < model.vectorDim; ++dim) {
    bool isFit =
        !model.isUnit(dim) && isMultiple(model.space[dim], target.lanes) &&
        llvm::all_of(turned, [&](unsigned read) {
          return liesAlong(model, model.reads[read], dim, target.lanes);
        });
    if (!isFit)
      continue;
    turnedDim = dim;
    lanes = target.lanes;
    return;
  }
}

DimExpr DeviceMap::count() const {
  DimExpr count(1);
  for (const DimExpr &extent : extents)
    count = count * extent;
  return count;
}

void DeviceMap::emitPoint(Scope &point, ArrayRef<Value> coordinates) const {
  openPoint(point, model.allDims(), coordinates);
  point.emit(SmallVector<Value>(model.yields()));
  for (size_t write = 0; write < model.writes.size(); ++write)
    point.storeOnce(write, model.allDims());
}

/// Loads vectors along the turned dim, one for each lane, and gives the points
/// their parts of all of them.
void DeviceMap::emitBlock(DeviceBuilder &b, Scope &root,
                          ArrayRef<Value> pointers,
                          ArrayRef<Value> coordinates) const {
  Values at(coordinates);
  at[turnedDim] = b.mulI(at[turnedDim], b.i64(lanes));
  SmallVector<Values> blocks;
  for (unsigned read : turned) {
    const Operand &operand = model.reads[read];
    Value offset = b.i64(0);
    for (auto [dim, stride] : llvm::enumerate(operand.access.strides)) {
      bool isVector = static_cast<int64_t>(dim) == model.vectorDim;
      Value place = isVector ? b.mulI(at[dim], b.i64(lanes)) : at[dim];
      offset = b.addI(offset, b.mulI(place, b.extent(stride)));
    }
    Values &block = blocks.emplace_back();
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const DimExpr &stride = operand.access.strides[model.vectorDim];
      Value place = b.addI(offset, b.extent(stride * DimExpr(lane)));
      block.push_back(
          b.load(b.address(pointers[read], place, bytesOf(operand.element)),
                 storageType(operand.element), true, {}));
    }
  }
  for (int64_t index = 0; index < lanes; ++index) {
    Scope point(root);
    for (auto [read, block] : llvm::zip_equal(turned, blocks)) {
      Values parts;
      for (Value vector : block)
        parts.push_back(b.extract(vector, index));
      point.define(model.body->getArgument(read),
                   decode(b, b.join(parts), model.reads[read].element));
    }
    Values inside(at);
    inside[turnedDim] = b.addI(at[turnedDim], b.i64(index));
    emitPoint(point, inside);
  }
}

LogicalResult DeviceMap::emit(int64_t, DeviceBuilder &b) {
  Values pointers = operandPointers(b, model);
  Scope root(model, b, pointers);
  root.emitInvariant(0);
  b.lanes = lanes;
  int64_t bound = pointBound(model.bounds);
  forEachPoint(b, target, count(), [&](Value number) {
    Values coordinates = unflatten(b, number, extents, bound);
    if (turnedDim >= 0)
      return emitBlock(b, root, pointers, coordinates);
    Scope point(root);
    emitPoint(point, coordinates);
  });
  return failure(root.failed());
}
