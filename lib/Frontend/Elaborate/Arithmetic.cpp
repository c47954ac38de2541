//===- Arithmetic.cpp - Operators on compile-time values ------------------===//
#include "Elaborator.h"

#include <algorithm>
#include <cmath>

namespace asgc {

using ast::BinaryOp;

/// Elements a list may have, those of inner lists counted.
static constexpr size_t kMaxElements = 1 << 18;
/// Terms a run-time extent may have; products of sums would grow without end.
static constexpr size_t kMaxTerms = 64;

bool Elaborator::checkSize(const Term &term, Span span) {
  if (term.countElements() <= kMaxElements)
    return true;
  report(Diagnostic(Code::ASG0403, "list is longer than " +
                                       std::to_string(kMaxElements) +
                                       " elements")
             .at(span));
  return false;
}

static Term overflow(Elaborator &e, BinaryOp op, const Operand &lhs,
                     const Operand &rhs, Span opSpan) {
  return e.fail(
      Diagnostic(Code::ASG0305, "the result does not fit 64 bits")
          .at(opSpan, describeValue(lhs.term) + " " +
                          std::string(ast::spelling(op)) + " " +
                          describeValue(rhs.term))
          .fix("a float holds larger numbers, if not all their digits", lhs.span,
               "float(" +
                   std::string(e.diagnostics.getSources().getText(lhs.span)) +
                   ")"));
}

static Term zeroDivision(Elaborator &e, const Operand &lhs, const Operand &rhs,
                         Span opSpan) {
  return e.fail(
      Diagnostic(Code::ASG0304, "division by zero")
          .at(opSpan)
          .also(rhs.span, "is " + describeValue(rhs.term))
          .fix("if it may be zero, say what to divide by then", rhs.span,
               "max(" +
                   std::string(e.diagnostics.getSources().getText(rhs.span)) +
                   ", 1)"));
}

static int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

/// a ^ b for b >= 0; null on overflow.
static std::optional<int64_t> powerOf(int64_t a, int64_t b) {
  int64_t result = 1;
  while (b > 0) {
    if ((b & 1) && __builtin_mul_overflow(result, a, &result))
      return std::nullopt;
    b >>= 1;
    if (b > 0 && __builtin_mul_overflow(a, a, &a))
      return std::nullopt;
  }
  return result;
}

static Term foldInts(Elaborator &e, BinaryOp op, const Operand &lhs,
                     const Operand &rhs, Span opSpan) {
  int64_t a = lhs.term.as<int64_t>(), b = rhs.term.as<int64_t>(), result = 0;
  bool isTooBig = false;
  switch (op) {
  case BinaryOp::Add:
    isTooBig = __builtin_add_overflow(a, b, &result);
    break;
  case BinaryOp::Subtract:
    isTooBig = __builtin_sub_overflow(a, b, &result);
    break;
  case BinaryOp::Multiply:
    isTooBig = __builtin_mul_overflow(a, b, &result);
    break;
  case BinaryOp::Divide:
  case BinaryOp::FloorDivide:
  case BinaryOp::Remainder:
    if (b == 0)
      return zeroDivision(e, lhs, rhs, opSpan);
    if (b == -1) { // the smallest integer has no opposite
      if (op == BinaryOp::Remainder)
        return Term(int64_t(0));
      isTooBig = __builtin_sub_overflow(int64_t(0), a, &result);
      break;
    }
    if (op == BinaryOp::Remainder)
      return Term(a - floorDivide(a, b) * b);
    if (op == BinaryOp::Divide && a % b != 0)
      return Term(static_cast<double>(a) / static_cast<double>(b));
    return Term(floorDivide(a, b));
  default: { // Power
    if (b < 0)
      return Term(std::pow(static_cast<double>(a), static_cast<double>(b)));
    auto value = powerOf(a, b);
    isTooBig = !value;
    result = value.value_or(0);
  }
  }
  return isTooBig ? overflow(e, op, lhs, rhs, opSpan) : Term(result);
}

static double foldDoubles(BinaryOp op, double a, double b) {
  switch (op) {
  case BinaryOp::Add:
    return a + b;
  case BinaryOp::Subtract:
    return a - b;
  case BinaryOp::Multiply:
    return a * b;
  case BinaryOp::Divide:
    return a / b;
  case BinaryOp::FloorDivide:
    return std::floor(a / b);
  case BinaryOp::Remainder:
    return a - std::floor(a / b) * b;
  default:
    return std::pow(a, b);
  }
}

/// Integers of which one is known only at run time.
static Term foldExtents(Elaborator &e, BinaryOp op, const Operand &lhs,
                        const Operand &rhs, Span opSpan) {
  DimExpr a = lhs.term.asExtent(), b = rhs.term.asExtent();
  auto checked = [&](DimExpr result) {
    if (!Elaborator::isWritable(result))
      return e.fail(
          Diagnostic(Code::ASG0403, "the run-time extent has too many terms")
              .at(opSpan));
    return Term::dim(result);
  };
  auto refuse = [&](const std::string &what, const std::string &help) {
    return e.fail(Diagnostic(Code::ASG0110, what)
                      .at(opSpan)
                      .also(lhs.span, "is " + a.str())
                      .also(rhs.span, "is " + b.str())
                      .help(help));
  };
  auto divisor = b.asConstant();
  switch (op) {
  case BinaryOp::Add:
    return checked(a + b);
  case BinaryOp::Subtract:
    return checked(a - b);
  case BinaryOp::Multiply:
    if (a.numTerms() * b.numTerms() > kMaxTerms)
      return refuse("the product of run-time extents has too many terms",
                    "give an extent a number");
    return checked(a * b);
  case BinaryOp::Divide: {
    if (divisor == 0)
      return zeroDivision(e, lhs, rhs, opSpan);
    if (auto quotient = a.divideExactly(b))
      return checked(*quotient);
    return refuse("the quotient may be no whole number",
                  "`//` rounds down; as a float, divide a tensor");
  }
  case BinaryOp::FloorDivide:
  case BinaryOp::Remainder: {
    if (!divisor || *divisor <= 0)
      return refuse("a run-time extent is divided by positive numbers only",
                    "give the divisor a number");
    DimExpr quotient = a.floorDiv(*divisor);
    return checked(op == BinaryOp::FloorDivide ? quotient : a - quotient * b);
  }
  default:
    return refuse("a run-time extent has no power", "multiply it instead");
  }
}

static bool isArithmetic(BinaryOp op) {
  switch (op) {
  case BinaryOp::Add:
  case BinaryOp::Subtract:
  case BinaryOp::Multiply:
  case BinaryOp::Divide:
  case BinaryOp::FloorDivide:
  case BinaryOp::Remainder:
  case BinaryOp::Power:
    return true;
  default:
    return false;
  }
}

static Term cannotCombine(Elaborator &e, BinaryOp op, const Operand &lhs,
                          const Operand &rhs, Span opSpan) {
  Diagnostic diagnostic(Code::ASG0303, "`" + std::string(ast::spelling(op)) +
                                           "` does not take " +
                                           describeKind(lhs.term) + " and " +
                                           describeKind(rhs.term));
  diagnostic.at(opSpan)
      .also(lhs.span, describeKind(lhs.term))
      .also(rhs.span, describeKind(rhs.term));
  bool hasText = lhs.term.is<std::string>() || rhs.term.is<std::string>();
  if (op == BinaryOp::Add && hasText)
    diagnostic.help("put values into a string with braces: \"layer{i}\"");
  else if (lhs.term.isNone() || rhs.term.isNone())
    diagnostic.help("test with `is none` before");
  else if (lhs.term.is<Term::Block>() || rhs.term.is<Term::Block>())
    diagnostic.help("call the block: it is not a value to compute with");
  return e.fail(std::move(diagnostic));
}

/// Whether two values are the same; null if only run time knows.
static std::optional<bool> areEqual(const Term &a, const Term &b) {
  if (a.isNumber() && b.isNumber() && !(a.is<int64_t>() && b.is<int64_t>()))
    return a.asDouble() == b.asDouble();
  if (a.isExtent() && b.isExtent()) {
    auto difference = (a.asExtent() - b.asExtent()).asConstant();
    if (difference)
      return *difference == 0;
    return std::nullopt;
  }
  if (a.is<Term::List>() && b.is<Term::List>()) {
    if (a.asList().size() != b.asList().size())
      return false;
    for (size_t i = 0; i < a.asList().size(); ++i) {
      auto same = areEqual(a.asList()[i], b.asList()[i]);
      if (!same || !*same)
        return same;
    }
    return true;
  }
  if (a.is<Term::Block>() && b.is<Term::Block>())
    return a.as<Term::Block>()->item == b.as<Term::Block>()->item &&
           a.as<Term::Block>()->builtin == b.as<Term::Block>()->builtin;
  return a.data == b.data;
}

Term Elaborator::foldCompare(BinaryOp op, const Operand &lhs,
                             const Operand &rhs, Span opSpan) {
  const Term &a = lhs.term, &b = rhs.term;
  auto unknown = [&] {
    return fail(
        Diagnostic(Code::ASG0110, "the answer is known only at run time")
            .at(opSpan)
            .also(lhs.span, "is " + describeValue(a))
            .also(rhs.span, "is " + describeValue(b))
            .help("a run-time dim cannot decide what is compiled; fix it with "
                  "a number, or with `--dim` on the command line"));
  };
  if (op == BinaryOp::Equal || op == BinaryOp::NotEqual) {
    auto same = areEqual(a, b);
    return same ? Term(*same == (op == BinaryOp::Equal)) : unknown();
  }
  int order = 0;
  if (a.isNumber() && b.isNumber()) {
    if (a.is<int64_t>() && b.is<int64_t>())
      order = a.as<int64_t>() < b.as<int64_t>()   ? -1
              : a.as<int64_t>() > b.as<int64_t>() ? 1
                                                  : 0;
    else if (std::isnan(a.asDouble()) || std::isnan(b.asDouble()))
      return Term(false);
    else
      order = a.asDouble() < b.asDouble()   ? -1
              : a.asDouble() > b.asDouble() ? 1
                                            : 0;
  } else if (a.isExtent() && b.isExtent()) {
    auto difference = (a.asExtent() - b.asExtent()).asConstant();
    if (!difference)
      return unknown();
    order = *difference < 0 ? -1 : *difference > 0;
  } else if (a.is<std::string>() && b.is<std::string>()) {
    order = a.as<std::string>().compare(b.as<std::string>());
  } else {
    return cannotCombine(*this, op, lhs, rhs, opSpan);
  }
  switch (op) {
  case BinaryOp::Less:
    return Term(order < 0);
  case BinaryOp::LessEqual:
    return Term(order <= 0);
  case BinaryOp::Greater:
    return Term(order > 0);
  default:
    return Term(order >= 0);
  }
}

Term Elaborator::makeRange(const Operand &begin, const Operand &end,
                           Span span) {
  auto from = toInt(begin, "the start of a range");
  auto to = toInt(end, "the end of a range");
  if (!from || !to)
    return Term::poison();
  uint64_t count = *to > *from ? uint64_t(*to) - uint64_t(*from) : 0;
  if (count > kMaxElements)
    return fail(Diagnostic(Code::ASG0403, "range is longer than " +
                                              std::to_string(kMaxElements))
                    .at(span, std::to_string(count) + " elements")
                    .help("`iota(n)` is a tensor of 0, 1, …, n - 1"));
  std::vector<Term> elements;
  for (int64_t i = *from; i < *to; ++i)
    elements.push_back(Term(i));
  return Term::list(std::move(elements));
}

/// list except value, list except list
static Term without(const Term &list, const Term &removed) {
  std::vector<Term> elements;
  for (const Term &element : list.asList()) {
    auto isElement = [&](const Term &other) {
      return areEqual(element, other).value_or(false);
    };
    bool isRemoved = removed.is<Term::List>()
                         ? std::any_of(removed.asList().begin(),
                                       removed.asList().end(), isElement)
                         : isElement(removed);
    if (!isRemoved)
      elements.push_back(element);
  }
  return Term::list(std::move(elements));
}

Term Elaborator::foldBinary(BinaryOp op, const Operand &lhs, const Operand &rhs,
                            Span opSpan) {
  const Term &a = lhs.term, &b = rhs.term;
  if (op == BinaryOp::And || op == BinaryOp::Or) {
    auto left = toBool(lhs, "the left side"),
         right = toBool(rhs, "the right side");
    if (!left || !right)
      return Term::poison();
    return Term(op == BinaryOp::And ? *left && *right : *left || *right);
  }
  if (op == BinaryOp::Range)
    return makeRange(lhs, rhs, opSpan);
  if (op >= BinaryOp::Equal && op <= BinaryOp::GreaterEqual)
    return foldCompare(op, lhs, rhs, opSpan);
  if (op == BinaryOp::Except && a.is<Term::List>()) {
    size_t cost =
        a.asList().size() * (b.is<Term::List>() ? b.asList().size() : 1);
    if (cost > kMaxElements)
      return fail(Diagnostic(Code::ASG0403, "lists are too long for `except`")
                      .at(opSpan));
    return without(a, b);
  }
  if (isArithmetic(op)) {
    if (a.is<int64_t>() && b.is<int64_t>())
      return foldInts(*this, op, lhs, rhs, opSpan);
    if (a.isNumber() && b.isNumber()) {
      bool divides = op == BinaryOp::Divide || op == BinaryOp::FloorDivide ||
                     op == BinaryOp::Remainder;
      if (divides && b.asDouble() == 0)
        return zeroDivision(*this, lhs, rhs, opSpan);
      return Term(foldDoubles(op, a.asDouble(), b.asDouble()));
    }
    if (a.isExtent() && b.isExtent())
      return foldExtents(*this, op, lhs, rhs, opSpan);
    if (op == BinaryOp::Add && a.is<Term::List>() && b.is<Term::List>()) {
      std::vector<Term> elements = a.asList();
      elements.insert(elements.end(), b.asList().begin(), b.asList().end());
      Term result = Term::list(std::move(elements));
      return checkSize(result, opSpan) ? result : Term::poison();
    }
  }
  return cannotCombine(*this, op, lhs, rhs, opSpan);
}

} // namespace asgc
