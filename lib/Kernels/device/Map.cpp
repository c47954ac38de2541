//===- Map.cpp - Device code for kernels without reductions ---------------===//
#include "Grid.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

std::unique_ptr<DeviceMap> DeviceMap::create(plan::KernelOp op,
                                             const DeviceTarget &target,
                                             const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceMap>();
  kernel->target = target;
  kernel->model.read(op);
  if (failed(kernel->model.analyze(boundOf)))
    return nullptr;
  kernel->launches.push_back(
      pointLaunch(target, kernel->model.points(kernel->model.allDims())));
  return kernel;
}

LogicalResult DeviceMap::emit(int64_t, DeviceBuilder &b) {
  Scope root(model, b, operandPointers(b, model));
  root.emitInvariant(0);
  SmallVector<int64_t> dims = llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(model.space.size())));
  int64_t bound = pointBound(model.bounds);
  forEachPoint(b, target, model.points(model.allDims()), [&](Value number) {
    Scope point(root);
    point.open(dims, unflatten(b, number, model.space, bound));
    point.emit(SmallVector<Value>(model.yields()));
    for (size_t write = 0; write < model.writes.size(); ++write)
      point.storeOnce(write, model.allDims());
  });
  return failure(root.failed());
}
