//===- Explain.cpp - What a definition says of itself ---------------------===//
#include "Signature.h"
#include "asgc/Frontend.h"

namespace asgc {

using ast::DocText;

/// `text` with what it lacks taken from `fallback`.
static DocText complete(DocText text, const DocText &fallback) {
  auto fill = [](std::string &field, const std::string &other) {
    if (field.empty())
      field = other;
  };
  fill(text.meaning, fallback.meaning);
  fill(text.formula, fallback.formula);
  fill(text.why, fallback.why);
  fill(text.source, fallback.source);
  for (const auto &role : fallback.roles)
    if (!text.findRole(role.first))
      text.roles.push_back(role);
  return text;
}

static void collectVariables(const ast::Body &body, Explanation &result) {
  for (const ast::StmtPtr &stmt : body.stmts) {
    bool isParam = stmt->kind == ast::Stmt::Kind::Param;
    if (isParam || stmt->kind == ast::Stmt::Kind::State)
      result.fields.push_back({isParam ? "param" : "state", stmt->names[0].text,
                               ast::formatType(stmt->type),
                               ast::formatExpr(*stmt->value), ""});
    collectVariables(stmt->body, result);
    collectVariables(stmt->orElse, result);
  }
}

Explanation explain(const ast::Item &item, const SourceManager &sources,
                    std::string_view language) {
  Explanation result;
  result.kind = ast::spelling(item.kind);
  result.name = item.name.text;
  result.signature = formatSignature(item);
  const SourceFile &file = sources.getFile(item.name.span.file);
  result.place = file.getPath() + ":" +
                 std::to_string(file.getPosition(item.name.span.begin).line);
  result.doc = language == "ru" ? complete(item.doc.ru, item.doc.en)
                                : complete(item.doc.en, {});
  for (const ast::ParamDecl &param : item.params)
    result.fields.push_back(
        {"argument", param.name.text, ast::formatType(param.type),
         param.value ? ast::formatExpr(*param.value) : "", ""});
  collectVariables(item.body, result);
  for (Explanation::Field &field : result.fields)
    if (const std::string *role = result.doc.findRole(field.name))
      field.role = *role;
  result.source = ast::formatItem(item);
  return result;
}

} // namespace asgc
