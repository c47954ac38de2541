//===- NpyHeader.h - The header of a .npy file ----------------------------===//
#ifndef ASGC_LIB_DATA_NPYHEADER_H
#define ASGC_LIB_DATA_NPYHEADER_H

#include "InputFile.h"

namespace asgc {

/// Magic, version, length and the longest dictionary that is accepted.
constexpr size_t kNpyPrefix = 12 + (1 << 16);

/// What the Python dictionary in a .npy file says.
struct NpyHeader {
  ElementType type = ElementType::F32;
  bool isBigEndian = false;
  bool isFortran = false;
  std::vector<int64_t> shape;
  size_t dataOffset = 0;
};

/// Reads magic, version and dictionary at the start of `file`, which may be
/// only the beginning of the file.
Result<NpyHeader> parseNpyHeader(std::span<const std::byte> file,
                                 const std::string &name);

} // namespace asgc

#endif
