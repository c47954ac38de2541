//===- Backward.cpp - Cotangents through a block, for tests ---------------===//
#include "test/ops/Backward.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace asgc::test {

SmallVector<Value> buildBackward(Value loss, ArrayRef<Value> wrt,
                                 Operation *before) {
  Block *block = loss.getParentBlock();
  if (!before && block->mightHaveTerminator())
    before = block->getTerminator();
  OpBuilder builder =
      before ? OpBuilder(before) : OpBuilder::atBlockEnd(block);
  DenseMap<Value, Value> cotangents;
  cotangents[loss] = asg::buildSplat(
      builder, loss.getLoc(), cast<RankedTensorType>(loss.getType()), 1);
  SmallVector<Operation *> ops;
  for (Operation &op : *block)
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops)) {
    SmallVector<Value> results;
    for (Value result : op->getResults())
      results.push_back(cotangents.lookup(result));
    auto rule = dyn_cast<asg::GradientInterface>(op);
    if (!rule || llvm::none_of(results, [](Value v) { return v; }))
      continue;
    for (auto [operand, cotangent] :
         llvm::zip_equal(op->getOperands(), rule.buildGradient(builder, results))) {
      if (!cotangent)
        continue;
      Value &sum = cotangents[operand];
      sum = sum ? asg::AddOp::create(builder, op->getLoc(), sum, cotangent)
                : cotangent;
    }
  }
  SmallVector<Value> gradients;
  for (Value value : wrt)
    gradients.push_back(cotangents.lookup(value));
  return gradients;
}

namespace {
void inlineLayers(asg::GraphOp graph) {
  for (auto layer : llvm::to_vector(graph.getOps<asg::LayerOp>())) {
    Operation *yield = layer.getBody().front().getTerminator();
    for (Operation &op :
         llvm::make_early_inc_range(layer.getBody().front().without_terminator()))
      op.moveBefore(layer);
    layer->replaceAllUsesWith(yield->getOperands());
    layer->erase();
  }
}
} // namespace

void expandGradients(asg::GraphOp graph) {
  inlineLayers(graph);
  SmallVector<asg::GradientOp> ops(graph.getBody().getOps<asg::GradientOp>());
  for (asg::GradientOp op : ops) {
    SmallVector<Value> gradients =
        buildBackward(op.getLoss(), llvm::to_vector(op.getWrt()), op);
    OpBuilder builder(op);
    for (auto [result, gradient] : llvm::zip_equal(op.getResults(), gradients)) {
      // A loss that does not depend on the value.
      if (!gradient)
        gradient = asg::buildSplat(builder, op.getLoc(),
                                   cast<RankedTensorType>(result.getType()), 0);
      result.replaceAllUsesWith(gradient);
    }
    op.erase();
  }
}

Value buildWeightedSum(asg::GraphOp graph) {
  Block &block = graph.getBody().front();
  Operation *end = block.getTerminator();
  OpBuilder builder(end);
  Value sum;
  for (Value output : llvm::to_vector(end->getOperands())) {
    auto type = cast<RankedTensorType>(output.getType());
    if (!asg::hasFloatElements(type))
      continue;
    Location loc = end->getLoc();
    Value weight = block.addArgument(type, loc);
    Value product = asg::MulOp::create(builder, loc, output, weight);
    auto axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    Value term = asg::ReduceSumOp::create(builder, loc, product, axes);
    sum = sum ? Value(asg::AddOp::create(builder, loc, sum, term)) : term;
  }
  return sum;
}

void setOutputs(asg::GraphOp graph, ArrayRef<Value> values) {
  Block &block = graph.getBody().front();
  block.getTerminator()->setOperands(values);
  OpBuilder builder(graph.getContext());
  auto names = [&](unsigned count, StringRef prefix) {
    SmallVector<Attribute> attributes;
    for (unsigned i = 0; i < count; ++i)
      attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
          "asg.name", builder.getStringAttr(prefix + Twine(i)))));
    return builder.getArrayAttr(attributes);
  };
  graph.setFunctionType(FunctionType::get(
      graph.getContext(), block.getArgumentTypes(),
      block.getTerminator()->getOperandTypes()));
  graph.setArgAttrsAttr(names(block.getNumArguments(), "in"));
  graph.setResAttrsAttr(names(values.size(), "out"));
}

} // namespace asgc::test
