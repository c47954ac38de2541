//===- Doc.cpp - The fields of doc comments -------------------------------===//
#include "Parser.h"

#include <algorithm>

namespace asgc::ast {

const std::string *DocText::findRole(std::string_view name) const {
  for (const auto &[subject, role] : roles)
    if (subject == name)
      return &role;
  return nullptr;
}

/// Moves the `##` lines among `comments`, which stand before the current token,
/// into a doc comment.
Doc Parser::takeDoc(Comments &comments) {
  Doc doc;
  size_t first = commentAt - comments.before.size();
  std::vector<Comments::Line> rest;
  for (size_t i = 0; i < comments.before.size(); ++i) {
    Comments::Line &line = comments.before[i];
    if (!list.comments[first + i].isDoc) {
      rest.push_back(std::move(line));
      continue;
    }
    std::string text = line.text.substr(2);
    if (!text.empty() && text[0] == ' ')
      text.erase(0, 1);
    doc.lines.push_back(std::move(text));
    doc.lineSpans.push_back(list.comments[first + i].span);
  }
  // A blank line between other comments and the doc comment stays.
  if (!doc.isEmpty() && !rest.empty())
    for (size_t i = 0; i < comments.before.size(); ++i)
      if (list.comments[first + i].isDoc) {
        comments.hasBlankBefore = list.comments[first + i].hasBlankBefore;
        break;
      }
  comments.before = std::move(rest);
  parseDocFields(doc);
  return doc;
}

namespace {
struct Field {
  bool isRussian = false;
  std::string key;     // "", "formula", "why", "source" or "role"
  std::string subject; // of a role
  std::string_view text;
};
} // namespace

/// Reads "ru role weight: text"; a line that starts no field gives false.
static bool startsField(std::string_view line, Field &field) {
  auto takeWord = [&](std::string_view word) {
    if (line.substr(0, word.size()) != word)
      return false;
    line.remove_prefix(word.size());
    return true;
  };
  if (takeWord("ru:")) {
    field.isRussian = true;
    field.text = line;
    return true;
  }
  field.isRussian = takeWord("ru ");
  for (std::string_view key : {"formula", "why", "source"}) {
    if (takeWord(std::string(key) + ":")) {
      field.key = key;
      field.text = line;
      return true;
    }
  }
  if (!takeWord("role "))
    return false;
  size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      line.substr(0, colon).find(' ') != std::string_view::npos)
    return false;
  field.key = "role";
  field.subject = line.substr(0, colon);
  field.text = line.substr(colon + 1);
  return true;
}

void parseDocFields(Doc &doc) {
  std::string *current = &doc.en.meaning;
  for (const std::string &line : doc.lines) {
    Field field;
    std::string_view text = line;
    if (startsField(line, field)) {
      text = field.text;
      DocText &side = field.isRussian ? doc.ru : doc.en;
      if (field.key == "role") {
        side.roles.emplace_back(field.subject, "");
        current = &side.roles.back().second;
      } else {
        current = field.key == "formula"  ? &side.formula
                  : field.key == "why"    ? &side.why
                  : field.key == "source" ? &side.source
                                          : &side.meaning;
      }
    }
    while (!text.empty() && text.front() == ' ')
      text.remove_prefix(1);
    if (!current->empty() && !text.empty())
      *current += ' ';
    *current += text;
  }
}

static void collectNames(const Body &body, std::vector<std::string> &names) {
  for (const StmtPtr &stmt : body.stmts) {
    for (const Identifier &name : stmt->names)
      names.push_back(name.text);
    collectNames(stmt->body, names);
    collectNames(stmt->orElse, names);
  }
}

void checkDoc(const Item &item, DiagnosticEngine &diagnostics) {
  std::vector<std::string> names;
  for (const ParamDecl &param : item.params)
    names.push_back(param.name.text);
  for (const ResultDecl &result : item.results)
    names.push_back(result.name.text);
  for (const Identifier &name : item.given)
    names.push_back(name.text);
  collectNames(item.body, names);
  for (size_t i = 0; i < item.doc.lines.size(); ++i) {
    Field field;
    if (!startsField(item.doc.lines[i], field) || field.key != "role" ||
        std::find(names.begin(), names.end(), field.subject) != names.end())
      continue;
    Diagnostic diagnostic(Code::ASG0010, "no `" + field.subject + "` in `" +
                                             item.name.text + "`");
    diagnostic.at(item.doc.lineSpans[i], "described here")
        .also(item.name.span, "defined here");
    if (auto nearest = findNearest(field.subject, names))
      diagnostic.help("did you mean `" + *nearest + "`?");
    diagnostics.report(std::move(diagnostic));
  }
}

} // namespace asgc::ast
