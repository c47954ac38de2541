//===- ConvPlan.h - How one convolution is computed -----------------------===//
#ifndef ASGC_RT_CPU_CONVPLAN_H
#define ASGC_RT_CPU_CONVPLAN_H

#include "Dnnl.h"
#include "Memory.h"
#include "Split.h"

namespace asgc::rt {

enum class ConvKind : int32_t { Forward, BackwardInput, BackwardWeight };

/// asgc_conv_desc with its extents known.
struct ConvShape {
  ConvKind kind = ConvKind::Forward;
  int32_t dtype = 0;
  int64_t n = 0, c = 0, h = 0, w = 0, o = 0, oh = 0, ow = 0, kh = 0, kw = 0;
  int64_t stride[2] = {}, padLow[2] = {}, padHigh[2] = {}, dilation[2] = {};
  int64_t groups = 1;
  bool operator==(const ConvShape &) const = default;

  int64_t inputPlane() const { return h * w; }
  int64_t outputPlane() const { return oh * ow; }
  /// Elements of one output channel's weights.
  int64_t filter() const { return c / groups * kh * kw; }
  int64_t weights() const { return o * filter(); }
};

ConvShape resolveShape(const asgc_conv_desc &desc, const int64_t *dims);

/// The channels that one slice of a convolution takes.
struct ConvChannels {
  int64_t groups;   ///< 1 if the convolution has no groups
  int64_t c0, c;    ///< of x
  int64_t o0, o;    ///< of y
  int64_t weights0; ///< where its weights begin, in elements
};

/// How an image tensor gets into the layout of a primitive, or out of it.
struct ConvAdapter {
  enum class Way {
    Direct,    ///< the primitive works on the tensor itself
    Transpose, ///< channels last: our own transpose
    Reorder    ///< any other layout: oneDNN's
  };
  Way way = Way::Direct;
  std::unique_ptr<DnnlOperation> reorder;
  int64_t bytes = 0; ///< of the primitive's own tensor
};

/// One primitive with its adapters, for slices of one size.
struct ConvOperation {
  DnnlOperation product;
  ConvAdapter x, y;
  /// To the primitive's weights, or from them for a weight gradient.
  std::unique_ptr<DnnlOperation> weights;
  int64_t weightBytes = 0;
};

/// A convolution cut into slices of images and channels, by its shape only.
/// Sums over images, which a weight gradient has, are cut by the shape too, and
/// added up in order.
struct ConvPlan {
  ConvShape shape;
  bool usesLoops = true; ///< oneDNN has no primitive for it
  Split images, channels;
  int64_t grain = 1;
  /// Indexed by (last images, last channels); null where there is no such
  /// slice.
  std::unique_ptr<ConvOperation> operations[2][2];
  int64_t partBytes = 0; ///< of packed weights of one part of the channels

  /// Offsets of the parts of a thread's scratch; oneDNN's own is first.
  int64_t scratchX = 0, scratchY = 0, scratchWeights = 0, scratchWideX = 0,
          scratchWideY = 0, scratchBytes = 0;

  int64_t tasks() const { return images.parts() * channels.parts(); }
  ConvChannels channelsOf(int64_t part) const;
  const ConvOperation &operationOf(int64_t imagePart,
                                   int64_t channelPart) const {
    return *operations[images.isShort(imagePart)]
                      [channels.isShort(channelPart)];
  }
};

/// Fills `plan`, whose shape is set.
void makePlan(const Dnnl *dnnl, ConvPlan &plan);

} // namespace asgc::rt
#endif
