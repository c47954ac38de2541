//===- KernelLayout.cpp - Elements found by index arithmetic --------------===//
#include "KernelBody.h"

using namespace mlir;

namespace asgc::planner {

FailureOr<Value> KernelBody::computeReshape(asg::ReshapeOp op,
                                            const Index &index, Value guard) {
  if (auto operandIndex =
          getOperandIndex(op, index, space.getRank(), space.getExtents()))
    return evaluate(op.getX(), *operandIndex, guard);
  // No linear form: divide the element's number by the extents.
  SmallVector<DimExpr> from = asg::getDims(getType(op.getX()));
  Form flat = dot(index, getRowMajorStrides(asg::getDims(getType(op.getY()))),
                  DimExpr(0), space.getRank());
  Value rest = materialize(flat);
  Index operandIndex(from.size());
  for (size_t axis = from.size(); axis-- > 0;) {
    Value coordinate = rest;
    if (axis != 0) {
      Value extent = getExtent(from[axis]);
      coordinate = arith::RemUIOp::create(builder, loc, rest, extent);
      rest = arith::DivUIOp::create(builder, loc, rest, extent);
    }
    operandIndex[axis] = Form::computed(space.getRank(), coordinate);
  }
  return evaluate(op.getX(), operandIndex, guard);
}

FailureOr<Value> KernelBody::computePad(asg::PadOp op, const Index &index,
                                        Value guard) {
  Index inner(index);
  Value isInside;
  auto require = [&](arith::CmpIPredicate predicate, Value a, Value b) {
    isInside = andGuards(isInside,
                         arith::CmpIOp::create(builder, loc, predicate, a, b));
  };
  for (size_t axis = 0; axis < index.size(); ++axis) {
    int64_t low = op.getLow()[axis], step = op.getInterior()[axis] + 1;
    if (low == 0 && op.getHigh()[axis] == 0 && step == 1)
      continue;
    inner[axis].offset = inner[axis].offset - DimExpr(low);
    Value position = materialize(inner[axis]);
    DimExpr extent = asg::getDim(getType(op.getX()), axis);
    if (step != 1) {
      Value by = getConstant(step);
      require(arith::CmpIPredicate::eq,
              arith::RemSIOp::create(builder, loc, position, by),
              getConstant(int64_t(0)));
      Value quotient = arith::DivSIOp::create(builder, loc, position, by);
      inner[axis] = Form::computed(space.getRank(), quotient);
      extent = (extent - DimExpr(1)) * DimExpr(step) + DimExpr(1);
    }
    // One unsigned comparison checks both ends.
    require(arith::CmpIPredicate::ult, position, getExtent(extent));
  }
  if (!isInside)
    return evaluate(op.getX(), index, guard);
  FailureOr<Value> x = evaluate(op.getX(), inner, andGuards(guard, isInside));
  if (failed(x))
    return failure();
  double value = op.getValue().convertToDouble();
  return arith::SelectOp::create(builder, loc, isInside, *x,
                                 getConstant(x->getType(), value))
      .getResult();
}

FailureOr<Value> KernelBody::computeConcat(asg::ConcatOp op, const Index &index,
                                           Value guard) {
  size_t axis = op.getAxis();
  Value position = materialize(index[axis]);
  auto isBelow = [&](const DimExpr &bound) -> Value {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt,
                                 position, getExtent(bound));
  };
  SmallVector<Value> parts, ends;
  DimExpr start(0);
  Value isBelowStart;
  for (Value x : op.getXs()) {
    DimExpr end = start + asg::getDim(getType(x), axis);
    Value isBelowEnd = isBelow(end);
    Value isHere = isBelowEnd;
    if (isBelowStart) {
      Value isTrue =
          arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
      isHere =
          andGuards(isBelowEnd,
                    arith::XOrIOp::create(builder, loc, isBelowStart, isTrue));
    }
    Index partIndex(index);
    partIndex[axis].offset = partIndex[axis].offset - start;
    FailureOr<Value> part = evaluate(x, partIndex, andGuards(guard, isHere));
    if (failed(part))
      return failure();
    parts.push_back(*part);
    ends.push_back(isBelowEnd);
    start = end;
    isBelowStart = isBelowEnd;
  }
  if (parts.empty())
    return failure();
  Value result = parts.back();
  for (size_t part = parts.size() - 1; part-- > 0;)
    result =
        arith::SelectOp::create(builder, loc, ends[part], parts[part], result);
  return result;
}

FailureOr<Value> KernelBody::computeGather(asg::GatherOp op, const Index &index,
                                           Value guard) {
  size_t axis = op.getAxis(), batchDims = op.getBatchDims();
  size_t listed = getType(op.getIndices()).getRank() - batchDims;
  Index list(index.begin(), index.begin() + batchDims);
  list.append(index.begin() + axis, index.begin() + axis + listed);
  FailureOr<Value> entry = evaluate(op.getIndices(), list, guard);
  if (failed(entry))
    return failure();
  Value position = *entry;
  if (position.getType() != builder.getI64Type())
    position =
        arith::ExtSIOp::create(builder, loc, builder.getI64Type(), position);
  // An index outside of the axis is clamped into it.
  Value last = getExtent(asg::getDim(getType(op.getX()), axis) - DimExpr(1));
  position = arith::MinSIOp::create(builder, loc, position, last);
  position =
      arith::MaxSIOp::create(builder, loc, position, getConstant(int64_t(0)));
  Index xIndex(index.begin(), index.begin() + axis);
  xIndex.push_back(Form::computed(space.getRank(), position));
  xIndex.append(index.begin() + axis + listed, index.end());
  return evaluate(op.getX(), xIndex, guard);
}

} // namespace asgc::planner
