//===- AsgElementwise.cpp - One element at a time -------------------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Gradients ----------------------------------------------------------===//

namespace {
/// Ops on values of one type, in the order of evaluation.
struct Expression {
  OpBuilder &builder;
  Location loc;

  Value constant(Value like, double value) {
    return buildSplat(builder, loc, tensorType(like), value);
  }
  Value compare(Predicate predicate, Value lhs, Value rhs) {
    return CompareOp::create(builder, loc, predicate, lhs, rhs);
  }
  Value select(Value condition, Value onTrue, Value onFalse) {
    return SelectOp::create(builder, loc, condition, onTrue, onFalse);
  }
  Value mul(Value lhs, Value rhs) {
    return MulOp::create(builder, loc, lhs, rhs);
  }
};

/// The cotangents of min and max: all to the operand that won, and half each
/// when they are equal.
SmallVector<Value> buildExtremumGradient(Expression e, Value dy, Predicate wins,
                                         Value lhs, Value rhs) {
  Value zero = e.constant(dy, 0), half = e.mul(dy, e.constant(dy, 0.5));
  Value tied = e.compare(Predicate::eq, lhs, rhs);
  Value shared = e.select(tied, half, zero);
  return {e.select(e.compare(wins, lhs, rhs), dy, shared),
          e.select(e.compare(wins, rhs, lhs), dy, shared)};
}
} // namespace

SmallVector<Value> SinOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value()};
  Value cosine = CosOp::create(builder, getLoc(), getX());
  return {MulOp::create(builder, getLoc(), dy, cosine)};
}

SmallVector<Value> ModOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  // y = l − ⌊l / r⌋ · r with ⌊l / r⌋ constant almost everywhere.
  Location loc = getLoc();
  Value quotient = DivOp::create(builder, loc, getLhs(), getRhs());
  Value whole = FloorOp::create(builder, loc, quotient);
  Value product = MulOp::create(builder, loc, dy, whole);
  return {dy, NegOp::create(builder, loc, product)};
}

SmallVector<Value> PowOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value(), Value()};
  Expression e{builder, getLoc()};
  Value base = getLhs(), exponent = getRhs();
  Value zero = e.constant(dy, 0), one = e.constant(dy, 1);
  Value baseIsZero = e.compare(Predicate::eq, base, zero);
  Value exponentIsZero = e.compare(Predicate::eq, exponent, zero);
  // dl = dy · r · l^(r − 1), but 0⁰ is constant in l: not 0 · 0⁻¹.
  Value isConstant =
      AndOp::create(builder, getLoc(), baseIsZero, exponentIsZero);
  Value lower = e.select(isConstant, one,
                         SubOp::create(builder, getLoc(), exponent, one));
  Value power = PowOp::create(builder, getLoc(), base, lower);
  // dr = dy · y · ln l, and 0 where l is 0: not 0 · ln 0.
  Value logarithm =
      LogOp::create(builder, getLoc(), e.select(baseIsZero, one, base));
  return {e.mul(e.mul(dy, exponent), power), e.mul(e.mul(dy, getY()), logarithm)};
}

SmallVector<Value> MinOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  return buildExtremumGradient({builder, getLoc()}, dy, Predicate::lt, getLhs(),
                               getRhs());
}

SmallVector<Value> MaxOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  return buildExtremumGradient({builder, getLoc()}, dy, Predicate::gt, getLhs(),
                               getRhs());
}
