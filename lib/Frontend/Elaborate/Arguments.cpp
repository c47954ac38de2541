//===- Arguments.cpp - Binds the arguments of a block ---------------------===//
#include "Elaborator.h"
#include "Signature.h"

#include <algorithm>

using namespace mlir;

namespace asgc {

using ast::Item;
using ast::ParamDecl;

static std::string kindAndName(const Item &item) {
  return std::string(ast::spelling(item.kind)) + " `" + item.name.text + "`";
}

bool Elaborator::isUsableHere(const Item &item, Span span) {
  if (item.kind == Item::Kind::Optimizer) {
    report(Diagnostic(Code::ASG0213, "an optimizer cannot be called here")
               .at(span, kindAndName(item))
               .help("name it in a recipe: `optimizer = " + item.name.text +
                     "(…)`"));
    return false;
  }
  if (item.kind == Item::Kind::Schedule && !canSchedule) {
    report(Diagnostic(Code::ASG0213, "a schedule cannot be called here")
               .at(span, kindAndName(item))
               .help("pass it to the optimizer of a recipe: `lr = " +
                     item.name.text + "(…)`"));
    return false;
  }
  return true;
}

/// Finds the parameter of each argument.
bool Elaborator::assignArguments(
    const Item &item, Span nameSpan, std::vector<GivenArgument> &arguments,
    std::vector<std::optional<GivenArgument>> &byParam) {
  const auto &params = item.params;
  size_t position = 0;
  bool isFine = true;
  for (GivenArgument &argument : arguments) {
    // conv2d(out, kernel = 3, stride): a value without a name is for the first
    // parameter that has none yet.
    if (argument.name.text.empty())
      while (position < params.size() && byParam[position])
        ++position;
    size_t index = position;
    if (!argument.name.text.empty()) {
      for (index = 0; index < params.size(); ++index)
        if (params[index].name == argument.name)
          break;
    }
    if (index < params.size() && !byParam[index]) {
      byParam[index] = std::move(argument);
      continue;
    }
    isFine = false;
    if (index < params.size()) {
      report(Diagnostic(Code::ASG0206, "argument `" + params[index].name.text +
                                           "` is given twice")
                 .at(argument.span, "again")
                 .also(byParam[index]->span, "first")
                 .help("leave one of them out"));
    } else if (argument.name.text.empty()) {
      report(Diagnostic(Code::ASG0205,
                        "too many arguments for " + kindAndName(item))
                 .at(argument.span, "one too many")
                 .also(nameSpan, "takes " + std::to_string(params.size()))
                 .help("its form is " + formatSignature(item)));
    } else {
      std::vector<std::string> names;
      for (const ParamDecl &param : params)
        names.push_back(param.name.text);
      Diagnostic diagnostic(Code::ASG0203, kindAndName(item) +
                                               " has no argument `" +
                                               argument.name.text + "`");
      diagnostic.at(argument.name.span, "unknown argument");
      if (auto nearest = findNearest(argument.name.text, names))
        diagnostic.fix("did you mean `" + *nearest + "`?", argument.name.span,
                       *nearest);
      else
        diagnostic.help("its form is " + formatSignature(item));
      report(std::move(diagnostic));
    }
  }
  return isFine;
}

static bool isBlockType(const ast::TypeExpr &type) {
  return type.kind == ast::TypeExpr::Kind::Named && type.name.text == "block";
}

bool Elaborator::bindDefault(const ParamDecl &param, const Item &item,
                             Frame &callee, Span span) {
  if (param.value) {
    Frame *outer = std::exchange(current, &callee);
    GivenArgument given =
        evalArgument({}, *param.value, isBlockType(param.type), callee);
    current = outer;
    return bindGiven(param, given, item, callee);
  }
  if (param.type.isOptional) {
    callee.names[param.name.text] = Term::none();
    return true;
  }
  // classes: int takes its value from an argument's f32[batch, classes].
  if (auto dim = callee.dims.find(param.name.text); dim != callee.dims.end()) {
    callee.names[param.name.text] = Term::dim(dim->second.extent);
    return true;
  }
  report(
      Diagnostic(Code::ASG0204, kindAndName(item) + " needs argument `" +
                                    param.name.text + "`")
          .at(span, "`" + param.name.text + "` is missing")
          .also(param.name.span, "declared as " + ast::formatType(param.type))
          .help("its form is " + formatSignature(item)));
  return false;
}

bool Elaborator::bindGiven(const ParamDecl &param, GivenArgument &argument,
                           const Item &item, Frame &callee) {
  if (argument.value.isPoison())
    return false;
  Operand value{argument.value, argument.span};
  std::string what = "`" + param.name.text + "` of `" + item.name.text + "`";
  if (!checkType(param.type, value, what, callee))
    return false;
  auto dim = callee.dims.find(param.name.text);
  if (dim != callee.dims.end() && value.term.isExtent() &&
      value.term.asExtent() != dim->second.extent) {
    report(Diagnostic(Code::ASG0102, what + " is " + describeValue(value.term) +
                                         ", but the dim of this name is " +
                                         dim->second.extent.str())
               .at(argument.span, "is " + describeValue(value.term))
               .also(dim->second.argument, dim->second.text));
    return false;
  }
  value.term.origin = argument.span;
  callee.names[param.name.text] = std::move(value.term);
  return true;
}

/// Makes an input of the recipe whose type follows from the parameter.
bool Elaborator::fillHole(const ParamDecl &param, const GivenArgument &argument,
                          Frame &callee) {
  const std::string name = argument.value.as<Hole>().name;
  Frame *outer = std::exchange(current, &callee);
  RankedTensorType type = param.type.kind == ast::TypeExpr::Kind::Like
                              ? RankedTensorType()
                              : resolveType(param.type, callee);
  current = outer;
  if (!type) {
    unknownInput({argument.value, argument.span});
    return false;
  }
  Term value(addInput(name, type, argument.span), argument.span);
  for (Frame *frame = callee.caller; frame; frame = frame->caller)
    if (auto it = frame->names.find(name);
        it != frame->names.end() && it->second.is<Hole>())
      it->second = value;
  callee.names[param.name.text] = value;
  return true;
}

bool Elaborator::bindArguments(const Item &item, Frame &callee, Span nameSpan,
                               Span span,
                               std::vector<GivenArgument> arguments) {
  std::vector<std::optional<GivenArgument>> byParam(item.params.size());
  if (!assignArguments(item, nameSpan, arguments, byParam))
    return false;
  bool isFine = true;
  for (size_t i = 0; i < item.params.size(); ++i) {
    if (byParam[i] && byParam[i]->value.is<Hole>())
      continue;
    isFine &= byParam[i] ? bindGiven(item.params[i], *byParam[i], item, callee)
                         : bindDefault(item.params[i], item, callee, span);
  }
  for (size_t i = 0; i < item.params.size() && isFine; ++i)
    if (byParam[i] && byParam[i]->value.is<Hole>())
      isFine &= fillHole(item.params[i], *byParam[i], callee);
  if (isFine && item.kind == Item::Kind::Schedule) {
    callee.names[item.given[0].text] = Term(step());
    callee.names[item.given[1].text] = totalSteps(span);
  }
  return isFine;
}

bool Elaborator::checkResults(const Item &item, Frame &callee) {
  auto hasPoison = [&] {
    return std::any_of(callee.results.begin(), callee.results.end(),
                       [](const Term &term) { return term.isPoison(); });
  };
  if (item.kind == Item::Kind::Optimizer)
    return !callee.isBroken;
  if (!callee.hasReturned) {
    if (!callee.isBroken)
      report(Diagnostic(Code::ASG0309, kindAndName(item) + " returns nothing")
                 .at(item.name.span, "no `return` is reached")
                 .help("end it with `return value`"));
    return false;
  }
  if (hasPoison())
    return false;
  if (item.results.empty())
    return true;
  if (item.results.size() != callee.results.size()) {
    size_t count = callee.results.size();
    std::string values =
        std::to_string(count) + (count == 1 ? " value" : " values");
    report(Diagnostic(Code::ASG0308, kindAndName(item) + " returns " + values +
                                         ", not " +
                                         std::to_string(item.results.size()))
               .at(callee.resultSpan, values)
               .also(item.results[0].type.span,
                     "declares " + std::to_string(item.results.size()))
               .help("return so many values: `return a, b`"));
    return false;
  }
  bool isFine = true;
  for (size_t i = 0; i < item.results.size(); ++i) {
    Operand value{callee.results[i], callee.resultSpan};
    std::string what = "the result of `" + item.name.text + "`";
    if (!item.results[i].name.text.empty())
      what = "result `" + item.results[i].name.text + "` of `" +
             item.name.text + "`";
    isFine &= checkType(item.results[i].type, value, what, callee);
    callee.results[i] = value.term;
  }
  return isFine;
}

} // namespace asgc
