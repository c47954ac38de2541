//===- Layout.cpp - Evaluates ops that arrange elements -------------------===//
#include "lib/Interpreter/Evaluation.h"

#include <cmath>

using namespace mlir;

namespace asgc::interpreter {

namespace {
LogicalResult evaluateReshape(Evaluation &e) {
  if (e.in(0).size() != e.out().size())
    return e.op->emitOpError() << "makes " << e.out().size() << " elements of "
                               << e.in(0).size();
  e.out().floats = e.in(0).floats;
  e.out().integers = e.in(0).integers;
  return success();
}

LogicalResult evaluateTranspose(Evaluation &e) {
  Extents from = stridesOf(e.in(0).shape), strides;
  for (int64_t axis : cast<asg::TransposeOp>(e.op).getPerm())
    strides.push_back(from[axis]);
  gatherElements(e.in(0), offsetsOf(e.out().shape, strides), e.out());
  return success();
}

LogicalResult evaluateBroadcast(Evaluation &e) {
  const Array &x = e.in(0);
  Array &y = e.out();
  Extents from = stridesOf(x.shape), strides(y.shape.size(), 0);
  for (auto [axis, target] :
       llvm::enumerate(cast<asg::BroadcastOp>(e.op).getDims())) {
    if (x.shape[axis] == y.shape[target])
      strides[target] = from[axis];
    else if (x.shape[axis] != 1)
      return e.op->emitOpError() << "repeats an axis of extent "
                                 << x.shape[axis] << " to " << y.shape[target];
  }
  gatherElements(x, offsetsOf(y.shape, strides), y);
  return success();
}

LogicalResult evaluateSlice(Evaluation &e) {
  auto op = cast<asg::SliceOp>(e.op);
  const Array &x = e.in(0);
  Array &y = e.out();
  if (y.size() == 0)
    return success();
  Extents from = stridesOf(x.shape), strides;
  int64_t first = 0;
  for (size_t axis = 0; axis < x.shape.size(); ++axis) {
    int64_t start = op.getStarts()[axis], stride = op.getStrides()[axis];
    if (start < 0)
      start += x.shape[axis];
    if (start < 0 || start + stride * (y.shape[axis] - 1) >= x.shape[axis])
      return op.emitOpError() << "takes " << y.shape[axis] << " elements from "
                              << start << " of " << x.shape[axis]
                              << " along axis " << axis;
    first += start * from[axis];
    strides.push_back(stride * from[axis]);
  }
  Extents places = offsetsOf(y.shape, strides);
  for (int64_t &place : places)
    place += first;
  gatherElements(x, places, y);
  return success();
}

LogicalResult evaluatePad(Evaluation &e) {
  auto op = cast<asg::PadOp>(e.op);
  const Array &x = e.in(0);
  Array &y = e.out();
  double value = op.getValue().convertToDouble();
  std::fill(y.floats.begin(), y.floats.end(), value);
  std::fill(y.integers.begin(), y.integers.end(), truncateTo(y.type, value));
  Extents to = stridesOf(y.shape), strides;
  int64_t first = 0;
  for (size_t axis = 0; axis < x.shape.size(); ++axis) {
    first += op.getLow()[axis] * to[axis];
    strides.push_back((op.getInterior()[axis] + 1) * to[axis]);
  }
  Extents places = offsetsOf(x.shape, strides);
  for (size_t i = 0; i < places.size(); ++i) {
    if (x.isFloat())
      y.floats[places[i] + first] = x.floats[i];
    else
      y.integers[places[i] + first] = x.integers[i];
  }
  return success();
}

LogicalResult evaluateConcat(Evaluation &e) {
  int64_t axis = cast<asg::ConcatOp>(e.op).getAxis();
  Array &y = e.out();
  Extents strides = stridesOf(y.shape);
  int64_t first = 0;
  for (const Array *x : e.operands) {
    Extents places = offsetsOf(x->shape, strides);
    for (size_t i = 0; i < places.size(); ++i) {
      if (x->isFloat())
        y.floats[places[i] + first] = x->floats[i];
      else
        y.integers[places[i] + first] = x->integers[i];
    }
    first += x->shape[axis] * strides[axis];
  }
  return success();
}
} // namespace

void addLayout(Evaluators &evaluators) {
  evaluators["asg.reshape"] = evaluateReshape;
  evaluators["asg.transpose"] = evaluateTranspose;
  evaluators["asg.broadcast"] = evaluateBroadcast;
  evaluators["asg.slice"] = evaluateSlice;
  evaluators["asg.pad"] = evaluatePad;
  evaluators["asg.concat"] = evaluateConcat;
}

} // namespace asgc::interpreter
