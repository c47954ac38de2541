//===- KernelRandom.cpp - Random draws in a kernel's body -----------------===//
#include "KernelBody.h"

using namespace mlir;

namespace asgc::planner {

FailureOr<Value> KernelBody::computeRandom(Operation *op, Value seed,
                                           Value step, int64_t stream,
                                           const Index &index, Value guard) {
  FailureOr<Value> seedValue = evaluate(seed, {}, guard);
  FailureOr<Value> stepValue = evaluate(step, {}, guard);
  if (failed(seedValue) || failed(stepValue))
    return failure();
  OpBuilder &b = builder;
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  auto low = [&](Value word) -> Value {
    return arith::TruncIOp::create(b, loc, i32, word);
  };
  auto high = [&](Value word) {
    return low(arith::ShRUIOp::create(b, loc, word, getConstant(32)));
  };
  auto word32 = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, loc, IntegerAttr::get(i32, static_cast<int32_t>(value)));
  };
  // The upper 24 bits of a word times 2⁻²⁴, plus `added` units.
  auto toUnit = [&](Value word, int64_t added) -> Value {
    Value bits = arith::ShRUIOp::create(b, loc, word, word32(8));
    if (added != 0)
      bits = arith::AddIOp::create(b, loc, bits, word32(added));
    Value number = arith::SIToFPOp::create(b, loc, f32, bits);
    return arith::MulFOp::create(b, loc, number, getConstant(f32, 0x1p-24));
  };
  RankedTensorType type = getType(op->getResult(0));
  Value element = materialize(dot(index, getRowMajorStrides(asg::getDims(type)),
                                  DimExpr(0), space.getRank()));
  bool isUniform = isa<asg::RandomUniformOp>(op);
  Value block =
      isUniform
          ? arith::ShRUIOp::create(b, loc, element, getConstant(2)).getResult()
          : element;
  auto words = buildPhilox(
      b, loc, {low(block), word32(stream), low(*stepValue), high(*stepValue)},
      {low(*seedValue), high(*seedValue)});
  if (!isUniform) {
    // √(−2 ln u₁) · cos(2π u₂)
    Value log = math::LogOp::create(b, loc, toUnit(words[0], 1));
    Value radius = math::SqrtOp::create(
        b, loc, arith::MulFOp::create(b, loc, log, getConstant(f32, -2)));
    Value angle = arith::MulFOp::create(b, loc, toUnit(words[1], 0),
                                        getConstant(f32, 6.283185307179586));
    Value cosine = math::CosOp::create(b, loc, angle);
    return arith::MulFOp::create(b, loc, radius, cosine).getResult();
  }
  // Word element mod 4, by its two low bits.
  auto isSet = [&](int64_t bit) -> Value {
    Value masked = arith::AndIOp::create(b, loc, low(element), word32(bit));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, masked,
                                 word32(0));
  };
  Value isOdd = isSet(1), isUpper = isSet(2);
  auto select = [&](Value condition, Value a, Value c) -> Value {
    return arith::SelectOp::create(b, loc, condition, a, c);
  };
  Value word = select(isUpper, select(isOdd, words[3], words[2]),
                      select(isOdd, words[1], words[0]));
  return toUnit(word, 0);
}

} // namespace asgc::planner
