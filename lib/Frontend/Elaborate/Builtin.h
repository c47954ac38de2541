//===- Builtin.h - Functions of the language that are C++ -----------------===//
#ifndef ASGC_FRONTEND_BUILTIN_H
#define ASGC_FRONTEND_BUILTIN_H

#include "Frame.h"

#include "mlir/IR/Location.h"

namespace asgc {

class Elaborator;

/// An argument as given: its value and where it stands.
struct GivenArgument {
  ast::Identifier name; ///< empty text if by position
  Term value;
  Span span;
};

/// A call of a builtin with its arguments in the order of the parameters.
struct BuiltinCall {
  const Builtin &builtin;
  Frame &frame;
  Span nameSpan;
  Span span;
  mlir::Location loc;
  std::vector<Term> arguments;
  std::vector<Span> spans; ///< of the arguments; the call's for defaults
  std::vector<bool> isGiven;

  const Term &operator[](size_t i) const { return arguments[i]; }
};

using BuiltinHandler = Term (*)(Elaborator &, BuiltinCall &);

struct Builtin {
  struct Parameter {
    std::string name;
    std::optional<Term> fallback; ///< none: must be given
  };
  std::string name;
  std::vector<Parameter> parameters;
  BuiltinHandler handler;
  /// The last parameter takes all further positional arguments, as a list.
  bool isVariadic = false;
  std::string signature; ///< for messages: "sum(x, axis = none, keep = false)"
};

/// The builtin called `name`; null if none is.
const Builtin *findBuiltin(std::string_view name);
/// Names of all, sorted.
const std::vector<std::string> &getBuiltinNames();

/// Tables of the families, each in its own file.
void addMathBuiltins(std::vector<Builtin> &table);
void addReductionBuiltins(std::vector<Builtin> &table);
void addLayoutBuiltins(std::vector<Builtin> &table);
void addIndexingBuiltins(std::vector<Builtin> &table);
void addImageBuiltins(std::vector<Builtin> &table);
void addInitialBuiltins(std::vector<Builtin> &table);
void addValueBuiltins(std::vector<Builtin> &table);

} // namespace asgc

#endif
