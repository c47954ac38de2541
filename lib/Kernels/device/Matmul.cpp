//===- Matmul.cpp - Device code for plan.matmul ---------------------------===//
#include "MatrixContraction.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {

Type elementOf(Value buffer) { return tensorOf(buffer).getElementType(); }

/// Σ strides[i] · place[i].
Value offsetOf(KernelBuilder &b, ArrayRef<DimExpr> strides,
               ArrayRef<Value> place) {
  Value offset = b.i64(0);
  for (auto [stride, at] : llvm::zip(strides, place))
    if (!(stride == DimExpr(0)))
      offset = b.addI(offset, b.mulI(at, b.extent(stride)));
  return offset;
}

/// Where the elements of a step's operands are.
struct Operands {
  mutable plan::MatmulOp op;         // its accessors are not const
  SmallVector<DimExpr> batch, sizes; // m, n, k
  SmallVector<DimExpr> a, b, c;      // strides
  SmallVector<DimExpr> offsets;
  // Elements at which the operands start in this place of the batch.
  Value aStart, bStart, cStart, residualStart;

  explicit Operands(plan::MatmulOp op)
      : op(op), batch(plan::readExtents(op.getBatch())),
        sizes(plan::readExtents(op.getSizes())),
        a(plan::readExtents(op.getAStrides())),
        b(plan::readExtents(op.getBStrides())),
        c(plan::readExtents(op.getCStrides())),
        offsets(plan::readExtents(op.getOffsets())) {}

  bool isADepthFast() const { return a.back() == DimExpr(1); }
  bool isBDepthFast() const { return !(b.back() == DimExpr(1)); }

  void open(DeviceBuilder &k, ArrayRef<Value> place) {
    auto start = [&](ArrayRef<DimExpr> strides, const DimExpr &offset) {
      return k.addI(k.extent(offset),
                    offsetOf(k, strides.take_front(batch.size()), place));
    };
    aStart = start(a, offsets[0]);
    bStart = start(b, offsets[1]);
    cStart = start(c, offsets[2]);
    residualStart = start(c, DimExpr(0));
  }
  /// The offset of element (x, y) of an operand.
  Value at(DeviceBuilder &k, Value start, ArrayRef<DimExpr> strides, Value x,
           Value y) const {
    std::array place{wide(k, x), wide(k, y)};
    return k.addI(start, offsetOf(k, strides.drop_front(batch.size()), place));
  }
  Value atA(DeviceBuilder &k, Value row, Value depth) const {
    return at(k, aStart, a, row, depth);
  }
  Value atB(DeviceBuilder &k, Value depth, Value column) const {
    return at(k, bStart, b, depth, column);
  }

  /// Finishes and stores one element of c, or four neighbouring columns.
  void store(DeviceBuilder &k, Value row, Value column,
             ArrayRef<Value> sums) const {
    // Operands of the step: a, b, bias, residual, c.
    int64_t next = 2, count = std::ssize(sums);
    Values results(sums);
    auto add = [&](Value buffer, Value offset) {
      Values terms =
          loadFloats(k, k.operand(next++), offset, elementOf(buffer), count);
      for (auto [result, term] : llvm::zip_equal(results, terms))
        result = k.addF(result, term);
    };
    if (Value bias = op.getBias())
      add(bias, wide(k, column));
    if (Value residual = op.getResidual())
      add(residual, at(k, residualStart, c, row, column));
    for (Value &result : results)
      result = activate(k, op.getActivation(), result);
    storeFloats(k, k.operand(next), at(k, cStart, c, row, column),
                elementOf(op.getC()), results);
  }
};

/// Whether runs of `of` elements along axis `fast` start at multiples of that.
bool arePacked(ArrayRef<DimExpr> strides, size_t fast, const DimExpr &extent,
               const DimExpr &offset, int64_t of) {
  for (auto [axis, stride] : llvm::enumerate(strides))
    if (axis == fast ? !(stride == DimExpr(1)) : !isMultiple(stride, of))
      return false;
  return isMultiple(extent, of) && isMultiple(offset, of);
}

//===- Scalar code --------------------------------------------------------===//

class DeviceMatmul final : public DeviceKernel {
public:
  DeviceMatmul(plan::MatmulOp op) : operands(op) {}
  LogicalResult plan(const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  Operands operands;
  Contraction contraction;
};

LogicalResult DeviceMatmul::plan(const DeviceTarget &target,
                                 const BoundOf &boundOf) {
  contraction.batch = operands.batch;
  contraction.rows = operands.sizes[0];
  contraction.columns = operands.sizes[1];
  contraction.depth = operands.sizes[2];
  contraction.isADepthFast = operands.isADepthFast();
  contraction.isBDepthFast = operands.isBDepthFast();
  contraction.chooseTile(target, boundOf);
  launches = contraction.launches();
  workspaceBytes = contraction.workspaceBytes(boundOf);
  return contraction.check(operands.op, boundOf);
}

LogicalResult DeviceMatmul::emit(int64_t launch, DeviceBuilder &k) {
  contraction.open = [&](ArrayRef<Value> place) { operands.open(k, place); };
  contraction.loadA = [&](Value row, Value depth) {
    return loadFloat(k, k.operand(0), operands.atA(k, row, depth),
                     elementOf(operands.op.getA()));
  };
  contraction.loadB = [&](Value depth, Value column) {
    return loadFloat(k, k.operand(1), operands.atB(k, depth, column),
                     elementOf(operands.op.getB()));
  };
  contraction.store = [&](Value row, Value column, Value sum) {
    operands.store(k, row, column, sum);
  };
  contraction.emit(
      launch, k,
      launches.size() > 1 ? k.operand(operands.op->getNumOperands()) : Value());
  return success();
}

//===- With a matrix unit -------------------------------------------------===//

class MatrixMatmul final : public DeviceKernel {
public:
  MatrixMatmul(plan::MatmulOp op) : operands(op) {}
  /// Whether the unit takes such operands.
  bool plan(const DeviceTarget &target, const BoundOf &boundOf);
  LogicalResult check(const BoundOf &boundOf) const {
    return contraction.check(operands.op, boundOf);
  }
  LogicalResult emit(int64_t, DeviceBuilder &builder) override;

private:
  Operands operands;
  MatrixContraction contraction;
};

bool MatrixMatmul::plan(const DeviceTarget &target, const BoundOf &boundOf) {
  plan::MatmulOp op = operands.op;
  Type element = elementOf(op.getA());
  if (element != elementOf(op.getB()) || !(element.isF16() || element.isBF16()))
    return false;
  const DimExpr &m = operands.sizes[0], &n = operands.sizes[1],
                &depth = operands.sizes[2];
  contraction.batch = operands.batch;
  contraction.rows = m;
  contraction.columns = n;
  contraction.depth = depth;
  contraction.element = element;
  size_t rank = operands.a.size();
  // Axes are counted in the strides of each operand.
  auto describe = [&](MatrixContraction::Factor &factor,
                      const SmallVectorImpl<DimExpr> &strides, bool isDepthFast,
                      size_t acrossAxis, size_t depthAxis,
                      const DimExpr &across, const DimExpr &offset) {
    factor.isDepthFast = isDepthFast;
    factor.isPacked = arePacked(strides, isDepthFast ? depthAxis : acrossAxis,
                                isDepthFast ? depth : across, offset, kPacked);
    factor.acrossBytes = strides[acrossAxis] * DimExpr(2);
    factor.depthBytes = strides[depthAxis] * DimExpr(2);
  };
  describe(contraction.a, operands.a, operands.isADepthFast(), rank - 2,
           rank - 1, m, operands.offsets[0]);
  describe(contraction.b, operands.b, operands.isBDepthFast(), rank - 1,
           rank - 2, n, operands.offsets[1]);
  bool isWide = arePacked(operands.c, rank - 1, n, operands.offsets[2], 4);
  contraction.storeWidth = isWide ? 4 : 1;
  if (!contraction.chooseTile(target, boundOf))
    return false;
  launches.push_back(contraction.launch());
  return true;
}

LogicalResult MatrixMatmul::emit(int64_t, DeviceBuilder &k) {
  contraction.open = [&](ArrayRef<Value> place) { operands.open(k, place); };
  contraction.a.pointer = [&](Value row, Value depth) {
    return k.address(k.operand(0), operands.atA(k, row, depth), 2);
  };
  contraction.b.pointer = [&](Value column, Value depth) {
    return k.address(k.operand(1), operands.atB(k, depth, column), 2);
  };
  contraction.store = [&](Value row, Value column, ArrayRef<Value> sums) {
    operands.store(k, row, column, sums);
  };
  contraction.emit(k);
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceMatmul(plan::MatmulOp op, const DeviceTarget &target,
                            const BoundOf &boundOf) {
  for (Value buffer : op->getOperands())
    if (Type type = elementOf(buffer);
        !type.isF32() && !type.isF16() && !type.isBF16()) {
      op.emitOpError() << "multiplies " << type
                       << ", which the Vulkan backend does not";
      return nullptr;
    }
  if (auto kernel = std::make_unique<MatrixMatmul>(op);
      kernel->plan(target, boundOf))
    return failed(kernel->check(boundOf)) ? nullptr : std::move(kernel);
  auto kernel = std::make_unique<DeviceMatmul>(op);
  return failed(kernel->plan(target, boundOf)) ? nullptr : std::move(kernel);
}
