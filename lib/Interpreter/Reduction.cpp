//===- Reduction.cpp - Evaluates ops from many elements to one ------------===//
#include "lib/Interpreter/Evaluation.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace asgc::interpreter {

namespace {
int64_t highest(DType type) {
  return std::numeric_limits<int64_t>::max() >> (64 - 8 * sizeOf(type));
}

// What a reduction starts with, and how it takes one element.
struct Sum {
  static double startFloat() { return 0; }
  static int64_t startInteger(DType) { return 0; }
  static double step(double a, double x) { return a + x; }
  static int64_t step(int64_t a, int64_t x) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) +
                                static_cast<uint64_t>(x));
  }
};
struct Product {
  static double startFloat() { return 1; }
  static int64_t startInteger(DType) { return 1; }
  static double step(double a, double x) { return a * x; }
  static int64_t step(int64_t a, int64_t x) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) *
                                static_cast<uint64_t>(x));
  }
};
struct Maximum {
  static double startFloat() { return -std::numeric_limits<double>::infinity(); }
  static int64_t startInteger(DType type) { return -highest(type) - 1; }
  static double step(double a, double x) {
    return std::isnan(a) || std::isnan(x) ? a + x : std::fmax(a, x);
  }
  static int64_t step(int64_t a, int64_t x) { return std::max(a, x); }
};
struct Minimum {
  static double startFloat() { return std::numeric_limits<double>::infinity(); }
  static int64_t startInteger(DType type) { return highest(type); }
  static double step(double a, double x) {
    return std::isnan(a) || std::isnan(x) ? a + x : std::fmin(a, x);
  }
  static int64_t step(int64_t a, int64_t x) { return std::min(a, x); }
};

/// For every element of x, the element of y that it is reduced to.
Extents reducedPlaces(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes,
                      ArrayRef<int64_t> reducedShape) {
  Extents inner = stridesOf(reducedShape), strides(shape.size(), 0);
  size_t next = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      strides[axis] = inner[next++];
  return offsetsOf(shape, strides);
}

template <typename Op, typename Rule>
LogicalResult reduce(Evaluation &e) {
  const Array &x = e.in(0);
  Array &y = e.out();
  Extents places =
      reducedPlaces(x.shape, cast<Op>(e.op).getAxes(), y.shape);
  std::fill(y.floats.begin(), y.floats.end(), Rule::startFloat());
  std::fill(y.integers.begin(), y.integers.end(), Rule::startInteger(y.type));
  for (size_t i = 0; i < places.size(); ++i) {
    if (x.isFloat())
      y.floats[places[i]] = Rule::step(y.floats[places[i]], x.floats[i]);
    else
      y.integers[places[i]] = Rule::step(y.integers[places[i]], x.integers[i]);
  }
  return success();
}

/// True if `x` is better than `best`; NaN is best of all, the first stays.
template <bool isMax, typename T>
bool beats(T x, T best) {
  if (best != best)
    return false;
  return x != x || (isMax ? x > best : x < best);
}

template <typename Op, bool isMax>
LogicalResult argReduce(Evaluation &e) {
  const Array &x = e.in(0);
  Array &y = e.out();
  int64_t axis = cast<Op>(e.op).getAxis();
  Extents strides = stridesOf(x.shape), rest = x.shape, restStrides = strides;
  rest.erase(rest.begin() + axis);
  restStrides.erase(restStrides.begin() + axis);
  if (x.shape[axis] == 0 && y.size() != 0)
    return e.op->emitOpError() << "finds no element along axis " << axis;
  Extents starts = offsetsOf(rest, restStrides);
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t best = 0;
    for (int64_t j = 1; j < x.shape[axis]; ++j) {
      int64_t at = starts[i] + j * strides[axis];
      int64_t bestAt = starts[i] + best * strides[axis];
      if (x.isFloat() ? beats<isMax>(x.floats[at], x.floats[bestAt])
                      : beats<isMax>(x.integers[at], x.integers[bestAt]))
        best = j;
    }
    y.integers[i] = best;
  }
  return success();
}
} // namespace

void addReductions(Evaluators &evaluators) {
  evaluators["asg.reduce_sum"] = reduce<asg::ReduceSumOp, Sum>;
  evaluators["asg.reduce_prod"] = reduce<asg::ReduceProdOp, Product>;
  evaluators["asg.reduce_max"] = reduce<asg::ReduceMaxOp, Maximum>;
  evaluators["asg.reduce_min"] = reduce<asg::ReduceMinOp, Minimum>;
  evaluators["asg.arg_max"] = argReduce<asg::ArgMaxOp, true>;
  evaluators["asg.arg_min"] = argReduce<asg::ArgMinOp, false>;
}

} // namespace asgc::interpreter
