//===- RoiAlign.cpp - Regions of images in one size -----------------------===//
#include "lib/Interop/Onnx/Call.h"
#include "lib/Interop/Onnx/Interpolation.h"

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

namespace {
/// Samples along one axis: the elements below and above, and how near each is.
struct Samples {
  Value low, high, towardsLow, towardsHigh; ///< [regions, samples]
};
} // namespace

/// Places [regions, bins · ratio] between `start` and `end` [regions, 1].
static Samples sampleAxis(Emitter &e, Value start, Value end, int64_t bins,
                          int64_t ratio, int64_t extent, bool isHalfPixel) {
  Value length = e.sub(end, start);
  if (!isHalfPixel)
    length = e.max(length, 1.0);
  SmallVector<double> offsets;
  for (int64_t i = 0; i < bins * ratio; ++i)
    offsets.push_back((double(i) + 0.5) / double(ratio * bins));
  Value offset = e.constant(offsets, {1, bins * ratio}, e.f32());
  Value place = e.add(start, e.mul(length, offset));
  Value isInside =
      e.binary<asg::AndOp>(e.compare(Predicate::ge, place, -1.0),
                           e.compare(Predicate::le, place, double(extent)));
  place = e.min(e.max(place, 0.0), double(extent - 1));
  Value low = e.unary<asg::FloorOp>(place);
  Value high = e.min(e.add(low, 1.0), double(extent - 1));
  Value above = e.sub(place, low);
  Value zero = e.like(above, 0);
  return {low, high, e.select(isInside, e.sub(e.like(above, 1), above), zero),
          e.select(isInside, above, zero)};
}

Values importRoiAlign(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], rois = call[1], batch = call[2];
  if (!x || !rois || !batch || Emitter::rankOf(x) != 4 ||
      Emitter::rankOf(rois) != 2)
    return {e.fail("takes images, regions and the image of each region")};
  int64_t oh = call.integer("output_height", 1),
          ow = call.integer("output_width", 1);
  int64_t ratio = call.integer("sampling_ratio", 0);
  auto height = e.fixedDim(x, 2), width = e.fixedDim(x, 3);
  if (!height || !width)
    return {};
  if (ratio < 1 || ratio > 64 || oh < 1 || ow < 1 || oh > 4096 || ow > 4096)
    return {e.refuse("sampling_ratio must be from 1 to 64, the result's "
                     "extents up to 4096")};
  bool isHalfPixel =
      call.opset >= 16 &&
      call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  Value scaled = e.mul(rois, call.number("spatial_scale", 1));
  if (isHalfPixel)
    scaled = e.sub(scaled, 0.5);
  auto edge = [&](int64_t column) { return e.slice(scaled, 1, column, 1); };
  Samples columns =
      sampleAxis(e, edge(0), edge(2), ow, ratio, *width, isHalfPixel);
  Samples rows =
      sampleAxis(e, edge(1), edge(3), oh, ratio, *height, isHalfPixel);

  Extents d = Emitter::dims(x);
  DimExpr regions = Emitter::dim(rois, 0), points(oh * ratio * ow * ratio);
  Extents plane = {regions, DimExpr(oh * ratio), DimExpr(ow * ratio)};
  Value flat = e.gather(e.reshape(x, {d[0], d[1], d[2] * d[3]}), batch, 0);
  // Every row goes with every column.
  auto spread = [&](Value v, bool isRow) {
    return v ? e.reshape(e.broadcast(e.unsqueeze(v, {isRow ? 2 : 1}), plane),
                         {regions, points})
             : v;
  };
  bool isMax = call.text("mode", "avg") == "max";
  Value y;
  for (int corner = 0; corner < 4; ++corner) {
    bool isHigh = corner & 2, isRight = corner & 1;
    Value row = spread(isHigh ? rows.high : rows.low, true);
    Value column = spread(isRight ? columns.high : columns.low, false);
    Value weight = e.mul(
        spread(isHigh ? rows.towardsHigh : rows.towardsLow, true),
        spread(isRight ? columns.towardsHigh : columns.towardsLow, false));
    Value pixel = sampleAt(e, flat, row, column, *width);
    if (!pixel || !weight)
      return {};
    Value part = e.mul(pixel, e.unsqueeze(weight, {1}));
    y = !y ? part : isMax ? e.max(y, part) : e.add(y, part);
  }
  y = e.reshape(y, {regions, d[1], oh, ratio, ow, ratio});
  return {isMax ? e.reduce<asg::ReduceMaxOp>(y, {3, 5}, false)
                : e.mean(y, {3, 5}, false)};
}

} // namespace asgc::interop
