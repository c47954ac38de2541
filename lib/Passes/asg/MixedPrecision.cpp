//===- MixedPrecision.cpp - Products in a narrower type -------------------===//
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGMIXEDPRECISION
#include "asgc/Passes.h.inc"

namespace {

/// Whether the op's time is spent on products, and all of its tensors are f32.
bool canBeNarrowed(Operation *op) {
  auto isF32 = [](Type type) {
    return cast<RankedTensorType>(type).getElementType().isF32();
  };
  return isa<asg::DotOp, asg::Conv2dOp, asg::Conv2dInputGradOp,
             asg::Conv2dWeightGradOp, asg::AttentionOp, asg::AttentionGradOp>(
             op) &&
         llvm::all_of(op->getOperandTypes(), isF32) &&
         llvm::all_of(op->getResultTypes(), isF32);
}

Value castTo(OpBuilder &builder, Location loc, Value value, Type element) {
  auto type = cast<RankedTensorType>(value.getType());
  return asg::CastOp::create(builder, loc, type.clone(element), value);
}

/// cast(value), or transpose(cast(x)) where the value is transpose(x): so that
/// what is cast is a variable itself where a weight is turned around.
Value narrowed(OpBuilder &builder, Location loc, Value value, Type element) {
  auto transpose = value.getDefiningOp<asg::TransposeOp>();
  if (!transpose)
    return castTo(builder, loc, value, element);
  Value x = castTo(builder, loc, transpose.getX(), element);
  IRMapping operands;
  operands.map(transpose.getX(), x);
  Value turned = builder.clone(*transpose, operands)->getResult(0);
  turned.setType(cast<RankedTensorType>(value.getType()).clone(element));
  return turned;
}

/// Whether a value is one for each row of an attention, which stays in f32.
bool isStatistic(Operation *op, Value value) {
  if (auto attention = dyn_cast<asg::AttentionOp>(op))
    return value == attention.getLse();
  auto grad = dyn_cast<asg::AttentionGradOp>(op);
  return grad && (value == grad.getLse() || value == grad.getDelta());
}

/// op(a, b) -> cast(op(cast(a), cast(b)))
void narrow(Operation *op, Type element) {
  OpBuilder builder(op);
  for (OpOperand &operand : op->getOpOperands())
    if (!isStatistic(op, operand.get()))
      operand.set(narrowed(builder, op->getLoc(), operand.get(), element));
  builder.setInsertionPointAfter(op);
  for (Value result : op->getResults()) {
    if (isStatistic(op, result))
      continue;
    auto type = cast<RankedTensorType>(result.getType());
    result.setType(type.clone(element));
    Value wide =
        castTo(builder, op->getLoc(), result, type.getElementType());
    result.replaceAllUsesExcept(wide, wide.getDefiningOp());
  }
}

/// The type of all casts that read what `read` does; null if something else
/// does.
Type getOnlyCast(asg::ReadOp read) {
  Type element;
  for (Operation *user : read->getUsers()) {
    auto cast = dyn_cast<asg::CastOp>(user);
    Type to =
        cast ? mlir::cast<RankedTensorType>(cast.getType()).getElementType()
             : Type();
    if (!to || (element && to != element))
      return {};
    element = to;
  }
  return element;
}

/// A parameter that nothing but products of one narrow type reads has that
/// type. Whoever assigns it (init) casts.
class VariableNarrower {
public:
  explicit VariableNarrower(ModuleOp module) : module(module) {
    for (auto graph : module.getOps<asg::GraphOp>()) {
      graph->walk([&](asg::ReadOp read) {
        readsOf[read.getVariable()].push_back(read);
      });
      graph->walk([&](asg::AssignOp assign) {
        assignsOf[assign.getVariable()].push_back(assign);
      });
    }
  }

  /// The number of parameters that have changed.
  int64_t run() {
    int64_t count = 0;
    for (auto param : module.getOps<asg::ParamOp>()) {
      Type element = chooseType(param);
      if (!element)
        continue;
      narrow(param, element);
      ++count;
    }
    return count;
  }

private:
  Type chooseType(asg::ParamOp param) {
    auto type = cast<RankedTensorType>(param.getType());
    Type element;
    for (asg::ReadOp read : readsOf[param.getSymName()]) {
      auto precision =
          read->getParentOfType<asg::GraphOp>()->getAttrOfType<TypeAttr>(
              "asg.precision");
      Type wanted = read->use_empty() ? element : getOnlyCast(read);
      if (!precision || !wanted || wanted != precision.getValue() ||
          (element && wanted != element))
        return {};
      element = wanted;
    }
    return type.getElementType().isF32() ? element : Type();
  }

  void narrow(asg::ParamOp param, Type element) {
    auto type = cast<RankedTensorType>(param.getType()).clone(element);
    param.setType(type);
    for (asg::ReadOp read : readsOf[param.getSymName()]) {
      read.getResult().setType(type);
      for (Operation *user : llvm::make_early_inc_range(read->getUsers())) {
        user->getResult(0).replaceAllUsesWith(read);
        user->erase();
      }
    }
    for (asg::AssignOp assign : assignsOf[param.getSymName()]) {
      OpBuilder builder(assign);
      assign.getValueMutable().assign(
          castTo(builder, assign.getLoc(), assign.getValue(), element));
    }
  }

  ModuleOp module;
  llvm::StringMap<SmallVector<asg::ReadOp>> readsOf;
  llvm::StringMap<SmallVector<asg::AssignOp>> assignsOf;
};

struct MixedPrecisionPass final
    : impl::AsgMixedPrecisionBase<MixedPrecisionPass> {
  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>()) {
      auto element = graph->getAttrOfType<TypeAttr>("asg.precision");
      if (!element)
        continue;
      if (!isa<FloatType>(element.getValue())) {
        graph.emitOpError("asg.precision is ")
            << element.getValue() << ", which is no type of floats";
        return signalPassFailure();
      }
      SmallVector<Operation *> products;
      graph->walk([&](Operation *op) {
        if (canBeNarrowed(op))
          products.push_back(op);
      });
      for (Operation *op : products)
        narrow(op, element.getValue());
      numNarrowed += products.size();
    }
    numVariables += VariableNarrower(getOperation()).run();
  }
};

} // namespace
} // namespace asgc
