//===- NestingGuard.cpp - Refuses IR text that nests too deep -------------===//
#include "asgc/NestingGuard.h"

#include <cctype>
#include <map>
#include <vector>

namespace asgc {
namespace {

bool isName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         c == '.' || c == '-';
}

/// A bracket that is open, and the operators since the last comma in it.
struct Level {
  char bracket;
  unsigned operators = 0;
};

class Scanner {
public:
  explicit Scanner(std::string_view text) : text(text) {
    levels.push_back({'\0'});
  }

  std::optional<NestingError> run() {
    while (position < text.size() && !error)
      step();
    return error;
  }

private:
  void step();
  void skipString();
  void skipComment();
  void open(char bracket);
  void close(char bracket);
  void countOperator();
  void readAlias();
  void endLine();
  void check(unsigned depth, const char *what);
  char peek(size_t offset) const {
    return position + offset < text.size() ? text[position + offset] : '\0';
  }

  std::string_view text;
  size_t position = 0;
  std::optional<NestingError> error;
  std::vector<Level> levels;
  /// How deep the attribute or type behind an alias nests.
  std::map<std::string_view, unsigned> aliases;
  std::string_view defining; // the alias whose definition is being read
  bool hasValue = false;     // some of its value has been read
};

void Scanner::check(unsigned depth, const char *what) {
  if (depth <= maxNesting)
    return;
  NestingError found;
  found.line = 1;
  found.column = 1;
  for (char c : text.substr(0, position)) {
    ++found.column;
    if (c == '\n') {
      ++found.line;
      found.column = 1;
    }
  }
  found.message = std::string(what) + " deeper than " +
                  std::to_string(maxNesting) + " levels";
  error = std::move(found);
}

void Scanner::skipString() {
  for (++position; position < text.size(); ++position) {
    if (text[position] == '\\')
      ++position;
    else if (text[position] == '"' || text[position] == '\n')
      break;
  }
  ++position;
}

void Scanner::skipComment() {
  while (position < text.size() && text[position] != '\n')
    ++position;
}

void Scanner::open(char bracket) {
  levels.push_back({bracket});
  unsigned depth = static_cast<unsigned>(levels.size()) - 1;
  check(depth, "brackets nest");
  if (!defining.empty())
    aliases[defining] = std::max(aliases[defining], depth);
}

/// A bracket that closes nothing is an error for the parser; counting on, as if it
/// were absent, can only refuse more.
void Scanner::close(char bracket) {
  char opening = bracket == ')'   ? '('
                 : bracket == ']' ? '['
                 : bracket == '}' ? '{'
                                  : '<';
  if (levels.size() > 1 && levels.back().bracket == opening)
    levels.pop_back();
}

void Scanner::countOperator() {
  check(++levels.back().operators, "operators nest");
}

/// `#name` or `!name`: a definition when it starts a line and `=` follows.
void Scanner::readAlias() {
  size_t start = position++;
  while (position < text.size() && isName(text[position]))
    ++position;
  std::string_view name = text.substr(start, position - start);
  size_t next = text.find_first_not_of(" \t", position);
  bool defines = levels.size() == 1 && next != std::string_view::npos &&
                 text[next] == '=' && (start == 0 || text[start - 1] == '\n');
  if (defines) {
    defining = name;
    hasValue = false;
    aliases[name] = 1;
    return;
  }
  hasValue = true;
  auto found = aliases.find(name);
  if (found == aliases.end())
    return;
  unsigned depth = static_cast<unsigned>(levels.size()) + found->second;
  check(depth, "aliases nest");
  if (!defining.empty())
    aliases[defining] = std::max(aliases[defining], depth);
}

/// A definition ends with its line, unless nothing or more of it follows: its
/// value, its type after ':', or a result type after '->'.
void Scanner::endLine() {
  if (levels.size() > 1 || defining.empty() || !hasValue)
    return;
  size_t next = position;
  while (next < text.size()) {
    if (std::isspace(static_cast<unsigned char>(text[next])))
      ++next;
    else if (text.substr(next, 2) == "//")
      next = std::min(text.find('\n', next), text.size());
    else
      break;
  }
  if (next == text.size() || (text[next] != ':' && text[next] != '-'))
    defining = {};
}

void Scanner::step() {
  char c = text[position];
  char next = peek(1);
  if (c == '"') {
    hasValue = true;
    return skipString();
  }
  if (c == '/' && next == '/')
    return skipComment();
  if (c == '#' || c == '!')
    return readAlias();
  if ((c == '-' && next == '>') ||
      ((c == '>' || c == '<' || c == '=') && next == '=')) {
    position += 2; // ->, >=, <=, ==
    return;
  }
  if (std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '%' ||
      c == '@' || c == '^') {
    size_t start = position++;
    while (position < text.size() && isName(text[position]) &&
           !(text[position] == '-' && peek(1) == '>'))
      ++position;
    hasValue = true;
    std::string_view word = text.substr(start, position - start);
    if (word == "mod" || word == "floordiv" || word == "ceildiv")
      countOperator();
    return;
  }
  if (c == '(' || c == '[' || c == '{' || c == '<')
    open(c);
  else if (c == ')' || c == ']' || c == '}' || c == '>')
    close(c);
  else if (c == '+' || c == '-' || c == '*')
    countOperator();
  else if (c == ',' || c == ':')
    levels.back().operators = 0;
  else if (c == '\n')
    endLine();
  if (c != '=' && !std::isspace(static_cast<unsigned char>(c)))
    hasValue = true;
  ++position;
}

} // namespace

std::optional<NestingError> checkNesting(std::string_view text) {
  return Scanner(text).run();
}

} // namespace asgc
