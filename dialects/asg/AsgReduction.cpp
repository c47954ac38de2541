//===- AsgReduction.cpp - Many elements to one ----------------------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Types --------------------------------------------------------------===//

namespace {
LogicalResult inferReduction(Fault fault, ValueRange operands,
                             ArrayRef<int64_t> axes,
                             SmallVectorImpl<Type> &results) {
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type = tensorType(operands[0]);
  if (failed(checkDistinctAxes(fault, axes, type)))
    return failure();
  if (!llvm::is_sorted(axes))
    return fault("needs its axes in rising order");
  SmallVector<DimExpr> dims;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (!llvm::is_contained(axes, axis))
      dims.push_back(getDim(type, axis));
  results.push_back(withDims(type, dims));
  return success();
}

LogicalResult verifyArgReduction(Fault fault, RankedTensorType x, int64_t axis,
                                 RankedTensorType y) {
  if (failed(checkAxis(fault, axis, x)))
    return failure();
  if (x.getDimSize(axis) == 0)
    return fault("finds no element along axis ", axis, " of ", describe(x));
  SmallVector<DimExpr> dims = getDims(x);
  dims.erase(dims.begin() + axis);
  return checkResult(fault, withDims(y, dims), y);
}
} // namespace

LogicalResult ReduceSumOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferReduction({location, getOperationName()}, operands,
                        adaptor.getAxes(), results);
}

LogicalResult ReduceProdOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferReduction({location, getOperationName()}, operands,
                        adaptor.getAxes(), results);
}

LogicalResult ReduceMaxOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferReduction({location, getOperationName()}, operands,
                        adaptor.getAxes(), results);
}

LogicalResult ReduceMinOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferReduction({location, getOperationName()}, operands,
                        adaptor.getAxes(), results);
}

LogicalResult ArgMaxOp::verify() {
  return verifyArgReduction(Fault(*this), getX().getType(), getAxis(),
                            getY().getType());
}

LogicalResult ArgMinOp::verify() {
  return verifyArgReduction(Fault(*this), getX().getType(), getAxis(),
                            getY().getType());
}

//===- Gradients ----------------------------------------------------------===//

SmallVector<Value> ReduceSumOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  return {buildUnreduce(builder, getLoc(), dy, getX().getType(), getAxes())};
}

namespace {
/// 1 where `condition` holds and 0 elsewhere, with the type of `like`.
Value buildIndicator(OpBuilder &builder, Location loc, Value condition,
                     Type like) {
  return CastOp::create(builder, loc, like, condition);
}

/// The cotangent of a maximum or minimum y of x, shared evenly by the elements
/// that equal it.
Value buildSharedGradient(OpBuilder &builder, Location loc, Value dy, Value x,
                          Value y, ArrayRef<int64_t> axes) {
  RankedTensorType type = tensorType(x);
  Value spread = buildUnreduce(builder, loc, y, type, axes);
  Value wins = CompareOp::create(builder, loc, Predicate::eq, x, spread);
  Value count = ReduceSumOp::create(
      builder, loc, buildIndicator(builder, loc, wins, type), axes);
  Value share = DivOp::create(builder, loc, dy, count);
  return SelectOp::create(builder, loc, wins,
                          buildUnreduce(builder, loc, share, type, axes),
                          buildSplat(builder, loc, type, 0));
}
} // namespace

SmallVector<Value> ReduceMaxOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  return {buildSharedGradient(builder, getLoc(), dy, getX(), getY(), getAxes())};
}

SmallVector<Value> ReduceMinOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  return {buildSharedGradient(builder, getLoc(), dy, getX(), getY(), getAxes())};
}

// dxᵢ = dy · Πⱼ≠ᵢ xⱼ. With p the product of the elements that are not zero, that
// is p / xᵢ where no element is zero, p at the only zero, and 0 everywhere else.
SmallVector<Value> ReduceProdOp::buildGradient(OpBuilder &builder,
                                               ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  Location loc = getLoc();
  ArrayRef<int64_t> axes = getAxes();
  RankedTensorType type = getX().getType();
  Value zeros = buildSplat(builder, loc, type, 0);
  Value isZero =
      CompareOp::create(builder, loc, Predicate::eq, getX(), zeros);
  Value nonZero = SelectOp::create(builder, loc, isZero,
                                   buildSplat(builder, loc, type, 1), getX());
  Value product = ReduceProdOp::create(builder, loc, nonZero, axes);
  Value count = ReduceSumOp::create(
      builder, loc, buildIndicator(builder, loc, isZero, type), axes);
  Value scaled = MulOp::create(builder, loc, dy, product);
  auto keepIfCount = [&](double expected) -> Value {
    RankedTensorType reduced = tensorType(count);
    Value is = CompareOp::create(builder, loc, Predicate::eq, count,
                                 buildSplat(builder, loc, reduced, expected));
    Value kept = SelectOp::create(builder, loc, is, scaled,
                                  buildSplat(builder, loc, reduced, 0));
    return buildUnreduce(builder, loc, kept, type, axes);
  };
  Value others = DivOp::create(builder, loc, keepIfCount(0), nonZero);
  return {SelectOp::create(builder, loc, isZero, keepIfCount(1), others)};
}
