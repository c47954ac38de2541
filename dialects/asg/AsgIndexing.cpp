//===- AsgIndexing.cpp - Elements named by other elements -----------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

namespace {
/// The type of gather(x, indices); null with an error if there is none.
RankedTensorType inferGather(Fault fault, RankedTensorType x,
                             RankedTensorType indices, int64_t axis,
                             int64_t batchDims) {
  if (failed(checkAxis(fault, axis, x)))
    return {};
  auto refuse = [&](const Twine &why) -> RankedTensorType {
    (void)fault("cannot index axis ", axis, " of ", describe(x), " with ",
                describe(indices), ": ", why.str());
    return {};
  };
  if (batchDims < 0 || batchDims > axis || batchDims > indices.getRank())
    return refuse("batch_dims = " + Twine(batchDims) +
                  " is not between 0 and the axis and the indices' rank");
  if (x.getDimSize(axis) == 0)
    return refuse("the axis is empty");
  for (int64_t i = 0; i < batchDims; ++i)
    if (getDim(x, i) != getDim(indices, i))
      return refuse("batch axis " + Twine(i) + " has extent " +
                    getDim(x, i).str() + " and " + getDim(indices, i).str());
  SmallVector<DimExpr> dims;
  for (int64_t i = 0; i < axis; ++i)
    dims.push_back(getDim(x, i));
  for (int64_t i = batchDims; i < indices.getRank(); ++i)
    dims.push_back(getDim(indices, i));
  for (int64_t i = axis + 1; i < x.getRank(); ++i)
    dims.push_back(getDim(x, i));
  return withDims(x, dims);
}
} // namespace

LogicalResult GatherOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type =
      inferGather(fault, tensorType(operands[0]), tensorType(operands[1]),
                  adaptor.getAxis(), adaptor.getBatchDims());
  if (!type)
    return failure();
  results.push_back(type);
  return success();
}

LogicalResult ScatterAddOp::verify() {
  Fault fault(*this);
  RankedTensorType x = getX().getType(), y = getY().getType();
  RankedTensorType type = inferGather(fault, y, getIndices().getType(),
                                      getAxis(), getBatchDims());
  if (!type)
    return failure();
  if (type != x)
    return fault("takes ", describe(type), " to add into ", describe(y),
                 ", not ", describe(x));
  return success();
}

// Gather and scatter-add are each other's transpose.

SmallVector<Value> GatherOp::buildGradient(OpBuilder &builder,
                                           ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  return {ScatterAddOp::create(builder, getLoc(), getX().getType(), dy,
                               getIndices(), getAxis(), getBatchDims()),
          Value()};
}

SmallVector<Value> ScatterAddOp::buildGradient(OpBuilder &builder,
                                               ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value(), Value()};
  return {GatherOp::create(builder, getLoc(), getX().getType(), dy, getIndices(),
                           getAxis(), getBatchDims()),
          Value()};
}
