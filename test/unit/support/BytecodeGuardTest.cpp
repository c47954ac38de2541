//===- BytecodeGuardTest.cpp - Files of bytecode with wild numbers --------===//
#include "asgc/BytecodeGuard.h"

#include <doctest/doctest.h>

#include <vector>

using namespace asgc;

namespace {

using Bytes = std::string;

/// As MLIR writes it: in one byte where 7 bits are enough, else in nine.
Bytes number(uint64_t value) {
  if (value < 128)
    return Bytes(1, static_cast<char>(value << 1 | 1));
  Bytes result(1, '\0');
  for (int i = 0; i < 8; ++i)
    result += static_cast<char>(value >> (8 * i));
  return result;
}

Bytes numbers(const std::vector<uint64_t> &values) {
  Bytes result;
  for (uint64_t value : values)
    result += number(value);
  return result;
}

Bytes section(uint8_t kind, const Bytes &body) {
  return Bytes(1, static_cast<char>(kind)) + number(body.size()) + body;
}

constexpr uint64_t kWild = 1ull << 40;

/// Why a file is refused; empty if it is not.
doctest::String errorOf(std::string_view bytes) {
  auto found = checkBytecode(bytes);
  return found ? found->message.c_str() : "";
}

/// A file of three strings, one dialect with one operation, two attributes and
/// two types: an array of the unit, the unit, tensor<2xi32>, i32.
struct File {
  Bytes strings = numbers({3, 7, 8, 2}) + Bytes("x\0builtin\0module\0", 17);
  Bytes dialects = numbers({1, 1 << 1, 1, 0, 1, 2 << 1 | 1});
  Bytes entries = numbers({0, 1, 1}) + numbers({7}) + numbers({13, 1, 4, 1}) +
                  numbers({0, 32 << 2});
  Bytes offsets = numbers({2, 2, 0, 2, 3 << 1 | 1, 1 << 1 | 1, //
                           0, 2, 4 << 1 | 1, 10 << 1 | 1});
  Bytes properties = numbers({1, 1, 0});
  Bytes ir = topOp(op(0, {}));

  /// One operation that holds `body` in one region of one block.
  static Bytes topOp(const Bytes &body, uint64_t values = 0, uint64_t ops = 1) {
    return numbers({1 << 1}) + numbers({0}) + Bytes(1, 16) +
           numbers({0, 1 << 1}) + numbers({1, values, ops << 1}) + body;
  }
  static Bytes op(uint8_t mask, const std::vector<uint64_t> &rest) {
    return number(0) + Bytes(1, static_cast<char>(mask)) + number(0) +
           numbers(rest);
  }

  Bytes bytes() const {
    return Bytes("ML\xefR") + number(6) + Bytes("test\0", 5) +
           section(0, strings) + section(1, dialects) + section(8, properties) +
           section(2, entries) + section(3, offsets) + section(4, ir);
  }
  doctest::String error() const { return errorOf(bytes()); }
};

/// doctest prints both if not.
doctest::Contains part(const char *text) { return doctest::Contains(text); }

} // namespace

TEST_SUITE("bytecode guard") {
  TEST_CASE("a small file passes") { CHECK(File().error() == ""); }

  TEST_CASE("what ends early or is no bytecode is refused at its place") {
    Bytes whole = File().bytes();
    for (size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(length);
      auto error = checkBytecode(std::string_view(whole).substr(0, length));
      REQUIRE(error);
      CHECK(error->offset <= length);
    }
    CHECK(errorOf("MLIR") == "is no MLIR bytecode");
    whole[4] = static_cast<char>(7 << 1 | 1);
    CHECK(errorOf(whole) == "is bytecode of version 7, asgc reads 6");
  }

  TEST_CASE("sections cannot be longer than the file, unknown or twice there") {
    Bytes head = Bytes("ML\xefR") + number(6) + Bytes("\0", 1);
    auto error = checkBytecode(head + Bytes(1, '\0') + number(1000) + "ab");
    REQUIRE(error);
    CHECK(error->message ==
          "claims 1000 bytes of a section, at most 2 are possible");
    CHECK(error->offset == head.size() + 1);
    CHECK(errorOf(head + section(9, "")) == part("section of kind 9"));
    CHECK(errorOf(head + section(0, "") + section(0, "")) ==
          part("a second section of strings"));
    CHECK(errorOf(head) == part("has no section of strings"));
    Bytes aligned = head + '\x80' + number(0);
    for (uint64_t alignment : {uint64_t(0), uint64_t(3), kWild})
      CHECK(errorOf(aligned + number(alignment)) == part("power of two"));
  }

  TEST_CASE("resources are refused, their empty sections are not") {
    Bytes whole = File().bytes();
    CHECK(errorOf(whole + section(5, "") + section(6, number(0))) == "");
    for (const Bytes &offsets : {number(1), number(kWild), numbers({0, 0})})
      CHECK(errorOf(whole + section(5, "") + section(6, offsets)) ==
            part("holds resources"));
    CHECK(errorOf(whole + section(5, "a") + section(6, number(0))) ==
          part("holds resources"));
  }

  TEST_CASE("wild numbers of strings are refused") {
    File file;
    file.strings = numbers({kWild, 7, 8, 2});
    CHECK(file.error() == part("claims 1099511627776 strings, at most"));
    file.strings = numbers({1, kWild}) + "x";
    CHECK(file.error() == part("bytes of a string, at most 1 are possible"));
    file.strings = numbers({1, 0}) + "x";
    CHECK(file.error() == part("a string of no bytes"));
    file.strings = numbers({1, 1}) + "xy";
    CHECK(file.error() == part("bytes after its strings"));
  }

  TEST_CASE("wild numbers of dialects and operation names are refused") {
    File file;
    file.dialects = numbers({kWild, 2});
    CHECK(file.error() == part("dialects, at most 1 are possible"));
    file.dialects = numbers({1, 2, kWild, 0, 1, 5});
    CHECK(file.error() == part("operation names, at most 3 are possible"));
    file.dialects = numbers({1, 2, 2, 0, 1, 5});
    CHECK(file.error() == part("claims 2 operation names, at most 1"));
    file.dialects = numbers({1, 2, 1, 0, kWild, 5});
    CHECK(file.error() == part("operation names, at most 1 are possible"));
    file.dialects = numbers({1, 2, 1, 1, 1, 5});
    CHECK(file.error() == part("names number 1 of 1 dialects"));
    file.dialects = numbers({1, 9 << 1, 0});
    CHECK(file.error() == part("names number 9 of 3 strings"));
  }

  TEST_CASE("wild numbers of attributes and types are refused") {
    File file;
    file.offsets = numbers({kWild, 2, 0, 2, 7, 3});
    CHECK(file.error() == part("attributes, at most 5 are possible"));
    file.offsets = numbers({0, kWild, 0, 2, 7, 3});
    CHECK(file.error() == part("types, at most 4 are possible"));
    file.offsets =
        numbers({2, 0, 0, 3, 7, 3, 3}); // MLIR would write past the end
    CHECK(file.error() == part("claims 3 attributes, at most 2 are possible"));
    file.offsets = numbers({1, 0, 0, 1, 40 << 1});
    CHECK(file.error() == part("claims 40 bytes of an entry"));
    file.offsets = numbers({0, 0, 0});
    CHECK(file.error() == part("sizes of no attribute"));
  }

  /// A file with one attribute of these bytes, and the types of File.
  auto withAttribute = [](const Bytes &attribute, const Bytes &type = {}) {
    File file;
    Bytes tensor = numbers({13, 1, 4, 1});
    Bytes element = type.empty() ? number(0) + number(32 << 2) : type;
    file.entries = attribute + tensor + element;
    file.offsets = numbers({1, 2, 0, 1, attribute.size() << 1 | 1, 0, 2,
                            tensor.size() << 1 | 1, element.size() << 1 | 1});
    return file.error();
  };

  TEST_CASE("attributes are refused for wild counts within them") {
    CHECK(withAttribute(numbers({0, 0})) == ""); // an empty array
    CHECK(withAttribute(numbers({0, kWild})) == part("parts, at most 0"));
    CHECK(withAttribute(numbers({1, kWild})) == part("parts, at most 0"));
    CHECK(withAttribute(numbers({12, kWild, 0})) == part("parts, at most 1"));
    CHECK(withAttribute(numbers({2, 3})) == part("number 3 of 3 strings"));
    CHECK(withAttribute(numbers({0, 1, 1})) ==
          part("number 1 of 1 attributes"));
    CHECK(withAttribute(numbers({6, 2})) == part("number 2 of 2 types"));
    CHECK(withAttribute(numbers({18, 0, kWild})) == part("bytes of elements"));
  }

  TEST_CASE("attributes are refused for kinds that MLIR reads without bounds") {
    for (uint64_t kind : {16, 19, 20, 21, 23})
      CHECK(withAttribute(number(kind)) == part("no file of asg has one"));
  }

  TEST_CASE("elements have the bytes that their type asks for") {
    CHECK(withAttribute(numbers({18, 0, 8}) + "abcdefgh") == "");
    CHECK(withAttribute(numbers({18, 0, 4}) + "abcd") == ""); // stands for both
    CHECK(withAttribute(numbers({18, 0, 5}) + "abcde") ==
          part("5 bytes for 2 elements of 32 bits"));
    CHECK(withAttribute(numbers({18, 1, 4}) + "abcd") == part("no tensor"));
    CHECK(withAttribute(numbers({17, 1, 2, 8}) + "abcdefgh") == "");
    CHECK(withAttribute(numbers({17, 1, 3, 8}) + "abcdefgh") ==
          part("has 3 elements of 4 bytes in 8 bytes"));
  }

  TEST_CASE("numbers are of a type that has such") {
    const Bytes f32 = number(5);
    CHECK(withAttribute(numbers({8, 0, 0})) == part("a type without one"));
    CHECK(withAttribute(numbers({8, 1, 0})) == "");
    CHECK(withAttribute(numbers({9, 1, 0})) == part("a type without one"));
    CHECK(withAttribute(numbers({9, 1, 0}), f32) == "");
    CHECK(withAttribute(numbers({8, 1, 0}), f32) == part("a type without one"));
  }

  TEST_CASE("types of no tensor that asg has are refused") {
    auto withType = [&](const Bytes &type) {
      return withAttribute(number(7), type);
    };
    CHECK(withType(number(5)) == ""); // f32
    CHECK(withType(number(0) + number(65 << 2)) == part("integers of 65 bits"));
    CHECK(withType(number(12)) == part("neither integers nor floats"));
    CHECK(withType(numbers({13, 1, 5, 1})) == part("neither integers"));
    CHECK(withType(numbers({2, kWild})) == part("parts, at most 0"));
    CHECK(withType(number(19)) == part("no file of asg has one"));
    File negative;
    negative.entries[6] = static_cast<char>(3 << 1 | 1); // −2
    CHECK(negative.error() == part("an extent of -2"));
  }

  TEST_CASE("attributes that hold themselves or nest too deep are refused") {
    File file;
    file.entries[2] = static_cast<char>(0 << 1 | 1);
    CHECK(file.error() == "has an entry that holds itself");
    for (size_t depth : {512, 513}) {
      File deep;
      deep.entries = number(7);
      deep.offsets = number(depth) + numbers({0, 0}) + number(depth);
      deep.offsets += number(1 << 1 | 1);
      for (size_t i = 1; i < depth; ++i) {
        Bytes array = numbers({0, 1}) + number(i - 1);
        deep.entries += array;
        deep.offsets += number(array.size() << 1 | 1);
      }
      CHECK((deep.error() == part("nest deeper than 512")) == (depth == 513));
    }
    File text;
    text.entries = Bytes(600, '[') + Bytes(1, '\0');
    text.offsets = numbers({1, 0, 0, 1}) + number(601 << 1);
    CHECK(text.error() == part("brackets nest deeper than 512"));
  }

  TEST_CASE("wild numbers of properties are refused") {
    File file;
    file.properties = numbers({kWild, 0});
    CHECK(file.error() == part("properties, at most 1 are possible"));
    file.properties = numbers({1, kWild});
    CHECK(file.error() == part("bytes of properties, at most 0"));
    file.properties = {};
    file.ir = File::topOp(File::op(64, {0}));
    CHECK(file.error() == part("names number 0 of 0 properties"));
  }

  TEST_CASE("wild numbers of an operation are refused") {
    auto withOp = [](uint8_t mask, const std::vector<uint64_t> &rest) {
      File file;
      bool hasResults = mask & 2 && rest[0] < kWild;
      file.ir = File::topOp(File::op(mask, rest), hasResults ? rest[0] : 0);
      return file.error();
    };
    CHECK(withOp(2, {1, 0}) == "");
    CHECK(withOp(2, {kWild, 0}) == part("results, at most 1 are possible"));
    CHECK(withOp(4, {kWild, 0}) == part("operands, at most 1 are possible"));
    CHECK(withOp(8, {kWild, 0}) == part("successors, at most 1 are possible"));
    CHECK(withOp(16, {kWild << 1}) == part("regions, at most 0 are possible"));
    CHECK(withOp(4, {1, 0}) == part("names number 0 of 0 values"));
    CHECK(withOp(8, {1, 1}) == part("names number 1 of 1 blocks"));
    CHECK(withOp(2, {1, 2}) == part("names number 2 of 2 types"));
    CHECK(withOp(34, {1, 0, kWild << 1}) == part("places of uses, at most 0"));
    CHECK(withOp(34, {2, 0, 0, kWild}) == part("orders of uses, at most 0"));
    CHECK(withOp(16, {1 << 1 | 1, 0}) ==
          part("ends in the middle of a number"));
  }

  TEST_CASE("wild numbers of a region are refused") {
    auto withRegion = [](const Bytes &region) {
      File file;
      file.ir =
          numbers({1 << 1, 0}) + Bytes(1, 16) + numbers({0, 1 << 1}) + region;
      return file.error();
    };
    CHECK(withRegion(numbers({1, 0, 0})) == "");
    CHECK(withRegion(numbers({kWild, 0, 0})) == part("blocks, at most 2"));
    CHECK(withRegion(numbers({1, kWild, 0})) == part("values, at most 1"));
    CHECK(withRegion(numbers({1, 1, 0})) == part("claims 1 values, at most 0"));
    CHECK(withRegion(numbers({1, 0, kWild << 1})) ==
          part("operations, at most 0"));
    CHECK(withRegion(numbers({1, 0, 1, kWild, 0})) ==
          part("arguments, at most 1"));
    CHECK(withRegion(numbers({1, 0, 1, 1, 0}) + Bytes(1, '\0')) ==
          part("claims 1 values, at most 0"));
    CHECK(withRegion(numbers({1, 1, 1, 1, 0}) + Bytes(1, '\0')) == "");
  }

  TEST_CASE("regions that nest too deep are refused") {
    for (int depth : {512, 513}) {
      File file;
      file.ir = number(1 << 1);
      for (int i = 0; i < depth; ++i)
        file.ir += File::op(16, {1 << 1, 1, 0, uint64_t(i + 1 < depth) << 1});
      CHECK((file.error() == part("regions that nest deeper")) ==
            (depth == 513));
    }
  }

  TEST_CASE("orders of uses that are not there are refused") {
    // A value, used by the next operation twice; the uses change their places.
    auto withOrder = [](uint64_t use) {
      File file;
      file.ir = File::topOp(File::op(34, {1, 0, 2 << 1 | 1, use, 0}) +
                                File::op(4, {2, 0, 0}),
                            1, 2);
      return file.error();
    };
    CHECK(withOrder(1) == "");
    CHECK(withOrder(2) == part("claims 3 uses of a value, at most 2"));
    CHECK(withOrder(1000) == part("claims 1001 uses of a value"));
    File file; // two values, of which the third has an order
    file.ir = File::topOp(File::op(34, {2, 0, 0, 1, 2, 0}), 2);
    CHECK(file.error() == part("names number 2 of 2 ordered values"));
  }

  TEST_CASE("no block outside of all regions has arguments") {
    File file;
    file.ir = numbers({1 << 1 | 1, 0}) + Bytes(1, '\0') + File::op(0, {});
    CHECK(file.error() == part("has arguments outside of all regions"));
  }
}
