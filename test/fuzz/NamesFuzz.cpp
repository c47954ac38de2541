//===- NamesFuzz.cpp - Indices of shards and maps from hostile hands ------===//
#include "ReadWeights.h"
#include "lib/Data/Weights/Formats.h"

#include <string_view>

using namespace asgc;

namespace {
/// Numbers in memory under names that indices and maps can mean.
class Shard final : public WeightFile {
public:
  Shard(const std::string &path, std::initializer_list<const char *> names)
      : WeightFile(path) {
    for (const char *name : names)
      list.push_back({name, "f32", ElementType::F32, {2, 3}});
    list.push_back({std::string(names.begin()[0]) + ".bias",
                    "f32",
                    ElementType::F32,
                    {3}});
  }

private:
  Result<std::span<const std::byte>> readElements(size_t index) override {
    size_t bytes = list[index].shape.size() == 2 ? 24 : 12;
    return std::span<const std::byte>(numbers, bytes);
  }
  std::byte numbers[24] = {};
};

Result<std::unique_ptr<WeightFile>> open(const std::string &name) {
  if (name == "a.pt")
    return std::unique_ptr<WeightFile>(
        new Shard(name, {"a", "h.0.w", "h.1.w"}));
  if (name == "b.safetensors")
    return std::unique_ptr<WeightFile>(new Shard(name, {"b", "h.10.w"}));
  // Only names of files beside the index are ever opened.
  test::require(name.find('/') == std::string::npos && name != "..");
  return Fault{FaultKind::Environment, name + ": no such file"};
}
} // namespace

/// What begins as JSON is an index of shards, all else a map for the tensors of
/// one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  if (text.starts_with('{')) {
    test::readWeights(joinShards(text, "fuzz", open), 200);
    return 0;
  }
  auto shard = open("a.pt");
  test::readWeights(renamedBy(text, std::move(*shard), "fuzz.map"), 200);
  return 0;
}
