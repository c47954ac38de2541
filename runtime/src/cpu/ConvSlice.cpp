//===- ConvSlice.cpp - One slice of a convolution -------------------------===//
#include "Conv.h"
#include "Dtype.h"

namespace asgc::rt {

namespace {

/// Some images and channels of a tensor at the boundary: planes of f32, or of a
/// 16-bit type that has an f32 copy in scratch.
struct Images {
  const ConvCall &call;
  const ConvAdapter &adapter;
  char *data; ///< the first plane in the tensor itself
  int64_t n, c, h, w;
  int64_t allChannels;
  char *wide; ///< scratch for the f32 copy
  char *own;  ///< scratch for the primitive's layout

  int32_t dtype() const { return call.plan.shape.dtype; }
  int64_t plane() const { return h * w; }
  bool widened() const { return dtype() != ASGC_F32; }
  /// Planes of f32: the tensor's own, or the copy's.
  float *planes() const {
    return reinterpret_cast<float *>(widened() ? wide : data);
  }
  int64_t imageStride() const {
    return (widened() ? c : allChannels) * plane();
  }
  char *image(int64_t i) const {
    return data + i * allChannels * plane() * sizeOf(dtype());
  }
  /// Where the primitive reads or writes.
  char *operand() const {
    return adapter.way == ConvAdapter::Way::Direct
               ? reinterpret_cast<char *>(planes())
               : own;
  }
};

/// Brings images into the layout of the primitive.
bool importImages(const Images &images, int worker, char *scratch) {
  const ConvCall &call = images.call;
  if (images.widened())
    for (int64_t i = 0; i < images.n; ++i)
      call.kernels.widen(images.dtype(), images.image(i),
                         images.planes() + i * images.imageStride(),
                         images.c * images.plane());
  switch (images.adapter.way) {
  case ConvAdapter::Way::Direct:
    return true;
  case ConvAdapter::Way::Transpose:
    for (int64_t i = 0; i < images.n; ++i)
      call.kernels.transpose(
          images.planes() + i * images.imageStride(), images.plane(),
          reinterpret_cast<float *>(images.own) + i * images.c * images.plane(),
          images.c, images.c, images.plane());
    return true;
  case ConvAdapter::Way::Reorder:
    void *addresses[] = {images.planes(), images.own};
    return images.adapter.reorder->run(call.dnnl, worker, addresses, scratch);
  }
  return false;
}

/// Adds the bias, applies the activation, and narrows where that is needed.
void finishImages(const Images &images, int64_t channel) {
  const ConvCall &call = images.call;
  const char *bias =
      call.plan.shape.kind == ConvKind::Forward ? call.buffers.bias : nullptr;
  for (int64_t i = 0; i < images.n; ++i) {
    float *planes = images.planes() + i * images.imageStride();
    for (int64_t j = 0; (bias || call.activation) && j < images.c; ++j) {
      float value = 0;
      if (bias && images.widened())
        call.kernels.widen(images.dtype(),
                           bias + (channel + j) * sizeOf(images.dtype()),
                           &value, 1);
      else if (bias)
        value = reinterpret_cast<const float *>(bias)[channel + j];
      float *plane = planes + j * images.plane();
      call.kernels.finish({.from = plane,
                           .to = plane,
                           .bias = bias ? &value : nullptr,
                           .residual = nullptr,
                           .count = images.plane(),
                           .biasStride = 0,
                           .activation = call.activation});
    }
    if (images.widened())
      call.kernels.narrow(images.dtype(), planes, images.image(i),
                          images.c * images.plane());
  }
}

/// Brings the primitive's result back into planes.
bool exportImages(const Images &images, int worker, char *scratch) {
  const ConvCall &call = images.call;
  if (images.adapter.way == ConvAdapter::Way::Transpose)
    for (int64_t i = 0; i < images.n; ++i)
      call.kernels.transpose(
          reinterpret_cast<float *>(images.own) + i * images.c * images.plane(),
          images.c, images.planes() + i * images.imageStride(), images.plane(),
          images.plane(), images.c);
  if (images.adapter.way == ConvAdapter::Way::Reorder) {
    void *addresses[] = {images.own, images.planes()};
    return images.adapter.reorder->run(call.dnnl, worker, addresses, scratch);
  }
  return true;
}

} // namespace

bool runSlice(const ConvCall &call, int64_t task, int worker, char *scratch) {
  const ConvPlan &plan = call.plan;
  const ConvShape &s = plan.shape;
  const int64_t imagePart = task / plan.channels.parts(),
                channelPart = task % plan.channels.parts();
  const ConvOperation &operation = plan.operationOf(imagePart, channelPart);
  const ConvChannels slice = plan.channelsOf(channelPart);
  const int64_t first = plan.images.begin(imagePart),
                n = plan.images.length(imagePart), size = sizeOf(s.dtype);
  const Images x{call,
                 operation.x,
                 call.buffers.x +
                     (first * s.c + slice.c0) * s.inputPlane() * size,
                 n,
                 slice.c,
                 s.h,
                 s.w,
                 s.c,
                 scratch + plan.scratchWideX,
                 scratch + plan.scratchX};
  const Images y{call,
                 operation.y,
                 call.buffers.y +
                     (first * s.o + slice.o0) * s.outputPlane() * size,
                 n,
                 slice.o,
                 s.oh,
                 s.ow,
                 s.o,
                 scratch + plan.scratchWideY,
                 scratch + plan.scratchY};

  const bool gradient = s.kind == ConvKind::BackwardWeight;
  char *weights =
      gradient ? scratch + plan.scratchWeights
               : const_cast<char *>(call.packed) + channelPart * plan.partBytes;
  if (s.kind != ConvKind::BackwardInput && !importImages(x, worker, scratch))
    return false;
  if (s.kind != ConvKind::Forward && !importImages(y, worker, scratch))
    return false;
  void *addresses[] = {x.operand(), weights, y.operand()};
  if (!operation.product.run(call.dnnl, worker, addresses, scratch))
    return false;
  if (gradient) {
    void *unpack[] = {weights, call.gradients + imagePart * s.weights() +
                                   slice.weights0};
    return operation.weights->run(call.dnnl, worker, unpack, scratch);
  }
  const bool forward = s.kind == ConvKind::Forward;
  const Images &result = forward ? y : x;
  if (!exportImages(result, worker, scratch))
    return false;
  finishImages(result, forward ? slice.o0 : slice.c0);
  return true;
}

} // namespace asgc::rt
