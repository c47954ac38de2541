//===- Window.h - Where windows over images lie ---------------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_WINDOW_H
#define ASGC_LIB_INTEROP_ONNX_WINDOW_H

#include "lib/Interop/Onnx/Call.h"

namespace asgc::interop {

/// One entry per spatial axis.
struct Window {
  Axes kernel, strides, dilations, low, high;
  size_t rank() const { return kernel.size(); }
  /// Extent of a window along `axis`.
  int64_t span(size_t axis) const {
    return dilations[axis] * (kernel[axis] - 1) + 1;
  }
};

/// Reads strides, dilations, pads and auto_pad for windows of `kernel` over the
/// spatial axes of `x`. With ceil_mode, `high` is widened to what the last
/// window covers.
std::optional<Window> readWindow(Call &call, mlir::Value x, Axes kernel);

/// The convolution of `x` with `weight` by the attributes of `call`.
mlir::Value convolve(Call &call, mlir::Value x, mlir::Value weight);

/// Brings spatial axes up to two by axes of extent 1 after the channels.
mlir::Value addSpatialAxes(Emitter &e, mlir::Value x, size_t missing);
mlir::Value dropSpatialAxes(Emitter &e, mlir::Value x, size_t missing);
/// The same window with `missing` axes of extent 1 in front.
Window widen(Window window, size_t missing);

} // namespace asgc::interop

#endif
