//===- Matmul.cpp - Device code for plan.matmul ---------------------------===//
#include "Contraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {

Type elementOf(Value buffer) { return tensorOf(buffer).getElementType(); }

class DeviceMatmul final : public DeviceKernel {
public:
  plan::MatmulOp op;
  Contraction contraction;
  SmallVector<DimExpr> a, b, c, offsets; // strides of the operands

  LogicalResult emit(int64_t, DeviceBuilder &builder) override;
};

/// Σ strides[i] · place[i].
Value offsetOf(KernelBuilder &b, ArrayRef<DimExpr> strides,
               ArrayRef<Value> place) {
  Value offset = b.i64(0);
  for (auto [stride, at] : llvm::zip(strides, place))
    if (!(stride == DimExpr(0)))
      offset = b.addI(offset, b.mulI(at, b.extent(stride)));
  return offset;
}

LogicalResult DeviceMatmul::emit(int64_t, DeviceBuilder &builder) {
  DeviceBuilder &k = builder;
  // Operands of the step: a, b, bias, residual, c.
  int64_t next = 2;
  Value bias = op.getBias() ? k.operand(next++) : Value();
  Value residual = op.getResidual() ? k.operand(next++) : Value();
  Value cPointer = k.operand(next);
  size_t rank = contraction.batch.size();
  Value aStart, bStart, cStart, residualStart;
  contraction.open = [&](ArrayRef<Value> place) {
    auto start = [&](ArrayRef<DimExpr> strides, const DimExpr &offset) {
      return k.addI(k.extent(offset),
                    offsetOf(k, strides.take_front(rank), place));
    };
    aStart = start(a, offsets[0]);
    bStart = start(b, offsets[1]);
    cStart = start(c, offsets[2]);
    residualStart = start(c, DimExpr(0));
  };
  auto at = [&](Value start, ArrayRef<DimExpr> strides, Value x, Value y) {
    std::array place{wide(k, x), wide(k, y)};
    return k.addI(start, offsetOf(k, strides.drop_front(rank), place));
  };
  contraction.loadA = [&](Value row, Value depth) {
    return loadFloat(k, k.operand(0), at(aStart, a, row, depth),
                     elementOf(op.getA()));
  };
  contraction.loadB = [&](Value depth, Value column) {
    return loadFloat(k, k.operand(1), at(bStart, b, depth, column),
                     elementOf(op.getB()));
  };
  contraction.store = [&](Value row, Value column, Value sum) {
    if (bias)
      sum = k.addF(
          sum, loadFloat(k, bias, wide(k, column), elementOf(op.getBias())));
    if (residual)
      sum =
          k.addF(sum, loadFloat(k, residual, at(residualStart, c, row, column),
                                elementOf(op.getResidual())));
    storeFloat(k, cPointer, at(cStart, c, row, column), elementOf(op.getC()),
               activate(k, op.getActivation(), sum));
  };
  contraction.emit(k);
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceMatmul(plan::MatmulOp op, const DeviceTarget &target,
                            const BoundOf &boundOf) {
  auto kernel = std::make_unique<DeviceMatmul>();
  for (Value buffer : op->getOperands())
    if (Type type = elementOf(buffer);
        !type.isF32() && !type.isF16() && !type.isBF16()) {
      op.emitOpError() << "multiplies " << type
                       << ", which the Vulkan backend does not";
      return nullptr;
    }
  kernel->op = op;
  kernel->a = plan::readExtents(op.getAStrides());
  kernel->b = plan::readExtents(op.getBStrides());
  kernel->c = plan::readExtents(op.getCStrides());
  kernel->offsets = plan::readExtents(op.getOffsets());
  SmallVector<DimExpr> sizes = plan::readExtents(op.getSizes());
  Contraction &contraction = kernel->contraction;
  contraction.batch = plan::readExtents(op.getBatch());
  contraction.rows = sizes[0];
  contraction.columns = sizes[1];
  contraction.depth = sizes[2];
  contraction.isADepthFast = kernel->a.back() == DimExpr(1);
  contraction.isBDepthFast = !(kernel->b.back() == DimExpr(1));
  contraction.chooseTile(target, boundOf);
  if (failed(contraction.check(op, boundOf)))
    return nullptr;
  kernel->launches.push_back(contraction.launch());
  return kernel;
}
