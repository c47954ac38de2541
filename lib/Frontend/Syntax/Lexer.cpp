//===- Lexer.cpp - Splits a model text into tokens ------------------------===//
#include "Lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace asgc::ast {

bool isKeyword(std::string_view text) {
  static constexpr std::array<std::string_view, 17> kWords = {
      "and",    "const",   "else",   "except", "false", "for",
      "if",     "is",      "none",   "not",    "or",    "param",
      "repeat", "require", "return", "state",  "true"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

namespace {

// Longer operators come first, so that the first match is the longest.
constexpr std::array<std::string_view, 33> kOperators = {
    "...", "..", "|>", "<-", "->", "<=", ">=", "==", "!=", "//", "(",
    ")",   "[",  "]",  "{",  "}",  "+",  "-",  "*",  "/",  "%",  "@",
    "^",   "<",  ">",  "=",  "?",  ":",  ",",  ".",  ";",  "|",  "!"};

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool isNamePart(char c) { return isNameStart(c) || isDigit(c); }

class Lexer {
public:
  Lexer(Span range, DiagnosticEngine &diagnostics)
      : range(range), diagnostics(diagnostics),
        file(diagnostics.getSources().getFile(range.file)),
        text(file.getText().substr(0, range.end)), at(range.begin) {}

  TokenList run();

private:
  char peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }
  Span spanFrom(size_t begin) const {
    return {range.file, uint32_t(begin), uint32_t(at)};
  }
  Token &push(TokenKind kind, size_t begin);
  void comment();
  void number();
  void digits();
  void string();
  bool escape(std::string &out);
  void unexpected();

  Span range;
  DiagnosticEngine &diagnostics;
  const SourceFile &file;
  std::string_view text;
  size_t at;
  bool isLineStart = true;
  unsigned newlines = 0; // since the last token or comment
  TokenList list;
};

Token &Lexer::push(TokenKind kind, size_t begin) {
  Token token;
  token.kind = kind;
  token.span = spanFrom(begin);
  token.text = text.substr(begin, at - begin);
  token.isFirstOnLine = isLineStart;
  isLineStart = false;
  newlines = 0;
  list.tokens.push_back(std::move(token));
  return list.tokens.back();
}

void Lexer::comment() {
  size_t begin = at;
  while (at < text.size() && text[at] != '\n')
    ++at;
  CommentToken token;
  token.span = spanFrom(begin);
  token.text = text.substr(begin, at - begin);
  while (!token.text.empty() &&
         (token.text.back() == ' ' || token.text.back() == '\t' ||
          token.text.back() == '\r'))
    token.text.pop_back();
  token.isDoc = token.text.rfind("##", 0) == 0;
  token.isAlone = isLineStart;
  token.hasBlankBefore = newlines > 1;
  token.line = file.getPosition(begin).line;
  newlines = 0;
  list.comments.push_back(std::move(token));
}

void Lexer::digits() {
  while (isDigit(peek()) || (peek() == '_' && isDigit(peek(1))))
    ++at;
}

void Lexer::number() {
  size_t begin = at;
  // In `downsample.0.1` the parts after a dot are whole numbers.
  bool isPathPart = !list.tokens.empty() && list.tokens.back().is(".") &&
                    list.tokens.back().span.end == begin;
  digits();
  bool isFloat = false;
  if (!isPathPart && peek() == '.' && isDigit(peek(1))) {
    isFloat = true;
    ++at;
    digits();
  }
  bool hasExponent = !isPathPart && (peek() == 'e' || peek() == 'E');
  if (hasExponent) {
    size_t sign = peek(1) == '+' || peek(1) == '-';
    hasExponent = isDigit(peek(1 + sign));
    if (hasExponent) {
      isFloat = true;
      at += 1 + sign;
      digits();
    }
  }
  bool isMalformed = isNamePart(peek());
  while (isNamePart(peek()))
    ++at;
  std::string spelled(text.substr(begin, at - begin));
  std::string plain = spelled;
  std::erase(plain, '_');
  Token &token = push(isFloat ? TokenKind::Float : TokenKind::Integer, begin);
  if (isMalformed) {
    diagnostics.report(
        Diagnostic(Code::ASG0004, "`" + spelled +
                                      "` is neither a number nor "
                                      "a name")
            .at(token.span, "names start with a letter"));
    return;
  }
  const char *first = plain.data(), *last = plain.data() + plain.size();
  std::from_chars_result result{};
  if (isFloat)
    result = std::from_chars(first, last, token.floatValue);
  else
    result = std::from_chars(first, last, token.intValue);
  // 1e-400 is out of range too, but means zero and nothing is lost.
  bool isTiny = isFloat && result.ec == std::errc::result_out_of_range &&
                plain.find("e-") != std::string::npos;
  if (isTiny)
    token.floatValue = 0;
  else if (result.ec != std::errc())
    diagnostics.report(
        Diagnostic(Code::ASG0004, "number `" + spelled + "` is too large")
            .at(token.span, isFloat ? "more than 1.797e308"
                                    : "more than 9223372036854775807"));
}

bool Lexer::escape(std::string &out) {
  char c = peek(1);
  switch (c) {
  case 'n':
    out += '\n';
    break;
  case 't':
    out += '\t';
    break;
  case '"':
  case '\\':
  case '{':
  case '}':
    out += c;
    break;
  default:
    at += 1;
    diagnostics.report(Diagnostic(Code::ASG0003, "unknown escape in a string")
                           .at({range.file, uint32_t(at - 1), uint32_t(at)},
                               "only \\n \\t \\\" \\\\ \\{ \\} are known")
                           .fix("for a backslash itself, write it twice",
                                {range.file, uint32_t(at - 1), uint32_t(at)},
                                "\\\\"));
    return false;
  }
  at += 2;
  return true;
}

void Lexer::string() {
  size_t begin = at++;
  std::vector<StringPiece> pieces;
  std::string part;
  auto flush = [&] {
    if (!part.empty())
      pieces.push_back({std::move(part), {}});
    part.clear();
  };
  while (at < text.size() && text[at] != '"' && text[at] != '\n') {
    char c = text[at];
    if (c == '\\') {
      escape(part);
    } else if (c == '{') {
      flush();
      size_t open = at++;
      while (at < text.size() && text[at] != '}' && text[at] != '"' &&
             text[at] != '{' && text[at] != '\n')
        ++at;
      pieces.push_back({"", {range.file, uint32_t(open + 1), uint32_t(at)}});
      if (peek() == '}') {
        ++at;
        continue;
      }
      diagnostics.report(
          Diagnostic(Code::ASG0003, "`{` in a string is not closed")
              .at({range.file, uint32_t(open), uint32_t(open + 1)},
                  "needs a `}`")
              .fix("for a brace itself, write",
                   {range.file, uint32_t(open), uint32_t(open + 1)}, "\\{"));
      pieces.pop_back();
    } else if (c == '}') {
      diagnostics.report(
          Diagnostic(Code::ASG0003, "`}` in a string without `{`")
              .at({range.file, uint32_t(at), uint32_t(at + 1)})
              .fix("for a brace itself, write",
                   {range.file, uint32_t(at), uint32_t(at + 1)}, "\\}"));
      ++at;
    } else if (c != '\r') {
      part += c;
      ++at;
    } else {
      ++at;
    }
  }
  flush();
  bool isClosed = peek() == '"' && at < text.size();
  if (isClosed)
    ++at;
  Token &token = push(TokenKind::String, begin);
  token.pieces = std::move(pieces);
  if (!isClosed)
    diagnostics.report(Diagnostic(Code::ASG0002, "string is not closed")
                           .at(token.span, "needs a `\"` on this line"));
}

/// What stands for a character of other languages, or of typography.
static std::string replacementOf(std::string_view character) {
  static constexpr std::pair<std::string_view, std::string_view> kTable[] = {
      {"&", "and"}, {"–", "-"}, {"−", "-"},  {"×", "*"},
      {"·", "*"},   {"÷", "/"}, {"“", "\""}, {"”", "\""},
      {"≤", "<="},  {"≥", ">="}, {"≠", "!="}};
  for (const auto &[found, instead] : kTable)
    if (found == character)
      return std::string(instead);
  return "";
}

void Lexer::unexpected() {
  size_t begin = at++;
  while (at < text.size() && (text[at] & 0xc0) == 0x80)
    ++at; // the rest of one UTF-8 character
  unsigned char c = text[begin];
  std::string shown =
      c >= 0x20 && c != 0x7f
          ? "`" + std::string(text.substr(begin, at - begin)) + "`"
          : "control character " + std::to_string(c);
  Diagnostic diagnostic(Code::ASG0001, "unexpected " + shown);
  std::string instead = replacementOf(text.substr(begin, at - begin));
  if (c == '&' && peek() == '&')
    ++at;
  size_t end = text.find_first_of("'\n", at);
  bool isQuoted = c == '\'' && end < text.size() && text[end] == '\'';
  if (isQuoted) {
    instead = "\"" + std::string(text.substr(at, end - at)) + "\"";
    at = end + 1;
  }
  diagnostic.at(spanFrom(begin));
  if (!instead.empty())
    diagnostic.fix(isQuoted ? "strings are written with double quotes"
                            : "perhaps meant as",
                   spanFrom(begin), instead);
  diagnostics.report(std::move(diagnostic));
  newlines = 0;
}

TokenList Lexer::run() {
  // A byte order mark is no character of the text.
  if (at == 0 && text.substr(0, 3) == "\xef\xbb\xbf")
    at = 3;
  while (at < text.size()) {
    char c = text[at];
    if (c == '\n') {
      isLineStart = true;
      ++newlines;
      ++at;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at;
    } else if (c == '#') {
      comment();
    } else if (isNameStart(c)) {
      size_t begin = at;
      while (isNamePart(peek()))
        ++at;
      bool isWord = isKeyword(text.substr(begin, at - begin));
      push(isWord ? TokenKind::Keyword : TokenKind::Identifier, begin);
    } else if (isDigit(c)) {
      number();
    } else if (c == '"') {
      string();
    } else {
      std::string_view rest = text.substr(at);
      auto match = std::find_if(
          kOperators.begin(), kOperators.end(),
          [&](std::string_view op) { return rest.substr(0, op.size()) == op; });
      if (match == kOperators.end()) {
        unexpected();
        continue;
      }
      size_t begin = at;
      at += match->size();
      push(TokenKind::Operator, begin);
    }
  }
  push(TokenKind::End, at).isFirstOnLine = true;
  return std::move(list);
}

} // namespace

TokenList lex(Span range, DiagnosticEngine &diagnostics) {
  return Lexer(range, diagnostics).run();
}

} // namespace asgc::ast
