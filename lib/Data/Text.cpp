//===- Text.cpp - Text files as windows of tokens -------------------------===//
#include "Readers.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace asgc {

namespace {
/// Decodes the UTF-8 character at `at` and moves behind it; nothing if it is
/// malformed, overlong, a surrogate or beyond U+10FFFF.
std::optional<uint32_t> decodeUtf8(std::span<const std::byte> text,
                                   size_t *at) {
  auto byteAt = [&](size_t i) { return std::to_integer<uint32_t>(text[i]); };
  uint32_t first = byteAt(*at);
  size_t length = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
  if (length == 0 || text.size() - *at < length)
    return std::nullopt;
  uint32_t value = length == 1 ? first : first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    uint32_t next = byteAt(*at + i);
    if ((next & 0xc0) != 0x80)
      return std::nullopt;
    value = value << 6 | (next & 0x3f);
  }
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10ffff ||
      (value >= 0xd800 && value < 0xe000))
    return std::nullopt;
  *at += length;
  return value;
}

std::string encodeUtf8(uint32_t c) {
  auto tail = [&](int shift) { return char(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80)
    return {char(c)};
  if (c < 0x800)
    return {char(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000)
    return {char(0xe0 | c >> 12), tail(6), tail(0)};
  return {char(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

struct Tokens {
  ElementType type = ElementType::U8;
  std::vector<std::byte> ids;
  std::vector<std::string> names;
};

/// Ids of characters: the rank of the code point among those that occur, or
/// its place in `known` (sorted by code point, as UTF-8 sorts).
Result<Tokens> tokenizeChars(std::span<const std::byte> text,
                             const std::string &path,
                             const std::vector<std::string> *known) {
  std::vector<uint32_t> points;
  std::vector<size_t> offsets;
  for (size_t at = 0; at < text.size();) {
    size_t start = at;
    std::optional<uint32_t> point = decodeUtf8(text, &at);
    if (!point)
      return corruptAt(path, int64_t(start),
                       fmt::format("expected UTF-8 text, found the byte {:02x}",
                                   std::to_integer<unsigned>(text[start])));
    points.push_back(*point);
    if (known)
      offsets.push_back(start);
  }
  Tokens tokens;
  std::vector<uint32_t> vocabulary;
  if (known) {
    tokens.names = *known;
    for (const std::string &name : *known) {
      size_t at = 0;
      vocabulary.push_back(
          *decodeUtf8(std::as_bytes(std::span<const char>(name)), &at));
    }
  } else {
    vocabulary = points;
    std::sort(vocabulary.begin(), vocabulary.end());
    vocabulary.erase(std::unique(vocabulary.begin(), vocabulary.end()),
                     vocabulary.end());
    for (uint32_t point : vocabulary)
      tokens.names.push_back(encodeUtf8(point));
  }
  tokens.type = ElementType::I32;
  tokens.ids.resize(points.size() * 4);
  for (size_t i = 0; i < points.size(); ++i) {
    auto place =
        std::lower_bound(vocabulary.begin(), vocabulary.end(), points[i]);
    if (place == vocabulary.end() || *place != points[i])
      return corruptAt(path, int64_t(offsets[i]),
                       fmt::format("expected characters that the train text "
                                   "has, found {}",
                                   inQuotes(encodeUtf8(points[i]))));
    int32_t id = int32_t(place - vocabulary.begin());
    std::memcpy(tokens.ids.data() + i * 4, &id, 4);
  }
  return tokens;
}
} // namespace

Result<Dataset> readTextDataset(const DataRecipe &recipe,
                                const std::string &path, const Dataset *train) {
  Result<InputFile> file = InputFile::open(path);
  if (!file)
    return file.fault();
  Result<std::vector<std::byte>> text = file->readAll();
  if (!text)
    return text.fault();
  Tokens tokens;
  if (recipe.tokenizer == Tokenizer::Bytes) {
    tokens.ids = std::move(*text);
  } else {
    Result<Tokens> chars = tokenizeChars(
        *text, path, train ? &train->columns.front().names : nullptr);
    if (!chars)
      return chars.fault();
    tokens = std::move(*chars);
  }
  size_t width = elementBytes(tokens.type);
  int64_t count = int64_t(tokens.ids.size() / width);
  // A window's next tokens end one beyond it.
  if (count - 1 < recipe.window)
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected at least {} tokens for a window of "
                             "{}, found {}",
                             path, recipe.window + 1, recipe.window, count)};
  Dataset data;
  data.source = path;
  data.items = (count - 1) / recipe.window;
  Column column =
      makeColumn("tokens", tokens.type, {recipe.window}, std::move(tokens.ids));
  column.names = std::move(tokens.names);
  data.columns.push_back(column);
  column.name = "next";
  column.offset = int64_t(width);
  data.columns.push_back(std::move(column));
  return data;
}

} // namespace asgc
