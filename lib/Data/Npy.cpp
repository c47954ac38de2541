//===- Npy.cpp - Reads .npy files -----------------------------------------===//
#include "NpyHeader.h"
#include "Readers.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace asgc {

namespace {
/// Bytes of the data, or why the shape is refused.
Result<int64_t> dataBytes(const NpyHeader &header, const std::string &name) {
  std::optional<int64_t> bytes = arrayBytes(header.type, header.shape);
  if (!bytes)
    return corruptAt(
        name, 10,
        fmt::format("the shape {} overflows", shapeText(header.shape)));
  return *bytes;
}

std::string describe(const NpyHeader &header) {
  return fmt::format("{} of {}", shapeText(header.shape),
                     elementName(header.type));
}

void swapBytes(std::vector<std::byte> &data, size_t width) {
  if (width == 1)
    return;
  for (size_t i = 0; i + width <= data.size(); i += width)
    std::reverse(data.begin() + int64_t(i), data.begin() + int64_t(i + width));
}

/// Column-major to row-major.
std::vector<std::byte> toRowMajor(const std::vector<std::byte> &data,
                                  std::span<const int64_t> shape,
                                  size_t width) {
  std::vector<std::byte> result(data.size());
  std::vector<int64_t> index(shape.size(), 0), stride(shape.size(), 1);
  for (size_t i = 1; i < shape.size(); ++i)
    stride[i] = stride[i - 1] * shape[i - 1];
  int64_t from = 0;
  for (size_t to = 0; to < data.size(); to += width) {
    std::memcpy(result.data() + to, data.data() + size_t(from) * width, width);
    for (size_t dim = shape.size(); dim-- > 0;) {
      from += stride[dim];
      if (++index[dim] < shape[dim])
        break;
      from -= stride[dim] * shape[dim];
      index[dim] = 0;
    }
  }
  return result;
}

/// Turns the bytes of the file into a row-major array of this machine.
Array finish(NpyHeader header, std::vector<std::byte> data) {
  size_t width = elementBytes(header.type);
  if (header.isBigEndian)
    swapBytes(data, width);
  if (header.isFortran && header.shape.size() > 1)
    data = toRowMajor(data, header.shape, width);
  if (header.type == ElementType::Bool)
    for (std::byte &value : data)
      value = std::byte(value != std::byte{0});
  return {header.type, std::move(header.shape), std::move(data)};
}
} // namespace

Result<Array> parseNpy(std::span<const std::byte> file,
                       const std::string &name) {
  Result<NpyHeader> header = parseNpyHeader(file, name);
  if (!header)
    return header.fault();
  Result<int64_t> bytes = dataBytes(*header, name);
  if (!bytes)
    return bytes.fault();
  std::span<const std::byte> data = file.subspan(header->dataOffset);
  if (int64_t(data.size()) != *bytes)
    return corruptAt(name, int64_t(header->dataOffset),
                     fmt::format("expected {} bytes for {}, found {}", *bytes,
                                 describe(*header), data.size()));
  return finish(std::move(*header), {data.begin(), data.end()});
}

Result<Array> readNpy(const std::string &path) {
  Result<InputFile> file = InputFile::open(path);
  if (!file)
    return file.fault();
  std::vector<std::byte> prefix(kNpyPrefix);
  Result<size_t> got = file->read(prefix);
  if (!got)
    return got.fault();
  prefix.resize(*got);
  Result<NpyHeader> header = parseNpyHeader(prefix, path);
  if (!header)
    return header.fault();
  Result<int64_t> bytes = dataBytes(*header, path);
  if (!bytes)
    return bytes.fault();
  std::vector<std::byte> data(prefix.begin() + int64_t(header->dataOffset),
                              prefix.end());
  if (MaybeFault fault = file->readRest(*bytes, describe(*header), &data))
    return *fault;
  return finish(std::move(*header), std::move(data));
}

Result<Dataset> readNpyDataset(const std::string &path,
                               const std::string &labelPath) {
  return datasetOfFiles(path, labelPath, readNpy);
}

} // namespace asgc
