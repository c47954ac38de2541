//===- AsgScan.cpp - Values carried along an axis -------------------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Types --------------------------------------------------------------===//

namespace {
/// All operands have one type, which is the result's.
LogicalResult inferScan(Fault fault, ValueRange operands, int64_t axis,
                        SmallVectorImpl<Type> &results) {
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type = tensorType(operands.back());
  for (Value operand : operands)
    if (operand.getType() != type)
      return fault("needs coefficients of the shape and type of what is added, "
                   "but has ",
                   describe(operand.getType()), " and ", describe(type));
  if (failed(checkAxis(fault, axis, type)))
    return failure();
  results.push_back(type);
  return success();
}

/// Nothing is carried along an axis of one element.
bool isTrivial(RankedTensorType type, int64_t axis) {
  return type.getDimSize(axis) == 1;
}
} // namespace

LogicalResult CumsumOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferScan({location, getOperationName()}, operands, adaptor.getAxis(),
                   results);
}

LogicalResult LinearScanOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferScan({location, getOperationName()}, operands, adaptor.getAxis(),
                   results);
}

OpFoldResult CumsumOp::fold(FoldAdaptor) {
  return isTrivial(getX().getType(), getAxis()) ? getX() : Value();
}

OpFoldResult LinearScanOp::fold(FoldAdaptor) {
  return isTrivial(getB().getType(), getAxis()) ? getB() : Value();
}

//===- Gradients ----------------------------------------------------------===//

Value asg::buildShift(OpBuilder &builder, Location loc, Value x, int64_t axis,
                      bool isForward) {
  RankedTensorType type = tensorType(x);
  SmallVector<int64_t> none(type.getRank()), one(type.getRank()),
      dense(type.getRank(), 1);
  one[axis] = 1;
  Value padded = PadOp::create(builder, loc, x, isForward ? one : none,
                               isForward ? none : one, none, APFloat(0.0));
  return SliceOp::create(builder, loc, type, padded, isForward ? none : one,
                         dense);
}

// An element is in all sums from its own on: dx is the sum of these dy.
SmallVector<Value> CumsumOp::buildGradient(OpBuilder &builder,
                                           ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  return {CumsumOp::create(builder, getLoc(), dy, getAxis(), !getReverse())};
}

// h[t] is needed by what comes of it and by h[t + 1]: with g the whole
// cotangent of h, g[t] = a[t + 1] · g[t + 1] + dh[t], db = g, and da[t] = g[t]
// · h[t − 1].
SmallVector<Value> LinearScanOp::buildGradient(OpBuilder &builder,
                                               ValueRange resultGradients) {
  Value dh = resultGradients[0];
  if (!dh)
    return {Value(), Value()};
  Value next = buildShift(builder, getLoc(), getA(), getAxis(),
                          /*isForward=*/getReverse());
  Value db = LinearScanOp::create(builder, getLoc(), next, dh, getAxis(),
                                  !getReverse());
  Value before =
      buildShift(builder, getLoc(), getH(), getAxis(), !getReverse());
  return {MulOp::create(builder, getLoc(), db, before), db};
}
