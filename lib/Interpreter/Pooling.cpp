//===- Pooling.cpp - Evaluates windows over images ------------------------===//
#include "lib/Interpreter/Evaluation.h"

#include <cmath>

using namespace mlir;

namespace asgc::interpreter {

namespace {
struct Geometry {
  ArrayRef<int64_t> kernel, strides, pad, dilations;
};

constexpr int64_t kNoDilations[2] = {1, 1};

template <typename Op>
Geometry averageGeometry(Op op) {
  return {op.getKernel(), op.getStrides(), op.getPadLow(), kNoDilations};
}

/// Calls `begin(to)` for every window, then `tap(at, place)` for every element
/// of x inside it (flat, and in its plane), then `end(to, taps)`.
template <typename Begin, typename Tap, typename End>
LogicalResult forEachWindow(Evaluation &e, Geometry g, const Extents &x,
                            const Extents &y, Begin begin, Tap tap, End end) {
  if (failed(e.checkSteps({y[0], y[1], y[2], y[3], g.kernel[0], g.kernel[1]})))
    return failure();
  int64_t to = 0;
  for (int64_t plane = 0; plane < y[0] * y[1]; ++plane)
    for (int64_t i = 0; i < y[2]; ++i)
      for (int64_t j = 0; j < y[3]; ++j, ++to) {
        int64_t taps = 0;
        begin(to);
        for (int64_t u = 0; u < g.kernel[0]; ++u)
          for (int64_t v = 0; v < g.kernel[1]; ++v) {
            int64_t row = g.strides[0] * i + g.dilations[0] * u - g.pad[0];
            int64_t column = g.strides[1] * j + g.dilations[1] * v - g.pad[1];
            if (row < 0 || row >= x[2] || column < 0 || column >= x[3])
              continue;
            int64_t place = row * x[3] + column;
            tap(plane * x[2] * x[3] + place, place);
            ++taps;
          }
        end(to, taps);
      }
  return success();
}

LogicalResult evaluateMaxPool(Evaluation &e) {
  auto op = cast<asg::MaxPool2dOp>(e.op);
  const Array &x = e.in(0);
  Array &y = e.out(0), &indices = e.out(1);
  double best = 0;
  int64_t bestPlace = -1;
  return forEachWindow(
      e, {op.getKernel(), op.getStrides(), op.getPadLow(), op.getDilations()},
      x.shape, y.shape, [&](int64_t) { bestPlace = -1; },
      [&](int64_t at, int64_t place) {
        double value = x.floats[at];
        bool isBetter = bestPlace < 0 || value > best ||
                        (std::isnan(value) && !std::isnan(best));
        if (isBetter) {
          best = value;
          bestPlace = place;
        }
      },
      [&](int64_t to, int64_t) {
        y.floats[to] = best;
        indices.integers[to] = bestPlace;
      });
}

/// Element `to` of the small planes goes with `place` in the large ones, if
/// there is such a place.
template <typename Visit>
void forEachPlace(const Array &indices, const Extents &large, Visit visit) {
  int64_t small = indices.shape[2] * indices.shape[3];
  int64_t plane = large[2] * large[3];
  for (int64_t i = 0, n = indices.size(); i < n; ++i) {
    int64_t place = indices.integers[i];
    if (place >= 0 && place < plane)
      visit(i, i / small * plane + place);
  }
}

LogicalResult evaluateMaxUnpool(Evaluation &e) {
  forEachPlace(e.in(1), e.out().shape, [&](int64_t from, int64_t to) {
    e.out().floats[to] += e.in(0).floats[from];
  });
  return success();
}

LogicalResult evaluatePoolGather(Evaluation &e) {
  forEachPlace(e.in(1), e.in(0).shape, [&](int64_t to, int64_t from) {
    e.out().floats[to] = e.in(0).floats[from];
  });
  return success();
}

template <typename Op>
double divisorOf(Op op, int64_t taps) {
  return static_cast<double>(op.getCountIncludePad()
                                 ? op.getKernel()[0] * op.getKernel()[1]
                                 : taps);
}

LogicalResult evaluateAvgPool(Evaluation &e) {
  auto op = cast<asg::AvgPool2dOp>(e.op);
  const Array &x = e.in(0);
  double sum = 0;
  return forEachWindow(
      e, averageGeometry(op), x.shape, e.out().shape,
      [&](int64_t) { sum = 0; },
      [&](int64_t at, int64_t) { sum += x.floats[at]; },
      [&](int64_t to, int64_t taps) {
        e.out().floats[to] = sum / divisorOf(op, taps);
      });
}

LogicalResult evaluateAvgPoolGrad(Evaluation &e) {
  auto op = cast<asg::AvgPool2dGradOp>(e.op);
  Array &dx = e.out();
  std::vector<int64_t> window;
  return forEachWindow(
      e, averageGeometry(op), dx.shape, e.in(0).shape,
      [&](int64_t) { window.clear(); },
      [&](int64_t at, int64_t) { window.push_back(at); },
      [&](int64_t from, int64_t taps) {
        for (int64_t at : window)
          dx.floats[at] += e.in(0).floats[from] / divisorOf(op, taps);
      });
}
} // namespace

void addPooling(Evaluators &evaluators) {
  evaluators["asg.max_pool2d"] = evaluateMaxPool;
  evaluators["asg.max_unpool2d"] = evaluateMaxUnpool;
  evaluators["asg.pool_gather2d"] = evaluatePoolGather;
  evaluators["asg.avg_pool2d"] = evaluateAvgPool;
  evaluators["asg.avg_pool2d_grad"] = evaluateAvgPoolGrad;
}

} // namespace asgc::interpreter
