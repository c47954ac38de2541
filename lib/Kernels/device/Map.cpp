//===- Map.cpp - Device code for kernels without reductions ---------------===//
#include "Grid.h"

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
  if (kernel->lanes > 1) {
    DimExpr &extent = kernel->extents[model.vectorDim];
    extent = extent.floorDiv(kernel->lanes);
    target.pointsPerItem /= kernel->lanes;
  }
  kernel->launches.push_back(pointLaunch(target, kernel->count()));
  return kernel;
}

DimExpr DeviceMap::count() const {
  DimExpr count(1);
  for (const DimExpr &extent : extents)
    count = count * extent;
  return count;
}

LogicalResult DeviceMap::emit(int64_t, DeviceBuilder &b) {
  Scope root(model, b, operandPointers(b, model));
  root.emitInvariant(0);
  b.lanes = lanes;
  int64_t bound = pointBound(model.bounds);
  forEachPoint(b, target, count(), [&](Value number) {
    Scope point(root);
    openPoint(point, model.allDims(), unflatten(b, number, extents, bound));
    point.emit(SmallVector<Value>(model.yields()));
    for (size_t write = 0; write < model.writes.size(); ++write)
      point.storeOnce(write, model.allDims());
  });
  return failure(root.failed());
}
