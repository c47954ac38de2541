//===- Term.h - Values of the elaborator ----------------------------------===//
#ifndef ASGC_FRONTEND_TERM_H
#define ASGC_FRONTEND_TERM_H

#include "asgc/DimExpr.h"
#include "asgc/Syntax.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace asgc {

struct Term;
struct Builtin;

/// A number of compile time; integers keep all their digits.
using Number = std::variant<int64_t, double>;

inline double asDouble(const Number &number) {
  return std::visit([](auto value) { return static_cast<double>(value); },
                    number);
}

/// How a parameter or a state starts.
struct Initializer {
  enum class Kind { Constant, Values, Uniform, Normal, TruncatedNormal };
  /// What `a` and `b` are scaled by, once the shape is known.
  enum class Scale { None, FanIn, FanSum };

  Kind kind = Kind::Constant;
  Scale scale = Scale::None;
  double a = 0, b = 0;        ///< low, high; mean, deviation
  double low = 0, high = 0;   ///< TruncatedNormal
  double fan = 0;             ///< given by hand; 0: from the shape
  Number constant;            ///< Constant
  mlir::DenseElementsAttr values; ///< Values
  std::string text;           ///< as written, for the module
};

/// A block or a builtin, perhaps with some arguments already given.
struct BlockRef {
  const ast::Item *item = nullptr;
  const Builtin *builtin = nullptr;
  struct Bound {
    ast::Identifier name; ///< empty text if by position
    std::shared_ptr<const Term> value;
    Span span;
  };
  std::vector<Bound> arguments;

  const std::string &getName() const;
};

/// An input of a recipe whose type is not known yet.
struct Hole {
  std::string name;
  bool operator==(const Hole &) const = default;
};

/// `200 steps`
struct Quantity {
  int64_t count;
  std::string unit; ///< "step" or "epoch"
  bool operator==(const Quantity &) const = default;
};

/// Any value: of compile time, or a tensor of run time. Poison stands for a
/// value that could not be made because of an error already reported; whatever
/// is made from it is poison too, silently.
struct Term {
  struct None {
    bool operator==(const None &) const = default;
  };
  struct Poison {
    bool operator==(const Poison &) const = default;
  };
  using List = std::shared_ptr<const std::vector<Term>>;
  using Block = std::shared_ptr<const BlockRef>;
  using Init = std::shared_ptr<const Initializer>;

  std::variant<Poison, None, bool, int64_t, DimExpr, double, std::string, List,
               mlir::Type, Block, Init, Hole, Quantity, mlir::Value>
      data;
  Span origin; ///< where it was made; notes point there

  Term() = default; // poison
  template <typename T>
  requires(!std::is_same_v<std::decay_t<T>, Term>)
      Term(T &&value, Span origin = {})
      : data(std::forward<T>(value)), origin(origin) {}

  static Term none() { return Term(None()); }
  static Term poison() { return Term(); }
  static Term list(std::vector<Term> elements);
  /// An int if `dim` is constant.
  static Term dim(const DimExpr &dim);
  static Term dims(const std::vector<DimExpr> &dims);

  template <typename T> bool is() const {
    return std::holds_alternative<T>(data);
  }
  template <typename T> const T &as() const { return std::get<T>(data); }

  bool isPoison() const { return is<Poison>(); }
  bool isNone() const { return is<None>(); }
  bool isTensor() const { return is<mlir::Value>(); }
  bool isNumber() const { return is<int64_t>() || is<double>(); }
  /// An integer, perhaps known only at run time.
  bool isExtent() const { return is<int64_t>() || is<DimExpr>(); }
  Number asNumber() const {
    return is<int64_t>() ? Number(as<int64_t>()) : Number(as<double>());
  }
  double asDouble() const { return asgc::asDouble(asNumber()); }
  DimExpr asExtent() const {
    return is<int64_t>() ? DimExpr(as<int64_t>()) : as<DimExpr>();
  }
  const std::vector<Term> &asList() const { return *as<List>(); }
  mlir::Value tensor() const { return as<mlir::Value>(); }
  mlir::RankedTensorType tensorType() const {
    return mlir::cast<mlir::RankedTensorType>(tensor().getType());
  }
  /// Elements of nested lists, to bound their size.
  size_t countElements() const;
};

/// The kind of `term` with an article: "an int", "a list", "f32[batch, 10]".
std::string describeKind(const Term &term);
/// The value of `term` as the language writes it; tensors as their type.
std::string describeValue(const Term &term);
/// A number the way the language writes it, shortest form that reads back.
std::string formatNumber(const Number &value);
/// `f32[batch, 10]`
std::string describeType(mlir::Type type);
/// `[batch, 10]`
std::string describeDims(const std::vector<DimExpr> &dims);

} // namespace asgc

#endif
