//===- DimExpr.h - Extents known only at run time -------------------------===//
#ifndef ASGC_DIMEXPR_H
#define ASGC_DIMEXPR_H

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asgc {

/// An extent as a polynomial with integer coefficients over named symbols
/// (`batch`, `seq`) and over floor divisions of such polynomials by a positive
/// integer (the output extent of a strided convolution).
///
/// The form is canonical: two expressions built by different routes are equal
/// exactly when their normal forms are, and then `str()` is the same text.
class DimExpr {
public:
  DimExpr() = default; // zero
  DimExpr(int64_t value);
  static DimExpr symbol(std::string_view name);

  /// Reads what `str()` writes: `4*batch + seq*2 - 1`, `(h + 2) floordiv 2`.
  /// Null if the text is malformed, too long, too deep, or overflows.
  static std::optional<DimExpr> parse(std::string_view text);

  DimExpr operator+(const DimExpr &other) const;
  DimExpr operator-(const DimExpr &other) const;
  DimExpr operator*(const DimExpr &other) const;
  /// floor(this / divisor); `divisor` must be positive. Exact when every
  /// coefficient divides.
  DimExpr floorDiv(int64_t divisor) const;
  /// The quotient if `divisor` is one term that divides every term of this.
  std::optional<DimExpr> divideExactly(const DimExpr &divisor) const;

  std::optional<int64_t> asConstant() const;
  /// The symbol's name if this is a symbol alone.
  std::optional<std::string> asSymbol() const;

  /// The value when `valueOf` gives each symbol's; null when a symbol is unknown
  /// or the arithmetic overflows 64 bits.
  std::optional<int64_t> evaluate(
      const std::function<std::optional<int64_t>(std::string_view)> &valueOf)
      const;

  /// A lower and an upper bound of the value when every symbol is at least 1;
  /// null when none is known. Never wrong, and tight for extents of slices.
  std::optional<int64_t> minimum() const;
  std::optional<int64_t> maximum() const;
  /// The same when every symbol is from 0 to its bound: null beyond 2^53, or
  /// where that hangs on a symbol without one.
  std::optional<int64_t> maximumWithin(
      const std::function<std::optional<int64_t>(std::string_view)> &boundOf)
      const;

  /// Number of terms of the normal form: what products of extents cost.
  size_t numTerms() const { return terms.size(); }

  /// Names of all symbols, sorted.
  std::vector<std::string> symbols() const;

  /// Calls back for each part so that code can be emitted: see evaluateWith.
  /// `T` needs +, * between values and a way to make constants and quotients.
  template <typename T>
  T evaluateWith(const std::function<T(int64_t)> &constant,
                 const std::function<T(std::string_view)> &symbol,
                 const std::function<T(T, T)> &add,
                 const std::function<T(T, T)> &multiply,
                 const std::function<T(T, int64_t)> &floorDivide) const;

  std::string str() const;
  bool operator==(const DimExpr &other) const { return terms == other.terms; }

private:
  /// A symbol (`divisor` 0) or `floor(numerator / divisor)`, held as text so
  /// that it compares and sorts.
  struct Factor {
    std::string text; // the symbol's name, or the numerator's canonical text
    int64_t divisor = 0;
    bool operator==(const Factor &) const = default;
    auto operator<=>(const Factor &) const = default;
  };
  using Monomial = std::vector<Factor>; // sorted; empty for the constant term

  void addTerm(const Monomial &monomial, int64_t coefficient);
  std::optional<DimExpr> boundFloors() const;

  std::map<Monomial, int64_t> terms; // no zero coefficients
  friend class DimExprParser;
};

template <typename T>
T DimExpr::evaluateWith(
    const std::function<T(int64_t)> &constant,
    const std::function<T(std::string_view)> &symbol,
    const std::function<T(T, T)> &add, const std::function<T(T, T)> &multiply,
    const std::function<T(T, int64_t)> &floorDivide) const {
  std::optional<T> sum;
  for (const auto &[monomial, coefficient] : terms) {
    std::optional<T> product;
    if (coefficient != 1 || monomial.empty())
      product = constant(coefficient);
    for (const Factor &factor : monomial) {
      T value = factor.divisor == 0
                    ? symbol(factor.text)
                    : floorDivide(parse(factor.text)->template evaluateWith<T>(
                                      constant, symbol, add, multiply,
                                      floorDivide),
                                  factor.divisor);
      product = product ? multiply(*product, value) : value;
    }
    sum = sum ? add(*sum, *product) : *product;
  }
  return sum ? *sum : constant(0);
}

} // namespace asgc

#endif
