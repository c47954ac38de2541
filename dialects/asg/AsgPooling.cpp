//===- AsgPooling.cpp - Windows over images -------------------------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Types --------------------------------------------------------------===//

namespace {
struct PoolGeometry {
  ArrayRef<int64_t> kernel, strides, padLow, padHigh, dilations;
};

LogicalResult checkImages(Fault fault, RankedTensorType x) {
  if (x.getRank() != 4)
    return fault("takes images [n, c, h, w], not ", describe(x));
  return success();
}

/// The type that the windows of `x` are reduced to; null with an error if there
/// is none.
RankedTensorType inferPool(Fault fault, RankedTensorType x,
                           PoolGeometry geometry) {
  if (failed(checkGeometry(fault, "kernel", geometry.kernel, 2, 1)) ||
      failed(checkGeometry(fault, "strides", geometry.strides, 2, 1)) ||
      failed(checkGeometry(fault, "padLow", geometry.padLow, 2, 0)) ||
      failed(checkGeometry(fault, "padHigh", geometry.padHigh, 2, 0)) ||
      failed(checkGeometry(fault, "dilations", geometry.dilations, 2, 1)) ||
      failed(checkImages(fault, x)))
    return {};
  SmallVector<DimExpr> dims = {getDim(x, 0), getDim(x, 1)};
  for (int64_t i = 0; i < 2; ++i) {
    auto refuse = [&](const Twine &why) -> RankedTensorType {
      (void)fault("cannot pool axis ", i + 2, " of ", describe(x), ": ",
                  why.str());
      return {};
    };
    int64_t window = geometry.dilations[i] * (geometry.kernel[i] - 1) + 1;
    int64_t padLow = geometry.padLow[i], padHigh = geometry.padHigh[i];
    if (window > kMaxGeometry)
      return refuse("the window is too large");
    // Every window then holds an element: its first tap lies before the end,
    // its last one not before the start. Between taps of a dilated window an
    // image could still slip through, if it is shorter than the gap.
    if (padLow >= window || padHigh >= window)
      return refuse("the padding " + Twine(std::max(padLow, padHigh)) +
                    " is not below the window's extent " + Twine(window) +
                    ", so windows of padding alone would appear");
    DimExpr extent = getDim(x, i + 2);
    if (extent.asConstant() == 0 ||
        (geometry.dilations[i] > 1 && padLow > 0 &&
         extent.minimum().value_or(0) < geometry.dilations[i]))
      return refuse("its extent " + extent.str() +
                    " is shorter than the step between taps, so windows of "
                    "padding alone could appear");
    DimExpr room = extent + (padLow + padHigh - window);
    if (room.asConstant().value_or(0) < 0)
      return refuse("the window reaches over " + Twine(window) +
                    " elements, the padded image has " +
                    Twine(*room.asConstant() + window));
    dims.push_back(room.floorDiv(geometry.strides[i]) + 1);
  }
  return withDims(x, dims);
}

/// Checks that places h · W + w in the planes of `x` fit in i32.
LogicalResult checkPlane(Fault fault, RankedTensorType x) {
  if (failed(checkImages(fault, x)))
    return failure();
  std::optional<int64_t> plane =
      (getDim(x, 2) * getDim(x, 3)).asConstant();
  if (plane && (*plane == 0 || *plane > kMaxGeometry))
    return fault("needs planes of 1 to ", kMaxGeometry, " elements, not ",
                 describe(x));
  return success();
}

constexpr int64_t kNoDilations[2] = {1, 1};

template <typename OpOrAdaptor>
PoolGeometry averageGeometry(OpOrAdaptor op) {
  return {op.getKernel(), op.getStrides(), op.getPadLow(), op.getPadHigh(),
          kNoDilations};
}
} // namespace

LogicalResult MaxPool2dOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type = inferPool(
      fault, tensorType(operands[0]),
      {adaptor.getKernel(), adaptor.getStrides(), adaptor.getPadLow(),
       adaptor.getPadHigh(), adaptor.getDilations()});
  if (!type || failed(checkPlane(fault, tensorType(operands[0]))))
    return failure();
  results.push_back(type);
  results.push_back(withElementType(type, IntegerType::get(context, 32)));
  return success();
}

LogicalResult MaxUnpool2dOp::verify() {
  Fault fault(*this);
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (failed(checkImages(fault, x)) || failed(checkPlane(fault, y)) ||
      failed(checkSameElements(fault, x, y)))
    return failure();
  if (getDims(x) != getDims(getIndices().getType()))
    return fault("has ", describe(x), " for places ",
                 describe(getIndices().getType()));
  if (getDim(x, 0) != getDim(y, 0) || getDim(x, 1) != getDim(y, 1))
    return fault("keeps batch and channels, and cannot make ", describe(y),
                 " of ", describe(x));
  return success();
}

LogicalResult PoolGather2dOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType x = tensorType(operands[0]), places = tensorType(operands[1]);
  if (failed(checkPlane(fault, x)) || failed(checkImages(fault, places)))
    return failure();
  if (getDim(x, 0) != getDim(places, 0) || getDim(x, 1) != getDim(places, 1))
    return fault("has places ", describe(places), " in planes of ", describe(x),
                 ", with another batch or number of channels");
  results.push_back(withElementType(places, x.getElementType()));
  return success();
}

LogicalResult AvgPool2dOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type =
      inferPool(fault, tensorType(operands[0]), averageGeometry(adaptor));
  if (!type)
    return failure();
  results.push_back(type);
  return success();
}

LogicalResult AvgPool2dGradOp::verify() {
  Fault fault(*this);
  RankedTensorType type =
      inferPool(fault, getDx().getType(), averageGeometry(*this));
  if (!type)
    return failure();
  if (type != getDy().getType())
    return fault("takes ", describe(type), " for dx ",
                 describe(getDx().getType()), ", not ",
                 describe(getDy().getType()));
  return success();
}

//===- Gradients ----------------------------------------------------------===//

SmallVector<Value> MaxPool2dOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value()};
  return {MaxUnpool2dOp::create(builder, getLoc(), getX().getType(), dy,
                                getIndices())};
}

SmallVector<Value> MaxUnpool2dOp::buildGradient(OpBuilder &builder,
                                                ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value(), Value()};
  return {PoolGather2dOp::create(builder, getLoc(), dy, getIndices()), Value()};
}

SmallVector<Value> PoolGather2dOp::buildGradient(OpBuilder &builder,
                                                 ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value(), Value()};
  return {MaxUnpool2dOp::create(builder, getLoc(), getX().getType(), dy,
                                getIndices()),
          Value()};
}

SmallVector<Value> AvgPool2dOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value()};
  return {AvgPool2dGradOp::create(builder, getLoc(), getX().getType(), dy,
                                  getKernelAttr(), getStridesAttr(),
                                  getPadLowAttr(), getPadHighAttr(),
                                  getCountIncludePadAttr())};
}

SmallVector<Value> AvgPool2dGradOp::buildGradient(OpBuilder &builder,
                                                  ValueRange resultGradients) {
  Value dx = resultGradients[0];
  if (!dx)
    return {Value()};
  return {AvgPool2dOp::create(builder, getLoc(), getDy().getType(), dx,
                              getKernelAttr(), getStridesAttr(),
                              getPadLowAttr(), getPadHighAttr(),
                              getCountIncludePadAttr())};
}
