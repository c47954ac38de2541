//===- KernelBody.cpp - From tensor ops to a scalar program ---------------===//
#include "KernelBody.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// Values at indices other than their place in the space are found by
/// recursion; a chain longer than this is split over kernels instead.
constexpr int kMaxDepth = 200;

/// The only value of a constant, in the type that bodies compute with; null if
/// it has several.
TypedAttr getOnlyValue(asg::ConstantOp op) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements || !elements.isSplat())
    return {};
  auto value = dyn_cast<TypedAttr>(elements.getSplatValue<Attribute>());
  auto number = dyn_cast_or_null<FloatAttr>(value);
  if (!number)
    return value;
  Type bodyType = plan::getBodyType(number.getType());
  return FloatAttr::get(bodyType, number.getValueAsDouble());
}
} // namespace

KernelBody::KernelBody(const KernelSpace &space, FindView findView,
                       Block *block, MLIRContext *context)
    : space(space), builder(context), findView(std::move(findView)),
      loc(UnknownLoc::get(context)) {
  builder.setInsertionPointToEnd(block);
}

//===- Pieces -------------------------------------------------------------===//

Value KernelBody::getConstant(int64_t value) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getI64IntegerAttr(value));
}

Value KernelBody::getConstant(Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(builder, loc,
                                     builder.getFloatAttr(type, value));
  return arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value KernelBody::getExtent(const DimExpr &extent) {
  if (auto constant = extent.asConstant())
    return getConstant(*constant);
  return plan::ExtentOp::create(builder, loc, builder.getI64Type(),
                                extent.str());
}

Value KernelBody::materialize(const Form &form) {
  if (form.isUniform())
    return getExtent(form.offset);
  for (const Placeholder &placeholder : placeholders)
    if (placeholder.form == form)
      return placeholder.op->getResult(0);
  Value value = getConstant(int64_t(0));
  placeholders.push_back({value.getDefiningOp(), form});
  return value;
}

Value KernelBody::convertIndex(Value index, Type elementType) {
  Type type = plan::getBodyType(elementType);
  if (isa<FloatType>(type))
    return arith::SIToFPOp::create(builder, loc, type, index);
  if (type == index.getType())
    return index;
  return arith::TruncIOp::create(builder, loc, type, index);
}

Value KernelBody::andGuards(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  return arith::AndIOp::create(builder, loc, a, b);
}

BlockArgument KernelBody::getArgument(Value buffer, std::optional<Form> access,
                                      Type type) {
  for (const Read &read : reads)
    if (read.buffer == buffer && read.access == access)
      return read.argument;
  BlockArgument argument = builder.getBlock()->addArgument(type, loc);
  reads.push_back({buffer, std::move(access), argument});
  return argument;
}

Value KernelBody::load(const View &view, Type elementType, const Index &index,
                       Value guard) {
  Type type = plan::getBodyType(elementType);
  Form form = dot(index, view.strides, view.offset, space.getRank());
  if (form.terms.empty() && !guard)
    return getArgument(view.buffer, form, type);
  Value buffer = getArgument(view.buffer, std::nullopt, view.buffer.getType());
  Value otherwise = guard ? getConstant(type, 0) : Value();
  return plan::LoadOp::create(builder, loc, type, buffer, materialize(form),
                              guard, otherwise);
}

//===- Evaluation ---------------------------------------------------------===//

FailureOr<Value> KernelBody::evaluate(Value value, const Index &index,
                                      Value guard) {
  for (const Known &entry : known[value])
    if (entry.index == index && entry.guard == guard)
      return entry.result;
  Operation *op = value.getDefiningOp();
  auto constant = dyn_cast_or_null<asg::ConstantOp>(op);
  TypedAttr number = constant ? getOnlyValue(constant) : TypedAttr();
  Location outer = loc;
  llvm::scope_exit restore([&] { loc = outer; });
  loc = value.getLoc();
  FailureOr<Value> result;
  if (number) {
    result = arith::ConstantOp::create(builder, loc, number).getResult();
  } else if (std::optional<View> view = findView(value)) {
    result = load(*view, getType(value).getElementType(), index, guard);
  } else if (op && depth < kMaxDepth) {
    ++depth;
    result = compute(op, index, guard);
    --depth;
  }
  if (succeeded(result))
    known[value].push_back({index, guard, *result});
  return result;
}

FailureOr<Value> KernelBody::compute(Operation *op, const Index &index,
                                     Value guard) {
  using Result = FailureOr<Value>;
  if (isa<asg::ScalarInterface>(op))
    return computeScalarOp(op, index, guard);
  if (getReducedAxes(op))
    return computeReduce(op, index, guard);
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](asg::IotaOp iota) -> Result {
        return convertIndex(materialize(index[iota.getAxis()]),
                            getType(iota).getElementType());
      })
      .Case([&](asg::DimOp dim) -> Result {
        auto extent = DimExpr::parse(dim.getExtent());
        if (!extent)
          return failure();
        return convertIndex(getExtent(*extent), getType(dim).getElementType());
      })
      .Case<asg::TransposeOp, asg::BroadcastOp, asg::SliceOp>(
          [&](auto view) -> Result {
            return evaluate(view.getX(),
                            *getOperandIndex(view, index, space.getRank(),
                                             space.getExtents()),
                            guard);
          })
      .Case([&](asg::ReshapeOp reshape) -> Result {
        return computeReshape(reshape, index, guard);
      })
      .Case([&](asg::PadOp pad) -> Result {
        return computePad(pad, index, guard);
      })
      .Case([&](asg::ConcatOp concat) -> Result {
        return computeConcat(concat, index, guard);
      })
      .Case([&](asg::GatherOp gather) -> Result {
        return computeGather(gather, index, guard);
      })
      .Case<asg::RandomUniformOp, asg::RandomNormalOp>(
          [&](auto random) -> Result {
            return computeRandom(random, random.getSeed(), random.getStep(),
                                 random.getStream(), index, guard);
          })
      .Default([](Operation *) -> Result { return failure(); });
}

FailureOr<Value> KernelBody::computeScalarOp(Operation *op, const Index &index,
                                             Value guard) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> value = evaluate(operand, index, guard);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  Type type = plan::getBodyType(getType(op->getResult(0)).getElementType());
  Value result =
      cast<asg::ScalarInterface>(op).buildScalar(builder, loc, operands, type);
  if (!result || result.getType() != type)
    return failure();
  return result;
}

} // namespace asgc::planner
