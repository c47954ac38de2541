//===- Memory.cpp - Large zeroed blocks of memory -------------------------===//
#include "Memory.h"
#include <sys/mman.h>

namespace asgc::rt {

static constexpr int64_t pageBytes = 4096;
static constexpr int64_t hugePageBytes = 2 << 20;

static char *mapZeroed(int64_t bytes) {
  void *address = mmap(nullptr, size_t(bytes), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return address == MAP_FAILED ? nullptr : static_cast<char *>(address);
}

Pages::~Pages() {
  if (data_)
    munmap(data_, size_t(bytes_));
}

bool Pages::allocate(int64_t bytes) {
  if (bytes <= 0)
    bytes = 1;
  const bool huge = bytes >= 2 * hugePageBytes;
  std::optional<int64_t> size =
      roundUp(bytes, huge ? hugePageBytes : pageBytes);
  int64_t mapped;
  if (!size || __builtin_add_overflow(*size, huge ? hugePageBytes : 0, &mapped))
    return false;
  char *address = mapZeroed(mapped);
  if (!address)
    return false;
  if (huge) {
    // Huge pages need an aligned start: map one more and cut both ends off.
    int64_t head = -reinterpret_cast<intptr_t>(address) & (hugePageBytes - 1);
    int64_t tail = mapped - head - *size;
    if (head)
      munmap(address, size_t(head));
    if (tail)
      munmap(address + head + *size, size_t(tail));
    address += head;
    madvise(address, size_t(*size), MADV_HUGEPAGE);
  }
  if (data_)
    munmap(data_, size_t(bytes_));
  data_ = address;
  bytes_ = *size;
  return true;
}

} // namespace asgc::rt
