//===- Parser.h - Recursive descent over the tokens of a file -------------===//
#ifndef ASGC_FRONTEND_PARSER_H
#define ASGC_FRONTEND_PARSER_H

#include "Lexer.h"
#include "asgc/Syntax.h"

#include <functional>

namespace asgc::ast {

/// Functions that return a pointer or a bool give null or false after a syntax
/// error, which is then already reported; statements, settings and items are
/// where parsing picks up again.
class Parser {
public:
  Parser(Span range, DiagnosticEngine &diagnostics, unsigned depth = 0)
      : diagnostics(diagnostics), list(lex(range, diagnostics)), depth(depth) {}

  Module parseModule(FileId file);
  /// The expression of a string's braces: nothing may follow it.
  ExprPtr parseWholeExpr();

private:
  //===- Tokens -----------------------------------------------------------===//
  const Token &peek(size_t ahead = 0) const {
    return list.tokens[std::min(at + ahead, list.tokens.size() - 1)];
  }
  const Token &advance();
  bool isAt(std::string_view what) const { return peek().is(what); }
  bool isName(std::string_view word) const {
    return peek().kind == TokenKind::Identifier && peek().text == word;
  }
  bool isEnd() const { return peek().kind == TokenKind::End; }
  bool accept(std::string_view what);
  bool acceptName(std::string_view word);
  bool expect(std::string_view what, const char *purpose);
  bool expectClose(std::string_view close, Span open);
  Span previousSpan() const;
  Span spanFrom(Span begin) const { return cover(begin, previousSpan()); }

  //===- Errors -----------------------------------------------------------===//
  bool isLineBroken(const Token &token) const;
  void unexpected(const std::string &expected);
  static std::string describe(const Token &token);
  bool tooDeep(Span span);
  void skipStatement();
  void skipItem();
  void skipBraces();

  /// Counts a level of nesting as long as it lives.
  struct Level {
    Level(Parser &parser) : parser(parser) { ++parser.depth; }
    ~Level() { --parser.depth; }
    Parser &parser;
  };

  //===- Comments ---------------------------------------------------------===//
  /// Takes the comments before the current token.
  Comments takeComments();
  /// Adds comments inside the node that just ended to those before it, and the
  /// one at the end of its last line.
  void finishComments(Comments &comments);

  //===- Expressions (ParseExpr.cpp) --------------------------------------===//
  ExprPtr parseExpr();
  ExprPtr parseConditional();
  ExprPtr parseBinary(int lowest);
  ExprPtr parseUnary();
  ExprPtr parsePower();
  ExprPtr parsePostfix();
  ExprPtr parsePrimary();
  ExprPtr parseNumber();
  ExprPtr parseString();
  ExprPtr parseList();
  ExprPtr parseParenthesized();
  ExprPtr parseIfExpr();
  ExprPtr parseBraced();
  bool isInstance() const;
  bool isException() const;
  ExprPtr parseInstance();
  bool parseArguments(std::vector<Argument> &arguments);
  ExprPtr parseIndices(ExprPtr base);
  bool parseIndex(Index &index);
  ExprPtr make(Expr::Kind kind, Span span);
  /// Sets span and height of a finished node; null if it is too high.
  ExprPtr finish(ExprPtr expr, Span begin);

  //===- Statements (ParseBody.cpp) ---------------------------------------===//
  bool parseBody(Body &body);
  StmtPtr parseStmt();
  bool parseStmtKind(Stmt &stmt);
  bool parseScope(ExprPtr &scope);
  bool parseDeclaration(Stmt &stmt);
  bool parseIf(Stmt &stmt);
  bool parseFor(Stmt &stmt);
  bool parseRepeat(Stmt &stmt);
  bool parseSimple(Stmt &stmt);
  bool endStatement();
  static constexpr const char *kStatementEnd = "the end of the statement";

  //===- Items (ParseItem.cpp) --------------------------------------------===//
  bool parseItem(Item &item);
  bool parseUse(Item &item);
  bool parseBlock(Item &item);
  bool parseTrain(Item &item);
  bool parseParams(Item &item);
  bool parseResults(Item &item);
  bool parseResult(ResultDecl &result);
  bool parseSetting(Setting &setting);
  bool parseException(Setting::Exception &exception);
  bool parseType(TypeExpr &type);
  bool parseDim(DimSpec &dim);
  bool parseIdentifier(Identifier &name, const char *purpose);
  bool parseNames(std::vector<Identifier> &names, const char *purpose);
  Doc takeDoc(Comments &comments);

  DiagnosticEngine &diagnostics;
  TokenList list;
  size_t at = 0;
  size_t commentAt = 0; // the first comment not yet attached
  unsigned depth;
  /// Inside `? :` and indices a `:` is no instance name.
  bool isColonTaken = false;
  std::vector<Span> openBraces;
};

/// Reads the fields of a doc comment out of its lines.
void parseDocFields(Doc &doc);
/// Warns of roles that name nothing in `item`.
void checkDoc(const Item &item, DiagnosticEngine &diagnostics);

} // namespace asgc::ast

#endif
