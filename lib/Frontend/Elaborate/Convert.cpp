//===- Convert.cpp - What a value must be for its use ---------------------===//
#include "Elaborator.h"

#include <cmath>

using namespace mlir;

namespace asgc {

Term Elaborator::wrongKind(const Operand &x, const std::string &what,
                           const std::string &expected) {
  if (x.term.isPoison())
    return Term::poison();
  if (x.term.is<Hole>())
    return unknownInput(x);
  bool isRunTime = x.term.isTensor();
  Diagnostic diagnostic(isRunTime ? Code::ASG0302 : Code::ASG0301,
                        what + " must be " + expected + ", not " +
                            describeKind(x.term));
  diagnostic.at(x.span, describeKind(x.term));
  noteOrigin(diagnostic, x);
  if (x.term.is<double>() && expected.find("int") != std::string::npos &&
      x.term.as<double>() != std::floor(x.term.as<double>()))
    diagnostic.help("`//` divides and rounds down: the value is " +
                    describeValue(x.term));
  else if (isRunTime)
    diagnostic.help("a tensor has its value only at run time");
  return fail(std::move(diagnostic));
}

std::optional<int64_t> Elaborator::toInt(const Operand &x,
                                         const std::string &what) {
  if (x.term.is<int64_t>())
    return x.term.as<int64_t>();
  if (x.term.is<DimExpr>()) {
    report(
        Diagnostic(Code::ASG0110, what + " must be known at compile time")
            .at(x.span,
                "is " + x.term.as<DimExpr>().str() + ", known only at run time")
            .help("fix the dim with a number, or with `--dim` on the command "
                  "line"));
    return std::nullopt;
  }
  wrongKind(x, what, "an int");
  return std::nullopt;
}

std::optional<DimExpr> Elaborator::toExtent(const Operand &x,
                                            const std::string &what) {
  if (x.term.isExtent())
    return x.term.asExtent();
  wrongKind(x, what, "an int");
  return std::nullopt;
}

std::optional<Number> Elaborator::toNumber(const Operand &x,
                                           const std::string &what) {
  if (x.term.isNumber())
    return x.term.asNumber();
  wrongKind(x, what, "a number");
  return std::nullopt;
}

std::optional<double> Elaborator::toDouble(const Operand &x,
                                           const std::string &what) {
  if (auto number = toNumber(x, what))
    return asDouble(*number);
  return std::nullopt;
}

std::optional<bool> Elaborator::toBool(const Operand &x,
                                       const std::string &what) {
  if (x.term.is<bool>())
    return x.term.as<bool>();
  wrongKind(x, what, "a bool");
  return std::nullopt;
}

std::optional<std::string> Elaborator::toString(const Operand &x,
                                                const std::string &what) {
  if (x.term.is<std::string>())
    return x.term.as<std::string>();
  wrongKind(x, what, "a string");
  return std::nullopt;
}

std::optional<Type> Elaborator::toDType(const Operand &x,
                                        const std::string &what) {
  if (x.term.is<Type>())
    return x.term.as<Type>();
  // The defaults of builtins name types by text.
  if (x.term.is<std::string>())
    if (auto type = findDType(x.term.as<std::string>()))
      return type;
  wrongKind(x, what, "a dtype such as `f32`");
  return std::nullopt;
}

std::optional<Dims> Elaborator::toShape(const Operand &x,
                                        const std::string &what) {
  if (!x.term.is<Term::List>()) {
    if (!x.term.isExtent()) {
      wrongKind(x, what, "a list of ints");
      return std::nullopt;
    }
    return Dims{x.term.asExtent()};
  }
  Dims dims;
  for (const Term &element : x.term.asList()) {
    auto extent = toExtent({element, x.span}, "an extent of " + what);
    if (!extent)
      return std::nullopt;
    dims.push_back(*extent);
  }
  return dims;
}

std::optional<std::vector<int64_t>>
Elaborator::toInts(const Operand &x, const std::string &what) {
  if (x.term.is<int64_t>())
    return std::vector<int64_t>{x.term.as<int64_t>()};
  if (!x.term.is<Term::List>()) {
    wrongKind(x, what, "an int or a list of ints");
    return std::nullopt;
  }
  std::vector<int64_t> result;
  for (const Term &element : x.term.asList()) {
    auto value = toInt({element, x.span}, "each of " + what);
    if (!value)
      return std::nullopt;
    result.push_back(*value);
  }
  return result;
}

/// Whether `value`, a part of `x`, is a value of the type `element`.
bool Elaborator::fits(const Operand &x, const Number &value, Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return true;
  unsigned bits = integer.getWidth();
  double limit = std::ldexp(1.0, bits == 1 ? 1 : bits - 1);
  // The largest integer of all rounds up to the limit of i64.
  bool isInteger = std::holds_alternative<int64_t>(value) && bits == 64;
  double number = asDouble(value);
  bool isWhole = number == std::floor(number);
  bool isInside = number < limit && number >= (bits == 1 ? 0 : -limit);
  if (isInteger || (isWhole && isInside))
    return true;
  report(Diagnostic(Code::ASG0104, formatNumber(value) + " is no value of " +
                                       describeType(element))
             .at(x.span));
  return false;
}

TypedAttr Elaborator::toElement(const Number &value, Type element) {
  if (isa<FloatType>(element))
    return FloatAttr::get(element, asDouble(value));
  auto whole =
      std::visit([](auto x) { return static_cast<int64_t>(x); }, value);
  return IntegerAttr::get(element, whole);
}

Value Elaborator::toTensor(const Operand &x, Location loc, Type likeType) {
  const Term &term = x.term;
  if (term.isTensor())
    return term.tensor();
  Type element = likeType            ? likeType
                 : term.is<double>() ? Type(builder.getF32Type())
                 : term.is<bool>()   ? Type(builder.getI1Type())
                                     : Type(builder.getI64Type());
  if (term.isNumber()) {
    if (!fits(x, term.asNumber(), element))
      return {};
    return splat(loc, RankedTensorType::get({}, element), term.asNumber());
  }
  if (term.is<bool>())
    return splat(loc, RankedTensorType::get({}, element),
                 int64_t(term.as<bool>()));
  if (term.is<DimExpr>())
    return extentTensor(loc, term.as<DimExpr>(), element);
  if (term.is<Term::List>())
    return listTensor(x, loc, likeType);
  wrongKind(x, quote(x.span), "a tensor");
  return {};
}

/// [1, 2, 3] and [[1, 2], [3, 4]] as constants.
Value Elaborator::listTensor(const Operand &x, Location loc, Type likeType) {
  std::vector<int64_t> shape;
  for (const Term *level = &x.term; level->is<Term::List>();) {
    shape.push_back(level->asList().size());
    if (shape.back() == 0 || shape.size() > kMaxRank) {
      wrongKind(x, quote(x.span), "a tensor");
      return {};
    }
    level = &level->asList()[0];
  }
  bool isFloat = false, isRagged = false;
  std::vector<Number> values;
  auto collect = [&](auto &&self, const Term &term, size_t level) -> bool {
    if (term.is<Term::List>()) {
      isRagged |= level >= shape.size() ||
                  int64_t(term.asList().size()) != shape[level];
      for (const Term &element : term.asList())
        if (isRagged || !self(self, element, level + 1))
          return false;
      return true;
    }
    isRagged |= level != shape.size();
    if (isRagged || !term.isNumber())
      return false;
    isFloat |= term.is<double>();
    values.push_back(term.asNumber());
    return true;
  };
  if (!collect(collect, x.term, 0)) {
    if (isRagged)
      report(Diagnostic(Code::ASG0112, "rows of a list have different lengths")
                 .at(x.span));
    else
      wrongKind(x, quote(x.span), "a list of numbers");
    return {};
  }
  Type element = likeType  ? likeType
                 : isFloat ? Type(builder.getF32Type())
                           : Type(builder.getI64Type());
  std::vector<Attribute> elements;
  for (const Number &value : values) {
    if (!fits(x, value, element))
      return {};
    elements.push_back(toElement(value, element));
  }
  auto type = RankedTensorType::get(shape, element);
  return asg::ConstantOp::create(builder, loc, type,
                                 DenseElementsAttr::get(type, elements));
}

} // namespace asgc
