//===- Convolution.cpp - Conv and its transpose ---------------------------===//
#include "lib/Interop/Onnx/Window.h"

using namespace mlir;

namespace asgc::interop {

/// Moves the depth of [n, c, d, h, w] into the batch: [n·d, c, h, w].
static Value foldDepth(Emitter &e, Value x) {
  Value y = e.transpose(x, {0, 2, 1, 3, 4});
  if (!y)
    return y;
  Extents d = Emitter::dims(y);
  return e.reshape(y, {d[0] * d[1], d[2], d[3], d[4]});
}

static Value unfoldDepth(Emitter &e, Value x, const DimExpr &batch,
                         const DimExpr &depth) {
  if (!x)
    return x;
  Extents d = Emitter::dims(x);
  return e.transpose(e.reshape(x, {batch, depth, d[1], d[2], d[3]}),
                     {0, 2, 1, 3, 4});
}

static Value conv2d(Emitter &e, Value x, Value weight, const Window &window,
                    int64_t groups, size_t from) {
  auto part = [&](const Axes &axes) { return ArrayRef(axes).drop_front(from); };
  if (!x || !weight)
    return {};
  return e.infer<asg::Conv2dOp>(1, x, weight, part(window.strides),
                                part(window.low), part(window.high),
                                part(window.dilations), uint64_t(groups));
}

/// Three spatial axes: one 2-D convolution per plane of the kernel's depth.
static Value conv3d(Emitter &e, Value x, Value weight, const Window &window,
                    int64_t groups) {
  x = e.pad(x, {0, 0, window.low[0], 0, 0}, {0, 0, window.high[0], 0, 0}, 0);
  if (!x)
    return x;
  DimExpr depth = (Emitter::dim(x, 2) - DimExpr(window.span(0)))
                      .floorDiv(window.strides[0]) +
                  DimExpr(1);
  Value sum;
  for (int64_t k = 0; k < window.kernel[0]; ++k) {
    Value planes =
        e.slice(x, 2, k * window.dilations[0], depth, window.strides[0]);
    Value term = conv2d(e, foldDepth(e, planes), e.element(weight, 2, k),
                        window, groups, 1);
    sum = sum ? e.add(sum, term) : term;
    if (!sum)
      return {};
  }
  return unfoldDepth(e, sum, Emitter::dim(x, 0), depth);
}

static Value addBias(Emitter &e, Value y, Value bias) {
  if (!y || !bias)
    return y;
  Axes axes;
  for (int64_t axis = 1; axis < Emitter::rankOf(y) - 1; ++axis)
    axes.push_back(axis);
  return e.add(y, e.unsqueeze(bias, axes));
}

/// The window of a convolution: its kernel is the weight's.
static std::optional<Window> convWindow(Call &call, Value x, Value weight) {
  Emitter &e = call.e;
  if (!x || !weight)
    return std::nullopt;
  int64_t rank = Emitter::rankOf(x);
  if (rank < 3 || Emitter::rankOf(weight) != rank) {
    e.fail("takes images of rank 3 or more and a weight of the same rank");
    return std::nullopt;
  }
  if (rank > 5) {
    e.refuse("more than three spatial axes are not supported");
    return std::nullopt;
  }
  auto extents = e.fixedDims(weight);
  if (!extents)
    return std::nullopt;
  Axes kernel(extents->begin() + 2, extents->end());
  if (auto given = call.integers("kernel_shape"); given && *given != kernel) {
    e.fail("kernel_shape differs from the weight's shape");
    return std::nullopt;
  }
  return readWindow(call, x, kernel);
}

Value convolve(Call &call, Value x, Value weight) {
  Emitter &e = call.e;
  auto window = convWindow(call, x, weight);
  if (!window)
    return {};
  int64_t groups = call.integer("group", 1);
  if (window->rank() == 3)
    return conv3d(e, x, weight, *window, groups);
  size_t missing = 2 - window->rank();
  Value y = conv2d(e, addSpatialAxes(e, x, missing),
                   addSpatialAxes(e, weight, missing), widen(*window, missing),
                   groups, 0);
  return dropSpatialAxes(e, y, missing);
}

Values importConv(Call &call) {
  return {addBias(call.e, convolve(call, call[0], call[1]), call[2])};
}

//===----------------------------------------------------------------------===//
// Transposed
//===----------------------------------------------------------------------===//

/// Extent of the result along each spatial axis; sets the window's padding.
static std::optional<Extents> transposedExtents(Call &call, Window &window) {
  Emitter &e = call.e;
  size_t rank = window.rank();
  Axes extra = call.integers("output_padding").value_or(Axes(rank, 0));
  auto wanted = call.integers("output_shape");
  std::string mode = call.text("auto_pad", "NOTSET");
  if (extra.size() != rank || (wanted && wanted->size() < rank)) {
    e.fail("output_padding and output_shape have an entry per spatial axis");
    return std::nullopt;
  }
  bool isSame = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  Extents extents;
  for (size_t axis = 0; axis < rank; ++axis) {
    DimExpr extent = Emitter::dim(call[0], int64_t(axis) + 2);
    DimExpr stride(window.strides[axis]);
    DimExpr full =
        stride * (extent - 1) + DimExpr(extra[axis] + window.span(axis));
    if (wanted || isSame) {
      DimExpr target = wanted ? DimExpr((*wanted)[axis + wanted->size() - rank])
                              : extent * stride;
      auto difference = (full - target).asConstant();
      if (!difference) {
        e.fixedDim(call[0], int64_t(axis) + 2);
        return std::nullopt;
      }
      int64_t pad = std::max<int64_t>(*difference, 0);
      // The spec's rule; a target beyond the full extent grows at the end.
      window.low[axis] = mode == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
      window.high[axis] = pad - window.low[axis];
      extents.push_back(target);
    } else {
      extents.push_back(full - DimExpr(window.low[axis] + window.high[axis]));
    }
    if (extents.back().asConstant().value_or(1) < 1) {
      e.fail("the result has no elements");
      return std::nullopt;
    }
  }
  return extents;
}

/// Where the convolution with the window's padding takes `extents` to those of
/// x, its input gradient; else that without padding, cut and extended, so that
/// no attribute can ask for a geometry that the op does not have.
static Value transposed2d(Emitter &e, Value x, Value weight,
                          const Window &window, ArrayRef<DimExpr> extents,
                          int64_t groups) {
  if (!x || !weight)
    return {};
  // ONNX has the weight as [c, m / groups, h, w]: as the filters of the
  // convolution whose input gradient this is.
  Extents full = {Emitter::dim(x, 0),
                  Emitter::dim(weight, 1) * DimExpr(groups)};
  Axes zero(2, 0), starts = {0, 0}, high = {0, 0}, low = {0, 0};
  Extents sizes = full, direct = full;
  bool isDirect = true;
  for (size_t axis = 0; axis < 2; ++axis) {
    DimExpr extent = Emitter::dim(x, int64_t(axis) + 2);
    int64_t stride = window.strides[axis], span = window.span(axis),
            before = window.low[axis], after = window.high[axis];
    isDirect &=
        before >= 0 && after >= 0 && before < span && after < span &&
        (extents[axis] + DimExpr(before + after - span)).floorDiv(stride) +
                DimExpr(1) ==
            extent;
    DimExpr whole = DimExpr(stride) * (extent - 1) + DimExpr(span);
    full.push_back(whole);
    direct.push_back(extents[axis]);
    auto missing = (extents[axis] - (whole - DimExpr(before))).asConstant();
    if (!missing)
      return e.refuse("the extent '" + extent.str() +
                      "' must be known when the model is compiled");
    DimExpr kept = extents[axis] - DimExpr(std::max<int64_t>(*missing, 0));
    if (kept.asConstant().value_or(0) < 0)
      return e.fail("pads are larger than the result");
    starts.push_back(before);
    sizes.push_back(kept);
    low.push_back(0);
    high.push_back(std::max<int64_t>(*missing, 0));
  }
  Type element = Emitter::elementOf(x);
  if (isDirect)
    return e.make<asg::Conv2dInputGradOp>(
        e.typeFor(direct, element), x, weight, window.strides, window.low,
        window.high, window.dilations, uint64_t(groups));
  Value y = e.make<asg::Conv2dInputGradOp>(e.typeFor(full, element), x, weight,
                                           window.strides, zero, zero,
                                           window.dilations, uint64_t(groups));
  return e.pad(e.slice(y, starts, sizes, {1, 1, 1, 1}), low, high, 0);
}

/// Every plane of x is spread over the planes of the kernel's depth.
static Value transposed3d(Emitter &e, Value x, Value weight, Window window,
                          ArrayRef<DimExpr> extents, int64_t groups) {
  Window flat = window;
  for (Axes *axes :
       {&flat.kernel, &flat.strides, &flat.dilations, &flat.low, &flat.high})
    axes->erase(axes->begin());
  auto depth = e.fixedDim(x, 2), wanted = extents[0].asConstant();
  if (!depth || !wanted)
    return {};
  int64_t whole = window.strides[0] * (*depth - 1) + window.span(0);
  Value folded = foldDepth(e, x), sum;
  for (int64_t k = 0; k < window.kernel[0]; ++k) {
    Value planes = transposed2d(e, folded, e.element(weight, 2, k), flat,
                                extents.drop_front(), groups);
    planes = unfoldDepth(e, planes, Emitter::dim(x, 0), DimExpr(*depth));
    int64_t low = k * window.dilations[0];
    int64_t used = window.strides[0] * (*depth - 1) + 1;
    planes = e.pad(planes, {0, 0, low, 0, 0}, {0, 0, whole - used - low, 0, 0},
                   0, {0, 0, window.strides[0] - 1, 0, 0});
    sum = sum ? e.add(sum, planes) : planes;
    if (!sum)
      return {};
  }
  int64_t kept = std::min(*wanted, whole - window.low[0]);
  if (kept < 0)
    return e.fail("pads are larger than the result");
  return e.pad(e.slice(sum, 2, window.low[0], DimExpr(kept)), {0, 0, 0, 0, 0},
               {0, 0, *wanted - kept, 0, 0}, 0);
}

Values importConvTranspose(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], weight = call[1], y;
  auto window = convWindow(call, call[0], call[1]);
  auto extents = window ? transposedExtents(call, *window) : std::nullopt;
  if (!extents)
    return {};
  int64_t groups = call.integer("group", 1);
  if (window->rank() == 3) {
    y = transposed3d(e, x, weight, *window, *extents, groups);
  } else {
    size_t missing = 2 - window->rank();
    while (extents->size() < 2)
      extents->insert(extents->begin(), DimExpr(1));
    y = transposed2d(e, addSpatialAxes(e, x, missing),
                     addSpatialAxes(e, weight, missing),
                     widen(*window, missing), *extents, groups);
    y = dropSpatialAxes(e, y, missing);
  }
  return {addBias(e, y, call[2])};
}

} // namespace asgc::interop
