//===- RenderJson.cpp - Diagnostics as JSON lines -------------------------===//
#include "asgc/Support.h"

namespace asgc {

namespace {

/// The line of `span` with the marked part as character columns.
std::string spanText(const SourceFile &file, Span span) {
  Position begin = file.getPosition(span.begin);
  Position end = file.getPosition(span.end);
  std::string line(file.getLine(begin.line).substr(0, 1024));
  uint32_t endColumn = end.line == begin.line
                           ? end.column
                           : file.getPosition(file.getLineStart(begin.line) +
                                              file.getLine(begin.line).size())
                                 .column;
  return "[{\"text\":" + quoteJson(line) +
         ",\"highlight_start\":" + std::to_string(begin.column) +
         ",\"highlight_end\":" + std::to_string(endColumn) + "}]";
}

std::string spanJson(const SourceManager &sources, Span span, bool isPrimary,
                     std::string_view label, const std::string *replacement) {
  const SourceFile &file = sources.getFile(span.file);
  Position begin = file.getPosition(span.begin);
  Position end = file.getPosition(span.end);
  std::string json = "{\"file_name\":" + quoteJson(file.getPath());
  auto number = [&](const char *key, uint32_t value) {
    json += ",\"" + std::string(key) + "\":" + std::to_string(value);
  };
  number("byte_start", span.begin);
  number("byte_end", span.end);
  number("line_start", begin.line);
  number("line_end", end.line);
  number("column_start", begin.column);
  number("column_end", end.column);
  json += std::string(",\"is_primary\":") + (isPrimary ? "true" : "false");
  json += ",\"text\":" + spanText(file, span);
  json += ",\"label\":" + (label.empty() ? "null" : quoteJson(label));
  json += ",\"suggested_replacement\":" +
          (replacement ? quoteJson(*replacement) : "null");
  json += std::string(",\"suggestion_applicability\":") +
          (replacement ? "\"MaybeIncorrect\"" : "null");
  return json + ",\"expansion\":null}";
}

std::string remarkJson(const SourceManager &sources, const Remark &remark) {
  std::string spans;
  if (remark.span.isValid())
    spans = spanJson(sources, remark.span, true, "", nullptr);
  if (remark.edit)
    spans = spanJson(sources, remark.edit->span, true, "",
                     &remark.edit->replacement);
  bool isHelp = remark.kind == Remark::Kind::Help;
  return "{\"message\":" + quoteJson(remark.text) +
         ",\"code\":null,\"level\":" + (isHelp ? "\"help\"" : "\"note\"") +
         ",\"spans\":[" + spans + "],\"children\":[],\"rendered\":null}";
}

} // namespace

std::string renderJson(const Diagnostic &diagnostic,
                       const SourceManager &sources) {
  const CodeInfo &info = getCodeInfo(diagnostic.code);
  bool isError = diagnostic.severity == Severity::Error;
  std::string spans, children;
  auto append = [](std::string &list, const std::string &item) {
    list += (list.empty() ? "" : ",") + item;
  };
  if (diagnostic.primary.span.isValid())
    append(spans, spanJson(sources, diagnostic.primary.span, true,
                           diagnostic.primary.text, nullptr));
  for (const Label &label : diagnostic.secondary)
    append(spans, spanJson(sources, label.span, false, label.text, nullptr));
  for (const Remark &remark : diagnostic.remarks)
    append(children, remarkJson(sources, remark));
  return "{\"$message_type\":\"diagnostic\",\"message\":" +
         quoteJson(diagnostic.message) +
         ",\"code\":{\"code\":" + quoteJson(info.name) +
         ",\"explanation\":" + quoteJson(info.explanation) +
         "},\"level\":" + (isError ? "\"error\"" : "\"warning\"") +
         ",\"spans\":[" + spans + "],\"children\":[" + children +
         "],\"rendered\":" + quoteJson(renderHuman(diagnostic, sources)) +
         "}\n";
}

} // namespace asgc
