//===- ScalarOps.cpp - Ops of arith and math as instructions --------------===//
#include "Model.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

Type kernels::registerType(Type type) {
  if (type.isF16() || type.isBF16())
    return Float32Type::get(type.getContext());
  if (type.isIndex())
    return IntegerType::get(type.getContext(), 64);
  return type;
}

Type kernels::storageType(Type element) {
  MLIRContext *context = element.getContext();
  if (element.isInteger(1))
    return IntegerType::get(context, 8);
  if (element.isBF16())
    return IntegerType::get(context, 16);
  return element;
}

Value kernels::decode(KernelBuilder &b, Value raw, Type element) {
  if (element.isInteger(1))
    return b.test(arith::CmpIPredicate::ne, raw, b.integer(0, 8));
  if (element.isBF16())
    return Math(b).fromBf16Bits(raw);
  return element.isF16() ? b.cast(Cast::ExtF, raw, b.f32Type()) : raw;
}

Value kernels::encode(KernelBuilder &b, Value value, Type element) {
  if (element.isInteger(1))
    return b.cast(Cast::ExtU, value, b.intType(8));
  if (element.isBF16())
    return Math(b).bf16Bits(value);
  return element.isF16() ? b.cast(Cast::TruncF, value, element) : value;
}

namespace {

/// Emits the one op it is made for. A method per kind of op keeps this
/// readable; `done` stays false for an op without code.
struct Emitter {
  KernelBuilder &b;
  Operation *op;
  ArrayRef<Value> in;
  SmallVectorImpl<Value> &out;
  Math math{b};

  Value float2(Binary kind) {
    b.mayContract = true;
    Value value = b.two(kind, in[0], in[1]);
    b.mayContract = false;
    return value;
  }
  Value int2(Binary kind) { return b.two(kind, in[0], in[1]); }

  Value divide() {
    bool isUniform =
        !isa<VectorType>(in[1].getType()) && isa<VectorType>(in[0].getType());
    // On narrow vectors a division is as fast as what replaces it.
    return isUniform && b.lanes >= 16 ? math.divideByUniform(in[0], in[1])
                                      : b.divF(in[0], in[1]);
  }

  /// One operand that is known to be no NaN may go first.
  Value extremum(bool isMax) {
    auto isNumber = [&](unsigned index) {
      FloatAttr value;
      return matchPattern(op->getOperand(index), m_Constant(&value)) &&
             !value.getValue().isNaN();
    };
    auto one = [&](Value x, Value y) {
      return isMax ? b.maxOrSecond(x, y) : b.minOrSecond(x, y);
    };
    if (isNumber(1))
      return one(in[1], in[0]);
    if (isNumber(0))
      return one(in[0], in[1]);
    return isMax ? math.maximum(in[0], in[1]) : math.minimum(in[0], in[1]);
  }

  /// The other operand if one is NaN.
  Value numberExtremum(bool isMax) {
    Value one =
        isMax ? b.maxOrSecond(in[0], in[1]) : b.minOrSecond(in[0], in[1]);
    Value isNan = b.test(arith::CmpFPredicate::UNO, in[1], in[1]);
    return b.choose(isNan, in[0], one);
  }

  Value floorDivide() {
    Value quotient = math.divideS(in[0], in[1]);
    unsigned bits = b.elementOf(quotient).getIntOrFloatBitWidth();
    Value zero = b.integer(0, bits);
    Value rest = b.subI(in[0], b.mulI(quotient, in[1]));
    Value inexact = b.test(arith::CmpIPredicate::ne, rest, zero);
    Value opposite =
        b.test(arith::CmpIPredicate::slt, b.xorI(in[0], in[1]), zero);
    Value isZero = b.test(arith::CmpIPredicate::eq, in[1], zero);
    Value down = b.choose(b.andI(inexact, opposite),
                          b.subI(quotient, b.integer(1, bits)), quotient);
    return b.choose(isZero, zero, down);
  }

  void extendedMultiply(Cast extension) {
    Type type = b.elementOf(in[0]);
    unsigned bits = type.getIntOrFloatBitWidth();
    if (bits > 32)
      return;
    Type wide = b.intType(2 * bits);
    Value product =
        b.mulI(b.cast(extension, in[0], wide), b.cast(extension, in[1], wide));
    out.push_back(b.cast(Cast::TruncI, product, type));
    out.push_back(
        b.cast(Cast::TruncI, b.shrU(product, b.integer(bits, 2 * bits)), type));
  }

  Value constant(TypedAttr value) {
    if (auto number = dyn_cast<FloatAttr>(value)) {
      bool isWide = number.getType().isF64();
      return isWide ? b.f64(number.getValueAsDouble())
                    : b.f32(number.getValueAsDouble());
    }
    auto number = dyn_cast<IntegerAttr>(value);
    if (!number)
      return {};
    Type type = registerType(number.getType());
    return b.constant(b.builder.getIntegerAttr(type, number.getValue()));
  }

  Value bitcast(Type from, Type to) {
    Value bits = in[0];
    if (from.isBF16())
      bits = math.bf16Bits(bits);
    else if (from.isF16())
      bits = b.cast(Cast::TruncF, bits, from);
    if (to.isBF16())
      return math.fromBf16Bits(b.cast(Cast::Bits, bits, b.intType(16)));
    bits = b.cast(Cast::Bits, bits, to);
    return to.isF16() ? b.cast(Cast::ExtF, bits, b.f32Type()) : bits;
  }

  Value toUnsigned(Type to) {
    unsigned bits = to.getIntOrFloatBitWidth();
    if (bits > 32)
      return {};
    Value wide = b.cast(Cast::FloatToIntSat, in[0], b.intType(64));
    wide = b.two(Binary::MaxS, wide, b.i64(0));
    wide = b.two(Binary::MinS, wide, b.i64((int64_t(1) << bits) - 1));
    return b.cast(Cast::TruncI, wide, to);
  }

  Value indexCast(Type from, Type to, Cast extension) {
    unsigned fromBits = registerType(from).getIntOrFloatBitWidth();
    unsigned toBits = registerType(to).getIntOrFloatBitWidth();
    return b.cast(fromBits < toBits ? extension : Cast::TruncI, in[0],
                  registerType(to));
  }

  Value power(math::PowFOp power) {
    FloatAttr exponent;
    if (matchPattern(power.getRhs(), m_Constant(&exponent))) {
      double value = exponent.getValueAsDouble();
      if (value == 1)
        return in[0];
      if (value == 2)
        return b.mulF(in[0], in[0]);
      if (value == -1)
        return b.divF(b.f32(1), in[0]);
    }
    return math.pow(in[0], in[1]);
  }

  Value isFinite(arith::CmpFPredicate predicate) {
    return b.test(predicate, b.absF(in[0]),
                  b.f32(std::numeric_limits<double>::infinity()));
  }

  Value arithmetic();
  Value conversion();
  Value mathFunction();
  Value mathRounding();
};

Value Emitter::arithmetic() {
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::AddFOp) { return float2(Binary::AddF); })
      .Case([&](arith::SubFOp) { return float2(Binary::SubF); })
      .Case([&](arith::MulFOp) { return float2(Binary::MulF); })
      .Case([&](arith::DivFOp) { return divide(); })
      .Case([&](arith::RemFOp) { return math.remainder(in[0], in[1]); })
      .Case([&](arith::NegFOp) { return b.negF(in[0]); })
      .Case([&](arith::MaximumFOp) { return extremum(true); })
      .Case([&](arith::MinimumFOp) { return extremum(false); })
      .Case([&](arith::MaxNumFOp) { return numberExtremum(true); })
      .Case([&](arith::MinNumFOp) { return numberExtremum(false); })
      .Case([&](arith::AddIOp) { return int2(Binary::AddI); })
      .Case([&](arith::SubIOp) { return int2(Binary::SubI); })
      .Case([&](arith::MulIOp) { return int2(Binary::MulI); })
      .Case([&](arith::DivSIOp) { return math.divideS(in[0], in[1]); })
      .Case([&](arith::DivUIOp) { return math.divideU(in[0], in[1]); })
      .Case([&](arith::RemSIOp) { return math.remainderS(in[0], in[1]); })
      .Case([&](arith::RemUIOp) { return math.remainderU(in[0], in[1]); })
      .Case([&](arith::FloorDivSIOp) { return floorDivide(); })
      .Case([&](arith::AndIOp) { return int2(Binary::And); })
      .Case([&](arith::OrIOp) { return int2(Binary::Or); })
      .Case([&](arith::XOrIOp) { return int2(Binary::Xor); })
      .Case([&](arith::ShLIOp) { return int2(Binary::Shl); })
      .Case([&](arith::ShRSIOp) { return int2(Binary::ShrS); })
      .Case([&](arith::ShRUIOp) { return int2(Binary::ShrU); })
      .Case([&](arith::MaxSIOp) { return int2(Binary::MaxS); })
      .Case([&](arith::MinSIOp) { return int2(Binary::MinS); })
      .Case([&](arith::MaxUIOp) { return int2(Binary::MaxU); })
      .Case([&](arith::MinUIOp) { return int2(Binary::MinU); })
      .Case([&](arith::CmpFOp compare) {
        return b.test(compare.getPredicate(), in[0], in[1]);
      })
      .Case([&](arith::CmpIOp compare) {
        return b.test(compare.getPredicate(), in[0], in[1]);
      })
      .Case([&](arith::SelectOp) { return b.choose(in[0], in[1], in[2]); })
      .Case([&](arith::ConstantOp c) { return constant(c.getValue()); })
      .Default([](Operation *) { return Value(); });
}

Value Emitter::conversion() {
  Type from = op->getNumOperands() ? op->getOperand(0).getType() : Type();
  Type to = op->getResult(0).getType();
  Type type = registerType(to);
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::ExtFOp) { return in[0]; })
      // Rounded below, as every result of a narrow type is.
      .Case([&](arith::TruncFOp) { return in[0]; })
      .Case([&](arith::ExtSIOp) { return b.cast(Cast::ExtS, in[0], type); })
      .Case([&](arith::ExtUIOp) { return b.cast(Cast::ExtU, in[0], type); })
      .Case([&](arith::TruncIOp) { return b.cast(Cast::TruncI, in[0], type); })
      .Case([&](arith::SIToFPOp) {
        return b.cast(Cast::IntToFloatS, in[0], type);
      })
      .Case([&](arith::UIToFPOp) {
        return b.cast(Cast::IntToFloatU, in[0], type);
      })
      .Case([&](arith::FPToSIOp) {
        return b.cast(Cast::FloatToIntSat, in[0], type);
      })
      .Case([&](arith::FPToUIOp) { return toUnsigned(type); })
      .Case([&](arith::BitcastOp) { return bitcast(from, to); })
      .Case([&](arith::IndexCastOp) { return indexCast(from, to, Cast::ExtS); })
      .Case(
          [&](arith::IndexCastUIOp) { return indexCast(from, to, Cast::ExtU); })
      .Default([](Operation *) { return Value(); });
}

Value Emitter::mathFunction() {
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](math::ExpOp) { return math.exp(in[0]); })
      .Case([&](math::Exp2Op) { return math.exp2(in[0]); })
      .Case([&](math::ExpM1Op) { return math.expm1(in[0]); })
      .Case([&](math::LogOp) { return math.log(in[0]); })
      .Case([&](math::Log2Op) { return math.log2(in[0]); })
      .Case([&](math::Log10Op) { return math.log10(in[0]); })
      .Case([&](math::Log1pOp) { return math.log1p(in[0]); })
      .Case([&](math::TanhOp) { return math.tanh(in[0]); })
      .Case([&](math::ErfOp) { return math.erf(in[0]); })
      .Case([&](math::SinOp) { return math.sin(in[0]); })
      .Case([&](math::CosOp) { return math.cos(in[0]); })
      .Case([&](math::PowFOp pow) { return power(pow); })
      .Case([&](math::SqrtOp) { return b.unary(Unary::Sqrt, in[0]); })
      .Case([&](math::RsqrtOp) { return math.rsqrt(in[0]); })
      .Case([&](math::FmaOp) { return b.three(in[0], in[1], in[2]); })
      .Default([](Operation *) { return Value(); });
}

Value Emitter::mathRounding() {
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](math::AbsFOp) { return b.absF(in[0]); })
      .Case([&](math::AbsIOp) {
        unsigned bits = b.elementOf(in[0]).getIntOrFloatBitWidth();
        Value negative = b.subI(b.integer(0, bits), in[0]);
        return b.two(Binary::MaxS, in[0], negative);
      })
      .Case([&](math::FloorOp) { return b.unary(Unary::Floor, in[0]); })
      .Case([&](math::CeilOp) { return b.unary(Unary::Ceil, in[0]); })
      .Case([&](math::TruncOp) { return b.unary(Unary::Trunc, in[0]); })
      .Case([&](math::RoundOp) { return math.round(in[0]); })
      .Case([&](math::RoundEvenOp) { return b.unary(Unary::RoundEven, in[0]); })
      .Case([&](math::CopySignOp) { return int2(Binary::CopySign); })
      .Case([&](math::IsNaNOp) {
        return b.test(arith::CmpFPredicate::UNO, in[0], in[0]);
      })
      .Case([&](math::IsInfOp) { return isFinite(arith::CmpFPredicate::OEQ); })
      .Case(
          [&](math::IsFiniteOp) { return isFinite(arith::CmpFPredicate::OLT); })
      .Default([](Operation *) { return Value(); });
}

} // namespace

bool kernels::emitScalarOp(KernelBuilder &builder, Operation *op,
                           ArrayRef<Value> operands,
                           SmallVectorImpl<Value> &results) {
  Emitter emitter{builder, op, operands, results};
  if (isa<arith::MulUIExtendedOp>(op))
    emitter.extendedMultiply(Cast::ExtU);
  else if (isa<arith::MulSIExtendedOp>(op))
    emitter.extendedMultiply(Cast::ExtS);
  if (!results.empty())
    return true;
  if (op->getNumResults() != 1)
    return false;
  Value value = emitter.arithmetic();
  if (!value)
    value = emitter.conversion();
  if (!value)
    value = emitter.mathFunction();
  if (!value)
    value = emitter.mathRounding();
  if (!value)
    return false;
  // A constant is rounded already.
  if (!isa<arith::ConstantOp>(op))
    value = emitter.math.roundTo(value, op->getResult(0).getType());
  results.push_back(value);
  return true;
}

//===- Reductions ---------------------------------------------------------===//

Value kernels::combine(KernelBuilder &b, plan::ReduceKind kind, Value x,
                       Value y) {
  bool isFloat = isa<FloatType>(b.elementOf(y));
  switch (kind) {
  case plan::ReduceKind::add:
    return b.two(isFloat ? Binary::AddF : Binary::AddI, x, y);
  case plan::ReduceKind::mul:
    return b.two(isFloat ? Binary::MulF : Binary::MulI, x, y);
  case plan::ReduceKind::max:
    // The new value comes first: its test for NaN does not wait for the old.
    return isFloat ? Math(b).maximum(y, x) : b.two(Binary::MaxS, x, y);
  case plan::ReduceKind::min:
    return isFloat ? Math(b).minimum(y, x) : b.two(Binary::MinS, x, y);
  }
  return {};
}

Value kernels::identity(KernelBuilder &b, plan::ReduceKind kind, Type type) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  bool isFloat = isa<FloatType>(type);
  unsigned bits = type.getIntOrFloatBitWidth();
  switch (kind) {
  case plan::ReduceKind::add:
    return isFloat ? b.f32(0) : b.integer(0, bits);
  case plan::ReduceKind::mul:
    return isFloat ? b.f32(1) : b.integer(1, bits);
  case plan::ReduceKind::max:
    return isFloat
               ? b.f32(-infinity)
               : b.integer(APInt::getSignedMinValue(bits).getSExtValue(), bits);
  case plan::ReduceKind::min:
    return isFloat
               ? b.f32(infinity)
               : b.integer(APInt::getSignedMaxValue(bits).getSExtValue(), bits);
  }
  return {};
}

Value kernels::combineLanes(KernelBuilder &b, plan::ReduceKind kind,
                            Value vector) {
  while (b.lanesOf(vector) > 1) {
    auto [lower, upper] = b.halves(vector);
    vector = combine(b, kind, lower, upper);
  }
  return vector;
}
