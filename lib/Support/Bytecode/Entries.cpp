//===- Entries.cpp - The attributes and types of a file of bytecode -------===//
#include "Parts.h"

#include "asgc/NestingGuard.h"

#include <algorithm>
#include <array>
#include <limits>

namespace asgc::bytecode {
namespace {

/// What follows the number of a kind: `a` an attribute, `t` a type, `s` a
/// string, `v` a number, `b` bytes, `n` an integer and `f` a float of the type
/// before, and `*` a count of what stands behind it up to `;`. Null if no file
/// of asg has the kind. mlir/IR/BuiltinDialectBytecode.td is the truth.
using Kind = const char *;

constexpr std::array<Kind, 23> kAttributeKinds = {
    "*a",    // array
    "*aa",   // dictionary
    "s",     // string
    "st",    // string with a type
    "a",     // symbol
    "a*a",   // nested symbol
    "t",     // type
    "",      // unit
    "tn",    // integer
    "tf",    // float
    "aa",    // location of a call
    "avv",   // line and column
    "*a",    // fused locations
    "*a;a",  // fused locations with more
    "aa",    // named location
    "",      // unknown location
    nullptr, // elements in a resource
    "tvb",   // dense array
    "tb",    // dense elements
    nullptr, // dense strings
    nullptr, // sparse elements
    nullptr, // distinct
    "a*v",   // range of lines
};
constexpr uint64_t kDenseArray = 17, kDenseElements = 18;

constexpr std::array<Kind, 21> kTypeKinds = {
    "v",     // integer: width · 4 + signedness
    "",      // index
    "*t;*t", // function
    "",      // bf16
    "",      // f16
    "",      // f32
    "",      // f64
    nullptr, // f80
    nullptr, // f128
    nullptr, // complex
    nullptr, // memref
    nullptr, // memref with a space
    "",      // none
    "*v;t",  // tensor
    "a*v;t", // tensor with an encoding
    nullptr, // tuple
    nullptr, // unranked memref
    nullptr, // unranked memref with a space
    nullptr, // unranked tensor
    nullptr, // vector
    nullptr, // vector of scalable size
};

/// An attribute or a type.
struct Entry {
  bool isCoded = false; ///< else its text stands in the file
  bool isBuiltin = false;
  Cursor bytes;
  std::vector<uint32_t> parts; ///< the entries that it holds
  unsigned width = 0;          ///< bits of an integer, a float or index, else 0
  bool isFloat = false;
  bool isTensor = false;
  std::vector<int64_t> shape;
  uint32_t element = 0; ///< of a tensor, among the types
};

class Entries {
public:
  Entries(Cursor offsets, Cursor bytes, Sizes &sizes)
      : offsets(offsets), bytes(bytes), sizes(sizes) {}
  void check();

private:
  void place(size_t begin, size_t count, std::string_view things);
  void readType(Entry &entry);
  void readAttribute(Entry &entry);
  void readText(Entry &entry);
  Kind kindOf(Entry &entry, const Kind *kinds, uint64_t count,
              std::string_view thing, uint64_t &number);
  void readFields(Cursor &in, Entry &entry, std::string_view fields);
  void readField(Cursor &in, Entry &entry, char field);
  void checkArray(const Entry &entry);
  void checkElements(const Entry &entry);
  void checkTensor(const Entry &entry);
  void checkNesting();

  Entry &typeAt(uint64_t index) { return all[sizes.attributes + index]; }

  Cursor offsets;
  Cursor bytes;
  Sizes &sizes;
  std::vector<Entry> all; // the attributes, then the types
  // Of the entry being read:
  std::vector<uint64_t> numbers; // its `v` fields
  std::vector<uint64_t> types;   // its `t` fields
  std::string_view elements;     // its `b` field
};

/// The sizes of `count` entries, in groups that have the dialect in common.
void Entries::place(size_t begin, size_t count, std::string_view things) {
  size_t next = begin;
  while (next < begin + count && !offsets.failed()) {
    uint64_t dialect = offsets.readIndex(sizes.dialects.size(), "dialects");
    size_t place = offsets.offset();
    uint64_t group = offsets.atMost(offsets.readNumber(), begin + count - next,
                                    things, place);
    for (uint64_t i = 0; i < group && !offsets.failed(); ++i) {
      Entry &entry = all[next++];
      size_t place = offsets.offset();
      uint64_t size = offsets.readNumber();
      entry.isCoded = size & 1;
      entry.isBuiltin =
          !offsets.failed() && sizes.dialects[dialect] == "builtin";
      entry.bytes = bytes.readPart(size >> 1, "bytes of an entry", place);
    }
  }
}

void Entries::check() {
  size_t place = offsets.offset();
  sizes.attributes = offsets.readCount("attributes");
  sizes.types = offsets.readCount("types");
  offsets.atMost(sizes.attributes + sizes.types, offsets.left(),
                 "attributes and types", place);
  if (offsets.failed())
    return;
  all.resize(sizes.attributes + sizes.types);
  this->place(0, sizes.attributes, "attributes");
  this->place(sizes.attributes, sizes.types, "types");
  if (offsets.left() > 0)
    offsets.fail(offsets.offset(), "has sizes of no attribute or type");
  // An attribute can ask how wide its type is.
  for (size_t i = all.size(); i-- > 0 && !offsets.failed();) {
    numbers.clear();
    types.clear();
    if (!all[i].isCoded)
      readText(all[i]);
    else if (i < sizes.attributes)
      readAttribute(all[i]);
    else
      readType(all[i]);
  }
  for (size_t i = 0; i < sizes.types && !offsets.failed(); ++i)
    if (typeAt(i).isTensor)
      checkTensor(typeAt(i));
  checkNesting();
}

/// MLIR's parser reads the text.
void Entries::readText(Entry &entry) {
  if (auto error = asgc::checkNesting(entry.bytes.bytes()))
    bytes.fail(entry.bytes.offset() + error->column - 1,
               "has a text whose " + error->message);
}

Kind Entries::kindOf(Entry &entry, const Kind *kinds, uint64_t count,
                     std::string_view thing, uint64_t &number) {
  size_t place = entry.bytes.offset();
  Cursor in = entry.bytes;
  number = in.readNumber();
  if (in.failed())
    return nullptr;
  if (!entry.isBuiltin || number >= count || !kinds[number]) {
    in.fail(place, "holds ", thing, " of ",
            (entry.isBuiltin ? "builtin" : "foreign"), " kind ", number,
            ", no file of asg has one");
    return nullptr;
  }
  entry.bytes = in;
  return kinds[number];
}

void Entries::readField(Cursor &in, Entry &entry, char field) {
  if (field == 'a') {
    entry.parts.push_back(
        static_cast<uint32_t>(in.readIndex(sizes.attributes, "attributes")));
  } else if (field == 't') {
    types.push_back(in.readIndex(sizes.types, "types"));
    entry.parts.push_back(
        static_cast<uint32_t>(sizes.attributes + types.back()));
  } else if (field == 's') {
    in.readIndex(sizes.strings, "strings");
  } else if (field == 'v') {
    numbers.push_back(in.readNumber());
  } else if (field == 'b') {
    size_t place = in.offset();
    elements = in.readPart(in.readNumber(), "bytes of elements", place).bytes();
  } else { // 'n' or 'f'; MLIR refuses a float of another type without a word
    size_t place = in.offset();
    unsigned width = in.failed() ? 0 : typeAt(types.back()).width;
    if (width == 0 || typeAt(types.back()).isFloat != (field == 'f'))
      in.fail(place, "has a number of a type without one");
    else if (width <= 8)
      in.readByte();
    else
      in.readNumber();
  }
}

void Entries::readFields(Cursor &in, Entry &entry, std::string_view fields) {
  for (size_t i = 0; i < fields.size() && !in.failed(); ++i) {
    if (fields[i] != '*') {
      readField(in, entry, fields[i]);
      continue;
    }
    std::string_view group = fields.substr(i + 1);
    group = group.substr(0, group.find(';'));
    uint64_t count = in.readCount("parts");
    for (uint64_t k = 0; k < count && !in.failed(); ++k)
      for (char field : group)
        readField(in, entry, field);
    i += group.size() + 1; // and the ';'
  }
}

void Entries::readType(Entry &entry) {
  constexpr std::array<unsigned, 7> widths = {0, 64, 0, 16, 16, 32, 64};
  constexpr uint64_t tensor = 13, tensorWithEncoding = 14, integer = 0,
                     firstFloat = 3;
  uint64_t number = 0;
  Kind fields =
      kindOf(entry, kTypeKinds.data(), kTypeKinds.size(), "a type", number);
  if (!fields)
    return;
  Cursor in = entry.bytes;
  readFields(in, entry, fields);
  if (in.failed())
    return;
  if (number == integer) {
    uint64_t width = numbers.front() >> 2;
    if (width == 0 || width > 64 || ((numbers.front() & 3)) == 3)
      in.fail(entry.bytes.offset(), "has integers of ", width,
              " bits and signedness ", (numbers.front() & 3),
              ", 1 to 64 and 0 to 2 are possible");
    entry.width = static_cast<unsigned>(width);
  } else if (number < widths.size()) {
    entry.width = widths[number];
    entry.isFloat = number >= firstFloat;
  } else if (number == tensor || number == tensorWithEncoding) {
    entry.isTensor = true;
    entry.element = static_cast<uint32_t>(types.front());
    for (uint64_t zigzag : numbers)
      entry.shape.push_back(
          static_cast<int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1)));
  }
}

void Entries::checkTensor(const Entry &entry) {
  constexpr int64_t dynamic = std::numeric_limits<int64_t>::min();
  if (typeAt(entry.element).width == 0)
    bytes.fail(entry.bytes.offset(),
               "has a tensor of neither integers nor floats");
  for (int64_t extent : entry.shape)
    if (extent < 0 && extent != dynamic)
      bytes.fail(entry.bytes.offset(), "has a tensor with an extent of ",
                 extent);
}

void Entries::readAttribute(Entry &entry) {
  uint64_t number = 0;
  Kind fields = kindOf(entry, kAttributeKinds.data(), kAttributeKinds.size(),
                       "an attribute", number);
  if (!fields)
    return;
  Cursor in = entry.bytes;
  readFields(in, entry, fields);
  if (in.failed())
    return;
  if (number == kDenseArray)
    checkArray(entry);
  else if (number == kDenseElements)
    checkElements(entry);
}

/// MLIR takes the elements of an array as they are.
void Entries::checkArray(const Entry &entry) {
  unsigned width = typeAt(types.front()).width;
  if (width != 1 && (width == 0 || width % 8 != 0))
    return bytes.fail(entry.bytes.offset(), "has an array of no whole bytes");
  uint64_t bytesEach = width == 1 ? 1 : width / 8;
  if (elements.size() % bytesEach != 0 ||
      elements.size() / bytesEach != numbers.front())
    bytes.fail(entry.bytes.offset(), "has ", numbers.front(), " elements of ",
               bytesEach, " bytes in ", elements.size(), " bytes");
}

/// The same; bits are packed, and one element can stand for all.
void Entries::checkElements(const Entry &entry) {
  const Entry &type = typeAt(types.front());
  unsigned width = type.isTensor ? typeAt(type.element).width : 0;
  uint64_t count = 1;
  for (int64_t extent : type.shape) {
    if (extent < 0)
      width = 0;
    else if (__builtin_mul_overflow(count, static_cast<uint64_t>(extent),
                                    &count))
      count = std::numeric_limits<uint64_t>::max() / 8;
  }
  if (width == 0)
    return bytes.fail(entry.bytes.offset(),
                      "has elements of no tensor of a known size");
  uint64_t bytesEach = (width + 7) / 8;
  bool isOne = elements.size() == bytesEach;
  bool fits =
      elements.size() % bytesEach == 0 &&
      elements.size() / bytesEach == (width == 1 ? (count + 7) / 8 : count);
  if (isOne && width == 1)
    isOne = elements[0] == 0 || elements[0] == '\xff';
  if (!fits && !isOne)
    bytes.fail(entry.bytes.offset(), "has ", elements.size(), " bytes for ",
               count, " elements of ", width, " bits");
}

/// MLIR goes on forever if an entry holds itself, and recurses over others.
void Entries::checkNesting() {
  constexpr unsigned unknown = 0, open = ~0u;
  std::vector<unsigned> depths(all.size(), unknown);
  std::vector<std::pair<uint32_t, size_t>> stack; // an entry, its next part
  for (uint32_t root = 0; root < all.size(); ++root) {
    if (depths[root] == unknown)
      stack.emplace_back(root, 0);
    while (!stack.empty() && !bytes.failed()) {
      auto &[index, next] = stack.back();
      const Entry &entry = all[index];
      if (next == 0)
        depths[index] = open;
      if (next < entry.parts.size()) {
        uint32_t part = entry.parts[next++];
        if (depths[part] == open)
          bytes.fail(entry.bytes.offset(), "has an entry that holds itself");
        else if (depths[part] == unknown)
          stack.emplace_back(part, 0);
        continue;
      }
      unsigned depth = 1;
      for (uint32_t part : entry.parts)
        depth = std::max(depth, depths[part] + 1);
      if (depth > maxNesting)
        bytes.fail(entry.bytes.offset(),
                   "has attributes that nest deeper than ", maxNesting,
                   " levels");
      depths[index] = depth;
      stack.pop_back();
    }
    if (bytes.failed())
      return;
  }
}

} // namespace

void checkEntries(Cursor offsets, Cursor entries, Sizes &sizes) {
  if (!offsets.failed())
    Entries(offsets, entries, sizes).check();
}

} // namespace asgc::bytecode
