//===- NpyWriter.cpp - Writes .npy files ----------------------------------===//
#include "asgc/Data.h"
#include "asgc/file.h"

#include <cstring>
#include <fmt/format.h>

namespace asgc {

std::vector<std::byte> formatNpy(const Array &array) {
  std::string_view code = [&] {
    switch (array.type) {
    case ElementType::F16:
      return "<f2";
    case ElementType::BF16:
      return "<u2"; // numpy has no bf16: its bits
    case ElementType::F32:
      return "<f4";
    case ElementType::F64:
      return "<f8";
    case ElementType::I8:
      return "|i1";
    case ElementType::I16:
      return "<i2";
    case ElementType::I32:
      return "<i4";
    case ElementType::I64:
      return "<i8";
    case ElementType::U8:
      return "|u1";
    case ElementType::U16:
      return "<u2";
    case ElementType::U32:
      return "<u4";
    case ElementType::U64:
      return "<u8";
    case ElementType::Bool:
      return "|b1";
    }
    return "";
  }();
  std::string shape;
  for (int64_t extent : array.shape)
    shape += fmt::format("{}, ", extent);
  // One extent keeps its comma, as a Python tuple must.
  if (array.shape.size() == 1)
    shape.pop_back();
  else if (!array.shape.empty())
    shape.resize(shape.size() - 2);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                  code, shape);
  // The data start at a multiple of 64; the last byte before is a newline.
  bool isShort = header.size() + 64 < (1 << 16);
  size_t start = isShort ? 10 : 12;
  size_t total = (start + header.size() + 1 + 63) / 64 * 64;
  header.resize(total - start - 1, ' ');
  header += '\n';
  std::string head = "\x93NUMPY";
  head += {char(isShort ? 1 : 2), 0};
  for (size_t i = 0; i < start - 8; ++i)
    head += char(header.size() >> (8 * i) & 0xff);
  head += header;
  std::vector<std::byte> bytes(head.size() + array.data.size());
  std::memcpy(bytes.data(), head.data(), head.size());
  if (!array.data.empty())
    std::memcpy(bytes.data() + head.size(), array.data.data(),
                array.data.size());
  return bytes;
}

MaybeFault writeNpy(const std::string &path, const Array &array) {
  std::vector<std::byte> bytes = formatNpy(array);
  if (asgc_file_replace(path.c_str(), bytes.data(), bytes.size()) != ASGC_OK)
    return Fault{FaultKind::Environment, asgc_last_error()};
  return std::nullopt;
}

} // namespace asgc
