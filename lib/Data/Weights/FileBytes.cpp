//===- FileBytes.cpp - The bytes of a file, mapped ------------------------===//
#include "asgc/FileBytes.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asgc {

Result<FileBytes> FileBytes::map(const std::string &path) {
  // A pipe would block: only regular files can be mapped.
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int error = descriptor < 0 ? errno : 0;
  struct stat info {};
  if (!error && fstat(descriptor, &info) != 0)
    error = errno;
  if (!error && !S_ISREG(info.st_mode))
    error = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
  FileBytes result(std::span<const std::byte>{});
  if (!error && info.st_size > 0) {
    size_t size = size_t(info.st_size);
    void *data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
      error = errno;
    } else {
      result.bytes = {static_cast<const std::byte *>(data), size};
      result.mapped = true;
    }
  }
  if (descriptor >= 0)
    close(descriptor);
  if (error)
    return Fault{FaultKind::Environment, path + ": " + std::strerror(error)};
  return result;
}

// What a vector holds stays where it is when the vector moves.
FileBytes::FileBytes(FileBytes &&other) noexcept
    : own(std::move(other.own)), bytes(other.bytes),
      keeper(std::move(other.keeper)),
      mapped(std::exchange(other.mapped, false)) {}

FileBytes::~FileBytes() {
  if (mapped && !keeper)
    munmap(const_cast<std::byte *>(bytes.data()), bytes.size());
}

void FileBytes::forget(std::span<const std::byte> part) const {
  const auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  const auto first =
      (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end =
      reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (mapped && first < end) // a hint: nothing depends on its success
    madvise(reinterpret_cast<void *>(first), end - first, MADV_DONTNEED);
}

NamedView viewOf(NamedArray array) {
  auto owner = std::make_shared<const FileBytes>(std::move(array.array.data));
  return {std::move(array.name), array.array.type, std::move(array.array.shape),
          *owner, owner};
}

} // namespace asgc
