//===- TorchFile.h - Tensors of a PyTorch pickle and their memory ---------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_TORCHFILE_H
#define ASGC_LIB_DATA_WEIGHTS_TORCHFILE_H

#include "../ZipArchive.h"
#include "TorchObjects.h"
#include "asgc/FileBytes.h"
#include "asgc/Weights.h"

namespace asgc {

/// More than the pickle of any file of tensors takes.
inline constexpr int64_t kMaxPickleBytes = 100'000'000;

/// What is between a file and its tensors: the memory of storages by key.
class TorchMemory {
public:
  virtual ~TorchMemory() = default;
  /// Whether every storage has its bytes; called once.
  virtual MaybeFault check(const TorchObjects &objects,
                           const PickleMachine &machine) = 0;
  /// The bytes of the memory called `key`, valid until the next call.
  virtual Result<std::span<const std::byte>> read(std::string_view key) = 0;
  /// Whether these lie in mapped pages of the file, and so stay valid as long
  /// as it is open.
  virtual bool isMapped(std::string_view key) const = 0;
};

class TorchFile final : public WeightFile {
public:
  explicit TorchFile(std::string path) : WeightFile(std::move(path)) {}
  bool isMapped(size_t index) const override;

  /// Runs the pickle `bytes`, which lies at `start` of the file or entry that
  /// messages call `where`, and names the tensors. `end` is where it ends.
  MaybeFault parse(std::span<const std::byte> bytes, const std::string &where,
                   int64_t start, int64_t *end);
  /// Checks the tensors against their memory; the file has `fileBytes`.
  MaybeFault finish(std::unique_ptr<TorchMemory> found, int64_t fileBytes);

private:
  Result<std::span<const std::byte>> readElements(size_t index) override;
  MaybeFault collect(PickleRef ref, const std::string &name, unsigned depth);
  PickleRef findStateDict(PickleRef root) const;
  bool holdsTensor(const PickleValue &dict) const;

  TorchObjects objects;
  std::optional<PickleMachine> machine;
  std::unique_ptr<TorchMemory> memory;
  std::vector<size_t> chosen; ///< of objects.tensors, as `list`
  size_t visited = 0;
  std::vector<std::byte> gathered;
  std::vector<float> floats;
};

/// A file as PyTorch 1.6 and newer write it: a zip archive; it has `fileBytes`.
Result<std::unique_ptr<WeightFile>>
readTorchZip(ZipArchive archive, const std::string &path, int64_t fileBytes);
/// A file as older ones write it: pickles one after the other, then the
/// storages.
Result<std::unique_ptr<WeightFile>> readTorchLegacy(FileBytes bytes,
                                                    const std::string &path);
/// What a legacy file begins with: a pickle of this number.
inline constexpr uint8_t kTorchMagic[] = {0x80, 2,    0x8a, 10,   0x6c,
                                          0xfc, 0x9c, 0x46, 0xf9, 0x20,
                                          0x6a, 0xa8, 0x50, 0x19, '.'};

} // namespace asgc

#endif
