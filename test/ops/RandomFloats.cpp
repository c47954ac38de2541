//===- RandomFloats.cpp - Random ops over f32 -----------------------------===//
#include "test/ops/RandomBuilder.h"

using namespace mlir;

namespace asgc::test {

using Value = mlir::Value;

Value RandomBuilder::unaryOf(Value x) {
  switch (below(13)) {
  case 0: return make<asg::NegOp>(x);
  case 1: return make<asg::AbsOp>(x);
  case 2: return make<asg::TanhOp>(x);
  case 3: return make<asg::ErfOp>(x);
  case 4: return make<asg::SinOp>(x);
  case 5: return make<asg::CosOp>(x);
  case 6: return make<asg::ExpOp>(tame(x));
  case 7: return make<asg::Expm1Op>(tame(x));
  case 8: return make<asg::LogOp>(plus(square(x), 0.5));
  case 9: return make<asg::Log1pOp>(square(tame(x)));
  case 10: return make<asg::SqrtOp>(plus(square(x), 0.5));
  case 11: return make<asg::RsqrtOp>(plus(square(x), 0.5));
  default: return make<asg::StopGradientOp>(x);
  }
}

Value RandomBuilder::binaryOf(Value x, Value y) {
  switch (below(7)) {
  case 0: return make<asg::AddOp>(x, y);
  case 1: return make<asg::SubOp>(x, y);
  case 2: return make<asg::MulOp>(tame(x), y);
  case 3: return make<asg::DivOp>(x, plus(square(y), 1));
  case 4: return make<asg::MinOp>(x, y);
  case 5: return make<asg::MaxOp>(x, y);
  default: return make<asg::PowOp>(plus(square(tame(x)), 0.5), tame(y));
  }
}

Value RandomBuilder::softmaxOf(Value x) {
  int64_t axis = coin(3) ? below(rankOf(x)) : rankOf(x) - 1;
  Axes axes = {axis};
  Value largest = make<asg::StopGradientOp>(make<asg::ReduceMaxOp>(x, axes));
  Value e = make<asg::ExpOp>(make<asg::SubOp>(x, along(largest, x, axis)));
  return make<asg::DivOp>(e, along(make<asg::ReduceSumOp>(e, axes), x, axis));
}

/// What a matrix product may take in, and forms of it that it does not know.
Value RandomBuilder::activationOf(Value x) {
  auto sigmoid = [&] {
    return make<asg::DivOp>(splat(x, 1),
                            plus(make<asg::ExpOp>(make<asg::NegOp>(x)), 1));
  };
  switch (below(7)) {
  case 0: return make<asg::MaxOp>(x, splat(x, 0));
  case 1:
    return make<asg::SelectOp>(
        make<asg::CompareOp>(asg::Predicate::gt, x, splat(x, 0)), x,
        splat(x, 0));
  case 2: return tame(x);
  case 3: return sigmoid();
  case 4: return make<asg::MulOp>(x, sigmoid());
  case 5:
    return make<asg::MulOp>(
        times(x, 0.5), plus(make<asg::ErfOp>(times(x, 0.70710678118654752)), 1));
  default: return make<asg::MulOp>(x, make<asg::CosOp>(x));
  }
}

void RandomBuilder::unary() { floats.push_back(unaryOf(draw(floats))); }

void RandomBuilder::binary() {
  Value x = draw(floats), y = drawLike(floats, x);
  floats.push_back(binaryOf(x, y ? y : make<asg::SinOp>(x)));
}

/// A value repeated to a larger shape and joined with one of that shape.
void RandomBuilder::broadcast() {
  Value x = draw(floats);
  Axes reduced = drawAxes(x), kept;
  for (int64_t axis : allAxes(x))
    if (!llvm::is_contained(reduced, axis))
      kept.push_back(axis);
  Value small = make<asg::ReduceMaxOp>(x, reduced);
  Value large = asg::buildBroadcast(builder, loc, small, typeOf(x), kept);
  floats.push_back(make<asg::SubOp>(x, large));
}

void RandomBuilder::reduce() {
  Value x = draw(floats);
  Axes axes = drawAxes(x);
  switch (below(4)) {
  case 0: return floats.push_back(times(make<asg::ReduceSumOp>(x, axes), 0.25));
  case 1: return floats.push_back(make<asg::ReduceMaxOp>(x, axes));
  case 2: return floats.push_back(make<asg::ReduceMinOp>(x, axes));
  default: {
    // Of elements near one: a product stays near one.
    Value near = plus(times(tame(x), 0.05), 1);
    return floats.push_back(make<asg::ReduceProdOp>(near, axes));
  }
  }
}

void RandomBuilder::softmax() {
  if (Value x = drawWhere(floats, [](Type t) { return t.getRank() >= 1; }))
    floats.push_back(softmaxOf(x));
}

void RandomBuilder::layerNorm() {
  Value x = drawWhere(floats, [](Type type) {
    return type.getRank() >= 1 && !type.isDynamicDim(type.getRank() - 1) &&
           type.getShape().back() > 1;
  });
  if (!x)
    return;
  int64_t axis = rankOf(x) - 1;
  double scale = 1.0 / typeOf(x).getShape().back();
  auto rowMean = [&](Value y) {
    return along(times(make<asg::ReduceSumOp>(y, Axes{axis}), scale), x, axis);
  };
  Value centered = make<asg::SubOp>(x, rowMean(x));
  Value variance = plus(rowMean(square(centered)), 0.1);
  floats.push_back(make<asg::MulOp>(centered, make<asg::RsqrtOp>(variance)));
}

void RandomBuilder::gelu() {
  Value x = draw(floats);
  floats.push_back(make<asg::MulOp>(
      times(x, 0.5), plus(make<asg::ErfOp>(times(x, 0.70710678)), 1)));
}

void RandomBuilder::choose() {
  Value x = drawInput();
  Value condition = make<asg::CompareOp>(static_cast<asg::Predicate>(below(6)),
                                         x, splat(x, 0.25));
  if (coin(3))
    condition = make<asg::NotOp>(condition);
  bools.push_back(condition);
  floats.push_back(make<asg::SelectOp>(condition, x, make<asg::SinOp>(x)));
}

/// Functions with jumps, of exact inputs.
void RandomBuilder::steps() {
  Value x = drawInput();
  switch (below(6)) {
  case 0: return floats.push_back(make<asg::FloorOp>(times(x, 3)));
  case 1: return floats.push_back(make<asg::CeilOp>(times(x, 3)));
  case 2: return floats.push_back(make<asg::RoundOp>(times(x, 4)));
  case 3: return floats.push_back(make<asg::SignOp>(x));
  case 4: return floats.push_back(make<asg::ModOp>(x, splat(x, 0.25)));
  default: {
    if (rankOf(x) == 0)
      return;
    int64_t axis = below(rankOf(x));
    SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
    dims.erase(dims.begin() + axis);
    Type type = asg::getTensorType(
        builder.getContext(), dims,
        coin(2) ? builder.getI64Type() : builder.getI32Type());
    integers.push_back(coin(2) ? make<asg::ArgMaxOp>(type, x, uint64_t(axis))
                               : make<asg::ArgMinOp>(type, x, uint64_t(axis)));
  }
  }
}

void RandomBuilder::randomDraw() {
  Value x = draw(floats);
  auto i64 = RankedTensorType::get({}, builder.getI64Type());
  Value seed = asg::buildSplat(builder, loc, i64, below(1000));
  Value step = asg::buildSplat(builder, loc, i64, below(1000));
  uint64_t stream = below(100);
  Value noise = make<asg::RandomUniformOp>(typeOf(x), seed, step, stream);
  if (coin(2))
    noise = make<asg::SelectOp>(
        make<asg::CompareOp>(asg::Predicate::ge, noise, splat(noise, 0.3)), x,
        splat(noise, 0));
  else if (coin(2))
    noise = make<asg::RandomNormalOp>(typeOf(x), seed, step, stream);
  floats.push_back(noise);
}

} // namespace asgc::test
