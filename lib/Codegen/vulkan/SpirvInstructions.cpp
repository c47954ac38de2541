//===- SpirvInstructions.cpp - Arithmetic of shaders ----------------------===//
#include "SpirvBuilder.h"


using namespace mlir;
using namespace asgc;
using namespace asgc::vulkan;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

//===- Constants ----------------------------------------------------------===//

Value SpirvBuilder::constant(TypedAttr value) {
  auto key = std::pair<Attribute, Type>(value, value.getType());
  if (Value found = constants.lookup(key))
    return found;
  need(value.getType(), false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(entry);
  return constants[key] = make<spirv::ConstantOp>(value.getType(), value);
}

//===- Arithmetic ---------------------------------------------------------===//

/// Towards zero; GLSL.std.450's Trunc is not in the dialect.
Value SpirvBuilder::truncate(Value x) {
  Value isNegative = compare(CmpFPredicate::OLT, x, floatLike(x, 0));
  return select(isNegative, make<spirv::GLCeilOp>(x),
                make<spirv::GLFloorOp>(x));
}

Value SpirvBuilder::unary(Unary kind, Value x) {
  switch (kind) {
  case Unary::NegF:
    return make<spirv::FNegateOp>(x);
  case Unary::AbsF:
    return make<spirv::GLFAbsOp>(x);
  case Unary::Sqrt:
    return make<spirv::GLSqrtOp>(x);
  case Unary::Floor:
    return make<spirv::GLFloorOp>(x);
  case Unary::Ceil:
    return make<spirv::GLCeilOp>(x);
  case Unary::Trunc:
    return truncate(x);
  case Unary::RoundEven:
    return make<spirv::GLRoundEvenOp>(x);
  }
  return {};
}

/// Truth values as numbers of one bit.
Value SpirvBuilder::logical(Binary kind, Value x, Value y) {
  switch (kind) {
  case Binary::And:
  case Binary::MulI:
  case Binary::MaxS: // true is -1
  case Binary::MinU:
    return make<spirv::LogicalAndOp>(x, y);
  case Binary::Or:
  case Binary::MinS:
  case Binary::MaxU:
    return make<spirv::LogicalOrOp>(x, y);
  default:
    return make<spirv::LogicalNotEqualOp>(x, y);
  }
}

Value SpirvBuilder::binary(Binary kind, Value x, Value y) {
  if (elementOf(x).isInteger(1))
    return logical(kind, x, y);
  auto choose = [&](CmpIPredicate predicate) {
    return select(compare(predicate, x, y), x, y);
  };
  switch (kind) {
  case Binary::AddF:
    return makeExact<spirv::FAddOp>(x, y);
  case Binary::SubF:
    return makeExact<spirv::FSubOp>(x, y);
  case Binary::MulF:
    return makeExact<spirv::FMulOp>(x, y);
  case Binary::DivF:
    return makeExact<spirv::FDivOp>(x, y);
  case Binary::CopySign: {
    Value magnitude = andI(cast(Cast::Bits, x, intType(32)), i32(0x7fffffff));
    Value sign = andI(cast(Cast::Bits, y, intType(32)), i32(0x80000000));
    return cast(Cast::Bits, orI(magnitude, sign), f32Type());
  }
  case Binary::AddI:
    return make<spirv::IAddOp>(x, y);
  case Binary::SubI:
    return make<spirv::ISubOp>(x, y);
  case Binary::MulI:
    return make<spirv::IMulOp>(x, y);
  case Binary::DivS:
    return make<spirv::SDivOp>(x, y);
  case Binary::DivU:
    return make<spirv::UDivOp>(x, y);
  case Binary::RemS: // what OpSRem gives for negative numbers is not defined
    return subI(x, mulI(make<spirv::SDivOp>(x, y), y));
  case Binary::RemU:
    return make<spirv::UModOp>(x, y);
  case Binary::And:
    return make<spirv::BitwiseAndOp>(x, y);
  case Binary::Or:
    return make<spirv::BitwiseOrOp>(x, y);
  case Binary::Xor:
    return make<spirv::BitwiseXorOp>(x, y);
  case Binary::Shl:
    return make<spirv::ShiftLeftLogicalOp>(x.getType(), x, y);
  case Binary::ShrS:
    return make<spirv::ShiftRightArithmeticOp>(x.getType(), x, y);
  case Binary::ShrU:
    return make<spirv::ShiftRightLogicalOp>(x.getType(), x, y);
  case Binary::MinS:
    return choose(CmpIPredicate::slt);
  case Binary::MaxS:
    return choose(CmpIPredicate::sgt);
  case Binary::MinU:
    return choose(CmpIPredicate::ult);
  case Binary::MaxU:
    return choose(CmpIPredicate::ugt);
  }
  return {};
}

Value SpirvBuilder::fma(Value x, Value y, Value z) {
  return makeExact<spirv::GLFmaOp>(x.getType(), x, y, z);
}

//===- Comparisons --------------------------------------------------------===//

Value SpirvBuilder::compare(CmpFPredicate predicate, Value x, Value y) {
  auto isNan = [&] {
    Value value = make<spirv::IsNanOp>(x);
    return x == y ? value
                  : make<spirv::LogicalOrOp>(value, make<spirv::IsNanOp>(y));
  };
  switch (predicate) {
  case CmpFPredicate::AlwaysFalse:
    return boolean(false);
  case CmpFPredicate::AlwaysTrue:
    return boolean(true);
  case CmpFPredicate::OEQ:
    return make<spirv::FOrdEqualOp>(x, y);
  case CmpFPredicate::OGT:
    return make<spirv::FOrdGreaterThanOp>(x, y);
  case CmpFPredicate::OGE:
    return make<spirv::FOrdGreaterThanEqualOp>(x, y);
  case CmpFPredicate::OLT:
    return make<spirv::FOrdLessThanOp>(x, y);
  case CmpFPredicate::OLE:
    return make<spirv::FOrdLessThanEqualOp>(x, y);
  case CmpFPredicate::ONE:
    return make<spirv::FOrdNotEqualOp>(x, y);
  case CmpFPredicate::ORD:
    return make<spirv::LogicalNotOp>(isNan());
  case CmpFPredicate::UEQ:
    return make<spirv::FUnordEqualOp>(x, y);
  case CmpFPredicate::UGT:
    return make<spirv::FUnordGreaterThanOp>(x, y);
  case CmpFPredicate::UGE:
    return make<spirv::FUnordGreaterThanEqualOp>(x, y);
  case CmpFPredicate::ULT:
    return make<spirv::FUnordLessThanOp>(x, y);
  case CmpFPredicate::ULE:
    return make<spirv::FUnordLessThanEqualOp>(x, y);
  case CmpFPredicate::UNE:
    return make<spirv::FUnordNotEqualOp>(x, y);
  case CmpFPredicate::UNO:
    return isNan();
  }
  return {};
}

Value SpirvBuilder::compare(CmpIPredicate predicate, Value x, Value y) {
  if (elementOf(x).isInteger(1)) {
    if (predicate == CmpIPredicate::eq)
      return make<spirv::LogicalEqualOp>(x, y);
    if (predicate == CmpIPredicate::ne)
      return make<spirv::LogicalNotEqualOp>(x, y);
    bool isSigned =
        predicate >= CmpIPredicate::slt && predicate <= CmpIPredicate::sge;
    Cast extension = isSigned ? Cast::ExtS : Cast::ExtU;
    x = cast(extension, x, intType(32));
    y = cast(extension, y, intType(32));
  }
  switch (predicate) {
  case CmpIPredicate::eq:
    return make<spirv::IEqualOp>(x, y);
  case CmpIPredicate::ne:
    return make<spirv::INotEqualOp>(x, y);
  case CmpIPredicate::slt:
    return make<spirv::SLessThanOp>(x, y);
  case CmpIPredicate::sle:
    return make<spirv::SLessThanEqualOp>(x, y);
  case CmpIPredicate::sgt:
    return make<spirv::SGreaterThanOp>(x, y);
  case CmpIPredicate::sge:
    return make<spirv::SGreaterThanEqualOp>(x, y);
  case CmpIPredicate::ult:
    return make<spirv::ULessThanOp>(x, y);
  case CmpIPredicate::ule:
    return make<spirv::ULessThanEqualOp>(x, y);
  case CmpIPredicate::ugt:
    return make<spirv::UGreaterThanOp>(x, y);
  case CmpIPredicate::uge:
    return make<spirv::UGreaterThanEqualOp>(x, y);
  }
  return {};
}

Value SpirvBuilder::select(Value condition, Value x, Value y) {
  return make<spirv::SelectOp>(condition, x, y);
}

//===- Conversions --------------------------------------------------------===//

/// The 16 bits of an f16 as f32, denormals too.
Value SpirvBuilder::halfToFloat(Value bits) {
  Value wide = cast(Cast::ExtU, bits, intType(32));
  Value sign = shl(andI(wide, i32(0x8000)), i32(16));
  Value rest = andI(wide, i32(0x7fff));
  Value mantissa = andI(wide, i32(0x3ff));
  Value exponent = andI(wide, i32(0x7c00));
  // The exponent's bias is 112 more; that of infinities and NaNs grows twice.
  Value bias = choose(test(CmpIPredicate::eq, exponent, i32(0x7c00)),
                      i32(224 << 23), i32(112 << 23));
  Value normal = addI(shl(rest, i32(13)), bias);
  Value denormal =
      cast(Cast::Bits,
           mulF(cast(Cast::IntToFloatS, mantissa, f32Type()), f32(0x1p-24)),
           intType(32));
  Value isSmall = test(CmpIPredicate::eq, exponent, i32(0));
  return cast(Cast::Bits, orI(choose(isSmall, denormal, normal), sign),
              f32Type());
}

/// Rounds to the nearest f16, ties to even, and gives its 16 bits.
Value SpirvBuilder::floatToHalf(Value x) {
  Value bits = cast(Cast::Bits, x, intType(32));
  Value sign = andI(shrU(bits, i32(16)), i32(0x8000));
  Value magnitude = andI(bits, i32(0x7fffffff));
  // A normal f16: round at bit 13, then take off the larger bias.
  Value last = andI(shrU(magnitude, i32(13)), i32(1));
  Value rounded = addI(magnitude, addI(last, i32(0xfff)));
  Value normal = subI(shrU(rounded, i32(13)), i32(112 << 10));
  // A denormal f16 is a whole number of 2^-24.
  Value scaled = mulF(cast(Cast::Bits, magnitude, f32Type()), f32(0x1p24));
  Value denormal =
      cast(Cast::FloatToInt, unary(Unary::RoundEven, scaled), intType(32));
  Value isDenormal = test(CmpIPredicate::ult, magnitude, i32(113 << 23));
  // From 65520 on the nearest is infinity.
  Value isHuge = test(CmpIPredicate::uge, magnitude, i32(0x477ff000));
  Value isNan = test(CmpIPredicate::ugt, magnitude, i32(0x7f800000));
  Value payload = orI(andI(shrU(magnitude, i32(13)), i32(0x3ff)), i32(0x7e00));
  denormal = choose(isDenormal, denormal, normal);
  Value half = choose(isNan, payload, choose(isHuge, i32(0x7c00), denormal));
  return cast(Cast::TruncI, orI(half, sign), intType(16));
}

Value SpirvBuilder::floatToIntSat(Value x, Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  // Narrow types saturate as i32 first.
  if (bits < 32) {
    Value wide = floatToIntSat(x, intType(32));
    int64_t most = (int64_t(1) << (bits - 1)) - 1;
    wide = two(Binary::MaxS, wide, i32(-most - 1));
    return cast(Cast::TruncI, two(Binary::MinS, wide, i32(most)), type);
  }
  Value limit = floatLike(x, std::ldexp(1.0, bits - 1));
  Value low = floatLike(x, -std::ldexp(1.0, bits - 1));
  Value isHigh = compare(CmpFPredicate::OGE, x, limit);
  Value isLow = compare(CmpFPredicate::OLT, x, low);
  Value isNan = compare(CmpFPredicate::UNO, x, x);
  Value isOut = orI(orI(isHigh, isLow), isNan);
  Value whole = make<spirv::ConvertFToSOp>(typeLike(x, type),
                                           select(isOut, floatLike(x, 0), x));
  auto number = [&](APInt value) {
    return constant(builder.getIntegerAttr(type, value));
  };
  whole = choose(isHigh, number(APInt::getSignedMaxValue(bits)), whole);
  return choose(isLow, number(APInt::getSignedMinValue(bits)), whole);
}

Value SpirvBuilder::cast(Cast kind, Value x, Type element) {
  Type from = elementOf(x);
  Type to = element.isF16() ? builder.getI16Type() : element;
  need(from, false);
  need(to, false);
  Type type = typeLike(x, to);
  bool isTruth = from.isInteger(1);
  // The dialect folds no conversions.
  if (auto known = x.getDefiningOp<spirv::ConstantOp>())
    if (auto number = dyn_cast<IntegerAttr>(known.getValue());
        number && !isTruth && !to.isInteger(1)) {
      unsigned bits = to.getIntOrFloatBitWidth();
      if (kind == Cast::ExtU || kind == Cast::TruncI)
        return constant(
            builder.getIntegerAttr(to, number.getValue().zextOrTrunc(bits)));
      if (kind == Cast::ExtS)
        return constant(
            builder.getIntegerAttr(to, number.getValue().sextOrTrunc(bits)));
    }
  auto truth = [&](double one) {
    auto number = [&](double value) {
      return to.isF64()   ? f64(value)
             : to.isF32() ? f32(value)
                          : integer(int64_t(value), to.getIntOrFloatBitWidth());
    };
    return choose(x, number(one), number(0));
  };
  switch (kind) {
  case Cast::Bits:
    return from == to ? x : make<spirv::BitcastOp>(type, x);
  case Cast::ExtF:
    if (from.isInteger(16))
      return halfToFloat(x);
    return from == to ? x : make<spirv::FConvertOp>(type, x);
  case Cast::TruncF:
    if (to.isInteger(16))
      return floatToHalf(x);
    return from == to ? x : make<spirv::FConvertOp>(type, x);
  case Cast::ExtS:
    if (from.isInteger(32) && to.isInteger(64)) {
      // docs/gpu.md says why not SConvert
      Value high = shl(make<spirv::UConvertOp>(type, x), i64(32));
      Value result = shrS(high, i64(32));
      narrow[result] = x;
      return result;
    }
    return isTruth      ? truth(-1)
           : from == to ? x
                        : make<spirv::SConvertOp>(type, x);
  case Cast::ExtU:
    return isTruth      ? truth(1)
           : from == to ? x
                        : make<spirv::UConvertOp>(type, x);
  case Cast::TruncI:
    if (from == to)
      return x;
    if (to.isInteger(1)) {
      Value one = integer(1, from.getIntOrFloatBitWidth());
      return test(CmpIPredicate::eq, andI(x, one), one);
    }
    if (Value known = to.isInteger(32) ? narrow.lookup(x) : Value())
      return known;
    return make<spirv::UConvertOp>(type, x);
  case Cast::IntToFloatS:
    return isTruth ? truth(-1) : make<spirv::ConvertSToFOp>(type, x);
  case Cast::IntToFloatU:
    return isTruth ? truth(1) : make<spirv::ConvertUToFOp>(type, x);
  case Cast::FloatToInt:
    return make<spirv::ConvertFToSOp>(type, x);
  case Cast::FloatToIntSat:
    return floatToIntSat(x, to);
  }
  return {};
}

//===- Powers of two ------------------------------------------------------===//

/// The float whose exponent are the last bits of a float from 2²³ to 2²⁴, with
/// the bias of 127.
static Value fromExponent(KernelBuilder &b, Value exponent) {
  Value bits = b.cast(Cast::Bits, exponent, b.intType(32));
  return b.cast(Cast::Bits, b.shl(bits, b.i32(23)), b.f32Type());
}

/// Whole numbers up to 2²² are the last bits of their sum with this one.
constexpr double kWhole = 0x1.8p23 + 127;

Value SpirvBuilder::powerOfTwo(Value n) {
  return fromExponent(*this, addF(n, f32(kWhole)));
}

/// In two steps, as the common form, for the n that callers have, |n| ≤ 151: of
/// both steps only the one that may leave the normal numbers rounds.
Value SpirvBuilder::scaleByPowerOfTwo(Value x, Value n) {
  Value isNegative = test(CmpFPredicate::OLT, n, f32(0));
  Value rest = choose(isNegative, f32(0x1p-25), f32(2));
  Value offset = choose(isNegative, f32(kWhole + 25), f32(kWhole - 1));
  return mulF(mulF(x, fromExponent(*this, addF(n, offset))), rest);
}
