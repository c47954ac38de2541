//===- DimExpr.cpp - Extents known only at run time -----------------------===//
#include "asgc/DimExpr.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <set>

namespace asgc {

namespace {
/// Text longer than this is no extent anyone wrote; refusing it early bounds the
/// work of reading a hostile file.
constexpr size_t kMaxText = 4096;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxTerms = 64, kMaxDegree = 32;

int64_t floorDivide(int64_t value, int64_t divisor) {
  int64_t quotient = value / divisor;
  return quotient - (value % divisor < 0);
}
} // namespace

DimExpr::DimExpr(int64_t value) { addTerm({}, value); }

DimExpr DimExpr::symbol(std::string_view name) {
  DimExpr result;
  result.addTerm({Factor{std::string(name), 0}}, 1);
  return result;
}

void DimExpr::addTerm(const Monomial &monomial, int64_t coefficient) {
  if (coefficient == 0)
    return;
  auto [it, isNew] = terms.emplace(monomial, coefficient);
  if (isNew)
    return;
  // Wraps on overflow: evaluate() is where values are trusted, and it checks.
  it->second = static_cast<int64_t>(static_cast<uint64_t>(it->second) +
                                    static_cast<uint64_t>(coefficient));
  if (it->second == 0)
    terms.erase(it);
}

DimExpr DimExpr::operator+(const DimExpr &other) const {
  DimExpr result = *this;
  for (const auto &[monomial, coefficient] : other.terms)
    result.addTerm(monomial, coefficient);
  return result;
}

DimExpr DimExpr::operator-(const DimExpr &other) const {
  return *this + other * DimExpr(-1);
}

DimExpr DimExpr::operator*(const DimExpr &other) const {
  DimExpr result;
  for (const auto &[left, leftCoefficient] : terms) {
    for (const auto &[right, rightCoefficient] : other.terms) {
      Monomial monomial = left;
      monomial.insert(monomial.end(), right.begin(), right.end());
      std::sort(monomial.begin(), monomial.end());
      result.addTerm(monomial, static_cast<int64_t>(
                                   static_cast<uint64_t>(leftCoefficient) *
                                   static_cast<uint64_t>(rightCoefficient)));
    }
  }
  return result;
}

DimExpr DimExpr::floorDiv(int64_t divisor) const {
  if (divisor == 1)
    return *this;
  // Terms whose coefficient divides leave the floor: floor(a·d + r) =
  // a + floor(r / d).
  DimExpr whole, rest;
  for (const auto &[monomial, coefficient] : terms) {
    int64_t quotient = floorDivide(coefficient, divisor);
    bool takeAll = coefficient % divisor == 0;
    if (takeAll || monomial.empty())
      whole.addTerm(monomial, quotient);
    if (!takeAll)
      rest.addTerm(monomial, monomial.empty() ? coefficient - quotient * divisor
                                              : coefficient);
  }
  if (!rest.terms.empty() && !rest.asConstant())
    whole.addTerm({Factor{rest.str(), divisor}}, 1);
  return whole;
}

std::optional<DimExpr> DimExpr::divideExactly(const DimExpr &divisor) const {
  if (divisor.terms.size() != 1)
    return std::nullopt;
  const auto &[by, byCoefficient] = *divisor.terms.begin();
  DimExpr result;
  for (const auto &[monomial, coefficient] : terms) {
    // The one quotient of 64-bit numbers that does not fit.
    if (byCoefficient == -1 &&
        coefficient == std::numeric_limits<int64_t>::min())
      return std::nullopt;
    if (coefficient % byCoefficient != 0 ||
        !std::includes(monomial.begin(), monomial.end(), by.begin(), by.end()))
      return std::nullopt;
    Monomial quotient;
    std::set_difference(monomial.begin(), monomial.end(), by.begin(), by.end(),
                        std::back_inserter(quotient));
    result.addTerm(quotient, coefficient / byCoefficient);
  }
  return result;
}

std::optional<int64_t> DimExpr::asConstant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

std::optional<std::string> DimExpr::asSymbol() const {
  if (terms.size() != 1)
    return std::nullopt;
  const auto &[monomial, coefficient] = *terms.begin();
  if (coefficient != 1 || monomial.size() != 1 || monomial[0].divisor != 0)
    return std::nullopt;
  return monomial[0].text;
}

std::optional<int64_t> DimExpr::evaluate(
    const std::function<std::optional<int64_t>(std::string_view)> &valueOf)
    const {
  int64_t sum = 0;
  for (const auto &[monomial, coefficient] : terms) {
    int64_t product = coefficient;
    for (const Factor &factor : monomial) {
      std::optional<int64_t> value;
      if (factor.divisor == 0) {
        value = valueOf(factor.text);
      } else if (auto numerator = parse(factor.text)) {
        value = numerator->evaluate(valueOf);
        if (value)
          value = floorDivide(*value, factor.divisor);
      }
      if (!value || __builtin_mul_overflow(product, *value, &product))
        return std::nullopt;
    }
    if (__builtin_add_overflow(sum, product, &sum))
      return std::nullopt;
  }
  return sum;
}

/// An expression that is never smaller: whole multiples of floor(e / d) become
/// multiples of e or of e − d + 1, which other terms may cancel. Null if numbers
/// grow beyond what any extent has.
std::optional<DimExpr> DimExpr::boundFloors() const {
  constexpr int64_t kMost = int64_t(1) << 50;
  DimExpr result;
  for (const auto &[monomial, coefficient] : terms) {
    if (coefficient > kMost || coefficient < -kMost)
      return std::nullopt;
    bool isMultiple = monomial.size() == 1 && monomial[0].divisor != 0 &&
                      coefficient % monomial[0].divisor == 0;
    auto numerator = isMultiple ? parse(monomial[0].text) : std::nullopt;
    if (!numerator) {
      result.addTerm(monomial, coefficient);
      continue;
    }
    int64_t divisor = monomial[0].divisor, factor = coefficient / divisor;
    if (coefficient < 0)
      numerator = *numerator - DimExpr(divisor - 1);
    for (const auto &[inner, innerCoefficient] : numerator->terms) {
      int64_t product;
      if (__builtin_mul_overflow(innerCoefficient, factor, &product) ||
          product > kMost || product < -kMost)
        return std::nullopt;
      result.addTerm(inner, product);
    }
  }
  return result;
}

std::optional<int64_t> DimExpr::maximum() const {
  DimExpr bounded = *this;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    std::optional<DimExpr> next = bounded.boundFloors();
    if (!next)
      return std::nullopt;
    if (*next == bounded)
      break;
    bounded = *next;
  }
  int64_t sum = 0;
  for (const auto &[monomial, coefficient] : bounded.terms) {
    // A product of things that are at least 0 is at least that of their
    // minima, so a negative coefficient bounds the term from above.
    int64_t term = coefficient;
    if (!monomial.empty() && coefficient > 0)
      return std::nullopt;
    for (const Factor &factor : monomial) {
      int64_t least = 1;
      if (factor.divisor != 0) {
        auto numerator = parse(factor.text);
        auto bound = numerator ? numerator->minimum() : std::nullopt;
        if (!bound || *bound < 0)
          return std::nullopt;
        least = *bound / factor.divisor;
      }
      if (__builtin_mul_overflow(term, least, &term))
        return std::nullopt;
    }
    if (__builtin_add_overflow(sum, term, &sum))
      return std::nullopt;
  }
  return sum;
}

std::optional<int64_t> DimExpr::minimum() const {
  std::optional<int64_t> bound = (*this * DimExpr(-1)).maximum();
  if (!bound || *bound == std::numeric_limits<int64_t>::min())
    return std::nullopt;
  return -*bound;
}

std::optional<int64_t> DimExpr::maximumWithin(
    const std::function<std::optional<int64_t>(std::string_view)> &boundOf)
    const {
  struct Interval {
    double low, high; // which no sum or product overflows
    Interval operator+(const Interval &o) const {
      return {low + o.low, high + o.high};
    }
    Interval operator*(const Interval &o) const {
      auto [least, most] =
          std::minmax({low * o.low, low * o.high, high * o.low, high * o.high});
      return {least, most};
    }
  };
  auto add = [](Interval a, Interval b) { return a + b; };
  auto multiply = [](Interval a, Interval b) { return a * b; };
  double most = evaluateWith<Interval>(
                    [](int64_t number) {
                      return Interval{double(number), double(number)};
                    },
                    [&](std::string_view symbol) {
                      auto bound = boundOf(symbol);
                      return Interval{0, bound ? double(*bound) : INFINITY};
                    },
                    add, multiply,
                    [](Interval a, int64_t b) {
                      return Interval{std::floor(a.low / double(b)),
                                      std::floor(a.high / double(b))};
                    })
                    .high;
  constexpr double exact = 1ll << 53;
  return most > -exact && most < exact ? std::optional(int64_t(most))
                                       : std::nullopt;
}

std::vector<std::string> DimExpr::symbols() const {
  std::set<std::string> names;
  for (const auto &[monomial, coefficient] : terms) {
    for (const Factor &factor : monomial) {
      if (factor.divisor == 0) {
        names.insert(factor.text);
      } else if (auto numerator = parse(factor.text)) {
        for (const std::string &name : numerator->symbols())
          names.insert(name);
      }
    }
  }
  return {names.begin(), names.end()};
}

std::string DimExpr::str() const {
  if (terms.empty())
    return "0";
  // Terms with symbols come first, the constant last: `2*batch + 1`.
  std::string text;
  auto append = [&](const Monomial &monomial, int64_t coefficient) {
    bool isNegative = coefficient < 0;
    if (text.empty())
      text += isNegative ? "-" : "";
    else
      text += isNegative ? " - " : " + ";
    uint64_t magnitude = isNegative ? 0 - static_cast<uint64_t>(coefficient)
                                    : static_cast<uint64_t>(coefficient);
    bool needsStar = false;
    if (magnitude != 1 || monomial.empty()) {
      text += std::to_string(magnitude);
      needsStar = true;
    }
    for (const Factor &factor : monomial) {
      if (needsStar)
        text += "*";
      needsStar = true;
      if (factor.divisor == 0)
        text += factor.text;
      else
        text += "((" + factor.text + ") floordiv " +
                std::to_string(factor.divisor) + ")";
    }
  };
  for (const auto &[monomial, coefficient] : terms)
    if (!monomial.empty())
      append(monomial, coefficient);
  if (auto it = terms.find({}); it != terms.end())
    append({}, it->second);
  return text;
}

/// sum := ['-'] product (('+' | '-') product)*
/// product := factor ('*' factor | 'floordiv' integer)*
/// factor := integer | name | '(' sum ')'
class DimExprParser {
public:
  explicit DimExprParser(std::string_view text) : text(text) {}

  std::optional<DimExpr> parseAll() {
    auto result = parseSum(0);
    skipSpace();
    if (!result || position != text.size() || isTooLarge(*result))
      return std::nullopt;
    return result;
  }

private:
  std::optional<DimExpr> parseSum(int depth) {
    if (depth > kMaxDepth)
      return std::nullopt;
    bool isNegative = accept('-');
    auto sum = parseProduct(depth);
    if (!sum)
      return std::nullopt;
    if (isNegative)
      sum = *sum * DimExpr(-1);
    while (true) {
      bool isPlus = accept('+');
      if (!isPlus && !accept('-'))
        return sum;
      auto next = parseProduct(depth);
      if (!next)
        return std::nullopt;
      sum = isPlus ? *sum + *next : *sum - *next;
    }
  }

  /// Products of sums grow without bound; nobody writes such extents.
  static bool isTooLarge(const DimExpr &expr) {
    if (expr.terms.size() > kMaxTerms)
      return true;
    return std::any_of(expr.terms.begin(), expr.terms.end(), [](auto &term) {
      return term.first.size() > kMaxDegree;
    });
  }

  std::optional<DimExpr> parseProduct(int depth) {
    auto product = parseFactor(depth);
    while (product) {
      if (isTooLarge(*product))
        return std::nullopt;
      if (accept('*')) {
        auto next = parseFactor(depth);
        if (!next)
          return std::nullopt;
        product = *product * *next;
      } else if (acceptWord("floordiv")) {
        auto divisor = parseInteger();
        if (!divisor || *divisor <= 0)
          return std::nullopt;
        product = product->floorDiv(*divisor);
      } else {
        break;
      }
    }
    return product;
  }

  std::optional<DimExpr> parseFactor(int depth) {
    skipSpace();
    if (accept('(')) {
      auto inner = parseSum(depth + 1);
      if (!inner || !accept(')'))
        return std::nullopt;
      return inner;
    }
    if (position < text.size() && std::isdigit(uchar()))
      if (auto value = parseInteger())
        return DimExpr(*value);
    size_t start = position;
    if (position < text.size() && (std::isalpha(uchar()) || uchar() == '_'))
      while (position < text.size() && (std::isalnum(uchar()) || uchar() == '_'))
        ++position;
    if (start == position)
      return std::nullopt;
    return DimExpr::symbol(text.substr(start, position - start));
  }

  std::optional<int64_t> parseInteger() {
    skipSpace();
    int64_t value = 0;
    size_t start = position;
    while (position < text.size() && std::isdigit(uchar())) {
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t(text[position] - '0'), &value))
        return std::nullopt;
      ++position;
    }
    if (start == position)
      return std::nullopt;
    return value;
  }

  unsigned char uchar() const { return text[position]; }
  void skipSpace() {
    while (position < text.size() && text[position] == ' ')
      ++position;
  }
  bool accept(char c) {
    skipSpace();
    if (position >= text.size() || text[position] != c)
      return false;
    ++position;
    return true;
  }
  bool acceptWord(std::string_view word) {
    skipSpace();
    if (text.substr(position, word.size()) != word)
      return false;
    position += word.size();
    return true;
  }

  std::string_view text;
  size_t position = 0;
};

std::optional<DimExpr> DimExpr::parse(std::string_view text) {
  if (text.size() > kMaxText)
    return std::nullopt;
  return DimExprParser(text).parseAll();
}

} // namespace asgc
