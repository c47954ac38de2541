//===- Places.cpp - Tensors that their places tell ------------------------===//
//-------------------------===//
#include "lib/Interop/Onnx/Places.h"

#include <cmath>

using namespace mlir;

namespace asgc::interop {

using asg::Predicate;

/// What holds where `predicate` does not; whole numbers have no NaN.
static asg::Predicate inverseOf(asg::Predicate predicate) {
  switch (predicate) {
  case Predicate::eq:
    return Predicate::ne;
  case Predicate::ne:
    return Predicate::eq;
  case Predicate::lt:
    return Predicate::ge;
  case Predicate::le:
    return Predicate::gt;
  case Predicate::gt:
    return Predicate::le;
  case Predicate::ge:
    return Predicate::lt;
  }
  return predicate;
}

std::optional<double> splatOf(Value x) {
  if (auto broadcast = x.getDefiningOp<asg::BroadcastOp>())
    x = broadcast.getX();
  auto constant = x.getDefiningOp<asg::ConstantOp>();
  auto all = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                      : DenseElementsAttr();
  return all && all.isSplat()
             ? std::optional(hostTensorOf(all.resizeSplat(RankedTensorType::get(
                                              {}, all.getElementType())))
                                 .get(0))
             : std::nullopt;
}

Value negated(Emitter &e, Value condition) {
  if (auto broadcast = condition.getDefiningOp<asg::BroadcastOp>()) {
    Value inner = negated(e, broadcast.getX());
    return inner ? e.broadcast(inner, Emitter::dims(condition),
                               broadcast.getDims())
                 : inner;
  }
  auto compare = condition.getDefiningOp<asg::CompareOp>();
  return compare && isa<IntegerType>(Emitter::elementOf(compare.getLhs()))
             ? e.compare(inverseOf(compare.getPredicate()), compare.getLhs(),
                         compare.getRhs())
             : Value();
}

Value triangleOf(Emitter &e, const HostTensor &value) {
  ArrayRef<int64_t> shape(value.shape().data(), value.shape().size());
  size_t rank = shape.size();
  constexpr int64_t kLeast = 3; // below that much is a triangle
  if (rank < 2 || shape[rank - 1] != shape[rank - 2] ||
      shape[rank - 1] < kLeast ||
      llvm::any_of(shape.drop_back(2), [](int64_t dim) { return dim != 1; }))
    return {};
  int64_t n = shape[rank - 1];
  double corner = value.get(n - 1), other = value.get((n - 1) * n);
  bool holdsDiagonal = value.get(0) == other;
  auto isMask = [&](double one, double two) {
    return one == 0 && (two == 1 || two == -INFINITY);
  };
  // Weights of floats may be anything; a mask of 0 and 1 has axes to spare.
  bool hasOnes = corner == 1 || other == 1;
  if ((!isMask(corner, other) && !isMask(other, corner)) ||
      (hasOnes && isFloat(value.dtype()) && rank == 2))
    return {};
  for (int64_t i = 0; i < n * n; ++i) {
    int64_t row = i / n, column = i % n;
    bool isBelow = holdsDiagonal ? row >= column : row > column;
    if (value.get(i) != (isBelow ? other : corner))
      return {};
  }
  Extents dims(shape.begin(), shape.end());
  auto where = [&](Predicate predicate) {
    return e.compare(predicate, e.iota(dims, int64_t(rank) - 2, e.i64()),
                     e.iota(dims, int64_t(rank) - 1, e.i64()));
  };
  Type element = elementTypeOf(*e.builder.getContext(), value.dtype());
  Value isBelow = where(holdsDiagonal ? Predicate::ge : Predicate::gt);
  if (!hasOnes)
    return e.select(isBelow, e.scalar(other, element),
                    e.scalar(corner, element));
  return e.cast(other == 1
                    ? isBelow
                    : where(holdsDiagonal ? Predicate::lt : Predicate::le),
                element);
}

/// Whether integers are 0, 1, 2 … along `axis`, all others having one place.
static bool countsAlong(DenseElementsAttr elements, int64_t axis) {
  auto type = cast<RankedTensorType>(elements.getType());
  if (!isa<IntegerType>(type.getElementType()) ||
      type.getDimSize(axis) != type.getNumElements())
    return false;
  for (auto [index, value] : llvm::enumerate(elements.getValues<APInt>()))
    if (value.getSExtValue() != int64_t(index))
      return false;
  return true;
}

/// Trees of more ops are left as they are.
static constexpr int kMaxDepth = 6;

static Value windowOf(Emitter &e, Value x, int64_t axis, const DimExpr &start,
                      const DimExpr &count, int depth) {
  Operation *op = x.getDefiningOp();
  if (!op || depth > kMaxDepth)
    return {};
  Extents dims = Emitter::dims(x);
  dims[axis] = count;
  if (auto iota = dyn_cast<asg::IotaOp>(op)) {
    Type element = Emitter::elementOf(x);
    Value place = e.iota(dims, int64_t(iota.getAxis()), element);
    return int64_t(iota.getAxis()) != axis || start == DimExpr(0)
               ? place
               : e.add(place, e.extent(start, element));
  }
  if (auto constant = dyn_cast<asg::ConstantOp>(op)) {
    auto all = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (all && !all.isSplat() && countsAlong(all, axis)) {
      Value place = e.iota(dims, axis, Emitter::elementOf(x));
      return start == DimExpr(0)
                 ? place
                 : e.add(place, e.extent(start, Emitter::elementOf(x)));
    }
    if (!all || !all.isSplat())
      return {};
    auto one = RankedTensorType::get({}, Emitter::elementOf(x));
    return e.broadcast(e.constant(hostTensorOf(all.resizeSplat(one))), dims);
  }
  if (auto broadcast = dyn_cast<asg::BroadcastOp>(op))
    return Emitter::rankOf(broadcast.getX()) == 0
               ? e.broadcast(broadcast.getX(), dims)
               : Value();
  if (!isa<asg::CompareOp, asg::SelectOp, asg::CastOp, asg::AddOp, asg::SubOp,
           asg::MulOp>(op))
    return {};
  Values parts;
  for (Value operand : op->getOperands()) {
    parts.push_back(windowOf(e, operand, axis, start, count, depth + 1));
    if (!parts.back())
      return {};
  }
  if (auto compare = dyn_cast<asg::CompareOp>(op))
    return e.compare(compare.getPredicate(), parts[0], parts[1]);
  if (isa<asg::SelectOp>(op))
    return e.select(parts[0], parts[1], parts[2]);
  if (isa<asg::CastOp>(op))
    return e.cast(parts[0], Emitter::elementOf(x));
  if (isa<asg::AddOp>(op))
    return e.add(parts[0], parts[1]);
  return isa<asg::SubOp>(op) ? e.sub(parts[0], parts[1])
                             : e.mul(parts[0], parts[1]);
}

Value windowOf(Emitter &e, Value x, int64_t axis, const DimExpr &start,
               const DimExpr &count) {
  return x ? windowOf(e, x, axis, start, count, 0) : x;
}

} // namespace asgc::interop
