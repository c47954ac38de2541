//===- Call.cpp - Calls of blocks and builtins ----------------------------===//
#include "Elaborator.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

using ast::Expr;

/// Blocks within blocks; a block that calls itself without end stops here.
static constexpr unsigned kMaxCallDepth = 64;

const ast::Item *Elaborator::findItem(const std::string &name,
                                      const Frame &frame) const {
  bool isStandard = frame.item && library.isStandard(*frame.item);
  const ast::Item *item =
      isStandard ? library.findStandard(name) : library.find(name);
  bool isCallable = item && item->kind != ast::Item::Kind::Train &&
                    item->kind != ast::Item::Kind::Use;
  return isCallable ? item : nullptr;
}

//===----------------------------------------------------------------------===//
// What is called
//===----------------------------------------------------------------------===//

/// A name that stands for a block: `gelu`, or `activation` that holds one.
std::optional<BlockRef> Elaborator::toBlock(const Expr &expr, Frame &frame) {
  if (expr.kind == Expr::Kind::Call) {
    auto block = toBlock(expr.operand(0), frame);
    if (!block)
      return std::nullopt;
    for (const ast::Argument &argument : expr.arguments) {
      GivenArgument given =
          evalArgument(argument.name, *argument.value, false, frame);
      if (given.value.isPoison())
        return std::nullopt;
      block->arguments.push_back(
          {given.name, std::make_shared<const Term>(given.value), given.span});
    }
    return block;
  }
  if (expr.kind != Expr::Kind::Name) {
    Term value = eval(expr, frame);
    if (value.is<Term::Block>())
      return *value.as<Term::Block>();
    wrongKind({value, expr.span}, quote(expr.span), "a block");
    return std::nullopt;
  }
  auto value = lookup(expr.text, frame);
  // `exp = exp(x)` hides a function only as a value: it can still be called.
  if (value && !value->is<Term::Block>() && !value->isPoison()) {
    BlockRef ref;
    ref.item = findItem(expr.text, frame);
    ref.builtin = ref.item ? nullptr : findBuiltin(expr.text);
    if (ref.item || ref.builtin)
      return ref;
  }
  if (value && value->is<Term::Block>())
    return *value->as<Term::Block>();
  if (value && !value->isPoison()) {
    Diagnostic diagnostic(Code::ASG0209, "`" + expr.text +
                                             "` is no block: it cannot be "
                                             "called");
    diagnostic.at(expr.span, describeKind(*value));
    noteOrigin(diagnostic, {*value, expr.span});
    report(std::move(diagnostic));
    return std::nullopt;
  }
  if (!value) {
    std::vector<std::string> candidates = getBuiltinNames();
    for (const ast::Item *item : library.getItems())
      candidates.push_back(item->name.text);
    for (const auto &[name, term] : frame.names)
      if (term.is<Term::Block>())
        candidates.push_back(name);
    Diagnostic diagnostic(Code::ASG0202,
                          "no block or function is called `" + expr.text + "`");
    diagnostic.at(expr.span, "unknown block");
    if (auto nearest = findNearest(expr.text, candidates))
      diagnostic.fix("did you mean `" + *nearest + "`?", expr.span, *nearest);
    else
      diagnostic.help("define it: `block " + expr.text +
                      "(x: f32[...]) -> f32[...] { … }`");
    report(std::move(diagnostic));
  }
  return std::nullopt;
}

GivenArgument Elaborator::evalArgument(const ast::Identifier &name,
                                       const Expr &value, bool isBlock,
                                       Frame &frame) {
  GivenArgument given;
  given.name = name;
  given.span = value.span;
  if (!isBlock) {
    given.value = eval(value, frame);
    return given;
  }
  // `activation = leaky_relu(0.1)` is a block with one argument given.
  if (value.kind != Expr::Kind::Call && value.kind != Expr::Kind::Name) {
    given.value = eval(value, frame);
    return given;
  }
  if (value.kind == Expr::Kind::Name) {
    auto term = lookup(value.text, frame);
    if (term && term->isNone()) {
      given.value = *term;
      return given;
    }
  }
  if (auto block = toBlock(value, frame))
    given.value =
        Term(Term::Block(std::make_shared<const BlockRef>(std::move(*block))),
             value.span);
  return given;
}

//===----------------------------------------------------------------------===//
// Call expressions
//===----------------------------------------------------------------------===//

/// For each argument whether its parameter takes a block. `numPiped` values
/// stand before them.
static std::vector<bool> findBlockArguments(const ast::Item *item,
                                            const Expr &call, size_t numPiped) {
  std::vector<bool> result(call.arguments.size(), false);
  if (!item)
    return result;
  std::vector<bool> isTaken(item->params.size(), false);
  std::fill_n(isTaken.begin(), std::min(numPiped, isTaken.size()), true);
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const ast::Identifier &name = call.arguments[i].name;
    for (size_t k = 0; k < isTaken.size(); ++k) {
      const ast::ParamDecl &param = item->params[k];
      if (name.text.empty() ? isTaken[k] : !(param.name == name))
        continue;
      isTaken[k] = true;
      result[i] = param.type.kind == ast::TypeExpr::Kind::Named &&
                  param.type.name.text == "block";
      break;
    }
  }
  return result;
}

/// A call, a named instance, or a stage of a pipe without parentheses.
Term Elaborator::evalCall(const Expr &expr, Frame &frame,
                          const GivenArgument *piped, const Expr *instance) {
  if (expr.kind == Expr::Kind::Instance)
    return evalCall(expr.operand(1), frame, piped, &expr.operand(0));
  std::string name;
  if (instance) {
    auto text = evalString(*instance, frame);
    if (!text)
      return Term::poison();
    name = *text;
  }
  bool isCall = expr.kind == Expr::Kind::Call;
  const Expr &callee = isCall ? expr.operand(0) : expr;
  auto block = toBlock(callee, frame);
  std::vector<GivenArgument> arguments;
  if (piped)
    arguments.push_back(*piped);
  bool isPoison = !block;
  if (isCall) {
    std::vector<bool> isBlock = findBlockArguments(
        block ? block->item : nullptr, expr, arguments.size());
    for (size_t i = 0; i < expr.arguments.size(); ++i)
      arguments.push_back(evalArgument(
          expr.arguments[i].name, *expr.arguments[i].value, isBlock[i], frame));
  }
  for (const GivenArgument &argument : arguments)
    isPoison |= argument.value.isPoison();
  if (isPoison)
    return Term::poison();
  std::vector<Term> results =
      call(*block, callee.span, expr.span, std::move(arguments), frame, name);
  if (results.size() == 1) {
    if (!results[0].isPoison())
      results[0].origin = expr.span;
    return results[0];
  }
  for (const Term &result : results)
    if (result.isPoison())
      return Term::poison();
  Term list = Term::list(std::move(results));
  list.origin = expr.span;
  return list;
}

Term Elaborator::evalStage(const Expr &stage, const GivenArgument &piped,
                           Frame &frame) {
  bool isStage = stage.kind == Expr::Kind::Name ||
                 stage.kind == Expr::Kind::Call ||
                 stage.kind == Expr::Kind::Instance;
  if (!isStage)
    return fail(
        Diagnostic(Code::ASG0209, "the right side of `|>` must be a block")
            .at(stage.span, "not a block")
            .help("write `x |> block` or `x |> block(arguments)`"));
  if (!spend(stage.span))
    return Term::poison();
  return evalCall(stage, frame, &piped);
}

std::vector<Term> Elaborator::call(const BlockRef &block, Span nameSpan,
                                   Span span,
                                   std::vector<GivenArgument> arguments,
                                   Frame &frame, const std::string &instance) {
  // Arguments given before stand behind those given now.
  for (const BlockRef::Bound &bound : block.arguments)
    arguments.push_back({bound.name, *bound.value, bound.span});
  if (block.builtin) {
    if (!instance.empty())
      return {fail(Diagnostic(Code::ASG0209, "function `" + block.getName() +
                                                 "` has no instances")
                       .at(nameSpan, "built in, without parameters")
                       .help("leave the name `" + instance + ":` out"))};
    return {callBuiltin(*block.builtin, nameSpan, span, std::move(arguments),
                        frame)};
  }
  return callBlock(*block.item, nameSpan, span, std::move(arguments), frame,
                   instance);
}

//===----------------------------------------------------------------------===//
// Builtins
//===----------------------------------------------------------------------===//

Term Elaborator::callBuiltin(const Builtin &builtin, Span nameSpan, Span span,
                             std::vector<GivenArgument> arguments,
                             Frame &frame) {
  size_t count = builtin.parameters.size();
  BuiltinCall call{builtin,
                   frame,
                   nameSpan,
                   span,
                   locate(nameSpan, frame),
                   std::vector<Term>(count),
                   std::vector<Span>(count, span),
                   std::vector<bool>(count, false)};
  std::vector<Term> rest;
  size_t position = 0;
  for (GivenArgument &argument : arguments) {
    if (argument.name.text.empty())
      while (position < count && call.isGiven[position])
        ++position;
    size_t index = position;
    if (!argument.name.text.empty()) {
      for (index = 0; index < count; ++index)
        if (builtin.parameters[index].name == argument.name.text)
          break;
      if (index == count)
        return unknownArgument(argument, builtin, nameSpan);
    } else if (builtin.isVariadic && position + 1 >= count) {
      rest.push_back(argument.value);
      call.spans[count - 1] = argument.span;
      continue;
    } else if ((index = position) >= count) {
      return fail(Diagnostic(Code::ASG0205,
                             "too many arguments for `" + builtin.name + "`")
                      .at(argument.span, "one too many")
                      .help("its form is " + builtin.signature));
    }
    if (call.isGiven[index])
      return fail(Diagnostic(Code::ASG0206, "argument `" +
                                                builtin.parameters[index].name +
                                                "` is given twice")
                      .at(argument.span, "again")
                      .also(call.spans[index], "first")
                      .help("leave one of them out"));
    call.arguments[index] = argument.value;
    call.spans[index] = argument.span;
    call.isGiven[index] = true;
  }
  if (!rest.empty()) {
    // reshape(x, [2, 3]) says the same as reshape(x, 2, 3).
    call.arguments[count - 1] = rest.size() == 1 && rest[0].is<Term::List>()
                                    ? rest[0]
                                    : Term::list(std::move(rest));
    call.isGiven[count - 1] = true;
  }
  for (size_t i = 0; i < count; ++i) {
    if (call.isGiven[i]) {
      if (call.arguments[i].is<Hole>())
        return unknownInput({call.arguments[i], call.spans[i]});
      continue;
    }
    const Builtin::Parameter &parameter = builtin.parameters[i];
    if (!parameter.fallback)
      return fail(Diagnostic(Code::ASG0204, "`" + builtin.name +
                                                "` needs argument `" +
                                                parameter.name + "`")
                      .at(span, "`" + parameter.name + "` is missing")
                      .help("its form is " + builtin.signature));
    call.arguments[i] = *parameter.fallback;
  }
  return builtin.handler(*this, call);
}

Term Elaborator::unknownArgument(const GivenArgument &argument,
                                 const Builtin &builtin, Span nameSpan) {
  std::vector<std::string> names;
  for (const Builtin::Parameter &parameter : builtin.parameters)
    names.push_back(parameter.name);
  Diagnostic diagnostic(Code::ASG0203, "`" + builtin.name +
                                           "` has no argument `" +
                                           argument.name.text + "`");
  diagnostic.at(argument.name.span, "unknown argument");
  if (auto nearest = findNearest(argument.name.text, names))
    diagnostic.fix("did you mean `" + *nearest + "`?", argument.name.span,
                   *nearest);
  else
    diagnostic.help("its form is " + builtin.signature);
  return fail(std::move(diagnostic));
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// The path of a new instance: its own name, or the block's, numbered when that
/// is taken. An own name that is taken is an error.
std::optional<std::string> Elaborator::nameInstance(const std::string &own,
                                                    const ast::Item &item,
                                                    Span span, Frame &frame) {
  std::string prefix = frame.scope.empty() ? "" : frame.scope + ".";
  std::string path = prefix + (own.empty() ? item.name.text : own);
  auto [it, isNew] = graph->instances.try_emplace(path, 0, span);
  if (isNew)
    return path;
  if (own.empty()) {
    // linear, linear_1, linear_2: earlier names stay when one is added.
    std::string numbered;
    do
      numbered = path + "_" + std::to_string(++it->second.first);
    while (!graph->instances.try_emplace(numbered, 0, span).second);
    return numbered;
  }
  Diagnostic diagnostic(Code::ASG0210,
                        "two instances are called `" + path + "`");
  diagnostic.at(span, "second instance");
  if (it->second.second == span)
    diagnostic.help(
        "in a loop, use `repeat n as name`, or put the counter into "
        "the name: \"" +
        own + "{i}\": …");
  else
    diagnostic.also(it->second.second, "first instance")
        .help("give one of them another name");
  report(std::move(diagnostic));
  return std::nullopt;
}

std::vector<Term> Elaborator::callBlock(const ast::Item &item, Span nameSpan,
                                        Span span,
                                        std::vector<GivenArgument> arguments,
                                        Frame &frame,
                                        const std::string &instance) {
  std::vector<Term> poison(std::max<size_t>(item.results.size(), 1));
  DepthGuard guard(callDepth);
  if (callDepth > kMaxCallDepth) {
    report(Diagnostic(Code::ASG0401, "blocks call each other more than " +
                                         std::to_string(kMaxCallDepth) +
                                         " levels deep")
               .at(nameSpan, "called here")
               .help("look for a block that calls itself without end"));
    return poison;
  }
  if (!isUsableHere(item, nameSpan))
    return poison;
  if (!instance.empty() && !checkPath(instance, nameSpan))
    return poison;
  auto path = nameInstance(instance, item, span, frame);
  if (!path)
    return poison;
  Frame callee;
  callee.item = &item;
  callee.caller = &frame;
  callee.callSpan = span;
  callee.path = callee.scope = *path;
  if (!bindArguments(item, callee, nameSpan, span, std::move(arguments)))
    return poison;
  return runInstance(item, callee, span);
}

/// Runs the body of `item` inside an asg.layer.
std::vector<Term> Elaborator::runInstance(const ast::Item &item, Frame &callee,
                                          Span span) {
  std::vector<Term> poison(std::max<size_t>(item.results.size(), 1));
  DictionaryAttr layerArguments = describeArguments(item, callee);
  Region region;
  Block *body = new Block;
  region.push_back(body);
  OpBuilder::InsertPoint place = builder.saveInsertionPoint();
  builder.setInsertionPointToEnd(body);
  Frame *outer = std::exchange(current, &callee);
  runBody(item.body, callee);
  bool isFine = checkResults(item, callee);
  if (isFine)
    flushAssignments(callee);
  current = outer;
  builder.restoreInsertionPoint(place);
  if (!isFine) {
    // Ops of the dropped region may be read by nothing: it is all of one block.
    body->dropAllUses();
    return poison;
  }
  if (body->empty())
    return callee.results;
  SmallVector<Value> values;
  for (const Term &result : callee.results)
    if (result.isTensor())
      values.push_back(result.tensor());
  Location loc = locate(span, callee);
  // The region has no op around it yet, and so no context of its own.
  OpBuilder inside(builder.getContext());
  inside.setInsertionPointToEnd(body);
  asg::YieldOp::create(inside, loc, values);
  auto layer =
      asg::LayerOp::create(builder, loc, TypeRange(ValueRange(values)),
                           callee.path, nameBlock(item), layerArguments);
  layer.getBody().takeBody(region);
  size_t next = 0;
  for (Term &result : callee.results)
    if (result.isTensor())
      result.data = Value(layer.getResult(next++));
  return callee.results;
}

/// What a layer says its block is. Whoever knows the standard library by name,
/// as the ONNX exporter does, must not take for it what hides it.
std::string Elaborator::nameBlock(const ast::Item &item) const {
  bool hides =
      !library.isStandard(item) && library.findStandard(item.name.text);
  return hides ? "own." + item.name.text : item.name.text;
}

/// The compile-time arguments, for viewers.
DictionaryAttr Elaborator::describeArguments(const ast::Item &item,
                                             const Frame &callee) {
  SmallVector<NamedAttribute> entries;
  for (const ast::ParamDecl &param : item.params) {
    auto it = callee.names.find(param.name.text);
    if (it == callee.names.end())
      continue;
    const Term &value = it->second;
    Attribute attribute;
    if (value.is<bool>())
      attribute = builder.getBoolAttr(value.as<bool>());
    else if (value.is<int64_t>())
      attribute = builder.getI64IntegerAttr(value.as<int64_t>());
    else if (value.is<double>())
      attribute = builder.getF64FloatAttr(value.as<double>());
    else if (!value.isTensor() && !value.isPoison())
      attribute = builder.getStringAttr(describeValue(value));
    if (attribute)
      entries.emplace_back(builder.getStringAttr(param.name.text), attribute);
  }
  return entries.empty() ? DictionaryAttr()
                         : builder.getDictionaryAttr(entries);
}

} // namespace asgc
