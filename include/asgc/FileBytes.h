//===- FileBytes.h - Bytes of a file, and arrays that lie in them ---------===//
#ifndef ASGC_FILEBYTES_H
#define ASGC_FILEBYTES_H

#include "asgc/Data.h"

#include <cstring>
#include <memory>

namespace asgc {

/// A regular file in memory without being read, bytes of someone else, or its
/// own.
class FileBytes {
public:
  /// Environment, with the system's reason, if `path` cannot be mapped.
  static Result<FileBytes> map(const std::string &path);
  explicit FileBytes(std::span<const std::byte> bytes) : bytes(bytes) {}
  explicit FileBytes(std::vector<std::byte> own)
      : own(std::move(own)), bytes(this->own) {}
  /// Bytes of a file that is mapped as long as `keeper` lives.
  FileBytes(std::span<const std::byte> bytes,
            std::shared_ptr<const void> keeper)
      : bytes(bytes), keeper(std::move(keeper)), mapped(true) {}
  FileBytes(FileBytes &&other) noexcept;
  ~FileBytes();

  operator std::span<const std::byte>() const { return bytes; }
  bool isMapped() const { return mapped; }

  /// Takes the pages that `part` fills out of memory, if it lies in a mapped
  /// file: whoever looks at them again gets them from the file again.
  void forget(std::span<const std::byte> part) const;

private:
  std::vector<std::byte> own;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keeper; ///< of the mapping; null: this
  bool mapped = false;
};

/// A named array that lies elsewhere, most often in the pages of a file.
struct NamedView {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;        ///< row-major, perhaps not aligned
  std::shared_ptr<const FileBytes> owner; ///< of `data`; null: the caller
};

/// `array`, which the view keeps alive.
NamedView viewOf(NamedArray array);

/// The little-endian number at `data`, which need not be aligned.
template <typename T> T loadNumber(const std::byte *data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

} // namespace asgc

#endif
