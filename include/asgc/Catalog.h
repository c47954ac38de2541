//===- Catalog.h - What every op is, for people and for the viewer --------===//
#ifndef ASGC_CATALOG_H
#define ASGC_CATALOG_H

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asgc {

/// A text in every language the catalog speaks.
struct CatalogText {
  std::string en, ru;

  /// The text in `language` ("ru"); English for any other.
  const std::string &in(std::string_view language) const {
    return language == "ru" ? ru : en;
  }
};

/// An operand, result or attribute of an op.
struct CatalogValue {
  std::string name;
  std::string type;        ///< in words: "float tensor", "integers"
  bool isVariadic = false;
};

/// One op of the asg dialect, from its record.
struct CatalogOp {
  std::string name;        ///< "asg.tanh"
  std::string category;    ///< "activation"
  CatalogText summary;     ///< what it computes, in a few words
  CatalogText role;        ///< what a network uses it for
  std::string formula;     ///< empty for structural ops
  std::string description; ///< exact meaning, where the formula leaves a doubt
  /// IR that parses and runs: ops whose undefined %names are inputs, or a module.
  std::string example;
  std::vector<std::string> cases; ///< more examples, for tests
  std::vector<CatalogValue> operands, results, attributes;
  bool isDifferentiable = false;
  bool isElementwise = false;
  /// Rules such as "dx = mul(dy, y)"; empty if they are written in C++.
  std::vector<std::string> gradient;
  /// Interval the example's inputs are drawn from, where the op is smooth.
  double domainLow = 0, domainHigh = 0;
  bool isSmooth = true;    ///< second derivatives exist on the domain
  std::string source;      ///< "dialects/asg/AsgElementwise.td:31"
};

/// All ops, in the order of the records.
const std::vector<CatalogOp> &allOps();

/// The op called `name`, with or without "asg."; null if there is none.
const CatalogOp *findOp(std::string_view name);

/// The name of an op that was perhaps meant by `name`.
std::optional<std::string> nearestOp(std::string_view name);

/// The whole catalog as JSON (schema "asgc-catalog/1").
std::string_view catalogJson();

} // namespace asgc

#endif
