//===- Syntax.h - The model language: tree, parser, printer ---------------===//
#ifndef ASGC_SYNTAX_H
#define ASGC_SYNTAX_H

#include "asgc/Support.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace asgc::ast {

/// Trees deeper than this are refused by the parser, so that every walk over a
/// parsed tree may recurse.
inline constexpr unsigned kMaxDepth = 512;

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// A name where it is introduced.
struct Identifier {
  std::string text;
  Span span;
  bool operator==(const Identifier &o) const { return text == o.text; }
};

/// Comments that stand before or beside a node, `#` and text, in order. Only
/// the printer reads them.
struct Comments {
  struct Line {
    std::string text;            ///< from `#` on, no trailing spaces
    bool hasBlankBefore = false; ///< an empty line stands above
    bool operator==(const Line &) const = default;
  };
  std::vector<Line> before;
  std::string beside; ///< at the end of the node's (last) line
  bool hasBlankBefore = false;
};

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

enum class UnaryOp { Negate, Not };
enum class BinaryOp {
  Or,
  And,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Except,
  Range,
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Remainder,
  MatMul,
  Power,
  Pipe
};
/// As written: "+", "|>", "except".
std::string_view spelling(BinaryOp op);

/// An argument of a call: `value` or `name = value`.
struct Argument {
  Identifier name; ///< empty text if given by position
  ExprPtr value;
};

/// One part of a string: text, or the expression between braces.
struct StringPart {
  std::string text; ///< unescaped
  ExprPtr value;    ///< null for text
};

/// One index between `[` and `]`: a place, a stretch `begin:end:step`, or
/// `...`.
struct Index {
  enum class Kind { At, Slice, Ellipsis } kind = Kind::At;
  ExprPtr at;               // At
  ExprPtr begin, end, step; // Slice, each may be null
  Span span;
};

/// A node of an expression. One struct serves all kinds: `kind` says which
/// fields mean something (listed beside it). The tree owns its children.
struct Expr {
  enum class Kind {
    Name,     // text
    Number,   // text as written, isFloat, intValue or floatValue
    Quantity, // operands[0] a Number, text the unit: 200 steps
    String,   // parts
    Bool,     // boolValue
    None,
    List,        // operands
    Unary,       // unaryOp, operands[0]
    Binary,      // binaryOp, operands[0..1]
    Conditional, // operands: condition, then, otherwise
    IsNone,      // operands[0], boolValue: `is not none`
    Call,        // operands[0] the callee, arguments
    Instance,    // operands[0] the name (Name or String), operands[1] the block
    Index,       // operands[0], indices
    Member       // operands[0], text
  };

  Kind kind;
  Span span;           ///< all of the expression
  Span opSpan;         ///< the operator, member name or bracket, for messages
  unsigned height = 1; ///< levels of the tree below and with this node

  std::string text;
  bool boolValue = false;
  bool isFloat = false;
  int64_t intValue = 0;
  double floatValue = 0;
  UnaryOp unaryOp = UnaryOp::Negate;
  BinaryOp binaryOp = BinaryOp::Add;
  std::vector<ExprPtr> operands;
  std::vector<Argument> arguments;
  std::vector<StringPart> parts;
  std::vector<Index> indices;

  const Expr &operand(size_t i) const { return *operands[i]; }
};

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// One extent in a type: `...`, an expression, or `name <= bound`.
struct DimSpec {
  bool isEllipsis = false;
  ExprPtr extent; ///< a Name binds or checks; other expressions check
  ExprPtr bound;  ///< null unless `<=` is there
  Span span;
};

/// `f32[batch, 64]?`, `int`, `block`, `like p`.
struct TypeExpr {
  enum class Kind { Named, Tensor, Like } kind = Kind::Named;
  Identifier name;           ///< `f32`, `int`, or the `p` of `like p`
  std::vector<DimSpec> dims; ///< Tensor only
  bool isOptional = false;
  Span span;
};

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

struct Stmt;
using StmtPtr = std::unique_ptr<Stmt>;

/// Statements between braces, with the comments before the closing one.
struct Body {
  std::vector<StmtPtr> stmts;
  Comments atEnd;
  Span span;
};

struct Stmt {
  enum class Kind {
    Param,   // names[0], scope (Name or String; what the variable is called)
             // or null, type, value
    State,   // as Param
    Const,   // names[0], type if hasType, value
    Bind,    // names, value
    Assign,  // names[0], value:  x <- value
    If,      // value the condition, body, orElse
    For,     // names, value, body
    Repeat,  // value the count, scope (Name or String) or null, names[0] the
             // counter if there is one, body
    Require, // value, message (a String) or null
    Return,  // values
    Expr     // value
  };

  Kind kind;
  Span span;
  Comments comments;

  std::vector<Identifier> names;
  TypeExpr type;
  bool hasType = false;
  ExprPtr value;
  ExprPtr message;
  ExprPtr scope;
  std::vector<ExprPtr> values;
  Body body;
  Body orElse;
  bool hasElse = false;
  Comments beforeElse; ///< comments between `}` and `else`
};

//===----------------------------------------------------------------------===//
// Documentation and items
//===----------------------------------------------------------------------===//

/// The fields of a `##` comment in one language.
struct DocText {
  std::string meaning;
  std::string formula;
  std::string why;
  std::string source;
  /// Name and role, in the order written.
  std::vector<std::pair<std::string, std::string>> roles;

  const std::string *findRole(std::string_view name) const;
};

/// A whole doc comment: its lines as written and what they say.
struct Doc {
  std::vector<std::string> lines; ///< without `##` and one space
  std::vector<Span> lineSpans;
  DocText en, ru;

  bool isEmpty() const { return lines.empty(); }
};

/// A parameter of a block: `name: type = value`.
struct ParamDecl {
  Identifier name;
  TypeExpr type;
  ExprPtr value; ///< the default, or null
  Comments comments;
};

/// A result of a block: `name: type`, or a type alone.
struct ResultDecl {
  Identifier name; ///< empty text if it has none
  TypeExpr type;
};

/// A setting of a recipe: `name = value`, or `name: type` for an input.
struct Setting {
  /// `except key = value, … for "pattern", …`
  struct Exception {
    std::vector<Argument> values;
    std::vector<ExprPtr> patterns;
    Span span;
  };

  Identifier name;
  ExprPtr value; ///< null for an input
  TypeExpr type; ///< inputs only
  std::vector<Exception> exceptions;
  Comments comments;
  Span span;
};

struct Item {
  enum class Kind {
    Use,
    Block,
    Loss,
    Metric,
    Optimizer,
    Schedule,
    Model,
    Train
  };

  Kind kind;
  Identifier name;  ///< `use nn`, the block's name, the model trained
  std::string path; ///< of `use "path"`; then the name is empty
  Doc doc;
  Comments comments;
  Span span; ///< of the keyword and the name

  std::vector<ParamDecl> params;
  std::vector<ResultDecl> results;
  std::vector<Identifier> given; ///< `for p, g` and `for step, total`
  Body body;

  std::vector<Argument> arguments; ///< of the model, Train only
  std::vector<Setting> settings;
  Comments atEnd; ///< comments before the closing brace of a recipe
};
/// As written: "block", "train".
std::string_view spelling(Item::Kind kind);

/// A file.
struct Module {
  FileId file = kNoFile;
  std::vector<Item> items;
  Comments atEnd;
};

/// Whether two trees say the same: spans and comments do not count, doc
/// comments do.
bool equal(const Module &a, const Module &b);
bool equal(const Expr &a, const Expr &b);

/// Reads `file`. Every syntax error is reported; what could be read is
/// returned, so that later stages run only if the engine has no errors.
Module parseModule(FileId file, DiagnosticEngine &diagnostics);

/// Reads an expression that fills `range`; null after an error.
ExprPtr parseExpr(Span range, DiagnosticEngine &diagnostics);

/// The one true text of `module`: at most 100 columns where the language has a
/// place to break, comments kept, ends with a newline.
std::string formatModule(const Module &module);

/// One definition, with its comments, as formatModule writes it.
std::string formatItem(const Item &item);
/// An expression on one line, as formatModule writes it.
std::string formatExpr(const Expr &expr);
/// `f32[batch, 64]`
std::string formatType(const TypeExpr &type);

} // namespace asgc::ast

#endif
