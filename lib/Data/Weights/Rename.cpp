//===- Rename.cpp - Tensors under other names -----------------------------===//
#include "../InputFile.h"
#include "Formats.h"

#include <cstring>
#include <fmt/format.h>
#include <map>
#include <sstream>

namespace asgc {

namespace {
constexpr int64_t kMaxMapBytes = 4 << 20;

/// A line of the file: what is called `from` is called `to` in the model.
struct Rule {
  std::vector<std::string> from, to; ///< between the stars
  bool isDropped = false;
  bool isTransposed = false;
  int line = 0;
};

std::vector<std::string> splitAtStars(const std::string &text) {
  std::vector<std::string> parts(1);
  for (char c : text)
    if (c == '*')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

/// `name` as the rule calls it; nothing if the rule is for others. A star
/// stands for at least one character, and for as few as it can.
std::optional<std::string> nameBy(const Rule &rule, const std::string &name) {
  const std::vector<std::string> &from = rule.from;
  if (!name.starts_with(from.front()))
    return std::nullopt;
  if (from.size() == 1 && name != from.front())
    return std::nullopt;
  std::vector<std::string> stars;
  size_t at = from.front().size();
  for (size_t i = 1; i < from.size(); ++i) {
    size_t found =
        i + 1 < from.size() ? name.find(from[i], at + 1)
        : name.size() > at + from[i].size() && name.ends_with(from[i])
            ? name.size() - from[i].size()
            : std::string::npos;
    if (found == std::string::npos)
      return std::nullopt;
    stars.push_back(name.substr(at, found - at));
    at = found + from[i].size();
  }
  if (rule.isDropped)
    return "";
  std::string result = rule.to.front();
  for (size_t i = 0; i < stars.size(); ++i)
    result += stars[i] + rule.to[i + 1];
  return result;
}

Result<Rule> parseRule(const std::string &text, const std::string &where) {
  std::istringstream words(text);
  std::string from, equals, to, more, rest;
  words >> from >> equals >> to >> more >> rest;
  Rule rule{splitAtStars(from), splitAtStars(to), to == "-",
            more == "transposed"};
  if (equals != "=" || to.empty() || !rest.empty() ||
      (!more.empty() && !rule.isTransposed))
    return Fault{
        FaultKind::Input,
        fmt::format("{}: expected NAME = NAME, NAME = - or NAME = NAME "
                    "transposed, found {}",
                    where, inQuotes(text))};
  if (!rule.isDropped && rule.from.size() != rule.to.size())
    return Fault{FaultKind::Input,
                 fmt::format("{}: {} has {} stars, {} has {}", where,
                             inQuotes(from), rule.from.size() - 1, inQuotes(to),
                             rule.to.size() - 1)};
  return rule;
}

Result<std::vector<Rule>> parseRules(std::string_view text,
                                     const std::string &path) {
  std::istringstream lines{std::string(text)};
  std::vector<Rule> rules;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string::npos)
      continue;
    auto rule = parseRule(line, fmt::format("{}:{}", path, number));
    if (!rule)
      return rule.fault();
    rule->line = number;
    rules.push_back(std::move(*rule));
  }
  return rules;
}

class RenamedFile final : public WeightFile {
public:
  explicit RenamedFile(std::unique_ptr<WeightFile> file)
      : WeightFile(file->path()), file(std::move(file)) {}

  MaybeFault rename(const std::vector<Rule> &rules, const std::string &map);
  bool isCheckpoint() const override { return file->isCheckpoint(); }
  bool isMapped(size_t index) const override {
    return !sources[index].isTransposed && file->isMapped(sources[index].index);
  }

private:
  Result<std::span<const std::byte>> readElements(size_t index) override;

  struct Source {
    size_t index; ///< in `file`
    bool isTransposed = false;
  };
  std::unique_ptr<WeightFile> file;
  std::vector<Source> sources; ///< as `list`
  std::vector<std::byte> transposed;
};

MaybeFault RenamedFile::rename(const std::vector<Rule> &rules,
                               const std::string &map) {
  std::map<std::string, std::string> origins;
  for (size_t i = 0; i < file->tensors().size(); ++i) {
    WeightTensor tensor = file->tensors()[i];
    std::string origin = tensor.name, where = map;
    bool isTransposed = false, isDropped = false;
    for (const Rule &rule : rules) {
      auto name = nameBy(rule, tensor.name);
      if (!name)
        continue;
      tensor.name = std::move(*name);
      where = fmt::format("{}:{}", map, rule.line);
      isTransposed = rule.isTransposed;
      isDropped = rule.isDropped;
      break;
    }
    if (isDropped)
      continue;
    if (isTransposed) {
      if (tensor.shape.size() != 2)
        return Fault{FaultKind::Input,
                     fmt::format("{}: tensor '{}' is {}; only a matrix can be "
                                 "transposed",
                                 where, origin, tensor.describe())};
      std::swap(tensor.shape[0], tensor.shape[1]);
    }
    auto [other, isNew] = origins.emplace(tensor.name, origin);
    if (!isNew)
      return Fault{FaultKind::Input,
                   fmt::format("{}: tensors '{}' and '{}' are both called '{}'",
                               where, other->second, origin, tensor.name)};
    list.push_back(std::move(tensor));
    sources.push_back({i, isTransposed});
  }
  return std::nullopt;
}

Result<std::span<const std::byte>> RenamedFile::readElements(size_t index) {
  auto bytes = file->read(sources[index].index);
  if (!bytes || !sources[index].isTransposed)
    return bytes;
  const WeightTensor &tensor = list[index];
  size_t rows = size_t(tensor.shape[0]), columns = size_t(tensor.shape[1]);
  size_t width = elementBytes(*tensor.type);
  transposed.resize(bytes->size());
  // Blocks of both that stay in the cache.
  constexpr size_t block = 32;
  for (size_t row = 0; row < rows; row += block)
    for (size_t column = 0; column < columns; column += block)
      for (size_t i = row; i < std::min(rows, row + block); ++i)
        for (size_t j = column; j < std::min(columns, column + block); ++j)
          std::memcpy(transposed.data() + (i * columns + j) * width,
                      bytes->data() + (j * rows + i) * width, width);
  return std::span<const std::byte>(transposed);
}
} // namespace

Result<std::unique_ptr<WeightFile>> renamedBy(std::string_view text,
                                              std::unique_ptr<WeightFile> file,
                                              const std::string &map) {
  auto rules = parseRules(text, map);
  if (!rules)
    return rules.fault();
  auto result = std::make_unique<RenamedFile>(std::move(file));
  if (MaybeFault fault = result->rename(*rules, map))
    return *fault;
  return std::unique_ptr<WeightFile>(std::move(result));
}

Result<std::unique_ptr<WeightFile>> renamed(std::unique_ptr<WeightFile> file,
                                            const std::string &map) {
  auto input = InputFile::open(map);
  if (!input)
    return input.fault();
  if (!input->size() || *input->size() > kMaxMapBytes)
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected a text of at most {} bytes", map,
                             kMaxMapBytes)};
  auto bytes = input->readAll();
  if (!bytes)
    return bytes.fault();
  return renamedBy(
      {reinterpret_cast<const char *>(bytes->data()), bytes->size()},
      std::move(file), map);
}

} // namespace asgc
