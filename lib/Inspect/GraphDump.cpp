//===- GraphDump.cpp - A graph of the asg dialect as JSON -----------------===//
#include "DumpParts.h"

using namespace mlir;
using namespace asgc;
namespace json = llvm::json;

namespace {

/// Longer attribute texts are replaced by their size.
constexpr size_t kMaxAttributeText = 200;

std::string attributeText(Attribute attribute, bool isWhole) {
  if (auto elements = dyn_cast<ElementsAttr>(attribute))
    if (!isWhole && !elements.isSplat() && elements.getNumElements() > 16)
      return "…(" + std::to_string(elements.getNumElements()) + " elements)";
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  if (!isWhole && text.size() > kMaxAttributeText)
    return "…(" + std::to_string(text.size()) + " characters)";
  return json::fixUTF8(text);
}

class GraphDumper {
public:
  GraphDumper(DumpWriter::CategoryOf categoryOf, bool isWhole)
      : categoryOf(categoryOf), isWhole(isWhole) {}

  json::Object dump(asg::GraphOp graph) {
    json::Array inputs, outputs;
    // A growing array of JSON values copies them.
    size_t count = graph.getBody().getNumArguments();
    graph.walk([&](Operation *) { ++count; });
    nodes.reserve(count);
    for (BlockArgument argument : graph.getBody().getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      std::string name = graph.getInputName(argument.getArgNumber()).str();
      json::Object input = dumpType(type);
      input["name"] = name;
      inputs.push_back(std::move(input));
      json::Object node = makeNode(addValues({argument}), "asg.input",
                                   getProvenance(argument.getLoc()));
      node["name"] = name;
      node.getArray("outputs")->push_back(dumpType(type));
      nodes.push_back(std::move(node));
    }
    for (Operation &op : graph.getBody().front())
      dumpOp(&op, std::nullopt);
    Operation *end = graph.getBody().front().getTerminator();
    for (auto [index, value] : llvm::enumerate(end->getOperands())) {
      json::Object output = dumpType(cast<RankedTensorType>(value.getType()));
      output["name"] = graph.getOutputName(index).str();
      output["from"] = reference(value);
      outputs.push_back(std::move(output));
    }
    // An initializer list would copy them all.
    json::Object result;
    result["name"] = graph.getSymName().str();
    if (graph.isPrivate())
      result["private"] = true;
    result["dims"] = dumpDims(graph.getDims());
    result["inputs"] = std::move(inputs);
    result["outputs"] = std::move(outputs);
    result["nodes"] = std::move(nodes);
    if (isWhole)
      result["loc"] = dumpLines(getProvenance(graph.getLoc()));
    return result;
  }

private:
  /// The fields that every node has.
  json::Object makeNode(int64_t id, StringRef op,
                        const Provenance &provenance) {
    json::Object node{{"id", id},
                      {"op", op.str()},
                      {"path", json::fixUTF8(provenance.path)},
                      {"category", categoryOf ? categoryOf(op) : ""}};
    node["inputs"] = json::Array();
    node["outputs"] = json::Array();
    node["loc"] = dumpLines(provenance);
    return node;
  }

  int64_t addValues(ValueRange values) {
    for (auto [index, value] : llvm::enumerate(values))
      idOf[value] = {nextId, static_cast<int64_t>(index)};
    return nextId++;
  }

  json::Value reference(Value value) {
    auto it = idOf.find(value);
    if (it == idOf.end())
      return nullptr;
    return json::Object{{"node", it->second.first}, {"out", it->second.second}};
  }

  void dumpOp(Operation *op, std::optional<int64_t> parent) {
    if (isa<asg::ReturnOp>(op))
      return;
    int64_t id = addValues(op->getResults());
    json::Object node =
        makeNode(id, op->getName().getStringRef(), getProvenance(op->getLoc()));
    node.getArray("inputs")->reserve(op->getNumOperands());
    node.getArray("outputs")->reserve(op->getNumResults());
    for (Value operand : op->getOperands())
      node.getArray("inputs")->push_back(reference(operand));
    for (Value result : op->getResults())
      if (auto type = dyn_cast<RankedTensorType>(result.getType()))
        node.getArray("outputs")->push_back(dumpType(type));
    if (parent)
      node["parent"] = *parent;
    json::Object attributes;
    for (NamedAttribute attribute : op->getAttrs())
      attributes[attribute.getName().strref()] =
          attributeText(attribute.getValue(), isWhole);
    if (!attributes.empty())
      node["attrs"] = std::move(attributes);
    if (auto fusion = dyn_cast<asg::FusionOp>(op))
      node["kind"] = fusion.getKind().str();
    if (auto layer = dyn_cast<asg::LayerOp>(op)) {
      node["path"] = layer.getPath().str();
      node["block"] = layer.getBlock().str();
    }
    if (auto read = dyn_cast<asg::ReadOp>(op))
      node["variable"] = read.getVariable().str();
    if (auto assign = dyn_cast<asg::AssignOp>(op))
      node["variable"] = assign.getVariable().str();
    nodes.push_back(std::move(node));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Operation &inner : block)
          dumpOp(&inner, id);
  }

  DumpWriter::CategoryOf categoryOf;
  bool isWhole;
  json::Array nodes;
  int64_t nextId = 0;
  llvm::DenseMap<Value, std::pair<int64_t, int64_t>> idOf;
};

} // namespace

json::Object asgc::dumpGraph(asg::GraphOp graph,
                             DumpWriter::CategoryOf categoryOf, bool isWhole) {
  return GraphDumper(categoryOf, isWhole).dump(graph);
}
