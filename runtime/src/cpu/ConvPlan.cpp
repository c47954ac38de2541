//===- ConvPlan.cpp - How one convolution is computed ---------------------===//
#include "ConvPlan.h"
#include "Dtype.h"
#include "Program.h"
#include <algorithm>

namespace asgc::rt {

ConvShape resolveShape(const asgc_conv_desc &desc, const int64_t *dims) {
  ConvShape s;
  s.kind = ConvKind(desc.kind);
  s.dtype = desc.dtype;
  s.n = resolve(desc.n, dims);
  s.c = resolve(desc.c, dims);
  s.h = resolve(desc.h, dims);
  s.w = resolve(desc.w, dims);
  s.o = resolve(desc.o, dims);
  s.oh = resolve(desc.oh, dims);
  s.ow = resolve(desc.ow, dims);
  s.kh = desc.kh;
  s.kw = desc.kw;
  for (int i = 0; i < 2; ++i) {
    s.stride[i] = desc.stride[i];
    s.padLow[i] = desc.pad_low[i];
    s.padHigh[i] = desc.pad_high[i];
    s.dilation[i] = desc.dilation[i];
  }
  s.groups = std::max<int64_t>(desc.groups, 1);
  return s;
}

ConvChannels ConvPlan::channelsOf(int64_t part) const {
  const ConvShape &s = shape;
  const int64_t begin = channels.begin(part), length = channels.length(part);
  if (s.groups > 1)
    return {length,
            begin * (s.c / s.groups),
            length * (s.c / s.groups),
            begin * (s.o / s.groups),
            length * (s.o / s.groups),
            begin * (s.o / s.groups) * s.filter()};
  if (s.kind == ConvKind::BackwardInput)
    return {1, begin, length, 0, s.o, begin * s.kh * s.kw};
  return {1, 0, s.c, begin, length, begin * s.filter()};
}

namespace {

/// What a slice should have at least, and how many slices are enough.
constexpr double operationsPerSlice = 2e6;
constexpr double mostSlices = 32;
/// Channels that oneDNN's kernels compute at once.
constexpr int64_t channelBlock = 16;
/// Partial weight gradients together are at most this large.
constexpr int64_t mostPartialBytes = 2 << 20;
/// Copies of images in a thread's scratch too, unless one image is larger.
constexpr int64_t mostImageBytes = 16 << 20;

double operationsOf(const ConvShape &s) {
  return 2.0 * double(s.n) * double(s.o) * double(s.outputPlane()) *
         double(s.filter());
}

/// Cuts channels (or groups) into about `wanted` parts of whole blocks.
Split splitChannels(const ConvShape &s, double wanted) {
  int64_t size = s.kind == ConvKind::BackwardInput ? s.c : s.o;
  int64_t block = channelBlock;
  if (s.groups > 1) {
    size = s.groups;
    block = std::max<int64_t>(1, channelBlock /
                                     std::min(s.o / s.groups, s.c / s.groups));
  }
  int64_t step = int64_t(double(size) / std::max(wanted, 1.0));
  step = std::max(step / block * block, block);
  return {size, std::min(step, size)};
}

void chooseSplit(ConvPlan &plan) {
  const ConvShape &s = plan.shape;
  const double slices =
      std::clamp(operationsOf(s) / operationsPerSlice, 1.0, mostSlices);
  const int64_t imageBytes = 4 * (s.c * s.inputPlane() + s.o * s.outputPlane());
  const int64_t fitting =
      std::max<int64_t>(1, mostImageBytes / std::max<int64_t>(imageBytes, 1));
  auto imagesIn = [&](double parts) {
    int64_t step = int64_t((double(s.n) + parts - 1) / parts);
    return Split{s.n, std::clamp<int64_t>(step, 1, std::min(s.n, fitting))};
  };
  if (s.kind == ConvKind::BackwardWeight) {
    // Each part of the images costs a copy of the weights, so channels are cut
    // first where the weights are many.
    const double affordable =
        std::max(1.0, double(mostPartialBytes) / (4.0 * double(s.weights())));
    plan.channels = splitChannels(s, slices / affordable);
    plan.images = imagesIn(
        std::clamp(slices / double(plan.channels.parts()), 1.0, affordable));
    return;
  }
  plan.images = imagesIn(slices);
  plan.channels = splitChannels(s, slices / double(plan.images.parts()));
}

enum class Layout { Planes, ChannelsLast, Any };

/// Layouts of x and y to try, the fastest first; measured.
struct Layouts {
  Layout x, y;
};
std::vector<Layouts> layoutsFor(const ConvShape &s) {
  constexpr Layouts planes{Layout::Planes, Layout::Planes};
  constexpr Layouts last{Layout::ChannelsLast, Layout::ChannelsLast};
  constexpr Layouts any{Layout::Any, Layout::Any};
  constexpr Layouts firstLayer{Layout::Planes, Layout::Any};
  const int64_t perGroup = s.c / s.groups;
  const bool single = s.groups == 1;
  const bool pointwise = s.kh == 1 && s.kw == 1 && s.stride[0] == 1 &&
                         s.stride[1] == 1 && s.h == s.oh && s.w == s.ow;
  if (single && pointwise)
    return {planes, any};
  switch (s.kind) {
  case ConvKind::Forward:
    if (single && perGroup < channelBlock)
      return {firstLayer, last, planes};
    return {last, any, planes};
  case ConvKind::BackwardInput:
    if (single && perGroup <= 3)
      return {planes, any};
    return {any, planes};
  case ConvKind::BackwardWeight:
    if (single && perGroup <= 3)
      return {firstLayer, planes};
    if (single && perGroup < channelBlock)
      return {last, planes};
    return {any, planes};
  }
  return {planes};
}

dnnl_memory_desc_t imageDesc(Layout layout, int64_t n, int64_t c, int64_t h,
                             int64_t w) {
  switch (layout) {
  case Layout::Planes:
    return dnnlStrided(ASGC_F32, {n, c, h, w}, {c * h * w, h * w, w, 1});
  case Layout::ChannelsLast:
    return dnnlStrided(ASGC_F32, {n, c, h, w}, {c * h * w, 1, w * c, c});
  default:
    return dnnlAny(ASGC_F32, {n, c, h, w});
  }
}

/// The weights of a slice as they lie among the others.
dnnl_memory_desc_t weightDesc(const ConvShape &s, const ConvChannels &slice) {
  const int64_t kernel = s.kh * s.kw;
  if (s.groups > 1) {
    const int64_t o = s.o / s.groups, c = s.c / s.groups;
    return dnnlStrided(ASGC_F32, {slice.groups, o, c, s.kh, s.kw},
                       {o * c * kernel, c * kernel, kernel, s.kw, 1});
  }
  return dnnlStrided(ASGC_F32, {slice.o, slice.c, s.kh, s.kw},
                     {s.c * kernel, kernel, s.kw, 1});
}

dnnl_memory_desc_t anyWeightDesc(const ConvShape &s,
                                 const ConvChannels &slice) {
  if (s.groups > 1)
    return dnnlAny(ASGC_F32,
                   {slice.groups, s.o / s.groups, s.c / s.groups, s.kh, s.kw});
  return dnnlAny(ASGC_F32, {slice.o, slice.c, s.kh, s.kw});
}

/// The primitive for `n` images and the channels of `slice`.
bool createProduct(const Dnnl &dnnl, const ConvShape &s,
                   const ConvChannels &slice, int64_t n, const Layouts &layouts,
                   DnnlOperation &product) {
  const dnnl_memory_desc_t x = imageDesc(layouts.x, n, slice.c, s.h, s.w);
  const dnnl_memory_desc_t y = imageDesc(layouts.y, n, slice.o, s.oh, s.ow);
  const dnnl_memory_desc_t w = anyWeightDesc(s, slice);
  const dnnl_dims_t stride = {s.stride[0], s.stride[1]},
                    dilation = {s.dilation[0] - 1, s.dilation[1] - 1},
                    low = {s.padLow[0], s.padLow[1]};
  // oneDNN wants the padding that the last window reaches into, no more.
  auto reached = [&](int i, int64_t in, int64_t out, int64_t kernel) {
    return (out - 1) * s.stride[i] + (kernel - 1) * s.dilation[i] + 1 - in -
           s.padLow[i];
  };
  const dnnl_dims_t high = {reached(0, s.h, s.oh, s.kh),
                            reached(1, s.w, s.ow, s.kw)};
  dnnl_convolution_desc_t forward, desc;
  if (dnnl_dilated_convolution_forward_desc_init(
          &forward, dnnl_forward_training, dnnl_convolution_direct, &x, &w,
          nullptr, &y, stride, dilation, low, high) != dnnl_success)
    return false;
  DnnlAttributes attributes = dnnlAttributes();
  if (s.kind == ConvKind::Forward) {
    forward.prop_kind = dnnl_forward_inference;
    return product.create(dnnl, &forward, attributes.get());
  }
  const dnnl_status_t status =
      s.kind == ConvKind::BackwardInput
          ? dnnl_dilated_convolution_backward_data_desc_init(
                &desc, dnnl_convolution_direct, &x, &w, &y, stride, dilation,
                low, high)
          : dnnl_dilated_convolution_backward_weights_desc_init(
                &desc, dnnl_convolution_direct, &x, &w, nullptr, &y, stride,
                dilation, low, high);
  DnnlOperation hint;
  if (status != dnnl_success ||
      !hint.describe(dnnl, &forward, attributes.get()))
    return false;
  return product.create(dnnl, &desc, attributes.get(), nullptr,
                        hint.description());
}

/// Chooses how `n` images of `c` channels, which are among `allChannels`,
/// become `wanted`; backwards if `out`.
bool makeAdapter(const Dnnl &dnnl, const dnnl_memory_desc_t &wanted, int64_t n,
                 int64_t c, int64_t h, int64_t w, int64_t allChannels,
                 bool widened, bool out, ConvAdapter &adapter) {
  adapter.bytes = int64_t(dnnl_memory_desc_get_size(&wanted));
  const bool dense = widened || n == 1 || c == allChannels;
  if (dense && isSame(wanted, imageDesc(Layout::Planes, n, c, h, w)))
    return true;
  if (isSame(wanted, imageDesc(Layout::ChannelsLast, n, c, h, w))) {
    adapter.way = ConvAdapter::Way::Transpose;
    return true;
  }
  adapter.way = ConvAdapter::Way::Reorder;
  adapter.reorder = std::make_unique<DnnlOperation>();
  const int64_t image = (widened ? c : allChannels) * h * w;
  const dnnl_memory_desc_t planes =
      dnnlStrided(ASGC_F32, {n, c, h, w}, {image, h * w, w, 1});
  return out ? adapter.reorder->createReorder(dnnl, wanted, planes)
             : adapter.reorder->createReorder(dnnl, planes, wanted);
}

struct Arguments {
  int x, w, y;
  dnnl_query_t queryX, queryW, queryY;
};

Arguments argumentsOf(ConvKind kind) {
  switch (kind) {
  case ConvKind::BackwardInput:
    return {DNNL_ARG_DIFF_SRC,     DNNL_ARG_WEIGHTS,
            DNNL_ARG_DIFF_DST,     dnnl_query_diff_src_md,
            dnnl_query_weights_md, dnnl_query_diff_dst_md};
  case ConvKind::BackwardWeight:
    return {
        DNNL_ARG_SRC,      DNNL_ARG_DIFF_WEIGHTS,      DNNL_ARG_DIFF_DST,
        dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md};
  default:
    return {DNNL_ARG_SRC,      DNNL_ARG_WEIGHTS,      DNNL_ARG_DST,
            dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
  }
}

/// The whole machinery of a slice; null if oneDNN lacks some of it.
std::unique_ptr<ConvOperation> makeOperation(const Dnnl &dnnl,
                                             const ConvPlan &plan, int64_t n,
                                             const ConvChannels &slice,
                                             const Layouts &layouts) {
  const ConvShape &s = plan.shape;
  const Arguments arguments = argumentsOf(s.kind);
  auto operation = std::make_unique<ConvOperation>();
  DnnlOperation &product = operation->product;
  if (!createProduct(dnnl, s, slice, n, layouts, product))
    return nullptr;
  const dnnl_memory_desc_t x = product.desc(arguments.queryX),
                           w = product.desc(arguments.queryW),
                           y = product.desc(arguments.queryY);
  const bool widened = s.dtype != ASGC_F32;
  const dnnl_memory_desc_t plainWeights = weightDesc(s, slice);
  operation->weights = std::make_unique<DnnlOperation>();
  operation->weightBytes = int64_t(dnnl_memory_desc_get_size(&w));
  const bool gradient = s.kind == ConvKind::BackwardWeight;
  const bool ok =
      product.bind(dnnl,
                   {{arguments.x, x}, {arguments.w, w}, {arguments.y, y}}) &&
      makeAdapter(dnnl, x, n, slice.c, s.h, s.w, s.c, widened,
                  s.kind == ConvKind::BackwardInput, operation->x) &&
      makeAdapter(dnnl, y, n, slice.o, s.oh, s.ow, s.o, widened,
                  s.kind == ConvKind::Forward, operation->y) &&
      (gradient ? operation->weights->createReorder(dnnl, w, plainWeights)
                : operation->weights->createReorder(dnnl, plainWeights, w));
  return ok ? std::move(operation) : nullptr;
}

bool makeOperations(const Dnnl &dnnl, ConvPlan &plan, const Layouts &layouts) {
  for (int shortImages = 0; shortImages < 2; ++shortImages)
    for (int shortChannels = 0; shortChannels < 2; ++shortChannels) {
      auto &operation = plan.operations[shortImages][shortChannels];
      operation.reset();
      if (!plan.images.has(shortImages) || !plan.channels.has(shortChannels))
        continue;
      const int64_t part = shortChannels ? plan.channels.parts() - 1 : 0;
      operation = makeOperation(dnnl, plan, plan.images.lengthOf(shortImages),
                                plan.channelsOf(part), layouts);
      if (!operation)
        return false;
    }
  return true;
}

void layOutScratch(ConvPlan &plan) {
  int64_t own = 0, x = 0, y = 0, weights = 0;
  auto atLeast = [](int64_t &bytes, int64_t needed) {
    bytes = std::max(bytes, needed);
  };
  for (auto &byImages : plan.operations)
    for (auto &operation : byImages) {
      if (!operation)
        continue;
      for (const ConvAdapter *adapter : {&operation->x, &operation->y}) {
        if (adapter->way != ConvAdapter::Way::Direct)
          atLeast(adapter == &operation->x ? x : y, adapter->bytes);
        if (adapter->reorder)
          atLeast(own, int64_t(adapter->reorder->scratchBytes()));
      }
      atLeast(own, int64_t(operation->product.scratchBytes()));
      atLeast(own, int64_t(operation->weights->scratchBytes()));
      atLeast(weights, operation->weightBytes);
    }
  const ConvShape &s = plan.shape;
  const bool widened = s.dtype != ASGC_F32;
  int64_t offset = 0;
  auto place = [&](int64_t bytes) {
    int64_t at = offset;
    offset += roundUp(bytes, bufferAlignment).value_or(0);
    return at;
  };
  place(own);
  plan.scratchX = place(x);
  plan.scratchY = place(y);
  plan.scratchWeights = place(s.kind == ConvKind::BackwardWeight ? weights : 0);
  plan.scratchWideX =
      place(widened ? plan.images.step * s.c * s.inputPlane() * 4 : 0);
  plan.scratchWideY =
      place(widened ? plan.images.step * s.o * s.outputPlane() * 4 : 0);
  plan.scratchBytes = offset;
  plan.partBytes = roundUp(weights, bufferAlignment).value_or(0);
}

} // namespace

void makePlan(const Dnnl *dnnl, ConvPlan &plan) {
  const ConvShape &s = plan.shape;
  const bool computes = dnnl && isFloat(s.dtype) && s.dtype != ASGC_F64 &&
                        s.c > 0 && s.kh > 0 && s.kw > 0;
  if (computes) {
    chooseSplit(plan);
    for (const Layouts &layouts : layoutsFor(s))
      if (makeOperations(*dnnl, plan, layouts)) {
        plan.usesLoops = false;
        layOutScratch(plan);
        break;
      }
  }
  if (plan.usesLoops) {
    plan.images = {s.n, 1};
    plan.channels = {1, 1};
  }
  const double perTask = operationsOf(s) / double(plan.tasks()) / 50 + 1000;
  plan.grain = std::max<int64_t>(1, int64_t(10e3 / perTask));
}

} // namespace asgc::rt
