//===- Quantized.cpp - Numbers as integers with a scale and a zero --------===//
// A number is (q − zero) · scale, with q of 8 or 16 bits.
#include "lib/Interop/Onnx/Window.h"

#include <onnx/onnx_pb.h>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

//===----------------------------------------------------------------------===//
// From and to floats
//===----------------------------------------------------------------------===//

/// A scale or zero: one for all, or one for each element of `axis` of a tensor
/// of `rank`.
static Value alignTo(Emitter &e, Value x, int64_t axis, int64_t rank) {
  if (!x || Emitter::rankOf(x) == 0)
    return x;
  if (Emitter::rankOf(x) != 1)
    return e.refuse("a scale or zero point of more than one axis is not "
                    "supported");
  if (Emitter::dim(x, 0) == DimExpr(1))
    return e.reshape(x, {});
  auto from = e.axis(axis, rank);
  Axes added;
  for (int64_t i = 0; from && i < rank; ++i)
    if (i != *from)
      added.push_back(i);
  return from ? e.unsqueeze(x, added) : Value();
}

/// The nearest integers to `x` (ties to even), plus `zero` (null: 0), as close
/// as the type can have them: one of `carrier`, or i8 without.
static Value quantize(Emitter &e, Value x, Value zero, const Carrier *carrier) {
  Value y = e.unary<asg::RoundOp>(x);
  if (zero)
    y = e.add(y, e.cast(zero, e.f32()));
  y = e.max(y, carrier ? double(carrier->least()) : -128.0);
  y = e.min(y, carrier ? double(carrier->largest()) : 127.0);
  return e.cast(y, elementTypeOf(*e.builder.getContext(),
                                 carrier ? carrier->dtype : DType::I8));
}

static bool isI8(Value x) { return Emitter::elementOf(x).isInteger(8); }

Values importQuantizeLinear(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], scale = call[1], zero = call[2];
  if (!x || !scale)
    return {};
  if (call.integer("block_size", 0) != 0)
    return {e.refuse("blocks are not supported")};
  int64_t type = call.integer("output_dtype", 0);
  if (zero)
    type = isI8(zero)        ? int64_t(onnx::TensorProto::INT8)
           : call.carrier(2) ? int64_t(call.carrier(2)->dataType)
                             : int64_t(onnx::TensorProto::UNDEFINED);
  else if (type == 0)
    type = onnx::TensorProto::UINT8;
  const Carrier *carrier = findCarrier(int32_t(type));
  if (type != onnx::TensorProto::INT8 && !carrier)
    return {e.refuse("the result's type is not supported")};
  int64_t axis = call.integer("axis", 1), rank = Emitter::rankOf(x);
  Value ratio =
      e.div(e.cast(x, e.f32()), e.cast(alignTo(e, scale, axis, rank), e.f32()));
  call.setCarrier(0, carrier);
  return {quantize(e, ratio, alignTo(e, zero, axis, rank), carrier)};
}

/// x − zero as i32.
static Value centre(Emitter &e, Value x, Value zero) {
  Type i32 = e.builder.getI32Type();
  Value y = e.cast(x, i32);
  return zero ? e.sub(y, e.cast(zero, i32)) : y;
}

Values importDequantizeLinear(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], scale = call[1], zero = call[2];
  if (!x || !scale)
    return {};
  if (call.integer("block_size", 0) != 0)
    return {e.refuse("blocks are not supported")};
  int64_t axis = call.integer("axis", 1), rank = Emitter::rankOf(x);
  Value y = centre(e, x, alignTo(e, zero, axis, rank));
  y = e.mul(e.cast(y, e.f32()), e.cast(alignTo(e, scale, axis, rank), e.f32()));
  return {e.cast(y, Emitter::elementOf(scale))};
}

/// The scale puts 0 and all elements in range, zero is where 0 lies.
Values importDynamicQuantizeLinear(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  const Carrier *u8 = findCarrier(onnx::TensorProto::UINT8);
  Axes all = llvm::to_vector(llvm::seq<int64_t>(0, Emitter::rankOf(x)));
  Value least = e.min(e.reduce<asg::ReduceMinOp>(x, all, false), 0.0);
  Value largest = e.max(e.reduce<asg::ReduceMaxOp>(x, all, false), 0.0);
  Value range = e.sub(largest, least);
  // All are 0: any scale will do.
  Value scale = e.select(e.compare(Predicate::gt, range, 0.0),
                         e.div(range, 255.0), e.like(range, 1));
  Value zero = quantize(e, e.neg(e.div(least, scale)), Value(), u8);
  call.setCarrier(0, u8);
  call.setCarrier(2, u8);
  return {quantize(e, e.div(x, scale), zero, u8), scale, zero};
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {
/// An operand of 8 bits: value − zero with a value of i8.
struct Centred {
  Value value, zero; // zero: i32, broadcasts against the product; null: 0
};
} // namespace

/// Whether operand `index` is of i8 or u8.
static bool isByte(Call &call, size_t index) {
  const Carrier *carrier = call.carrier(index);
  return carrier ? carrier->element == ElementType::U8
                 : call.has(index) && isI8(call[index]);
}

/// Whether both operands are there, as `what` says, and of i8 or u8; else the
/// call has failed.
static bool takesBytes(Call &call, size_t left, size_t right,
                       const char *what) {
  if (!call.has(left) || !call.has(right)) {
    call.e.fail(what);
    return false;
  }
  if (isByte(call, left) && isByte(call, right))
    return true;
  call.e.refuse("only operands of i8 and u8 are supported");
  return false;
}

static Centred centreByte(Call &call, size_t index, Value zero) {
  Emitter &e = call.e;
  Type i32 = e.builder.getI32Type();
  const HostTensor *known = zero ? call.find(zero) : nullptr;
  bool isZero = known;
  for (int64_t i = 0; isZero && i < known->numElements(); ++i)
    isZero = known->getInteger(i) == 0;
  if (isZero)
    zero = {};
  if (zero)
    zero = e.cast(zero, i32);
  if (!call.carrier(index))
    return {call[index], zero};
  // u8 moves down by 128, and so does its zero.
  Value value = e.cast(e.sub(call[index], 128.0), e.builder.getI8Type());
  return {value, zero ? e.sub(zero, 128.0) : e.scalar(-128, i32)};
}

/// Σ (x − zx)(y − zy) = Σ x y − zx Σ y − zy Σ x + k zx zy over k products, in
/// i32: what i8 units multiply is x y alone.
static Value multiplyCentred(Emitter &e, Centred x, Centred y) {
  if (!x.value || !y.value)
    return {};
  int64_t xRank = Emitter::rankOf(x.value), yRank = Emitter::rankOf(y.value);
  Type i32 = e.builder.getI32Type();
  Value sum = e.matmul(x.value, y.value);
  if (x.zero) {
    Value columns = e.sum(e.cast(y.value, i32), {yRank - 2}, true);
    sum = e.sub(sum, e.mul(x.zero, columns));
  }
  if (y.zero) {
    Value rows = e.sum(e.cast(x.value, i32), {xRank - 1}, true);
    sum = e.sub(sum, e.mul(y.zero, rows));
  }
  if (x.zero && y.zero) {
    Value count = e.extent(Emitter::dim(x.value, xRank - 1), i32);
    sum = e.add(sum, e.mul(count, e.mul(x.zero, y.zero)));
  }
  return sum;
}

/// The product of operands `left` and `right`, each with its zero.
static Value multiplyIntegers(Call &call, size_t left, Value leftZero,
                              size_t right, Value rightZero) {
  Emitter &e = call.e;
  if (!takesBytes(call, left, right, "takes two matrices"))
    return {};
  int64_t leftRank = Emitter::rankOf(call[left]);
  int64_t rightRank = Emitter::rankOf(call[right]);
  if (leftRank < 2 || rightRank < 2)
    return e.matmul(centre(e, call[left], alignTo(e, leftZero, 0, 1)),
                    centre(e, call[right], alignTo(e, rightZero, 0, 1)));
  // One zero for each row of the left one, for each column of the right one.
  return multiplyCentred(e, centreByte(call, left, alignTo(e, leftZero, 0, 2)),
                         centreByte(call, right, alignTo(e, rightZero, 1, 2)));
}

Values importMatMulInteger(Call &call) {
  return {multiplyIntegers(call, 0, call[2], 1, call[3])};
}

/// sum · (xScale · yScale / scale) as integers around `zero`, of the type of
/// operand `zeroIndex`.
static Values requantize(Call &call, Value sum, Value xScale, Value yScale,
                         Value scale, size_t zeroIndex) {
  Emitter &e = call.e;
  if (!call.has(zeroIndex))
    return {e.fail("has no zero point of its result")};
  if (!isByte(call, zeroIndex))
    return {e.refuse("only results of i8 and u8 are supported")};
  Value ratio = e.div(e.mul(e.cast(xScale, e.f32()), e.cast(yScale, e.f32())),
                      e.cast(alignTo(e, scale, 0, 1), e.f32()));
  Value zero = alignTo(e, call[zeroIndex], 0, 1);
  if (zero && Emitter::rankOf(zero) != 0)
    return {e.refuse("a zero point for each element is not supported")};
  call.setCarrier(0, call.carrier(zeroIndex));
  return {quantize(e, e.mul(e.cast(sum, e.f32()), ratio), zero,
                   call.carrier(zeroIndex))};
}

Values importQLinearMatMul(Call &call) {
  Emitter &e = call.e;
  Value sum = multiplyIntegers(call, 0, call[2], 3, call[5]);
  return requantize(call, sum, alignTo(e, call[1], 0, 2),
                    alignTo(e, call[4], 1, 2), call[6], 7);
}

/// `x` (i32, within ±255) in floats whose products sum up exactly: x itself, or
/// 16 · parts[1] + parts[0].
static Values splitExactly(Emitter &e, Value x, bool isSplit) {
  Value whole = e.cast(x, e.f32());
  if (!isSplit)
    return {whole};
  Value high = e.unary<asg::FloorOp>(e.mul(whole, 1.0 / 16));
  return {e.sub(whole, e.mul(high, 16.0)), high};
}

/// The convolution of centred integers as i32. Sums of floats are exact up to
/// 2²⁴, so operands are split until theirs stay below.
static Value convolveIntegers(Call &call, size_t xIndex, Value xZero,
                              size_t weightIndex, Value weightZero) {
  Emitter &e = call.e;
  if (!takesBytes(call, xIndex, weightIndex, "takes images and weights"))
    return {};
  int64_t rank = Emitter::rankOf(call[weightIndex]);
  auto extents = e.fixedDims(call[weightIndex]);
  if (!extents || rank < 2)
    return e.fail("takes weights of known shape");
  constexpr int64_t kExact = 1 << 24, kMost = 255;
  int64_t products = 1;
  for (int64_t extent : ArrayRef(*extents).drop_front())
    products = std::min(products * std::max<int64_t>(extent, 1), kExact);
  bool splitsX = products * kMost * kMost >= kExact;
  bool splitsWeight = products * 16 * kMost >= kExact;
  if (products * 16 * 16 > kExact)
    return e.refuse("sums of more than 65536 products are not supported");
  Values xs = splitExactly(
      e, centre(e, call[xIndex], alignTo(e, xZero, 1, rank)), splitsX);
  Values weights = splitExactly(
      e, centre(e, call[weightIndex], alignTo(e, weightZero, 0, rank)),
      splitsWeight);
  Value sum;
  for (auto [i, x] : llvm::enumerate(xs))
    for (auto [k, weight] : llvm::enumerate(weights)) {
      Value term = e.cast(convolve(call, x, weight), e.builder.getI32Type());
      if (i + k > 0)
        term = e.mul(term, double(1 << 4 * (i + k)));
      sum = sum ? e.add(sum, term) : term;
    }
  return sum;
}

Values importConvInteger(Call &call) {
  return {convolveIntegers(call, 0, call[2], 1, call[3])};
}

Values importQLinearConv(Call &call) {
  Emitter &e = call.e;
  Value sum = convolveIntegers(call, 0, call[2], 3, call[5]);
  if (!sum)
    return {};
  int64_t rank = Emitter::rankOf(sum);
  if (call.has(8)) // i32, in units of the product's scale
    sum = e.add(sum, alignTo(e, call[8], 1, rank));
  return requantize(call, sum, alignTo(e, call[1], 1, rank),
                    alignTo(e, call[4], 1, rank), call[6], 7);
}

} // namespace asgc::interop
