//===- Open.cpp - Opens files of weights by their names -------------------===//
#include "../Readers.h"
#include "Formats.h"

#include <fmt/format.h>

namespace asgc {

WeightFile::~WeightFile() = default;

std::string WeightTensor::describe() const {
  return typeName + shapeText(shape);
}

Result<std::span<const std::byte>> WeightFile::read(size_t index) {
  const WeightTensor &tensor = list[index];
  if (!tensor.type)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: tensor '{}': elements of type {} are not "
                             "supported",
                             filePath, tensor.name, tensor.typeName)};
  return readElements(index);
}

namespace {
class ArrayFile final : public WeightFile {
public:
  ArrayFile(std::string path, std::vector<NamedView> arrays)
      : WeightFile(std::move(path)), arrays(std::move(arrays)) {
    for (const NamedView &array : this->arrays)
      list.push_back({array.name, std::string(elementName(array.type)),
                      array.type, array.shape});
  }
  bool isMapped(size_t index) const override {
    return arrays[index].owner->isMapped();
  }

private:
  Result<std::span<const std::byte>> readElements(size_t index) override {
    return arrays[index].data;
  }
  std::vector<NamedView> arrays;
};

Result<std::unique_ptr<WeightFile>> openNpz(const std::string &path) {
  auto arrays = mapNpz(path);
  if (!arrays)
    return arrays.fault();
  return std::unique_ptr<WeightFile>(
      std::make_unique<ArrayFile>(path, std::move(*arrays)));
}

struct Format {
  std::string_view ending;
  Result<std::unique_ptr<WeightFile>> (*open)(const std::string &path);
};
constexpr Format kFormats[] = {{".safetensors", openSafetensors},
                               {".pt", openTorch},
                               {".pth", openTorch},
                               {".bin", openTorch},
                               {".ckpt", openTorch},
                               {".gguf", openGguf},
                               {".npz", openNpz},
                               {".index.json", openSharded}};

const Format *formatOf(const std::string &path) {
  for (const Format &format : kFormats)
    if (path.ends_with(format.ending))
      return &format;
  return nullptr;
}
} // namespace

bool isWeightFile(const std::string &path) { return formatOf(path); }

Result<std::unique_ptr<WeightFile>> openWeights(const std::string &path,
                                                const std::string &map) {
  const Format *format = formatOf(path);
  if (!format)
    return Fault{FaultKind::Unsupported,
                 path + ": expected weights: .safetensors, .pt, .pth, .bin, "
                        ".ckpt, .gguf, .npz or .index.json"};
  auto file = format->open(path);
  if (!file || map.empty())
    return file;
  return renamed(std::move(*file), map);
}

} // namespace asgc
