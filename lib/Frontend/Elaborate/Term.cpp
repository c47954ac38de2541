//===- Term.cpp - Values of the elaborator --------------------------------===//
#include "Term.h"

#include "Builtin.h"
#include "dialects/asg/Asg.h"

#include <charconv>
#include <cmath>

namespace asgc {

const std::string &BlockRef::getName() const {
  return item ? item->name.text : builtin->name;
}

Term Term::list(std::vector<Term> elements) {
  return Term(
      List(std::make_shared<const std::vector<Term>>(std::move(elements))));
}

Term Term::dim(const DimExpr &dim) {
  if (auto constant = dim.asConstant())
    return Term(*constant);
  return Term(dim);
}

Term Term::dims(const std::vector<DimExpr> &dims) {
  std::vector<Term> elements;
  for (const DimExpr &each : dims)
    elements.push_back(dim(each));
  return list(std::move(elements));
}

size_t Term::countElements() const {
  if (is<std::string>())
    return 1 + as<std::string>().size() / 64;
  if (!is<List>())
    return 1;
  size_t count = 1;
  for (const Term &element : asList())
    count += element.countElements();
  return count;
}

std::string formatNumber(const Number &number) {
  if (auto *integer = std::get_if<int64_t>(&number))
    return std::to_string(*integer);
  double value = std::get<double>(number);
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text;
}

std::string describeType(mlir::Type type) { return asg::describe(type); }

std::string describeDims(const std::vector<DimExpr> &dims) {
  std::string text = "[";
  for (const DimExpr &dim : dims)
    text += (text.size() > 1 ? ", " : "") + dim.str();
  return text + "]";
}

std::string describeKind(const Term &term) {
  struct Describe {
    std::string operator()(Term::Poison) { return "nothing"; }
    std::string operator()(Term::None) { return "none"; }
    std::string operator()(bool) { return "a bool"; }
    std::string operator()(int64_t) { return "an int"; }
    std::string operator()(const DimExpr &) { return "a run-time dim"; }
    std::string operator()(double) { return "a float"; }
    std::string operator()(const std::string &) { return "a string"; }
    std::string operator()(const Term::List &) { return "a list"; }
    std::string operator()(mlir::Type) { return "a dtype"; }
    std::string operator()(const Term::Block &ref) {
      if (!ref->item)
        return "function `" + ref->getName() + "`";
      return std::string(ast::spelling(ref->item->kind)) + " `" +
             ref->getName() + "`";
    }
    std::string operator()(const Term::Init &) { return "an initializer"; }
    std::string operator()(const Hole &hole) {
      return "input `" + hole.name + "`";
    }
    std::string operator()(const Quantity &quantity) {
      return "a number of " + quantity.unit + "s";
    }
    std::string operator()(mlir::Value value) {
      return describeType(value.getType());
    }
  };
  return std::visit(Describe(), term.data);
}

std::string describeValue(const Term &term) {
  if (term.is<bool>())
    return term.as<bool>() ? "true" : "false";
  if (term.isNumber())
    return formatNumber(term.asNumber());
  if (term.is<DimExpr>())
    return term.as<DimExpr>().str();
  if (term.is<std::string>())
    return term.as<std::string>();
  if (term.is<mlir::Type>())
    return describeType(term.as<mlir::Type>());
  if (term.is<Term::Init>())
    return term.as<Term::Init>()->text;
  if (term.is<Quantity>())
    return std::to_string(term.as<Quantity>().count) + " " +
           term.as<Quantity>().unit + "s";
  if (term.is<Term::Block>())
    return term.as<Term::Block>()->getName();
  if (!term.is<Term::List>())
    return describeKind(term);
  std::string text = "[";
  for (const Term &element : term.asList())
    text += (text.size() > 1 ? ", " : "") + describeValue(element);
  return text + "]";
}

} // namespace asgc
