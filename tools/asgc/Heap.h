//===- Heap.h - How this process gets its memory --------------------------===//
#ifndef ASGC_TOOLS_HEAP_H
#define ASGC_TOOLS_HEAP_H

namespace asgc::cli {

/// Lets the heap grow in huge pages. A compilation makes many small objects and
/// soon ends: without this a quarter of its time goes into page faults. Call it
/// before there are threads. Does nothing where the C library is not glibc.
void useHugePages();

} // namespace asgc::cli

#endif
