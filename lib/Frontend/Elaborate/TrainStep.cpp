//===- TrainStep.cpp - The graphs @train_step and @eval_step --------------===//
#include "ModuleBuilder.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

using ast::Expr;

//===----------------------------------------------------------------------===//
// Names that settings may use
//===----------------------------------------------------------------------===//

/// Names that nothing else explains are inputs: `label`. The callee of a call
/// is no value.
void ModuleBuilder::findHoles(const Expr &expr, Frame &frame) {
  if (expr.kind == Expr::Kind::Name) {
    if (!e.lookup(expr.text, frame))
      frame.names[expr.text] = Term(Hole{expr.text}, expr.span);
    return;
  }
  bool hasCallee =
      expr.kind == Expr::Kind::Call || expr.kind == Expr::Kind::Instance;
  for (size_t i = 0; i < expr.operands.size(); ++i) {
    bool isName = expr.operand(i).kind == Expr::Kind::Name ||
                  expr.kind == Expr::Kind::Instance;
    bool isCallee = hasCallee && i == 0 && isName;
    bool isStage = expr.kind == Expr::Kind::Binary &&
                   expr.binaryOp == ast::BinaryOp::Pipe && i == 1 && isName;
    bool isBlock = expr.kind == Expr::Kind::Instance && i == 1 &&
                   expr.operand(i).kind == Expr::Kind::Name;
    if (!isCallee && !isStage && !isBlock)
      findHoles(expr.operand(i), frame);
  }
  for (const ast::Argument &argument : expr.arguments)
    findHoles(*argument.value, frame);
  for (const ast::Index &index : expr.indices)
    for (const ast::ExprPtr *part :
         {&index.at, &index.begin, &index.end, &index.step})
      if (*part)
        findHoles(**part, frame);
}

/// `label: i64[batch]` in the recipe.
bool ModuleBuilder::declareInputs(Frame &frame) {
  bool isFine = true;
  for (const ast::Setting *setting : reader->inputs) {
    RankedTensorType type = e.resolveType(setting->type, frame);
    if (!type) {
      isFine = false;
      continue;
    }
    const std::string &name = setting->name.text;
    if (frame.names.count(name)) {
      e.report(Diagnostic(Code::ASG0508,
                          "`" + name + "` is an input or output already")
                   .at(setting->name.span));
      isFine = false;
      continue;
    }
    frame.names[name] =
        Term(e.addInput(name, type, setting->name.span), setting->type.span);
  }
  return isFine;
}

bool ModuleBuilder::bindRecipeNames(Frame &frame,
                                    const std::vector<Term> &results,
                                    const Frame &modelFrame) {
  frame = Frame();
  frame.dims = modelFrame.dims;
  for (const GraphInput &input : e.graph->inputs)
    frame.names[input.name] = Term(input.value, input.span);
  std::vector<std::string> names = outputNames(results.size());
  for (size_t i = 0; i < results.size(); ++i)
    frame.names[names[i]] = results[i];
  frame.names["output"] = results[0];
  if (!declareInputs(frame))
    return false;
  findHoles(*reader->loss->value, frame);
  return true;
}

//===----------------------------------------------------------------------===//
// Forward
//===----------------------------------------------------------------------===//

bool ModuleBuilder::takeScalar(const Term &value, Span span,
                               const std::string &what, Code code,
                               Value &result) {
  if (value.isPoison())
    return false;
  bool isScalar = value.isNumber() ||
                  (value.isTensor() && value.tensorType().getRank() == 0);
  Type element =
      value.isTensor() ? value.tensorType().getElementType() : Type();
  if (!isScalar || (element && element.isInteger(1))) {
    Diagnostic diagnostic(code, what + " must be a scalar, not " +
                                    describeKind(value));
    diagnostic.at(span, describeKind(value));
    if (value.isTensor())
      diagnostic.help("join its elements with `mean(…)`");
    e.report(std::move(diagnostic));
    return false;
  }
  Location loc = e.locate(span, what);
  result = e.toTensor({value, span}, loc, e.builder.getF32Type());
  if (result && !isa<FloatType>(
                    cast<RankedTensorType>(result.getType()).getElementType()))
    result = e.cast(loc, result, e.builder.getF32Type());
  return bool(result);
}

/// `accuracy` and `top_k(3)` are given the output and the label; a call with
/// tensors of its own stays as it is.
std::optional<Term> ModuleBuilder::runMetric(const Expr &expr, Frame &frame,
                                             std::string &name) {
  const Expr *call = &expr;
  if (expr.kind == Expr::Kind::Instance) {
    auto own = e.evalString(expr.operand(0), frame);
    if (!own)
      return std::nullopt;
    name = *own;
    call = &expr.operand(1);
  }
  bool isCall = call->kind == Expr::Kind::Call;
  const Expr &callee = isCall ? call->operand(0) : *call;
  if (callee.kind != Expr::Kind::Name) {
    e.report(Diagnostic(Code::ASG0503, "a metric is a name or a call")
                 .at(expr.span)
                 .help("metrics = [accuracy, top_k(3)]"));
    return std::nullopt;
  }
  auto block = e.toBlock(callee, frame);
  if (!block)
    return std::nullopt;
  if (name.empty())
    name = block->getName();
  std::vector<GivenArgument> arguments;
  bool hasTensor = false;
  if (isCall)
    for (const ast::Argument &argument : call->arguments) {
      arguments.push_back(
          e.evalArgument(argument.name, *argument.value, false, frame));
      const Term &value = arguments.back().value;
      if (value.isPoison())
        return std::nullopt;
      hasTensor |= value.isTensor() || value.is<Hole>();
    }
  if (!hasTensor) {
    std::vector<GivenArgument> implied = {
        {{}, frame.names.at("output"), expr.span}};
    if (!labelInputs.empty())
      implied.push_back({{}, frame.names.at(labelInputs[0]), expr.span});
    arguments.insert(arguments.begin(), implied.begin(), implied.end());
  }
  std::vector<Term> results =
      e.call(*block, callee.span, expr.span, std::move(arguments), frame);
  return results.empty() ? Term::poison() : results[0];
}

bool ModuleBuilder::runMetrics(Frame &frame, Outputs &outputs) {
  metricNames.clear();
  if (!reader->metrics)
    return true;
  const Expr &list = *reader->metrics->value;
  std::vector<const Expr *> exprs = {&list};
  if (list.kind == Expr::Kind::List) {
    exprs.clear();
    for (const ast::ExprPtr &each : list.operands)
      exprs.push_back(each.get());
  }
  bool isFine = true;
  for (const Expr *expr : exprs) {
    std::string name;
    auto value = runMetric(*expr, frame, name);
    Value scalar;
    if (!value || !takeScalar(*value, expr->span, "metric `" + name + "`",
                              Code::ASG0510, scalar)) {
      isFine = false;
      continue;
    }
    auto isTaken = [&](const std::string &text) {
      return std::any_of(
                 outputs.begin(), outputs.end(),
                 [&](const auto &output) { return output.first == text; }) ||
             text == "grad_norm" || text == "lr";
    };
    std::string unique = name;
    for (int i = 1; isTaken(unique); ++i)
      unique = name + "_" + std::to_string(i);
    metricNames.push_back(unique);
    outputs.emplace_back(unique, scalar);
  }
  return isFine;
}

bool ModuleBuilder::runForward(Frame &frame, Outputs &outputs) {
  if (!reader->loss) {
    e.report(Diagnostic(Code::ASG0502, "the recipe has no loss")
                 .at(train->name.span)
                 .help("add `loss = cross_entropy(output, label)`"));
    return false;
  }
  Frame modelFrame;
  std::vector<Term> results = runModel(modelFrame);
  if (results.empty() || !bindRecipeNames(frame, results, modelFrame))
    return false;
  const Expr &expr = *reader->loss->value;
  Value loss;
  if (!takeScalar(e.eval(expr, frame), expr.span, "the loss", Code::ASG0506,
                  loss))
    return false;
  labelInputs.clear();
  for (const GraphInput &input : e.graph->inputs)
    if (std::find(modelInputs.begin(), modelInputs.end(), input.name) ==
        modelInputs.end())
      labelInputs.push_back(input.name);
  outputs.emplace_back("loss", loss);
  return runMetrics(frame, outputs);
}

bool ModuleBuilder::buildEvalStep() {
  Graph graph;
  graph.name = "eval_step";
  e.beginGraph(graph);
  Outputs outputs;
  if (!runForward(recipeFrame, outputs) || e.hasErrors())
    return false;
  e.endGraph(*module, train->name.span, outputs);
  return true;
}

//===----------------------------------------------------------------------===//
// Backward
//===----------------------------------------------------------------------===//

Value ModuleBuilder::gradientNorm(const std::vector<Value> &gradients) {
  Location loc = e.locate(train->name.span, "grad_norm");
  Value total;
  for (Value gradient : gradients) {
    auto type = cast<RankedTensorType>(gradient.getType());
    Value x = e.cast(loc, gradient, e.builder.getF32Type());
    Value square = asg::MulOp::create(e.builder, loc, x, x);
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      axes.push_back(axis);
    Value sum = asg::ReduceSumOp::create(
        e.builder, loc, RankedTensorType::get({}, e.builder.getF32Type()),
        square, axes);
    total = total ? Value(asg::AddOp::create(e.builder, loc, total, sum)) : sum;
  }
  return asg::SqrtOp::create(e.builder, loc, total);
}

/// norm: g · min(1, limit / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_.
std::vector<Value> ModuleBuilder::clipGradients(std::vector<Value> gradients,
                                                Value norm) {
  const ClipRecipe &clip = reader->clip;
  if (clip.kind == ClipRecipe::Kind::None)
    return gradients;
  Location loc = e.locate(clip.span, "clip");
  Value factor;
  if (clip.kind == ClipRecipe::Kind::Norm) {
    auto scalar = cast<RankedTensorType>(norm.getType());
    Value safe =
        asg::AddOp::create(e.builder, loc, norm, e.splat(loc, scalar, 1e-6));
    Value ratio = asg::DivOp::create(e.builder, loc,
                                     e.splat(loc, scalar, clip.limit), safe);
    factor =
        asg::MinOp::create(e.builder, loc, ratio, e.splat(loc, scalar, 1.0));
  }
  for (Value &gradient : gradients) {
    auto type = cast<RankedTensorType>(gradient.getType());
    auto extents = asg::getDims(type);
    if (factor) {
      Value repeated =
          e.broadcast(loc, e.cast(loc, factor, type.getElementType()),
                      Dims(extents.begin(), extents.end()));
      gradient = asg::MulOp::create(e.builder, loc, gradient, repeated);
    } else {
      Value low = asg::MaxOp::create(e.builder, loc, gradient,
                                     e.splat(loc, type, -clip.limit));
      gradient = asg::MinOp::create(e.builder, loc, low,
                                    e.splat(loc, type, clip.limit));
    }
  }
  return gradients;
}

bool ModuleBuilder::buildTrainStep() {
  if (!reader->optimizer) {
    e.report(Diagnostic(Code::ASG0502, "the recipe has no optimizer")
                 .at(train->name.span)
                 .help("add `optimizer = adamw(lr = 1e-3)`"));
    return false;
  }
  Graph graph;
  graph.name = "train_step";
  graph.isTraining = true;
  e.beginGraph(graph);
  Location loc = e.locate(train->name.span, "step");
  Value done = e.step();
  Value one = e.splat(loc, cast<RankedTensorType>(done.getType()), 1);
  graph.step = asg::AddOp::create(e.builder, loc, done, one);
  Value next = graph.step;
  Outputs outputs;
  if (!runForward(recipeFrame, outputs) || e.hasErrors())
    return false;

  std::vector<Variable *> params;
  SmallVector<Value> values;
  for (const auto &variable : e.variables) {
    auto read = graph.reads.find(variable->name);
    if (variable->role != Variable::Role::Param || read == graph.reads.end())
      continue;
    params.push_back(variable.get());
    values.push_back(read->second);
  }
  if (params.empty()) {
    e.report(Diagnostic(Code::ASG0502,
                        "model `" + model->name.text + "` has nothing to train")
                 .at(train->name.span)
                 .also(model->name.span, "declares no `param`"));
    return false;
  }
  auto gradient = asg::GradientOp::create(
      e.builder, e.locate(reader->loss->span, "gradient"),
      TypeRange(ValueRange(values)), outputs[0].second, values, false);
  std::vector<Value> gradients(gradient.getGradients().begin(),
                               gradient.getGradients().end());
  Value norm = gradientNorm(gradients);
  gradients = clipGradients(std::move(gradients), norm);
  outputs.emplace_back("grad_norm", norm);
  if (!runOptimizer(recipeFrame, params, gradients, outputs) || e.hasErrors())
    return false;
  e.assign("step", next, loc);
  e.endGraph(*module, train->name.span, outputs);
  if (reader->precision && !reader->precision.isF32())
    module->lookupSymbol("train_step")
        ->setAttr("asg.precision", TypeAttr::get(reader->precision));
  return true;
}

} // namespace asgc
