//===- Idx.cpp - IDX files, the format of MNIST ---------------------------===//
#include "Readers.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc {

namespace {
std::optional<ElementType> elementOfCode(unsigned code) {
  switch (code) {
  case 0x08:
    return ElementType::U8;
  case 0x09:
    return ElementType::I8;
  case 0x0b:
    return ElementType::I16;
  case 0x0c:
    return ElementType::I32;
  case 0x0d:
    return ElementType::F32;
  case 0x0e:
    return ElementType::F64;
  }
  return std::nullopt;
}

/// The big-endian header: 0, 0, type, rank, then one u32 per dim.
MaybeFault readHeader(InputFile &file, Array *array) {
  const std::string &path = file.path();
  std::byte magic[4];
  Result<size_t> got = file.read(magic);
  if (!got)
    return got.fault();
  if (*got < 4)
    return corruptAt(path, 0,
                     fmt::format("expected an IDX header of at least 4 bytes, "
                                 "found {}",
                                 *got));
  auto byteAt = [&](int i) { return std::to_integer<unsigned>(magic[i]); };
  std::optional<ElementType> type = elementOfCode(byteAt(2));
  if (byteAt(0) != 0 || byteAt(1) != 0 || !type)
    return corruptAt(path, 0,
                     fmt::format("expected an IDX header (00 00, a type from "
                                 "08 to 0e, the rank), found {:02x} {:02x} "
                                 "{:02x} {:02x}",
                                 byteAt(0), byteAt(1), byteAt(2), byteAt(3)));
  array->type = *type;
  unsigned rank = byteAt(3);
  if (rank == 0 || rank > 8)
    return corruptAt(
        path, 3, fmt::format("expected a rank from 1 to 8, found {}", rank));
  std::byte extents[8 * 4];
  got = file.read(std::span(extents, rank * 4));
  if (!got)
    return got.fault();
  if (*got < rank * 4)
    return corruptAt(path, 4 + int64_t(*got),
                     fmt::format("expected {} extents of 4 bytes, found the "
                                 "end of the file",
                                 rank));
  for (unsigned i = 0; i < rank; ++i) {
    uint32_t extent = 0;
    for (int j = 0; j < 4; ++j)
      extent = extent << 8 | std::to_integer<uint32_t>(extents[i * 4 + j]);
    array->shape.push_back(extent);
  }
  return std::nullopt;
}

void swapBytes(std::vector<std::byte> &bytes, size_t width) {
  for (size_t i = 0; width > 1 && i + width <= bytes.size(); i += width)
    std::reverse(bytes.begin() + int64_t(i),
                 bytes.begin() + int64_t(i + width));
}
} // namespace

Result<Array> readIdx(const std::string &path) {
  Result<InputFile> file = InputFile::open(path);
  if (!file)
    return file.fault();
  Array array;
  if (MaybeFault fault = readHeader(*file, &array))
    return *fault;
  std::optional<int64_t> bytes = arrayBytes(array.type, array.shape);
  if (!bytes)
    return corruptAt(
        path, 4,
        fmt::format("the extents {} overflow", shapeText(array.shape)));
  std::string what =
      fmt::format("{} of {}", shapeText(array.shape), elementName(array.type));
  if (MaybeFault fault = file->readRest(*bytes, what, &array.data))
    return *fault;
  swapBytes(array.data, elementBytes(array.type));
  return array;
}

Result<Dataset> readIdxDataset(const std::string &path,
                               const std::string &labelPath) {
  return datasetOfFiles(path, labelPath, readIdx);
}

} // namespace asgc
