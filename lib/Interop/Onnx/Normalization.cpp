//===- Normalization.cpp - Centred and scaled -----------------------------===//
#include "lib/Interop/Onnx/Call.h"
#include "lib/Interop/Onnx/Places.h"

using namespace mlir;

namespace asgc::interop {

/// A vector per channel, aligned with axis 1 of `x`.
static Value alongChannels(Emitter &e, Value vector, Value x) {
  if (!x || !vector)
    return {};
  Axes axes;
  for (int64_t axis = 1; axis < Emitter::rankOf(x) - 1; ++axis)
    axes.push_back(axis);
  return e.unsqueeze(vector, axes);
}

/// y · scale + shift along the channels; what changes nothing is left out.
static Value scaleAndShift(Emitter &e, Value y, Value scale, Value shift) {
  if (!y || !scale || !shift)
    return {};
  if (splatOf(scale) != 1.0)
    y = e.mul(y, alongChannels(e, scale, y));
  return splatOf(shift) == 0.0 ? y : e.add(y, alongChannels(e, shift, y));
}

static Axes axesFrom(Value x, int64_t first) {
  Axes axes;
  for (int64_t axis = first; x && axis < Emitter::rankOf(x); ++axis)
    axes.push_back(axis);
  return axes;
}

struct Normalized {
  Value y, mean, inverse; ///< inverse = 1 / √(variance + ε)
};

static Normalized normalize(Emitter &e, Value x, ArrayRef<int64_t> axes,
                            double epsilon) {
  Value mean = e.mean(x, axes, true);
  Value centred = e.sub(x, mean);
  Value variance = e.mean(e.mul(centred, centred), axes, true);
  Value inverse = e.unary<asg::RsqrtOp>(e.add(variance, epsilon));
  return {e.mul(centred, inverse), mean, inverse};
}

/// In training mode the batch is normalized by itself, and the running values
/// become momentum · running + (1 − momentum) · batch. Before opset 14 more
/// results than one ask for it, the last two what the gradient needs again.
Values importBatchNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  double epsilon = call.number("epsilon", 1e-5),
         momentum = call.number("momentum", 0.9);
  bool isTraining = call.opset < 14 ? call.opset >= 7 && call.numOutputs() > 1
                                    : call.integer("training_mode", 0) != 0;
  if (!x || call.size() < 5)
    return {e.fail("takes five operands")};
  if (call.opset < 9 && !call.integer("spatial", 1))
    return {e.refuse("spatial = 0 is not supported")};
  if (call.opset < 7 && !call.integer("is_test", 0))
    return {e.refuse("training mode of opset 6 is not supported")};
  Value mean = call[3], variance = call[4];
  Values results;
  if (isTraining) {
    Axes axes = axesFrom(x, 2);
    axes.insert(axes.begin(), 0);
    mean = e.mean(x, axes, false);
    Value centred = e.sub(x, alongChannels(e, mean, x));
    variance = e.mean(e.mul(centred, centred), axes, false);
    auto blend = [&](Value running, Value batch) {
      return e.add(e.mul(running, momentum), e.mul(batch, 1 - momentum));
    };
    results = {blend(call[3], mean), blend(call[4], variance)};
    if (call.opset < 14)
      results.append({mean, variance});
  }
  Value inverse = e.unary<asg::RsqrtOp>(e.add(variance, epsilon));
  bool isScaled = call.has(1) && splatOf(call[1]) != 1.0;
  Value scale = isScaled ? e.mul(call[1], inverse) : inverse;
  Value y =
      scaleAndShift(e, e.sub(x, alongChannels(e, mean, x)), scale, call[2]);
  results.insert(results.begin(), y);
  return results;
}

Values importInstanceNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  Value y = normalize(e, x, axesFrom(x, 2), call.number("epsilon", 1e-5)).y;
  return {scaleAndShift(e, y, call[1], call[2])};
}

Values importLayerNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", -1), Emitter::rankOf(x)) : std::nullopt;
  if (!axis)
    return {};
  Normalized n =
      normalize(e, x, axesFrom(x, *axis), call.number("epsilon", 1e-5));
  Value y = e.mul(n.y, call[1]);
  if (call.has(2))
    y = e.add(y, call[2]);
  return {y, n.mean, n.inverse};
}

Values importRMSNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", -1), Emitter::rankOf(x)) : std::nullopt;
  if (!axis)
    return {};
  Value square = e.mean(e.mul(x, x), axesFrom(x, *axis), true);
  Value inverse =
      e.unary<asg::RsqrtOp>(e.add(square, call.number("epsilon", 1e-5)));
  return {e.mul(e.mul(x, inverse), call[1])};
}

Values importGroupNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], scale = call[1], bias = call[2];
  int64_t groups = call.integer("num_groups", 0);
  if (!x || !scale || !bias)
    return {};
  auto channels = Emitter::rankOf(x) >= 2 ? e.fixedDim(x, 1) : std::nullopt;
  if (!channels || groups < 1 || *channels % groups != 0)
    return {e.fail("the channels are not divisible into " + Twine(groups) +
                   " groups")};
  Extents dims = Emitter::dims(x), split = dims;
  split[1] = DimExpr(groups);
  split.insert(split.begin() + 2, DimExpr(*channels / groups));
  Value grouped = e.reshape(x, split);
  Value y =
      normalize(e, grouped, axesFrom(grouped, 2), call.number("epsilon", 1e-5))
          .y;
  // Until opset 20, scale and bias had one element per group.
  if (call.opset < 21)
    return {e.reshape(e.add(e.mul(y, alongChannels(e, scale, grouped)),
                            alongChannels(e, bias, grouped)),
                      dims)};
  y = e.reshape(y, dims);
  return {
      e.add(e.mul(y, alongChannels(e, scale, x)), alongChannels(e, bias, x))};
}

Values importMeanVarianceNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  auto axes =
      e.axes(call.integers("axes").value_or(Axes{0, 2, 3}), Emitter::rankOf(x));
  if (!axes)
    return {};
  Value centred = e.sub(x, e.mean(x, *axes, true));
  Value deviation =
      e.unary<asg::SqrtOp>(e.mean(e.mul(centred, centred), *axes, true));
  return {e.div(centred, e.add(deviation, 1e-9))};
}

Values importLpNormalization(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", -1), Emitter::rankOf(x)) : std::nullopt;
  if (!axis)
    return {};
  Value norm = call.integer("p", 2) == 1
                   ? e.sum(e.abs(x), {*axis}, true)
                   : e.unary<asg::SqrtOp>(e.sum(e.mul(x, x), {*axis}, true));
  return {e.div(x, norm)};
}

/// y = x / (bias + α / size · Σ x² over the channels around)^β
Values importLRN(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  int64_t size = call.integer("size", 1);
  auto channels =
      x && Emitter::rankOf(x) >= 2 ? e.fixedDim(x, 1) : std::nullopt;
  if (!channels || size < 1 || size > 4096)
    return {e.fail("size is not from 1 to 4096, or there are no channels")};
  Axes low(Emitter::rankOf(x), 0), high(low);
  low[1] = (size - 1) / 2;
  high[1] = size - 1 - low[1];
  Value padded = e.pad(e.mul(x, x), low, high, 0), sum;
  for (int64_t i = 0; i < size; ++i) {
    Value shifted = e.slice(padded, 1, i, *channels);
    sum = sum ? e.add(sum, shifted) : shifted;
  }
  Value base = e.add(e.mul(sum, call.number("alpha", 1e-4) / double(size)),
                     call.number("bias", 1));
  return {e.div(x, e.binary<asg::PowOp>(base, call.number("beta", 0.75)))};
}

/// At inference nothing is dropped; the mask is all true.
Values importDropout(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  bool isTraining = call.opset < 7 && !call.integer("is_test", 0);
  if (call.opset >= 12 && call.has(2)) {
    auto mode = call.knownNumber(2, "training_mode");
    if (!mode)
      return {};
    isTraining = *mode != 0;
  }
  if (isTraining) {
    double ratio = call.number("ratio", 0.5);
    if (call.opset >= 12) {
      auto given =
          call.has(1) ? call.knownNumber(1, "the ratio") : std::optional(0.5);
      if (!given)
        return {};
      ratio = *given;
    }
    if (ratio != 0)
      return {
          e.refuse("training mode with a ratio other than 0 is not supported")};
  }
  Values results = {x};
  if (call.wants(1))
    results.push_back(e.splat(Emitter::dims(x),
                              call.opset >= 10 ? e.i1() : Emitter::elementOf(x),
                              1));
  return results;
}

} // namespace asgc::interop
