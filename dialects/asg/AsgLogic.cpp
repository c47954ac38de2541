//===- AsgLogic.cpp - Truth values, choice, and element types -------------===//
#include "dialects/asg/AsgChecks.h"

#include "llvm/ADT/APSInt.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

LogicalResult CompareOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  if (failed(checkTensors(fault, operands)))
    return failure();
  results.push_back(withElementType(tensorType(operands[0]),
                                    IntegerType::get(context, 1)));
  return success();
}

LogicalResult SelectOp::verify() {
  Type boolType = IntegerType::get(getContext(), 1);
  if (getCondition().getType() != withElementType(getY().getType(), boolType))
    return Fault(*this)("selects ", describe(getY().getType()), " by ",
                        describe(getCondition().getType()),
                        ", which has another shape");
  return success();
}

LogicalResult CastOp::verify() {
  auto from = getX().getType(), to = getY().getType();
  if (withElementType(from, to.getElementType()) != to)
    return Fault(*this)("changes the element type only, not ", describe(from),
                        " to ", describe(to));
  return success();
}

SmallVector<Value> CastOp::buildGradient(OpBuilder &builder,
                                         ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(getX().getType()))
    return {Value()};
  return {CastOp::create(builder, getLoc(), getX().getType(), dy)};
}

//===- Folds --------------------------------------------------------------===//

namespace {
/// One element as the cast of `Asg_CastOp` makes it.
Attribute castElement(Attribute element, Type to) {
  bool isLost;
  if (auto number = dyn_cast<FloatAttr>(element)) {
    APFloat value = number.getValue();
    if (auto floatType = dyn_cast<FloatType>(to)) {
      value.convert(floatType.getFloatSemantics(),
                    APFloat::rmNearestTiesToEven, &isLost);
      return FloatAttr::get(to, value);
    }
    if (to.isInteger(1))
      return IntegerAttr::get(to, value.isZero() ? 0 : 1);
    // Saturates, and makes 0 of NaN.
    APSInt integer(to.getIntOrFloatBitWidth(), /*isUnsigned=*/false);
    value.convertToInteger(integer, APFloat::rmTowardZero, &isLost);
    return IntegerAttr::get(to, integer);
  }
  APInt value = cast<IntegerAttr>(element).getValue();
  bool isBool = value.getBitWidth() == 1;
  if (auto floatType = dyn_cast<FloatType>(to)) {
    APFloat result(floatType.getFloatSemantics());
    result.convertFromAPInt(value, !isBool, APFloat::rmNearestTiesToEven);
    return FloatAttr::get(to, result);
  }
  unsigned width = to.getIntOrFloatBitWidth();
  if (width == 1)
    return IntegerAttr::get(to, value.isZero() ? 0 : 1);
  return IntegerAttr::get(to, isBool ? value.zextOrTrunc(width)
                                     : value.sextOrTrunc(width));
}

/// Larger constants that are no splat stay as they were written.
constexpr int64_t kMaxFolded = 1024;
} // namespace

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  auto values = dyn_cast_or_null<DenseElementsAttr>(adaptor.getX());
  if (!values || (!values.isSplat() && values.getNumElements() > kMaxFolded))
    return {};
  Type to = getY().getType().getElementType();
  if (values.isSplat())
    return DenseElementsAttr::get(
        getY().getType(), castElement(values.getSplatValue<Attribute>(), to));
  SmallVector<Attribute> elements;
  for (Attribute element : values.getValues<Attribute>())
    elements.push_back(castElement(element, to));
  return DenseElementsAttr::get(getY().getType(), elements);
}
