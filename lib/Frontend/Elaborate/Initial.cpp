//===- Initial.cpp - Draws and initial values -----------------------------===//
#include "Elaborator.h"

#include <cmath>

using namespace mlir;

namespace asgc {

Value Elaborator::randomUniform(Location loc, RankedTensorType type) {
  return asg::RandomUniformOp::create(builder, loc, type, seed(), step(),
                                      graph->nextStream++);
}

Value Elaborator::randomNormal(Location loc, RankedTensorType type) {
  return asg::RandomNormalOp::create(builder, loc, type, seed(), step(),
                                     graph->nextStream++);
}

/// The inverse of erf in single precision (Giles 2010, "Approximating the
/// erfinv function"): with w = −ln(1 − x²), a polynomial in w − 2.5, or in √w −
/// 3 for the tails.
Value Elaborator::inverseErf(Location loc, Value x) {
  auto type = mlir::cast<RankedTensorType>(x.getType());
  auto number = [&](double value) { return splat(loc, type, value); };
  auto add = [&](Value a, Value b) -> Value {
    return asg::AddOp::create(builder, loc, a, b);
  };
  auto multiply = [&](Value a, Value b) -> Value {
    return asg::MulOp::create(builder, loc, a, b);
  };
  auto polynomial = [&](Value t, ArrayRef<double> coefficients) {
    Value sum = number(coefficients[0]);
    for (double coefficient : coefficients.drop_front())
      sum = add(number(coefficient), multiply(sum, t));
    return sum;
  };
  static constexpr double kCenter[] = {
      2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
      -4.39150654e-06, 0.00021858087,  -0.00125372503,
      -0.00417768164,  0.246640727,    1.50140941};
  static constexpr double kTail[] = {
      -0.000200214257, 0.000100950558, 0.00134934322,
      -0.00367342844,  0.00573950773,  -0.0076224613,
      0.00943887047,   1.00167406,     2.83297682};
  Value square = multiply(x, x);
  Value w = asg::NegOp::create(
      builder, loc,
      Value(asg::Log1pOp::create(
          builder, loc, Value(asg::NegOp::create(builder, loc, square)))));
  Value isCenter = asg::CompareOp::create(
      builder, loc, asg::withElementType(type, builder.getI1Type()),
      asg::Predicate::lt, w, number(5.0));
  Value center = polynomial(add(w, number(-2.5)), kCenter);
  Value root = asg::SqrtOp::create(builder, loc, w);
  Value tail = polynomial(add(root, number(-3.0)), kTail);
  Value factor =
      asg::SelectOp::create(builder, loc, type, isCenter, center, tail);
  return multiply(factor, x);
}

/// A normal draw within [low, high], by the inverse of its distribution: x
/// uniform between Φ(low) and Φ(high), then Φ⁻¹.
Value Elaborator::truncatedNormal(Location loc, RankedTensorType type,
                                  const Initializer &init) {
  auto distribution = [&](double limit) {
    return 0.5 * std::erfc(-(limit - init.a) / (init.b * std::sqrt(2.0)));
  };
  double from = 2 * distribution(init.low) - 1;
  double to = 2 * distribution(init.high) - 1;
  // Single precision has nothing between these and ±1.
  from = std::max(from, -0.99999994);
  to = std::min(to, 0.99999994);
  Value uniform = randomUniform(loc, type);
  Value x =
      asg::AddOp::create(builder, loc,
                         Value(asg::MulOp::create(builder, loc, uniform,
                                                  splat(loc, type, to - from))),
                         splat(loc, type, from));
  Value normal = asg::MulOp::create(builder, loc, inverseErf(loc, x),
                                    splat(loc, type, std::sqrt(2.0) * init.b));
  Value shifted =
      asg::AddOp::create(builder, loc, normal, splat(loc, type, init.a));
  Value above =
      asg::MaxOp::create(builder, loc, shifted, splat(loc, type, init.low));
  return asg::MinOp::create(builder, loc, above, splat(loc, type, init.high));
}

/// What `a` and `b` are multiplied by.
static double scaleOf(const Initializer &init, RankedTensorType type) {
  if (init.scale == Initializer::Scale::None)
    return 1;
  double fan = init.fan;
  if (fan <= 0) {
    ArrayRef<int64_t> shape = type.getShape();
    double receptive = 1;
    for (int64_t extent : shape.drop_front(2))
      receptive *= double(extent);
    double fanIn = double(shape[1]) * receptive;
    double fanOut = double(shape[0]) * receptive;
    fan = init.scale == Initializer::Scale::FanIn ? fanIn : fanIn + fanOut;
  }
  return 1 / std::sqrt(fan);
}

Value Elaborator::buildInitial(const Variable &variable) {
  const Initializer &init = *variable.init;
  Location loc = locate(variable.span, variable.name);
  Type element = variable.type.getElementType();
  if (init.kind == Initializer::Kind::Constant)
    return splat(loc, variable.type, init.constant);
  if (init.kind == Initializer::Kind::Values)
    return asg::ConstantOp::create(builder, loc, variable.type, init.values);
  // Drawn in f32, whatever the variable's type, so that the bits agree.
  auto type = asg::withElementType(variable.type, builder.getF32Type());
  double scale = scaleOf(init, variable.type);
  auto affine = [&](Value x, double factor, double offset) {
    x = asg::MulOp::create(builder, loc, x, splat(loc, type, factor));
    if (offset == 0)
      return x;
    return Value(asg::AddOp::create(builder, loc, x, splat(loc, type, offset)));
  };
  Value value;
  if (init.kind == Initializer::Kind::Uniform)
    value = affine(randomUniform(loc, type), (init.b - init.a) * scale,
                   init.a * scale);
  else if (init.kind == Initializer::Kind::Normal)
    value = affine(randomNormal(loc, type), init.b * scale, init.a);
  else
    value = truncatedNormal(loc, type, init);
  return cast(loc, value, element);
}

} // namespace asgc
