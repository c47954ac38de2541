//===- RandomTypes.cpp - Random ops over other element types --------------===//
#include "test/ops/RandomBuilder.h"

using namespace mlir;

namespace asgc::test {

using Value = mlir::Value;

/// f16 and bf16 by themselves: nothing of them enters the f32 loss.
void RandomBuilder::narrow() {
  Value x = draw(narrows);
  switch (below(9)) {
  case 0:
  case 1: return narrows.push_back(tame(unaryOf(x)));
  case 2:
  case 3: {
    Value y = drawLike(narrows, x);
    return narrows.push_back(tame(binaryOf(x, y ? y : make<asg::SinOp>(x))));
  }
  case 4: {
    Axes axes = drawAxes(x);
    return narrows.push_back(coin(2)
                                 ? times(make<asg::ReduceSumOp>(x, axes), 0.125)
                                 : make<asg::ReduceMaxOp>(x, axes));
  }
  case 5:
    if (rankOf(x) == 0)
      return;
    return narrows.push_back(softmaxOf(x));
  case 6: {
    if (rankOf(x) < 2)
      return;
    int64_t last = rankOf(x) - 1;
    Value other = coin(2) ? x : make<asg::CosOp>(x);
    Axes batch = llvm::to_vector(llvm::seq<int64_t>(0, last - 1));
    return narrows.push_back(
        times(make<asg::DotOp>(x, other, batch, batch, Axes{last}, Axes{last}),
              0.125));
  }
  case 7: {
    // Of f32 values, which round to it; and to the other narrow type.
    Value from = coin(2) ? make<asg::StopGradientOp>(drawInput()) : x;
    mlir::Type type = coin(2) ? mlir::Type(builder.getF16Type())
                              : mlir::Type(builder.getBF16Type());
    return narrows.push_back(castTo(from, type));
  }
  default:
    if (Value y = layoutOf(narrows))
      narrows.push_back(y);
  }
}

/// Through a narrower type and back: exact for the inputs.
void RandomBuilder::rounded() {
  Value x = drawInput();
  mlir::Type type = coin(2) ? mlir::Type(builder.getBF16Type())
                            : mlir::Type(builder.getF16Type());
  Value y = castTo(x, type);
  if (coin(2))
    y = make<asg::NegOp>(y);
  floats.push_back(
      make<asg::StopGradientOp>(castTo(y, builder.getF32Type())));
}

Value RandomBuilder::reducedOf(Value x) {
  Axes axes = drawAxes(x);
  switch (below(4)) {
  case 0: return make<asg::ReduceSumOp>(x, axes);
  case 1: return make<asg::ReduceMaxOp>(x, axes);
  case 2: return make<asg::ReduceMinOp>(x, axes);
  default: return make<asg::ReduceProdOp>(x, axes);
  }
}

Value RandomBuilder::integerOf(Value x) {
  Value y = drawLike(integers, x);
  y = y && coin(2) ? y : splat(x, 1 + below(5));
  switch (below(14)) {
  case 0: return make<asg::AddOp>(x, y);
  case 1: return make<asg::SubOp>(x, y);
  case 2: return make<asg::MulOp>(x, y);
  case 3: return make<asg::DivOp>(x, y);
  case 4: return make<asg::ModOp>(x, y);
  case 5: return make<asg::MinOp>(x, y);
  case 6: return make<asg::MaxOp>(x, y);
  case 7: return make<asg::AndOp>(x, y);
  case 8: return make<asg::OrOp>(x, y);
  case 9: return make<asg::XorOp>(x, y);
  case 10: return make<asg::NotOp>(x);
  case 11: return make<asg::NegOp>(x);
  case 12: return make<asg::AbsOp>(x);
  default: return make<asg::SignOp>(x);
  }
}

void RandomBuilder::integer() {
  Value x = draw(integers);
  switch (below(9)) {
  case 0:
  case 1: return integers.push_back(integerOf(x));
  case 2: return integers.push_back(reducedOf(x));
  case 3: {
    mlir::Type types[] = {builder.getI8Type(), builder.getI32Type(),
                          builder.getI64Type()};
    return integers.push_back(castTo(x, types[below(3)]));
  }
  case 4:
    return bools.push_back(make<asg::CompareOp>(
        static_cast<asg::Predicate>(below(6)), x, splat(x, 1)));
  case 5:
    // Whole numbers below 2²⁴ are exact in f32, and larger ones are ±1 here.
    return floats.push_back(
        tame(times(castTo(x, builder.getF32Type()), 0.03125)));
  case 6:
    if (rankOf(x) == 0)
      return;
    return integers.push_back(
        make<asg::IotaOp>(typeOf(x), static_cast<uint64_t>(below(rankOf(x)))));
  case 7: {
    if (rankOf(x) == 0 || rankOf(x) > 3)
      return;
    int64_t last = rankOf(x) - 1;
    return integers.push_back(make<asg::DotOp>(x, x, Axes{}, Axes{}, Axes{last},
                                               Axes{last}));
  }
  default:
    if (Value y = layoutOf(integers))
      integers.push_back(y);
  }
}

void RandomBuilder::boolean() {
  Value x = draw(bools), y = drawLike(bools, x);
  y = y ? y : make<asg::NotOp>(x);
  switch (below(8)) {
  case 0: return bools.push_back(make<asg::AndOp>(x, y));
  case 1: return bools.push_back(make<asg::OrOp>(x, y));
  case 2: return bools.push_back(make<asg::XorOp>(x, y));
  case 3:
    return bools.push_back(make<asg::CompareOp>(
        static_cast<asg::Predicate>(below(6)), x, y));
  case 4:
    return integers.push_back(castTo(
        x, coin(2) ? builder.getI8Type() : builder.getI32Type()));
  case 5: return floats.push_back(castTo(x, builder.getF32Type()));
  case 6: {
    Value on = drawWhere(floats, [&](Type type) {
      return asg::getDims(type) == asg::getDims(typeOf(x));
    });
    if (on)
      floats.push_back(make<asg::SelectOp>(x, on, make<asg::CosOp>(on)));
    return;
  }
  default:
    if (Value z = layoutOf(bools))
      bools.push_back(z);
  }
}

/// Integers and bools of exact inputs.
void RandomBuilder::bits() {
  Value x = drawInput();
  mlir::Type element = coin(2) ? builder.getI32Type() : builder.getI64Type();
  Value y = castTo(times(x, 9), element);
  integers.push_back(y);
  Value z = make<asg::MulOp>(y, splat(y, 3));
  switch (below(4)) {
  case 0: z = make<asg::ModOp>(z, splat(z, 4)); break;
  case 1: z = make<asg::DivOp>(z, splat(z, 2)); break;
  case 2: z = make<asg::XorOp>(z, splat(z, 5)); break;
  default: z = make<asg::MaxOp>(z, y); break;
  }
  Value even = make<asg::CompareOp>(asg::Predicate::le, z, y);
  Value back = castTo(z, builder.getF32Type());
  floats.push_back(make<asg::SelectOp>(even, x, times(back, 0.1)));
}

} // namespace asgc::test
