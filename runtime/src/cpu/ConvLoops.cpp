//===- ConvLoops.cpp - Convolutions of any type, by plain loops -----------===//
#include "Conv.h"
#include "Dtype.h"
#include "Numbers.h"
#include <algorithm>

namespace asgc::rt {

namespace {

/// The elements of one tensor as numbers.
template <typename Number> struct Elements {
  int32_t dtype;
  int64_t size;
  char *data;

  Elements(int32_t dtype, const char *data)
      : dtype(dtype), size(sizeOf(dtype)), data(const_cast<char *>(data)) {}
  Number get(int64_t i) const {
    return loadNumber<Number>(dtype, data + i * size);
  }
  void set(int64_t i, Number value) const {
    storeNumber(dtype, data + i * size, value);
  }
};

/// Positions `o * stride - pad + k * dilation` within an input extent; -1 if it
/// is padding.
int64_t inputAt(const ConvShape &s, int dim, int64_t o, int64_t k) {
  const int64_t at = o * s.stride[dim] - s.padLow[dim] + k * s.dilation[dim];
  return at >= 0 && at < (dim == 0 ? s.h : s.w) ? at : -1;
}

/// The output whose window has input `i` at offset `k`; -1 if there is none.
int64_t outputAt(const ConvShape &s, int dim, int64_t i, int64_t k) {
  const int64_t shifted = i + s.padLow[dim] - k * s.dilation[dim];
  if (shifted < 0 || shifted % s.stride[dim] != 0)
    return -1;
  const int64_t at = shifted / s.stride[dim];
  return at < (dim == 0 ? s.oh : s.ow) ? at : -1;
}

/// One plane of y: task = image and output channel.
template <typename Number>
void forwardPlane(const ConvShape &s, int32_t activation,
                  const ConvBuffers &buffers, int64_t task) {
  const Elements<Number> x(s.dtype, buffers.x), w(s.dtype, buffers.w),
      y(s.dtype, buffers.y), bias(s.dtype, buffers.bias);
  const int64_t o = task % s.o, image = task / s.o;
  const int64_t perGroup = s.c / s.groups, c0 = o / (s.o / s.groups) * perGroup;
  for (int64_t oh = 0; oh < s.oh; ++oh)
    for (int64_t ow = 0; ow < s.ow; ++ow) {
      Number sum = buffers.bias ? bias.get(o) : Number(0);
      for (int64_t c = 0; c < perGroup; ++c)
        for (int64_t i = 0; i < s.kh; ++i)
          for (int64_t j = 0; j < s.kw; ++j) {
            const int64_t h = inputAt(s, 0, oh, i), v = inputAt(s, 1, ow, j);
            if (h >= 0 && v >= 0)
              sum += x.get(((image * s.c + c0 + c) * s.h + h) * s.w + v) *
                     w.get(((o * perGroup + c) * s.kh + i) * s.kw + j);
          }
      y.set((task * s.oh + oh) * s.ow + ow, activate(activation, sum));
    }
}

/// One plane of dx: task = image and input channel.
template <typename Number>
void backwardInputPlane(const ConvShape &s, const ConvBuffers &buffers,
                        int64_t task) {
  const Elements<Number> dx(s.dtype, buffers.x), w(s.dtype, buffers.w),
      dy(s.dtype, buffers.y);
  const int64_t channel = task % s.c, image = task / s.c;
  const int64_t perGroup = s.c / s.groups, outputs = s.o / s.groups;
  const int64_t o0 = channel / perGroup * outputs, c = channel % perGroup;
  for (int64_t h = 0; h < s.h; ++h)
    for (int64_t v = 0; v < s.w; ++v) {
      Number sum = 0;
      for (int64_t o = o0; o < o0 + outputs; ++o)
        for (int64_t i = 0; i < s.kh; ++i)
          for (int64_t j = 0; j < s.kw; ++j) {
            const int64_t oh = outputAt(s, 0, h, i), ow = outputAt(s, 1, v, j);
            if (oh >= 0 && ow >= 0)
              sum += dy.get(((image * s.o + o) * s.oh + oh) * s.ow + ow) *
                     w.get(((o * perGroup + c) * s.kh + i) * s.kw + j);
          }
      dx.set((task * s.h + h) * s.w + v, sum);
    }
}

/// The filter of one output channel and input channel: task = both.
template <typename Number>
void backwardFilter(const ConvShape &s, const ConvBuffers &buffers,
                    int64_t task) {
  const Elements<Number> x(s.dtype, buffers.x), dw(s.dtype, buffers.w),
      dy(s.dtype, buffers.y);
  const int64_t perGroup = s.c / s.groups;
  const int64_t c = task % perGroup, o = task / perGroup;
  const int64_t channel = o / (s.o / s.groups) * perGroup + c;
  for (int64_t i = 0; i < s.kh; ++i)
    for (int64_t j = 0; j < s.kw; ++j) {
      Number sum = 0;
      for (int64_t image = 0; image < s.n; ++image)
        for (int64_t oh = 0; oh < s.oh; ++oh)
          for (int64_t ow = 0; ow < s.ow; ++ow) {
            const int64_t h = inputAt(s, 0, oh, i), v = inputAt(s, 1, ow, j);
            if (h >= 0 && v >= 0)
              sum += x.get(((image * s.c + channel) * s.h + h) * s.w + v) *
                     dy.get(((image * s.o + o) * s.oh + oh) * s.ow + ow);
          }
      dw.set((task * s.kh + i) * s.kw + j, sum);
    }
}

template <typename Number>
void runTask(const ConvShape &s, int32_t activation, const ConvBuffers &buffers,
             int64_t task) {
  switch (s.kind) {
  case ConvKind::Forward:
    return forwardPlane<Number>(s, activation, buffers, task);
  case ConvKind::BackwardInput:
    return backwardInputPlane<Number>(s, buffers, task);
  case ConvKind::BackwardWeight:
    return backwardFilter<Number>(s, buffers, task);
  }
}

} // namespace

int64_t convLoopTasks(const ConvShape &shape) {
  switch (shape.kind) {
  case ConvKind::BackwardInput:
    return shape.n * shape.c;
  case ConvKind::BackwardWeight:
    return shape.o * (shape.c / shape.groups);
  default:
    return shape.n * shape.o;
  }
}

void runConvLoops(const ConvShape &shape, int32_t activation,
                  const ConvBuffers &buffers, int64_t begin, int64_t end) {
  for (int64_t task = begin; task < end; ++task)
    if (isFloat(shape.dtype))
      runTask<double>(shape, activation, buffers, task);
    else
      runTask<uint64_t>(shape, activation, buffers, task);
}

} // namespace asgc::rt
