//===- MixedPrecision.cpp - Products in a narrower type -------------------===//
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"

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
             asg::Conv2dWeightGradOp>(op) &&
         llvm::all_of(op->getOperandTypes(), isF32) &&
         llvm::all_of(op->getResultTypes(), isF32);
}

Value castTo(OpBuilder &builder, Location loc, Value value, Type element) {
  auto type = cast<RankedTensorType>(value.getType());
  return asg::CastOp::create(builder, loc, type.clone(element), value);
}

/// op(a, b) -> cast(op(cast(a), cast(b)))
void narrow(Operation *op, Type element) {
  OpBuilder builder(op);
  for (OpOperand &operand : op->getOpOperands())
    operand.set(castTo(builder, op->getLoc(), operand.get(), element));
  builder.setInsertionPointAfter(op);
  for (Value result : op->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    result.setType(type.clone(element));
    Value wide =
        castTo(builder, op->getLoc(), result, type.getElementType());
    result.replaceAllUsesExcept(wide, wide.getDefiningOp());
  }
}

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
      narrowed += products.size();
    }
  }
};

} // namespace
} // namespace asgc
