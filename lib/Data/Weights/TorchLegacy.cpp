//===- TorchLegacy.cpp - Checkpoints as PyTorch wrote them before 1.6 -----===//
#include "../InputFile.h"
#include "TorchFile.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace asgc {

namespace {
using Kind = PickleValue::Kind;
constexpr int64_t kLegacyProtocol = 1001;

class LegacyMemory final : public TorchMemory {
public:
  LegacyMemory(FileBytes bytes, std::string path)
      : bytes(std::move(bytes)), path(std::move(path)) {}

  std::span<const std::byte> all() const { return bytes; }
  /// Where the list of keys begins.
  int64_t keysAt = 0;

  MaybeFault check(const TorchObjects &objects,
                   const PickleMachine &machine) override;
  Result<std::span<const std::byte>> read(std::string_view key) override {
    return byKey.find(key)->second;
  }
  bool isMapped(std::string_view) const override { return bytes.isMapped(); }

private:
  FileBytes bytes;
  std::string path;
  std::map<std::string_view, std::span<const std::byte>> byKey;
};

MaybeFault LegacyMemory::check(const TorchObjects &objects,
                               const PickleMachine &pickle) {
  std::map<std::string_view, const TorchStorage *> wanted;
  for (const TorchStorage &storage : objects.storages) {
    auto [place, isNew] = wanted.emplace(storage.key, &storage);
    const TorchStorage &first = *place->second;
    if (first.memoryElements != storage.memoryElements ||
        first.elementBytes() != storage.elementBytes())
      return pickle.corrupt(pickle[storage.id],
                            fmt::format("storage {} is said to be of two sizes",
                                        inQuotes(storage.key)));
  }
  TorchObjects nothing;
  PickleMachine machine(nothing, path, keysAt);
  auto root = machine.run(all().subspan(size_t(keysAt)));
  if (!root)
    return root.fault();
  const PickleValue &keys = machine[*root];
  if (keys.kind != Kind::List)
    return machine.corrupt(keys, "expected the list of storages");
  size_t at = size_t(keysAt) + machine.size();
  for (PickleRef ref : keys.items) {
    auto found = machine[ref].kind == Kind::Text
                     ? wanted.find(machine[ref].text)
                     : wanted.end();
    if (found == wanted.end() || byKey.contains(found->first))
      return machine.corrupt(machine[ref],
                             "a storage in the list is no tensor's, or twice "
                             "there");
    const TorchStorage &storage = *found->second;
    std::span<const std::byte> rest = all().subspan(at);
    int64_t elements = rest.size() < 8 ? -1 : loadNumber<int64_t>(rest.data());
    if (elements != storage.memoryElements)
      return corruptAt(
          path, int64_t(at),
          fmt::format("expected a storage of {} elements, found {}",
                      storage.memoryElements,
                      elements < 0 ? "the end of the file or a "
                                     "wrong number"
                                   : std::to_string(elements)));
    size_t size = size_t(elements * storage.elementBytes());
    if (size > rest.size() - 8)
      return corruptAt(path, int64_t(at),
                       fmt::format("storage {} has {} bytes, the file only {} "
                                   "more",
                                   inQuotes(storage.key), size,
                                   rest.size() - 8));
    byKey.emplace(found->first, rest.subspan(8, size));
    at += 8 + size;
  }
  if (byKey.size() != wanted.size())
    return machine.corrupt(keys, fmt::format("the list has {} storages, the "
                                             "tensors {}",
                                             byKey.size(), wanted.size()));
  if (at != all().size())
    return corruptAt(
        path, int64_t(at),
        fmt::format("{} bytes after the last storage", all().size() - at));
  return std::nullopt;
}

/// The pickles before the one of the tensors: a number that tells the version,
/// and facts about the machine that wrote the file.
Result<int64_t> readPreamble(std::span<const std::byte> bytes,
                             const std::string &path) {
  int64_t at = sizeof(kTorchMagic);
  TorchObjects nothing;
  PickleMachine version(nothing, path, at);
  auto number = version.run(bytes.subspan(size_t(at)));
  if (!number)
    return number.fault();
  if (version[*number].kind != Kind::Int ||
      version[*number].number != kLegacyProtocol)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: expected version {} of PyTorch's format",
                             path, kLegacyProtocol)};
  at += int64_t(version.size());
  PickleMachine facts(nothing, path, at);
  auto dict = facts.run(bytes.subspan(size_t(at)));
  if (!dict)
    return dict.fault();
  const std::vector<PickleRef> &items = facts[*dict].items;
  for (size_t i = 0; facts[*dict].kind == Kind::Dict && i < items.size();
       i += 2)
    if (facts[items[i]].text == "little_endian" &&
        facts[items[i + 1]].number == 0)
      return Fault{FaultKind::Unsupported,
                   path + ": its numbers are in the byte order \"big\""};
  return at + int64_t(facts.size());
}

} // namespace

Result<std::unique_ptr<WeightFile>> readTorchLegacy(FileBytes bytes,
                                                    const std::string &path) {
  auto memory = std::make_unique<LegacyMemory>(std::move(bytes), path);
  std::span<const std::byte> all = memory->all();
  auto at = readPreamble(all, path);
  if (!at)
    return at.fault();
  auto file = std::make_unique<TorchFile>(path);
  size_t rest = std::min(all.size() - size_t(*at), size_t(kMaxPickleBytes));
  MaybeFault fault =
      file->parse(all.subspan(size_t(*at), rest), path, *at, &memory->keysAt);
  if (!fault)
    fault = file->finish(std::move(memory), int64_t(all.size()));
  if (fault)
    return *fault;
  return std::unique_ptr<WeightFile>(std::move(file));
}

} // namespace asgc
