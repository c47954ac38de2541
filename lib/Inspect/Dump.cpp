//===- Dump.cpp - The document asgc-dump/1 --------------------------------===//
#include "DumpParts.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace asgc;
namespace json = llvm::json;

static json::Object dumpVariable(Operation *op, StringRef role, Type type,
                                 std::optional<StringRef> doc) {
  json::Object variable = dumpType(cast<RankedTensorType>(type));
  variable["name"] = SymbolTable::getSymbolName(op).str();
  variable["role"] = role;
  variable["loc"] = dumpLines(getProvenance(op->getLoc()));
  if (doc)
    variable["doc"] = json::fixUTF8(*doc);
  return variable;
}

/// The layers of a module: instance paths and the blocks they are made from.
static json::Array dumpLayers(ModuleOp module) {
  json::Array layers;
  llvm::StringSet<> seen;
  module.walk<WalkOrder::PreOrder>([&](asg::LayerOp layer) {
    if (!seen.insert(layer.getPath()).second)
      return;
    Provenance provenance = getProvenance(layer.getLoc());
    layers.push_back(json::Object{{"path", layer.getPath().str()},
                                  {"block", layer.getBlock().str()},
                                  {"loc", dumpLines(provenance)}});
  });
  return layers;
}

void DumpWriter::addStage(StringRef pass, ModuleOp module) {
  if (stages.empty()) {
    name = module.getName().value_or("").str();
    for (Operation &op : *module.getBody()) {
      if (auto param = dyn_cast<asg::ParamOp>(op))
        variables.push_back(
            dumpVariable(&op, "param", param.getType(), param.getDoc()));
      else if (auto state = dyn_cast<asg::StateOp>(op))
        variables.push_back(dumpVariable(&op, state.getRole(), state.getType(),
                                         state.getDoc()));
      else
        continue;
      if (auto init = op.getAttrOfType<StringAttr>("init"); init && isWhole)
        (*variables.back().getAsObject())["init"] = json::fixUTF8(init.str());
    }
    if (auto text = module->getAttrOfType<StringAttr>("asg.recipe");
        text && isWhole)
      recipe = json::fixUTF8(text.str());
  }
  if (layers.empty())
    layers = dumpLayers(module);
  json::Array graphs, programs;
  size_t count = module.getBody()->getOperations().size();
  graphs.reserve(count);
  programs.reserve(count);
  for (Operation &op : *module.getBody()) {
    if (auto graph = dyn_cast<asg::GraphOp>(op))
      graphs.push_back(dumpGraph(graph, categoryOf, isWhole));
    else if (auto program = dyn_cast<plan::ProgramOp>(op))
      programs.push_back(dumpProgram(program));
  }
  json::Object stage{{"pass", pass.str()},
                     {"level", programs.empty() ? "asg" : "plan"}};
  if (!graphs.empty())
    stage["graphs"] = std::move(graphs);
  if (!programs.empty())
    stage["programs"] = std::move(programs);
  stages.push_back(std::move(stage));
}

std::string DumpWriter::str(unsigned indent) const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream, indent);
  out.object([&] {
    out.attribute("format", "asgc-dump/1");
    out.attribute("name", name);
    if (!recipe.empty())
      out.attribute("recipe", recipe);
    out.attributeArray("layers", [&] {
      for (const json::Value &layer : layers)
        out.value(layer);
    });
    out.attributeArray("variables", [&] {
      for (const json::Value &variable : variables)
        out.value(variable);
    });
    out.attributeArray("stages", [&] {
      for (const json::Value &stage : stages)
        out.value(stage);
    });
  });
  return text;
}

std::string asgc::writeModelJson(ModuleOp module,
                                 DumpWriter::CategoryOf categoryOf) {
  DumpWriter writer(categoryOf, /*isWhole=*/true);
  writer.addStage("elaborate", module);
  return writer.str(1);
}
