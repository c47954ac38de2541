//===- Gguf.cpp - Weights in GGUF files -----------------------------------===//
#include "../InputFile.h"
#include "Formats.h"
#include "GgufBlocks.h"
#include "asgc/FileBytes.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <set>

namespace asgc {

namespace {
constexpr uint32_t kMaxRank = 8; // the format says 4
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr unsigned kMaxNesting = 8;

/// The types of metadata values.
enum ValueType : uint32_t { kString = 8, kArray = 9, kNumTypes = 13 };
/// Bytes of each; 0 for the two above.
constexpr uint8_t kValueBytes[kNumTypes] = {1, 1, 2, 2, 4, 4, 4,
                                            1, 0, 0, 8, 8, 8};
constexpr uint32_t kUint32 = 4;

struct GgufTensor {
  const GgufType *type = nullptr;
  uint64_t offset = 0; ///< in the data
  int64_t bytes = 0;
  size_t infoAt = 0; ///< where the header describes it
};

class GgufFile final : public WeightFile {
public:
  GgufFile(std::string path, FileBytes bytes)
      : WeightFile(std::move(path)), bytes(std::move(bytes)) {}
  MaybeFault parse();
  bool isMapped(size_t index) const override {
    return bytes.isMapped() && !tensorsOfFile[index].type->dequantize;
  }

private:
  Result<std::span<const std::byte>> readElements(size_t index) override;

  Fault corrupt(size_t offset, const std::string &reason) const {
    return corruptAt(filePath, int64_t(offset), reason);
  }
  std::span<const std::byte> all() const { return bytes; }
  /// Moves on by `count` bytes; where they are.
  Result<const std::byte *> take(uint64_t count, const char *what);
  template <typename T> Result<T> number(const char *what) {
    auto data = take(sizeof(T), what);
    if (!data)
      return data.fault();
    return loadNumber<T>(*data);
  }
  Result<std::string> string(const char *what);
  MaybeFault skipValue(uint32_t type, uint64_t count, unsigned depth);
  MaybeFault readMetadata(uint64_t count);
  MaybeFault readTensor();
  MaybeFault placeTensors();

  FileBytes bytes;
  size_t at = 0, dataAt = 0;
  uint64_t alignment = 32;
  std::vector<GgufTensor> tensorsOfFile;
  std::vector<float> floats;
};

Result<const std::byte *> GgufFile::take(uint64_t count, const char *what) {
  if (count > all().size() - at || at + count > kMaxHeaderBytes)
    return corrupt(at, fmt::format("{} of {} bytes reaches beyond the {}", what,
                                   count,
                                   count > all().size() - at
                                       ? "file"
                                       : "100 MB a header may have"));
  const std::byte *data = all().data() + at;
  at += size_t(count);
  return data;
}

Result<std::string> GgufFile::string(const char *what) {
  auto length = number<uint64_t>(what);
  if (!length)
    return length.fault();
  auto data = take(*length, what);
  if (!data)
    return data.fault();
  return std::string(reinterpret_cast<const char *>(*data), size_t(*length));
}

/// Passes over `count` values, strings and nested arrays among them.
MaybeFault GgufFile::skipValue(uint32_t type, uint64_t count, unsigned depth) {
  if (type >= kNumTypes)
    return corrupt(at, fmt::format("metadata of the unknown type {}", type));
  if (kValueBytes[type]) {
    if (count > all().size()) // before it can overflow
      return corrupt(at, fmt::format("an array of {} values reaches beyond the "
                                     "file",
                                     count));
    auto data = take(count * kValueBytes[type], "metadata");
    return data ? MaybeFault() : data.fault();
  }
  if (depth > kMaxNesting)
    return corrupt(at, "metadata are nested too deep");
  for (uint64_t i = 0; i < count; ++i) {
    if (type == kString) {
      auto text = number<uint64_t>("a string");
      auto data = text ? take(*text, "a string") : text.fault();
      if (!data)
        return data.fault();
      continue;
    }
    auto inner = number<uint32_t>("an array");
    auto length = inner ? number<uint64_t>("an array") : inner.fault();
    if (!length)
      return length.fault();
    if (MaybeFault fault = skipValue(*inner, *length, depth + 1))
      return fault;
  }
  return std::nullopt;
}

MaybeFault GgufFile::readMetadata(uint64_t count) {
  std::set<std::string> keys;
  for (uint64_t i = 0; i < count; ++i) {
    size_t start = at;
    auto key = string("a key");
    if (!key)
      return key.fault();
    auto type = number<uint32_t>("a type");
    if (!type)
      return type.fault();
    size_t valueAt = at;
    if (MaybeFault fault = skipValue(*type, 1, 0))
      return fault;
    if (*key == "general.alignment") {
      alignment =
          *type == kUint32 ? loadNumber<uint32_t>(all().data() + valueAt) : 0;
      if (!std::has_single_bit(alignment))
        return corrupt(valueAt, "general.alignment is no power of two of type "
                                "u32");
    }
    if (!keys.insert(std::move(*key)).second)
      return corrupt(start, "a key of the metadata is there twice");
  }
  return std::nullopt;
}

MaybeFault GgufFile::readTensor() {
  GgufTensor tensor;
  tensor.infoAt = at;
  auto name = string("the name of a tensor");
  if (!name)
    return name.fault();
  if (name->find('\0') != std::string::npos)
    return corrupt(tensor.infoAt, "the name of a tensor holds a zero byte");
  auto rank = number<uint32_t>("a tensor's rank");
  if (!rank)
    return rank.fault();
  if (*rank > kMaxRank)
    return corrupt(tensor.infoAt,
                   fmt::format("tensor {} has {} dims, at most {} "
                               "are allowed",
                               inQuotes(*name), *rank, kMaxRank));
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < *rank; ++i) {
    auto extent = number<uint64_t>("a tensor's extent");
    if (!extent)
      return extent.fault();
    if (*extent > INT64_MAX)
      return corrupt(tensor.infoAt, fmt::format("tensor {} has the extent {}",
                                                inQuotes(*name), *extent));
    shape.push_back(int64_t(*extent));
  }
  auto id = number<uint32_t>("a tensor's type");
  auto offset = id ? number<uint64_t>("a tensor's offset") : id.fault();
  if (!offset)
    return offset.fault();
  tensor.offset = *offset;
  tensor.type = findGgufType(*id);
  if (!tensor.type)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: tensor {}: elements of type {} are not known "
                             "(offset {})",
                             filePath, inQuotes(*name), *id, tensor.infoAt)};
  // Blocks run along the first axis of the file, the last one of ours.
  int64_t row = shape.empty() ? 1 : shape.front();
  if (row % tensor.type->elements != 0)
    return corrupt(
        tensor.infoAt,
        fmt::format("tensor {} has rows of {} elements, which are no "
                    "blocks of {}",
                    inQuotes(*name), row, tensor.type->elements));
  std::reverse(shape.begin(), shape.end());
  // The elements fit twice: as they are read, and as they are stored.
  auto read = arrayBytes(ElementType::F64, shape);
  if (!read)
    return corrupt(tensor.infoAt,
                   fmt::format("the shape {} of tensor {} "
                               "overflows",
                               shapeText(shape), inQuotes(*name)));
  tensor.bytes = *read / 8 / tensor.type->elements * tensor.type->bytes;
  tensorsOfFile.push_back(tensor);
  list.push_back({std::move(*name), std::string(tensor.type->name),
                  tensor.type->type, std::move(shape)});
  return std::nullopt;
}

/// The data begin behind the header, aligned; tensors do not overlap.
MaybeFault GgufFile::placeTensors() {
  size_t headerEnd = at;
  dataAt = (at + alignment - 1) / alignment * alignment;
  uint64_t dataBytes = all().size() > dataAt ? all().size() - dataAt : 0;
  std::vector<size_t> order(list.size());
  std::set<std::string_view> names;
  for (size_t i = 0; i < order.size(); ++i) {
    const GgufTensor &tensor = tensorsOfFile[i];
    order[i] = i;
    if (!names.insert(list[i].name).second)
      return corrupt(tensor.infoAt, fmt::format("two tensors are called {}",
                                                inQuotes(list[i].name)));
    if (tensor.offset % alignment != 0)
      return corrupt(
          tensor.infoAt,
          fmt::format("tensor {} lies at {}, which is no multiple of "
                      "{}",
                      inQuotes(list[i].name), tensor.offset, alignment));
    if (tensor.offset > dataBytes ||
        uint64_t(tensor.bytes) > dataBytes - tensor.offset)
      return corrupt(tensor.infoAt,
                     fmt::format("tensor {} lies at {} with {} bytes, of {} "
                                 "bytes of data behind {}",
                                 inQuotes(list[i].name), tensor.offset,
                                 tensor.bytes, dataBytes, headerEnd));
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(tensorsOfFile[a].offset, tensorsOfFile[a].bytes) <
           std::pair(tensorsOfFile[b].offset, tensorsOfFile[b].bytes);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensor &before = tensorsOfFile[order[i - 1]];
    if (before.offset + uint64_t(before.bytes) > tensorsOfFile[order[i]].offset)
      return corrupt(tensorsOfFile[order[i]].infoAt,
                     fmt::format("tensor {} overlaps {}",
                                 inQuotes(list[order[i]].name),
                                 inQuotes(list[order[i - 1]].name)));
  }
  return std::nullopt;
}

MaybeFault GgufFile::parse() {
  constexpr std::string_view magic = "GGUF";
  std::string_view head(reinterpret_cast<const char *>(all().data()),
                        std::min<size_t>(all().size(), magic.size()));
  if (head != magic)
    return corrupt(
        0, fmt::format("expected a GGUF file, found {}", inQuotes(head)));
  at = magic.size();
  auto version = number<uint32_t>("the version");
  if (!version)
    return version.fault();
  if (*version != 2 && *version != 3)
    return Fault{FaultKind::Unsupported,
                 (*version & 0xffff) == 0
                     ? filePath + ": its numbers are in the byte order \"big\""
                     : fmt::format("{}: GGUF of version {}; there is 2, 3",
                                   filePath, *version)};
  auto count = number<uint64_t>("the number of tensors");
  auto numKeys = count ? number<uint64_t>("the number of keys") : count.fault();
  if (!numKeys)
    return numKeys.fault();
  if (MaybeFault fault = readMetadata(*numKeys))
    return fault;
  for (uint64_t i = 0; i < *count; ++i)
    if (MaybeFault fault = readTensor())
      return fault;
  return placeTensors();
}

Result<std::span<const std::byte>> GgufFile::readElements(size_t index) {
  const GgufTensor &tensor = tensorsOfFile[index];
  if (tensor.bytes == 0)
    return std::span<const std::byte>();
  std::span<const std::byte> stored =
      all().subspan(dataAt + tensor.offset, size_t(tensor.bytes));
  const GgufType &type = *tensor.type;
  if (!type.dequantize)
    return stored;
  size_t blocks = stored.size() / size_t(type.bytes);
  floats.resize(blocks * size_t(type.elements));
  for (size_t i = 0; i < blocks; ++i)
    type.dequantize(stored.data() + i * size_t(type.bytes),
                    floats.data() + i * size_t(type.elements));
  return std::as_bytes(std::span(floats));
}

Result<std::unique_ptr<WeightFile>> parseBytes(FileBytes bytes,
                                               const std::string &path) {
  auto file = std::make_unique<GgufFile>(path, std::move(bytes));
  if (MaybeFault fault = file->parse())
    return *fault;
  return std::unique_ptr<WeightFile>(std::move(file));
}
} // namespace

Result<std::unique_ptr<WeightFile>> openGguf(const std::string &path) {
  auto bytes = FileBytes::map(path);
  if (!bytes)
    return bytes.fault();
  return parseBytes(std::move(*bytes), path);
}

Result<std::unique_ptr<WeightFile>>
parseGgufWeights(std::span<const std::byte> file, const std::string &name) {
  return parseBytes(FileBytes(file), name);
}

} // namespace asgc
