//===- Graph.cpp - Entry points and the variables of the module -----------===//
#include "Elaborator.h"

using namespace mlir;

namespace asgc {

void Elaborator::beginGraph(Graph &next) {
  graph = &next;
  graph->block = new Block;
  builder.setInsertionPointToEnd(graph->block);
}

Value Elaborator::addInput(const std::string &name, RankedTensorType type,
                           Span span) {
  Value value = graph->block->addArgument(type, locate(span, name));
  graph->inputs.push_back({name, value, span});
  return value;
}

void Elaborator::endGraph(
    ModuleOp module, Span span,
    const std::vector<std::pair<std::string, Value>> &outputs) {
  Location loc = locate(span, graph->name);
  SmallVector<Value> values;
  SmallVector<Type> types;
  SmallVector<Attribute> inputAttrs, outputAttrs;
  auto named = [&](const std::string &name) {
    return builder.getDictionaryAttr(
        {builder.getNamedAttr("asg.name", builder.getStringAttr(name))});
  };
  for (const auto &[name, value] : outputs) {
    values.push_back(value);
    types.push_back(value.getType());
    outputAttrs.push_back(named(name));
  }
  for (const GraphInput &input : graph->inputs)
    inputAttrs.push_back(named(input.name));
  asg::ReturnOp::create(builder, loc, values);
  SmallVector<NamedAttribute> dims;
  if (graph->name != "init")
    for (const auto &[name, bound] : bounds)
      dims.push_back(
          builder.getNamedAttr(name, builder.getI64IntegerAttr(bound)));
  builder.setInsertionPointToEnd(module.getBody());
  auto op = asg::GraphOp::create(
      builder, loc, graph->name,
      builder.getFunctionType(graph->block->getArgumentTypes(), types),
      builder.getDictionaryAttr(dims),
      inputAttrs.empty() ? ArrayAttr() : builder.getArrayAttr(inputAttrs),
      outputAttrs.empty() ? ArrayAttr() : builder.getArrayAttr(outputAttrs));
  op.getBody().push_back(std::exchange(graph->block, nullptr));
  graph = nullptr;
}

Value Elaborator::seed() {
  auto type = RankedTensorType::get({}, builder.getI64Type());
  Variable variable;
  variable.role = Variable::Role::Seed;
  variable.name = "seed";
  variable.type = type;
  variable.doc = "what all random draws depend on";
  variable.span = rootSpan;
  declare(std::move(variable));
  return read("seed");
}

Value Elaborator::step() {
  if (graph->step)
    return graph->step;
  auto type = RankedTensorType::get({}, builder.getI64Type());
  Variable variable;
  variable.role = Variable::Role::Step;
  variable.name = "step";
  variable.type = type;
  variable.doc = "optimizer steps done";
  variable.span = rootSpan;
  declare(std::move(variable));
  return graph->step = read("step");
}

Term Elaborator::totalSteps(Span span) {
  if (knownSteps)
    return Term(*knownSteps);
  for (const GraphInput &input : graph->inputs)
    if (input.name == "total_steps")
      return Term(input.value);
  return Term(addInput("total_steps",
                       RankedTensorType::get({}, builder.getI64Type()), span));
}

void Elaborator::writeVariables(ModuleOp module) {
  static constexpr std::pair<Variable::Role, const char *> kRoles[] = {
      {Variable::Role::Param, ""},
      {Variable::Role::State, "state"},
      {Variable::Role::Optimizer, "optimizer"},
      {Variable::Role::Step, "step"},
      {Variable::Role::Seed, "seed"}};
  builder.setInsertionPointToStart(module.getBody());
  for (auto [role, roleName] : kRoles) {
    for (const auto &variable : variables) {
      if (variable->role != role)
        continue;
      Location loc = locate(variable->span, variable->name);
      StringAttr init, doc;
      if (variable->init)
        init = builder.getStringAttr(variable->init->text);
      if (!variable->doc.empty())
        doc = builder.getStringAttr(variable->doc);
      StringAttr name = builder.getStringAttr(variable->name);
      if (role == Variable::Role::Param)
        asg::ParamOp::create(builder, loc, name, TypeAttr::get(variable->type),
                             init, doc);
      else
        asg::StateOp::create(builder, loc, name, TypeAttr::get(variable->type),
                             builder.getStringAttr(roleName), init, doc);
    }
  }
}

} // namespace asgc
