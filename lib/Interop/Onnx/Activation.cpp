//===- Activation.cpp - Nonlinearities ------------------------------------===//
// In the forms of dialects/nn/activations.asg, which the planner recognizes.
#include "lib/Interop/Onnx/Call.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

static Value relu(Emitter &e, Value x) {
  if (!x)
    return x;
  return e.select(e.compare(Predicate::le, x, 0.0), e.like(x, 0), x);
}

static Value sigmoid(Emitter &e, Value x) {
  if (!x)
    return x;
  Value isPositive = e.compare(Predicate::gt, x, 0.0);
  Value small = e.exp(e.select(isPositive, e.neg(x), x));
  return e.div(e.select(isPositive, e.like(x, 1), small), e.add(small, 1.0));
}

static Value softplus(Emitter &e, Value x) {
  if (!x)
    return x;
  Value isPositive = e.compare(Predicate::gt, x, 0.0);
  Value small = e.exp(e.select(isPositive, e.neg(x), x));
  return e.add(e.select(isPositive, x, e.like(x, 0)),
               e.unary<asg::Log1pOp>(small));
}

/// x > 0 ? x : negative(x), where negative never sees a large x.
static Value elu(Emitter &e, Value x, double alpha, double scale = 1) {
  if (!x)
    return x;
  Value isPositive = e.compare(Predicate::gt, x, 0.0);
  Value negative = e.select(isPositive, e.like(x, 0), x);
  if (scale != 1)
    negative = e.div(negative, scale);
  return e.select(isPositive, x, e.mul(e.unary<asg::Expm1Op>(negative), alpha));
}

Value importActivation(Emitter &e, StringRef name, Value x, double alpha,
                       double beta) {
  if (name == "Relu")
    return relu(e, x);
  if (name == "Tanh")
    return e.unary<asg::TanhOp>(x);
  if (name == "Sigmoid")
    return sigmoid(e, x);
  if (name == "Affine")
    return e.add(e.mul(x, alpha), beta);
  if (name == "LeakyRelu")
    return e.select(e.compare(Predicate::ge, x, 0.0), x, e.mul(x, alpha));
  if (name == "ThresholdedRelu")
    return e.select(e.compare(Predicate::gt, x, alpha), x, e.like(x, 0));
  if (name == "ScaledTanh")
    return e.mul(e.unary<asg::TanhOp>(e.mul(x, beta)), alpha);
  if (name == "HardSigmoid")
    return e.min(e.max(e.add(e.mul(x, alpha), beta), 0.0), 1.0);
  if (name == "Elu")
    return elu(e, x, alpha);
  if (name == "Softsign")
    return e.div(x, e.add(e.abs(x), 1.0));
  if (name == "Softplus")
    return softplus(e, x);
  return e.refuse("activation '" + name + "' is not supported");
}

Values importRelu(Call &call) { return {relu(call.e, call[0])}; }
Values importSigmoid(Call &call) { return {sigmoid(call.e, call[0])}; }
Values importSoftplus(Call &call) { return {softplus(call.e, call[0])}; }
Values importSoftsign(Call &call) {
  return {importActivation(call.e, "Softsign", call[0], 0, 0)};
}
Values importElu(Call &call) {
  return {elu(call.e, call[0], call.number("alpha", 1))};
}

Values importCelu(Call &call) {
  double alpha = call.number("alpha", 1);
  return {elu(call.e, call[0], alpha, alpha)};
}

Values importSelu(Call &call) {
  double alpha =
      call.number("alpha", call.opset < 6 ? 1.6732 : 1.6732632423543772);
  double gamma =
      call.number("gamma", call.opset < 6 ? 1.0507 : 1.0507009873554805);
  return {call.e.mul(elu(call.e, call[0], alpha), gamma)};
}

Values importLeakyRelu(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  return {e.select(e.compare(Predicate::gt, x, 0.0), x,
                   e.mul(x, call.number("alpha", 0.01)))};
}

Values importThresholdedRelu(Call &call) {
  return {importActivation(call.e, "ThresholdedRelu", call[0],
                           call.number("alpha", 1), 0)};
}

Values importPRelu(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], slope = call[1];
  // Before opset 7 a vector of slopes was one per channel.
  if (x && slope && call.opset < 7 && Emitter::rankOf(slope) == 1 &&
      Emitter::rankOf(x) > 2) {
    Axes axes;
    for (int64_t axis = 1; axis < Emitter::rankOf(x) - 1; ++axis)
      axes.push_back(axis);
    slope = e.unsqueeze(slope, axes);
  }
  return {e.select(e.compare(Predicate::gt, x, 0.0), x, e.mul(x, slope))};
}

Values importHardSigmoid(Call &call) {
  return {importActivation(call.e, "HardSigmoid", call[0],
                           call.number("alpha", 0.2),
                           call.number("beta", 0.5))};
}

Values importHardSwish(Call &call) {
  return {call.e.mul(
      call[0], importActivation(call.e, "HardSigmoid", call[0], 1.0 / 6, 0.5))};
}

Values importMish(Call &call) {
  return {call.e.mul(call[0],
                     call.e.unary<asg::TanhOp>(softplus(call.e, call[0])))};
}

Values importGelu(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], inner;
  if (call.text("approximate", "none") == "tanh") {
    Value cube = e.mul(e.mul(x, x), x);
    inner = e.unary<asg::TanhOp>(
        e.mul(e.add(x, e.mul(cube, 0.044715)), std::sqrt(2 / M_PI)));
  } else {
    inner = e.unary<asg::ErfOp>(e.mul(x, std::sqrt(0.5)));
  }
  return {e.mul(e.mul(x, 0.5), e.add(inner, 1.0))};
}

Values importShrink(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  double lambda = call.number("lambd", 0.5), bias = call.number("bias", 0);
  if (!x)
    return {};
  // lambd is a float, x may be whole: compare as floats.
  Value number = isa<FloatType>(Emitter::elementOf(x)) ? x : e.cast(x, e.f32());
  Value below = e.compare(Predicate::lt, number, -lambda);
  Value above = e.compare(Predicate::gt, number, lambda);
  Value rest = e.select(above, e.sub(number, bias), e.like(number, 0));
  return {e.cast(e.select(below, e.add(number, bias), rest),
                 Emitter::elementOf(x))};
}

//===----------------------------------------------------------------------===//
// Along an axis
//===----------------------------------------------------------------------===//

/// Until opset 12 the axes from `axis` on were one, after it `axis` alone.
template <typename Function>
static Values alongAxis(Call &call, Function function) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  auto axis = e.axis(call.integer("axis", call.opset < 13 ? 1 : -1),
                     Emitter::rankOf(x));
  if (!axis)
    return {};
  if (call.opset >= 13 || *axis == Emitter::rankOf(x) - 1)
    return {function(x, *axis)};
  Extents dims = Emitter::dims(x), flat(dims.begin(), dims.begin() + *axis);
  DimExpr rest(1);
  for (const DimExpr &dim : llvm::drop_begin(dims, *axis))
    rest = rest * dim;
  flat.push_back(rest);
  return {e.reshape(function(e.reshape(x, flat), *axis), dims)};
}

Values importSoftmax(Call &call) {
  return alongAxis(
      call, [&](Value x, int64_t axis) { return call.e.softmax(x, axis); });
}

Values importLogSoftmax(Call &call) {
  return alongAxis(
      call, [&](Value x, int64_t axis) { return call.e.logSoftmax(x, axis); });
}

Values importHardmax(Call &call) {
  Emitter &e = call.e;
  return alongAxis(call, [&](Value x, int64_t axis) -> Value {
    if (!x)
      return x;
    Extents dims = Emitter::dims(x), reduced = dims;
    reduced.erase(reduced.begin() + axis);
    Value best =
        e.make<asg::ArgMaxOp>(e.typeFor(reduced, e.i64()), x, uint64_t(axis));
    Value place = e.iota(dims, axis, e.i64());
    Value isBest = e.compare(Predicate::eq, place, e.unsqueeze(best, {axis}));
    return e.cast(isBest, Emitter::elementOf(x));
  });
}

} // namespace asgc::interop
