//===- PrintExpr.cpp - Prints expressions and types -----------------------===//
#include "Printer.h"

namespace asgc::ast {

namespace {

/// How tightly an expression binds; the levels of the parser.
enum Level {
  kConditional = 0,
  kPipe = 1,
  kOr = 2,
  kAnd = 3,
  kNot = 4,
  kCompare = 5,
  kExcept = 6,
  kRange = 7,
  kAdd = 8,
  kMultiply = 9,
  kNegate = 10,
  kPower = 11,
  kPrimary = 12
};

Level levelOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Pipe:
    return kPipe;
  case BinaryOp::Or:
    return kOr;
  case BinaryOp::And:
    return kAnd;
  case BinaryOp::Except:
    return kExcept;
  case BinaryOp::Range:
    return kRange;
  case BinaryOp::Add:
  case BinaryOp::Subtract:
    return kAdd;
  case BinaryOp::Multiply:
  case BinaryOp::Divide:
  case BinaryOp::FloorDivide:
  case BinaryOp::Remainder:
  case BinaryOp::MatMul:
    return kMultiply;
  case BinaryOp::Power:
    return kPower;
  default:
    return kCompare;
  }
}

Level levelOf(const Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Conditional:
    return kConditional;
  case Expr::Kind::IsNone:
    return kCompare;
  case Expr::Kind::Unary:
    return expr.unaryOp == UnaryOp::Not ? kNot : kNegate;
  case Expr::Kind::Binary:
    return levelOf(expr.binaryOp);
  default:
    return kPrimary;
  }
}

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else if (c == '"' || c == '\\' || c == '{' || c == '}')
      (result += '\\') += c;
    else
      result += c;
  }
  return result;
}

class ExprPrinter {
public:
  /// `expr` where something of at least `level` must stand.
  Layout print(const Expr &expr, int level) {
    bool needsParens = levelOf(expr) < level ||
                       (isColonTaken && expr.kind == Expr::Kind::Instance);
    if (!needsParens)
      return printBare(expr);
    bool wasTaken = std::exchange(isColonTaken, false);
    Layout inner = printBare(expr);
    isColonTaken = wasTaken;
    return concat({text("("), inner, text(")")});
  }

  Layout printArguments(const std::vector<Argument> &arguments);
  Layout printDim(const DimSpec &dim);

private:
  Layout printBare(const Expr &expr);
  Layout printBinary(const Expr &expr);
  Layout printPipe(const Expr &expr);
  Layout printConditional(const Expr &expr);
  Layout printString(const Expr &expr);
  Layout printIndices(const Expr &expr);
  Layout printIndex(const Index &index);
  Layout printBase(const Expr &expr, bool isCallee);
  Layout bracketed(const char *open, std::vector<Layout> contents,
                   const char *close);

  /// Mirrors Parser::isColonTaken: an instance needs parentheses here.
  bool isColonTaken = false;
};

Layout ExprPrinter::bracketed(const char *open, std::vector<Layout> contents,
                              const char *close) {
  if (contents.empty())
    return text(std::string(open) + close);
  return concat(
      {text(open), nest(kContinueIndent, fill(contents, ",")), text(close)});
}

Layout ExprPrinter::printBinary(const Expr &expr) {
  int level = levelOf(expr);
  bool isSingle = level == kCompare || level == kRange;
  if (expr.binaryOp == BinaryOp::Power)
    return concat({print(expr.operand(0), kPrimary), text(" ^ "),
                   print(expr.operand(1), kNegate)});
  Layout left = print(expr.operand(0), isSingle ? level + 1 : level);
  Layout right = print(expr.operand(1), level + 1);
  std::string op(spelling(expr.binaryOp));
  if (expr.binaryOp == BinaryOp::Range)
    return concat({left, text(op), right});
  return group(concat(
      {left, nest(kContinueIndent, concat({line(), text(op + " "), right}))}));
}

/// A chain of pipes is one group: all on a line, or each stage on its own.
Layout ExprPrinter::printPipe(const Expr &expr) {
  std::vector<const Expr *> stages;
  const Expr *first = &expr;
  for (; first->kind == Expr::Kind::Binary && first->binaryOp == BinaryOp::Pipe;
       first = &first->operand(0))
    stages.push_back(&first->operand(1));
  std::vector<Layout> parts;
  for (size_t i = stages.size(); i > 0; --i) {
    parts.push_back(line());
    parts.push_back(text("|> "));
    parts.push_back(print(*stages[i - 1], kPipe + 1));
  }
  return group(concat({print(*first, kPipe + 1),
                       nest(kContinueIndent, concat(std::move(parts)))}));
}

Layout ExprPrinter::printConditional(const Expr &expr) {
  Layout condition = print(expr.operand(0), kPipe);
  bool wasTaken = std::exchange(isColonTaken, true);
  Layout then = print(expr.operand(1), kPipe);
  isColonTaken = wasTaken;
  Layout otherwise = print(expr.operand(2), kConditional);
  return group(concat({condition, nest(kContinueIndent,
                                       concat({line(), text("? "), then, line(),
                                               text(": "), otherwise}))}));
}

Layout ExprPrinter::printString(const Expr &expr) {
  // Braces hold no line break, so an expression in them stays flat.
  std::string result = "\"";
  for (const StringPart &part : expr.parts)
    result +=
        part.value ? "{" + formatExpr(*part.value) + "}" : escaped(part.text);
  return text(result + "\"");
}

Layout ExprPrinter::printIndex(const Index &index) {
  if (index.kind == Index::Kind::Ellipsis)
    return text("...");
  if (index.kind == Index::Kind::At)
    return print(*index.at, kConditional);
  // Conditionals have a colon of their own.
  auto part = [&](const ExprPtr &expr) {
    return expr ? print(*expr, kPipe) : text("");
  };
  std::vector<Layout> parts = {part(index.begin), text(":"), part(index.end)};
  if (index.step) {
    parts.push_back(text(":"));
    parts.push_back(part(index.step));
  }
  return concat(std::move(parts));
}

Layout ExprPrinter::printIndices(const Expr &expr) {
  std::vector<Layout> contents;
  bool wasTaken = std::exchange(isColonTaken, true);
  for (const Index &index : expr.indices)
    contents.push_back(printIndex(index));
  isColonTaken = wasTaken;
  return concat({printBase(expr.operand(0), false),
                 bracketed("[", std::move(contents), "]")});
}

Layout ExprPrinter::printArguments(const std::vector<Argument> &arguments) {
  std::vector<Layout> contents;
  bool wasTaken = std::exchange(isColonTaken, false);
  for (const Argument &argument : arguments) {
    Layout value = print(*argument.value, kConditional);
    if (!argument.name.text.empty())
      value = concat({text(argument.name.text + " = "), value});
    contents.push_back(std::move(value));
  }
  isColonTaken = wasTaken;
  return bracketed("(", std::move(contents), ")");
}

/// What a call, an index or a member hangs on.
Layout ExprPrinter::printBase(const Expr &expr, bool isCallee) {
  if (isCallee && expr.kind == Expr::Kind::Instance) {
    bool wasTaken = std::exchange(isColonTaken, false);
    Layout inner = printBare(expr);
    isColonTaken = wasTaken;
    return concat({text("("), inner, text(")")});
  }
  return print(expr, kPrimary);
}

Layout ExprPrinter::printBare(const Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Name:
  case Expr::Kind::Number:
    return text(expr.text);
  case Expr::Kind::Quantity:
    return concat({print(expr.operand(0), kPrimary), text(" " + expr.text)});
  case Expr::Kind::String:
    return printString(expr);
  case Expr::Kind::Bool:
    return text(expr.boolValue ? "true" : "false");
  case Expr::Kind::None:
    return text("none");
  case Expr::Kind::List: {
    std::vector<Layout> contents;
    bool wasTaken = std::exchange(isColonTaken, false);
    for (const ExprPtr &operand : expr.operands)
      contents.push_back(print(*operand, kConditional));
    isColonTaken = wasTaken;
    return bracketed("[", std::move(contents), "]");
  }
  case Expr::Kind::Unary:
    if (expr.unaryOp == UnaryOp::Not)
      return concat({text("not "), print(expr.operand(0), kCompare)});
    return concat({text("-"), print(expr.operand(0), kNegate)});
  case Expr::Kind::Binary:
    return expr.binaryOp == BinaryOp::Pipe ? printPipe(expr)
                                           : printBinary(expr);
  case Expr::Kind::Conditional:
    return printConditional(expr);
  case Expr::Kind::IsNone:
    return concat({print(expr.operand(0), kCompare + 1),
                   text(expr.boolValue ? " is not none" : " is none")});
  case Expr::Kind::Call:
    return concat(
        {printBase(expr.operand(0), true), printArguments(expr.arguments)});
  case Expr::Kind::Instance:
    return concat({print(expr.operand(0), kPrimary), text(": "),
                   print(expr.operand(1), kPrimary)});
  case Expr::Kind::Index:
    return printIndices(expr);
  case Expr::Kind::Member:
    return concat({printBase(expr.operand(0), false), text("." + expr.text)});
  }
  return text("");
}

Layout ExprPrinter::printDim(const DimSpec &dim) {
  if (dim.isEllipsis)
    return text("...");
  Layout extent = print(*dim.extent, kAdd);
  if (!dim.bound)
    return extent;
  return concat({extent, text(" <= "), print(*dim.bound, kAdd)});
}

} // namespace

Layout layoutExpr(const Expr &expr) {
  return ExprPrinter().print(expr, kConditional);
}

Layout layoutArguments(const std::vector<Argument> &arguments) {
  return ExprPrinter().printArguments(arguments);
}

Layout layoutType(const TypeExpr &type) {
  std::string name =
      (type.kind == TypeExpr::Kind::Like ? "like " : "") + type.name.text;
  std::string suffix = type.isOptional ? "?" : "";
  if (type.kind != TypeExpr::Kind::Tensor)
    return text(name + suffix);
  std::vector<Layout> dims;
  for (const DimSpec &dim : type.dims)
    dims.push_back(ExprPrinter().printDim(dim));
  return concat({text(name + "["), nest(kContinueIndent, fill(dims, ",")),
                 text("]" + suffix)});
}

bool startsWithMinus(const Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Unary:
    return expr.unaryOp == UnaryOp::Negate;
  case Expr::Kind::Binary:
  case Expr::Kind::Conditional:
  case Expr::Kind::IsNone:
    return startsWithMinus(expr.operand(0)) &&
           levelOf(expr.operand(0)) >= levelOf(expr);
  default:
    return false;
  }
}

/// Wide enough for any line.
static constexpr int kUnlimited = 1 << 30;

std::string formatExpr(const Expr &expr) {
  return render(layoutExpr(expr), kUnlimited, 0, 0);
}

std::string formatType(const TypeExpr &type) {
  return render(layoutType(type), kUnlimited, 0, 0);
}

} // namespace asgc::ast
