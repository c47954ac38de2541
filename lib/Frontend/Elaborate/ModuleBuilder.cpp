//===- ModuleBuilder.cpp - Elaborates a model -----------------------------===//
#include "ModuleBuilder.h"
#include "Signature.h"

#include "mlir/IR/Verifier.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

using ast::ParamDecl;

ModuleBuilder::ModuleBuilder(const Library &library, MLIRContext &context,
                             const ElaborateOptions &options,
                             DiagnosticEngine &diagnostics)
    : e(library, context, options, diagnostics), options(options),
      diagnostics(diagnostics), library(library) {}

//===----------------------------------------------------------------------===//
// Inputs of the model
//===----------------------------------------------------------------------===//

/// The extent of an input's axis: a number, a fixed or known name, or a name
/// with a bound, which then is a run-time dim.
std::optional<DimExpr> ModuleBuilder::bindInputDim(const ast::DimSpec &spec,
                                                   Frame &frame) {
  if (spec.isEllipsis) {
    e.report(Diagnostic(Code::ASG0115, "an input of a model has a fixed number "
                                       "of axes")
                 .at(spec.span, "`...` is any number")
                 .help("name the axes: `batch <= 64`"));
    return std::nullopt;
  }
  if (spec.extent->kind != ast::Expr::Kind::Name)
    return e.toExtent({e.eval(*spec.extent, frame), spec.extent->span},
                      "an extent");
  const std::string &name = spec.extent->text;
  if (auto dim = frame.dims.find(name); dim != frame.dims.end())
    return dim->second.extent;
  // f32[batch, classes] with classes: int = 10 among the arguments.
  if (!frame.names.count(name))
    for (const ParamDecl &param : model->params)
      if (param.name.text == name && param.value)
        e.bindDefault(param, *model, frame, param.name.span);
  if (auto value = frame.names.find(name); value != frame.names.end())
    return e.toExtent({value->second, spec.extent->span}, "an extent");
  DimExpr extent;
  if (auto fixed = fixedDims.find(name); fixed != fixedDims.end()) {
    extent = DimExpr(fixed->second.first);
  } else if (spec.bound) {
    auto bound =
        e.toInt({e.eval(*spec.bound, frame), spec.bound->span}, "a bound");
    if (!bound)
      return std::nullopt;
    if (*bound < 1 || *bound > INT32_MAX) {
      e.report(Diagnostic(Code::ASG0113, "a bound must be from 1 to 2147483647")
                   .at(spec.bound->span, std::to_string(*bound)));
      return std::nullopt;
    }
    extent = DimExpr::symbol(name);
    e.bounds[name] = *bound;
  } else {
    e.report(Diagnostic(Code::ASG0115, "dim `" + name + "` has no value")
                 .at(spec.span, "known neither now nor bounded")
                 .fix("if it is known at run time, give it a bound", spec.span,
                      name + " <= 64")
                 .help("or fix it with a number, or with `--dim " + name +
                       "=64` on the command line"));
    return std::nullopt;
  }
  frame.dims[name] = {extent, spec.span,
                      "here `" + name + "` is " + extent.str()};
  return extent;
}

bool ModuleBuilder::bindInput(const ParamDecl &param, Frame &frame) {
  auto element = e.findDType(param.type.name.text);
  if (!element) {
    Diagnostic diagnostic(Code::ASG0208, "an input needs an element type, not `" +
                                             param.type.name.text + "`");
    diagnostic.at(param.type.name.span);
    auto nearest = suggestType(param.type.name.text);
    if (nearest && e.findDType(*nearest))
      diagnostic.fix("did you mean `" + *nearest + "`?", param.type.name.span,
                     *nearest);
    else
      diagnostic.help("such as f32 or i64");
    e.report(std::move(diagnostic));
    return false;
  }
  Dims dims;
  for (const ast::DimSpec &spec : param.type.dims) {
    auto extent = bindInputDim(spec, frame);
    if (!extent)
      return false;
    dims.push_back(*extent);
  }
  if (!e.checkShape(dims, param.type.span))
    return false;
  Value value = e.addInput(param.name.text, e.tensorType(dims, *element),
                           param.name.span);
  frame.names[param.name.text] = Term(value, param.type.span);
  return true;
}

bool ModuleBuilder::bindModel(Frame &frame) {
  bool isFine = true;
  std::map<std::string, const ast::Expr *> given;
  for (const auto &[name, value] : modelArguments)
    given[name.text] = value;
  auto isTensor = [](const ParamDecl &param) {
    return param.type.kind == ast::TypeExpr::Kind::Tensor &&
           !param.type.isOptional;
  };
  // What is given comes first, so that the inputs' extents may use it.
  for (const ParamDecl &param : model->params) {
    auto it = given.find(param.name.text);
    if (it == given.end())
      continue;
    if (isTensor(param)) {
      e.report(Diagnostic(Code::ASG0503, "`" + param.name.text +
                                             "` is an input, not an argument")
                   .at(it->second->span)
                   .also(param.name.span, "declared here"));
      isFine = false;
      continue;
    }
    bool isBlock = param.type.kind == ast::TypeExpr::Kind::Named &&
                   param.type.name.text == "block";
    GivenArgument argument =
        e.evalArgument(param.name, *it->second, isBlock, recipeFrame);
    isFine &= e.bindGiven(param, argument, *model, frame);
  }
  for (const ParamDecl &param : model->params) {
    if (given.count(param.name.text) || frame.names.count(param.name.text))
      continue;
    isFine &= isTensor(param)
                  ? bindInput(param, frame)
                  : e.bindDefault(param, *model, frame, model->name.span);
  }
  return isFine;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

std::vector<std::string> ModuleBuilder::outputNames(size_t count) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    std::string name =
        i < model->results.size() ? model->results[i].name.text : std::string();
    if (name.empty())
      name = count == 1 ? "output" : "output" + std::to_string(i);
    while (std::find(names.begin(), names.end(), name) != names.end())
      name += "_";
    names.push_back(name);
  }
  return names;
}

std::vector<Term> ModuleBuilder::runModel(Frame &frame) {
  frame.item = model;
  e.current = &frame;
  bool isFine = bindModel(frame);
  modelInputs.clear();
  for (const GraphInput &input : e.graph->inputs)
    modelInputs.push_back(input.name);
  if (isFine) {
    e.runBody(model->body, frame);
    isFine = e.checkResults(*model, frame);
  }
  if (isFine)
    e.flushAssignments(frame);
  e.current = nullptr;
  return isFine && !e.hasErrors() ? frame.results : std::vector<Term>();
}

bool ModuleBuilder::buildInfer() {
  Graph graph;
  graph.name = "infer";
  e.beginGraph(graph);
  Frame frame;
  std::vector<Term> results = runModel(frame);
  if (results.empty())
    return false;
  for (const auto &[name, fixed] : fixedDims)
    if (!frame.dims.count(name)) {
      std::vector<std::string> names;
      for (const auto &[dim, binding] : frame.dims)
        names.push_back(dim);
      Diagnostic diagnostic(Code::ASG0216,
                            "the model has no dim `" + name + "`");
      diagnostic.at(fixed.second);
      if (auto nearest = findNearest(name, names))
        diagnostic.help("did you mean `" + *nearest + "`?");
      e.report(std::move(diagnostic));
      return false;
    }
  Outputs outputs;
  std::vector<std::string> names = outputNames(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    Operand operand{results[i], frame.resultSpan};
    Value value = e.toTensor(operand, e.locate(frame.resultSpan, e.rootName));
    if (!value)
      return false;
    outputs.emplace_back(names[i], value);
  }
  e.endGraph(*module, model->name.span, outputs);
  return true;
}

bool ModuleBuilder::buildInit() {
  Graph graph;
  graph.name = "init";
  e.beginGraph(graph);
  // The step of all draws is 0: train_step draws from step 1 on.
  Location loc = e.locate(model->name.span, "init");
  Value zero =
      e.splat(loc, RankedTensorType::get({}, e.builder.getI64Type()), 0);
  e.step(); // declares the variable
  e.seed();
  graph.step = zero;
  for (size_t i = 0; i < e.variables.size(); ++i) {
    const Variable &variable = *e.variables[i];
    Location place = e.locate(variable.span, variable.name);
    if (variable.role == Variable::Role::Seed)
      continue;
    Value value =
        variable.role == Variable::Role::Step ? zero : e.buildInitial(variable);
    e.assign(variable.name, value, place);
  }
  e.endGraph(*module, model->name.span, {});
  return true;
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

/// Verifies the module; a failure is the compiler's fault, and said so.
static bool verifyModule(ModuleOp module, DiagnosticEngine &diagnostics,
                         Span span) {
  std::string problem;
  ScopedDiagnosticHandler handler(module.getContext(),
                                  [&](mlir::Diagnostic &diagnostic) {
                                    if (problem.empty())
                                      problem = diagnostic.str();
                                    return success();
                                  });
  if (succeeded(verify(module)))
    return true;
  diagnostics.report(Diagnostic(Code::ASG0901, "the compiler made an invalid "
                                               "module: " +
                                                   problem)
                         .at(span));
  return false;
}

OwningOpRef<ModuleOp> ModuleBuilder::build(Recipe *recipe) {
  if (!chooseModel() || !readDims())
    return {};
  e.rootName = model->name.text;
  e.rootSpan = model->name.span;
  module = ModuleOp::create(e.locate(model->name.span, e.rootName),
                            model->name.text);
  if (!applySettings())
    return {};
  if (train) {
    reader = std::make_unique<RecipeReader>(e, recipeFrame);
    if (!reader->read(settings) && options.inferOnly)
      return {};
  }
  bool isFine = buildInfer() && !e.hasErrors();
  if (isFine && train && !options.inferOnly)
    isFine = buildTrainStep() && buildEvalStep() && finishRecipe();
  isFine = isFine && !e.hasErrors() && buildInit();
  if (!isFine || e.hasErrors())
    return {};
  e.writeVariables(*module);
  if (!verifyModule(*module, diagnostics, model->name.span))
    return {};
  if (train && !options.inferOnly) {
    module->getOperation()->setAttr(
        "asg.recipe", e.builder.getStringAttr(recipeToJson(reader->recipe)));
    if (recipe)
      *recipe = reader->recipe;
  }
  return std::move(module);
}

OwningOpRef<ModuleOp> elaborate(const Library &library, MLIRContext &context,
                                const ElaborateOptions &options,
                                DiagnosticEngine &diagnostics, Recipe *recipe) {
  if (diagnostics.hasErrors())
    return {};
  return ModuleBuilder(library, context, options, diagnostics).build(recipe);
}

} // namespace asgc
