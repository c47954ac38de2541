//===- Indexing.cpp - Elements named by other elements --------------------===//
#include "lib/Interop/Onnx/Call.h"

#include <limits>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

/// Whether no element of `indices` can be below 0, and hence count from the
/// end: places, sums and products of them, and what is picked of them.
static bool isFromStart(Call &call, Value indices, int depth = 0) {
  constexpr int kMaxDepth = 8;
  Operation *op = indices.getDefiningOp();
  if (!op || depth > kMaxDepth)
    return false;
  if (isa<asg::IotaOp, asg::ArgMaxOp, asg::ArgMinOp, asg::DimOp>(op))
    return true;
  if (isa<asg::ReshapeOp, asg::BroadcastOp, asg::SliceOp, asg::TransposeOp,
          asg::GatherOp, asg::CastOp>(op))
    return isa<IntegerType>(Emitter::elementOf(op->getOperand(0))) &&
           isFromStart(call, op->getOperand(0), depth + 1);
  if (isa<asg::AddOp, asg::MulOp>(op))
    return isFromStart(call, op->getOperand(0), depth + 1) &&
           isFromStart(call, op->getOperand(1), depth + 1);
  auto constant = dyn_cast<asg::ConstantOp>(op);
  auto all = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue())
                      : DenseIntElementsAttr();
  return all && llvm::none_of(all.getValues<APInt>(), [](const APInt &one) {
           return one.isNegative();
         });
}

/// Indices below 0 count from the end.
static Value fromStart(Call &call, Value indices, const DimExpr &extent) {
  Emitter &e = call.e;
  if (!indices || isFromStart(call, indices))
    return indices;
  Value wrapped = e.add(indices, e.extent(extent, Emitter::elementOf(indices)));
  return e.select(e.compare(Predicate::lt, indices, 0.0), wrapped, indices);
}

/// Of dims without elements as if they had one.
static Extents rowMajorStrides(ArrayRef<DimExpr> dims) {
  Extents strides(dims.size(), DimExpr(1));
  for (size_t axis = dims.size(); axis-- > 1;)
    strides[axis - 1] =
        dims[axis] == DimExpr(0) ? strides[axis] : strides[axis] * dims[axis];
  return strides;
}

static DimExpr productOf(ArrayRef<DimExpr> dims) {
  DimExpr product(1);
  for (const DimExpr &dim : dims)
    product = product * dim;
  return product;
}

/// x · factor, for places.
static Value scaled(Emitter &e, Value x, const DimExpr &factor) {
  return factor == DimExpr(1) || !x
             ? x
             : e.mul(x, e.extent(factor, Emitter::elementOf(x)));
}

Values importGather(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1];
  auto axis =
      x ? e.axis(call.integer("axis", 0), Emitter::rankOf(x)) : std::nullopt;
  if (!axis)
    return {};
  if (!indices)
    return {};
  DimExpr extent = Emitter::dim(x, *axis);
  // One known place is a part, no lookup.
  if (auto places = call.findExtents(indices);
      places && Emitter::rankOf(indices) == 0)
    if (auto place = places->front().asConstant()) {
      DimExpr inside = *place < 0 ? extent + *place : extent - 1 - *place;
      if (inside.minimum().value_or(-1) >= 0)
        return {e.element(x, *axis,
                          *place < 0 && extent.asConstant()
                              ? *place + *extent.asConstant()
                              : *place)};
    }
  // A table of positions bounds how many there are.
  if (auto iota = indices.getDefiningOp<asg::IotaOp>();
      iota && extent.asConstant())
    call.limit(Emitter::dim(indices, int64_t(iota.getAxis())),
               *extent.asConstant());
  return {e.gather(x, fromStart(call, indices, extent), *axis)};
}

/// Flat places in a tensor of `dims` of the elements that ScatterElements and
/// GatherElements name: `indices` along `axis`, their own place elsewhere.
static Value flatPlaces(Call &call, Value indices, ArrayRef<DimExpr> dims,
                        int64_t axis) {
  Emitter &e = call.e;
  indices = fromStart(call, e.cast(indices, e.i64()), dims[axis]);
  if (!indices)
    return {};
  Extents strides = rowMajorStrides(dims), own = Emitter::dims(indices);
  Value place = scaled(e, indices, strides[axis]);
  for (int64_t other = 0; other < int64_t(dims.size()); ++other)
    if (other != axis && !(own[other] == DimExpr(1)))
      place =
          e.add(place, scaled(e, e.iota(own, other, e.i64()), strides[other]));
  return place;
}

Values importGatherElements(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  auto axis =
      x ? e.axis(call.integer("axis", 0), Emitter::rankOf(x)) : std::nullopt;
  if (!axis || !call[1])
    return {};
  if (Emitter::rankOf(call[1]) != Emitter::rankOf(x))
    return {e.fail("operand and indices have different ranks")};
  Extents dims = Emitter::dims(x);
  Value flat = e.reshape(x, {productOf(dims)});
  return {e.gather(flat, flatPlaces(call, call[1], dims, *axis), 0)};
}

/// Flat places of the slices that the rows of `indices` name, of `dims`.
static Value rowPlaces(Call &call, Value indices, ArrayRef<DimExpr> dims) {
  Emitter &e = call.e;
  int64_t last = Emitter::rankOf(indices) - 1;
  Extents strides = rowMajorStrides(dims);
  indices = e.cast(indices, e.i64());
  Value place;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    Value one = scaled(
        e, fromStart(call, e.element(indices, last, int64_t(axis)), dims[axis]),
        strides[axis]);
    place = place ? e.add(place, one) : one;
    if (!place)
      return {};
  }
  return place;
}

Values importGatherND(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1];
  if (!x || !indices || Emitter::rankOf(indices) == 0)
    return {e.fail("the indices do not fit the operand")};
  Extents dims = Emitter::dims(x), shape = Emitter::dims(indices);
  auto named = e.fixedDim(indices, int64_t(shape.size()) - 1);
  if (!named)
    return {};
  int64_t batch = call.integer("batch_dims", 0), depth = *named;
  if (batch < 0 || depth < 1 || batch >= int64_t(shape.size()) ||
      batch + depth > int64_t(dims.size()) ||
      !std::equal(shape.begin(), shape.begin() + batch, dims.begin()))
    return {e.fail("the indices do not fit the operand")};
  ArrayRef<DimExpr> all(dims), picked = all.slice(batch, depth),
                               rest = all.drop_front(batch + depth);
  Extents batched = {productOf(all.take_front(batch)), productOf(picked)};
  batched.append(rest.begin(), rest.end());
  Value place = rowPlaces(call, indices, picked);
  DimExpr count = productOf(ArrayRef(shape).drop_back().drop_front(batch));
  place = e.reshape(place, {batched[0], count});
  Value y = e.gather(e.reshape(x, batched), place, 1, 1);
  Extents result(shape.begin(), shape.end() - 1);
  result.append(rest.begin(), rest.end());
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
  DimExpr size = Emitter::dim(x, 0), count = Emitter::dim(updates, 0);
  auto isExact = [&](const DimExpr &extent) {
    constexpr int64_t kExact = 1 << 24; // whole numbers that f32 holds
    auto most = call.findMaximum(extent);
    return most && *most <= kExact;
  };
  if (!isExact(size) || !isExact(count))
    return e.refuse("more than 2^24 elements are not supported");
  if (count == DimExpr(0))
    return x;
  RankedTensorType sums = e.typeFor({size}, e.f32());
  if (reduction == "none") {
    // Where each element comes from, by adding its number into zeros: exact for
    // every element type, as no place is named twice.
    Value number = e.add(e.iota({count}, 0, e.f32()), 1.0);
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
  if (!isExact(size * count))
    return e.refuse(
        "this reduction takes at most 2^24 pairs of element and update");
  Extents pairs = {count, size};
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
  if (!axis || !indices || !updates)
    return {};
  Extents dims = Emitter::dims(x), shape = Emitter::dims(indices);
  if (shape.size() != dims.size() || Emitter::dims(updates) != shape)
    return {e.fail("operand, indices and updates do not fit each other")};
  DimExpr count = productOf(shape);
  Value flat =
      scatterFlat(call, e.reshape(x, {productOf(dims)}),
                  e.reshape(flatPlaces(call, indices, dims, *axis), {count}),
                  e.reshape(updates, {count}), call.text("reduction", "none"));
  return {e.reshape(flat, dims)};
}

Values importScatter(Call &call) { return importScatterElements(call); }

Values importScatterND(Call &call) {
  Emitter &e = call.e;
  Value x = call[0], indices = call[1], updates = call[2];
  if (!x || !indices || !updates || Emitter::rankOf(indices) == 0)
    return {e.fail("the indices do not fit the operand")};
  Extents dims = Emitter::dims(x), shape = Emitter::dims(indices);
  auto depth = e.fixedDim(indices, int64_t(shape.size()) - 1);
  if (!depth)
    return {};
  if (*depth < 1 || *depth > int64_t(dims.size()))
    return {e.fail("the indices do not fit the operand")};
  ArrayRef<DimExpr> all(dims);
  DimExpr rest = productOf(all.drop_front(*depth)),
          rows = productOf(ArrayRef(shape).drop_back());
  Value places = e.reshape(
      scaled(e, rowPlaces(call, indices, all.take_front(*depth)), rest),
      {rows, 1});
  if (!(rest == DimExpr(1)))
    places = e.add(places, e.iota({1, rest}, 1, e.i64()));
  DimExpr count = rows * rest;
  Value flat = scatterFlat(
      call, e.reshape(x, {productOf(all)}), e.reshape(places, {count}),
      e.reshape(updates, {count}), call.text("reduction", "none"));
  return {e.reshape(flat, dims)};
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
      e.unsqueeze(fromStart(call, e.cast(indices, e.i64()), extent), {*axis});
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
  std::vector<SmallVector<double>> rows(shape.size());
  for (int64_t i = 0; i < x->numElements(); ++i) {
    if (x->get(i) == 0)
      continue;
    int64_t rest = i;
    for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis])
      rows[axis].push_back(double(rest % shape[axis]));
  }
  SmallVector<double> all;
  for (const auto &row : rows)
    all.append(row.begin(), row.end());
  int64_t count = rows.empty() ? 0 : int64_t(rows[0].size());
  return {call.e.constant(all, {int64_t(shape.size()), count}, call.e.i64())};
}

} // namespace asgc::interop
