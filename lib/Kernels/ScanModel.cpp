//===- ScanModel.cpp - A plan.scan as the emitters see it -----------------===//
#include "ScanModel.h"

#include "dialects/asg/Asg.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

Value Carry::apply(KernelBuilder &builder, Value h) const {
  return a ? builder.three(a, h, b)
           : combine(builder, plan::ReduceKind::add, h, b);
}

Carry Carry::then(KernelBuilder &builder, const Carry &next) const {
  return {a ? builder.mulF(next.a, a) : Value(), next.apply(builder, b)};
}

LogicalResult ScanModel::read(plan::ScanOp op) {
  auto type = cast<plan::BufferType>(op.getX().getType()).getTensor();
  auto at = static_cast<int64_t>(op.getAxis());
  auto product = [&](int64_t from, int64_t to) {
    DimExpr count(1);
    for (int64_t dim = from; dim < to; ++dim)
      count = count * asg::getDim(type, dim);
    return count;
  };
  outer = product(0, at);
  axis = product(at, at + 1);
  inner = product(at + 1, type.getRank());
  element = type.getElementType();
  isReverse = op.getReverse();
  hasCoefficients = bool(op.getCoefficients());
  if (element.isF64())
    return op.emitOpError()
           << "uses " << element << ", which backends do not compute";
  return success();
}

Value ScanModel::place(KernelBuilder &b, Value outerAt, Value step,
                       Value innerAt) const {
  if (isReverse)
    step = b.subI(b.extent(axis + DimExpr(-1)), step);
  Value row = b.addI(b.mulI(outerAt, b.extent(axis)), step);
  if (inner == DimExpr(1))
    return row;
  return b.addI(b.mulI(row, b.extent(inner)), innerAt);
}

Carry ScanModel::load(KernelBuilder &b, ArrayRef<Value> pointers, Value place,
                      Value mask) const {
  auto at = [&](Value pointer) {
    Value raw = b.load(b.address(pointer, place, bytesOf(element)),
                       storageType(element), true, mask);
    return decode(b, raw, element);
  };
  Value x = at(pointers[0]);
  return {hasCoefficients ? at(pointers[1]) : Value(), x};
}

Carry ScanModel::withoutFirst(KernelBuilder &b, const Carry &carry,
                              Value step) const {
  if (!hasCoefficients)
    return carry;
  Value isFirst = b.test(arith::CmpIPredicate::eq, step, b.i64(0));
  return {b.choose(b.widen(isFirst), b.widen(zero(b)), carry.a), carry.b};
}

Value ScanModel::zero(KernelBuilder &b) const {
  return identity(b, plan::ReduceKind::add, registerType(element));
}

Carry ScanModel::none(KernelBuilder &b) const {
  return {hasCoefficients ? b.f32(1) : Value(), zero(b)};
}
