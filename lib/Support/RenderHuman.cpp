//===- RenderHuman.cpp - Draws diagnostics the way rustc does -------------===//
#include "asgc/Support.h"

#include <algorithm>

namespace asgc {

namespace {

constexpr uint32_t kTabWidth = 4;
/// A longer line is shown in part, around what is marked.
constexpr uint32_t kMaxWidth = 140;
constexpr uint32_t kContextLeft = 40;

enum class Style { Plain, Error, Warning, Gutter, Note, Help, Strong };

/// One marked stretch of a line, in columns of the screen from 0.
struct Mark {
  uint32_t begin, end;
  bool isPrimary;
  std::string text;
};

/// A source line as the screen shows it, and which column each byte got.
struct ScreenLine {
  explicit ScreenLine(std::string_view line);

  std::vector<std::string> cells; // one per column
  std::vector<uint32_t> columnOf; // of each byte, and of the end
};

ScreenLine::ScreenLine(std::string_view line) {
  for (unsigned char c : line) {
    if ((c & 0xc0) == 0x80 && !cells.empty()) { // the rest of a character
      columnOf.push_back(cells.size() - 1);
      cells.back() += static_cast<char>(c);
      continue;
    }
    columnOf.push_back(cells.size());
    if (c == '\t')
      cells.insert(cells.end(), kTabWidth, " ");
    else if (c < 0x20 || c == 0x7f)
      cells.emplace_back("\xef\xbf\xbd"); // never send control codes on
    else
      cells.emplace_back(1, static_cast<char>(c));
  }
  columnOf.push_back(cells.size());
}

/// Text in which single cells are set one by one, with a style each.
class Row {
public:
  void put(uint32_t column, std::string_view text, Style style) {
    ScreenLine line(text);
    if (cells.size() < column + line.cells.size())
      cells.resize(column + line.cells.size(), {" ", Style::Plain});
    for (size_t i = 0; i < line.cells.size(); ++i)
      cells[column + i] = {line.cells[i], style};
  }
  const std::vector<std::pair<std::string, Style>> &getCells() const {
    return cells;
  }

private:
  std::vector<std::pair<std::string, Style>> cells;
};

class HumanRenderer {
public:
  HumanRenderer(const SourceManager &sources, bool color)
      : sources(sources), color(color) {}

  std::string render(const Diagnostic &diagnostic);

private:
  void text(std::string_view text, Style style);
  void row(const Row &row);
  void gutter(std::string_view number);
  void place(const char *arrow, Span span);
  void remark(const Remark &remark);
  void snippet(const std::vector<Label> &labels, size_t numPrimary,
               Style primaryStyle);
  void fileSnippet(FileId file, const std::vector<Label> &labels,
                   size_t numPrimary, Style primaryStyle);
  void markedLine(uint32_t number, std::string_view line,
                  std::vector<Mark> marks, Style primaryStyle);
  void labelRows(std::vector<Mark> marks, Style primaryStyle);
  void edited(const Edit &edit);
  uint32_t widest(const Diagnostic &diagnostic) const;

  const SourceManager &sources;
  bool color;
  uint32_t numberWidth = 1;
  std::string out;
};

void HumanRenderer::text(std::string_view text, Style style) {
  static constexpr const char *kCodes[] = {
      "",           "\033[1;31m", "\033[1;33m", "\033[1;34m",
      "\033[1;32m", "\033[1;36m", "\033[1m"};
  if (!color || style == Style::Plain) {
    out += text;
    return;
  }
  out += kCodes[static_cast<int>(style)];
  out += text;
  out += "\033[0m";
}

void HumanRenderer::row(const Row &row) {
  const auto &cells = row.getCells();
  for (size_t i = 0; i < cells.size();) {
    size_t end = i;
    std::string run;
    for (; end < cells.size() && cells[end].second == cells[i].second; ++end)
      run += cells[end].first;
    text(run, cells[i].second);
    i = end;
  }
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  out += '\n';
}

void HumanRenderer::gutter(std::string_view number) {
  std::string margin(numberWidth - std::min<size_t>(numberWidth, number.size()),
                     ' ');
  text(margin + std::string(number) + " |", Style::Gutter);
}

void HumanRenderer::place(const char *arrow, Span span) {
  const SourceFile &file = sources.getFile(span.file);
  Position position = file.getPosition(span.begin);
  text(std::string(numberWidth, ' ') + arrow, Style::Gutter);
  out += " " + file.getPath() + ":" + std::to_string(position.line) + ":" +
         std::to_string(position.column) + "\n";
}

void HumanRenderer::labelRows(std::vector<Mark> marks, Style primaryStyle) {
  auto styleOf = [&](const Mark &mark) {
    return mark.isPrimary ? primaryStyle : Style::Gutter;
  };
  Row carets;
  for (const Mark &mark : marks) // the primary comes last and stays visible
    carets.put(mark.begin,
               std::string(mark.end - mark.begin, mark.isPrimary ? '^' : '-'),
               styleOf(mark));
  std::erase_if(marks, [](const Mark &mark) { return mark.text.empty(); });
  std::stable_sort(
      marks.begin(), marks.end(),
      [](const Mark &a, const Mark &b) { return a.begin < b.begin; });
  // The rightmost label stands beside its marks if nothing else is there.
  uint32_t width = carets.getCells().size();
  if (!marks.empty() && marks.back().end == width &&
      (marks.size() == 1 ||
       marks[marks.size() - 2].end <= marks.back().begin)) {
    carets.put(width + 1, marks.back().text, styleOf(marks.back()));
    marks.pop_back();
  }
  gutter("");
  out += ' ';
  row(carets);
  // The others hang below, the rightmost first.
  for (size_t left = marks.size(); left > 0; --left) {
    Row bars, label;
    for (size_t i = 0; i < left; ++i) {
      bars.put(marks[i].begin, "|", styleOf(marks[i]));
      if (i + 1 < left)
        label.put(marks[i].begin, "|", styleOf(marks[i]));
    }
    const Mark &mark = marks[left - 1];
    label.put(mark.begin, mark.text, styleOf(mark));
    if (left == marks.size()) {
      gutter("");
      out += ' ';
      row(bars);
    }
    gutter("");
    out += ' ';
    row(label);
  }
}

void HumanRenderer::markedLine(uint32_t number, std::string_view line,
                               std::vector<Mark> marks, Style primaryStyle) {
  ScreenLine screen(line);
  uint32_t first = 0;
  if (screen.cells.size() > kMaxWidth && !marks.empty()) {
    uint32_t leftmost = screen.cells.size();
    for (const Mark &mark : marks)
      leftmost = std::min(leftmost, mark.begin);
    first = leftmost > kContextLeft ? leftmost - kContextLeft : 0;
  }
  uint32_t last = std::min<size_t>(screen.cells.size(), first + kMaxWidth);
  gutter(std::to_string(number));
  out += ' ';
  for (uint32_t i = first; i < last; ++i)
    out += i == first && first > 0 ? "…" : screen.cells[i];
  if (last < screen.cells.size())
    out += "…";
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  out += '\n';
  std::erase_if(marks, [&](const Mark &mark) { return mark.begin > last; });
  for (Mark &mark : marks) {
    mark.begin -= first;
    mark.end = std::max(std::min(mark.end, last + 1) - first, mark.begin + 1);
  }
  if (!marks.empty())
    labelRows(std::move(marks), primaryStyle);
}

void HumanRenderer::fileSnippet(FileId fileId, const std::vector<Label> &labels,
                                size_t numPrimary, Style primaryStyle) {
  const SourceFile &file = sources.getFile(fileId);
  // Marks by line, secondary ones first so that the primary is drawn over them.
  std::vector<std::pair<uint32_t, Mark>> marks;
  for (size_t i = labels.size(); i-- > 0;) {
    const Label &label = labels[i];
    if (label.span.file != fileId)
      continue;
    Position begin = file.getPosition(label.span.begin);
    ScreenLine screen(file.getLine(begin.line));
    auto columnOf = [&](uint32_t offset) {
      size_t byte = offset - file.getLineStart(begin.line);
      return screen.columnOf[std::min(byte, screen.columnOf.size() - 1)];
    };
    uint32_t from = columnOf(label.span.begin);
    uint32_t to = columnOf(label.span.end); // ends with the line at the latest
    marks.push_back(
        {begin.line,
         {from, std::max(to, from + 1), i < numPrimary, label.text}});
  }
  std::stable_sort(
      marks.begin(), marks.end(),
      [](const auto &a, const auto &b) { return a.first < b.first; });
  gutter("");
  out += '\n';
  uint32_t previous = 0;
  for (size_t i = 0; i < marks.size();) {
    uint32_t number = marks[i].first;
    if (previous && number == previous + 2)
      markedLine(previous + 1, file.getLine(previous + 1), {}, primaryStyle);
    else if (previous && number > previous + 2)
      text("...\n", Style::Gutter);
    std::vector<Mark> here;
    for (; i < marks.size() && marks[i].first == number; ++i)
      here.push_back(marks[i].second);
    markedLine(number, file.getLine(number), std::move(here), primaryStyle);
    previous = number;
  }
}

void HumanRenderer::snippet(const std::vector<Label> &labels, size_t numPrimary,
                            Style primaryStyle) {
  std::vector<FileId> seen;
  for (const Label &label : labels) {
    if (!label.span.isValid() ||
        std::find(seen.begin(), seen.end(), label.span.file) != seen.end())
      continue;
    place(seen.empty() ? "-->" : ":::", label.span);
    seen.push_back(label.span.file);
    fileSnippet(label.span.file, labels, numPrimary, primaryStyle);
  }
}

void HumanRenderer::edited(const Edit &edit) {
  const SourceFile &file = sources.getFile(edit.span.file);
  Position begin = file.getPosition(edit.span.begin);
  if (file.getPosition(edit.span.end).line != begin.line ||
      edit.replacement.find('\n') != std::string::npos)
    return;
  std::string line(file.getLine(begin.line));
  size_t from = std::min<size_t>(
      edit.span.begin - file.getLineStart(begin.line), line.size());
  size_t length =
      std::min<size_t>(edit.span.end - edit.span.begin, line.size() - from);
  uint32_t column = ScreenLine(line.substr(0, from)).cells.size();
  line.replace(from, length, edit.replacement);
  if (line.size() > kMaxWidth)
    return;
  uint32_t width = ScreenLine(edit.replacement).cells.size();
  gutter("");
  out += '\n';
  markedLine(begin.line, line, {}, Style::Help);
  if (width > 0) {
    Row marks;
    marks.put(column, std::string(width, length > 0 ? '~' : '+'), Style::Help);
    gutter("");
    out += ' ';
    row(marks);
  }
}

void HumanRenderer::remark(const Remark &remark) {
  bool isHelp = remark.kind == Remark::Kind::Help;
  bool hasPlace = remark.span.isValid() || remark.edit;
  Style style = isHelp ? Style::Help : Style::Note;
  if (!hasPlace)
    text(std::string(numberWidth, ' ') + " = ", Style::Gutter);
  text(isHelp ? "help" : "note", style);
  out += ": " + remark.text + "\n";
  if (remark.span.isValid())
    snippet({{remark.span, ""}}, 1, style);
  if (remark.edit)
    edited(*remark.edit);
}

uint32_t HumanRenderer::widest(const Diagnostic &diagnostic) const {
  uint32_t line = 1;
  auto see = [&](Span span) {
    if (span.isValid())
      line = std::max(line,
                      sources.getFile(span.file).getPosition(span.begin).line);
  };
  see(diagnostic.primary.span);
  for (const Label &label : diagnostic.secondary)
    see(label.span);
  for (const Remark &remark : diagnostic.remarks) {
    see(remark.span);
    if (remark.edit)
      see(remark.edit->span);
  }
  return std::to_string(line).size();
}

std::string HumanRenderer::render(const Diagnostic &diagnostic) {
  numberWidth = widest(diagnostic);
  bool isError = diagnostic.severity == Severity::Error;
  Style style = isError ? Style::Error : Style::Warning;
  text((isError ? "error[" : "warning[") +
           std::string(getCodeInfo(diagnostic.code).name) + "]",
       style);
  text(": " + diagnostic.message, Style::Strong);
  out += '\n';
  std::vector<Label> labels = {diagnostic.primary};
  labels.insert(labels.end(), diagnostic.secondary.begin(),
                diagnostic.secondary.end());
  if (diagnostic.primary.span.isValid()) {
    snippet(labels, 1, style);
    if (!diagnostic.remarks.empty()) {
      gutter("");
      out += '\n';
    }
  }
  for (const Remark &each : diagnostic.remarks)
    remark(each);
  out += '\n';
  return std::move(out);
}

} // namespace

std::string renderHuman(const Diagnostic &diagnostic,
                        const SourceManager &sources, bool color) {
  return HumanRenderer(sources, color).render(diagnostic);
}

std::string renderShort(const Diagnostic &diagnostic,
                        const SourceManager &sources) {
  std::string place;
  if (Span span = diagnostic.primary.span; span.isValid()) {
    const SourceFile &file = sources.getFile(span.file);
    Position position = file.getPosition(span.begin);
    place = file.getPath() + ":" + std::to_string(position.line) + ":" +
            std::to_string(position.column) + ": ";
  }
  bool isError = diagnostic.severity == Severity::Error;
  return place + (isError ? "error[" : "warning[") +
         std::string(getCodeInfo(diagnostic.code).name) +
         "]: " + diagnostic.message + "\n";
}

} // namespace asgc
