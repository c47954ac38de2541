//===- Indexing.cpp - Elements named by other elements --------------------===//
#include "lib/Interop/Onnx/Call.h"

#include <limits>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

/// Indices below 0 count from the end.
static Value fromStart(Emitter &e, Value indices, const DimExpr &extent) {
  if (!indices)
    return indices;
  Value wrapped = e.add(indices, e.extent(extent, Emitter::elementOf(indices)));
  return e.select(e.compare(Predicate::lt, indices, 0.0), wrapped, indices);
}

static Axes rowMajorStrides(ArrayRef<int64_t> dims) {
  Axes strides(dims.size(), 1);
  for (size_t axis = dims.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * std::max<int64_t>(dims[axis], 1);
  return strides;
}

static int64_t productOf(ArrayRef<int64_t> dims) {
  int64_t product = 1;
  for (int64_t dim : dims)
    product *= dim;
  return product;
}

Values importGather(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1];
  auto axis =
      x ? e.axis(call.integer("axis", 0), Emitter::rankOf(x)) : std::nullopt;
  if (!axis)
    return {};
  return {e.gather(x, fromStart(e, indices, Emitter::dim(x, *axis)), *axis)};
}

/// Flat places in a tensor of `dims` of the elements that ScatterElements and
/// GatherElements name: `indices` along `axis`, their own place elsewhere.
static Value flatPlaces(Emitter &e, Value indices, ArrayRef<int64_t> dims,
                        int64_t axis) {
  indices = fromStart(e, e.cast(indices, e.i64()), DimExpr(dims[axis]));
  if (!indices)
    return {};
  Axes strides = rowMajorStrides(dims);
  Value place = e.mul(indices, double(strides[axis]));
  Extents own = Emitter::dims(indices);
  for (int64_t other = 0; other < int64_t(dims.size()); ++other)
    if (other != axis)
      place = e.add(place,
                    e.mul(e.iota(own, other, e.i64()), double(strides[other])));
  return place;
}

Values importGatherElements(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", 0), Emitter::rankOf(x)) : std::nullopt;
  auto dims = axis ? e.fixedDims(x) : std::nullopt;
  if (!dims || !call[1])
    return {};
  if (Emitter::rankOf(call[1]) != Emitter::rankOf(x))
    return {e.fail("operand and indices have different ranks")};
  Value flat = e.reshape(x, {DimExpr(productOf(*dims))});
  return {e.gather(flat, flatPlaces(e, call[1], *dims, *axis), 0)};
}

/// Flat places of the slices that the rows of `indices` name, of `dims`.
static Value rowPlaces(Emitter &e, Value indices, ArrayRef<int64_t> dims) {
  int64_t last = Emitter::rankOf(indices) - 1;
  Axes strides = rowMajorStrides(dims);
  indices = e.cast(indices, e.i64());
  Value place;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    Value one = fromStart(e, e.element(indices, last, int64_t(axis)),
                          DimExpr(dims[axis]));
    Value scaled = e.mul(one, double(strides[axis]));
    place = place ? e.add(place, scaled) : scaled;
    if (!place)
      return {};
  }
  return place;
}

Values importGatherND(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1];
  auto dims = x ? e.fixedDims(x) : std::nullopt;
  auto shape = indices ? e.fixedDims(indices) : std::nullopt;
  if (!dims || !shape)
    return {};
  int64_t batch = call.integer("batch_dims", 0),
          depth = shape->empty() ? 0 : shape->back();
  if (batch < 0 || depth < 1 || batch >= int64_t(shape->size()) ||
      batch + depth > int64_t(dims->size()) ||
      !std::equal(shape->begin(), shape->begin() + batch, dims->begin()))
    return {e.fail("the indices do not fit the operand")};
  ArrayRef<int64_t> all(*dims), named = all.slice(batch, depth),
                                rest = all.drop_front(batch + depth);
  Extents batched = {DimExpr(productOf(all.take_front(batch))),
                     DimExpr(productOf(named))};
  for (int64_t dim : rest)
    batched.push_back(DimExpr(dim));
  Value place = rowPlaces(e, indices, named);
  int64_t count = productOf(ArrayRef(*shape).drop_back().drop_front(batch));
  place = e.reshape(place, {batched[0], DimExpr(count)});
  Value y = e.gather(e.reshape(x, batched), place, 1, 1);
  Extents result(shape->begin(), shape->end() - 1);
  for (int64_t dim : rest)
    result.push_back(DimExpr(dim));
  return {e.reshape(y, result)};
}

//===----------------------------------------------------------------------===//
// Scatter
//===----------------------------------------------------------------------===//

/// x, flat, with `updates` put at `places`; both flat.
static Value scatterFlat(Call &call, Value x, Value places, Value updates,
                         StringRef reduction) {
  Emitter &e = call.e;
  if (!x || !places || !updates)
    return {};
  auto size = e.fixedDim(x, 0), count = e.fixedDim(updates, 0);
  if (!size || !count)
    return {};
  constexpr int64_t kExact = 1 << 24; // whole numbers that f32 holds
  if (*size > kExact || *count > kExact)
    return e.refuse("more than 2^24 elements are not supported");
  if (*count == 0)
    return x;
  RankedTensorType sums = e.typeFor({DimExpr(*size)}, e.f32());
  if (reduction == "none") {
    // Where each element comes from, by adding its number into zeros: exact for
    // every element type, as no place is named twice.
    Value number = e.add(e.iota({DimExpr(*count)}, 0, e.f32()), 1.0);
    Value source = e.make<asg::ScatterAddOp>(sums, number, places, uint64_t(0),
                                             uint64_t(0));
    Value isUpdated = e.compare(Predicate::gt, source, 0.0);
    Value from = e.cast(e.sub(source, 1.0), e.builder.getI32Type());
    return e.select(isUpdated, e.gather(updates, from, 0), x);
  }
  if (reduction == "add" && Emitter::elementOf(x) == e.f32())
    return e.add(x, e.make<asg::ScatterAddOp>(sums, updates, places,
                                              uint64_t(0), uint64_t(0)));
  // Any other reduction looks at every update for every element.
  if (*size * *count > kExact)
    return e.refuse(
        "this reduction takes at most 2^24 pairs of element and update");
  Extents pairs = {DimExpr(*count), DimExpr(*size)};
  Value isMeant = e.compare(Predicate::eq, e.iota(pairs, 1, e.i64()),
                            e.unsqueeze(places, {1}));
  auto joined = [&](auto reduce, Value neutral) {
    return reduce(e.select(isMeant, e.unsqueeze(updates, {1}), neutral));
  };
  bool isFloat = isa<FloatType>(Emitter::elementOf(x));
  double most =
      isFloat ? std::numeric_limits<double>::infinity() : double(INT32_MAX);
  if (reduction == "add")
    return e.add(
        x, joined([&](Value v) { return e.sum(v, {0}, false); }, e.like(x, 0)));
  if (reduction == "mul")
    return e.mul(x, joined(
                        [&](Value v) {
                          return e.reduce<asg::ReduceProdOp>(v, {0}, false);
                        },
                        e.like(x, 1)));
  if (reduction == "max")
    return e.max(x, joined(
                        [&](Value v) {
                          return e.reduce<asg::ReduceMaxOp>(v, {0}, false);
                        },
                        e.like(x, -most)));
  if (reduction == "min")
    return e.min(x, joined(
                        [&](Value v) {
                          return e.reduce<asg::ReduceMinOp>(v, {0}, false);
                        },
                        e.like(x, most)));
  return e.fail("reduction is '" + reduction + "'");
}

Values importScatterElements(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1], updates = call[2];
  auto axis =
      x ? e.axis(call.integer("axis", 0), Emitter::rankOf(x)) : std::nullopt;
  auto dims = axis ? e.fixedDims(x) : std::nullopt;
  auto shape = indices ? e.fixedDims(indices) : std::nullopt;
  if (!dims || !shape || !updates)
    return {};
  if (shape->size() != dims->size() || e.fixedDims(updates) != shape)
    return {e.fail("operand, indices and updates do not fit each other")};
  DimExpr count(productOf(*shape));
  Value flat =
      scatterFlat(call, e.reshape(x, {DimExpr(productOf(*dims))}),
                  e.reshape(flatPlaces(e, indices, *dims, *axis), {count}),
                  e.reshape(updates, {count}), call.text("reduction", "none"));
  return {e.reshape(flat, Extents(dims->begin(), dims->end()))};
}

Values importScatter(Call &call) { return importScatterElements(call); }

Values importScatterND(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1], updates = call[2];
  auto dims = x ? e.fixedDims(x) : std::nullopt;
  auto shape = indices ? e.fixedDims(indices) : std::nullopt;
  if (!dims || !shape || !updates)
    return {};
  int64_t depth = shape->empty() ? 0 : shape->back();
  if (depth < 1 || depth > int64_t(dims->size()))
    return {e.fail("the indices do not fit the operand")};
  ArrayRef<int64_t> all(*dims);
  int64_t rest = productOf(all.drop_front(depth)),
          rows = productOf(ArrayRef(*shape).drop_back());
  Value place = e.mul(e.reshape(rowPlaces(e, indices, all.take_front(depth)),
                                {DimExpr(rows), 1}),
                      double(rest));
  Value places = e.add(place, e.iota({1, DimExpr(rest)}, 1, e.i64()));
  DimExpr count(rows * rest);
  Value flat = scatterFlat(
      call, e.reshape(x, {DimExpr(productOf(all))}), e.reshape(places, {count}),
      e.reshape(updates, {count}), call.text("reduction", "none"));
  return {e.reshape(flat, Extents(dims->begin(), dims->end()))};
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

Values importOneHot(Call &call) {
  Emitter &e = call.e;
  Value indices = call[0], values = call[2];
  auto depth = call.knownNumber(1, "the depth");
  if (!indices || !values || !depth)
    return {};
  int64_t rank = Emitter::rankOf(indices);
  auto axis = e.axis(call.integer("axis", -1), rank + 1);
  if (!axis || *depth < 0 || *depth > INT32_MAX)
    return {e.fail("the depth is out of range")};
  DimExpr extent(int64_t{int64_t(*depth)});
  Value place =
      e.unsqueeze(fromStart(e, e.cast(indices, e.i64()), extent), {*axis});
  Extents dims = Emitter::dims(indices);
  dims.insert(dims.begin() + *axis, extent);
  Value isHot = e.compare(Predicate::eq, e.iota(dims, *axis, e.i64()), place);
  return {e.select(isHot, e.element(values, 0, 1), e.element(values, 0, 0))};
}

/// The rank of every element by comparing it with all others along the axis.
Values importTopK(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", -1), Emitter::rankOf(x)) : std::nullopt;
  auto extent = axis ? e.fixedDim(x, *axis) : std::nullopt;
  auto given = call.opset < 10 ? std::optional<double>(call.integer("k", 0))
                               : call.knownNumber(1, "k");
  if (!extent || !given)
    return {};
  int64_t n = *extent, k = int64_t(*given);
  if (k < 0 || k > n)
    return {e.fail("k is " + Twine(k) + " of " + Twine(n) + " elements")};
  if (n > 4096)
    return {
        e.refuse("more than 4096 elements along the axis are not supported")};
  int64_t last = Emitter::rankOf(x) - 1;
  Value rows = e.moveAxis(x, *axis, last);
  if (!rows)
    return {};
  // before[…, i, j]: element j comes before element i.
  Extents pairs = Emitter::dims(rows);
  pairs.push_back(DimExpr(n));
  Value own = e.unsqueeze(rows, {last + 1}), other = e.unsqueeze(rows, {last});
  Predicate wins = call.integer("largest", 1) ? Predicate::gt : Predicate::lt;
  Value isEarlier = e.compare(Predicate::lt, e.iota(pairs, last + 1, e.i64()),
                              e.iota(pairs, last, e.i64()));
  Value isTie =
      e.binary<asg::AndOp>(e.compare(Predicate::eq, other, own), isEarlier);
  Value before = e.binary<asg::OrOp>(e.compare(wins, other, own), isTie);
  Value rank = e.sum(e.cast(before, e.i64()), {last + 1}, false);
  // index[…, r] = the i whose rank is r.
  Extents choices = Emitter::dims(rows);
  choices.insert(choices.begin() + last, DimExpr(k));
  Value isChosen = e.compare(Predicate::eq, e.unsqueeze(rank, {last}),
                             e.iota(choices, last, e.i64()));
  Value place = e.iota(choices, last + 1, e.i64());
  Value index =
      e.sum(e.select(isChosen, place, e.like(place, 0)), {last + 1}, false);
  Value best = e.gather(rows, index, last, last);
  return {e.moveAxis(best, last, *axis), e.moveAxis(index, last, *axis)};
}

Values importCompress(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  const HostTensor *condition = call.known(1, "the condition");
  if (!x || !condition)
    return {};
  int64_t axis = 0;
  if (call.hasAttribute("axis")) {
    auto given = e.axis(call.integer("axis", 0), Emitter::rankOf(x));
    if (!given)
      return {};
    axis = *given;
  } else {
    x = e.reshape(x, {asg::getNumElements(Emitter::typeOf(x))});
  }
  Axes places;
  for (int64_t i = 0; i < condition->numElements(); ++i)
    if (condition->getInteger(i))
      places.push_back(i);
  return {e.gather(x, e.integers(places), axis)};
}

Values importNonZero(Call &call) {
  const HostTensor *x = call.known(0, "the operand");
  if (!x)
    return {};
  auto shape = x->shape();
  Axes strides = rowMajorStrides({shape.data(), shape.size()});
  std::vector<SmallVector<double>> rows(shape.size());
  for (int64_t i = 0; i < x->numElements(); ++i)
    if (x->get(i) != 0)
      for (size_t axis = 0; axis < shape.size(); ++axis)
        rows[axis].push_back(double(i / strides[axis] % shape[axis]));
  SmallVector<double> all;
  for (const auto &row : rows)
    all.append(row.begin(), row.end());
  int64_t count = rows.empty() ? 0 : int64_t(rows[0].size());
  return {call.e.constant(all, {int64_t(shape.size()), count}, call.e.i64())};
}

} // namespace asgc::interop
