//===- TensorProto.cpp - Reads one tensor of ONNX's protobuf format -------===//
#include "InputFile.h"

#include <cstring>
#include <fmt/format.h>

namespace asgc {

namespace {

// Field numbers of onnx.TensorProto.
enum Field {
  kDims = 1,
  kDataType = 2,
  kFloatData = 4,
  kInt32Data = 5,
  kInt64Data = 7,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13
};

/// Reads the wire format: a tag, then a number or bytes.
class WireReader {
public:
  WireReader(std::span<const std::byte> bytes, const std::string &path)
      : bytes(bytes), path(path) {}

  bool isAtEnd() const { return position == bytes.size(); }
  size_t offset() const { return position; }
  Fault corrupt(const std::string &reason) const {
    return corruptAt(path, int64_t(position), reason);
  }

  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (isAtEnd())
        return corrupt("the file ends inside a number");
      uint8_t byte = uint8_t(bytes[position++]);
      value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return value;
    }
    return corrupt("a number is longer than 64 bits");
  }

  Result<std::span<const std::byte>> take(uint64_t count) {
    if (count > bytes.size() - position)
      return corrupt(fmt::format("a field of {} bytes, but {} are left", count,
                                 bytes.size() - position));
    std::span<const std::byte> part = bytes.subspan(position, size_t(count));
    position += size_t(count);
    return part;
  }

private:
  std::span<const std::byte> bytes;
  const std::string &path;
  size_t position = 0;
};

/// What a tensor's fields hold; numbers that came one by one or packed.
struct TensorFields {
  std::vector<int64_t> dims;
  int64_t dataType = 0;
  std::vector<std::byte> floats, doubles; // as stored
  std::vector<uint64_t> integers;
  std::optional<std::span<const std::byte>> raw;
  bool isExternal = false;
};

std::optional<ElementType> elementTypeOf(int64_t dataType) {
  switch (dataType) {
  case 1: return ElementType::F32;
  case 2: return ElementType::U8;
  case 3: return ElementType::I8;
  case 4: return ElementType::U16;
  case 5: return ElementType::I16;
  case 6: return ElementType::I32;
  case 7: return ElementType::I64;
  case 9: return ElementType::Bool;
  case 10: return ElementType::F16;
  case 11: return ElementType::F64;
  case 12: return ElementType::U32;
  case 13: return ElementType::U64;
  case 16: return ElementType::BF16;
  default: return std::nullopt;
  }
}

void append(std::vector<std::byte> &to, std::span<const std::byte> part) {
  to.insert(to.end(), part.begin(), part.end());
}

/// A field of numbers, packed (`wire` 2) or one (`wire` 0).
MaybeFault readVarints(WireReader &reader, unsigned wire,
                       std::vector<uint64_t> &out, const std::string &path) {
  Result<uint64_t> first = reader.varint();
  if (!first)
    return first.fault();
  if (wire == 0) {
    out.push_back(*first);
    return std::nullopt;
  }
  auto part = reader.take(*first);
  if (!part)
    return part.fault();
  WireReader inner(*part, path);
  while (!inner.isAtEnd()) {
    Result<uint64_t> value = inner.varint();
    if (!value)
      return value.fault();
    out.push_back(*value);
  }
  return std::nullopt;
}

/// A field of fixed width, packed or one.
MaybeFault readFixed(WireReader &reader, unsigned wire,
                     std::vector<std::byte> &out) {
  uint64_t count = wire == 1 ? 8 : 4;
  if (wire == 2) {
    Result<uint64_t> length = reader.varint();
    if (!length)
      return length.fault();
    count = *length;
  }
  auto part = reader.take(count);
  if (!part)
    return part.fault();
  append(out, *part);
  return std::nullopt;
}

/// Skips a field that does not matter here.
MaybeFault skip(WireReader &reader, unsigned wire) {
  std::vector<std::byte> ignored;
  if (wire == 0) {
    Result<uint64_t> value = reader.varint();
    return value ? MaybeFault() : value.fault();
  }
  if (wire == 1 || wire == 2 || wire == 5)
    return readFixed(reader, wire, ignored);
  return reader.corrupt(fmt::format("wire type {} is unknown", wire));
}

MaybeFault readField(WireReader &reader, TensorFields &tensor,
                     const std::string &path) {
  Result<uint64_t> tag = reader.varint();
  if (!tag)
    return tag.fault();
  unsigned wire = unsigned(*tag & 7);
  bool isNumbers = wire == 0 || wire == 2;
  std::vector<uint64_t> values;
  switch (*tag >> 3) {
  case kDims:
    if (!isNumbers)
      return reader.corrupt("dims are no numbers");
    if (MaybeFault fault = readVarints(reader, wire, values, path))
      return fault;
    tensor.dims.insert(tensor.dims.end(), values.begin(), values.end());
    return std::nullopt;
  case kDataType:
    if (wire != 0)
      return reader.corrupt("data_type is no number");
    if (MaybeFault fault = readVarints(reader, wire, values, path))
      return fault;
    tensor.dataType = int64_t(values.front());
    return std::nullopt;
  case kInt32Data:
  case kInt64Data:
  case kUint64Data:
    if (!isNumbers)
      return reader.corrupt("integers are no numbers");
    return readVarints(reader, wire, tensor.integers, path);
  case kFloatData:
    if (wire != 5 && wire != 2)
      return reader.corrupt("float_data is no 32-bit number");
    return readFixed(reader, wire, tensor.floats);
  case kDoubleData:
    if (wire != 1 && wire != 2)
      return reader.corrupt("double_data is no 64-bit number");
    return readFixed(reader, wire, tensor.doubles);
  case kRawData: {
    if (wire != 2)
      return reader.corrupt("raw_data is no string of bytes");
    Result<uint64_t> length = reader.varint();
    if (!length)
      return length.fault();
    auto part = reader.take(*length);
    if (!part)
      return part.fault();
    tensor.raw = *part;
    return std::nullopt;
  }
  case kExternalData:
    tensor.isExternal = true;
    return skip(reader, wire);
  default:
    return skip(reader, wire);
  }
}

/// Stores integers as elements of `width` bytes; f16 and bf16 are their bits.
std::vector<std::byte> narrow(const std::vector<uint64_t> &values,
                              size_t width) {
  std::vector<std::byte> data(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(data.data() + i * width, &values[i], width);
  return data;
}

Result<Array> finish(TensorFields tensor, const std::string &path) {
  auto type = elementTypeOf(tensor.dataType);
  if (!type)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: ONNX element type {} is not supported", path,
                             tensor.dataType)};
  if (tensor.isExternal)
    return Fault{FaultKind::Unsupported,
                 path + ": the tensor's data is in another file"};
  std::optional<int64_t> bytes = arrayBytes(*type, tensor.dims);
  if (!bytes)
    return corruptAt(path, 0,
                     fmt::format("the shape {} overflows", shapeText(tensor.dims)));
  Array array{*type, tensor.dims, {}};
  if (tensor.raw)
    array.data.assign(tensor.raw->begin(), tensor.raw->end());
  else if (*type == ElementType::F32)
    array.data = std::move(tensor.floats);
  else if (*type == ElementType::F64)
    array.data = std::move(tensor.doubles);
  else
    array.data = narrow(tensor.integers, elementBytes(*type));
  if (int64_t(array.data.size()) != *bytes)
    return corruptAt(path, 0,
                     fmt::format("{} of {} needs {} bytes, the file holds {}",
                                 shapeText(tensor.dims), elementName(*type),
                                 *bytes, array.data.size()));
  if (*type == ElementType::Bool)
    for (std::byte &value : array.data)
      value = std::byte(value != std::byte{0});
  return array;
}

} // namespace

Result<Array> parseTensorProto(std::span<const std::byte> file,
                               const std::string &name) {
  WireReader reader(file, name);
  TensorFields tensor;
  while (!reader.isAtEnd())
    if (MaybeFault fault = readField(reader, tensor, name))
      return *fault;
  return finish(std::move(tensor), name);
}

Result<Array> readTensorProto(const std::string &path) {
  Result<InputFile> file = InputFile::open(path);
  if (!file)
    return file.fault();
  Result<std::vector<std::byte>> bytes = file->readAll();
  if (!bytes)
    return bytes.fault();
  return parseTensorProto(*bytes, path);
}

} // namespace asgc
