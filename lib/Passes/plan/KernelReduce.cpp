//===- KernelReduce.cpp - Reductions in a kernel's body -------------------===//
#include "KernelBody.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::planner {

FailureOr<Value> KernelBody::computeReduce(Operation *op, const Index &index,
                                           Value guard) {
  // A reduction has one value for each point along its dims, so it can be read
  // only where the space puts it.
  Value x = op->getOperand(0);
  const Index *place = space.find(op->getResult(0));
  const Index *operandPlace = space.find(x);
  if (guard || !place || !operandPlace || !(*place == index))
    return failure();
  std::optional<SmallVector<int64_t>> axes = getReducedAxes(op);
  SmallVector<int64_t> dims;
  Form position = Form::constant(space.getRank(), DimExpr(0));
  for (int64_t axis : *axes) {
    position = (*operandPlace)[axis];
    if (!position.terms.empty())
      return failure();
    for (size_t dim = 0; dim < space.getRank(); ++dim)
      if (position.varies(dim))
        dims.push_back(dim);
  }
  llvm::sort(dims);
  dims.erase(llvm::unique(dims), dims.end());
  FailureOr<Value> value = evaluate(x, *operandPlace);
  if (failed(value))
    return failure();
  auto reduce = [&](plan::ReduceKind kind) -> Value {
    if (dims.empty())
      return *value;
    return plan::ReduceOp::create(builder, loc, value->getType(), kind, *value,
                                  dims);
  };
  return llvm::TypeSwitch<Operation *, FailureOr<Value>>(op)
      .Case([&](asg::ReduceSumOp) { return reduce(plan::ReduceKind::add); })
      .Case([&](asg::ReduceProdOp) { return reduce(plan::ReduceKind::mul); })
      .Case([&](asg::ReduceMaxOp) { return reduce(plan::ReduceKind::max); })
      .Case([&](asg::ReduceMinOp) { return reduce(plan::ReduceKind::min); })
      .Default([&](Operation *) {
        return computeArg(op, isa<asg::ArgMaxOp>(op), *value, dims, position);
      });
}

/// The first index along the reduced dims where `x` is the largest: the least
/// index where it equals the largest or, if that is NaN, where it is NaN.
FailureOr<Value> KernelBody::computeArg(Operation *op, bool isMax, Value x,
                                        ArrayRef<int64_t> dims,
                                        const Form &position) {
  Type elementType = getType(op->getResult(0)).getElementType();
  if (dims.empty())
    return convertIndex(getConstant(int64_t(0)), elementType);
  Value best = plan::ReduceOp::create(
      builder, loc, x.getType(),
      isMax ? plan::ReduceKind::max : plan::ReduceKind::min, x, dims);
  Value isBest;
  if (isa<FloatType>(x.getType())) {
    Value isEqual =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, x, best);
    Value isNaN =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, x, x);
    isBest = arith::OrIOp::create(builder, loc, isEqual, isNaN);
  } else {
    isBest =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, x, best);
  }
  Value none = getConstant(std::numeric_limits<int64_t>::max());
  Value candidate = arith::SelectOp::create(builder, loc, isBest,
                                            materialize(position), none);
  Value first = plan::ReduceOp::create(builder, loc, builder.getI64Type(),
                                       plan::ReduceKind::min, candidate, dims);
  return convertIndex(first, elementType);
}

} // namespace asgc::planner
