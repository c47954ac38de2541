//===- VectorKernel.cpp - Code for a step ---------------------------------===//
#include "GridKernel.h"
#include "ScanKernel.h"
#include "UpdateKernel.h"

using namespace mlir;
using namespace asgc;

VectorKernel::~VectorKernel() = default;

std::unique_ptr<VectorKernel> VectorKernel::create(Operation *step,
                                                   kernels::BoundOf boundOf) {
  if (auto kernel = dyn_cast<plan::KernelOp>(step))
    return kernels::GridKernel::create(kernel, boundOf);
  if (auto scan = dyn_cast<plan::ScanOp>(step))
    return kernels::ScanKernel::create(scan, boundOf);
  return kernels::UpdateKernel::create(cast<plan::UpdateOp>(step), boundOf);
}
