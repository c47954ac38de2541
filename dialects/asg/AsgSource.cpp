//===- AsgSource.cpp - Values that are made of nothing --------------------===//
#include "dialects/asg/AsgChecks.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  if (!isa<DenseElementsAttr>(getValue()))
    return Fault(*this)("needs dense values, not ", getValue());
  return success();
}

LogicalResult IotaOp::verify() {
  return checkAxis(Fault(*this), getAxis(), getY().getType());
}

LogicalResult DimOp::verify() {
  auto extent = DimExpr::parse(getExtent());
  if (!extent || extent->str() != getExtent())
    return Fault(*this)("has extent '", getExtent(),
                        "', which is not in normal form");
  if (getY().getType().getRank() != 0)
    return Fault(*this)("gives a scalar, not ", describe(getY().getType()));
  return success();
}
