//===- ConvShape.h - A plan.conv2d as a contraction -----------------------===//
#ifndef ASGC_KERNELS_DEVICE_CONVSHAPE_H
#define ASGC_KERNELS_DEVICE_CONVSHAPE_H

#include "TileGrid.h"

namespace asgc::kernels {

/// x [n, c, h, w], w [o, c / groups, kh, kw], y [n, o, oh, ow]; each of the
/// three is a sum over the other two:
///
///                rows        columns         depth
///   forward      o / g       n, oh, ow       c / g, kh, kw
///   input_grad   c / g       n, h, w         o / g, kh, kw
///   weight_grad  o / g       c / g, kh, kw   n, oh, ow
struct ConvShape {
  mutable plan::Conv2dOp op; // its accessors are not const
  plan::ConvKind kind;
  Type element;
  DimExpr n, c, h, w, o, oh, ow, kh, kw;
  int64_t groups;
  bool isNarrow; ///< elements of each operand can be counted in 31 bits

  ConvShape(plan::Conv2dOp op, const BoundOf &boundOf);
  DimExpr perGroup(const DimExpr &channels) const {
    return channels.floorDiv(groups);
  }
};

/// A tensor [d0, d1, d2, d3] that is read at i32 coordinates.
struct Image {
  DeviceBuilder &b;
  Value pointer;
  std::array<DimExpr, 4> dims;
  Type element;
  bool isNarrow;

  Value offset(ArrayRef<Value> at) const { return flatten(at, dims); }
  /// The number (i64) of a point among those of `extents`, row-major; they may
  /// be dims joined.
  Value flatten(ArrayRef<Value> at, ArrayRef<DimExpr> extents) const;
  Value load(ArrayRef<Value> at) const {
    return loadFloat(b, pointer, offset(at), element);
  }
  /// 0 where the condition is false.
  Value loadIf(Value condition, ArrayRef<Value> at) const;
  /// Numbers for neighbours along the last axis.
  void store(ArrayRef<Value> at, ArrayRef<Value> values) const {
    storeFloats(b, pointer, offset(at), element, values);
  }
};

/// The operands of a convolution while its code is emitted.
struct ConvImages {
  Image x, weight, y;
  Value bias; ///< null: none

  ConvImages(const ConvShape &shape, DeviceBuilder &builder);
};

/// Adds the bias, if there is one, and applies the activation.
Values finishConv(const ConvImages &images, const ConvShape &shape,
                  Value channel, ArrayRef<Value> sums);
/// Whether four neighbouring pixels of all channels, counted through the batch,
/// lie at a multiple of four.
bool hasPixelRuns(const DimExpr &height, const DimExpr &width);
/// Stores numbers of a channel for pixels from `pixel` (n, height, width) on.
void storePixels(const Image &image, Value channel, Value pixel,
                 ArrayRef<Value> values);

/// The coordinates (i32) of point `number` (i32), the last fastest.
Values splitIndex(KernelBuilder &builder, Value number,
                  ArrayRef<DimExpr> extents);
/// Whether 0 <= at < extent.
Value inRange(KernelBuilder &builder, Value at, const DimExpr &extent);
/// The output that sees a place (from the padding's start) by the first offset
/// of the window: place / stride, and whether that is one.
std::pair<Value, Value> outputAt(KernelBuilder &builder, Value place,
                                 int64_t stride, const DimExpr &extent);

/// 1x1 convolutions by a matrix unit; null if it cannot serve this one.
std::unique_ptr<DeviceKernel> createPointwiseConv(plan::Conv2dOp op,
                                                  const DeviceTarget &target,
                                                  const BoundOf &boundOf);
/// Convolutions by a matrix unit; null if it cannot serve this one.
std::unique_ptr<DeviceKernel> createMatrixConv(plan::Conv2dOp op,
                                               const DeviceTarget &target,
                                               const BoundOf &boundOf);

} // namespace asgc::kernels

#endif
