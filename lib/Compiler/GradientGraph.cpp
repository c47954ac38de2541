//===- GradientGraph.cpp - The entry that `asgc grad` runs ----------------===//
#include "State.h"

#include "dialects/asg/Asg.h"

using namespace mlir;

namespace asgc {

namespace {

/// Appends an input called `name` to `graph`.
Value addInput(asg::GraphOp graph, const std::string &name, Type type,
               Location loc) {
  Builder builder(graph.getContext());
  auto attributes = builder.getDictionaryAttr(
      builder.getNamedAttr("asg.name", builder.getStringAttr(name)));
  unsigned index = graph.getNumArguments();
  (void)graph.insertArgument(index, type, attributes, loc);
  return graph.getBody().getArgument(index);
}

/// Σ outputs · cotangents, a scalar; the cotangents become inputs.
Value buildLoss(OpBuilder &builder, asg::GraphOp graph, ValueRange outputs) {
  Value loss;
  for (auto [index, output] : llvm::enumerate(outputs)) {
    if (!asg::hasFloatElements(output.getType()))
      continue;
    Location loc = output.getLoc();
    std::string name =
        "cotangent_" + graph.getOutputName(unsigned(index)).str();
    Value cotangent = addInput(graph, name, output.getType(), loc);
    Value term = asg::MulOp::create(builder, loc, output, cotangent);
    auto type = cast<RankedTensorType>(term.getType());
    auto f32 = builder.getF32Type();
    if (type.getElementTypeBitWidth() < 32)
      term = asg::CastOp::create(builder, loc, asg::withElementType(type, f32),
                                 term);
    SmallVector<int64_t> axes =
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    term = asg::ReduceSumOp::create(builder, loc, term, axes);
    loss = loss ? asg::AddOp::create(builder, loc, loss, term).getResult()
                : term;
  }
  return loss;
}

} // namespace

MaybeFault addGradientGraph(ModuleOp module) {
  auto infer = module.lookupSymbol<asg::GraphOp>("infer");
  if (!infer)
    return Fault{FaultKind::Input, "the model has no graph 'infer'"};
  OpBuilder builder(infer);
  builder.setInsertionPointAfter(infer);
  auto graph = cast<asg::GraphOp>(builder.clone(*infer));
  graph.setSymName("grad");

  auto terminator = cast<asg::ReturnOp>(graph.getBody().front().getTerminator());
  unsigned numInputs = graph.getNumArguments();
  SmallVector<Value> wrt;
  SmallVector<std::string> names;
  for (unsigned i = 0; i < numInputs; ++i) {
    BlockArgument input = graph.getBody().getArgument(i);
    if (asg::hasFloatElements(input.getType())) {
      wrt.push_back(input);
      names.push_back(graph.getInputName(i).str());
    }
  }
  builder.setInsertionPointToStart(&graph.getBody().front());
  for (auto param : module.getOps<asg::ParamOp>())
    if (asg::hasFloatElements(param.getType())) {
      wrt.push_back(asg::ReadOp::create(builder, param.getLoc(),
                                        param.getType(), param.getSymName()));
      names.push_back(param.getSymName().str());
    }
  builder.setInsertionPoint(terminator);
  Value loss = buildLoss(builder, graph, terminator.getValues());
  if (!loss || wrt.empty())
    return Fault{FaultKind::Input,
                 "there is nothing to differentiate: the model has no floating "
                 "output, or neither a floating input nor a parameter"};

  SmallVector<Type> types = llvm::to_vector(ValueRange(wrt).getTypes());
  auto gradient = asg::GradientOp::create(builder, graph.getLoc(), types, loss,
                                          wrt, /*allowUnused=*/true);
  // The graph's results become the gradients.
  terminator.getValuesMutable().assign(gradient.getGradients());
  graph.setFunctionType(FunctionType::get(
      graph.getContext(), graph.getFunctionType().getInputs(), types));
  SmallVector<DictionaryAttr> attributes;
  for (const std::string &name : names)
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        "asg.name", builder.getStringAttr("grad_" + name))));
  graph.setAllResultAttrs(attributes);
  // Running statistics belong to the run itself, not to its gradient.
  for (auto assign : llvm::make_early_inc_range(graph.getOps<asg::AssignOp>()))
    assign.erase();
  return std::nullopt;
}

} // namespace asgc
