//===- EmitterLayout.cpp - Moves elements, with numpy's broadcasting ------===//
#include "lib/Interop/Onnx/Emitter.h"

#include <algorithm>

using namespace mlir;

namespace asgc::interop {

Value Emitter::broadcast(Value x, ArrayRef<DimExpr> dims) {
  if (!x)
    return x;
  int64_t added = int64_t(dims.size()) - rankOf(x);
  if (added < 0)
    return fail("cannot broadcast " + asg::describe(x.getType()) +
                " to a lower rank");
  Axes axes;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    axes.push_back(added + axis);
  return broadcast(x, dims, axes);
}

Value Emitter::broadcast(Value x, ArrayRef<DimExpr> dims,
                         ArrayRef<int64_t> axes) {
  if (!x)
    return x;
  RankedTensorType type = typeFor(dims, elementOf(x));
  return x.getType() == type ? x : make<asg::BroadcastOp>(type, x, axes);
}

/// Where axes of the extents `whole` were split to `split` and then ordered by
/// `perm`: the order of the whole ones, if that keeps the parts of each side by
/// side.
static std::optional<Axes> movedAxes(ArrayRef<DimExpr> whole,
                                     ArrayRef<DimExpr> split,
                                     ArrayRef<int64_t> perm) {
  Axes begins; // of each whole axis among the parts, and the end
  size_t at = 0;
  for (const DimExpr &extent : whole) {
    begins.push_back(int64_t(at));
    DimExpr product(1);
    do {
      if (at == split.size())
        return std::nullopt;
      product = product * split[at++];
    } while (!(product == extent));
  }
  begins.push_back(int64_t(at));
  if (at != split.size())
    return std::nullopt;
  Axes order;
  for (size_t i = 0; i < perm.size();) {
    auto found = std::find(begins.begin(), begins.end() - 1, perm[i]);
    if (found == begins.end() - 1)
      return std::nullopt;
    for (int64_t part = *found; part < found[1]; ++part, ++i)
      if (perm[i] != part)
        return std::nullopt;
    order.push_back(found - begins.begin());
  }
  return order;
}

Value Emitter::reshape(Value x, ArrayRef<DimExpr> dims) {
  if (!x)
    return x;
  while (auto inner = x.getDefiningOp<asg::ReshapeOp>())
    x = inner.getX();
  if (auto transposed = x.getDefiningOp<asg::TransposeOp>())
    if (auto split = transposed.getX().getDefiningOp<asg::ReshapeOp>()) {
      Value whole = split.getX();
      auto order = movedAxes(Emitter::dims(whole), Emitter::dims(split.getY()),
                             transposed.getPerm());
      Extents moved;
      for (int64_t axis : order.value_or(Axes()))
        moved.push_back(dim(whole, axis));
      if (order && ArrayRef(moved) == dims)
        return transpose(whole, *order);
    }
  RankedTensorType type = typeFor(dims, elementOf(x));
  return x.getType() == type ? x : make<asg::ReshapeOp>(type, x);
}

Value Emitter::unsqueeze(Value x, ArrayRef<int64_t> axes) {
  if (!x)
    return x;
  Extents result = dims(x);
  for (int64_t axis : axes) // sorted
    result.insert(result.begin() + axis, DimExpr(1));
  return reshape(x, result);
}

Value Emitter::squeeze(Value x, ArrayRef<int64_t> axes) {
  if (!x)
    return x;
  Extents result;
  for (auto [axis, extent] : llvm::enumerate(dims(x)))
    if (!llvm::is_contained(axes, int64_t(axis)))
      result.push_back(extent);
    else if (!(extent == DimExpr(1)))
      return fail("cannot squeeze an axis of extent " + extent.str());
  return reshape(x, result);
}

Value Emitter::transpose(Value x, ArrayRef<int64_t> perm) {
  if (!x)
    return x;
  Axes order(perm);
  if (auto inner = x.getDefiningOp<asg::TransposeOp>();
      inner && inner.getPerm().size() == order.size() &&
      llvm::all_of(order, [&](int64_t axis) {
        return axis >= 0 && axis < int64_t(order.size());
      })) {
    for (int64_t &axis : order)
      axis = inner.getPerm()[axis];
    x = inner.getX();
  }
  return llvm::is_sorted(order) ? x : infer<asg::TransposeOp>(1, x, order);
}

Value Emitter::moveAxis(Value x, int64_t from, int64_t to) {
  if (!x)
    return x;
  Axes perm;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    if (axis != from)
      perm.push_back(axis);
  perm.insert(perm.begin() + to, from);
  return transpose(x, perm);
}

Value Emitter::slice(Value x, ArrayRef<int64_t> starts, ArrayRef<DimExpr> sizes,
                     ArrayRef<int64_t> strides) {
  if (!x)
    return x;
  RankedTensorType type = typeFor(sizes, elementOf(x));
  bool isWhole = type == x.getType() &&
                 llvm::all_of(starts, [](int64_t start) { return start == 0; });
  if (isWhole)
    return x;
  auto inner = x.getDefiningOp<asg::SliceOp>();
  if (!inner)
    return make<asg::SliceOp>(type, x, starts, strides);
  // A part of a part is a part, unless both count from different ends.
  Axes first, step;
  for (int64_t axis = 0; axis < rankOf(x); ++axis) {
    int64_t start = inner.getStarts()[axis], stride = inner.getStrides()[axis];
    bool isKept =
        start == 0 && stride == 1 && dim(inner.getX(), axis) == dim(x, axis);
    if (!isKept && starts[axis] < 0)
      return make<asg::SliceOp>(type, x, starts, strides);
    bool staysBefore = start < 0 && start + starts[axis] * stride >= 0;
    if (staysBefore)
      return make<asg::SliceOp>(type, x, starts, strides);
    first.push_back(isKept ? starts[axis] : start + starts[axis] * stride);
    step.push_back(stride * strides[axis]);
  }
  return make<asg::SliceOp>(type, inner.getX(), first, step);
}

/// Of values joined along `axis` the one that [start, start + size) lies in, of
/// which `start` then counts; null if it is not one, or `x` is not joined.
static Value partOf(Value x, int64_t axis, int64_t &start,
                    const DimExpr &size) {
  auto joined = x.getDefiningOp<asg::ConcatOp>();
  auto length = size.asConstant(), all = Emitter::dim(x, axis).asConstant();
  if (!joined || int64_t(joined.getAxis()) != axis || !length || !all)
    return {};
  int64_t begin = start < 0 ? start + *all : start;
  for (Value part : joined.getXs()) {
    auto extent = Emitter::dim(part, axis).asConstant();
    if (!extent)
      return {};
    if (begin < *extent) {
      if (begin < 0 || *length > *extent - begin)
        return {};
      start = begin;
      return part;
    }
    begin -= *extent;
  }
  return {};
}

Value Emitter::slice(Value x, int64_t axis, int64_t start, DimExpr size,
                     int64_t stride) {
  if (!x)
    return x;
  if (stride == 1)
    if (Value part = partOf(x, axis, start, size))
      return slice(part, axis, start, size);
  Axes starts(rankOf(x), 0), strides(rankOf(x), 1);
  Extents sizes = dims(x);
  starts[axis] = start;
  strides[axis] = stride;
  sizes[axis] = size;
  return slice(x, starts, sizes, strides);
}

Value Emitter::element(Value x, int64_t axis, int64_t index) {
  return x ? squeeze(slice(x, axis, index, 1), {axis}) : x;
}

Value Emitter::reverse(Value x, int64_t axis) {
  if (!x)
    return x;
  Value extent = this->extent(dim(x, axis), i64());
  Value index = iota({dim(x, axis)}, 0, i64());
  return gather(x, sub(sub(extent, 1), index), axis);
}

Value Emitter::pad(Value x, ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                   double value, ArrayRef<int64_t> interior) {
  if (!x)
    return x;
  Axes between(interior.begin(), interior.end());
  between.resize(rankOf(x), 0);
  auto isZero = [](int64_t count) { return count == 0; };
  if (llvm::all_of(low, isZero) && llvm::all_of(high, isZero) &&
      llvm::all_of(between, isZero))
    return x;
  return infer<asg::PadOp>(1, x, low, high, ArrayRef<int64_t>(between),
                           APFloat(value));
}

Value Emitter::concat(ArrayRef<Value> xs, int64_t axis) {
  if (xs.empty() || llvm::is_contained(xs, Value()))
    return {};
  // What has no elements along the axis adds none.
  Values parts;
  for (Value x : xs)
    if (axis >= rankOf(x) || !(dim(x, axis) == DimExpr(0)))
      parts.push_back(x);
  if (!parts.empty() && parts.size() < xs.size())
    return concat(parts, axis);
  return xs.size() == 1
             ? xs.front()
             : infer<asg::ConcatOp>(1, ValueRange(xs), uint64_t(axis));
}

Value Emitter::gather(Value x, Value indices, int64_t axis, int64_t batchDims) {
  if (!x || !indices)
    return {};
  return infer<asg::GatherOp>(1, x, indices, uint64_t(axis),
                              uint64_t(batchDims));
}

} // namespace asgc::interop
