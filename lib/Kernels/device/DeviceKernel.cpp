//===- DeviceKernel.cpp - The device code of a step -----------------------===//
#include "AttentionRows.h"
#include "Contraction.h"
#include "Grid.h"
#include "Points.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

DeviceKernel::~DeviceKernel() = default;

std::unique_ptr<DeviceKernel> DeviceKernel::create(Operation *step,
                                                   const DeviceTarget &target,
                                                   BoundOf boundOf) {
  using Result = std::unique_ptr<DeviceKernel>;
  return TypeSwitch<Operation *, Result>(step)
      .Case([&](plan::KernelOp op) -> Result {
        if (op.getKind() == plan::KernelKind::map)
          return DeviceMap::create(op, target, boundOf);
        return DeviceReduction::create(op, target, boundOf);
      })
      .Case([&](plan::UpdateOp op) { return createDeviceUpdate(op, target); })
      .Case([&](plan::MatmulOp op) {
        return createDeviceMatmul(op, target, boundOf);
      })
      .Case([&](plan::AttentionOp op) {
        return createDeviceAttention(op, target, boundOf);
      })
      .Case([&](plan::Conv2dOp op) {
        return createDeviceConv(op, target, boundOf);
      })
      .Case<plan::MaxPool2dOp, plan::AvgPool2dOp, plan::MaxUnpool2dOp,
            plan::PoolGather2dOp>(
          [&](auto op) { return createDevicePooling(op, target, boundOf); })
      .Case([&](plan::ScanOp op) {
        return createDeviceScan(op, target, boundOf);
      })
      .Case<plan::GatherOp, plan::ScatterAddOp, plan::CopyOp>(
          [&](auto op) { return createDeviceIndexing(op, target, boundOf); })
      .Default([](Operation *op) -> Result {
        op->emitOpError("is a step without code on Vulkan devices");
        return nullptr;
      });
}
