//===- ExportControl.cpp - Loops and branches as ONNX ---------------------===//
#include "lib/Interop/Onnx/GraphExporter.h"

#include <fmt/format.h>

using namespace mlir;

namespace asgc::interop {

static asg::GraphOp bodyOf(Operation *op, FlatSymbolRefAttr name) {
  return SymbolTable::lookupNearestSymbolFrom<asg::GraphOp>(op, name);
}

static void setGraph(onnx::NodeProto &node, const char *name,
                     onnx::GraphProto graph) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  *attribute.mutable_g() = std::move(graph);
}

/// The graph `body` as one inside another; `fill` writes its inputs and says
/// what its arguments are called.
onnx::GraphProto GraphExporter::writeBody(
    asg::GraphOp body, const std::string &name,
    llvm::function_ref<std::vector<std::string>(onnx::GraphProto &)> fill) {
  onnx::GraphProto graph;
  graph.set_name(fresh(name));
  // A graph that is called twice is written twice, and what it calls again.
  constexpr size_t kMaxNames = 1'000'000;
  if (names.size() > kMaxNames) {
    ++refused["graphs that call each other so often"];
    return graph;
  }
  onnx::GraphProto *outer = std::exchange(out, &graph);
  std::string outerScope = scope;
  std::vector<std::string> arguments = fill(graph);
  for (auto [argument, given] : llvm::zip_equal(body.getArguments(), arguments))
    set(argument, given);
  writeOps(body.getBody().front());
  scope = outerScope;
  for (Value value : body.getBody().front().getTerminator()->getOperands())
    addResult(node("Identity", {full(value)}), value.getType());
  out = outer;
  return graph;
}

/// Makes `name` an output of the graph at hand.
void GraphExporter::addResult(const std::string &name, Type type) {
  describe(*out->add_output(), name, type);
}

/// How often a Loop runs at most: what it collects has no more places.
static std::string countOf(GraphExporter &e, asg::LoopOp loop) {
  std::string count = loop.getCount() ? e.full(loop.getCount()) : "";
  auto places = loop.getPlaces();
  if (!places)
    return count;
  std::string most = e.node("Squeeze", {e.extent(*places), e.integers({0})});
  return count.empty() ? most : e.node("Min", {count, most});
}

/// What a Loop has collected in as many steps as it took, and zeros behind it.
static std::string fill(GraphExporter &e, asg::LoopOp loop, Value value,
                        const std::string &steps) {
  if (!loop.getCount() && !loop.getCondition())
    return steps; // as many as there are places
  Extents dims = Emitter::dims(value);
  onnx::NodeProto &joined =
      e.add("Concat", {steps, e.filled(dims, 0, Emitter::elementOf(value))});
  setInteger(joined, "axis", 0);
  std::string both = joined.output(0);
  return e.node("Slice",
                {both, e.integers({0}), e.extent(dims[0]), e.integers({0})});
}

void exportLoop(GraphExporter &e, Operation *op, StringRef name) {
  auto loop = cast<asg::LoopOp>(op);
  asg::GraphOp body = bodyOf(op, loop.getBodyAttr());
  std::vector<std::string> inputs{
      countOf(e, loop), loop.getCondition() ? e.full(loop.getCondition()) : ""};
  for (Value init : loop.getInits())
    inputs.push_back(e.full(init));
  std::vector<std::string> invariants;
  for (Value value : loop.getInvariants())
    invariants.push_back(e.full(value));

  onnx::GraphProto graph =
      e.writeBody(body, "loop", [&](onnx::GraphProto &graph) {
        std::vector<std::string> arguments;
        auto addInput = [&](const char *what, Type type) {
          GraphExporter::describe(*graph.add_input(), e.fresh(what), type);
          return graph.input(graph.input_size() - 1).name();
        };
        arguments.push_back(addInput("step", body.getArgument(0).getType()));
        auto flag =
            RankedTensorType::get({}, IntegerType::get(op->getContext(), 1));
        std::string goesOn = addInput("goes_on", flag);
        for (Value init : loop.getInits())
          arguments.push_back(addInput("carried", init.getType()));
        llvm::append_range(arguments, invariants);
        // Where nothing but the count ends a loop, it goes on as it does.
        if (!loop.getCondition())
          e.addResult(e.node("Identity", {goesOn}), flag);
        return arguments;
      });
  onnx::NodeProto &node =
      e.add(name, inputs, static_cast<int>(loop.getNumResults()));
  setGraph(node, "body", std::move(graph));
  std::vector<std::string> outputs(node.output().begin(), node.output().end());
  for (auto [index, value] : llvm::enumerate(loop.getValues()))
    e.set(value, index < loop.getInits().size()
                     ? outputs[index]
                     : fill(e, loop, value, outputs[index]));
}

void exportIf(GraphExporter &e, Operation *op, StringRef name) {
  auto choice = cast<asg::IfOp>(op);
  std::string condition = e.full(choice.getCondition());
  std::vector<std::string> inputs;
  for (Value value : choice.getInputs())
    inputs.push_back(e.full(value));
  auto write = [&](FlatSymbolRefAttr body) {
    return e.writeBody(bodyOf(op, body), "branch",
                       [&](onnx::GraphProto &) { return inputs; });
  };
  onnx::GraphProto ours = write(choice.getThenBodyAttr());
  onnx::GraphProto theirs = write(choice.getElseBodyAttr());
  onnx::NodeProto &node =
      e.add(name, {condition}, static_cast<int>(choice.getNumResults()));
  setGraph(node, "then_branch", std::move(ours));
  setGraph(node, "else_branch", std::move(theirs));
  for (auto [index, value] : llvm::enumerate(choice.getValues()))
    e.set(value, node.output(int(index)));
}

} // namespace asgc::interop
