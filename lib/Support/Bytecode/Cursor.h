//===- Cursor.h - Numbers of a part of a file of bytecode -----------------===//
#ifndef ASGC_LIB_SUPPORT_BYTECODE_CURSOR_H
#define ASGC_LIB_SUPPORT_BYTECODE_CURSOR_H

#include "asgc/BytecodeGuard.h"

#include <bit>
#include <cstdint>
#include <sstream>

namespace asgc::bytecode {

/// Reads on from a place in a file, up to the end of a section. The first fault
/// of the file is kept; after it all numbers are 0.
class Cursor {
public:
  Cursor() = default;
  Cursor(std::string_view file, std::optional<BytecodeError> &fault)
      : file(file), end(file.size()), fault(&fault) {}

  size_t offset() const { return at; }
  size_t left() const { return failed() ? 0 : end - at; }
  bool failed() const { return fault->has_value(); }
  /// Keeps the fault, the text of which is made of `parts`.
  template <typename... Parts> void fail(size_t offset, const Parts &...parts) {
    if (failed())
      return;
    std::ostringstream text;
    (text << ... << parts);
    *fault = BytecodeError{offset, text.str()};
  }

  uint8_t readByte() {
    if (left() == 0) {
      fail(at, "ends in the middle of a number");
      return 0;
    }
    return static_cast<uint8_t>(file[at++]);
  }

  /// The zeros below the lowest one of the first byte count the bytes after it.
  uint64_t readNumber() {
    uint8_t first = readByte();
    int after = first == 0 ? 8 : std::countr_zero(first);
    uint64_t value = first;
    for (int i = 1; i <= after; ++i) {
      uint64_t byte = readByte();
      value |= first == 0 ? byte << (8 * (i - 1)) : byte << (8 * i);
    }
    if (failed())
      return 0;
    return first == 0 ? value : value >> (after + 1);
  }

  /// The number of things that follow, each in at least one byte.
  uint64_t readCount(std::string_view things) {
    size_t place = at;
    uint64_t count = readNumber();
    return atMost(count, left(), things, place);
  }

  /// A number below `size`, which picks one of the `things` of the file.
  uint64_t readIndex(uint64_t size, std::string_view things) {
    size_t place = at;
    return checkIndex(readNumber(), size, things, place);
  }
  /// The same over a flag in the lowest bit.
  uint64_t readIndex(uint64_t size, std::string_view things, bool &flag) {
    size_t place = at;
    uint64_t number = readNumber();
    flag = number & 1;
    return checkIndex(number >> 1, size, things, place);
  }

  /// `found`, refused if it is more than `possible`.
  uint64_t atMost(uint64_t found, uint64_t possible, std::string_view things,
                  size_t place) {
    if (!failed() && found > possible)
      fail(place, "claims ", found, " ", things, ", at most ", possible,
           " are possible");
    return failed() ? 0 : found;
  }

  /// The next `length` bytes, which are skipped here.
  Cursor readPart(uint64_t length, std::string_view things, size_t place) {
    Cursor part = *this;
    at += atMost(length, left(), things, place);
    part.end = at;
    return part;
  }

  std::string_view bytes() const { return file.substr(at, left()); }

  /// Skips padding up to an address that `alignment` divides.
  void align(uint64_t alignment) {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0 ||
        alignment > kMostAlignment)
      return fail(at, "aligns a section to ", alignment,
                  " bytes, a power of two up to ", kMostAlignment,
                  " is possible");
    while (!failed() &&
           reinterpret_cast<uintptr_t>(file.data() + at) % alignment != 0)
      if (readByte() != kPadding)
        fail(at - 1, "has something in place of padding");
  }

private:
  static constexpr uint64_t kMostAlignment = 4096;
  static constexpr uint8_t kPadding = 0xcb;

  uint64_t checkIndex(uint64_t index, uint64_t size, std::string_view things,
                      size_t place) {
    if (!failed() && index >= size)
      fail(place, "names number ", index, " of ", size, " ", things);
    return failed() ? 0 : index;
  }

  std::string_view file;
  size_t at = 0;
  size_t end = 0;
  std::optional<BytecodeError> *fault = nullptr;
};

} // namespace asgc::bytecode

#endif
