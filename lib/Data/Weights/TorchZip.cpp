//===- TorchZip.cpp - Checkpoints of PyTorch that are zip archives --------===//
#include "../InputFile.h"
#include "TorchFile.h"

#include <fmt/format.h>
#include <map>
#include <set>

namespace asgc {

namespace {
class ZipMemory final : public TorchMemory {
public:
  ZipMemory(ZipArchive archive, std::string path, std::string folder)
      : archive(std::move(archive)), path(std::move(path)),
        folder(std::move(folder)) {
    for (size_t i = 0; i < this->archive.entries().size(); ++i)
      byName.emplace(this->archive.entries()[i].name, i);
  }

  std::optional<size_t> entry(const std::string &name) const {
    auto found = byName.find(folder + name);
    return found == byName.end() ? std::nullopt : std::optional(found->second);
  }
  std::string where(size_t index) const {
    return fmt::format("{}[{}]", path, inQuotes(archive.entries()[index].name));
  }
  int64_t entryBytes(size_t index) const {
    return archive.entries()[index].bytes;
  }
  Result<FileBytes> readEntry(size_t index) {
    return archive.read(index, where(index));
  }

  MaybeFault check(const TorchObjects &objects,
                   const PickleMachine &machine) override {
    for (const TorchStorage &storage : objects.storages) {
      auto index = entry("data/" + std::string(storage.key));
      if (!index)
        return machine.corrupt(machine[storage.id],
                               fmt::format("the archive has no storage {}",
                                           inQuotes(storage.key)));
      int64_t wanted = storage.memoryElements * storage.elementBytes();
      int64_t found = archive.entries()[*index].bytes;
      if (found != wanted)
        return machine.corrupt(
            machine[storage.id],
            fmt::format("storage {} has {} bytes in the archive, expected {}",
                        inQuotes(storage.key), found, wanted));
    }
    return std::nullopt;
  }

  Result<std::span<const std::byte>> read(std::string_view key) override {
    if (!cached || key != cachedKey) {
      auto bytes = readEntry(*entry("data/" + std::string(key)));
      if (!bytes)
        return bytes.fault();
      cached.emplace(std::move(*bytes));
      cachedKey = key;
    }
    return std::span<const std::byte>(*cached);
  }
  bool isMapped(std::string_view key) const override {
    return archive.isMapped(*entry("data/" + std::string(key)));
  }

  std::optional<FileBytes>
      pickle; ///< what the values of the machine point into

private:
  ZipArchive archive;
  std::string path, folder;
  std::map<std::string, size_t> byName;
  std::optional<FileBytes> cached; ///< what was read last
  std::string_view cachedKey;
};

/// The folder that all entries lie in, with its slash: it is called as the file
/// was when it was saved.
Result<std::string> folderOf(const ZipArchive &archive,
                             const std::string &path) {
  constexpr std::string_view pickle = "data.pkl";
  std::string folder;
  bool isFound = false;
  std::set<std::string_view> names;
  for (const ZipEntry &entry : archive.entries()) {
    if (!names.insert(entry.name).second)
      return corruptAt(
          path, 0,
          fmt::format("two entries are called {}", inQuotes(entry.name)));
    if (entry.name.find('/') + 1 + pickle.size() != entry.name.size() ||
        !entry.name.ends_with(pickle))
      continue;
    if (isFound)
      return corruptAt(path, 0, "there are two entries data.pkl");
    isFound = true;
    folder = entry.name.substr(0, entry.name.size() - pickle.size());
  }
  if (!isFound)
    return corruptAt(path, 0,
                     "expected a file of torch.save, found a zip archive "
                     "without an entry data.pkl");
  return folder;
}

} // namespace

Result<std::unique_ptr<WeightFile>>
readTorchZip(ZipArchive archive, const std::string &path, int64_t fileBytes) {
  auto folder = folderOf(archive, path);
  if (!folder)
    return folder.fault();
  auto memory = std::make_unique<ZipMemory>(std::move(archive), path, *folder);
  if (memory->entry("constants.pkl"))
    return Fault{FaultKind::Unsupported,
                 path + ": is TorchScript, which holds code; save the "
                        "state_dict of the model with torch.save"};
  if (auto index = memory->entry("byteorder")) {
    auto order = memory->readEntry(*index);
    if (!order)
      return order.fault();
    std::span<const std::byte> bytes = *order;
    std::string_view text(reinterpret_cast<const char *>(bytes.data()),
                          bytes.size());
    if (text != "little")
      return Fault{FaultKind::Unsupported,
                   fmt::format("{}: its numbers are in the byte order {}", path,
                               inQuotes(text))};
  }
  size_t index = *memory->entry("data.pkl");
  if (memory->entryBytes(index) > kMaxPickleBytes)
    return corruptAt(memory->where(index), 0,
                     fmt::format("a pickle of {} bytes is longer than the "
                                 "allowed {}",
                                 memory->entryBytes(index), kMaxPickleBytes));
  auto pickle = memory->readEntry(index);
  if (!pickle)
    return pickle.fault();
  memory->pickle.emplace(std::move(*pickle));
  auto file = std::make_unique<TorchFile>(path);
  int64_t end = 0;
  MaybeFault fault =
      file->parse(*memory->pickle, memory->where(index), 0, &end);
  if (!fault)
    fault = file->finish(std::move(memory), fileBytes);
  if (fault)
    return *fault;
  return std::unique_ptr<WeightFile>(std::move(file));
}

} // namespace asgc
