//===- Torch.cpp - Weights in checkpoints of PyTorch ----------------------===//
#include "../InputFile.h"
#include "Formats.h"
#include "TorchFile.h"

namespace asgc {

namespace {
bool startsWith(std::span<const std::byte> bytes,
                std::span<const uint8_t> head) {
  return bytes.size() >= head.size() &&
         std::memcmp(bytes.data(), head.data(), head.size()) == 0;
}

constexpr const char *kContent = "of torch.save";
constexpr uint8_t kZip[] = {'P', 'K', 3, 4};

Fault noTorch(std::span<const std::byte> bytes, const std::string &path) {
  bool isPickle = !bytes.empty() && uint8_t(bytes[0]) == 0x80;
  return corruptAt(path, 0,
                   isPickle ? "expected a file of torch.save, found another "
                              "pickle"
                            : "expected a file of torch.save, found neither a "
                              "zip archive nor a pickle");
}
} // namespace

Result<std::unique_ptr<WeightFile>> openTorch(const std::string &path) {
  auto bytes = FileBytes::map(path);
  if (!bytes)
    return bytes.fault();
  std::span<const std::byte> all = *bytes;
  if (startsWith(all, kTorchMagic))
    return readTorchLegacy(std::move(*bytes), path);
  if (!startsWith(all, kZip))
    return noTorch(all, path);
  auto archive = ZipArchive::parse(std::move(*bytes), path, kContent);
  if (!archive)
    return archive.fault();
  return readTorchZip(std::move(*archive), path, int64_t(all.size()));
}

Result<std::unique_ptr<WeightFile>>
parseTorchWeights(std::span<const std::byte> file, const std::string &name) {
  if (startsWith(file, kTorchMagic))
    return readTorchLegacy(FileBytes(file), name);
  if (!startsWith(file, kZip))
    return noTorch(file, name);
  auto archive = ZipArchive::parse(FileBytes(file), name, kContent);
  if (!archive)
    return archive.fault();
  return readTorchZip(std::move(*archive), name, int64_t(file.size()));
}

} // namespace asgc
