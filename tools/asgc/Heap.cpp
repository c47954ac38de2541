//===- Heap.cpp - How this process gets its memory ------------------------===//
#include "Heap.h"

#include <cstdint>
#include <cstdlib>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {
constexpr size_t kHugePage = 2 << 20;
/// Addresses that the heap takes at once; memory comes when it is touched.
constexpr int kReserve = 256 << 20;

uintptr_t heapEnd() { return reinterpret_cast<uintptr_t>(sbrk(0)); }
} // namespace

void asgc::cli::useHugePages() {
  // One heap for all threads: those that malloc makes for others would be
  // elsewhere, in small pages.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TOP_PAD, kReserve);
  mallopt(M_TRIM_THRESHOLD, kReserve);
  // The heap takes its reserve when what it has is used up.
  constexpr int kMost = 64;
  void *blocks[kMost];
  int count = 0;
  uintptr_t before = heapEnd();
  while (count < kMost && heapEnd() == before)
    blocks[count++] = std::malloc(32 << 10);
  while (count > 0)
    std::free(blocks[--count]);
  uintptr_t start = (before + kHugePage - 1) / kHugePage * kHugePage;
  if (heapEnd() > start)
    madvise(reinterpret_cast<void *>(start), heapEnd() - start, MADV_HUGEPAGE);
}
#else
void asgc::cli::useHugePages() {}
#endif
