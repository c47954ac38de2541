//===- DiagnosticBridge.cpp - What MLIR reports, as our diagnostics -------===//
#include "State.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace asgc {

/// The first place in a text that `loc` stems from, and the instance path of
/// the layer it is in.
static void findPlace(Location loc, FileLineColLoc &place, StringRef &path) {
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part); name && path.empty())
      path = name.getName().strref();
    if (auto file = dyn_cast<FileLineColLoc>(part); file && !place)
      place = file;
    return WalkResult::advance();
  });
}

/// The word or sign of the text that starts at `place`.
static Span spanOf(FileLineColLoc place, const SourceManager &sources) {
  std::optional<FileId> id = sources.find(place.getFilename().strref());
  if (!id)
    return {};
  const SourceFile &file = sources.getFile(*id);
  if (place.getLine() == 0 || place.getLine() > file.getNumLines())
    return {};
  std::string_view line = file.getLine(place.getLine());
  size_t begin = 0; // columns count characters, offsets bytes
  for (unsigned column = 1; column < place.getColumn() && begin < line.size();
       ++column)
    do
      ++begin;
    while (begin < line.size() && (line[begin] & 0xC0) == 0x80);
  size_t end = begin;
  while (end < line.size() && (isalnum(static_cast<unsigned char>(line[end])) ||
                               line[end] == '_' || (line[end] & 0x80)))
    ++end;
  if (end == begin && end < line.size())
    ++end;
  uint32_t start = file.getLineStart(place.getLine());
  return {*id, start + uint32_t(begin), start + uint32_t(end)};
}

/// Without the name of the IR operation that MLIR puts before a message.
static std::string plainMessage(mlir::Diagnostic &diagnostic) {
  std::string text = diagnostic.str();
  static llvm::Regex prefix("^'(asg|plan)\\.[a-z_0-9]+' op ");
  llvm::SmallVector<StringRef> matches;
  if (prefix.match(text, &matches))
    text.erase(0, matches[0].size());
  return text;
}

DiagnosticBridge::DiagnosticBridge(MLIRContext &context,
                                   DiagnosticEngine &engine,
                                   std::vector<std::string> &remarks, Code code)
    : engine(engine), remarks(remarks), code(code),
      handler(&context, [this](mlir::Diagnostic &diagnostic) {
        receive(diagnostic);
        return success();
      }) {}

void DiagnosticBridge::receive(mlir::Diagnostic &diagnostic) {
  const SourceManager &sources = engine.getSources();
  FileLineColLoc place;
  StringRef path;
  findPlace(diagnostic.getLocation(), place, path);
  if (diagnostic.getSeverity() == DiagnosticSeverity::Remark) {
    std::string where;
    if (place)
      where = (place.getFilename().strref() + ":" + Twine(place.getLine()) +
               ":" + Twine(place.getColumn()) + ": ")
                  .str();
    remarks.push_back(where + "remark: " + diagnostic.str());
    return;
  }
  if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
    return;
  asgc::Diagnostic result(code, plainMessage(diagnostic));
  if (place)
    result.at(spanOf(place, sources));
  if (!path.empty())
    result.note("in the instance '" + path.str() + "'");
  for (mlir::Diagnostic &note : diagnostic.getNotes()) {
    FileLineColLoc notePlace;
    StringRef notePath;
    findPlace(note.getLocation(), notePlace, notePath);
    result.note(plainMessage(note),
                notePlace ? spanOf(notePlace, sources) : Span{});
  }
  engine.report(std::move(result));
}

} // namespace asgc
