//===- Pooling.cpp - Windows over images ----------------------------------===//
#include "lib/Interop/Onnx/Window.h"

#include <limits>

using namespace mlir;

namespace asgc::interop {

//===----------------------------------------------------------------------===//
// Any number of axes, a slice per element of the window
//===----------------------------------------------------------------------===//

/// Combines the padded elements of every window: one strided slice of x per
/// element of the kernel.
template <typename Op>
static Value combineTaps(Emitter &e, Value x, const Window &window,
                         double padding) {
  Axes low(2, 0), high(2, 0), strides(2, 1);
  low.append(window.low);
  high.append(window.high);
  strides.append(window.strides);
  x = e.pad(x, low, high, padding);
  if (!x)
    return x;
  Extents sizes = Emitter::dims(x);
  for (size_t axis = 0; axis < window.rank(); ++axis)
    sizes[axis + 2] = (sizes[axis + 2] - DimExpr(window.span(axis)))
                          .floorDiv(window.strides[axis]) +
                      DimExpr(1);
  Value all;
  Axes tap(window.rank(), 0);
  int64_t numTaps = 1;
  for (int64_t extent : window.kernel)
    if ((numTaps *= extent) > 4096)
      return e.refuse(
          "windows of more than 4096 elements are not supported here");
  for (int64_t i = 0; i < numTaps; ++i) {
    Axes starts(2, 0);
    int64_t rest = i;
    for (size_t axis = window.rank(); axis-- > 0; rest /= window.kernel[axis])
      tap[axis] = rest % window.kernel[axis];
    for (size_t axis = 0; axis < window.rank(); ++axis)
      starts.push_back(tap[axis] * window.dilations[axis]);
    Value slice = e.slice(x, starts, sizes, strides);
    all = all ? e.binary<Op>(all, slice) : slice;
    if (!all)
      return {};
  }
  return all;
}

/// How many elements of x each window covers, as a constant that broadcasts;
/// with `pads`, those of the padding count as well, but not those beyond it.
static Value countCovered(Emitter &e, Value x, const Window &window,
                          ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
  Value count;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    auto extent = e.fixedDim(x, int64_t(axis) + 2);
    if (!extent)
      return {};
    int64_t padded = *extent + window.low[axis] + window.high[axis];
    if (padded > kMaxTable || window.kernel[axis] > 4096)
      return e.refuse(
          "more than 2^24 elements along an axis, or windows of more "
          "than 4096, are not supported here");
    SmallVector<double> counts;
    for (int64_t start = -window.low[axis];
         start + window.span(axis) <= padded - window.low[axis];
         start += window.strides[axis]) {
      double covered = 0;
      for (int64_t k = 0; k < window.kernel[axis]; ++k) {
        int64_t place = start + k * window.dilations[axis];
        covered += place >= -low[axis] && place < *extent + high[axis];
      }
      counts.push_back(covered);
    }
    Axes shape(window.rank() + 2, 1);
    shape[axis + 2] = int64_t(counts.size());
    Value one = e.constant(counts, shape, Emitter::elementOf(x));
    count = count ? e.mul(count, one) : one;
  }
  return count;
}

//===----------------------------------------------------------------------===//
// MaxPool
//===----------------------------------------------------------------------===//

/// Places in planes as ONNX counts them: over the whole tensor, by rows or by
/// columns.
static Value globalIndices(Emitter &e, Value places, Value x,
                           bool isColumnMajor) {
  if (!places)
    return {};
  DimExpr height = Emitter::dim(x, 2), width = Emitter::dim(x, 3);
  Value index = e.cast(places, e.i64());
  if (isColumnMajor) {
    Value columns = e.extent(width, e.i64());
    Value row = e.div(index, columns),
          column = e.binary<asg::ModOp>(index, columns);
    index = e.add(e.mul(column, e.extent(height, e.i64())), row);
  }
  DimExpr n = Emitter::dim(x, 0), c = Emitter::dim(x, 1);
  Value plane =
      e.reshape(e.iota({n * c}, 0, e.i64()), {n, c, DimExpr(1), DimExpr(1)});
  return e.add(index, e.mul(plane, e.extent(height * width, e.i64())));
}

Values importMaxPool(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto window =
      readWindow(call, x, call.integers("kernel_shape").value_or(Axes()));
  if (!window)
    return {};
  if (window->rank() > 2) {
    if (call.wants(1))
      return {
          e.refuse("indices of more than two spatial axes are not supported")};
    return {combineTaps<asg::MaxOp>(e, x, *window,
                                    -std::numeric_limits<double>::infinity())};
  }
  size_t missing = 2 - window->rank();
  Window flat = widen(*window, missing);
  Value image = addSpatialAxes(e, x, missing);
  if (!image)
    return {};
  Type element = Emitter::elementOf(image);
  Value number = isa<FloatType>(element) ? image : e.cast(image, e.f32());
  Value y = e.infer<asg::MaxPool2dOp>(
      2, number, ArrayRef(flat.kernel), ArrayRef(flat.strides),
      ArrayRef(flat.low), ArrayRef(flat.high), ArrayRef(flat.dilations));
  if (!y)
    return {};
  Value places = y.getDefiningOp()->getResult(1);
  Values results = {dropSpatialAxes(e, e.cast(y, element), missing)};
  if (call.wants(1))
    results.push_back(dropSpatialAxes(
        e, globalIndices(e, places, image, call.integer("storage_order", 0)),
        missing));
  return results;
}

Values importMaxUnpool(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1];
  auto window =
      readWindow(call, x, call.integers("kernel_shape").value_or(Axes()));
  if (!window || !indices)
    return {};
  if (window->rank() != 2)
    return {e.refuse("only two spatial axes are supported")};
  Extents dims = Emitter::dims(x);
  for (size_t axis = 0; axis < 2; ++axis)
    dims[axis + 2] =
        (dims[axis + 2] - DimExpr(1)) * DimExpr(window->strides[axis]) +
        DimExpr(window->kernel[axis] - window->low[axis] - window->high[axis]);
  Value plane = e.extent(dims[2] * dims[3], e.i64());
  Value place =
      e.cast(e.binary<asg::ModOp>(indices, plane), e.builder.getI32Type());
  Value y = x && place ? e.make<asg::MaxUnpool2dOp>(
                             e.typeFor(dims, Emitter::elementOf(x)), x, place)
                       : Value();
  if (!call.has(2) || !y)
    return {y};
  auto wanted = call.knownIntegers(2, "output_shape");
  auto own = e.fixedDims(y);
  if (!wanted || !own)
    return {};
  Axes high;
  for (size_t axis = 0; axis < own->size(); ++axis)
    high.push_back(axis < wanted->size() ? (*wanted)[axis] - (*own)[axis] : -1);
  if (wanted->size() != own->size() ||
      llvm::any_of(high, [](int64_t n) { return n < 0; }))
    return {e.fail("output_shape is smaller than what is unpooled")};
  return {e.pad(y, Axes(4, 0), high, 0)};
}

//===----------------------------------------------------------------------===//
// Means
//===----------------------------------------------------------------------===//

/// Σ over every window; the window's kernel may not be dilated.
static Value sumWindows(Emitter &e, Value x, const Window &window) {
  return combineTaps<asg::AddOp>(e, x, window, 0);
}

Values importAveragePool(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto window =
      readWindow(call, x, call.integers("kernel_shape").value_or(Axes()));
  if (!window)
    return {};
  bool countsPadding = call.integer("count_include_pad", 0);
  bool isDilated =
      llvm::any_of(window->dilations, [](int64_t d) { return d != 1; });
  bool isCeil = call.integer("ceil_mode", 0);
  if (window->rank() <= 2 && !isDilated && !(countsPadding && isCeil)) {
    size_t missing = 2 - window->rank();
    Window flat = widen(*window, missing);
    Value image = addSpatialAxes(e, x, missing);
    if (!image)
      return {};
    Value y = e.infer<asg::AvgPool2dOp>(
        1, image, ArrayRef(flat.kernel), ArrayRef(flat.strides),
        ArrayRef(flat.low), ArrayRef(flat.high), countsPadding);
    return {dropSpatialAxes(e, y, missing)};
  }
  Axes low(window->rank(), 0), high(low);
  if (countsPadding) { // what rounding up added is no padding
    low = window->low;
    if (auto pads = call.integers("pads"))
      high.assign(pads->begin() + window->rank(), pads->end());
    else
      high = isCeil ? high : window->high;
  }
  Value count = countCovered(e, x, *window, low, high);
  return {e.div(sumWindows(e, x, *window), count)};
}

Values importLpPool(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto window =
      readWindow(call, x, call.integers("kernel_shape").value_or(Axes()));
  if (!window)
    return {};
  double p = double(call.integer("p", 2));
  Value power = e.binary<asg::PowOp>(e.abs(x), p);
  return {e.binary<asg::PowOp>(sumWindows(e, power, *window), 1 / p)};
}

//===----------------------------------------------------------------------===//
// Whole images
//===----------------------------------------------------------------------===//

static Axes spatialAxes(Value x) {
  Axes axes;
  for (int64_t axis = 2; x && axis < Emitter::rankOf(x); ++axis)
    axes.push_back(axis);
  return axes;
}

Values importGlobalAveragePool(Call &call) {
  return {call.e.mean(call[0], spatialAxes(call[0]), true)};
}

Values importGlobalMaxPool(Call &call) {
  return {call.e.reduce<asg::ReduceMaxOp>(call[0], spatialAxes(call[0]), true)};
}

Values importGlobalLpPool(Call &call) {
  Emitter &e = call.e;
  double p = double(call.integer("p", 2));
  Value power = e.binary<asg::PowOp>(e.abs(call[0]), p);
  return {
      e.binary<asg::PowOp>(e.sum(power, spatialAxes(call[0]), true), 1 / p)};
}

} // namespace asgc::interop
