//===- Image.cpp - Images of other sizes ----------------------------------===//
#include "lib/Interop/Onnx/Call.h"
#include "lib/Interop/Onnx/Interpolation.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

//===----------------------------------------------------------------------===//
// Resize
//===----------------------------------------------------------------------===//

namespace {
/// How one axis changes its extent.
struct Stretch {
  int64_t from = 1, to = 1;
  double scale = 1; ///< 0: to / from, known at run time only
  std::optional<DimExpr>
      runTime;               ///< what it becomes, if that or from is not known
  double start = 0, end = 1; ///< tf_crop_and_resize: the part of the image
};
} // namespace

/// The coordinate in the operand that element `i` of the result shows.
static std::optional<double> coordinateOf(double i, const Stretch &s,
                                          StringRef mode) {
  // The extent that the scale gives, before it is rounded down.
  double from = double(s.from), exact = s.scale * from;
  if (mode == "half_pixel")
    return (i + 0.5) / s.scale - 0.5;
  if (mode == "pytorch_half_pixel")
    return s.to > 1 ? (i + 0.5) / s.scale - 0.5 : 0.0;
  if (mode == "tf_half_pixel_for_nn")
    return (i + 0.5) / s.scale;
  if (mode == "asymmetric")
    return i / s.scale;
  if (mode == "align_corners")
    return s.to > 1 ? i * (from - 1) / (exact - 1) : 0.0;
  if (mode == "half_pixel_symmetric") {
    double offset = from / 2 * (1 - double(s.to) / exact);
    return offset + (i + 0.5) / s.scale - 0.5;
  }
  if (mode == "tf_crop_and_resize")
    return s.to > 1 ? s.start * (from - 1) +
                          i * (s.end - s.start) * (from - 1) / double(s.to - 1)
                    : 0.5 * (s.start + s.end) * (from - 1);
  return std::nullopt;
}

static double roundBy(double x, StringRef mode) {
  if (mode == "floor")
    return std::floor(x);
  if (mode == "ceil")
    return std::ceil(x);
  return mode == "round_prefer_ceil" ? std::floor(x + 0.5) : std::ceil(x - 0.5);
}

/// Keys' cubic weights of the four elements around a place `t` after the
/// second.
static std::array<double, 4> cubicWeights(double t, double a) {
  auto near = [&](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  auto far = [&](double x) {
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

/// y[…, i, …] = Σₖ weight[i, k] · x[…, place[i, k], …] along one axis, with
/// weights that are known now: a gather per k.
static Value resample(Call &call, Value x, int64_t axis, const Stretch &stretch,
                      SmallVector<bool> &isInside) {
  Emitter &e = call.e;
  std::string mode = call.text("mode", "nearest");
  std::string transform =
      call.text("coordinate_transformation_mode",
                call.opset < 11 ? "asymmetric" : "half_pixel");
  std::string rounding = call.text(
      "nearest_mode", call.opset < 11 ? "floor" : "round_prefer_floor");
  double a = call.number("cubic_coeff_a", -0.75);
  bool excludesOutside = call.integer("exclude_outside", 0);
  size_t numTaps = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
  std::vector<Axes> places(numTaps);
  std::vector<SmallVector<double>> weights(numTaps);
  for (int64_t i = 0; i < stretch.to; ++i) {
    auto coordinate = coordinateOf(double(i), stretch, transform);
    if (!coordinate || !std::isfinite(*coordinate))
      return e.refuse("coordinate_transformation_mode '" + transform +
                      "' is not supported");
    isInside.push_back(*coordinate >= 0 &&
                       *coordinate <= double(stretch.from - 1));
    double first =
        numTaps == 1 ? roundBy(*coordinate, rounding) : std::floor(*coordinate);
    double t = *coordinate - first, total = 0;
    std::array<double, 4> own = {1, 0, 0, 0};
    if (numTaps == 2)
      own = {1 - t, t, 0, 0};
    if (numTaps == 4) {
      own = cubicWeights(t, a);
      first -= 1;
    }
    for (size_t k = 0; k < numTaps; ++k) {
      double place = first + double(k);
      if (excludesOutside && numTaps == 4 &&
          (place < 0 || place > double(stretch.from - 1)))
        own[k] = 0;
      total += own[k];
      places[k].push_back(
          int64_t(std::clamp(place, 0.0, double(stretch.from - 1))));
    }
    for (size_t k = 0; k < numTaps; ++k)
      weights[k].push_back(excludesOutside && numTaps == 4 ? own[k] / total
                                                           : own[k]);
  }
  Axes shape(Emitter::rankOf(x), 1);
  shape[axis] = stretch.to;
  Value sum;
  for (size_t k = 0; k < numTaps; ++k) {
    Value part = e.gather(x, e.integers(places[k]), axis);
    if (numTaps > 1)
      part = e.mul(part, e.constant(weights[k], shape, Emitter::elementOf(x)));
    sum = sum ? e.add(sum, part) : part;
    if (!sum)
      return {};
  }
  return sum;
}

/// ⌊extent · scale⌋ for a scale that is a fraction of small numbers.
static std::optional<DimExpr> scaledExtent(const DimExpr &extent,
                                           double scale) {
  for (int64_t divisor = 1; divisor <= 64; ++divisor)
    if (double factor = scale * double(divisor);
        factor == std::floor(factor) && factor >= 1 && factor <= 4096)
      return (extent * DimExpr(int64_t(factor))).floorDiv(divisor);
  return std::nullopt;
}

/// `coordinateOf` of all elements along an axis whose extent becomes `to`, one
/// of them known at run time only.
static Value coordinatesOf(Emitter &e, const DimExpr &from, const DimExpr &to,
                           double scale, StringRef mode) {
  Value i = e.iota({to}, 0, e.f32());
  Value step = scale != 0
                   ? e.scalar(1 / scale, e.f32())
                   : e.div(e.extent(from, e.f32()), e.extent(to, e.f32()));
  if (mode == "asymmetric")
    return e.mul(i, step);
  if (mode == "align_corners") {
    Value last = e.max(e.extent(to - 1, e.f32()), 1.0);
    return e.mul(i, e.div(e.extent(from - 1, e.f32()), last));
  }
  Value centre = e.sub(e.mul(e.add(i, 0.5), step), 0.5);
  if (mode == "half_pixel")
    return centre;
  if (mode == "pytorch_half_pixel")
    return e.select(e.compare(Predicate::gt, e.extent(to, e.f32()), 1.0),
                    centre, e.scalar(0, e.f32()));
  return e.refuse("coordinate_transformation_mode '" + mode +
                  "' of run-time extents is not supported");
}

static Value roundBy(Emitter &e, Value x, StringRef mode) {
  if (mode == "floor")
    return e.unary<asg::FloorOp>(x);
  if (mode == "ceil")
    return e.unary<asg::CeilOp>(x);
  return mode == "round_prefer_ceil" ? e.unary<asg::FloorOp>(e.add(x, 0.5))
                                     : e.unary<asg::CeilOp>(e.sub(x, 0.5));
}

/// `resample` with places and weights that are computed at run time.
static Value resampleRunTime(Call &call, Value x, int64_t axis,
                             const Stretch &stretch) {
  Emitter &e = call.e;
  std::string mode = call.text("mode", "nearest");
  size_t numTaps = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
  if (call.integer("exclude_outside", 0) && numTaps == 4)
    return e.refuse("exclude_outside of run-time extents is not supported");
  DimExpr from = Emitter::dim(x, axis);
  Value at =
      coordinatesOf(e, from, *stretch.runTime, stretch.scale,
                    call.text("coordinate_transformation_mode",
                              call.opset < 11 ? "asymmetric" : "half_pixel"));
  Value first =
      numTaps == 1
          ? roundBy(e, at,
                    call.text("nearest_mode",
                              call.opset < 11 ? "floor" : "round_prefer_floor"))
          : e.unary<asg::FloorOp>(at);
  Value t = e.sub(at, first);
  std::array<Value, 4> weights;
  if (numTaps == 2)
    weights = {e.sub(e.scalar(1, e.f32()), t), t};
  if (numTaps == 4) {
    double a = call.number("cubic_coeff_a", -0.75);
    auto near = [&](Value v) {
      Value inner = e.mul(e.sub(e.mul(v, a + 2), a + 3), e.mul(v, v));
      return e.add(inner, 1.0);
    };
    auto far = [&](Value v) {
      Value inner = e.add(e.mul(e.sub(e.mul(v, a), 5 * a), v), 8 * a);
      return e.sub(e.mul(inner, v), 4 * a);
    };
    Value rest = e.sub(e.scalar(1, e.f32()), t);
    weights = {far(e.add(t, 1.0)), near(t), near(rest), far(e.add(rest, 1.0))};
    first = e.sub(first, 1.0);
  }
  Value last = e.extent(from - 1, e.f32()), sum;
  Axes others;
  for (int64_t other = 0; other < Emitter::rankOf(x); ++other)
    if (other != axis)
      others.push_back(other);
  for (size_t k = 0; k < numTaps; ++k) {
    Value place = e.min(e.max(e.add(first, double(k)), 0.0), last);
    Value part = e.gather(x, e.cast(place, e.i64()), axis);
    if (numTaps > 1)
      part = e.mul(
          part, e.cast(e.unsqueeze(weights[k], others), Emitter::elementOf(x)));
    sum = sum ? e.add(sum, part) : part;
    if (!sum)
      return {};
  }
  return sum;
}

/// Fills sizes and scales of every axis from the node's operands.
static std::optional<std::vector<Stretch>> readStretches(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return std::nullopt;
  Extents dims = Emitter::dims(x);
  std::vector<Stretch> all(dims.size());
  for (auto [stretch, dim] : llvm::zip_equal(all, dims))
    if (auto extent = dim.asConstant())
      stretch.from = stretch.to = *extent;
  Axes axes;
  for (int64_t axis = 0; axis < int64_t(dims.size()); ++axis)
    axes.push_back(axis);
  if (auto given = call.integers("axes")) {
    axes.clear();
    for (int64_t one : *given)
      axes.push_back(e.axis(one, int64_t(dims.size())).value_or(0));
  }
  size_t scalesAt = call.opset < 11 ? 1 : 2;
  std::optional<Extents> sizes;
  if (call.has(3))
    sizes = call.knownExtents(3, "the sizes");
  const HostTensor *scales = !sizes && call.has(scalesAt)
                                 ? call.known(scalesAt, "the scales")
                                 : nullptr;
  std::vector<double> attribute = call.numbers("scales"); // Upsample of opset 7
  size_t count = sizes    ? sizes->size()
                 : scales ? size_t(scales->numElements())
                          : attribute.size();
  if (e.hasFailed() || count != axes.size() ||
      call.text("keep_aspect_ratio_policy", "stretch") != "stretch") {
    e.refuse("there is one size or scale per axis; keep_aspect_ratio_policy is "
             "not supported");
    return std::nullopt;
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    Stretch &s = all[axes[i]];
    const DimExpr &dim = dims[axes[i]];
    if (!sizes)
      s.scale = scales ? scales->get(int64_t(i)) : attribute[i];
    // An axis that stays may have any extent.
    if (sizes ? (*sizes)[i] == dim : s.scale == 1)
      continue;
    bool isKnown = dim.asConstant() && (!sizes || (*sizes)[i].asConstant());
    if (!isKnown) {
      s.runTime = sizes ? (*sizes)[i] : scaledExtent(dim, s.scale);
      if (sizes)
        s.scale = 0;
      if (!s.runTime) {
        e.refuse("the extent '" + dim.str() + "' times " +
                 std::to_string(s.scale) +
                 " must be known when the model is compiled");
        return std::nullopt;
      }
      continue;
    }
    if (sizes) {
      s.to = *(*sizes)[i].asConstant();
      s.scale = double(s.to) / double(s.from);
    } else {
      double extent = std::floor(double(s.from) * s.scale);
      s.to = extent >= 1 && extent < INT32_MAX ? int64_t(extent) : -1;
    }
    if (s.to < 1 || s.to > kMaxTable || s.from < 1) {
      e.fail("an extent would be " + Twine(s.to));
      return std::nullopt;
    }
  }
  if (call.text("coordinate_transformation_mode", "") == "tf_crop_and_resize") {
    const HostTensor *roi = call.known(1, "the region");
    if (!roi || roi->numElements() != int64_t(2 * axes.size())) {
      e.fail("the region has two numbers per axis");
      return std::nullopt;
    }
    for (size_t i = 0; i < axes.size(); ++i) {
      Stretch &s = all[axes[i]];
      s.start = roi->get(int64_t(i));
      s.end = roi->get(int64_t(i + axes.size()));
      bool isWhole = s.start == 0 && s.end == 1 && !s.runTime;
      if (!isWhole && !e.fixedDim(x, axes[i]))
        return std::nullopt;
    }
  }
  return all;
}

Values importResize(Call &call) {
  Emitter &e = call.e;
  auto stretches = readStretches(call);
  if (!stretches)
    return {};
  if (call.integer("antialias", 0))
    return {e.refuse("antialiasing is not supported")};
  std::string mode = call.text("mode", "nearest");
  if (mode == "bilinear" ||
      (mode != "nearest" && mode != "linear" && mode != "cubic"))
    return {e.refuse("mode '" + mode + "' is not supported")};
  bool isCropped =
      call.text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
  Value x = call[0], isInside;
  for (auto [axis, stretch] : llvm::enumerate(*stretches)) {
    if (stretch.runTime) {
      x = resampleRunTime(call, x, int64_t(axis), stretch);
      if (!x)
        return {};
      continue;
    }
    bool isCroppedHere = isCropped && !(stretch.start == 0 && stretch.end == 1);
    if (stretch.from == stretch.to && stretch.scale == 1 && !isCroppedHere)
      continue;
    SmallVector<bool> inside;
    x = resample(call, x, int64_t(axis), stretch, inside);
    if (!x)
      return {};
    if (!isCropped || !llvm::is_contained(inside, false))
      continue;
    Axes shape(Emitter::rankOf(x), 1);
    shape[axis] = stretch.to;
    Value here = e.constant(SmallVector<double>(inside.begin(), inside.end()),
                            shape, e.i1());
    Extents dims = Emitter::dims(x);
    here = e.broadcast(here, dims);
    Value fill = e.like(x, call.number("extrapolation_value", 0));
    x = e.select(here, x, fill);
  }
  return {x};
}

Values importUpsample(Call &call) {
  // As Resize was at first.
  return importResize(call);
}

//===----------------------------------------------------------------------===//
// GridSample
//===----------------------------------------------------------------------===//

Value sampleAt(Emitter &e, Value flat, Value row, Value column, int64_t width) {
  Value place = e.add(e.mul(row, double(width)), column);
  return e.gather(flat, e.cast(place, e.i64()), 2, 1);
}

namespace {
/// One spatial axis of a sampled image.
struct SampledAxis {
  int64_t extent;
  bool alignsCorners;
  std::string padding;
};
} // namespace

/// From [-1, 1] to elements.
static Value denormalize(Emitter &e, Value x, const SampledAxis &axis) {
  double n = double(axis.extent);
  if (axis.alignsCorners)
    return e.mul(e.add(x, 1.0), (n - 1) / 2);
  return e.sub(e.mul(e.add(x, 1.0), n / 2), 0.5);
}

/// Mirrors at the borders, or at their outer edges.
static Value reflect(Emitter &e, Value x, const SampledAxis &axis) {
  double low = axis.alignsCorners ? 0 : -0.5;
  double range =
      axis.alignsCorners ? double(axis.extent - 1) : double(axis.extent);
  if (range == 0)
    return e.mul(x, 0.0);
  Value distance = e.abs(e.sub(x, low));
  Value rest = e.binary<asg::ModOp>(distance, 2 * range);
  Value back = e.sub(e.like(rest, 2 * range), rest);
  Value folded =
      e.select(e.compare(asg::Predicate::gt, rest, range), back, rest);
  return e.add(folded, low);
}

static Value clampTo(Emitter &e, Value x, const SampledAxis &axis) {
  return e.min(e.max(x, 0.0), double(axis.extent - 1));
}

static Value applyPadding(Emitter &e, Value x, const SampledAxis &axis) {
  if (axis.padding == "reflection")
    x = reflect(e, x, axis);
  return axis.padding == "zeros" ? x : clampTo(e, x, axis);
}

/// The elements at whole places, zero outside where that is asked for.
static Value pixels(Emitter &e, Value flat, Value row, Value column,
                    const SampledAxis &rows, const SampledAxis &columns) {
  Value y = sampleAt(e, flat, clampTo(e, row, rows),
                     clampTo(e, column, columns), columns.extent);
  if (rows.padding != "zeros")
    return y;
  auto inside = [&](Value x, const SampledAxis &axis) {
    return e.binary<asg::AndOp>(
        e.compare(Predicate::ge, x, 0.0),
        e.compare(Predicate::le, x, double(axis.extent - 1)));
  };
  Value isInside =
      e.binary<asg::AndOp>(inside(row, rows), inside(column, columns));
  return isInside ? e.select(e.unsqueeze(isInside, {1}), y, e.like(y, 0))
                  : Value();
}

/// Weights and offsets of the taps along one axis of bicubic sampling.
static std::array<Value, 4> cubicTaps(Emitter &e, Value t) {
  constexpr double a = -0.75;
  auto polynomial = [&](Value x, std::array<double, 4> c) {
    Value y = e.add(e.mul(x, c[0]), c[1]);
    y = e.add(e.mul(y, x), c[2]);
    return e.add(e.mul(y, x), c[3]);
  };
  std::array<double, 4> near = {a + 2, -(a + 3), 0, 1},
                        far = {a, -5 * a, 8 * a, -4 * a};
  Value one = e.like(t, 1);
  return {polynomial(e.add(t, 1.0), far), polynomial(t, near),
          polynomial(e.sub(one, t), near),
          polynomial(e.sub(e.like(t, 2), t), far)};
}

Values importGridSample(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], grid = call[1];
  if (!x || !grid || Emitter::rankOf(x) != 4 || Emitter::rankOf(grid) != 4)
    return {e.refuse("only two spatial axes are supported")};
  auto height = e.fixedDim(x, 2), width = e.fixedDim(x, 3);
  if (!height || !width)
    return {};
  std::string padding = call.text("padding_mode", "zeros");
  std::string mode = call.text("mode", call.opset < 20 ? "bilinear" : "linear");
  bool aligns = call.integer("align_corners", 0);
  SampledAxis rows{*height, aligns, padding}, columns{*width, aligns, padding};
  Extents d = Emitter::dims(x), g = Emitter::dims(grid);
  Value flat = e.reshape(x, {d[0], d[1], d[2] * d[3]});
  Value points = e.reshape(grid, {g[0], g[1] * g[2], g[3]});
  Value column = denormalize(e, e.element(points, 2, 0), columns);
  Value row = denormalize(e, e.element(points, 2, 1), rows);
  Value y;
  if (mode == "bicubic" || mode == "cubic") {
    Value firstRow = e.unary<asg::FloorOp>(row),
          firstColumn = e.unary<asg::FloorOp>(column);
    auto rowTaps = cubicTaps(e, e.sub(row, firstRow));
    auto columnTaps = cubicTaps(e, e.sub(column, firstColumn));
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) {
        Value at = pixels(
            e, flat, applyPadding(e, e.add(firstRow, double(i - 1)), rows),
            applyPadding(e, e.add(firstColumn, double(j - 1)), columns), rows,
            columns);
        Value weight = e.mul(rowTaps[i], columnTaps[j]);
        Value part = weight ? e.mul(at, e.unsqueeze(weight, {1})) : Value();
        y = y ? e.add(y, part) : part;
      }
  } else {
    row = applyPadding(e, row, rows);
    column = applyPadding(e, column, columns);
    if (mode == "nearest") {
      y = pixels(e, flat, e.unary<asg::RoundOp>(row),
                 e.unary<asg::RoundOp>(column), rows, columns);
    } else if (mode == "bilinear" || mode == "linear") {
      Value top = e.unary<asg::FloorOp>(row),
            left = e.unary<asg::FloorOp>(column);
      Value v = e.sub(row, top), u = e.sub(column, left);
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) {
          Value at = pixels(e, flat, e.add(top, double(i)),
                            e.add(left, double(j)), rows, columns);
          Value weight = e.mul(i ? v : e.sub(e.like(v, 1), v),
                               j ? u : e.sub(e.like(u, 1), u));
          Value part = weight ? e.mul(at, e.unsqueeze(weight, {1})) : Value();
          y = y ? e.add(y, part) : part;
        }
    } else {
      return {e.refuse("mode '" + mode + "' is not supported")};
    }
  }
  return {e.reshape(y, {d[0], d[1], g[1], g[2]})};
}

} // namespace asgc::interop
