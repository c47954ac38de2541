//===- Optimizer.cpp - Updates of all parameters, and the recipe's end ----===//
#include "ModuleBuilder.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

using ast::Expr;
using ast::Item;

/// Whether `name` matches `pattern`, in which `*` stands for any characters.
static bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

std::vector<bool> ModuleBuilder::matchExceptions(const std::string &param) {
  std::vector<bool> mask;
  for (const auto &exception : reader->optimizer->exceptions) {
    bool isMatch = false;
    for (const ast::ExprPtr &pattern : exception.patterns) {
      auto text = e.evalString(*pattern, recipeFrame);
      isMatch |= text && matches(*text, param);
    }
    mask.push_back(isMatch);
  }
  return mask;
}

/// Binds the optimizer's arguments, with the exceptions of `mask`.
bool ModuleBuilder::prepareOptimizer(const Item &item,
                                     const std::vector<bool> &mask,
                                     Frame &frame, Frame &prepared) {
  const Expr &expr = *reader->optimizer->value;
  std::vector<GivenArgument> arguments = baseArguments;
  auto set = [&](const ast::Identifier &name, const Expr &value) {
    size_t index = 0;
    for (; index < item.params.size(); ++index)
      if (item.params[index].name == name)
        break;
    GivenArgument given = e.evalArgument(name, value, false, frame);
    size_t position = 0;
    for (GivenArgument &argument : arguments) {
      bool isIt = argument.name.text.empty() ? position++ == index
                                             : argument.name == name;
      if (isIt) {
        ast::Identifier kept = argument.name;
        argument = given;
        argument.name = kept;
        return !given.value.isPoison();
      }
    }
    arguments.push_back(given);
    return !given.value.isPoison();
  };
  for (const auto &[name, value] : optimizerArguments)
    if (!set({name, value->span}, *value))
      return false;
  for (size_t i = 0; i < mask.size(); ++i)
    if (mask[i])
      for (const ast::Argument &argument :
           reader->optimizer->exceptions[i].values)
        if (!set(argument.name, *argument.value))
          return false;
  prepared.item = &item;
  prepared.caller = &frame;
  prepared.callSpan = expr.span;
  return e.bindArguments(item, prepared, expr.span, expr.span,
                         std::move(arguments));
}

bool ModuleBuilder::updateParam(const Item &item, const Frame &arguments,
                                const Variable &param, Value gradient) {
  Frame callee = arguments;
  const std::string &p = item.given[0].text, &g = item.given[1].text;
  callee.path = "optimizer." + param.name;
  callee.scope = param.name; // its states are called after the parameter
  callee.names[p] = Term(e.read(param.name), param.span);
  callee.names[g] = Term(gradient, param.span);
  callee.states[p] = param.name;
  e.runInstance(item, callee, reader->optimizer->value->span);
  if (e.hasErrors())
    return false;
  for (const Frame::Assignment &each : callee.assignments)
    if (each.variable == param.name)
      return true;
  e.report(Diagnostic(Code::ASG0313, "optimizer `" + item.name.text +
                                         "` does not set its parameter")
               .at(item.name.span)
               .help("end it with `" + p + " <- …`"));
  return false;
}

bool ModuleBuilder::runOptimizer(Frame &frame,
                                 const std::vector<Variable *> &params,
                                 const std::vector<Value> &gradients,
                                 Outputs &outputs) {
  const Expr &expr = *reader->optimizer->value;
  bool isCall = expr.kind == Expr::Kind::Call;
  const Expr &callee = isCall ? expr.operand(0) : expr;
  auto block = e.toBlock(callee, frame);
  if (!block)
    return false;
  if (!block->item || block->item->kind != Item::Kind::Optimizer) {
    std::vector<std::string> names;
    for (const Item *item : library.getItems())
      if (item->kind == Item::Kind::Optimizer)
        names.push_back(item->name.text);
    Diagnostic diagnostic(Code::ASG0213,
                          "`" + block->getName() + "` is no optimizer");
    diagnostic.at(callee.span, describeKind(Term(Term::Block(
                                   std::make_shared<const BlockRef>(*block)))));
    if (auto nearest = findNearest(block->getName(), names))
      diagnostic.fix("did you mean `" + *nearest + "`?", callee.span, *nearest);
    e.report(std::move(diagnostic));
    return false;
  }
  const Item &item = *block->item;
  e.canSchedule = true;
  bool isFine = true;
  baseArguments.clear();
  if (isCall)
    for (const ast::Argument &argument : expr.arguments) {
      // What --set replaces is not computed.
      bool isReplaced = optimizerArguments.count(argument.name.text);
      GivenArgument given{argument.name, Term::none(), argument.value->span};
      if (!isReplaced)
        given = e.evalArgument(argument.name, *argument.value, false, frame);
      isFine &= !given.value.isPoison();
      baseArguments.push_back(std::move(given));
    }
  std::map<std::vector<bool>, Frame> prepared;
  std::vector<bool> isUsed(reader->optimizer->exceptions.size(), false);
  for (size_t i = 0; i < params.size() && isFine; ++i) {
    std::vector<bool> mask = matchExceptions(params[i]->name);
    for (size_t k = 0; k < mask.size(); ++k)
      isUsed[k] = isUsed[k] || mask[k];
    auto [it, isNew] = prepared.try_emplace(mask);
    if (isNew)
      isFine = prepareOptimizer(item, mask, frame, it->second);
    isFine = isFine && updateParam(item, it->second, *params[i], gradients[i]);
  }
  e.canSchedule = false;
  if (!isFine)
    return false;
  // Parameters without an exception come first in the map.
  const Frame &common = prepared.begin()->second;
  if (auto lr = common.names.find("lr"); lr != common.names.end()) {
    Value rate;
    if (!takeScalar(lr->second, expr.span, "`lr`", Code::ASG0301, rate))
      return false;
    outputs.emplace_back("lr", rate);
  }
  for (size_t k = 0; k < isUsed.size(); ++k)
    if (!isUsed[k])
      e.report(Diagnostic(Code::ASG0507, "the exception is for no parameter")
                   .at(reader->optimizer->exceptions[k].patterns[0]->span,
                       "matches none of " + std::to_string(params.size()))
                   .help("parameters are called as `" + params[0]->name +
                         "`; "
                         "`*` stands for any characters"));
  return true;
}

//===----------------------------------------------------------------------===//
// The recipe
//===----------------------------------------------------------------------===//

/// The batch must fit the first axis of the model's first input.
bool ModuleBuilder::checkBatch() {
  if (modelInputs.empty())
    return true;
  auto graph = module->lookupSymbol<asg::GraphOp>("train_step");
  auto type = cast<RankedTensorType>(graph.getArgumentTypes()[0]);
  if (type.getRank() == 0)
    return true;
  Recipe &recipe = reader->recipe;
  DimExpr extent = asg::getDim(type, 0);
  auto fixed = extent.asConstant();
  auto bound = e.atBound(extent);
  Span span = reader->batch ? reader->batch->value->span : train->name.span;
  if (!reader->batch && bound)
    recipe.batch = fixed ? *fixed : std::min(recipe.batch, *bound);
  const ast::ExprPtr &first = model->params[0].type.dims[0].extent;
  // A number of the command line is nearer than one of the text.
  if (fixed && first && first->kind == ast::Expr::Kind::Name &&
      fixedDims.count(first->text))
    recipe.batch = *fixed;
  if (fixed)
    recipe.dropLast = true; // a smaller batch would not fit
  if (bound && (fixed ? recipe.batch == *bound : recipe.batch <= *bound))
    return true;
  Diagnostic diagnostic(Code::ASG0503,
                        "a batch of " + std::to_string(recipe.batch) +
                            " does not fit input `" + modelInputs[0] + "`");
  diagnostic.at(span, "batch = " + std::to_string(recipe.batch))
      .also(model->params[0].type.span,
            fixed ? "takes exactly " + extent.str()
                  : "takes at most " + std::to_string(*bound));
  if (reader->batch)
    diagnostic.fix("the largest that fits", span, std::to_string(*bound));
  e.report(std::move(diagnostic));
  return false;
}

bool ModuleBuilder::finishRecipe() {
  Recipe &recipe = reader->recipe;
  recipe.model = model->name.text;
  recipe.metrics = metricNames;
  if (!checkBatch())
    return false;
  bool isText = recipe.data.format == DataFormat::Text;
  for (size_t i = 0; i < modelInputs.size(); ++i)
    recipe.inputs.push_back(
        {modelInputs[i],
         i == 0 ? (isText ? "tokens" : "features") : modelInputs[i]});
  for (size_t i = 0; i < labelInputs.size(); ++i)
    recipe.inputs.push_back({labelInputs[i], i == 0
                                                 ? (isText ? "next" : "label")
                                                 : labelInputs[i]});
  auto graph = module->lookupSymbol<asg::GraphOp>("train_step");
  for (unsigned i = 0; i < graph.getNumArguments(); ++i)
    if (graph.getInputName(i) == "total_steps")
      recipe.inputs.push_back({"total_steps", "total_steps"});

  std::vector<std::string> names = metricNames;
  names.push_back("loss");
  auto isKnown = [&](const std::string &name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const ast::Setting *setting : settings) {
    bool isStop = setting->name.text == "stop";
    const std::string &name = isStop ? recipe.stop.metric : recipe.best;
    if ((!isStop && setting->name.text != "best") || isKnown(name))
      continue;
    Diagnostic diagnostic(Code::ASG0503,
                          "the recipe has no metric `" + name + "`");
    diagnostic.at(setting->value->span);
    if (auto nearest = findNearest(name, names))
      diagnostic.help("did you mean `" + *nearest + "`?");
    else
      diagnostic.help("add it: `metrics = [" + name + "]`");
    e.report(std::move(diagnostic));
    return false;
  }
  if (recipe.data.path.empty())
    return true;
  std::string problem = verifyRecipe(recipe);
  if (!problem.empty())
    e.report(Diagnostic(Code::ASG0503, problem).at(train->name.span));
  return problem.empty();
}

} // namespace asgc
