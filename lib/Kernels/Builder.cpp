//===- Builder.cpp - What is common to the builders of all machines -------===//
#include "asgc/Kernels.h"

using namespace mlir;
using namespace asgc;

KernelBuilder::~KernelBuilder() = default;

//===- Constants and types ------------------------------------------------===//

Value KernelBuilder::f32(double value) {
  // The nearest f32, also of a constant that was given as a decimal.
  return constant(builder.getF32FloatAttr(static_cast<float>(value)));
}

Value KernelBuilder::f64(double value) {
  return constant(builder.getF64FloatAttr(value));
}

Value KernelBuilder::iota(Type element) {
  unsigned bits = element.getIntOrFloatBitWidth();
  if (lanes == 1)
    return integer(0, bits);
  SmallVector<APInt> numbers;
  for (int64_t lane = 0; lane < lanes; ++lane)
    numbers.emplace_back(bits, lane);
  return constant(
      DenseElementsAttr::get(VectorType::get({lanes}, element), numbers));
}

Value KernelBuilder::integer(int64_t value, unsigned bits) {
  return constant(builder.getIntegerAttr(
      intType(bits), APInt(bits, static_cast<uint64_t>(value),
                           /*isSigned=*/false, /*implicitTrunc=*/true)));
}

Value KernelBuilder::floatLike(Value like, double value) {
  Value scalar = elementOf(like).isF64() ? f64(value) : f32(value);
  return isa<VectorType>(like.getType()) ? splat(scalar, lanesOf(like))
                                         : scalar;
}

Type KernelBuilder::elementOf(Value value) {
  return getElementTypeOrSelf(value.getType());
}

int64_t KernelBuilder::lanesOf(Value value) {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? vector.getNumElements() : 1;
}

Value KernelBuilder::widen(Value x) {
  return lanes == 1 || isa<VectorType>(x.getType()) ? x : splat(x, lanes);
}

void KernelBuilder::unify(MutableArrayRef<Value> values) {
  int64_t count = 0;
  for (Value value : values)
    if (isa<VectorType>(value.getType()))
      count = lanesOf(value);
  if (count == 0)
    return;
  for (Value &value : values)
    if (!isa<VectorType>(value.getType()))
      value = splat(value, count);
}

//===- Instructions on mixed operands -------------------------------------===//

Value KernelBuilder::two(Binary kind, Value x, Value y) {
  std::array values{x, y};
  unify(values);
  return binary(kind, values[0], values[1]);
}

Value KernelBuilder::three(Value x, Value y, Value z) {
  std::array values{x, y, z};
  unify(values);
  return fma(values[0], values[1], values[2]);
}

Value KernelBuilder::choose(Value condition, Value x, Value y) {
  // A scalar condition may choose between vectors, but a vector of conditions
  // needs vectors.
  std::array values{x, y, condition};
  unify(isa<VectorType>(condition.getType())
            ? MutableArrayRef<Value>(values)
            : MutableArrayRef<Value>(values).take_front(2));
  return select(values[2], values[0], values[1]);
}

Value KernelBuilder::test(arith::CmpFPredicate predicate, Value x, Value y) {
  std::array values{x, y};
  unify(values);
  return compare(predicate, values[0], values[1]);
}

Value KernelBuilder::test(arith::CmpIPredicate predicate, Value x, Value y) {
  std::array values{x, y};
  unify(values);
  return compare(predicate, values[0], values[1]);
}

Value KernelBuilder::minOrSecond(Value x, Value y) {
  return choose(test(arith::CmpFPredicate::OLT, x, y), x, y);
}

Value KernelBuilder::maxOrSecond(Value x, Value y) {
  return choose(test(arith::CmpFPredicate::OGT, x, y), x, y);
}

Value KernelBuilder::polynomial(Value x, ArrayRef<double> coefficients) {
  Value sum = floatLike(x, coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = three(sum, x, floatLike(x, coefficient));
  return sum;
}

//===- Powers of two ------------------------------------------------------===//

Value KernelBuilder::scaleByPowerOfTwo(Value x, Value n) {
  // 2ⁿ itself may be out of range where x · 2ⁿ is not. Its half powers are in
  // range; only the last product rounds, unless both results are denormal,
  // which needs |n| beyond what callers have.
  Value whole = cast(Cast::FloatToInt, n, intType(32));
  Value half = shrS(whole, i32(1));
  Value rest = subI(whole, half);
  auto power = [&](Value exponent) {
    Value bits = shl(addI(exponent, i32(127)), i32(23));
    return cast(Cast::Bits, bits, f32Type());
  };
  return mulF(mulF(x, power(half)), power(rest));
}

Value KernelBuilder::powerOfTwo(Value n) {
  return scaleByPowerOfTwo(floatLike(n, 1), n);
}
