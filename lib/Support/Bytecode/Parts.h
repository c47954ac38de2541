//===- Parts.h - What the sections of a file of bytecode hold -------------===//
#ifndef ASGC_LIB_SUPPORT_BYTECODE_PARTS_H
#define ASGC_LIB_SUPPORT_BYTECODE_PARTS_H

#include "Cursor.h"

#include <vector>

namespace asgc::bytecode {

/// The sections, in the order of their numbers in the file.
enum Section : uint8_t {
  kStrings,
  kDialects,
  kEntries,
  kEntryOffsets,
  kIr,
  kResources,
  kResourceOffsets,
  kDialectVersions,
  kProperties,
  kNumSections
};

/// A section: its number, and where its bytes are.
struct SectionAt {
  uint8_t number = 0;
  size_t offset = 0;
  Cursor bytes;
};
SectionAt readSection(Cursor &in);

/// How much of each kind a file has, for what refers to it.
struct Sizes {
  std::vector<std::string_view> dialects;
  size_t strings = 0;
  size_t names = 0; ///< of operations
  size_t attributes = 0;
  size_t types = 0;
  size_t properties = 0;
};

/// Checks the attributes and types, of which `offsets` says where each begins.
void checkEntries(Cursor offsets, Cursor entries, Sizes &sizes);

/// Checks the operations, their regions and what the values say of their uses.
void checkRegions(Cursor in, const Sizes &sizes);

} // namespace asgc::bytecode

#endif
