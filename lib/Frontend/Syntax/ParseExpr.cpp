//===- ParseExpr.cpp - Expressions ----------------------------------------===//
#include "Parser.h"

#include <algorithm>
#include <iterator>

namespace asgc::ast {

namespace {

struct BinaryRule {
  std::string_view text;
  BinaryOp op;
  int level; // a higher one binds tighter
};

/// Level 4, `not`, and level 9, unary minus, stand between these.
constexpr BinaryRule kBinaryRules[] = {
    {"|>", BinaryOp::Pipe, 1},         {"or", BinaryOp::Or, 2},
    {"and", BinaryOp::And, 3},         {"==", BinaryOp::Equal, 5},
    {"!=", BinaryOp::NotEqual, 5},     {"<", BinaryOp::Less, 5},
    {"<=", BinaryOp::LessEqual, 5},    {">", BinaryOp::Greater, 5},
    {">=", BinaryOp::GreaterEqual, 5}, {"except", BinaryOp::Except, 6},
    {"..", BinaryOp::Range, 7},        {"+", BinaryOp::Add, 8},
    {"-", BinaryOp::Subtract, 8},      {"*", BinaryOp::Multiply, 9},
    {"/", BinaryOp::Divide, 9},        {"//", BinaryOp::FloorDivide, 9},
    {"%", BinaryOp::Remainder, 9},     {"@", BinaryOp::MatMul, 9},
    {"^", BinaryOp::Power, 11},
};
constexpr int kCompareLevel = 5, kRangeLevel = 7;

const BinaryRule *findRule(const Token &token) {
  for (const BinaryRule &rule : kBinaryRules)
    if (token.is(rule.text) && rule.op != BinaryOp::Power)
      return &rule;
  return nullptr;
}

} // namespace

std::string_view spelling(BinaryOp op) {
  for (const BinaryRule &rule : kBinaryRules)
    if (rule.op == op)
      return rule.text;
  return "?";
}

ExprPtr Parser::make(Expr::Kind kind, Span span) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->span = expr->opSpan = span;
  return expr;
}

ExprPtr Parser::finish(ExprPtr expr, Span begin) {
  unsigned below = 0;
  auto see = [&](const ExprPtr &child) {
    if (child)
      below = std::max(below, child->height);
  };
  for (const ExprPtr &operand : expr->operands)
    see(operand);
  for (const Argument &argument : expr->arguments)
    see(argument.value);
  for (const StringPart &part : expr->parts)
    see(part.value);
  for (const Index &index : expr->indices) {
    see(index.at);
    see(index.begin);
    see(index.end);
    see(index.step);
  }
  expr->height = below + 1;
  expr->span = spanFrom(begin);
  if (expr->height > kMaxDepth) {
    tooDeep(expr->opSpan);
    return nullptr;
  }
  return expr;
}

ExprPtr parseExpr(Span range, DiagnosticEngine &diagnostics) {
  return Parser(range, diagnostics).parseWholeExpr();
}

ExprPtr Parser::parseWholeExpr() {
  ExprPtr expr = parseExpr();
  if (expr && !isEnd()) {
    unexpected("the end of the expression");
    return nullptr;
  }
  return expr;
}

ExprPtr Parser::parseExpr() {
  Level level(*this);
  if (depth > kMaxDepth) {
    tooDeep(peek().span);
    return nullptr;
  }
  return parseConditional();
}

/// condition ? then : otherwise
ExprPtr Parser::parseConditional() {
  Span begin = peek().span;
  ExprPtr condition = parseBinary(0);
  if (!condition || !isAt("?"))
    return condition;
  ExprPtr expr = make(Expr::Kind::Conditional, advance().span);
  bool wasTaken = std::exchange(isColonTaken, true);
  ExprPtr then = parseExpr();
  isColonTaken = wasTaken;
  if (!then || !expect(":", "between the two values of `? :`"))
    return nullptr;
  ExprPtr otherwise = parseExpr();
  if (!otherwise)
    return nullptr;
  expr->operands.push_back(std::move(condition));
  expr->operands.push_back(std::move(then));
  expr->operands.push_back(std::move(otherwise));
  return finish(std::move(expr), begin);
}

/// Whether `except key = …` of a recipe starts here, and no list operator.
bool Parser::isException() const {
  return isAt("except") && peek(1).kind == TokenKind::Identifier &&
         peek(2).is("=");
}

/// Operators of level `lowest` and above, by precedence climbing.
ExprPtr Parser::parseBinary(int lowest) {
  Span begin = peek().span;
  ExprPtr left = parseUnary();
  while (left) {
    if (isAt("is") && kCompareLevel >= lowest) {
      ExprPtr test = make(Expr::Kind::IsNone, advance().span);
      test->boolValue = accept("not");
      if (!expect("none", "after `is`"))
        return nullptr;
      test->operands.push_back(std::move(left));
      left = finish(std::move(test), begin);
      continue;
    }
    const BinaryRule *rule = findRule(peek());
    if (!rule || rule->level < lowest || isException())
      break;
    ExprPtr expr = make(Expr::Kind::Binary, advance().span);
    expr->binaryOp = rule->op;
    ExprPtr right = parseBinary(rule->level + 1);
    if (!right)
      return nullptr;
    expr->operands.push_back(std::move(left));
    expr->operands.push_back(std::move(right));
    left = finish(std::move(expr), begin);
    bool isSingle = rule->level == kCompareLevel || rule->level == kRangeLevel;
    const BinaryRule *next = findRule(peek());
    if (left && isSingle && next && next->level == rule->level) {
      diagnostics.report(
          Diagnostic(Code::ASG0005, "`" + std::string(rule->text) + "` and `" +
                                        std::string(next->text) +
                                        "` cannot be chained")
              .at(peek().span, "second operator")
              .also(left->opSpan, "first operator")
              .help("join two comparisons with `and`"));
      return nullptr;
    }
  }
  return left;
}

ExprPtr Parser::parseUnary() {
  bool isNot = isAt("not");
  if (!isNot && !isAt("-"))
    return parsePower();
  Level level(*this);
  if (depth > kMaxDepth) {
    tooDeep(peek().span);
    return nullptr;
  }
  Span begin = peek().span;
  ExprPtr expr = make(Expr::Kind::Unary, advance().span);
  expr->unaryOp = isNot ? UnaryOp::Not : UnaryOp::Negate;
  // `not a == b` negates the comparison, `-a ^ b` the power.
  ExprPtr operand = isNot ? parseBinary(kCompareLevel) : parseUnary();
  if (!operand)
    return nullptr;
  expr->operands.push_back(std::move(operand));
  return finish(std::move(expr), begin);
}

/// a ^ b, from the right; the exponent may have a sign.
ExprPtr Parser::parsePower() {
  Span begin = peek().span;
  ExprPtr base = parsePostfix();
  if (!base || !isAt("^"))
    return base;
  ExprPtr expr = make(Expr::Kind::Binary, advance().span);
  expr->binaryOp = BinaryOp::Power;
  Level level(*this);
  if (depth > kMaxDepth) {
    tooDeep(expr->opSpan);
    return nullptr;
  }
  ExprPtr exponent = isAt("not") ? parsePower() : parseUnary();
  if (!exponent)
    return nullptr;
  expr->operands.push_back(std::move(base));
  expr->operands.push_back(std::move(exponent));
  return finish(std::move(expr), begin);
}

ExprPtr Parser::parsePostfix() {
  Span begin = peek().span;
  ExprPtr expr = parsePrimary();
  while (expr) {
    const Token &token = peek();
    if (token.is(".")) {
      ExprPtr member = make(Expr::Kind::Member, advance().span);
      if (peek().kind != TokenKind::Identifier) {
        unexpected("the name of a member after `.`");
        return nullptr;
      }
      member->opSpan = peek().span;
      member->text = advance().text;
      member->operands.push_back(std::move(expr));
      expr = finish(std::move(member), begin);
    } else if (token.is("(") && !token.isFirstOnLine) {
      ExprPtr call = make(Expr::Kind::Call, token.span);
      call->operands.push_back(std::move(expr));
      if (!parseArguments(call->arguments))
        return nullptr;
      expr = finish(std::move(call), begin);
    } else if (token.is("[") && !token.isFirstOnLine) {
      expr = parseIndices(std::move(expr));
    } else {
      break;
    }
  }
  return expr;
}

/// (value, name = value, …)
bool Parser::parseArguments(std::vector<Argument> &arguments) {
  Span open = advance().span;
  bool wasTaken = std::exchange(isColonTaken, false);
  while (!isAt(")")) {
    Argument argument;
    if (peek().kind == TokenKind::Identifier && peek(1).is("=")) {
      argument.name = {std::string(peek().text), peek().span};
      advance();
      advance();
    }
    argument.value = parseExpr();
    if (!argument.value)
      return false;
    arguments.push_back(std::move(argument));
    if (!accept(","))
      break;
  }
  isColonTaken = wasTaken;
  return expectClose(")", open);
}

ExprPtr Parser::parseIndices(ExprPtr base) {
  Span begin = base->span;
  Span open = advance().span;
  ExprPtr expr = make(Expr::Kind::Index, open);
  bool wasTaken = std::exchange(isColonTaken, true);
  while (!isAt("]")) {
    Index index;
    if (!parseIndex(index))
      return nullptr;
    expr->indices.push_back(std::move(index));
    if (!accept(","))
      break;
  }
  isColonTaken = wasTaken;
  if (!expectClose("]", open))
    return nullptr;
  if (expr->indices.empty()) {
    diagnostics.report(Diagnostic(Code::ASG0005, "empty index")
                           .at(spanFrom(open), "needs at least one index")
                           .help("`x[0]` takes the first row, `x[:, 0:n]` the "
                                 "first n columns"));
    return nullptr;
  }
  expr->opSpan = spanFrom(open);
  expr->operands.push_back(std::move(base));
  return finish(std::move(expr), begin);
}

/// `...`, `at`, or `begin:end:step` with each part optional.
bool Parser::parseIndex(Index &index) {
  Span begin = peek().span;
  if (accept("...")) {
    index.kind = Index::Kind::Ellipsis;
    index.span = begin;
    return true;
  }
  auto isPartEnd = [&] { return isAt(":") || isAt(",") || isAt("]"); };
  ExprPtr first;
  if (!isAt(":") && !(first = parseExpr()))
    return false;
  if (!accept(":")) {
    index.at = std::move(first);
  } else {
    index.kind = Index::Kind::Slice;
    index.begin = std::move(first);
    if (!isPartEnd() && !(index.end = parseExpr()))
      return false;
    if (accept(":") && !isPartEnd() && !(index.step = parseExpr()))
      return false;
  }
  index.span = spanFrom(begin);
  return true;
}

/// Whether an instance name starts here: `fc1:`, `downsample.0:`, "layer{i}":
bool Parser::isInstance() const {
  if (isColonTaken)
    return false;
  if (peek().kind == TokenKind::String)
    return peek(1).is(":");
  if (peek().kind != TokenKind::Identifier)
    return false;
  size_t ahead = 1;
  while (peek(ahead).is(".") &&
         (peek(ahead + 1).kind == TokenKind::Identifier ||
          peek(ahead + 1).kind == TokenKind::Integer))
    ahead += 2;
  return peek(ahead).is(":");
}

/// name: block(arguments)
ExprPtr Parser::parseInstance() {
  Span begin = peek().span;
  ExprPtr name;
  if (peek().kind == TokenKind::String) {
    name = parseString();
    if (!name)
      return nullptr;
  } else {
    name = make(Expr::Kind::Name, begin);
    while (!isAt(":"))
      name->text += advance().text;
    name->span = spanFrom(begin);
  }
  ExprPtr expr = make(Expr::Kind::Instance, advance().span);
  expr->opSpan = name->span;
  Span calleeSpan = peek().span;
  if (peek().kind != TokenKind::Identifier) {
    unexpected("the name of a block after `:`");
    return nullptr;
  }
  ExprPtr block = make(Expr::Kind::Name, calleeSpan);
  block->text = advance().text;
  if (isAt("(") && !peek().isFirstOnLine) {
    ExprPtr call = make(Expr::Kind::Call, peek().span);
    call->operands.push_back(std::move(block));
    if (!parseArguments(call->arguments))
      return nullptr;
    block = finish(std::move(call), calleeSpan);
    if (!block)
      return nullptr;
  }
  expr->operands.push_back(std::move(name));
  expr->operands.push_back(std::move(block));
  return finish(std::move(expr), begin);
}

ExprPtr Parser::parsePrimary() {
  const Token &token = peek();
  if (isInstance())
    return parseInstance();
  switch (token.kind) {
  case TokenKind::Identifier: {
    ExprPtr expr = make(Expr::Kind::Name, token.span);
    expr->text = advance().text;
    return expr;
  }
  case TokenKind::Integer:
  case TokenKind::Float:
    return parseNumber();
  case TokenKind::String:
    return parseString();
  default:
    break;
  }
  if (token.is("true") || token.is("false")) {
    ExprPtr expr = make(Expr::Kind::Bool, token.span);
    expr->boolValue = advance().text == "true";
    return expr;
  }
  if (token.is("none"))
    return make(Expr::Kind::None, advance().span);
  if (token.is("("))
    return parseParenthesized();
  if (token.is("["))
    return parseList();
  if (token.is("if"))
    return parseIfExpr();
  unexpected("an expression");
  return nullptr;
}

/// A number, or one with a unit: `200 steps`.
ExprPtr Parser::parseNumber() {
  const Token &token = advance();
  ExprPtr expr = make(Expr::Kind::Number, token.span);
  expr->text = token.text;
  expr->isFloat = token.kind == TokenKind::Float;
  expr->intValue = token.intValue;
  expr->floatValue =
      expr->isFloat ? token.floatValue : static_cast<double>(token.intValue);
  static constexpr std::string_view kUnits[] = {"step", "steps", "epoch",
                                                "epochs"};
  const Token &next = peek();
  bool isUnit = next.kind == TokenKind::Identifier && !next.isFirstOnLine &&
                std::find(std::begin(kUnits), std::end(kUnits), next.text) !=
                    std::end(kUnits);
  if (!isUnit)
    return expr;
  ExprPtr quantity = make(Expr::Kind::Quantity, next.span);
  quantity->text = advance().text;
  quantity->operands.push_back(std::move(expr));
  return finish(std::move(quantity), token.span);
}

ExprPtr Parser::parseString() {
  const Token &token = advance();
  ExprPtr expr = make(Expr::Kind::String, token.span);
  for (const StringPiece &piece : token.pieces) {
    StringPart part;
    part.text = piece.text;
    if (piece.expression.isValid()) {
      part.value =
          Parser(piece.expression, diagnostics, depth + 1).parseWholeExpr();
      if (!part.value)
        return nullptr;
    }
    expr->parts.push_back(std::move(part));
  }
  return finish(std::move(expr), token.span);
}

ExprPtr Parser::parseList() {
  Span open = advance().span;
  ExprPtr expr = make(Expr::Kind::List, open);
  bool wasTaken = std::exchange(isColonTaken, false);
  while (!isAt("]")) {
    ExprPtr element = parseExpr();
    if (!element)
      return nullptr;
    expr->operands.push_back(std::move(element));
    if (!accept(","))
      break;
  }
  isColonTaken = wasTaken;
  if (!expectClose("]", open))
    return nullptr;
  return finish(std::move(expr), open);
}

ExprPtr Parser::parseParenthesized() {
  Span open = advance().span;
  bool wasTaken = std::exchange(isColonTaken, false);
  ExprPtr inner = parseExpr();
  isColonTaken = wasTaken;
  if (!inner || !expectClose(")", open))
    return nullptr;
  inner->span = spanFrom(open);
  return inner;
}

/// if condition { value } else { value }: another spelling of `? :`.
ExprPtr Parser::parseIfExpr() {
  Level level(*this);
  if (depth > kMaxDepth) {
    tooDeep(peek().span);
    return nullptr;
  }
  Span begin = peek().span;
  ExprPtr expr = make(Expr::Kind::Conditional, advance().span);
  ExprPtr condition = parseExpr();
  ExprPtr then = condition ? parseBraced() : nullptr;
  if (!then || !expect("else", "since an `if` that gives a value needs both"))
    return nullptr;
  ExprPtr otherwise = isAt("if") ? parseIfExpr() : parseBraced();
  if (!otherwise)
    return nullptr;
  expr->operands.push_back(std::move(condition));
  expr->operands.push_back(std::move(then));
  expr->operands.push_back(std::move(otherwise));
  return finish(std::move(expr), begin);
}

ExprPtr Parser::parseBraced() {
  Span open = peek().span;
  if (!expect("{", "before the value"))
    return nullptr;
  bool wasTaken = std::exchange(isColonTaken, false);
  ExprPtr inner = parseExpr();
  isColonTaken = wasTaken;
  if (!inner || !expectClose("}", open))
    return nullptr;
  return inner;
}

} // namespace asgc::ast
