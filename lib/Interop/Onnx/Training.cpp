//===- Training.cpp - Gradients and optimizers ----------------------------===//
#include "lib/Interop/Onnx/Call.h"

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

/// Operands: R, T, then `numKinds` tensors per variable, kind by kind.
static std::optional<size_t> countVariables(Call &call, size_t numKinds) {
  if (call.size() < 2 + numKinds || (call.size() - 2) % numKinds != 0 ||
      llvm::is_contained(call.operands, Value())) {
    call.e.fail("takes a rate, a count and " + Twine(numKinds) +
                " tensors per variable");
    return std::nullopt;
  }
  return (call.size() - 2) / numKinds;
}

/// The gradient with that of the penalty norm / 2 · ‖x‖².
static Value regularized(Call &call, Value x, Value gradient) {
  double norm = call.number("norm_coefficient", 0);
  return norm == 0 ? gradient : call.e.add(gradient, call.e.mul(x, norm));
}

Values importAdagrad(Call &call) {
  Emitter &e = call.e;
  auto n = countVariables(call, 3);
  if (!n)
    return {};
  Value decay = e.add(e.mul(e.cast(call[1], Emitter::elementOf(call[0])),
                            call.number("decay_factor", 0)),
                      1.0);
  Value rate = e.div(call[0], decay);
  Values xs, hs;
  for (size_t i = 0; i < *n; ++i) {
    Value x = call[2 + i], g = regularized(call, x, call[2 + *n + i]);
    Value h = e.add(call[2 + 2 * *n + i], e.mul(g, g));
    Value scale = e.add(e.unary<asg::SqrtOp>(h), call.number("epsilon", 1e-6));
    xs.push_back(e.sub(x, e.div(e.mul(rate, g), scale)));
    hs.push_back(h);
  }
  xs.append(hs);
  return xs;
}

Values importAdam(Call &call) {
  Emitter &e = call.e;
  auto n = countVariables(call, 4);
  if (!n)
    return {};
  double alpha = call.number("alpha", 0.9), beta = call.number("beta", 0.999);
  double post = call.number("norm_coefficient_post", 0);
  // Bias correction from the first step on: R · √(1 − βᵀ) / (1 − αᵀ).
  Value count = e.cast(call[1], Emitter::elementOf(call[0]));
  auto rest = [&](double base) {
    Value power = e.binary<asg::PowOp>(e.like(count, base), count);
    return e.sub(e.like(count, 1), power);
  };
  Value corrected =
      e.div(e.mul(call[0], e.unary<asg::SqrtOp>(rest(beta))), rest(alpha));
  Value rate =
      e.select(e.compare(Predicate::gt, call[1], 0.0), corrected, call[0]);
  Values xs, vs, hs;
  for (size_t i = 0; i < *n; ++i) {
    Value x = call[2 + i], g = regularized(call, x, call[2 + *n + i]);
    Value v = e.add(e.mul(call[2 + 2 * *n + i], alpha), e.mul(g, 1 - alpha));
    Value h =
        e.add(e.mul(call[2 + 3 * *n + i], beta), e.mul(e.mul(g, g), 1 - beta));
    Value scale = e.add(e.unary<asg::SqrtOp>(h), call.number("epsilon", 1e-6));
    Value next = e.sub(x, e.div(e.mul(rate, v), scale));
    xs.push_back(post == 0 ? next : e.mul(next, 1 - post));
    vs.push_back(v);
    hs.push_back(h);
  }
  xs.append(vs);
  xs.append(hs);
  return xs;
}

Values importMomentum(Call &call) {
  Emitter &e = call.e;
  auto n = countVariables(call, 3);
  if (!n)
    return {};
  double alpha = call.number("alpha", 0), beta = call.number("beta", 0);
  bool isNesterov = call.text("mode", "standard") == "nesterov";
  Value isLater = e.compare(Predicate::gt, call[1], 0.0);
  Values xs, vs;
  for (size_t i = 0; i < *n; ++i) {
    Value x = call[2 + i], g = regularized(call, x, call[2 + *n + i]);
    Value share =
        e.select(isLater, e.mul(g, beta), g); // the first step takes all
    Value v = e.add(e.mul(call[2 + 2 * *n + i], alpha), share);
    Value direction = isNesterov ? e.add(g, e.mul(v, alpha)) : v;
    xs.push_back(e.sub(x, e.mul(call[0], direction)));
    vs.push_back(v);
  }
  xs.append(vs);
  return xs;
}

/// The derivative of the sum of y by each of xs, from the graph so far.
Values importGradient(Call &call) {
  Emitter &e = call.e;
  Value y = call.lookUp(call.text("y", ""));
  std::vector<std::string> names = call.texts("xs");
  Values xs;
  for (const std::string &name : names)
    xs.push_back(call.lookUp(name));
  if (!y || xs.empty() || llvm::is_contained(xs, Value()))
    return {e.fail("xs or y name values that are not there")};
  for (size_t i = 0; i < xs.size(); ++i)
    if (call[i] != xs[i])
      return {e.refuse(
          "operands other than the values that xs name are not supported")};
  for (Value value : llvm::concat<Value>(Values{y}, xs))
    if (!asg::hasFloatElements(value.getType()))
      return {e.fail("differentiates floats only")};
  Axes all;
  for (int64_t axis = 0; axis < Emitter::rankOf(y); ++axis)
    all.push_back(axis);
  if (!all.empty())
    y = e.sum(y, all, false);
  if (!y)
    return {};
  SmallVector<Type> types(ValueRange(xs).getTypes());
  auto op = asg::GradientOp::create(e.builder, e.loc, types, y, xs,
                                    e.builder.getUnitAttr());
  return Values(op.getResults());
}

} // namespace asgc::interop
