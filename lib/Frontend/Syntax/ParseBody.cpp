//===- ParseBody.cpp - Statements -----------------------------------------===//
#include "Parser.h"

namespace asgc::ast {

/// { statement … }
bool Parser::parseBody(Body &body) {
  Span open = peek().span;
  if (!expect("{", "before the body"))
    return false;
  Level level(*this);
  if (depth > kMaxDepth) {
    tooDeep(open);
    return false;
  }
  while (!isAt("}") && !isEnd()) {
    size_t before = at;
    if (StmtPtr stmt = parseStmt())
      body.stmts.push_back(std::move(stmt));
    else
      skipStatement();
    if (at == before)
      advance(); // always onwards
  }
  body.atEnd = takeComments();
  if (!expectClose("}", open))
    return false;
  body.span = spanFrom(open);
  return true;
}

StmtPtr Parser::parseStmt() {
  auto stmt = std::make_unique<Stmt>();
  isColonTaken = false;
  stmt->comments = takeComments();
  Span begin = peek().span;
  if (!parseStmtKind(*stmt))
    return nullptr;
  stmt->span = spanFrom(begin);
  finishComments(stmt->comments);
  return endStatement() ? std::move(stmt) : nullptr;
}

bool Parser::endStatement() {
  if (accept(";") || peek().isFirstOnLine || isAt("}"))
    return true;
  unexpected(kStatementEnd);
  return false;
}

bool Parser::parseStmtKind(Stmt &stmt) {
  if (isAt("param") || isAt("state") || isAt("const"))
    return parseDeclaration(stmt);
  if (isAt("if"))
    return parseIf(stmt);
  if (isAt("for"))
    return parseFor(stmt);
  if (isAt("repeat"))
    return parseRepeat(stmt);
  if (accept("require")) {
    stmt.kind = Stmt::Kind::Require;
    if (!(stmt.value = parseExpr()))
      return false;
    if (!accept(","))
      return true;
    if (peek().kind != TokenKind::String) {
      unexpected("the message as a string");
      return false;
    }
    return (stmt.message = parseString()) != nullptr;
  }
  if (accept("return")) {
    stmt.kind = Stmt::Kind::Return;
    do {
      ExprPtr value = parseExpr();
      if (!value)
        return false;
      stmt.values.push_back(std::move(value));
    } while (accept(","));
    return true;
  }
  return parseSimple(stmt);
}

/// as name, as "name"
bool Parser::parseScope(ExprPtr &scope) {
  if (!acceptName("as"))
    return true;
  if (peek().kind == TokenKind::String)
    return (scope = parseString()) != nullptr;
  Identifier name;
  if (!parseIdentifier(name, "after `as`"))
    return false;
  scope = make(Expr::Kind::Name, name.span);
  if (scope)
    scope->text = name.text;
  return scope != nullptr;
}

/// param name as path: type = initial value
bool Parser::parseDeclaration(Stmt &stmt) {
  bool isConst = isAt("const");
  stmt.kind = isAt("param")   ? Stmt::Kind::Param
              : isAt("state") ? Stmt::Kind::State
                              : Stmt::Kind::Const;
  std::string keyword(advance().text);
  stmt.names.emplace_back();
  if (!parseIdentifier(stmt.names[0], ("after `" + keyword + "`").c_str()))
    return false;
  if (!isConst && !parseScope(stmt.scope))
    return false;
  stmt.hasType = accept(":");
  if (!stmt.hasType && !isConst) {
    unexpected("`:` and the type of `" + stmt.names[0].text + "`");
    return false;
  }
  if (stmt.hasType && !parseType(stmt.type))
    return false;
  if (!isAt("=")) {
    unexpected(isConst ? "`=` and the value of the constant"
                       : "`=` and an initial value, such as `= zeros()`");
    return false;
  }
  advance();
  return (stmt.value = parseExpr()) != nullptr;
}

bool Parser::parseIf(Stmt &stmt) {
  advance();
  stmt.kind = Stmt::Kind::If;
  if (!(stmt.value = parseExpr()) || !parseBody(stmt.body))
    return false;
  // `else` may stand on a line of its own.
  if (!isAt("else"))
    return true;
  stmt.beforeElse = takeComments();
  advance();
  stmt.hasElse = true;
  if (!isAt("if"))
    return parseBody(stmt.orElse);
  Level level(*this);
  if (depth > kMaxDepth)
    return tooDeep(peek().span);
  auto chained = std::make_unique<Stmt>();
  Span begin = peek().span;
  if (!parseIf(*chained))
    return false;
  chained->span = stmt.orElse.span = spanFrom(begin);
  stmt.orElse.stmts.push_back(std::move(chained));
  return true;
}

bool Parser::parseFor(Stmt &stmt) {
  advance();
  stmt.kind = Stmt::Kind::For;
  if (!parseNames(stmt.names, "after `for`"))
    return false;
  if (!acceptName("in")) {
    unexpected("`in` and a list or a range");
    return false;
  }
  return (stmt.value = parseExpr()) && parseBody(stmt.body);
}

/// repeat count as name counting i { … }
bool Parser::parseRepeat(Stmt &stmt) {
  advance();
  stmt.kind = Stmt::Kind::Repeat;
  if (!(stmt.value = parseExpr()) || !parseScope(stmt.scope))
    return false;
  if (acceptName("counting")) {
    stmt.names.emplace_back();
    if (!parseIdentifier(stmt.names[0], "after `counting`"))
      return false;
  }
  return parseBody(stmt.body);
}

/// a, b = value; a <- value; or an expression
bool Parser::parseSimple(Stmt &stmt) {
  size_t ahead = 0;
  while (peek(ahead).kind == TokenKind::Identifier && peek(ahead + 1).is(","))
    ahead += 2;
  bool isNames = peek(ahead).kind == TokenKind::Identifier;
  if (isNames &&
      (peek(ahead + 1).is("=") || (ahead == 0 && peek(1).is("<-")))) {
    if (!parseNames(stmt.names, "to set"))
      return false;
    stmt.kind = advance().is("=") ? Stmt::Kind::Bind : Stmt::Kind::Assign;
    return (stmt.value = parseExpr()) != nullptr;
  }
  stmt.kind = Stmt::Kind::Expr;
  if (!(stmt.value = parseExpr()))
    return false;
  if (isAt("=")) {
    diagnostics.report(
        Diagnostic(Code::ASG0005, "only a name can be set with `=`")
            .at(stmt.value->span, "this is an expression")
            .also(peek().span, "set here"));
    return false;
  }
  return true;
}

} // namespace asgc::ast
