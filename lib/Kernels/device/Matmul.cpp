//===- Matmul.cpp - Device code for plan.matmul ---------------------------===//
#include "Contraction.h"
#include "MatrixContraction.h"
#include "PackFactor.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

namespace {

Type elementOf(Value buffer) { return tensorOf(buffer).getElementType(); }

/// Where the elements of a step's operands are.
struct Operands {
  mutable plan::MatmulOp op;         // its accessors are not const
  SmallVector<DimExpr> batch, sizes; // m, n, k
  SmallVector<DimExpr> a, b, c;      // strides
  SmallVector<DimExpr> offsets;
  Values place; // in the batch
  // Elements at which the operands start there.
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
  /// Whether runs of `of` elements lie at multiples of that.
  bool isAPacked(int64_t of) const {
    return arePacked(a, a.size() - (isADepthFast() ? 1 : 2),
                     sizes[isADepthFast() ? 2 : 0], offsets[0], of);
  }
  bool isBPacked(int64_t of) const {
    return arePacked(b, b.size() - (isBDepthFast() ? 2 : 1),
                     sizes[isBDepthFast() ? 2 : 1], offsets[1], of);
  }
  int64_t storeWidth() const {
    return arePacked(c, c.size() - 1, sizes[1], offsets[2], 4) ? 4 : 1;
  }

  void open(DeviceBuilder &k, ArrayRef<Value> thePlace) {
    place.assign(thePlace.begin(), thePlace.end());
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
        result = addNumbers(k, result, term);
    };
    if (Value bias = op.getBias())
      add(bias, wide(k, column));
    if (Value residual = op.getResidual())
      add(residual, at(k, residualStart, c, row, column));
    activate(k, op.getActivation(), results);
    storeFloats(k, k.operand(next), at(k, cStart, c, row, column),
                elementOf(op.getC()), results);
  }
};

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
  TileGrid &grid = contraction.grid;
  grid.batch = operands.batch;
  grid.rows = operands.sizes[0];
  grid.columns = operands.sizes[1];
  grid.depth = operands.sizes[2];
  if (Type sum = elementOf(operands.op.getC()); sum.isInteger(32))
    grid.element = sum;
  contraction.a.isDepthFast = operands.isADepthFast();
  contraction.b.isDepthFast = operands.isBDepthFast();
  contraction.storeWidth = operands.storeWidth();
  contraction.chooseTile(target, boundOf);
  launches = contraction.launches();
  workspaceBytes = grid.workspaceBytes(boundOf);
  return grid.check(operands.op, boundOf);
}

LogicalResult DeviceMatmul::emit(int64_t launch, DeviceBuilder &k) {
  contraction.open = [&](ArrayRef<Value> place) { operands.open(k, place); };
  auto load = [&, element = elementOf(operands.op.getA())](
                  int64_t operand, Value offset, int64_t count) {
    return element.isInteger(8)
               ? loadBytes(k, k.operand(operand), offset, count)
               : loadFloats(k, k.operand(operand), offset, element, count);
  };
  contraction.a.read = [&, load](Value row, Value depth) {
    return load(0, operands.atA(k, row, depth), 1).front();
  };
  contraction.b.read = [&, load](Value column, Value depth) {
    return load(1, operands.atB(k, depth, column), 1).front();
  };
  if (operands.isAPacked(4))
    contraction.a.readRun = [&, load](Value row, Value depth) {
      return load(0, operands.atA(k, row, depth), 4);
    };
  if (operands.isBPacked(4))
    contraction.b.readRun = [&, load](Value column, Value depth) {
      return load(1, operands.atB(k, depth, column), 4);
    };
  contraction.store = [&](Value row, Value column, ArrayRef<Value> sums) {
    operands.store(k, row, column, sums);
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
    return contraction.grid.check(operands.op, boundOf);
  }
  LogicalResult emit(int64_t launch, DeviceBuilder &builder) override;

private:
  bool planSplit(const BoundOf &boundOf);
  void setReads(DeviceBuilder &builder);
  void placeOperands(DeviceBuilder &builder);
  void placePacked(DeviceBuilder &builder, Value workspace);

  Operands operands;
  MatrixContraction contraction;
  PackLaunch packs; // of split factors: a, b
};

bool MatrixMatmul::plan(const DeviceTarget &target, const BoundOf &boundOf) {
  plan::MatmulOp op = operands.op;
  Type element = elementOf(op.getA());
  if (element != elementOf(op.getB()))
    return false;
  contraction.isSplit = element.isF32() && target.splitsF32;
  if (!element.isF16() && !element.isBF16() && !contraction.isSplit)
    return false;
  TileGrid &grid = contraction.grid;
  grid.batch = operands.batch;
  grid.rows = operands.sizes[0];
  grid.columns = operands.sizes[1];
  grid.depth = operands.sizes[2];
  contraction.storeWidth = operands.storeWidth();
  if (contraction.isSplit) {
    if (!planSplit(boundOf))
      return false;
  } else {
    contraction.element = element;
    contraction.a.isDepthFast = operands.isADepthFast();
    contraction.b.isDepthFast = operands.isBDepthFast();
    contraction.a.stored = contraction.b.stored = element;
    contraction.a.run = operands.isAPacked(kPacked) ? kPacked : 1;
    contraction.b.run = operands.isBPacked(kPacked) ? kPacked : 1;
    contraction.a.extent = grid.rows;
    contraction.b.extent = grid.columns;
  }
  if (!contraction.chooseTile(target, boundOf))
    return false;
  launches = contraction.launches();
  if (contraction.isSplit) {
    launches.insert(launches.begin(), packs.launch());
    mainLaunch = 1;
  }
  workspaceBytes = packs.bytes + grid.workspaceBytes(boundOf);
  return true;
}

/// Both factors are packed across, whatever they were. To split them on the way
/// would be done again for each tile, which takes longer (4096³ 1.34 ms, not
/// 1.05).
bool MatrixMatmul::planSplit(const BoundOf &boundOf) {
  TileGrid &grid = contraction.grid;
  contraction.element = BFloat16Type::get(operands.op.getContext());
  DimExpr lines = roundUp(grid.depth, kSplitDepth);
  grid.depth = lines * DimExpr(2);
  auto pack = [&](MatrixContraction::Factor &factor, ArrayRef<DimExpr> strides,
                  bool isDepthFast, const DimExpr &across) {
    factor.stored = contraction.element;
    factor.run = kPacked;
    factor.extent = roundUp(across, kPacked);
    PackedFactor packed;
    for (auto [extent, stride] : llvm::zip(grid.batch, strides))
      packed.batch.push_back(stride == DimExpr(0) ? DimExpr(1) : extent);
    packed.lines = lines;
    packed.fast = factor.extent;
    packed.element = contraction.element;
    packed.split = PackedFactor::Split::lines;
    packed.isTransposed = isDepthFast;
    packs.factors.push_back(packed);
  };
  pack(contraction.a, operands.a, operands.isADepthFast(), grid.rows);
  pack(contraction.b, operands.b, operands.isBDepthFast(), grid.columns);
  return packs.place(boundOf);
}

void MatrixMatmul::placeOperands(DeviceBuilder &k) {
  auto place = [&k](Value pointer, const Value &start, const DimExpr &stride) {
    return [=, &k, &start](Value across) {
      Value offset = k.addI(start, k.mulI(wide(k, across), k.extent(stride)));
      return k.address(pointer, offset, 2);
    };
  };
  auto step = [&k](const DimExpr &stride) {
    return [=, &k](Value depth) {
      return k.mulI(wide(k, depth), k.extent(stride * DimExpr(2)));
    };
  };
  size_t rank = operands.a.size();
  const DimExpr &aRow = operands.a[rank - 2], &aDepth = operands.a[rank - 1];
  const DimExpr &bDepth = operands.b[rank - 2], &bColumn = operands.b[rank - 1];
  MatrixContraction::Factor &a = contraction.a, &b = contraction.b;
  a.at = place(k.operand(0), operands.aStart, aRow);
  a.along = step(aDepth);
  a.fastBytes = (a.isDepthFast ? aDepth : aRow) * DimExpr(2);
  a.lineBytes = (a.isDepthFast ? aRow : aDepth) * DimExpr(2);
  b.at = place(k.operand(1), operands.bStart, bColumn);
  b.along = step(bDepth);
  b.fastBytes = (b.isDepthFast ? bDepth : bColumn) * DimExpr(2);
  b.lineBytes = (b.isDepthFast ? bColumn : bDepth) * DimExpr(2);
}

void MatrixMatmul::placePacked(DeviceBuilder &k, Value workspace) {
  auto place = [&](MatrixContraction::Factor &factor,
                   const PackedFactor &packed) {
    Value number = k.i64(0);
    for (auto [extent, at] : llvm::zip_equal(packed.batch, operands.place))
      number = k.addI(k.mulI(number, k.extent(extent)),
                      extent == DimExpr(1) ? k.i64(0) : at);
    Value start = k.address(packed.pointer(k, workspace),
                            k.mulI(number, k.extent(packed.batchPitch())), 2);
    factor.at = [=, &k](Value across) {
      return k.address(start, wide(k, across), 2);
    };
    factor.lineBytes = packed.pitch() * DimExpr(2);
    factor.along = [=, &k](Value depth) {
      return k.mulI(wide(k, depth), k.extent(*factor.lineBytes));
    };
  };
  place(contraction.a, packs.factors[0]);
  place(contraction.b, packs.factors[1]);
}

/// A packed line is a depth of either operand.
void MatrixMatmul::setReads(DeviceBuilder &k) {
  auto read = [&](int64_t operand, const DimExpr &across, auto offsetOf) {
    packs.factors[operand].read = [=, this, &k](ArrayRef<Value> place,
                                                Value depth, Value at) {
      operands.open(k, place);
      Value isInside = k.andI(
          k.compare(CmpIPredicate::slt, depth,
                    narrow(k, k.extent(operands.sizes[2]))),
          k.compare(CmpIPredicate::slt, at, narrow(k, k.extent(across))));
      Value offset = k.select(isInside, offsetOf(depth, at), k.i64(0));
      return k.select(isInside,
                      loadFloat(k, k.operand(operand), offset, k.f32Type()),
                      k.f32(0));
    };
  };
  read(0, operands.sizes[0], [this, &k](Value depth, Value row) {
    return operands.atA(k, row, depth);
  });
  read(1, operands.sizes[1], [this, &k](Value depth, Value column) {
    return operands.atB(k, depth, column);
  });
}

LogicalResult MatrixMatmul::emit(int64_t launch, DeviceBuilder &k) {
  Value workspace =
      workspaceBytes > 0 ? k.operand(operands.op->getNumOperands()) : Value();
  if (launch < mainLaunch) {
    setReads(k);
    packs.emit(k, workspace);
    return success();
  }
  contraction.open = [&](ArrayRef<Value> place) {
    operands.open(k, place);
    if (contraction.isSplit)
      placePacked(k, workspace);
    else
      placeOperands(k);
  };
  contraction.store = [&](Value row, Value column, ArrayRef<Value> sums) {
    operands.store(k, row, column, sums);
  };
  Value partials = contraction.grid.chunks > 1
                       ? k.addI(workspace, k.i64(packs.bytes))
                       : Value();
  contraction.emit(launch - mainLaunch, k, partials);
  return success();
}

} // namespace

std::unique_ptr<DeviceKernel>
kernels::createDeviceMatmul(plan::MatmulOp op, const DeviceTarget &target,
                            const BoundOf &boundOf) {
  // Integers of 8 bits, summed in 32, and those of 32.
  bool isInteger = elementOf(op.getC()).isInteger(32);
  for (Value buffer : op->getOperands())
    if (Type type = elementOf(buffer);
        isInteger ? !type.isInteger(8) && !type.isInteger(32)
                  : !type.isF32() && !type.isF16() && !type.isBF16()) {
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
