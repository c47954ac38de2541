//===- Reduction.cpp - Many elements to one -------------------------------===//
#include "lib/Interop/Onnx/Call.h"

using namespace mlir;

namespace asgc::interop {

/// The axes to reduce: an attribute, or later an operand; all if there are
/// none, unless the node says that this means none at all.
static std::optional<Axes> axesOf(Call &call) {
  int64_t rank = Emitter::rankOf(call[0]);
  auto given = call.integersOf(1, "axes");
  if (call.e.hasFailed())
    return std::nullopt;
  if (given && !given->empty())
    return call.e.axes(*given, rank);
  Axes all;
  if (!call.integer("noop_with_empty_axes", 0))
    for (int64_t axis = 0; axis < rank; ++axis)
      all.push_back(axis);
  return all;
}

/// Reduces `before(x)` with Op, then applies `after`.
template <typename Op, typename Before, typename After>
static Values reduce(Call &call, Before before, After after) {
  if (!call[0])
    return {};
  auto axes = axesOf(call);
  if (!axes)
    return {};
  bool keep = call.integer("keepdims", 1);
  return {after(call.e.reduce<Op>(before(call[0]), *axes, keep))};
}

static Value same(Value x) { return x; }

Values importReduceSum(Call &call) {
  return reduce<asg::ReduceSumOp>(call, same, same);
}
Values importReduceProd(Call &call) {
  return reduce<asg::ReduceProdOp>(call, same, same);
}

/// Bools have a greatest element, too: any and all.
template <typename Op> static Values reduceExtreme(Call &call) {
  Emitter &e = call.e;
  if (!call[0])
    return {};
  Type element = Emitter::elementOf(call[0]);
  if (!element.isInteger(1))
    return reduce<Op>(call, same, same);
  return reduce<Op>(
      call, [&](Value x) { return e.cast(x, e.builder.getI32Type()); },
      [&](Value y) { return e.cast(y, element); });
}

Values importReduceMax(Call &call) {
  return reduceExtreme<asg::ReduceMaxOp>(call);
}
Values importReduceMin(Call &call) {
  return reduceExtreme<asg::ReduceMinOp>(call);
}

Values importReduceMean(Call &call) {
  if (!call[0])
    return {};
  auto axes = axesOf(call);
  return axes ? Values{call.e.mean(call[0], *axes, call.integer("keepdims", 1))}
              : Values();
}

Values importReduceL1(Call &call) {
  return reduce<asg::ReduceSumOp>(
      call, [&](Value x) { return call.e.abs(x); }, same);
}

Values importReduceSumSquare(Call &call) {
  return reduce<asg::ReduceSumOp>(
      call, [&](Value x) { return call.e.mul(x, x); }, same);
}

/// Whole numbers take roots and logarithms as f32.
static Value viaFloat(Emitter &e, Value y,
                      Value (*function)(Emitter &, Value)) {
  if (!y)
    return y;
  Type element = Emitter::elementOf(y);
  Type wide = isa<FloatType>(element) ? element : e.f32();
  return e.cast(function(e, e.cast(y, wide)), element);
}

Values importReduceL2(Call &call) {
  Emitter &e = call.e;
  return reduce<asg::ReduceSumOp>(
      call, [&](Value x) { return e.mul(x, x); },
      [&](Value y) {
        return viaFloat(
            e, y, [](Emitter &e, Value v) { return e.unary<asg::SqrtOp>(v); });
      });
}

Values importReduceLogSum(Call &call) {
  Emitter &e = call.e;
  return reduce<asg::ReduceSumOp>(call, same, [&](Value y) {
    return viaFloat(e, y, [](Emitter &e, Value v) { return e.log(v); });
  });
}

/// log Σ eˣ = m + log Σ e^(x − m) with m = max x
Values importReduceLogSumExp(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  auto axes = axesOf(call);
  if (!axes)
    return {};
  Value most = e.reduce<asg::ReduceMaxOp>(x, *axes, true);
  Value y = e.add(most, e.log(e.sum(e.exp(e.sub(x, most)), *axes, true)));
  return {call.integer("keepdims", 1) ? y : e.squeeze(y, *axes)};
}

//===----------------------------------------------------------------------===//
// Along one axis
//===----------------------------------------------------------------------===//

template <typename Op> static Values argReduce(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  auto axis = e.axis(call.integer("axis", 0), Emitter::rankOf(x));
  if (!axis)
    return {};
  bool isLast = call.integer("select_last_index", 0);
  Extents dims = Emitter::dims(x);
  DimExpr extent = dims[*axis];
  dims.erase(dims.begin() + *axis);
  Value y = e.make<Op>(e.typeFor(dims, e.i64()),
                       isLast ? e.reverse(x, *axis) : x, uint64_t(*axis));
  if (isLast && y)
    y = e.sub(e.sub(e.extent(extent, e.i64()), 1), y);
  return {call.integer("keepdims", 1) ? e.unsqueeze(y, {*axis}) : y};
}

Values importArgMax(Call &call) { return argReduce<asg::ArgMaxOp>(call); }
Values importArgMin(Call &call) { return argReduce<asg::ArgMinOp>(call); }

Values importCumSum(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto given = call.knownNumber(1, "the axis");
  if (!x || !given)
    return {};
  int64_t rank = Emitter::rankOf(x);
  auto axis = e.axis(int64_t(*given), rank);
  if (!axis)
    return {};
  bool isReversed = call.integer("reverse", 0);
  Value sum = e.infer<asg::CumsumOp>(1, x, uint64_t(*axis), isReversed);
  if (!sum || !call.integer("exclusive", 0))
    return {sum};
  // Sums without the element itself are those of the one before it.
  Axes before(rank, 0), after(rank, 0);
  (isReversed ? after : before)[*axis] = 1;
  return {e.slice(e.pad(sum, before, after, 0), *axis, isReversed ? 1 : 0,
                  Emitter::dim(x, *axis))};
}

} // namespace asgc::interop
