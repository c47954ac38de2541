//===- Guard.cpp - The sections of a file of bytecode ---------------------===//
#include "Parts.h"

#include <array>

namespace asgc {
namespace bytecode {
namespace {

/// The version of the format that MLIR 22 writes, and so every asgc did.
constexpr uint64_t kVersion = 6;

constexpr std::array<std::string_view, kNumSections> kSectionNames = {
    "strings",    "dialects",  "attributes and types", "attribute sizes",
    "operations", "resources", "resource offsets",     "versions of dialects",
    "properties"};

/// The text of each; their sizes stand before all of them, the last one first.
std::vector<std::string_view> readStrings(Cursor in, std::string_view file) {
  std::vector<std::string_view> strings(in.readCount("strings"));
  std::vector<uint64_t> lengths(strings.size());
  for (uint64_t &length : lengths) {
    size_t place = in.offset();
    length = in.readNumber();
    if (length == 0)
      in.fail(place, "has a string of no bytes, each ends with one");
  }
  for (std::string_view &string : strings) {
    uint64_t length = lengths.back();
    lengths.pop_back();
    Cursor text = in.readPart(length, "bytes of a string", in.offset());
    if (in.failed())
      return {};
    string = file.substr(text.offset(), length - 1);
  }
  if (in.left() > 0)
    in.fail(in.offset(), "has bytes after its strings");
  return strings;
}

/// The names of the dialects and the number of operations that follow them.
void readDialects(Cursor in, const std::vector<std::string_view> &strings,
                  Sizes &sizes) {
  sizes.dialects.resize(in.readCount("dialects"));
  for (std::string_view &name : sizes.dialects) {
    bool hasVersion = false;
    uint64_t index = in.readIndex(strings.size(), "strings", hasVersion);
    if (in.failed())
      return;
    name = strings[index];
    if (hasVersion)
      readSection(in);
  }
  size_t place = in.offset();
  uint64_t claimed = in.readCount("operation names");
  while (in.left() > 0) {
    in.readIndex(sizes.dialects.size(), "dialects");
    uint64_t names = in.readCount("operation names");
    for (uint64_t i = 0; i < names && !in.failed(); ++i) {
      bool isRegistered = false;
      in.readIndex(strings.size(), "strings", isRegistered);
      ++sizes.names;
    }
  }
  in.atMost(claimed, sizes.names, "operation names", place);
}

void readProperties(Cursor in, Sizes &sizes) {
  if (in.left() == 0)
    return;
  sizes.properties = in.readCount("properties");
  for (size_t i = 0; i < sizes.properties && !in.failed(); ++i) {
    size_t place = in.offset();
    in.readPart(in.readNumber(), "bytes of properties", place);
  }
}

/// MLIR writes these sections even if there is nothing to write.
void refuseResources(Cursor resources, Cursor offsets) {
  size_t place = offsets.offset();
  if (offsets.readNumber() != 0 || offsets.left() > 0)
    offsets.fail(place, "holds resources, no file of asg has any");
  if (resources.left() > 0)
    resources.fail(resources.offset(),
                   "holds resources, no file of asg has any");
}

void checkFile(Cursor in, std::string_view file) {
  for (char expected : std::string_view("ML\xefR"))
    if (in.readByte() != static_cast<uint8_t>(expected))
      return in.fail(0, "is no MLIR bytecode");
  size_t place = in.offset();
  if (uint64_t version = in.readNumber(); version != kVersion)
    return in.fail(place, "is bytecode of version ", version, ", asgc reads ",
                   kVersion);
  while (in.readByte() != 0) {
  } // who wrote it

  std::array<std::optional<Cursor>, kNumSections> sections;
  while (in.left() > 0) {
    SectionAt section = readSection(in);
    if (in.failed())
      return;
    if (sections[section.number])
      return in.fail(section.offset, "has a second section of ",
                     kSectionNames[section.number]);
    sections[section.number] = section.bytes;
  }
  for (Section needed : {kStrings, kDialects, kEntries, kEntryOffsets, kIr})
    if (!sections[needed])
      return in.fail(file.size(), "has no section of ", kSectionNames[needed]);

  Sizes sizes;
  std::vector<std::string_view> strings =
      readStrings(*sections[kStrings], file);
  sizes.strings = strings.size();
  readDialects(*sections[kDialects], strings, sizes);
  if (sections[kResources] && sections[kResourceOffsets])
    refuseResources(*sections[kResources], *sections[kResourceOffsets]);
  if (sections[kProperties])
    readProperties(*sections[kProperties], sizes);
  checkEntries(*sections[kEntryOffsets], *sections[kEntries], sizes);
  checkRegions(*sections[kIr], sizes);
}

} // namespace

SectionAt readSection(Cursor &in) {
  SectionAt section;
  section.offset = in.offset();
  uint8_t number = in.readByte();
  section.number = number & 0x7f;
  size_t place = in.offset();
  uint64_t length = in.readNumber();
  if (number & 0x80)
    in.align(in.readNumber());
  if (section.number >= kNumSections) {
    in.fail(section.offset, "has a section of kind ", int(section.number),
            ", 0 to ", int(kNumSections) - 1, " are known");
    section.number = 0;
  }
  section.bytes = in.readPart(length, "bytes of a section", place);
  return section;
}

} // namespace bytecode

std::optional<BytecodeError> checkBytecode(std::string_view bytes) {
  std::optional<BytecodeError> fault;
  bytecode::checkFile(bytecode::Cursor(bytes, fault), bytes);
  return fault;
}

} // namespace asgc
