//===- Sharded.cpp - Weights in several files with an index ---------------===//
#include "../InputFile.h"
#include "Formats.h"
#include "runtime/src/Json.h"

#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <set>

namespace asgc {

namespace {
namespace json = rt::json;

constexpr int64_t kMaxIndexBytes = 100'000'000;

/// Which file has which tensor, and which they are.
struct Index {
  struct Entry {
    std::string shard;
    size_t offset; ///< in the index, for messages
    bool isFound = false;
  };
  std::map<std::string, Entry> tensors;
};

class ShardedFile final : public WeightFile {
public:
  explicit ShardedFile(std::string path) : WeightFile(std::move(path)) {}

  /// Adds the tensors of `shard`, each of which the index must have there.
  MaybeFault add(std::unique_ptr<WeightFile> shard, const std::string &name,
                 Index &index) {
    for (size_t i = 0; i < shard->tensors().size(); ++i) {
      const WeightTensor &tensor = shard->tensors()[i];
      auto entry = index.tensors.find(tensor.name);
      if (entry == index.tensors.end() || entry->second.shard != name)
        return corruptAt(
            filePath, 0,
            entry == index.tensors.end()
                ? fmt::format("tensor {} of {} is missing in the index",
                              inQuotes(tensor.name), inQuotes(name))
                : fmt::format("tensor {} lies in {}, the index says in {}",
                              inQuotes(tensor.name), inQuotes(name),
                              inQuotes(entry->second.shard)));
      entry->second.isFound = true;
      places.push_back({shards.size(), i});
      list.push_back(tensor);
    }
    shards.push_back(std::move(shard));
    return std::nullopt;
  }

  bool isMapped(size_t index) const override {
    return shards[places[index].first]->isMapped(places[index].second);
  }

private:
  Result<std::span<const std::byte>> readElements(size_t index) override {
    return shards[places[index].first]->read(places[index].second);
  }

  std::vector<std::unique_ptr<WeightFile>> shards;
  std::vector<std::pair<size_t, size_t>> places; ///< shard, tensor of it
};

/// A shard is a file beside the index: no path leads elsewhere.
bool isPlainName(const std::string &name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

Result<Index> parseIndex(std::string_view text, const std::string &path) {
  json::Document document;
  json::ParseError error;
  if (!document.parse(text, error))
    return corruptAt(path, int64_t(error.offset),
                     "is not JSON: " + error.reason);
  const json::Value &root = document.root();
  const json::Value *map =
      root.isObject() ? document.find(root, "weight_map") : nullptr;
  if (!map || !map->isObject())
    return corruptAt(path, int64_t(root.offset),
                     "has no object \"weight_map\"");
  Index index;
  for (const json::Value &member : document.childrenOf(*map)) {
    std::string shard(member.isString() ? member.text() : std::string_view());
    if (!isPlainName(shard))
      return corruptAt(
          path, int64_t(member.offset),
          fmt::format("tensor {} lies in {}, expected the name of "
                      "a file beside the index",
                      inQuotes(member.key),
                      member.isString() ? inQuotes(shard) : "no text"));
    if (!isWeightFile(shard) || shard.ends_with(".index.json"))
      return corruptAt(
          path, int64_t(member.offset),
          fmt::format("{} is called like no file of weights", inQuotes(shard)));
    index.tensors[std::string(member.key)] = {std::move(shard), member.offset};
  }
  return index;
}
} // namespace

Result<std::unique_ptr<WeightFile>>
joinShards(std::string_view text, const std::string &path,
           const std::function<Result<std::unique_ptr<WeightFile>>(
               const std::string &name)> &open) {
  auto index = parseIndex(text, path);
  if (!index)
    return index.fault();
  std::set<std::string> shards;
  for (const auto &[name, entry] : index->tensors)
    shards.insert(entry.shard);
  auto result = std::make_unique<ShardedFile>(path);
  for (const std::string &name : shards) {
    auto shard = open(name);
    if (!shard)
      return shard.fault();
    if (MaybeFault fault = result->add(std::move(*shard), name, *index))
      return *fault;
  }
  for (const auto &[name, entry] : index->tensors)
    if (!entry.isFound)
      return corruptAt(path, int64_t(entry.offset),
                       fmt::format("{} has no tensor {}", inQuotes(entry.shard),
                                   inQuotes(name)));
  return std::unique_ptr<WeightFile>(std::move(result));
}

Result<std::unique_ptr<WeightFile>> openSharded(const std::string &path) {
  auto input = InputFile::open(path);
  if (!input)
    return input.fault();
  if (!input->size() || *input->size() > kMaxIndexBytes)
    return corruptAt(path, 0,
                     fmt::format("expected an index of at most {} bytes, not "
                                 "compressed",
                                 kMaxIndexBytes));
  auto bytes = input->readAll();
  if (!bytes)
    return bytes.fault();
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return joinShards(
      {reinterpret_cast<const char *>(bytes->data()), bytes->size()}, path,
      [&](const std::string &name) {
        return openWeights((folder / name).string());
      });
}

} // namespace asgc
