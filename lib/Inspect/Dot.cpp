//===- Dot.cpp - Graphs and programs for Graphviz -------------------------===//
#include "DumpParts.h"

using namespace mlir;
using namespace asgc;

namespace {

std::string quote(StringRef text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result + "\"";
}

class DotWriter {
public:
  explicit DotWriter(llvm::raw_ostream &os) : os(os) {}

  void write(asg::GraphOp graph) {
    prefix = graph.getSymName().str();
    begin(prefix);
    for (BlockArgument argument : graph.getBody().getArguments())
      node({argument},
           graph.getInputName(argument.getArgNumber()).str() + "\n" +
               asg::describe(argument.getType()),
           "ellipse", argument.getLoc());
    for (Operation &op : graph.getBody().front())
      writeOp(&op);
    Operation *end = graph.getBody().front().getTerminator();
    for (auto [index, value] : llvm::enumerate(end->getOperands())) {
      int64_t id =
          node({}, graph.getOutputName(index).str(), "ellipse", end->getLoc());
      edge(value, id);
    }
    os << "  }\n" << edges;
    edges.clear();
  }

  void write(plan::ProgramOp program) {
    prefix = program.getSymName().str();
    begin(prefix);
    // The node that last wrote a buffer; aliases follow their source.
    llvm::DenseMap<Value, int64_t> writer;
    llvm::DenseMap<Value, Value> root;
    auto rootOf = [&](Value value) {
      auto it = root.find(value);
      return it == root.end() ? value : it->second;
    };
    auto nameBuffer = [&](Value value, StringRef name) {
      writer[value] =
          node({},
               name.str() + "\n" +
                   asg::describe(
                       cast<plan::BufferType>(value.getType()).getTensor()),
               "ellipse", value.getLoc());
    };
    for (auto [value, name] :
         llvm::zip(program.getInputs(), program.getInputNames()))
      nameBuffer(value, cast<StringAttr>(name).getValue());
    for (Operation &op : program.getBody().front()) {
      if (auto variable = dyn_cast<plan::VariableOp>(op))
        nameBuffer(variable.getBuffer(), variable.getVariable());
      else if (auto alias = dyn_cast<plan::AliasOp>(op))
        root[alias.getBuffer()] = rootOf(alias.getSource());
      else if (auto step = dyn_cast<plan::StepInterface>(op)) {
        int64_t id = node({},
                          step.getStepName().str() + "\n" +
                              op.getName().getStringRef().str(),
                          "box", op.getLoc());
        for (Value read : step.getReadBuffers())
          if (auto it = writer.find(rootOf(read)); it != writer.end())
            edge(it->second, id);
        for (Value written : step.getWrittenBuffers())
          writer[rootOf(written)] = id;
      }
    }
    for (auto [value, name] :
         llvm::zip(program.getOutputs(), program.getOutputNames()))
      if (auto it = writer.find(value); it != writer.end()) {
        int64_t id = node({}, cast<StringAttr>(name).getValue(), "ellipse",
                          value.getLoc());
        edge(it->second, id);
      }
    os << "  }\n" << edges;
    edges.clear();
  }

private:
  void begin(StringRef title) {
    os << "  subgraph " << quote("cluster_" + title.str())
       << " {\n    label=" << quote(title) << ";\n";
  }

  int64_t node(ValueRange values, StringRef label, StringRef shape,
               Location loc) {
    int64_t id = nextId++;
    for (Value value : values)
      idOf[value] = id;
    os << "    n" << id << " [label=" << quote(label) << ", shape=" << shape;
    Provenance provenance = getProvenance(loc);
    if (!provenance.lines.empty()) {
      const Provenance::Line &line = provenance.lines.front();
      os << ", tooltip=" << quote(line.file + ":" + std::to_string(line.line));
    }
    os << "];\n";
    return id;
  }

  void edge(int64_t from, int64_t to) {
    edges +=
        "  n" + std::to_string(from) + " -> n" + std::to_string(to) + ";\n";
  }
  void edge(Value from, int64_t to) {
    if (auto it = idOf.find(from); it != idOf.end())
      edge(it->second, to);
  }

  void writeOp(Operation *op) {
    if (isa<asg::ReturnOp>(op))
      return;
    if (op->getNumRegions()) {
      std::string title = op->getName().getStringRef().str();
      if (auto layer = dyn_cast<asg::LayerOp>(op))
        title = (layer.getPath() + ": " + layer.getBlock()).str();
      else if (auto fusion = dyn_cast<asg::FusionOp>(op))
        title = fusion.getKind().str();
      os << "    subgraph "
         << quote("cluster_" + prefix + std::to_string(nextId++))
         << " {\n    label=" << quote(title) << ";\n";
      Operation *end = nullptr;
      for (Operation &inner : op->getRegion(0).front()) {
        if (isa<asg::YieldOp>(inner))
          end = &inner;
        else
          writeOp(&inner);
      }
      os << "    }\n";
      if (end)
        for (auto [result, value] :
             llvm::zip(op->getResults(), end->getOperands()))
          if (auto it = idOf.find(value); it != idOf.end())
            idOf[result] = it->second;
      return;
    }
    std::string label = op->getName().getStringRef().str();
    if (auto read = dyn_cast<asg::ReadOp>(op))
      label = read.getVariable().str();
    if (auto assign = dyn_cast<asg::AssignOp>(op))
      label = assign.getVariable().str() + " ←";
    if (op->getNumResults())
      label += "\n" + asg::describe(op->getResult(0).getType());
    int64_t id = node(op->getResults(), label, "box", op->getLoc());
    for (Value operand : op->getOperands())
      edge(operand, id);
  }

  llvm::raw_ostream &os;
  std::string prefix, edges;
  int64_t nextId = 0;
  llvm::DenseMap<Value, int64_t> idOf;
};

} // namespace

std::string asgc::writeDot(ModuleOp module, StringRef entry) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "digraph " << quote(module.getName().value_or("model"))
     << " {\n  rankdir=TB;\n  node [fontsize=10];\n";
  DotWriter writer(os);
  for (Operation &op : *module.getBody()) {
    auto symbol = op.getAttrOfType<StringAttr>("sym_name");
    if (!entry.empty() && (!symbol || symbol.getValue() != entry))
      continue;
    if (auto graph = dyn_cast<asg::GraphOp>(op))
      writer.write(graph);
    else if (auto program = dyn_cast<plan::ProgramOp>(op))
      writer.write(program);
  }
  os << "}\n";
  return text;
}
