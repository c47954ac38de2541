//===- AsgLayout.cpp - The same elements, arranged otherwise --------------===//
#include "dialects/asg/AsgChecks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Types --------------------------------------------------------------===//

namespace {
/// The number of elements; null if it has too many terms to compare.
std::optional<DimExpr> countElements(RankedTensorType type) {
  constexpr size_t kMaxTerms = 1024;
  DimExpr count(1);
  for (const DimExpr &dim : getDims(type)) {
    count = count * dim;
    if (count.numTerms() > kMaxTerms)
      return std::nullopt;
  }
  return count;
}
} // namespace

LogicalResult ReshapeOp::verify() {
  Fault fault(*this);
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (failed(checkSameElements(fault, x, y)))
    return failure();
  std::optional<DimExpr> from = countElements(x), to = countElements(y);
  if (!from || !to)
    return fault("has too many run-time extents to compare ", describe(x),
                 " with ", describe(y));
  if (*from != *to)
    return fault("cannot make ", describe(y), " of ", describe(x), ": ",
                 from->str(), " elements, not ", to->str());
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type = tensorType(operands[0]);
  ArrayRef<int64_t> perm = adaptor.getPerm();
  if (static_cast<int64_t>(perm.size()) != type.getRank())
    return fault("permutes ", perm.size(), " axes, but has ", describe(type));
  if (failed(checkDistinctAxes(fault, perm, type)))
    return failure();
  SmallVector<DimExpr> dims;
  for (int64_t axis : perm)
    dims.push_back(getDim(type, axis));
  results.push_back(withDims(type, dims));
  return success();
}

LogicalResult BroadcastOp::verify() {
  Fault fault(*this);
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (failed(checkSameElements(fault, x, y)))
    return failure();
  ArrayRef<int64_t> dims = getDims();
  if (static_cast<int64_t>(dims.size()) != x.getRank())
    return fault("names ", dims.size(), " axes for ", describe(x));
  for (auto [axis, target] : llvm::enumerate(dims)) {
    if (failed(checkAxis(fault, target, y)))
      return failure();
    if (axis != 0 && target <= dims[axis - 1])
      return fault("needs its axes in rising order");
    DimExpr extent = getDim(x, axis);
    if (extent != getDim(y, target) && extent != DimExpr(1))
      return fault("cannot repeat ", describe(x), " to ", describe(y),
                   ": axis ", axis, " has extent ", extent.str(), ", axis ",
                   target, " of the result ", getDim(y, target).str());
  }
  return success();
}

LogicalResult SliceOp::verify() {
  Fault fault(*this);
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (failed(checkSameElements(fault, x, y)) ||
      failed(checkGeometry(fault, "strides", getStrides(), x.getRank(), 1)))
    return failure();
  if (static_cast<int64_t>(getStarts().size()) != x.getRank() ||
      y.getRank() != x.getRank())
    return fault("cannot slice ", describe(x), " to ", describe(y), " with ",
                 getStarts().size(), " starts");
  for (int64_t axis = 0; axis < x.getRank(); ++axis) {
    int64_t start = getStarts()[axis], stride = getStrides()[axis];
    if (start < -kMaxGeometry || start > (int64_t(1) << 40))
      return fault("starts at ", start, " along axis ", axis, " of ",
                   describe(x));
    DimExpr extent = getDim(x, axis), count = getDim(y, axis);
    if (count.asConstant() == 0)
      continue;
    DimExpr first = start < 0 ? extent + start : DimExpr(start);
    DimExpr last = first + (count - 1) * DimExpr(stride);
    // Both are proved for every extent that may come at run time.
    bool startsInside = first.minimum().value_or(-1) >= 0;
    bool endsInside = (extent - 1 - last).minimum().value_or(-1) >= 0;
    if (!startsInside || !endsInside)
      return fault("cannot take ", count.str(), " elements from ", start,
                   " with stride ", stride, " along axis ", axis, " of ",
                   describe(x), ": ",
                   x.isDynamicDim(axis) ? "the axis may be shorter"
                                        : "the axis is shorter");
  }
  return success();
}

LogicalResult PadOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type = tensorType(operands[0]);
  size_t rank = type.getRank();
  if (failed(checkGeometry(fault, "low", adaptor.getLow(), rank, 0)) ||
      failed(checkGeometry(fault, "high", adaptor.getHigh(), rank, 0)) ||
      failed(checkGeometry(fault, "interior", adaptor.getInterior(), rank, 0)))
    return failure();
  SmallVector<DimExpr> dims;
  for (size_t axis = 0; axis < rank; ++axis) {
    DimExpr extent = getDim(type, axis);
    int64_t interior = adaptor.getInterior()[axis], between;
    if (interior != 0) {
      if (extent.asConstant() == 0)
        return fault("pads between elements along axis ", axis, " of ",
                     describe(type), ", which has none");
      // A static extent is at most 2^40, so the product may overflow.
      if (auto known = extent.asConstant())
        if (__builtin_mul_overflow(*known, interior, &between))
          return fault("makes axis ", axis, " of ", describe(type),
                       " too large");
    }
    dims.push_back(extent + (extent - 1) * DimExpr(interior) +
                   (adaptor.getLow()[axis] + adaptor.getHigh()[axis]));
  }
  results.push_back(withDims(type, dims));
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  if (operands.empty())
    return fault("joins at least one tensor");
  constexpr size_t kMaxOperands = 1 << 16; // keeps the sum below 2^63
  if (operands.size() > kMaxOperands)
    return fault("joins at most ", kMaxOperands, " tensors");
  RankedTensorType first = tensorType(operands[0]);
  int64_t axis = adaptor.getAxis();
  if (failed(checkAxis(fault, axis, first)))
    return failure();
  SmallVector<DimExpr> dims = getDims(first);
  for (Value operand : operands.drop_front()) {
    RankedTensorType type = tensorType(operand);
    if (failed(checkSameElements(fault, first, type)))
      return failure();
    SmallVector<DimExpr> others = getDims(type);
    bool fits = type.getRank() == first.getRank();
    for (int64_t i = 0; fits && i < first.getRank(); ++i)
      fits = i == axis || others[i] == getDim(first, i);
    if (!fits)
      return fault("cannot join ", describe(first), " with ", describe(type),
                   " along axis ", axis);
    dims[axis] = dims[axis] + others[axis];
  }
  results.push_back(withDims(first, dims));
  return success();
}

//===- Gradients ----------------------------------------------------------===//

SmallVector<Value> ReshapeOp::buildGradient(OpBuilder &builder,
                                            ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  return {ReshapeOp::create(builder, getLoc(), getX().getType(), dy)};
}

SmallVector<Value> TransposeOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  SmallVector<int64_t> inverse(getPerm().size());
  for (auto [axis, source] : llvm::enumerate(getPerm()))
    inverse[source] = axis;
  return {TransposeOp::create(builder, getLoc(), dy, inverse)};
}

SmallVector<Value> BroadcastOp::buildGradient(OpBuilder &builder,
                                              ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  // Sums over the axes that x lacks, or has with extent 1; the latter come back.
  RankedTensorType x = getX().getType(), y = getY().getType();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, y.getRank()));
  for (auto [axis, target] : llvm::enumerate(getDims()))
    if (getDim(x, axis) == getDim(y, target))
      llvm::erase(axes, target);
  Value sum = dy;
  if (!axes.empty())
    sum = ReduceSumOp::create(builder, getLoc(), dy, axes);
  if (sum.getType() != x)
    sum = ReshapeOp::create(builder, getLoc(), x, sum);
  return {sum};
}

namespace {
/// A run-time extent as a tensor of indices with `type`, every element the same.
Value buildExtent(OpBuilder &builder, Location loc, const DimExpr &extent,
                  RankedTensorType type) {
  if (auto constant = extent.asConstant())
    return buildSplat(builder, loc, type, static_cast<double>(*constant));
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value value = DimOp::create(builder, loc, scalar, extent.str());
  return buildBroadcast(builder, loc, value, type, {});
}

/// Indices first, first + stride, … along an axis of `count` elements.
Value buildIndices(OpBuilder &builder, Location loc, const DimExpr &first,
                   int64_t stride, const DimExpr &count) {
  RankedTensorType type =
      getTensorType(builder.getContext(), count, builder.getI64Type());
  Value index = IotaOp::create(builder, loc, type, 0);
  if (stride != 1)
    index = MulOp::create(
        builder, loc, index,
        buildSplat(builder, loc, type, static_cast<double>(stride)));
  if (first == DimExpr(0))
    return index;
  return AddOp::create(builder, loc, index,
                       buildExtent(builder, loc, first, type));
}
} // namespace

// dx is dy spread into zeros. Where the room around dy is known that is a pad;
// along an axis where it depends on run-time extents, a scatter.
SmallVector<Value> SliceOp::buildGradient(OpBuilder &builder,
                                          ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  Location loc = getLoc();
  RankedTensorType x = getX().getType();
  int64_t rank = x.getRank();
  SmallVector<int64_t> low(rank), high(rank), interior(rank), scattered;
  SmallVector<DimExpr> starts;
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t start = getStarts()[axis], stride = getStrides()[axis];
    DimExpr extent = getDim(x, axis), count = getDim(getY().getType(), axis);
    starts.push_back(start < 0 ? extent + start : DimExpr(start));
    auto before = starts.back().asConstant();
    auto after =
        (extent - 1 - starts.back() - (count - 1) * DimExpr(stride)).asConstant();
    // An empty slice leaves no place for interior padding.
    bool isEmpty = count.asConstant() == 0;
    if (before && after && (stride == 1 || !isEmpty)) {
      low[axis] = *before;
      high[axis] = *after;
      interior[axis] = stride - 1;
    } else if (extent != count) {
      scattered.push_back(axis);
    }
  }
  bool hasRoom = llvm::any_of(low, [](int64_t n) { return n != 0; }) ||
                 llvm::any_of(high, [](int64_t n) { return n != 0; }) ||
                 llvm::any_of(interior, [](int64_t n) { return n != 0; });
  Value dx = dy;
  if (hasRoom)
    dx = PadOp::create(builder, loc, dx, low, high, interior, APFloat(0.0));
  for (int64_t axis : scattered) {
    Value indices = buildIndices(builder, loc, starts[axis], getStrides()[axis],
                                 getDim(getY().getType(), axis));
    SmallVector<DimExpr> dims = asg::getDims(tensorType(dx));
    dims[axis] = getDim(x, axis);
    dx = ScatterAddOp::create(builder, loc, withDims(x, dims), dx, indices, axis,
                              /*batchDims=*/0);
  }
  return {dx};
}

SmallVector<Value> PadOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value()};
  SmallVector<int64_t> strides;
  for (int64_t interior : getInterior())
    strides.push_back(interior + 1);
  return {SliceOp::create(builder, getLoc(), getX().getType(), dy, getLow(),
                          strides)};
}

SmallVector<Value> ConcatOp::buildGradient(OpBuilder &builder,
                                           ValueRange resultGradients) {
  Value dy = resultGradients[0];
  SmallVector<Value> gradients(getXs().size());
  if (!dy || !hasFloatElements(dy.getType()))
    return gradients;
  RankedTensorType y = tensorType(dy);
  int64_t axis = getAxis();
  DimExpr before(0);
  for (auto [gradient, x] : llvm::zip_equal(gradients, getXs())) {
    RankedTensorType type = tensorType(x);
    DimExpr extent = getDim(type, axis);
    SmallVector<int64_t> starts(y.getRank()), strides(y.getRank(), 1);
    auto start = before.asConstant();
    auto fromEnd = (before - getDim(y, axis)).asConstant();
    if (start || (fromEnd && *fromEnd < 0)) {
      starts[axis] = start ? *start : *fromEnd;
      gradient =
          SliceOp::create(builder, getLoc(), type, dy, starts, strides);
    } else {
      // Run-time extents before and behind: the place is known at run time only.
      Value indices = buildIndices(builder, getLoc(), before, 1, extent);
      gradient = GatherOp::create(builder, getLoc(), type, dy, indices, axis,
                                  /*batchDims=*/0);
    }
    before = before + extent;
  }
  return gradients;
}

//===- Folds --------------------------------------------------------------===//

namespace {
/// A constant with one value, in another shape; null if it is no such constant.
Attribute reshapeSplat(Attribute constant, RankedTensorType type) {
  auto values = dyn_cast_or_null<SplatElementsAttr>(constant);
  if (!values || !type.hasStaticShape())
    return {};
  return DenseElementsAttr::get(type, values.getSplatValue<Attribute>());
}
} // namespace

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  RankedTensorType type = getY().getType();
  if (getX().getType() == type)
    return getX();
  if (auto values = dyn_cast_or_null<DenseElementsAttr>(adaptor.getX()))
    return values.reshape(type);
  // reshape(reshape(x)) -> reshape(x)
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getY();
  }
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (llvm::is_sorted(getPerm()))
    return getX();
  return reshapeSplat(adaptor.getX(), getY().getType());
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  return reshapeSplat(adaptor.getX(), getY().getType());
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  // A slice of the whole extent starts at its first element.
  if (getX().getType() == getY().getType() &&
      llvm::all_of(getStrides(), [](int64_t stride) { return stride == 1; }))
    return getX();
  return reshapeSplat(adaptor.getX(), getY().getType());
}
