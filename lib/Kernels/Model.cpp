//===- Model.cpp - Facts about the body of a kernel -----------------------===//
#include "Model.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

DimExpr Model::points(Dims dims) const {
  DimExpr count(1);
  for (auto [dim, extent] : llvm::enumerate(space))
    if (has(dims, dim))
      count = count * extent;
  return count;
}

SmallVector<Operation *> Model::slice(ArrayRef<Value> roots,
                                      function_ref<bool(Value)> isKnown) const {
  llvm::DenseSet<Value> needed(roots.begin(), roots.end());
  SmallVector<Operation *> ops;
  for (Operation &op : llvm::reverse(body->without_terminator())) {
    bool isNeeded = llvm::any_of(op.getResults(), [&](Value result) {
      return needed.contains(result) && !isKnown(result);
    });
    if (!isNeeded)
      continue;
    needed.insert_range(op.getOperands());
    ops.push_back(&op);
  }
  std::reverse(ops.begin(), ops.end());
  return ops;
}

//===- Costs --------------------------------------------------------------===//

double Model::costOf(Operation *op) {
  return TypeSwitch<Operation *, double>(op)
      .Case<arith::ConstantOp, plan::ExtentOp, arith::ExtFOp>(
          [](auto) { return 0.0; })
      .Case<arith::DivFOp, math::SqrtOp>([](auto) { return 8.0; })
      .Case<math::RsqrtOp>([](auto) { return 16.0; })
      .Case<math::ExpOp, math::Exp2Op>([](auto) { return 14.0; })
      .Case<math::ExpM1Op, math::LogOp, math::Log2Op, math::Log10Op,
            math::TanhOp>([](auto) { return 22.0; })
      .Case<math::Log1pOp, math::ErfOp>([](auto) { return 30.0; })
      .Case<math::SinOp, math::CosOp>([](auto) { return 30.0; })
      .Case<math::PowFOp, arith::RemFOp>([](auto) { return 100.0; })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
            arith::FloorDivSIOp>([](auto) { return 40.0; })
      .Case<plan::LoadOp>([](auto) { return 12.0; })
      .Default([](Operation *op) {
        // i64 vectors are twice as wide.
        Type type = op->getNumResults() ? op->getResult(0).getType() : Type();
        return type && type.isInteger(64) ? 2.0 : 1.0;
      });
}

double Model::costOfPoint() const {
  double cost = reads.size() + writes.size();
  for (Operation &op : body->without_terminator())
    cost += costOf(&op);
  return cost;
}

double Model::nanosecondsPerPoint() const {
  // A point costs its share of the vector instructions at 3 GHz and two a
  // cycle, or its bytes at some 10 GB/s.
  double bytes = 0;
  for (ArrayRef<Operand> operands : {ArrayRef(reads), ArrayRef(writes)})
    for (const Operand &operand : operands)
      if (operand.varies == allDims())
        bytes += std::max(1u, operand.element.getIntOrFloatBitWidth() / 8);
  double lanes = vectorDim < 0 ? 1 : 12;
  return std::max(costOfPoint() / (6 * lanes), bytes / 10);
}

//===- Facts --------------------------------------------------------------===//

static bool isSupportedType(Type type) {
  return type.isF32() || type.isF16() || type.isBF16() || type.isIndex() ||
         type.isInteger(1) || type.isInteger(8) || type.isInteger(16) ||
         type.isInteger(32) || type.isInteger(64);
}

void Model::read(plan::KernelOp kernel) {
  op = kernel;
  body = &kernel.getBody().front();
  for (int64_t dim = 0; dim < kernel.getSpaceRank(); ++dim)
    space.push_back(kernel.getExtent(dim));
  auto elementOf = [](Value buffer) {
    return cast<plan::BufferType>(buffer.getType())
        .getTensor()
        .getElementType();
  };
  for (auto [index, buffer] : llvm::enumerate(kernel.getReads())) {
    std::optional<plan::Access> access = kernel.getReadAccess(index);
    reads.push_back({.element = elementOf(buffer),
                     .access = access.value_or(plan::Access()),
                     .isWhole = !access});
  }
  for (auto [index, buffer] : llvm::enumerate(kernel.getWrites()))
    writes.push_back(
        {.element = elementOf(buffer), .access = kernel.getWriteAccess(index)});
}

LogicalResult Model::analyze(const BoundOf &boundOf) {
  for (const DimExpr &extent : space) {
    std::optional<int64_t> bound = boundOf(extent);
    if (!bound || *bound < 0)
      return op->emitOpError() << "extent " << extent.str() << " has no bound";
    bounds.push_back(*bound);
  }
  for (auto *operands : {&reads, &writes})
    for (Operand &operand : *operands) {
      if (!isSupportedType(operand.element))
        return op->emitOpError() << "uses " << operand.element
                                 << ", which the CPU backend does not compute";
      if (operand.isWhole)
        continue;
      for (auto [dim, stride] : llvm::enumerate(operand.access.strides))
        if (!(stride == DimExpr(0)) && !isUnit(dim))
          operand.varies |= 1u << dim;
    }
  for (auto [argument, read] : llvm::zip(body->getArguments(), reads))
    facts[argument] = {read.varies, 0};
  for (Operation &inner : body->without_terminator()) {
    Facts fact;
    for (Value operand : inner.getOperands()) {
      Facts used = facts.lookup(operand);
      fact.varies |= used.varies;
      fact.pass = std::max(fact.pass, used.pass);
    }
    if (auto index = dyn_cast<plan::IndexOp>(&inner)) {
      if (!isUnit(index.getDim()))
        fact.varies |= 1u << index.getDim();
    } else if (auto reduce = dyn_cast<plan::ReduceOp>(&inner)) {
      reduces.push_back(reduce);
      for (int64_t dim : reduce.getDims())
        reduced |= 1u << dim;
      fact.varies &= ~reduced;
      ++fact.pass;
      passes = std::max(passes, fact.pass);
    }
    for (Value result : inner.getResults()) {
      if (!isSupportedType(result.getType()))
        return inner.emitOpError() << "computes with " << result.getType()
                                   << ", which the CPU backend does not";
      facts[result] = fact;
    }
  }
  return success();
}

void Model::chooseVectorDim() {
  // Lanes want unit strides; writes matter most, and what repeats is free. A
  // dim that is too short wastes lanes.
  double best = 0;
  for (auto [dim, bound] : llvm::enumerate(bounds)) {
    if (bound <= 1)
      continue;
    double score = bound < 8 ? -3 : 0;
    auto rate = [&](const Operand &operand, double weight) {
      if (operand.isWhole)
        return;
      const DimExpr &stride = operand.access.strides[dim];
      if (stride == DimExpr(1))
        score += 2 * weight;
      else if (stride == DimExpr(0))
        score += weight;
      else
        score -= 2 * weight;
    };
    for (const Operand &read : reads)
      rate(read, 1);
    for (const Operand &write : writes)
      rate(write, 1.5);
    if (vectorDim < 0 || score >= best)
      vectorDim = dim, best = score;
  }
}
