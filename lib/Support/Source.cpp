//===- Source.cpp - Source texts and places in them -----------------------===//
#include "asgc/Support.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace asgc {

Span cover(Span first, Span second) {
  if (!first.isValid())
    return second;
  if (!second.isValid() || second.file != first.file)
    return first;
  return {first.file, std::min(first.begin, second.begin),
          std::max(first.end, second.end)};
}

SourceFile::SourceFile(std::string path, std::string text)
    : path(std::move(path)), text(std::move(text)) {
  lineStarts.push_back(0);
  for (size_t i = 0; i < this->text.size(); ++i)
    if (this->text[i] == '\n')
      lineStarts.push_back(i + 1);
}

std::string_view SourceFile::getLine(uint32_t line) const {
  if (line == 0 || line > lineStarts.size())
    return {};
  size_t begin = lineStarts[line - 1];
  size_t end = line < lineStarts.size() ? lineStarts[line] - 1 : text.size();
  if (end > begin && text[end - 1] == '\r')
    --end;
  return std::string_view(text).substr(begin, end - begin);
}

uint32_t SourceFile::getLineNumber(uint32_t offset) const {
  offset = std::min<size_t>(offset, text.size());
  auto next = std::upper_bound(lineStarts.begin(), lineStarts.end(), offset);
  return next - lineStarts.begin();
}

Position SourceFile::getPosition(uint32_t offset) const {
  offset = std::min<size_t>(offset, text.size());
  uint32_t line = getLineNumber(offset);
  uint32_t column = 1;
  for (size_t i = lineStarts[line - 1]; i < offset; ++i)
    column += (text[i] & 0xc0) != 0x80; // continuation bytes do not count
  return {line, column};
}

FileId SourceManager::add(std::string path, std::string text) {
  files.emplace_back(std::move(path), std::move(text));
  return files.size() - 1;
}

std::optional<FileId> SourceManager::load(const std::string &path,
                                          std::string *error) {
  std::FILE *stream = std::fopen(path.c_str(), "rb");
  if (!stream) {
    *error = std::strerror(errno);
    return std::nullopt;
  }
  std::string text;
  char buffer[65536];
  size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, stream)) > 0) {
    text.append(buffer, got);
    if (text.size() > kMaxBytes)
      break;
  }
  int readError = std::ferror(stream) ? errno : 0;
  std::fclose(stream);
  if (readError) {
    *error = std::strerror(readError);
    return std::nullopt;
  }
  if (text.size() > kMaxBytes) {
    *error = "larger than 4 MiB, which no model text is";
    return std::nullopt;
  }
  return add(path, std::move(text));
}

std::optional<FileId> SourceManager::find(std::string_view path) const {
  for (FileId id = 0; id < files.size(); ++id)
    if (files[id].getPath() == path)
      return id;
  return std::nullopt;
}

std::string_view SourceManager::getText(Span span) const {
  if (!span.isValid())
    return {};
  std::string_view text = files[span.file].getText();
  size_t begin = std::min<size_t>(span.begin, text.size());
  size_t end = std::clamp<size_t>(span.end, begin, text.size());
  return text.substr(begin, end - begin);
}

} // namespace asgc
