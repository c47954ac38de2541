//===- FileBytes.cpp - The bytes of a file, mapped ------------------------===//
#include "FileBytes.h"

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
  FileBytes result({});
  if (!error && info.st_size > 0) {
    size_t size = size_t(info.st_size);
    void *data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
      error = errno;
    } else {
      result.bytes = {static_cast<const std::byte *>(data), size};
      result.isMapped = true;
    }
  }
  if (descriptor >= 0)
    close(descriptor);
  if (error)
    return Fault{FaultKind::Environment, path + ": " + std::strerror(error)};
  return result;
}

FileBytes::FileBytes(FileBytes &&other) noexcept
    : bytes(other.bytes), isMapped(std::exchange(other.isMapped, false)) {}

FileBytes::~FileBytes() {
  if (isMapped)
    munmap(const_cast<std::byte *>(bytes.data()), bytes.size());
}

} // namespace asgc
