//===- View.cpp - A tensor's place in memory ------------------------------===//
#include "View.h"

#include "dialects/plan/Plan.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// Where a slice starts along `axis`: a negative start counts from the end.
DimExpr getStart(asg::SliceOp op, size_t axis) {
  int64_t start = op.getStarts()[axis];
  if (start >= 0)
    return DimExpr(start);
  return asg::getDim(getType(op.getX()), axis) + DimExpr(start);
}

/// One stride for axes [begin, end) of a view taken as one axis; null if they
/// do not lie behind one another.
std::optional<DimExpr> mergeStrides(const View &view, size_t begin,
                                    size_t end) {
  std::optional<DimExpr> inner;
  DimExpr span(1);
  for (size_t axis = end; axis-- > begin;) {
    if (view.extents[axis] == kOne)
      continue;
    if (!inner)
      inner = view.strides[axis];
    else if (!(view.strides[axis] == *inner * span))
      return std::nullopt;
    span = span * view.extents[axis];
  }
  return inner ? *inner : kOne;
}

std::optional<View> reshapeView(const View &view, ArrayRef<DimExpr> extents) {
  View result{view.buffer, SmallVector<DimExpr>(extents),
              SmallVector<DimExpr>(extents.size()), view.offset};
  for (const AxisGroup &group : groupAxes(view.extents, extents)) {
    auto stride = mergeStrides(view, group.fromBegin, group.fromEnd);
    if (!stride)
      return std::nullopt;
    for (size_t axis = group.toEnd; axis-- > group.toBegin;) {
      result.strides[axis] = *stride;
      *stride = *stride * extents[axis];
    }
  }
  return result;
}
} // namespace

View View::contiguous(Value buffer, RankedTensorType type) {
  SmallVector<DimExpr> extents = asg::getDims(type);
  SmallVector<DimExpr> strides = getRowMajorStrides(extents);
  return {buffer, std::move(extents), std::move(strides), kZero};
}

bool View::isContiguous() const {
  DimExpr expected(1);
  for (size_t axis = extents.size(); axis-- > 0;) {
    if (extents[axis] == kOne)
      continue;
    if (!(strides[axis] == expected))
      return false;
    expected = expected * extents[axis];
  }
  return true;
}

bool isViewOp(Operation *op) {
  return isa<asg::ReshapeOp, asg::TransposeOp, asg::BroadcastOp, asg::SliceOp>(
      op);
}

std::optional<View> applyViewOp(Operation *op, const View &operand) {
  SmallVector<DimExpr> extents = asg::getDims(getType(op->getResult(0)));
  if (isa<asg::ReshapeOp>(op))
    return reshapeView(operand, extents);
  View result{operand.buffer, extents, SmallVector<DimExpr>(extents.size()),
              operand.offset};
  if (auto transpose = dyn_cast<asg::TransposeOp>(op)) {
    for (auto [axis, from] : llvm::enumerate(transpose.getPerm()))
      result.strides[axis] = operand.strides[from];
  } else if (auto broadcast = dyn_cast<asg::BroadcastOp>(op)) {
    for (auto [from, axis] : llvm::enumerate(broadcast.getDims()))
      if (!(operand.extents[from] == kOne))
        result.strides[axis] = operand.strides[from];
  } else {
    auto slice = cast<asg::SliceOp>(op);
    for (size_t axis = 0; axis < extents.size(); ++axis) {
      result.strides[axis] =
          operand.strides[axis] * DimExpr(slice.getStrides()[axis]);
      result.offset =
          result.offset + operand.strides[axis] * getStart(slice, axis);
    }
  }
  return result;
}

//===- Indices ------------------------------------------------------------===//

std::optional<Index> delinearize(const Form &linear, ArrayRef<DimExpr> extents,
                                 size_t rank, ArrayRef<DimExpr> space) {
  Index index;
  Form rest = linear;
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    if (extents[axis] == kOne) {
      index.push_back(Form::constant(rank, kZero));
      continue;
    }
    if (axis + 1 == extents.size()) {
      index.push_back(rest);
      return index;
    }
    DimExpr inner = multiply(extents.drop_front(axis + 1));
    // rest = quotient · inner + remainder, if 0 ≤ remainder < inner everywhere.
    if (!rest.terms.empty())
      return std::nullopt;
    Form quotient = Form::constant(rank, kZero);
    Form remainder = Form::constant(rank, kZero);
    DimExpr largest(0);
    for (size_t dim = 0; dim < rank; ++dim) {
      if (auto whole = rest.coefs[dim].divideExactly(inner)) {
        quotient.coefs[dim] = *whole;
        continue;
      }
      remainder.coefs[dim] = rest.coefs[dim];
      largest = largest + rest.coefs[dim] * (space[dim] - kOne);
    }
    if (auto whole = rest.offset.divideExactly(inner)) {
      quotient.offset = *whole;
    } else {
      remainder.offset = rest.offset;
      largest = largest + rest.offset;
    }
    auto slack = (inner - kOne - largest).asConstant();
    auto least = remainder.offset.asConstant();
    if (!slack || *slack < 0 || !least || *least < 0)
      return std::nullopt;
    index.push_back(quotient);
    rest = remainder;
  }
  return index;
}

namespace {
/// An index over `to` for one over `from`, shapes of equally many elements.
std::optional<Index> reshapeIndex(ArrayRef<Form> index, ArrayRef<DimExpr> from,
                                  ArrayRef<DimExpr> to, size_t rank,
                                  ArrayRef<DimExpr> space) {
  Index result(to.size(), Form::constant(rank, kZero));
  for (const AxisGroup &group : groupAxes(from, to)) {
    ArrayRef<DimExpr> fromExtents =
        from.slice(group.fromBegin, group.fromEnd - group.fromBegin);
    ArrayRef<DimExpr> toExtents =
        to.slice(group.toBegin, group.toEnd - group.toBegin);
    Form linear = dot(index.slice(group.fromBegin, fromExtents.size()),
                      getRowMajorStrides(fromExtents), kZero, rank);
    auto part = delinearize(linear, toExtents, rank, space);
    if (!part)
      return std::nullopt;
    llvm::copy(*part, result.begin() + group.toBegin);
  }
  return result;
}
} // namespace

std::optional<Index> getOperandIndex(Operation *op, ArrayRef<Form> index,
                                     size_t rank, ArrayRef<DimExpr> space) {
  RankedTensorType type = getType(op->getOperand(0));
  Index result(type.getRank(), Form::constant(rank, kZero));
  if (auto transpose = dyn_cast<asg::TransposeOp>(op)) {
    for (auto [axis, from] : llvm::enumerate(transpose.getPerm()))
      result[from] = index[axis];
  } else if (auto broadcast = dyn_cast<asg::BroadcastOp>(op)) {
    for (auto [from, axis] : llvm::enumerate(broadcast.getDims()))
      if (!(asg::getDim(type, from) == kOne))
        result[from] = index[axis];
  } else if (auto slice = dyn_cast<asg::SliceOp>(op)) {
    for (size_t axis = 0; axis < index.size(); ++axis) {
      result[axis] = index[axis] * DimExpr(slice.getStrides()[axis]);
      result[axis].offset = result[axis].offset + getStart(slice, axis);
    }
  } else {
    return reshapeIndex(index, asg::getDims(getType(op->getResult(0))),
                        asg::getDims(type), rank, space);
  }
  return result;
}

std::optional<Index> getResultIndex(Operation *op, ArrayRef<Form> index,
                                    size_t rank, ArrayRef<DimExpr> space) {
  RankedTensorType type = getType(op->getResult(0));
  RankedTensorType operandType = getType(op->getOperand(0));
  Index result(type.getRank(), Form::constant(rank, kZero));
  if (auto transpose = dyn_cast<asg::TransposeOp>(op)) {
    for (auto [axis, from] : llvm::enumerate(transpose.getPerm()))
      result[axis] = index[from];
    return result;
  }
  if (isa<asg::ReshapeOp>(op))
    return reshapeIndex(index, asg::getDims(operandType), asg::getDims(type),
                        rank, space);
  if (auto broadcast = dyn_cast<asg::BroadcastOp>(op)) {
    SmallVector<bool> isKept(type.getRank());
    for (auto [from, axis] : llvm::enumerate(broadcast.getDims())) {
      result[axis] = index[from];
      isKept[axis] = asg::getDim(operandType, from) == asg::getDim(type, axis);
    }
    for (size_t axis = 0; axis < isKept.size(); ++axis)
      if (!isKept[axis] && !(asg::getDim(type, axis) == kOne))
        return std::nullopt;
    return result;
  }
  return std::nullopt;
}

} // namespace asgc::planner
