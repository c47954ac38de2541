//===- Diagnostic.cpp - Diagnostics and the table of their codes ----------===//
#include "asgc/Support.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace asgc {

const std::vector<CodeInfo> &getAllCodes() {
  static const std::vector<CodeInfo> codes = {
#define ASGC_DIAGNOSTIC(code, severity, title, text, titleRu, textRu)          \
  {Code::code, #code, Severity::severity, title, text, titleRu, textRu},
#include "asgc/Diagnostics.def"
  };
  return codes;
}

const CodeInfo &getCodeInfo(Code code) {
  return getAllCodes()[static_cast<size_t>(code)];
}

const CodeInfo *findCode(std::string_view name) {
  std::string wanted;
  for (char c : name)
    wanted += std::toupper(static_cast<unsigned char>(c));
  if (wanted.rfind("ASG", 0) == 0)
    wanted.erase(0, 3);
  bool isNumber = !wanted.empty() && wanted.size() <= 4 &&
                  std::all_of(wanted.begin(), wanted.end(),
                              [](char c) { return c >= '0' && c <= '9'; });
  if (!isNumber)
    return nullptr;
  wanted = "ASG" + std::string(4 - wanted.size(), '0') + wanted;
  for (const CodeInfo &info : getAllCodes())
    if (info.name == wanted)
      return &info;
  return nullptr;
}

Diagnostic::Diagnostic(Code code, std::string message)
    : code(code), severity(getCodeInfo(code).severity),
      message(std::move(message)) {}

Diagnostic &Diagnostic::at(Span span, std::string label) {
  primary = {span, std::move(label)};
  return *this;
}

Diagnostic &Diagnostic::also(Span span, std::string label) {
  if (span.isValid())
    secondary.push_back({span, std::move(label)});
  return *this;
}

Diagnostic &Diagnostic::note(std::string text, Span span) {
  remarks.push_back({Remark::Kind::Note, std::move(text), span, std::nullopt});
  return *this;
}

Diagnostic &Diagnostic::help(std::string text) {
  remarks.push_back({Remark::Kind::Help, std::move(text), {}, std::nullopt});
  return *this;
}

Diagnostic &Diagnostic::fix(std::string text, Span span,
                            std::string replacement) {
  remarks.push_back({Remark::Kind::Help,
                     std::move(text),
                     {},
                     Edit{span, std::move(replacement)}});
  return *this;
}

void DiagnosticEngine::report(Diagnostic diagnostic) {
  for (const Diagnostic &earlier : diagnostics)
    if (earlier.code == diagnostic.code &&
        earlier.primary.span == diagnostic.primary.span &&
        earlier.message == diagnostic.message)
      return;
  bool isError = diagnostic.severity == Severity::Error;
  numErrors += isError;
  numWarnings += !isError;
  if ((isError ? numErrors : numWarnings) > kMaxPerSeverity)
    return;
  diagnostics.push_back(std::move(diagnostic));
}

bool useColor(ColorMode mode, bool isTerminal) {
  if (mode != ColorMode::Auto)
    return mode == ColorMode::Always;
  const char *noColor = std::getenv("NO_COLOR");
  const char *term = std::getenv("TERM");
  bool isDumb = term && std::string_view(term) == "dumb";
  return isTerminal && !isDumb && !(noColor && *noColor);
}

} // namespace asgc
