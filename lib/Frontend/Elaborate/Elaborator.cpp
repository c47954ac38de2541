//===- Elaborator.cpp - Errors, limits and places -------------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace asgc {

/// Evaluations of one elaboration; a large model takes some ten thousand.
static constexpr int64_t kMaxWork = 2'000'000;
/// Frames shown below an error.
static constexpr int kMaxCallNotes = 4;

Elaborator::Elaborator(const Library &library, MLIRContext &context,
                       const ElaborateOptions &options,
                       DiagnosticEngine &diagnostics)
    : builder(&context), library(library), options(options),
      diagnostics(diagnostics) {}

void Elaborator::report(Diagnostic diagnostic) {
  int shown = 0;
  for (Frame *frame = current; frame && shown < kMaxCallNotes;
       frame = frame->caller) {
    if (!frame->item || !frame->callSpan.isValid() ||
        frame->callSpan == diagnostic.primary.span)
      continue;
    diagnostic.note("in " + std::string(ast::spelling(frame->item->kind)) +
                        " `" + frame->item->name.text + "`, called here",
                    frame->callSpan);
    ++shown;
  }
  diagnostics.report(std::move(diagnostic));
}

Term Elaborator::fail(Diagnostic diagnostic) {
  report(std::move(diagnostic));
  return Term::poison();
}

std::string Elaborator::quote(Span span) const {
  constexpr size_t kMaxQuoted = 40;
  std::string text(diagnostics.getSources().getText(span));
  if (text.empty() || text.size() > kMaxQuoted ||
      text.find('\n') != std::string::npos)
    return "this";
  return "`" + text + "`";
}

void Elaborator::noteOrigin(Diagnostic &diagnostic,
                            const Operand &operand) const {
  Span origin = operand.term.origin;
  if (!origin.isValid() || origin == operand.span)
    return;
  diagnostic.note(quote(operand.span) + " is " + describeKind(operand.term) +
                      " from here",
                  origin);
}

bool Elaborator::spend(Span span) {
  if (isExhausted)
    return false;
  if (++work <= kMaxWork)
    return true;
  isExhausted = true;
  report(Diagnostic(Code::ASG0402, "the model takes more than " +
                                       std::to_string(kMaxWork) +
                                       " steps to elaborate")
             .at(span, "stopped here")
             .help("look for a loop that runs too often"));
  return false;
}

Location Elaborator::locate(Span span, const std::string &path) const {
  MLIRContext *context = builder.getContext();
  const SourceFile &file = diagnostics.getSources().getFile(span.file);
  Position position = file.getPosition(span.begin);
  Location place = FileLineColLoc::get(context, file.getPath(), position.line,
                                       position.column);
  return NameLoc::get(StringAttr::get(context, path), place);
}

Location Elaborator::locate(Span span, const Frame &frame) const {
  return locate(span, frame.path.empty() ? rootName : frame.path);
}

} // namespace asgc
