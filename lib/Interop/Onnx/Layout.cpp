//===- Layout.cpp - The same elements, arranged otherwise -----------------===//
#include "lib/Interop/Onnx/Call.h"
#include "lib/Interop/Onnx/Places.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

Values importIdentity(Call &call) { return {call[0]}; }

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

Values importReshape(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  std::optional<Extents> shape;
  if (call.opset < 5) {
    if (auto given = call.integers("shape"))
      shape = Extents(given->begin(), given->end());
  } else {
    shape = call.knownExtents(1, "the shape");
  }
  if (!shape)
    return {e.fail("the shape is missing")};
  DimExpr known(1);
  size_t inferred = shape->size();
  for (auto [axis, extent] : llvm::enumerate(*shape)) {
    if (extent == DimExpr(0) && !call.integer("allowzero", 0)) {
      if (int64_t(axis) >= Emitter::rankOf(x))
        return {e.fail("extent 0 copies an axis that the operand has not")};
      extent = Emitter::dim(x, int64_t(axis));
    }
    if (extent == DimExpr(-1)) {
      if (inferred != shape->size())
        return {e.fail("two extents are -1")};
      inferred = axis;
    } else {
      known = known * extent;
    }
  }
  if (inferred != shape->size()) {
    DimExpr total = asg::getNumElements(Emitter::typeOf(x));
    std::optional<DimExpr> rest = known == DimExpr(0)
                                      ? std::optional(DimExpr(0))
                                      : total.divideExactly(known);
    if (auto n = total.asConstant(), k = known.asConstant();
        n && k && *k > 0 && *n % *k == 0)
      rest = DimExpr(*n / *k);
    if (!rest)
      return {e.fail("cannot reshape " + asg::describe(x.getType()) + ": " +
                     total.str() + " elements are not divisible by " +
                     known.str())};
    (*shape)[inferred] = *rest;
  }
  return {e.reshape(x, *shape)};
}

Values importFlatten(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  int64_t rank = Emitter::rankOf(x), axis = call.integer("axis", 1);
  if (axis < 0)
    axis += rank;
  if (axis < 0 || axis > rank)
    return {e.fail("axis is out of range")};
  DimExpr rows(1), columns(1);
  for (auto [i, dim] : llvm::enumerate(Emitter::dims(x)))
    (int64_t(i) < axis ? rows : columns) =
        (int64_t(i) < axis ? rows : columns) * dim;
  return {e.reshape(x, {rows, columns})};
}

Values importTranspose(Call &call) {
  Value x = call[0];
  Axes perm;
  for (int64_t axis = x ? Emitter::rankOf(x) : 0; axis-- > 0;)
    perm.push_back(axis);
  return {call.e.transpose(x, call.integers("perm").value_or(perm))};
}

Values importSqueeze(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  auto given = call.integersOf(1, "axes");
  if (!given) {
    given.emplace();
    for (auto [axis, dim] : llvm::enumerate(Emitter::dims(x)))
      if (dim == DimExpr(1))
        given->push_back(int64_t(axis));
  }
  auto axes = e.axes(*given, Emitter::rankOf(x));
  return {axes ? e.squeeze(x, *axes) : Value()};
}

Values importUnsqueeze(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto given = call.integersOf(1, "axes");
  if (!x || !given)
    return {e.fail("the axes are missing")};
  auto axes = e.axes(*given, Emitter::rankOf(x) + int64_t(given->size()));
  return {axes ? e.unsqueeze(x, *axes) : Value()};
}

Values importExpand(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto shape = call.knownExtents(1, "the shape");
  if (!x || !shape)
    return {};
  Extents own = Emitter::dims(x);
  while (shape->size() < own.size())
    shape->insert(shape->begin(), DimExpr(1));
  size_t offset = shape->size() - own.size();
  for (size_t i = 0; i < own.size(); ++i)
    if ((*shape)[offset + i] == DimExpr(1))
      (*shape)[offset + i] = own[i];
  return {e.broadcast(x, *shape)};
}

Values importTile(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto repeats = call.knownExtents(1, "the repeats");
  if (!x || !repeats)
    return {};
  if (int64_t(repeats->size()) != Emitter::rankOf(x))
    return {e.fail("there is one repeat per axis")};
  Extents wide, result;
  Axes axes;
  for (auto [dim, repeat] : llvm::zip_equal(Emitter::dims(x), *repeats)) {
    wide.push_back(repeat);
    axes.push_back(int64_t(wide.size()));
    wide.push_back(dim);
    result.push_back(repeat * dim);
  }
  return {e.reshape(e.broadcast(x, wide, axes), result)};
}

/// Extents as a vector of i64.
static Value vectorOf(Emitter &e, ArrayRef<DimExpr> extents) {
  if (extents.empty())
    return e.constant({}, {0}, e.i64());
  Values parts;
  for (const DimExpr &extent : extents)
    parts.push_back(e.reshape(e.extent(extent, e.i64()), {DimExpr(1)}));
  return e.concat(parts, 0);
}

Values importShape(Call &call) {
  if (!call[0])
    return {};
  Extents dims = Emitter::dims(call[0]);
  int64_t rank = int64_t(dims.size());
  auto clamp = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  int64_t start = clamp(call.integer("start", 0));
  int64_t end = call.hasAttribute("end") ? clamp(call.integer("end", 0)) : rank;
  return {vectorOf(
      call.e, ArrayRef(dims).slice(start, std::max<int64_t>(end - start, 0)))};
}

Values importSize(Call &call) {
  return {call[0] ? call.e.extent(asg::getNumElements(Emitter::typeOf(call[0])),
                                  call.e.i64())
                  : Value()};
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Values importConcat(Call &call) {
  Emitter &e = call.e;
  if (!call[0])
    return {e.fail("takes at least one operand")};
  auto axis = e.axis(call.integer("axis", 1), Emitter::rankOf(call[0]));
  return {axis ? e.concat(call.operands, *axis) : Value()};
}

Values importSplit(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", 0), Emitter::rankOf(x)) : std::nullopt;
  if (!axis)
    return {};
  auto sizes = call.integersOf(1, "split");
  if (e.hasFailed())
    return {};
  if (!sizes) {
    auto extent = e.fixedDim(x, *axis);
    int64_t parts = call.integer("num_outputs", call.numOutputs());
    if (!extent || parts < 1 || parts > call.numOutputs())
      return {e.fail("it has " + Twine(call.numOutputs()) + " outputs for " +
                     Twine(parts) + " parts")};
    int64_t size = (*extent + parts - 1) / parts;
    if (call.opset < 18 && *extent % parts != 0)
      return {e.fail(Twine(*extent) + " elements are not divisible into " +
                     Twine(parts))};
    sizes.emplace();
    for (int64_t part = 0; part < parts; ++part)
      sizes->push_back(std::clamp<int64_t>(*extent - part * size, 0, size));
  }
  Values results;
  int64_t start = 0;
  for (int64_t size : *sizes) {
    results.push_back(e.slice(x, *axis, start, size));
    start += size;
  }
  if (auto extent = Emitter::dim(x, *axis).asConstant();
      extent && start != *extent)
    return {e.fail("the parts have " + Twine(start) +
                   " elements, the operand " + Twine(*extent))};
  return results;
}

/// Whether `extent` is at least 0 for all values of its symbols. Quotients are
/// bounded best where what they are multiplied with cancels their divisors.
static bool isNeverNegative(const DimExpr &extent) {
  return llvm::any_of(ArrayRef<int64_t>{1, 2, 4, 8, 3, 6, 12}, [&](int64_t by) {
    return (extent * DimExpr(by)).minimum().value_or(-1) >= 0;
  });
}

/// Where a slice of `extent` elements starts or ends that ONNX puts `at`;
/// nothing if that depends on values known at run time only.
static std::optional<DimExpr> placeOf(const DimExpr &at,
                                      const DimExpr &extent) {
  auto constant = at.asConstant();
  if (constant && *constant >= INT32_MAX)
    return extent;
  if (constant && *constant <= -INT32_MAX)
    return DimExpr(0);
  if (isNeverNegative(at))
    return at;
  return at.maximum().value_or(0) < 0 ? std::optional(extent + at)
                                      : std::nullopt;
}

/// A part whose extent, start or end is known at run time only.
static Value sliceRunTime(Call &call, Value x, int64_t axis,
                          const DimExpr &from, const DimExpr &to,
                          int64_t step) {
  Emitter &e = call.e;
  DimExpr extent = Emitter::dim(x, axis);
  auto start = placeOf(from, extent), end = placeOf(to, extent);
  auto refuse = [&](StringRef why) {
    return e.refuse("the part from " + from.str() + " to " + to.str() +
                    " of the extent " + extent.str() + " with step " +
                    Twine(step) + " is not supported: " + why);
  };
  if (step < 1)
    return refuse("the step is not positive");
  if (!start || !end)
    return refuse("it may count from the start or from the end");
  // ONNX cuts at the extent what goes beyond it.
  if (isNeverNegative(*end - extent))
    end = extent;
  else if (!isNeverNegative(extent - *end) &&
           !(extent.asConstant() && call.limit(*end, *extent.asConstant())))
    return refuse("it may end beyond the extent");
  if (!isNeverNegative(*start))
    return refuse("it may start before the extent");
  DimExpr count = (*end - *start + DimExpr(step - 1)).floorDiv(step);
  if (count.maximum().value_or(1) <= 0)
    return e.slice(x, axis, 0, 0);
  // A slice has to lie in any extent that may come; what a bound keeps inside,
  // or starts at a place of its own, is named element by element.
  if (step == 1)
    if (Value window = windowOf(e, x, axis, *start, count))
      return window;
  DimExpr last = *start + (count - 1) * DimExpr(step);
  auto fromStart = start->asConstant(),
       fromEnd = (*start - extent).asConstant();
  if ((fromStart || fromEnd) && (extent - 1 - last).minimum().value_or(-1) >= 0)
    return e.slice(x, axis, fromStart ? *fromStart : *fromEnd, count, step);
  Value place = e.iota({count}, 0, e.i64());
  if (step != 1)
    place = e.mul(place, double(step));
  if (!(*start == DimExpr(0)))
    place = e.add(place, e.extent(*start, e.i64()));
  return e.gather(x, place, axis);
}

/// One axis of a Slice, start and end as given.
static Value sliceAxis(Call &call, Value x, int64_t axis, int64_t start,
                       int64_t end, int64_t step) {
  Emitter &e = call.e;
  if (step == 0)
    return e.fail("a step is 0");
  DimExpr dim = Emitter::dim(x, axis);
  auto extent = dim.asConstant();
  if (extent) {
    int64_t n = *extent, low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    auto clamp = [&](int64_t at) {
      return std::clamp(at < 0 ? at + n : at, low, high);
    };
    start = clamp(start);
    end = clamp(end);
    int64_t distance = step > 0 ? end - start : start - end;
    int64_t stride = step > 0 ? step : -(step + 1) + 1;
    int64_t count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    if (step == 1 && count > 0 && count < n)
      if (Value window = windowOf(e, x, axis, start, count))
        return window;
    if (step > 0)
      return e.slice(x, axis, count ? start : 0, count, count > 1 ? step : 1);
    if (n == 0 || count == 0)
      return e.slice(x, axis, 0, 0);
    return e.slice(e.reverse(x, axis), axis, n - 1 - start, count,
                   count > 1 ? stride : 1);
  }
  if (step == -1 && start == -1 && end <= -INT32_MAX)
    return e.reverse(x, axis);
  return sliceRunTime(call, x, axis, start, end, step);
}

Values importSlice(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  std::optional<Axes> axes, steps;
  std::optional<Extents> starts, ends;
  if (call.opset < 10) {
    auto extentsOf = [&](StringRef name) -> std::optional<Extents> {
      auto given = call.integers(name);
      return given ? std::optional(Extents(given->begin(), given->end()))
                   : std::nullopt;
    };
    starts = extentsOf("starts");
    ends = extentsOf("ends");
    axes = call.integers("axes");
  } else {
    starts = call.knownExtents(1, "starts");
    ends = call.knownExtents(2, "ends");
    axes = call.has(3) ? call.knownIntegers(3, "axes") : std::nullopt;
    steps = call.has(4) ? call.knownIntegers(4, "steps") : std::nullopt;
  }
  if (e.hasFailed() || !starts || !ends || starts->size() != ends->size() ||
      (axes && axes->size() != starts->size()) ||
      (steps && steps->size() != starts->size()))
    return {e.fail("starts, ends, axes and steps have different lengths")};
  for (size_t i = 0; i < starts->size() && x; ++i) {
    auto axis = e.axis(axes ? (*axes)[i] : int64_t(i), Emitter::rankOf(x));
    int64_t step = steps ? (*steps)[i] : 1;
    auto start = (*starts)[i].asConstant(), end = (*ends)[i].asConstant();
    if (!axis)
      return {};
    x = start && end
            ? sliceAxis(call, x, *axis, *start, *end, step)
            : sliceRunTime(call, x, *axis, (*starts)[i], (*ends)[i], step);
  }
  return {x};
}

/// The place in [0, extent) that padding at `place` shows.
static int64_t padSource(int64_t place, int64_t extent, StringRef mode) {
  if (mode == "edge")
    return std::clamp<int64_t>(place, 0, extent - 1);
  if (mode == "wrap")
    return ((place % extent) + extent) % extent;
  if (extent == 1)
    return 0;
  int64_t period = 2 * (extent - 1);
  place = ((place % period) + period) % period;
  return place < extent ? place : period - place;
}

Values importPad(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x)
    return {};
  auto pads = call.opset < 11
                  ? call.integers(call.opset < 2 ? "paddings" : "pads")
                  : call.knownIntegers(1, "pads");
  Axes axes;
  for (int64_t axis = 0; axis < Emitter::rankOf(x); ++axis)
    axes.push_back(axis);
  if (call.has(3)) {
    auto given = call.knownIntegers(3, "axes");
    axes.clear();
    for (int64_t one : given.value_or(Axes()))
      axes.push_back(e.axis(one, Emitter::rankOf(x)).value_or(0));
  }
  if (e.hasFailed() || !pads || pads->size() != 2 * axes.size())
    return {e.fail("pads are two numbers per axis")};
  double value = call.number("value", 0);
  if (call.opset >= 11 && call.has(2)) {
    auto given = call.knownNumber(2, "the value");
    if (!given)
      return {};
    value = *given;
    const HostTensor &exact = *call.find(call[2]);
    if (!isFloat(exact.dtype()) && // what asg.pad adds is an f64
        std::abs(value) > 0x1p53)
      return {e.refuse("padding with " + std::to_string(exact.getInteger(0)) +
                       ", beyond 2^53, is not supported")};
  }
  std::string mode = call.text("mode", "constant");
  Axes low(Emitter::rankOf(x), 0), high(low);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = (*pads)[i];
    high[axis] = (*pads)[i + axes.size()];
  }
  for (int64_t pad : *pads)
    if (pad < -INT32_MAX || pad > INT32_MAX)
      return {e.fail("pads are too large")};
  for (int64_t axis = 0; axis < Emitter::rankOf(x) && x; ++axis) {
    if (low[axis] >= 0 && high[axis] >= 0 && mode == "constant")
      continue;
    // Negative padding cuts.
    if (low[axis] < 0 || high[axis] < 0) {
      int64_t front = std::max<int64_t>(-low[axis], 0),
              back = std::max<int64_t>(-high[axis], 0);
      x = e.slice(x, axis, front,
                  Emitter::dim(x, axis) - DimExpr(front + back));
      low[axis] = std::max<int64_t>(low[axis], 0);
      high[axis] = std::max<int64_t>(high[axis], 0);
    }
    if (mode == "constant" || !x || (low[axis] == 0 && high[axis] == 0))
      continue;
    auto extent = e.fixedDim(x, axis);
    if (!extent || *extent < 1 ||
        (mode != "reflect" && mode != "edge" && mode != "wrap"))
      return {e.fail("mode '" + mode +
                     "' on an axis without elements, or unknown")};
    if (low[axis] + high[axis] > kMaxTable - *extent)
      return {
          e.refuse("more than 2^24 elements along an axis are not supported "
                   "in mode '" +
                   mode + "'")};
    Axes places;
    for (int64_t place = -low[axis]; place < *extent + high[axis]; ++place)
      places.push_back(padSource(place, *extent, mode));
    x = e.gather(x, e.integers(places), axis);
  }
  return {mode == "constant" ? e.pad(x, low, high, value) : x};
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Values importDepthToSpace(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  int64_t b = call.integer("blocksize", 0);
  if (!x || Emitter::rankOf(x) != 4 || b < 1)
    return {e.fail("takes images and a positive block size")};
  Extents d = Emitter::dims(x);
  auto channels = e.fixedDim(x, 1);
  if (!channels || *channels % (b * b) != 0)
    return {e.fail("the channels are not divisible by the block")};
  DimExpr c(*channels / (b * b));
  bool isColumnRowDepth = call.text("mode", "DCR") == "CRD";
  Extents split = isColumnRowDepth ? Extents{d[0], c, b, b, d[2], d[3]}
                                   : Extents{d[0], b, b, c, d[2], d[3]};
  Axes perm =
      isColumnRowDepth ? Axes{0, 1, 4, 2, 5, 3} : Axes{0, 3, 4, 1, 5, 2};
  Value y = e.transpose(e.reshape(x, split), perm);
  return {e.reshape(y, {d[0], c, d[2] * DimExpr(b), d[3] * DimExpr(b)})};
}

Values importSpaceToDepth(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  int64_t b = call.integer("blocksize", 0);
  if (!x || Emitter::rankOf(x) != 4 || b < 1)
    return {e.fail("takes images and a positive block size")};
  Extents d = Emitter::dims(x);
  DimExpr rows = d[2].floorDiv(b), columns = d[3].floorDiv(b);
  Value y = e.transpose(e.reshape(x, {d[0], d[1], rows, b, columns, b}),
                        {0, 3, 5, 1, 2, 4});
  return {e.reshape(y, {d[0], d[1] * DimExpr(b * b), rows, columns})};
}

/// y[t, b] = x[len[b] − 1 − t, b] for t < len[b]
Values importReverseSequence(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], lengths = call[1];
  int64_t time = call.integer("time_axis", 0),
          batch = call.integer("batch_axis", 1);
  if (!x || !lengths || time + batch != 1 || time < 0 || batch < 0 ||
      Emitter::rankOf(x) < 2)
    return {e.fail("time and batch are axes 0 and 1, in some order")};
  if (time == 0)
    x = e.moveAxis(x, 1, 0);
  if (!x)
    return {};
  Extents dims = {Emitter::dim(x, 0), Emitter::dim(x, 1)};
  Value t = e.iota(dims, 1, e.i64());
  Value length = e.unsqueeze(e.cast(lengths, e.i64()), {1});
  Value place = e.select(e.compare(Predicate::lt, t, length),
                         e.sub(e.sub(length, 1), t), t);
  Value y = e.gather(x, place, 1, 1);
  return {time == 0 ? e.moveAxis(y, 1, 0) : y};
}

} // namespace asgc::interop
