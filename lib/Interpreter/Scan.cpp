//===- Scan.cpp - Evaluates what is carried along an axis -----------------===//
#include "lib/Interpreter/Evaluation.h"

using namespace mlir;

namespace asgc::interpreter {

namespace {
/// Calls `visit` for each element in the order of the scan, with its place and
/// that of the one before it along the axis (−1: none).
template <typename Op, typename Visit>
void forEachInOrder(Op op, const Array &x, Visit visit) {
  int64_t axis = op.getAxis(), extent = x.shape[axis];
  int64_t inner = countElements(ArrayRef(x.shape).drop_front(axis + 1));
  int64_t outer = countElements(ArrayRef(x.shape).take_front(axis));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t step = 0; step < extent; ++step)
      for (int64_t i = 0; i < inner; ++i) {
        auto place = [&](int64_t step) {
          int64_t at = op.getReverse() ? extent - 1 - step : step;
          return (o * extent + at) * inner + i;
        };
        visit(place(step), step == 0 ? -1 : place(step - 1));
      }
}

LogicalResult evaluateCumsum(Evaluation &e) {
  const Array &x = e.in(0);
  Array &y = e.out();
  forEachInOrder(cast<asg::CumsumOp>(e.op), x, [&](int64_t at, int64_t before) {
    if (x.isFloat())
      y.floats[at] = (before < 0 ? 0 : y.floats[before]) + x.floats[at];
    else
      y.integers[at] = static_cast<int64_t>(
          static_cast<uint64_t>(before < 0 ? 0 : y.integers[before]) +
          static_cast<uint64_t>(x.integers[at]));
  });
  return success();
}

LogicalResult evaluateLinearScan(Evaluation &e) {
  const Array &a = e.in(0), &b = e.in(1);
  std::vector<double> &h = e.out().floats;
  forEachInOrder(cast<asg::LinearScanOp>(e.op), b,
                 [&](int64_t at, int64_t before) {
                   h[at] = before < 0 ? b.floats[at]
                                      : a.floats[at] * h[before] + b.floats[at];
                 });
  return success();
}
} // namespace

void addScans(Evaluators &evaluators) {
  evaluators["asg.cumsum"] = evaluateCumsum;
  evaluators["asg.linear_scan"] = evaluateLinearScan;
}

} // namespace asgc::interpreter
