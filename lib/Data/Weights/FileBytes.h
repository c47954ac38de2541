//===- FileBytes.h - The bytes of a file, mapped --------------------------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_FILEBYTES_H
#define ASGC_LIB_DATA_WEIGHTS_FILEBYTES_H

#include "asgc/Data.h"

#include <cstring>

namespace asgc {

/// A regular file in memory without being read, or bytes of someone else.
class FileBytes {
public:
  static Result<FileBytes> map(const std::string &path);
  explicit FileBytes(std::span<const std::byte> bytes) : bytes(bytes) {}
  FileBytes(FileBytes &&other) noexcept;
  ~FileBytes();

  operator std::span<const std::byte>() const { return bytes; }

private:
  std::span<const std::byte> bytes;
  bool isMapped = false;
};

/// The little-endian number at `data`, which need not be aligned.
template <typename T> T loadNumber(const std::byte *data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

} // namespace asgc

#endif
