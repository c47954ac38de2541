//===- Points.h - Device kernels that compute each point on its own -------===//
#ifndef ASGC_KERNELS_DEVICE_POINTS_H
#define ASGC_KERNELS_DEVICE_POINTS_H

#include "Items.h"

namespace asgc::kernels {

/// Runs a function for each of a number of points.
class PointKernel final : public DeviceKernel {
public:
  using Body = std::function<void(DeviceBuilder &, Value number)>;

  PointKernel(const DeviceTarget &target, DimExpr points, Body body)
      : target(target), points(std::move(points)), body(std::move(body)) {
    launches.push_back(pointLaunch(target, this->points));
  }
  mlir::LogicalResult emit(int64_t, DeviceBuilder &builder) override {
    forEachPoint(builder, target, points,
                 [&](Value number) { body(builder, number); });
    return mlir::success();
  }

private:
  DeviceTarget target;
  DimExpr points;
  Body body;
};

/// Pooling (pool_gather2d and max_unpool2d too); null if `step` is something
/// else, or after an error.
std::unique_ptr<DeviceKernel> createDevicePooling(Operation *step,
                                                  const DeviceTarget &target,
                                                  const BoundOf &boundOf);
/// gather, scatter_add and copy.
std::unique_ptr<DeviceKernel> createDeviceIndexing(Operation *step,
                                                   const DeviceTarget &target,
                                                   const BoundOf &boundOf);
std::unique_ptr<DeviceKernel> createDeviceScan(plan::ScanOp op,
                                               const DeviceTarget &target,
                                               const BoundOf &boundOf);

} // namespace asgc::kernels

#endif
