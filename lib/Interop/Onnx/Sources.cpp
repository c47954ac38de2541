//===- Sources.cpp - Tensors made from numbers and extents ----------------===//
#include "lib/Interop/Onnx/Call.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

Values importConstantOfShape(Call &call) {
  Emitter &e = call.e;
  auto shape = call.knownExtents(0, "the shape");
  if (!shape)
    return {};
  if (!call.hasAttribute("value"))
    return {e.splat(*shape, e.f32(), 0)};
  const Carrier *carrier = nullptr;
  auto value = call.tensor("value", &carrier);
  call.setCarrier(0, carrier);
  if (!value || value->numElements() != 1)
    return {e.fail("the value is one element")};
  return {e.broadcast(e.reshape(e.constant(*value), {}), *shape)};
}

Values importEyeLike(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x || Emitter::rankOf(x) != 2)
    return {e.fail("takes a matrix")};
  Type element = Emitter::elementOf(x);
  if (call.hasAttribute("dtype"))
    element = call.elementType(call.integer("dtype", 0));
  call.setCarrier(0, call.hasAttribute("dtype")
                         ? findCarrier(int32_t(call.integer("dtype", 0)))
                         : call.carrier(0));
  if (!element)
    return {};
  Extents dims = Emitter::dims(x);
  Value row = e.add(e.iota(dims, 0, e.i64()), double(call.integer("k", 0)));
  return {e.cast(e.compare(asg::Predicate::eq, row, e.iota(dims, 1, e.i64())),
                 element)};
}

/// The number of elements of from, from + by, … before `to`; none if `by` is 0
/// or there are too many. Integers count without rounding.
static std::optional<int64_t>
countRange(const HostTensor &from, const HostTensor &to, const HostTensor &by) {
  if (isFloat(from.dtype())) {
    double count = std::ceil((to.get(0) - from.get(0)) / by.get(0));
    if (by.get(0) == 0 || !(count < double(INT32_MAX)))
      return std::nullopt;
    return std::max<int64_t>(int64_t(count), 0);
  }
  int64_t low = from.getInteger(0), high = to.getInteger(0);
  uint64_t step = uint64_t(by.getInteger(0));
  if (by.getInteger(0) < 0) {
    std::swap(low, high);
    step = -step;
  }
  uint64_t span = high > low ? uint64_t(high) - uint64_t(low) : 0;
  if (step == 0 || span / step >= INT32_MAX)
    return std::nullopt;
  return int64_t(span / step + (span % step != 0));
}

Values importRange(Call &call) {
  Emitter &e = call.e;
  Value start = call[0], limit = call[1], delta = call[2];
  if (!start || !limit || !delta)
    return {e.fail("takes start, limit and delta")};
  Type element = Emitter::elementOf(start);
  // A run-time limit, as positions in a sequence have it.
  auto first = call.findExtents(start), last = call.findExtents(limit);
  const HostTensor *step = call.find(delta);
  if (first && last && first->size() == 1 && last->size() == 1 && step &&
      step->getInteger(0) >= 1 && !((*last)[0] - (*first)[0]).asConstant()) {
    int64_t by = step->getInteger(0);
    DimExpr span = (*last)[0] - (*first)[0];
    Value i = e.iota({(span + DimExpr(by - 1)).floorDiv(by)}, 0, element);
    if (by != 1)
      i = e.mul(i, double(by));
    return {(*first)[0] == DimExpr(0)
                ? i
                : e.add(i, e.extent((*first)[0], element))};
  }
  if (!call.knownNumber(0, "start") || !call.knownNumber(1, "limit") ||
      !call.knownNumber(2, "delta"))
    return {};
  auto n = countRange(*call.find(start), *call.find(limit), *call.find(delta));
  if (!n)
    return {e.fail("delta does not lead from start to limit")};
  Value i = e.iota({*n}, 0, element);
  return {e.add(e.mul(i, delta), start)};
}

Values importTrilu(Call &call) {
  Emitter &e = call.e;
  Value x = call[0];
  if (!x || Emitter::rankOf(x) < 2)
    return {e.fail("takes matrices")};
  Value offset = call.has(1) ? e.reshape(call[1], {}) : e.scalar(0, e.i64());
  Extents dims = Emitter::dims(x);
  int64_t rank = Emitter::rankOf(x);
  Value row = e.iota({dims[rank - 2], dims[rank - 1]}, 0, e.i64());
  Value column = e.iota({dims[rank - 2], dims[rank - 1]}, 1, e.i64());
  Value diagonal = e.sub(column, row);
  Value isKept = e.compare(call.integer("upper", 1) ? asg::Predicate::ge
                                                    : asg::Predicate::le,
                           diagonal, offset);
  return {e.select(isKept, x, e.like(x, 0))};
}

} // namespace asgc::interop
