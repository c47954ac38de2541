//===- Contraction.cpp - Evaluates sums of products -----------------------===//
#include "lib/Interpreter/Evaluation.h"
#include "dialects/asg/AsgAxes.h"

using namespace mlir;

namespace asgc::interpreter {

namespace {
/// Where the elements of some axes of an array are.
Extents offsetsAlong(const Array &array, ArrayRef<int64_t> axes) {
  Extents all = stridesOf(array.shape), shape, strides;
  for (int64_t axis : axes) {
    shape.push_back(array.shape[axis]);
    strides.push_back(all[axis]);
  }
  return offsetsOf(shape, strides);
}

LogicalResult evaluateDot(Evaluation &e) {
  auto op = cast<asg::DotOp>(e.op);
  const Array &lhs = e.in(0), &rhs = e.in(1);
  Array &y = e.out();
  Extents lhsBatch = offsetsAlong(lhs, op.getLhsBatch()),
          rhsBatch = offsetsAlong(rhs, op.getRhsBatch()),
          lhsSum = offsetsAlong(lhs, op.getLhsContract()),
          rhsSum = offsetsAlong(rhs, op.getRhsContract()),
          lhsFree = offsetsAlong(
              lhs, asg::getFreeAxes(lhs.shape.size(), op.getLhsBatch(), op.getLhsContract())),
          rhsFree = offsetsAlong(
              rhs, asg::getFreeAxes(rhs.shape.size(), op.getRhsBatch(), op.getRhsContract()));
  if (failed(e.checkSteps({y.size(), static_cast<int64_t>(lhsSum.size())})))
    return failure();
  int64_t next = 0;
  for (size_t b = 0; b < lhsBatch.size(); ++b)
    for (int64_t m : lhsFree)
      for (int64_t n : rhsFree) {
        int64_t left = lhsBatch[b] + m, right = rhsBatch[b] + n;
        double sum = 0;
        uint64_t whole = 0;
        for (size_t k = 0; k < lhsSum.size(); ++k) {
          if (y.isFloat())
            sum += lhs.floats[left + lhsSum[k]] * rhs.floats[right + rhsSum[k]];
          else
            whole += static_cast<uint64_t>(lhs.integers[left + lhsSum[k]]) *
                     static_cast<uint64_t>(rhs.integers[right + rhsSum[k]]);
        }
        if (y.isFloat())
          y.floats[next++] = sum;
        else
          y.integers[next++] = static_cast<int64_t>(whole);
      }
  return success();
}

/// Calls `visit` with the flat places of x, weight and y of every product of
/// y = conv2d(x, weight), given their shapes.
template <typename Op, typename Visit>
LogicalResult forEachProduct(Evaluation &e, const Extents &x,
                             const Extents &weight, const Extents &y,
                             Visit visit) {
  auto op = cast<Op>(e.op);
  ArrayRef<int64_t> strides = op.getStrides(), pad = op.getPadLow(),
                    dilations = op.getDilations();
  int64_t channels = weight[1];
  int64_t filters = weight[0] / static_cast<int64_t>(op.getGroups());
  if (failed(e.checkSteps({y[0], y[1], y[2], y[3], weight[1], weight[2],
                           weight[3]})))
    return failure();
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t o = 0; o < y[1]; ++o)
      for (int64_t i = 0; i < y[2]; ++i)
        for (int64_t j = 0; j < y[3]; ++j)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t u = 0; u < weight[2]; ++u)
              for (int64_t v = 0; v < weight[3]; ++v) {
                int64_t row = strides[0] * i + dilations[0] * u - pad[0];
                int64_t column = strides[1] * j + dilations[1] * v - pad[1];
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3])
                  continue;
                int64_t channel = o / filters * channels + c;
                visit(((n * x[1] + channel) * x[2] + row) * x[3] + column,
                      ((o * channels + c) * weight[2] + u) * weight[3] + v,
                      ((n * y[1] + o) * y[2] + i) * y[3] + j);
              }
  return success();
}

LogicalResult evaluateConv2d(Evaluation &e) {
  const Array &x = e.in(0), &weight = e.in(1);
  Array &y = e.out();
  return forEachProduct<asg::Conv2dOp>(
      e, x.shape, weight.shape, y.shape, [&](int64_t at, int64_t by, int64_t to) {
        y.floats[to] += x.floats[at] * weight.floats[by];
      });
}

LogicalResult evaluateConv2dInputGrad(Evaluation &e) {
  const Array &dy = e.in(0), &weight = e.in(1);
  Array &dx = e.out();
  return forEachProduct<asg::Conv2dInputGradOp>(
      e, dx.shape, weight.shape, dy.shape,
      [&](int64_t to, int64_t by, int64_t at) {
        dx.floats[to] += dy.floats[at] * weight.floats[by];
      });
}

LogicalResult evaluateConv2dWeightGrad(Evaluation &e) {
  const Array &x = e.in(0), &dy = e.in(1);
  Array &dweight = e.out();
  return forEachProduct<asg::Conv2dWeightGradOp>(
      e, x.shape, dweight.shape, dy.shape,
      [&](int64_t at, int64_t to, int64_t by) {
        dweight.floats[to] += x.floats[at] * dy.floats[by];
      });
}
} // namespace

void addContractions(Evaluators &evaluators) {
  evaluators["asg.dot"] = evaluateDot;
  evaluators["asg.conv2d"] = evaluateConv2d;
  evaluators["asg.conv2d_input_grad"] = evaluateConv2dInputGrad;
  evaluators["asg.conv2d_weight_grad"] = evaluateConv2dWeightGrad;
}

} // namespace asgc::interpreter
