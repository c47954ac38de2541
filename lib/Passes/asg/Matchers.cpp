//===- Matchers.cpp - What patterns ask of values -------------------------===//
#include "Matchers.h"

using namespace mlir;

namespace asgc {

TypedAttr getSplat(Value value) {
  while (auto broadcast = value.getDefiningOp<asg::BroadcastOp>())
    value = broadcast.getX();
  auto constant = value.getDefiningOp<asg::ConstantOp>();
  if (!constant)
    return {};
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || !elements.isSplat())
    return {};
  return dyn_cast<TypedAttr>(elements.getSplatValue<Attribute>());
}

bool isSplat(Value value, double number) {
  TypedAttr splat = getSplat(value);
  if (auto real = dyn_cast_or_null<FloatAttr>(splat))
    return real.getValueAsDouble() == number;
  if (auto integer = dyn_cast_or_null<IntegerAttr>(splat)) {
    // A bool is i1, of which 1 reads as −1 when signed.
    if (integer.getType().isInteger(1))
      return integer.getValue().getZExtValue() == number;
    // Integers beyond 2^53 are equal only if no rounding made them so.
    return static_cast<double>(integer.getInt()) == number && number < 0x1p63 &&
           static_cast<int64_t>(number) == integer.getInt();
  }
  return false;
}

Value buildCount(OpBuilder &builder, Location loc, const DimExpr &count,
                 RankedTensorType type) {
  if (auto known = count.asConstant())
    return asg::buildSplat(builder, loc, type, static_cast<double>(*known));
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value value = asg::DimOp::create(builder, loc, scalar, count.str());
  return asg::buildBroadcast(builder, loc, value, type, {});
}

bool isElementwise(Operation *op) {
  return isa_and_nonnull<asg::ScalarInterface>(op);
}

Value cloneElementwise(OpBuilder &builder, Operation *op, ValueRange operands,
                       RankedTensorType type) {
  Operation *copy = op->clone(Operation::CloneOptions());
  copy->setOperands(operands);
  copy->getResult(0).setType(type);
  builder.insert(copy);
  return copy->getResult(0);
}

std::optional<ArrayRef<int64_t>> getReducedAxes(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<ArrayRef<int64_t>>>(op)
      .Case<asg::ReduceSumOp, asg::ReduceProdOp, asg::ReduceMaxOp,
            asg::ReduceMinOp>([](auto reduce) { return reduce.getAxes(); })
      .Default([](Operation *) { return std::nullopt; });
}

SmallVector<int64_t> getOtherAxes(int64_t rank, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> others;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(axes, axis))
      others.push_back(axis);
  return others;
}

std::optional<SmallVector<int64_t>> matchUnitReshape(RankedTensorType from,
                                                     RankedTensorType to) {
  SmallVector<DimExpr> source = asg::getDims(from), target = asg::getDims(to);
  const DimExpr one(1);
  SmallVector<int64_t> axes;
  size_t i = 0;
  for (size_t j = 0; j < target.size(); ++j) {
    while (i < source.size() && source[i] == one && !(target[j] == one))
      ++i; // taken out
    if (i < source.size() && source[i] == target[j]) {
      axes.push_back(static_cast<int64_t>(i++));
    } else if (target[j] == one) {
      axes.push_back(-1); // put in
    } else {
      return std::nullopt;
    }
  }
  for (; i < source.size(); ++i)
    if (!(source[i] == one))
      return std::nullopt;
  return axes;
}

} // namespace asgc
