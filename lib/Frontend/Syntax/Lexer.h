//===- Lexer.h - Splits a model text into tokens --------------------------===//
#ifndef ASGC_FRONTEND_LEXER_H
#define ASGC_FRONTEND_LEXER_H

#include "asgc/Support.h"

namespace asgc::ast {

enum class TokenKind {
  End,
  Identifier,
  Keyword,
  Integer,
  Float,
  String,
  Operator
};

/// A stretch of a string literal: text, or the place of an expression between
/// braces.
struct StringPiece {
  std::string text;
  Span expression; ///< invalid for text
};

struct Token {
  TokenKind kind = TokenKind::End;
  Span span;
  std::string_view text; ///< as written
  bool isFirstOnLine = false;
  int64_t intValue = 0;
  double floatValue = 0;
  std::vector<StringPiece> pieces; ///< String only

  bool is(std::string_view what) const {
    return (kind == TokenKind::Operator || kind == TokenKind::Keyword) &&
           text == what;
  }
};

/// A `#` comment. `isDoc` if it starts with `##`.
struct CommentToken {
  Span span;
  std::string text; ///< without trailing spaces
  bool isDoc = false;
  bool isAlone = false; ///< nothing but spaces before it on its line
  bool hasBlankBefore = false;
  uint32_t line = 0;
};

struct TokenList {
  std::vector<Token> tokens; ///< ends with an End token
  std::vector<CommentToken> comments;
};

/// Splits the bytes of `range`; what is wrong is reported and skipped.
TokenList lex(Span range, DiagnosticEngine &diagnostics);

/// Whether `text` is reserved, and so no name.
bool isKeyword(std::string_view text);

} // namespace asgc::ast

#endif
