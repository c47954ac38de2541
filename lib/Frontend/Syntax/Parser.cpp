//===- Parser.cpp - Tokens, errors and comments of the parser -------------===//
#include "Parser.h"

#include <algorithm>

namespace asgc::ast {

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

const Token &Parser::advance() {
  const Token &token = peek();
  if (at + 1 < list.tokens.size())
    ++at;
  return token;
}

bool Parser::accept(std::string_view what) {
  if (!isAt(what))
    return false;
  advance();
  return true;
}

bool Parser::acceptName(std::string_view word) {
  if (!isName(word))
    return false;
  advance();
  return true;
}

bool Parser::expect(std::string_view what, const char *purpose) {
  if (accept(what))
    return true;
  unexpected("`" + std::string(what) + "` " + purpose);
  return false;
}

bool Parser::expectClose(std::string_view close, Span open) {
  if (accept(close))
    return true;
  std::string opened = std::string(diagnostics.getSources().getText(open));
  // A new statement inside the bracket means that the bracket was forgotten.
  bool isForgotten = isEnd() || peek().isFirstOnLine || isAt("{") || isAt("}");
  Diagnostic diagnostic(isForgotten ? Code::ASG0006 : Code::ASG0005,
                        isForgotten ? "`" + opened + "` is not closed"
                                    : "expected `,` or `" + std::string(close) +
                                          "`, found " + describe(peek()));
  diagnostic.at(peek().span, "expected `" + std::string(close) + "`")
      .also(open, "opened here");
  if (peek().is("<-"))
    diagnostic.fix("to compare with a negative number, put a space",
                   peek().span, "< -");
  diagnostics.report(std::move(diagnostic));
  return false;
}

Span Parser::previousSpan() const {
  return at > 0 ? list.tokens[at - 1].span : peek().span;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

std::string Parser::describe(const Token &token) {
  switch (token.kind) {
  case TokenKind::End:
    return "the end of the text";
  case TokenKind::Identifier:
    return "name `" + std::string(token.text) + "`";
  case TokenKind::Keyword:
    return "keyword `" + std::string(token.text) + "`";
  case TokenKind::String:
    return "a string";
  default:
    return "`" + std::string(token.text) + "`";
  }
}

/// Whether the lexer found fault with the line: what it left out would only be
/// missed again.
bool Parser::isLineBroken(const Token &token) const {
  const SourceFile &file = diagnostics.getSources().getFile(token.span.file);
  uint32_t line = file.getLineNumber(token.span.begin);
  for (const Diagnostic &earlier : diagnostics.getDiagnostics()) {
    Span place = earlier.primary.span;
    if (earlier.code <= Code::ASG0004 && place.file == token.span.file &&
        file.getLineNumber(place.begin) == line)
      return true;
  }
  return false;
}

void Parser::unexpected(const std::string &expected) {
  const Token &token = peek();
  if (isLineBroken(token))
    return;
  Diagnostic diagnostic(Code::ASG0005,
                        "expected " + expected + ", found " + describe(token));
  diagnostic.at(token.span, "unexpected");
  if (token.is("!"))
    diagnostic.fix("negation is a word", token.span, "not ");
  else if (token.is("<-"))
    diagnostic.help("`<-` sets a state; to compare with a negative number, "
                    "write `< -`");
  else if (token.is("|"))
    diagnostic.fix("the word is", token.span, "or");
  else if (token.is("=") && at > 0 &&
           list.tokens[at - 1].kind == TokenKind::Keyword)
    diagnostic.help("`" + std::string(list.tokens[at - 1].text) +
                    "` is reserved and cannot be a name");
  else if (token.is("=") && expected.starts_with("`{`"))
    diagnostic.fix("to compare, write", token.span, "==");
  else if (token.is("else"))
    diagnostic.help("`else` stands behind the `}` of an `if`");
  else if (expected == kStatementEnd)
    diagnostic.help("each statement has a line of its own, or `;` before it");
  else if (token.kind == TokenKind::Keyword)
    diagnostic.help("`" + std::string(token.text) +
                    "` is reserved and cannot be a name");
  diagnostics.report(std::move(diagnostic));
}

bool Parser::tooDeep(Span span) {
  diagnostics.report(Diagnostic(Code::ASG0007, "nesting is deeper than " +
                                                   std::to_string(kMaxDepth) +
                                                   " levels")
                         .at(span, "level " + std::to_string(kMaxDepth + 1))
                         .help("give a part of it a name of its own"));
  return false;
}

/// Skips braces with all that is between them.
void Parser::skipBraces() {
  for (unsigned open = 0; !isEnd();) {
    if (isAt("{"))
      ++open;
    bool isLast = isAt("}") && --open == 0;
    advance();
    if (isLast)
      return;
  }
}

/// After an error: goes to the next line that can start a statement, or to the
/// brace that closes the body.
void Parser::skipStatement() {
  while (!isEnd() && !isAt("}")) {
    if (isAt("{")) {
      skipBraces();
      if (peek().isFirstOnLine || isAt("else"))
        return;
      continue;
    }
    advance();
    TokenKind kind = peek().kind;
    bool canStart = kind == TokenKind::Identifier ||
                    kind == TokenKind::Keyword || kind == TokenKind::String;
    if (peek().isFirstOnLine && canStart)
      return;
  }
}

/// After an error outside of a body: goes to the next line that starts an item.
void Parser::skipItem() {
  static constexpr std::string_view kWords[] = {
      "use",   "block",     "loss",     "metric",
      "model", "optimizer", "schedule", "train"};
  const SourceFile &file = diagnostics.getSources().getFile(peek().span.file);
  do {
    advance();
    bool isWord = std::find(std::begin(kWords), std::end(kWords),
                            peek().text) != std::end(kWords);
    // A misspelt keyword is known by standing at the very left; `loss = …` is a
    // setting of a recipe, `loss name` an item.
    bool isLeft = peek().isFirstOnLine &&
                  peek().kind == TokenKind::Identifier &&
                  file.getLineStart(file.getLineNumber(
                      peek().span.begin)) == peek().span.begin;
    TokenKind next = peek(1).kind;
    if (peek().isFirstOnLine && (isWord || isLeft) &&
        (next == TokenKind::Identifier || next == TokenKind::String))
      return;
  } while (!isEnd());
}

//===----------------------------------------------------------------------===//
// Comments
//===----------------------------------------------------------------------===//

Comments Parser::takeComments() {
  Comments comments;
  uint32_t position = peek().span.begin;
  uint32_t lastLine = 0;
  for (; commentAt < list.comments.size() &&
         list.comments[commentAt].span.begin < position;
       ++commentAt) {
    const CommentToken &token = list.comments[commentAt];
    comments.before.push_back({token.text, token.hasBlankBefore});
    lastLine = token.line;
  }
  const SourceFile &file = diagnostics.getSources().getFile(peek().span.file);
  uint32_t line = file.getLineNumber(position);
  if (lastLine == 0 && at > 0)
    lastLine = file.getLineNumber(previousSpan().end);
  comments.hasBlankBefore = lastLine > 0 && line > lastLine + 1;
  return comments;
}

void Parser::finishComments(Comments &comments) {
  const SourceFile &file = diagnostics.getSources().getFile(peek().span.file);
  uint32_t end = previousSpan().end;
  uint32_t line = file.getLineNumber(end);
  for (; commentAt < list.comments.size(); ++commentAt) {
    const CommentToken &token = list.comments[commentAt];
    bool isInside = token.span.begin < end;
    bool isBeside = !token.isAlone && token.line == line &&
                    token.span.begin < peek().span.begin;
    if (isInside)
      comments.before.push_back({token.text, false});
    else if (isBeside)
      comments.beside = token.text;
    else
      break;
  }
}

} // namespace asgc::ast
