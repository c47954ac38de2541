//===- Print.cpp - The one true text of a module --------------------------===//
#include "Printer.h"

#include <algorithm>

namespace asgc::ast {

namespace {

constexpr int kIndent = 2;
/// Parameters are aligned behind `block name(` up to this column.
constexpr int kMaxAlignColumn = 40;

bool isFree(const Comments &comments) {
  return comments.before.empty() && comments.beside.empty();
}

class Printer {
public:
  std::string print(const Module &module);
  std::string print(const Item &item) {
    this->item(item, nullptr);
    return std::move(out);
  }

private:
  //===- Lines ------------------------------------------------------------===//
  void startLine() { out.append(indent, ' '); }
  void endLine() { out += '\n'; }
  void putLine(const std::string &line) {
    startLine();
    out += line;
    endLine();
  }
  /// Lays out behind what the current line already has.
  void put(const Layout &layout) {
    size_t start = out.rfind('\n') + 1;
    int used = countChars(std::string_view(out).substr(start));
    out += render(layout, kLineWidth, indent, used);
  }
  void putCommentLines(const Comments &comments, bool isFirst);
  void endWith(const Comments &comments);

  //===- Statements -------------------------------------------------------===//
  Layout simple(const Stmt &stmt);
  Layout head(const Stmt &stmt);
  void stmt(const Stmt &stmt, bool isFirst);
  void compound(const Stmt &stmt);
  void otherwise(const Stmt &stmt);
  bool compact(const Stmt &stmt);
  void stmts(const Body &body);
  void body(const Body &body);

  //===- Items ------------------------------------------------------------===//
  void item(const Item &item, const Item *previous);
  void blockHead(const Item &item);
  void commentedParams(const Item &item);
  Layout params(const Item &item);
  Layout tail(const Item &item);
  void train(const Item &item);
  void setting(const Setting &setting, size_t width, bool isFirst);

  std::string out;
  int indent = 0;
};

bool isCompound(const Stmt &stmt) {
  return stmt.kind == Stmt::Kind::If || stmt.kind == Stmt::Kind::For ||
         stmt.kind == Stmt::Kind::Repeat;
}

std::string joinNames(const std::vector<Identifier> &names) {
  std::string result;
  for (const Identifier &name : names)
    result += (result.empty() ? "" : ", ") + name.text;
  return result;
}

//===----------------------------------------------------------------------===//
// Comments
//===----------------------------------------------------------------------===//

/// The comments above a node, and the empty line above or below them.
void Printer::putCommentLines(const Comments &comments, bool isFirst) {
  for (const Comments::Line &line : comments.before) {
    if (line.hasBlankBefore && !isFirst)
      endLine();
    putLine(line.text);
    isFirst = false;
  }
  if (comments.hasBlankBefore && !isFirst)
    endLine();
}

void Printer::endWith(const Comments &comments) {
  if (!comments.beside.empty())
    out += "  " + comments.beside;
  endLine();
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

Layout continued(std::string begin, const Expr &expr) {
  return concat({text(std::move(begin)), layoutExpr(expr)});
}

Layout Printer::simple(const Stmt &stmt) {
  switch (stmt.kind) {
  case Stmt::Kind::Param:
  case Stmt::Kind::State:
  case Stmt::Kind::Const: {
    std::string word = stmt.kind == Stmt::Kind::Param   ? "param "
                       : stmt.kind == Stmt::Kind::State ? "state "
                                                        : "const ";
    std::vector<Layout> parts = {text(word + stmt.names[0].text)};
    if (stmt.scope)
      parts.push_back(continued(" as ", *stmt.scope));
    if (stmt.hasType) {
      parts.push_back(text(": "));
      parts.push_back(layoutType(stmt.type));
    }
    parts.push_back(continued(" = ", *stmt.value));
    return concat(std::move(parts));
  }
  case Stmt::Kind::Bind:
    return continued(joinNames(stmt.names) + " = ", *stmt.value);
  case Stmt::Kind::Assign:
    return continued(stmt.names[0].text + " <- ", *stmt.value);
  case Stmt::Kind::Require:
    if (!stmt.message)
      return continued("require ", *stmt.value);
    return concat({continued("require ", *stmt.value), text(","),
                   group(nest(kContinueIndent,
                              concat({line(), layoutExpr(*stmt.message)})))});
  case Stmt::Kind::Return: {
    std::vector<Layout> values;
    for (const ExprPtr &value : stmt.values)
      values.push_back(layoutExpr(*value));
    return concat({text("return "), nest(kContinueIndent, fill(values, ","))});
  }
  default:
    // A line that starts with a minus would continue the line above.
    if (startsWithMinus(*stmt.value))
      return concat({text("("), layoutExpr(*stmt.value), text(")")});
    return layoutExpr(*stmt.value);
  }
}

/// `if condition`, `for a, b in list`, `repeat n as name counting i`
Layout Printer::head(const Stmt &stmt) {
  if (stmt.kind == Stmt::Kind::If)
    return continued("if ", *stmt.value);
  if (stmt.kind == Stmt::Kind::For)
    return continued("for " + joinNames(stmt.names) + " in ", *stmt.value);
  std::vector<Layout> parts = {continued("repeat ", *stmt.value)};
  if (stmt.scope)
    parts.push_back(continued(" as ", *stmt.scope));
  if (!stmt.names.empty())
    parts.push_back(text(" counting " + stmt.names[0].text));
  return concat(std::move(parts));
}

/// Prints a loop or `if` of one simple statement on one line, if it fits.
bool Printer::compact(const Stmt &stmt) {
  if (stmt.hasElse || stmt.body.stmts.size() != 1 || !isFree(stmt.body.atEnd))
    return false;
  const Stmt &only = *stmt.body.stmts[0];
  bool isPlain = !isCompound(only) && only.kind != Stmt::Kind::Param &&
                 only.kind != Stmt::Kind::State &&
                 only.kind != Stmt::Kind::Const && isFree(only.comments);
  if (!isPlain)
    return false;
  Layout flat = concat({head(stmt), text(" { "), simple(only), text(" }")});
  std::string line = render(flat, kLineWidth, indent, indent);
  if (indent + countChars(line) > kLineWidth ||
      line.find('\n') != std::string::npos)
    return false;
  out += line;
  return true;
}

void Printer::compound(const Stmt &stmt) {
  if (compact(stmt))
    return;
  put(concat({head(stmt), text(" {")}));
  body(stmt.body);
  if (stmt.hasElse)
    otherwise(stmt);
}

void Printer::otherwise(const Stmt &stmt) {
  if (stmt.beforeElse.before.empty()) {
    out += " else ";
  } else {
    endLine();
    putCommentLines(stmt.beforeElse, true);
    startLine();
    out += "else ";
  }
  bool isChain = stmt.orElse.stmts.size() == 1 && isFree(stmt.orElse.atEnd) &&
                 stmt.orElse.stmts[0]->kind == Stmt::Kind::If &&
                 isFree(stmt.orElse.stmts[0]->comments);
  if (!isChain) {
    out += "{";
    body(stmt.orElse);
    return;
  }
  const Stmt &next = *stmt.orElse.stmts[0];
  put(concat({head(next), text(" {")}));
  body(next.body);
  if (next.hasElse)
    otherwise(next);
}

void Printer::stmt(const Stmt &stmt, bool isFirst) {
  putCommentLines(stmt.comments, isFirst);
  startLine();
  if (isCompound(stmt))
    compound(stmt);
  else
    put(simple(stmt));
  endWith(stmt.comments);
}

void Printer::stmts(const Body &body) {
  bool isFirst = true;
  for (const StmtPtr &each : body.stmts) {
    stmt(*each, isFirst);
    isFirst = false;
  }
  Comments atEnd = body.atEnd;
  atEnd.hasBlankBefore = false;
  putCommentLines(atEnd, isFirst);
}

/// The lines between braces, of which the first is already there.
void Printer::body(const Body &body) {
  if (body.stmts.empty() && isFree(body.atEnd)) {
    out += "}";
    return;
  }
  endLine();
  indent += kIndent;
  stmts(body);
  indent -= kIndent;
  startLine();
  out += "}";
}

//===----------------------------------------------------------------------===//
// Items
//===----------------------------------------------------------------------===//

Layout param(const ParamDecl &param) {
  std::vector<Layout> parts = {text(param.name.text + ": "),
                               layoutType(param.type)};
  if (param.value)
    parts.push_back(continued(" = ", *param.value));
  return concat(std::move(parts));
}

Layout Printer::params(const Item &item) {
  std::vector<Layout> contents;
  for (const ParamDecl &each : item.params)
    contents.push_back(param(each));
  return fill(contents, ",");
}

/// ` -> results for p, g {`
Layout Printer::tail(const Item &item) {
  std::vector<Layout> parts;
  if (!item.results.empty()) {
    std::vector<Layout> results;
    for (const ResultDecl &result : item.results) {
      Layout type = layoutType(result.type);
      results.push_back(result.name.text.empty()
                            ? type
                            : concat({text(result.name.text + ": "), type}));
    }
    bool isList = results.size() > 1;
    parts = {line(), text(isList ? "-> (" : "-> "), fill(results, ","),
             text(isList ? ")" : "")};
  }
  if (!item.given.empty()) {
    parts.push_back(line());
    parts.push_back(text("for " + joinNames(item.given)));
  }
  parts.push_back(text(" {"));
  return group(nest(kContinueIndent, concat(std::move(parts))));
}

/// Parameters with comments stand one on a line.
void Printer::commentedParams(const Item &item) {
  endLine();
  indent += kContinueIndent;
  for (size_t i = 0; i < item.params.size(); ++i) {
    const ParamDecl &each = item.params[i];
    putCommentLines(each.comments, i == 0);
    startLine();
    put(param(each));
    if (i + 1 < item.params.size())
      out += ",";
    endWith(each.comments);
  }
  indent -= kContinueIndent;
}

void Printer::blockHead(const Item &item) {
  std::string name =
      std::string(spelling(item.kind)) + " " + item.name.text + "(";
  bool hasComments =
      std::any_of(item.params.begin(), item.params.end(),
                  [](const ParamDecl &each) { return !isFree(each.comments); });
  if (hasComments) {
    out += name;
    commentedParams(item);
    out += ")";
    put(tail(item));
    return;
  }
  Layout list = params(item);
  list = countChars(name) <= kMaxAlignColumn ? align(list)
                                             : nest(kContinueIndent, list);
  put(concat({text(name), list, text(")"), tail(item)}));
}

void Printer::setting(const Setting &setting, size_t width, bool isFirst) {
  putCommentLines(setting.comments, isFirst);
  startLine();
  if (!setting.value) {
    put(concat({text(setting.name.text + ": "), layoutType(setting.type)}));
    endWith(setting.comments);
    return;
  }
  std::string name = setting.name.text;
  name.resize(std::max(width, name.size()), ' ');
  std::vector<Layout> parts = {continued(name + " = ", *setting.value)};
  for (const Setting::Exception &exception : setting.exceptions) {
    std::vector<Layout> values, patterns;
    for (const Argument &value : exception.values)
      values.push_back(continued(value.name.text + " = ", *value.value));
    for (const ExprPtr &pattern : exception.patterns)
      patterns.push_back(layoutExpr(*pattern));
    parts.push_back(group(nest(
        kContinueIndent, concat({line(), text("except "), fill(values, ","),
                                 text(" for "), fill(patterns, ",")}))));
  }
  put(concat(std::move(parts)));
  endWith(setting.comments);
}

void Printer::train(const Item &item) {
  out += "train " + item.name.text;
  if (!item.arguments.empty())
    put(layoutArguments(item.arguments));
  out += " {";
  if (item.settings.empty() && isFree(item.atEnd)) {
    out += "}";
    return;
  }
  endLine();
  indent += kIndent;
  size_t width = 0;
  for (const Setting &each : item.settings)
    if (each.value)
      width = std::max(width, each.name.text.size());
  for (size_t i = 0; i < item.settings.size(); ++i)
    setting(item.settings[i], width, i == 0);
  Comments atEnd = item.atEnd;
  atEnd.hasBlankBefore = false;
  putCommentLines(atEnd, item.settings.empty());
  indent -= kIndent;
  out += "}";
}

void Printer::item(const Item &item, const Item *previous) {
  bool isUse = item.kind == Item::Kind::Use;
  bool isUseAfterUse = isUse && previous && previous->kind == Item::Kind::Use &&
                       isFree(item.comments) && item.doc.isEmpty() &&
                       !item.comments.hasBlankBefore;
  if (previous && !isUseAfterUse)
    endLine();
  Comments above = item.comments;
  if (!above.before.empty())
    above.before[0].hasBlankBefore = false;
  else
    above.hasBlankBefore = false;
  putCommentLines(above, false);
  for (const std::string &line : item.doc.lines)
    putLine(line.empty() ? "##" : "## " + line);
  if (isUse) {
    out += "use " + (item.path.empty() ? item.name.text : "");
    if (!item.path.empty()) {
      Expr path;
      path.kind = Expr::Kind::String;
      path.parts.push_back({item.path, nullptr});
      put(layoutExpr(path));
    }
  } else if (item.kind == Item::Kind::Train) {
    train(item);
  } else {
    blockHead(item);
    body(item.body);
  }
  endWith(item.comments);
}

std::string Printer::print(const Module &module) {
  const Item *previous = nullptr;
  for (const Item &each : module.items) {
    item(each, previous);
    previous = &each;
  }
  if (!module.atEnd.before.empty()) {
    if (previous)
      endLine();
    Comments atEnd = module.atEnd;
    atEnd.before[0].hasBlankBefore = atEnd.hasBlankBefore = false;
    putCommentLines(atEnd, false);
  }
  return std::move(out);
}

} // namespace

std::string formatModule(const Module &module) {
  return Printer().print(module);
}

std::string formatItem(const Item &item) { return Printer().print(item); }

} // namespace asgc::ast
