//===- SliceBounds.cpp - A slice as begin and end -------------------------===//
#include "dialects/asg/SliceBounds.h"

using namespace mlir;

namespace asgc::asg {

SliceBounds boundsOf(SliceOp op, int64_t axis) {
  DimExpr extent = getDim(op.getX().getType(), axis);
  DimExpr count = getDim(op.getY().getType(), axis);
  if (count.asConstant() == 0 && extent.asConstant() != 0)
    return {0, DimExpr(0)};
  int64_t begin = op.getStarts()[axis];
  auto size = extent.asConstant();
  if (begin < 0 && size)
    begin += *size;
  DimExpr end = DimExpr(begin) +
                (count - DimExpr(1)) * DimExpr(op.getStrides()[axis]) +
                DimExpr(1);
  if (begin < 0 && end.asConstant()) {
    // Counted from the end too, 0 would be the beginning.
    if (end.asConstant() == 0)
      return {begin, std::nullopt};
    return {begin, end};
  }
  if (begin < 0)
    end = extent + end;
  if (end == extent)
    return {begin, std::nullopt};
  return {begin, end};
}

} // namespace asgc::asg
