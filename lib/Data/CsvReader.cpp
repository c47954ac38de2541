//===- CsvReader.cpp - Splits a CSV file into records and fields ----------===//
#include "CsvReader.h"

#include <fmt/format.h>

namespace asgc {

namespace {
/// A record beyond this is a file that is no CSV, or a quote left open.
constexpr size_t kMaxRecord = 64 << 20;
constexpr size_t kMaxField = 1 << 20;
constexpr int kEnd = -1, kFailed = -2;

bool isBlank(int c) { return c == ' ' || c == '\t'; }
} // namespace

CsvReader::CsvReader(InputFile file, char delimiter)
    : file(std::move(file)), delimiter(delimiter), buffer(1 << 16) {}

Fault CsvReader::faultAt(int64_t line, int64_t column,
                         const std::string &reason) const {
  return {FaultKind::Input,
          fmt::format("{}:{}:{}: {}", file.path(), line, column, reason)};
}

int CsvReader::peek() {
  if (cursor == filled) {
    if (failure)
      return kFailed;
    Result<size_t> got = file.read(buffer);
    if (!got) {
      failure = got.fault();
      return kFailed;
    }
    cursor = 0;
    filled = *got;
    if (filled == 0)
      return kEnd;
    if (isAtStart) {
      isAtStart = false;
      if (filled >= 3 && buffer[0] == std::byte{0xef} &&
          buffer[1] == std::byte{0xbb} && buffer[2] == std::byte{0xbf})
        cursor = 3;
      if (cursor == filled)
        return peek();
    }
  }
  return static_cast<unsigned char>(buffer[cursor]);
}

int CsvReader::take() {
  int c = peek();
  if (c < 0)
    return c;
  ++cursor;
  ++column;
  if (c == '\n') {
    ++line;
    column = 1;
  }
  return c;
}

MaybeFault CsvReader::append(std::string_view bytes) {
  if (text.size() + bytes.size() > kMaxRecord ||
      text.size() + bytes.size() - spans.back().begin > kMaxField)
    return faultAt(spans.back().line, spans.back().column,
                   fmt::format("expected a field of at most {} bytes, in a "
                               "record of at most {}; is a quote left open?",
                               kMaxField, kMaxRecord));
  text.append(bytes);
  return std::nullopt;
}

/// What the buffer holds up to a byte that may end a field without quotes.
std::string_view CsvReader::takeOrdinary() {
  const char *begin = reinterpret_cast<const char *>(buffer.data()) + cursor;
  const char *end = reinterpret_cast<const char *>(buffer.data()) + filled;
  const char *at = begin;
  while (at != end && *at != delimiter && *at != '\n' && *at != '\r')
    ++at;
  cursor += size_t(at - begin);
  column += at - begin;
  return {begin, size_t(at - begin)};
}

/// After the opening quote: up to the closing one and the blanks behind it.
MaybeFault CsvReader::readQuoted() {
  int64_t openLine = spans.back().line, openColumn = spans.back().column;
  while (true) {
    int c = take();
    if (c == kFailed)
      return failure;
    if (c == kEnd)
      return faultAt(openLine, openColumn,
                     "expected a closing quote for the one here, found the "
                     "end of the file");
    if (c == '"') {
      if (peek() != '"')
        break;
      take();
    }
    char byte = char(c);
    if (MaybeFault fault = append({&byte, 1}))
      return fault;
  }
  while (isBlank(peek()) && peek() != delimiter)
    take();
  int c = peek();
  if (c == kFailed)
    return failure;
  if (c != kEnd && c != delimiter && c != '\n' && c != '\r')
    return faultAt(line, column,
                   fmt::format("expected {} or the end of the line after the "
                               "quoted field, found {}",
                               inQuotes({&delimiter, 1}),
                               inQuotes(std::string(1, char(c)))));
  spans.back().end = text.size();
  return std::nullopt;
}

MaybeFault CsvReader::readField() {
  while (isBlank(peek()) && peek() != delimiter)
    take();
  spans.push_back({text.size(), text.size(), line, column});
  if (peek() == '"') {
    take();
    return readQuoted();
  }
  while (true) {
    int c = peek();
    if (c == kFailed)
      return failure;
    if (c == kEnd || c == '\n' || c == delimiter)
      break;
    if (c != '\r') {
      if (MaybeFault fault = append(takeOrdinary()))
        return fault;
      continue;
    }
    take();
    if (peek() == '\n' || peek() == kEnd)
      break;
    if (MaybeFault fault = append("\r"))
      return fault;
  }
  while (text.size() > spans.back().begin && isBlank(text.back()))
    text.pop_back();
  spans.back().end = text.size();
  return std::nullopt;
}

MaybeFault CsvReader::readRecord() {
  text.clear();
  spans.clear();
  while (true) {
    if (MaybeFault fault = readField())
      return fault;
    if (peek() != delimiter)
      break;
    take();
  }
  if (peek() == '\r')
    take();
  if (peek() == '\n')
    take();
  return failure;
}

Result<bool> CsvReader::next(std::vector<CsvField> *fields) {
  fields->clear();
  bool isEmpty = true;
  while (isEmpty) {
    int c = peek();
    if (c == kFailed)
      return *failure;
    if (c == kEnd)
      return false;
    if (MaybeFault fault = readRecord())
      return *fault;
    isEmpty = spans.size() == 1 && text.empty();
  }
  for (const Span &span : spans)
    fields->push_back(
        {std::string_view(text).substr(span.begin, span.end - span.begin),
         span.line, span.column});
  return true;
}

} // namespace asgc
