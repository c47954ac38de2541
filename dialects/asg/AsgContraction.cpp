//===- AsgContraction.cpp - Sums of products ------------------------------===//
#include "dialects/asg/AsgChecks.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <numeric>

using namespace mlir;
using namespace asgc;
using namespace asgc::asg;

//===- Dot ----------------------------------------------------------------===//

namespace {
/// The axes of a dot operand that are neither batched nor summed, in order.
SmallVector<int64_t> freeAxes(int64_t rank, ArrayRef<int64_t> batch,
                              ArrayRef<int64_t> contract) {
  SmallVector<int64_t> axes;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(batch, axis) && !llvm::is_contained(contract, axis))
      axes.push_back(axis);
  return axes;
}

/// Checks one operand's axes and that paired extents are equal.
LogicalResult checkPairs(Fault fault, RankedTensorType lhs,
                         RankedTensorType rhs, ArrayRef<int64_t> lhsAxes,
                         ArrayRef<int64_t> rhsAxes, StringRef verb) {
  if (lhsAxes.size() != rhsAxes.size())
    return fault("pairs ", lhsAxes.size(), " axes of lhs with ", rhsAxes.size(),
                 " of rhs");
  for (auto [left, right] : llvm::zip_equal(lhsAxes, rhsAxes))
    if (getDim(lhs, left) != getDim(rhs, right))
      return fault("cannot ", verb, " ", describe(lhs), " with ", describe(rhs),
                   ": axis ", left, " of lhs has extent ",
                   getDim(lhs, left).str(), ", axis ", right, " of rhs ",
                   getDim(rhs, right).str());
  return success();
}
} // namespace

LogicalResult DotOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType lhs = tensorType(operands[0]), rhs = tensorType(operands[1]);
  ArrayRef<int64_t> lhsBatch = adaptor.getLhsBatch(),
                    rhsBatch = adaptor.getRhsBatch(),
                    lhsContract = adaptor.getLhsContract(),
                    rhsContract = adaptor.getRhsContract();
  auto lhsAxes = llvm::to_vector(llvm::concat<const int64_t>(lhsBatch, lhsContract));
  auto rhsAxes = llvm::to_vector(llvm::concat<const int64_t>(rhsBatch, rhsContract));
  if (failed(checkSameElements(fault, lhs, rhs)) ||
      failed(checkDistinctAxes(fault, lhsAxes, lhs)) ||
      failed(checkDistinctAxes(fault, rhsAxes, rhs)) ||
      failed(checkPairs(fault, lhs, rhs, lhsBatch, rhsBatch, "batch")) ||
      failed(checkPairs(fault, lhs, rhs, lhsContract, rhsContract, "contract")))
    return failure();

  SmallVector<DimExpr> dims;
  for (int64_t axis : lhsBatch)
    dims.push_back(getDim(lhs, axis));
  for (int64_t axis : freeAxes(lhs.getRank(), lhsBatch, lhsContract))
    dims.push_back(getDim(lhs, axis));
  for (int64_t axis : freeAxes(rhs.getRank(), rhsBatch, rhsContract))
    dims.push_back(getDim(rhs, axis));
  Type element = lhs.getElementType();
  if (element.isInteger(8))
    element = IntegerType::get(context, 32);
  results.push_back(getTensorType(context, dims, element));
  return success();
}

namespace {
/// One operand of a dot, as its cotangent needs it.
struct DotOperand {
  Value value;
  ArrayRef<int64_t> batch, contract;
  SmallVector<int64_t> free;

  DotOperand(Value value, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract)
      : value(value), batch(batch), contract(contract),
        free(freeAxes(tensorType(value).getRank(), batch, contract)) {}
};

/// The cotangent of `target`, from dy and the other operand: dy's axes that came
/// from `other` are summed against it, and what is left is put in target's order.
/// `targetFreeAt` and `otherFreeAt` are where the free axes stand in dy.
Value buildDotCotangent(OpBuilder &builder, Location loc, Value dy,
                        const DotOperand &target, int64_t targetFreeAt,
                        const DotOperand &other, int64_t otherFreeAt) {
  auto dyBatch = llvm::to_vector(llvm::seq<int64_t>(0, target.batch.size()));
  auto dyContract = llvm::to_vector(
      llvm::seq<int64_t>(otherFreeAt, otherFreeAt + other.free.size()));
  Value product =
      DotOp::create(builder, loc, dy, other.value, dyBatch, other.batch,
                    dyContract, other.free);
  // The product has the axes [batch, free of target, summed axes as they stand
  // in other]; place[a] is where target's axis a is among them.
  SmallVector<int64_t> place(tensorType(target.value).getRank());
  int64_t next = 0;
  for (int64_t axis : target.batch)
    place[axis] = next++;
  for (int64_t axis : target.free)
    place[axis] = next++;
  SmallVector<int64_t> order(target.contract.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](int64_t left, int64_t right) {
    return other.contract[left] < other.contract[right];
  });
  for (int64_t pair : order)
    place[target.contract[pair]] = next++;
  if (llvm::is_sorted(place))
    return product;
  return TransposeOp::create(builder, loc, product, place);
}
} // namespace

SmallVector<Value> DotOp::buildGradient(OpBuilder &builder,
                                        ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy || !hasFloatElements(dy.getType()))
    return {Value(), Value()};
  DotOperand lhs(getLhs(), getLhsBatch(), getLhsContract());
  DotOperand rhs(getRhs(), getRhsBatch(), getRhsContract());
  int64_t lhsFreeAt = lhs.batch.size();
  int64_t rhsFreeAt = lhsFreeAt + lhs.free.size();
  return {buildDotCotangent(builder, getLoc(), dy, lhs, lhsFreeAt, rhs,
                            rhsFreeAt),
          buildDotCotangent(builder, getLoc(), dy, rhs, rhsFreeAt, lhs,
                            lhsFreeAt)};
}

//===- Convolution --------------------------------------------------------===//

namespace {
/// The attributes that a convolution and its two cotangents share.
struct ConvGeometry {
  ArrayRef<int64_t> strides, padLow, padHigh, dilations;
  int64_t groups;

  template <typename OpOrAdaptor>
  static ConvGeometry of(OpOrAdaptor op) {
    return {op.getStrides(), op.getPadLow(), op.getPadHigh(), op.getDilations(),
            static_cast<int64_t>(op.getGroups())};
  }
};

/// The type of conv2d(x, weight); null with an error if there is none.
RankedTensorType inferConv2d(Fault fault, RankedTensorType x,
                             RankedTensorType weight, ConvGeometry geometry) {
  if (failed(checkGeometry(fault, "strides", geometry.strides, 2, 1)) ||
      failed(checkGeometry(fault, "padLow", geometry.padLow, 2, 0)) ||
      failed(checkGeometry(fault, "padHigh", geometry.padHigh, 2, 0)) ||
      failed(checkGeometry(fault, "dilations", geometry.dilations, 2, 1)) ||
      failed(checkGeometry(fault, "groups", geometry.groups, 1, 1)) ||
      failed(checkSameElements(fault, x, weight)))
    return {};
  auto refuse = [&](const Twine &why) -> RankedTensorType {
    (void)fault("cannot convolve ", describe(x), " with ", describe(weight),
                ": ", why.str());
    return {};
  };
  if (x.getRank() != 4 || weight.getRank() != 4)
    return refuse("images are [n, c, h, w] and filters [o, c / groups, kh, kw]");
  if (!weight.hasStaticShape() || x.isDynamicDim(1))
    return refuse("channels and filters have extents known at compile time");
  if (x.getDimSize(1) % geometry.groups != 0 ||
      x.getDimSize(1) / geometry.groups != weight.getDimSize(1))
    return refuse("the images have " + Twine(x.getDimSize(1)) +
                  " channels, the filters take " + Twine(geometry.groups) +
                  " groups of " + Twine(weight.getDimSize(1)));
  if (weight.getDimSize(0) % geometry.groups != 0)
    return refuse("the number of filters is no multiple of groups = " +
                  Twine(geometry.groups));
  SmallVector<DimExpr> dims = {getDim(x, 0), getDim(weight, 0)};
  for (int64_t i = 0; i < 2; ++i) {
    int64_t kernel = weight.getDimSize(i + 2);
    int64_t reach;
    if (kernel == 0 ||
        __builtin_mul_overflow(geometry.dilations[i], kernel - 1, &reach) ||
        reach > kMaxGeometry)
      return refuse("the filters' extent along axis " + Twine(i + 2) +
                    " is zero or too large");
    DimExpr room = getDim(x, i + 2) +
                   (geometry.padLow[i] + geometry.padHigh[i] - reach - 1);
    if (room.asConstant().value_or(0) < 0)
      return refuse("the filter reaches over " + Twine(reach + 1) +
                    " elements along axis " + Twine(i + 2) +
                    ", the padded image has " +
                    Twine(*room.asConstant() + reach + 1));
    dims.push_back(room.floorDiv(geometry.strides[i]) + 1);
  }
  return withDims(x, dims);
}
} // namespace

LogicalResult Conv2dOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &results) {
  Fault fault(location, getOperationName());
  Adaptor adaptor(operands, attributes, properties, regions);
  if (failed(checkTensors(fault, operands)))
    return failure();
  RankedTensorType type =
      inferConv2d(fault, tensorType(operands[0]), tensorType(operands[1]),
                  ConvGeometry::of(adaptor));
  if (!type)
    return failure();
  results.push_back(type);
  return success();
}

LogicalResult Conv2dInputGradOp::verify() {
  Fault fault(*this);
  RankedTensorType type =
      inferConv2d(fault, getDx().getType(), getWeight().getType(),
                  ConvGeometry::of(*this));
  if (!type)
    return failure();
  if (type != getDy().getType())
    return fault("takes ", describe(type), " for dx ",
                 describe(getDx().getType()), ", not ",
                 describe(getDy().getType()));
  return success();
}

LogicalResult Conv2dWeightGradOp::verify() {
  Fault fault(*this);
  RankedTensorType type =
      inferConv2d(fault, getX().getType(), getDweight().getType(),
                  ConvGeometry::of(*this));
  if (!type)
    return failure();
  if (type != getDy().getType())
    return fault("takes ", describe(type), " for dweight ",
                 describe(getDweight().getType()), ", not ",
                 describe(getDy().getType()));
  return success();
}

// The three are the partial maps of one trilinear form Σ dy · x · weight, so the
// cotangents of each are the other two.

namespace {
template <typename Op, typename Geometry>
Value buildConv(OpBuilder &builder, Geometry from, Type type, Value a, Value b) {
  return Op::create(builder, from.getLoc(), type, a, b, from.getStridesAttr(),
                    from.getPadLowAttr(), from.getPadHighAttr(),
                    from.getDilationsAttr(), from.getGroupsAttr());
}
} // namespace

SmallVector<Value> Conv2dOp::buildGradient(OpBuilder &builder,
                                           ValueRange resultGradients) {
  Value dy = resultGradients[0];
  if (!dy)
    return {Value(), Value()};
  return {buildConv<Conv2dInputGradOp>(builder, *this, getX().getType(), dy,
                                       getWeight()),
          buildConv<Conv2dWeightGradOp>(builder, *this, getWeight().getType(),
                                        getX(), dy)};
}

SmallVector<Value> Conv2dInputGradOp::buildGradient(OpBuilder &builder,
                                                    ValueRange resultGradients) {
  Value x = resultGradients[0];
  if (!x)
    return {Value(), Value()};
  return {buildConv<Conv2dOp>(builder, *this, getDy().getType(), x, getWeight()),
          buildConv<Conv2dWeightGradOp>(builder, *this, getWeight().getType(), x,
                                        getDy())};
}

SmallVector<Value>
Conv2dWeightGradOp::buildGradient(OpBuilder &builder,
                                  ValueRange resultGradients) {
  Value weight = resultGradients[0];
  if (!weight)
    return {Value(), Value()};
  return {buildConv<Conv2dInputGradOp>(builder, *this, getX().getType(), getDy(),
                                       weight),
          buildConv<Conv2dOp>(builder, *this, getDy().getType(), getX(), weight)};
}
