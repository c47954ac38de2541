//===- Support.h - Source texts, diagnostics and their rendering ----------===//
#ifndef ASGC_SUPPORT_H
#define ASGC_SUPPORT_H

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asgc {

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// Index of a file in its SourceManager.
using FileId = uint32_t;
inline constexpr FileId kNoFile = ~FileId(0);

/// The bytes [begin, end) of a file.
struct Span {
  FileId file = kNoFile;
  uint32_t begin = 0;
  uint32_t end = 0;

  bool isValid() const { return file != kNoFile; }
  bool operator==(const Span &) const = default;
};

/// The smallest span over both, which must be of one file; an invalid one
/// counts for nothing.
Span cover(Span first, Span second);

/// A line and a column, both from 1; a column is a UTF-8 character.
struct Position {
  uint32_t line = 1;
  uint32_t column = 1;
  bool operator==(const Position &) const = default;
};

/// One text with its path as the user wrote it.
class SourceFile {
public:
  SourceFile(std::string path, std::string text);

  const std::string &getPath() const { return path; }
  std::string_view getText() const { return text; }
  uint32_t getNumLines() const { return lineStarts.size(); }
  /// Line `line` (from 1) without its line ending.
  std::string_view getLine(uint32_t line) const;
  /// Offset of the first byte of line `line` (from 1).
  uint32_t getLineStart(uint32_t line) const { return lineStarts[line - 1]; }
  /// Where byte `offset` stands; offsets beyond the text count as its end.
  Position getPosition(uint32_t offset) const;
  /// Only its line: unlike a column, that is found without reading the line.
  uint32_t getLineNumber(uint32_t offset) const;

private:
  std::string path;
  std::string text;
  std::vector<uint32_t> lineStarts;
};

/// Owns all texts of one compilation. References to files stay valid.
class SourceManager {
public:
  /// Texts beyond this size are refused by `load`.
  static constexpr size_t kMaxBytes = 4u << 20;

  FileId add(std::string path, std::string text);
  /// Reads a file. On failure the result is empty and `*error` says why.
  std::optional<FileId> load(const std::string &path, std::string *error);
  /// The file added under this very path, if any.
  std::optional<FileId> find(std::string_view path) const;

  const SourceFile &getFile(FileId file) const { return files[file]; }
  uint32_t getNumFiles() const { return files.size(); }
  std::string_view getText(Span span) const;

private:
  std::deque<SourceFile> files; // a deque: references stay valid
};

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

/// Every diagnostic code; Diagnostics.def says what each means.
enum class Code : uint16_t {
#define ASGC_DIAGNOSTIC(code, severity, title, text, titleRu, textRu) code,
#include "asgc/Diagnostics.def"
};

enum class Severity { Error, Warning };

/// What `asgc explain ASG0107` prints.
struct CodeInfo {
  Code code;
  std::string_view name; ///< "ASG0107"
  Severity severity;
  std::string_view title, explanation;
  std::string_view titleRu, explanationRu;
};

const CodeInfo &getCodeInfo(Code code);
/// All codes in the order of their numbers.
const std::vector<CodeInfo> &getAllCodes();
/// The entry called `name` ("ASG0107", "asg107" or "107"); null if none is.
const CodeInfo *findCode(std::string_view name);

/// A span with what to say of it; the text may be empty.
struct Label {
  Span span;
  std::string text;
};

/// A replacement of one span that would cure the error.
struct Edit {
  Span span;
  std::string replacement;
};

/// A `note:` or `help:` line, with a place or an edit where there is one.
struct Remark {
  enum class Kind { Note, Help } kind = Kind::Note;
  std::string text;
  Span span;
  std::optional<Edit> edit;
};

/// One message to the user: what is wrong, where, why and how to cure it.
/// Built in a chain: `Diagnostic(Code::ASG0107, "…").at(span, "…").note("…")`.
struct Diagnostic {
  Diagnostic(Code code, std::string message);

  /// The place to point at, marked with carets.
  Diagnostic &at(Span span, std::string label = "");
  /// A further place, marked with dashes.
  Diagnostic &also(Span span, std::string label);
  Diagnostic &note(std::string text, Span span = {});
  Diagnostic &help(std::string text);
  /// Help whose edit replaces `span`.
  Diagnostic &fix(std::string text, Span span, std::string replacement);

  Code code;
  Severity severity;
  std::string message;
  Label primary;
  std::vector<Label> secondary;
  std::vector<Remark> remarks;
};

/// Collects the diagnostics of a compilation. An exact repetition (same code,
/// place and message) is dropped, since a block is elaborated once per use.
class DiagnosticEngine {
public:
  /// Errors (and warnings) beyond this many are counted, not kept.
  static constexpr size_t kMaxPerSeverity = 100;

  explicit DiagnosticEngine(SourceManager &sources) : sources(&sources) {}

  void report(Diagnostic diagnostic);

  bool hasErrors() const { return numErrors > 0; }
  size_t getNumErrors() const { return numErrors; }
  const std::vector<Diagnostic> &getDiagnostics() const { return diagnostics; }
  SourceManager &getSources() const { return *sources; }

private:
  SourceManager *sources;
  std::vector<Diagnostic> diagnostics;
  size_t numErrors = 0;
  size_t numWarnings = 0;
};

//===----------------------------------------------------------------------===//
// Rendering
//===----------------------------------------------------------------------===//

enum class ColorMode { Auto, Always, Never };

/// Whether to colour a stream: `Auto` colours a terminal, unless NO_COLOR is
/// set to something or TERM is "dumb".
bool useColor(ColorMode mode, bool isTerminal);

/// The text a person reads, rustc's way; ends with an empty line.
std::string renderHuman(const Diagnostic &diagnostic,
                        const SourceManager &sources, bool color = false);
/// One line per diagnostic: file:line:col: error[CODE]: message.
std::string renderShort(const Diagnostic &diagnostic,
                        const SourceManager &sources);
/// One JSON object in one line, with the field names of rustc.
std::string renderJson(const Diagnostic &diagnostic,
                       const SourceManager &sources);

/// `text` as a JSON string with its quotes; bytes that are not UTF-8 become
/// U+FFFD.
std::string quoteJson(std::string_view text);

//===----------------------------------------------------------------------===//
// Near misses
//===----------------------------------------------------------------------===//

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a`
/// into `b`; `limit + 1` if there are more than `limit`.
unsigned editDistance(std::string_view a, std::string_view b, unsigned limit);

/// The candidate nearest to `name`, if one is near enough to be meant; the
/// first of equally near ones.
std::optional<std::string>
findNearest(std::string_view name, const std::vector<std::string> &candidates);

} // namespace asgc

#endif
