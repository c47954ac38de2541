//===- KernelSpace.cpp - The iteration space that ops share ---------------===//
#include "KernelSpace.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::planner {

namespace {
bool haveSameShape(Value a, Value b) {
  return asg::getDims(getType(a)) == asg::getDims(getType(b));
}
} // namespace

std::optional<SmallVector<int64_t>> getReducedAxes(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<SmallVector<int64_t>>>(op)
      .Case<asg::ReduceSumOp, asg::ReduceProdOp, asg::ReduceMaxOp,
            asg::ReduceMinOp>(
          [](auto reduce) { return SmallVector<int64_t>(reduce.getAxes()); })
      .Case<asg::ArgMaxOp, asg::ArgMinOp>([](auto reduce) {
        return SmallVector<int64_t>{static_cast<int64_t>(reduce.getAxis())};
      })
      .Default([](Operation *) { return std::nullopt; });
}

KernelSpace::KernelSpace(ArrayRef<Operation *> ops, ArrayRef<Value> roots)
    : ops(ops) {
  for (auto [position, op] : llvm::enumerate(ops))
    order[op] = position;
  // What is reduced has all the dims; without reductions, the value written
  // that has most axes.
  auto takeLarger = [&](Value value) {
    if (!seed || getType(value).getRank() > getType(seed).getRank())
      seed = value;
  };
  for (Operation *op : ops)
    if (getReducedAxes(op))
      takeLarger(op->getOperand(0));
  if (!seed)
    for (Value root : roots)
      takeLarger(root);

  for (const DimExpr &extent : asg::getDims(getType(seed)))
    parts.push_back(extent == kOne ? SmallVector<DimExpr>()
                                   : SmallVector<DimExpr>{extent});
  do {
    isCut = false;
    indices.clear();
    extents.clear();
    for (ArrayRef<DimExpr> axis : parts)
      extents.append(axis.begin(), axis.end());
    Index index;
    size_t next = 0;
    for (ArrayRef<DimExpr> axis : parts) {
      Form form = Form::constant(getRank(), kZero);
      for (const DimExpr &stride : getRowMajorStrides(axis))
        form += Form::dim(getRank(), next++) * stride;
      index.push_back(form);
    }
    place(seed, index);
    spread();
    if (!isCut)
      placeAlike(roots);
  } while (isCut);
}

const Index *KernelSpace::find(Value value) const {
  auto it = indices.find(value);
  return it == indices.end() ? nullptr : &it->second;
}

void KernelSpace::place(Value value, const Index &index) {
  if (indices.try_emplace(value, index).second)
    worklist.push_back(value);
}

void KernelSpace::spread() {
  while (!worklist.empty() && !isCut) {
    Value value = worklist.pop_back_val();
    Index index = indices.find(value)->second;
    if (Operation *op = value.getDefiningOp(); op && order.contains(op))
      spreadToOperands(op, index);
    for (Operation *user : value.getUsers())
      if (order.contains(user))
        spreadToResult(user, value, index);
  }
  worklist.clear();
}

void KernelSpace::spreadToOperands(Operation *op, const Index &index) {
  if (isa<asg::ScalarInterface>(op)) {
    for (Value operand : op->getOperands())
      place(operand, index);
  } else if (isViewOp(op)) {
    if (auto operand = getOperandIndex(op, index, getRank(), extents))
      place(op->getOperand(0), *operand);
    else if (isa<asg::ReshapeOp>(op))
      isCut = cut(op, index, /*isForward=*/false);
  } else if (auto gather = dyn_cast<asg::GatherOp>(op)) {
    size_t axis = gather.getAxis(), batchDims = gather.getBatchDims();
    size_t rank = getType(gather.getIndices()).getRank();
    Index list(index.begin(), index.begin() + batchDims);
    list.append(index.begin() + axis, index.begin() + axis + rank - batchDims);
    place(gather.getIndices(), list);
  }
}

void KernelSpace::spreadToResult(Operation *op, Value operand,
                                 const Index &index) {
  if (isa<asg::ScalarInterface>(op)) {
    place(op->getResult(0), index);
  } else if (isViewOp(op)) {
    if (auto result = getResultIndex(op, index, getRank(), extents))
      place(op->getResult(0), *result);
    else if (isa<asg::ReshapeOp>(op))
      isCut = isCut || cut(op, index, /*isForward=*/true);
  } else if (auto axes = getReducedAxes(op)) {
    Index result;
    for (auto [axis, form] : llvm::enumerate(index))
      if (!llvm::is_contained(*axes, static_cast<int64_t>(axis)))
        result.push_back(form);
    place(op->getResult(0), result);
  }
}

/// Cuts a dim in the extents that a reshape gives it. Returns whether it did.
bool KernelSpace::cut(Operation *reshape, const Index &index, bool isForward) {
  SmallVector<DimExpr> from = asg::getDims(getType(reshape->getOperand(0)));
  SmallVector<DimExpr> to = asg::getDims(getType(reshape->getResult(0)));
  if (!isForward)
    std::swap(from, to);
  for (const AxisGroup &group : groupAxes(from, to)) {
    if (group.fromEnd - group.fromBegin != 1)
      continue;
    SmallVector<DimExpr> pieces;
    for (size_t axis = group.toBegin; axis < group.toEnd; ++axis)
      if (!(to[axis] == kOne))
        pieces.push_back(to[axis]);
    if (pieces.size() < 2)
      continue;
    size_t dim = 0;
    for (SmallVector<DimExpr> &axis : parts)
      for (size_t part = 0; part < axis.size(); ++part, ++dim) {
        if (!(index[group.fromBegin] == Form::dim(getRank(), dim)) ||
            !(axis[part] == from[group.fromBegin]))
          continue;
        axis.erase(axis.begin() + part);
        axis.insert(axis.begin() + part, pieces.begin(), pieces.end());
        return true;
      }
  }
  return false;
}

void KernelSpace::placeAlike(ArrayRef<Value> roots) {
  Index index = indices.find(seed)->second;
  auto placeOne = [&](Value value) {
    if (isCut || indices.contains(value) || !haveSameShape(value, seed))
      return;
    place(value, index);
    spread();
  };
  for (Operation *op : ops)
    if (getReducedAxes(op))
      placeOne(op->getOperand(0));
  for (Value root : roots)
    placeOne(root);
}

} // namespace asgc::planner
