//===- Pattern.cpp - Parts of compositions --------------------------------===//
#include "lib/Frontend/Raise/Pattern.h"

#include "llvm/ADT/STLExtras.h"

#include <charconv>
#include <cmath>

using namespace mlir;

namespace asgc::raise {

/// Where each axis of `from` lies in `to`, if they differ in axes of extent 1
/// alone; -1 for those that are dropped.
static std::optional<Axes> alignAxes(ArrayRef<DimExpr> from,
                                     ArrayRef<DimExpr> to) {
  Axes axes;
  size_t at = 0;
  for (const DimExpr &dim : from) {
    while (at < to.size() && to[at] != dim && to[at] == DimExpr(1))
      ++at;
    if (at < to.size() && to[at] == dim)
      axes.push_back(int64_t(at++));
    else if (dim == DimExpr(1))
      axes.push_back(-1);
    else
      return std::nullopt;
  }
  for (; at < to.size(); ++at)
    if (to[at] != DimExpr(1))
      return std::nullopt;
  return axes;
}

Repetition lookThrough(Value value) {
  Repetition result{value, Axes(rankOf(value))};
  for (int64_t i = 0; i < int64_t(result.axes.size()); ++i)
    result.axes[i] = i;
  while (true) {
    std::optional<Axes> inner;
    Value source;
    if (auto op = result.source.getDefiningOp<asg::BroadcastOp>()) {
      source = op.getX();
      inner = Axes(op.getDims());
    } else if (auto op = result.source.getDefiningOp<asg::ReshapeOp>()) {
      source = op.getX();
      inner = alignAxes(asg::getDims(typeOf(source)),
                        asg::getDims(typeOf(op.getY())));
    }
    if (!inner)
      return result;
    for (int64_t &axis : *inner)
      axis = axis < 0 ? axis : result.axes[axis];
    result = {source, std::move(*inner)};
  }
}

std::optional<double> splatOf(Value value) {
  auto op = lookThrough(value).source.getDefiningOp<asg::ConstantOp>();
  auto elements = op ? dyn_cast<DenseElementsAttr>(op.getValue()) : nullptr;
  if (!elements || !elements.isSplat())
    return std::nullopt;
  Attribute element = elements.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(element))
    return number.getValueAsDouble();
  auto integer = cast<IntegerAttr>(element);
  return integer.getType().isInteger(1)
             ? double(integer.getValue().getBoolValue())
             : double(integer.getInt());
}

std::optional<int64_t> countedAxis(Value value) {
  if (auto iota = value.getDefiningOp<asg::IotaOp>())
    return int64_t(iota.getAxis());
  auto constant = value.getDefiningOp<asg::ConstantOp>();
  auto elements = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue())
                           : DenseIntElementsAttr();
  auto type = typeOf(value);
  if (!elements || type.getElementType().getIntOrFloatBitWidth() < 32)
    return std::nullopt;
  auto axis = llvm::find(type.getShape(), elements.getNumElements());
  if (axis == type.getShape().end())
    return std::nullopt;
  for (auto [index, number] : llvm::enumerate(elements.getValues<APInt>()))
    if (number.getSExtValue() != int64_t(index))
      return std::nullopt;
  return axis - type.getShape().begin();
}

/// Constants were rounded to the element type, and formulas of other systems
/// to their own.
static bool isNear(double a, double b) {
  return a == b || std::abs(a - b) <= 1e-5 * std::max(std::abs(a), std::abs(b));
}

bool isSplat(Value value, double number) {
  auto splat = splatOf(value);
  return splat && isNear(*splat, number);
}

std::optional<Scaled> matchScaled(Value value) {
  std::optional<Scaled> result;
  matchEither<asg::MulOp>(value, [&](Value x, Value factor) {
    if (auto number = splatOf(factor))
      result = Scaled{x, *number};
    return result.has_value();
  });
  if (auto op = value.getDefiningOp<asg::DivOp>(); op && !result)
    if (auto number = splatOf(op.getRhs()); number && *number != 0)
      result = Scaled{op.getLhs(), 1 / *number};
  return result;
}

std::optional<std::string> matchVariable(Value value) {
  auto read = value.getDefiningOp<asg::ReadOp>();
  if (!read || !value.hasOneUse())
    return std::nullopt;
  return read.getVariable().str();
}

std::optional<std::string> matchVector(Value value, int64_t axis) {
  Repetition repeated = lookThrough(value);
  if (!value.hasOneUse() || repeated.axes != Axes{axis} ||
      asg::getDim(typeOf(repeated.source), 0) !=
          asg::getDim(typeOf(value), axis))
    return std::nullopt;
  return matchVariable(repeated.source);
}

bool isMeanOf(Value value, Value x, ArrayRef<int64_t> axes) {
  Repetition repeated = lookThrough(value);
  DimExpr count(1);
  for (int64_t axis : axes)
    count = count * asg::getDim(typeOf(x), axis);
  Value sum;
  auto scaled = matchScaled(repeated.source);
  if (auto number = count.asConstant(); scaled && number && *number > 0)
    sum = isNear(scaled->factor, 1.0 / double(*number)) ? scaled->x : Value();
  else if (auto op = repeated.source.getDefiningOp<asg::DivOp>())
    if (auto extent =
            lookThrough(op.getRhs()).source.getDefiningOp<asg::DimOp>();
        extent && extent.getExtent() == count.str())
      sum = op.getLhs();
  if (!sum)
    return false;
  Repetition inner = lookThrough(sum);
  auto op = inner.source.getDefiningOp<asg::ReduceSumOp>();
  if (!op || op.getX() != x || op.getAxes() != axes)
    return false;
  Axes kept, found;
  for (int64_t axis = 0; axis < rankOf(x); ++axis)
    if (!llvm::is_contained(axes, axis))
      kept.push_back(axis);
  for (int64_t axis : inner.axes)
    found.push_back(axis < 0 ? axis : repeated.axes[axis]);
  // An axis of extent 1 lies anywhere.
  for (size_t i = 0; i < kept.size(); ++i)
    if (found[i] != kept[i] &&
        !(found[i] < 0 && asg::getDim(typeOf(x), kept[i]) == DimExpr(1)))
      return false;
  return rankOf(value) == rankOf(x);
}

std::string writeNumber(double number) {
  if (std::isnan(number))
    return "nan";
  if (std::isinf(number))
    return number < 0 ? "-inf" : "inf";
  char buffer[64];
  float single = float(number);
  auto [end, error] =
      double(single) == number
          ? std::to_chars(buffer, buffer + sizeof buffer, single)
          : std::to_chars(buffer, buffer + sizeof buffer, number);
  std::string text(buffer, end);
  // 1e-5 and 1e20, not 1e-05 and 1e+20.
  if (size_t e = text.find('e'); e != std::string::npos) {
    size_t digits = text[e + 1] == '-' ? e + 2 : e + 1;
    if (text[digits] == '+' || text[digits] == '0')
      text.erase(digits, 1);
    if (text[digits] == '0' && digits + 1 < text.size())
      text.erase(digits, 1);
  }
  return text;
}

std::string writePair(ArrayRef<int64_t> pair) {
  if (pair[0] == pair[1])
    return std::to_string(pair[0]);
  return "[" + std::to_string(pair[0]) + ", " + std::to_string(pair[1]) + "]";
}

std::string writeList(ArrayRef<int64_t> numbers) {
  std::string text;
  for (int64_t number : numbers)
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  return "[" + text + "]";
}

std::vector<std::string> axisArgument(ArrayRef<int64_t> axes, int64_t rank) {
  if (int64_t(axes.size()) == rank)
    return {};
  if (axes.size() == 1)
    return {"axis = " + std::to_string(axes[0] == rank - 1 ? -1 : axes[0])};
  return {"axis = " + writeList(axes)};
}

/// A reduction whose axes a reshape puts back, or not.
struct Reduced {
  Operation *op;
  Axes axes;
  bool isKept;
};

static std::optional<Reduced> matchReduced(Value value) {
  Value inner = value;
  if (auto reshape = value.getDefiningOp<asg::ReshapeOp>();
      reshape && reshape.getX().hasOneUse())
    inner = reshape.getX();
  Operation *op = inner.getDefiningOp();
  if (!isa_and_nonnull<asg::ReduceSumOp, asg::ReduceMaxOp, asg::ReduceMinOp,
                       asg::ReduceProdOp>(op))
    return std::nullopt;
  Reduced result{
      op, Axes(op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef()),
      inner != value};
  if (result.axes.empty())
    return std::nullopt;
  auto kept = asg::getDims(typeOf(op->getOperand(0)));
  for (int64_t axis : result.axes)
    kept[axis] = DimExpr(1);
  if (result.isKept && asg::getDims(typeOf(value)) != kept)
    return std::nullopt;
  return result;
}

/// The mean that `value`, which has its axes with extent 1, keeps.
static std::optional<Layer> matchKeptMean(Value value) {
  auto reshape = value.getDefiningOp<asg::ReshapeOp>();
  auto scaled = reshape && reshape.getX().hasOneUse()
                    ? matchScaled(reshape.getX())
                    : std::nullopt;
  auto reduced = scaled ? matchReduced(scaled->x) : std::nullopt;
  if (!reduced || reduced->isKept)
    return std::nullopt;
  auto kept = asg::getDims(typeOf(reduced->op->getOperand(0)));
  for (int64_t axis : reduced->axes)
    kept[axis] = DimExpr(1);
  if (asg::getDims(typeOf(value)) != kept)
    return std::nullopt;
  auto mean = matchReduction(reshape.getX());
  if (mean)
    mean->arguments.push_back("keep = true");
  return mean;
}

std::optional<Layer> matchReduction(Value value) {
  if (auto mean = matchKeptMean(value))
    return mean;
  std::optional<Reduced> reduced;
  std::string function = "mean";
  if (auto scaled = matchScaled(value); scaled && scaled->x.hasOneUse()) {
    reduced = matchReduced(scaled->x);
    DimExpr count(1);
    if (reduced)
      for (int64_t axis : reduced->axes)
        count = count * asg::getDim(typeOf(reduced->op->getOperand(0)), axis);
    auto number = count.asConstant();
    if (!number || !reduced || !isa<asg::ReduceSumOp>(reduced->op) ||
        !asg::hasFloatElements(value.getType()) ||
        !isNear(scaled->factor * double(*number), 1))
      return std::nullopt;
  } else if (reduced = matchReduced(value); reduced && reduced->isKept) {
    function = isa<asg::ReduceSumOp>(reduced->op)   ? "sum"
               : isa<asg::ReduceMaxOp>(reduced->op) ? "max"
               : isa<asg::ReduceMinOp>(reduced->op) ? "min"
                                                    : "prod";
  } else {
    return std::nullopt;
  }
  Value x = reduced->op->getOperand(0);
  Layer layer{function, {x}, axisArgument(reduced->axes, rankOf(x)), {}, true};
  if (reduced->isKept)
    layer.arguments.push_back("keep = true");
  return layer;
}

std::optional<Layer> matchLayer(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  // Blocks of the standard library are written for f32.
  if (type.getElementType().isF32())
    for (auto match :
         {matchAttention, matchNormalization, matchActivation, matchAffine})
      if (auto layer = match(value))
        return layer;
  return matchReduction(value);
}

} // namespace asgc::raise
