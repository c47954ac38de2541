//===- ArrayTest.cpp - .npy, .npz and IDX files ---------------------------===//
#include "TempFolder.h"

#include "asgc/Data.h"
#include "asgc/Weights.h"

#include <cmath>
#include <doctest/doctest.h>
#include <limits>

using namespace asgc;
using asgc::test::TempFolder;
using namespace std::string_literals;

namespace {
std::string fixture(const std::string &name) {
  return ASGC_FIXTURES "/" + name;
}

std::vector<double> valuesOf(const Array &array) {
  std::vector<double> values(size_t(array.elements()));
  loadElements(array.type, array.data.data(), 0, values);
  return values;
}

std::string npyError(std::string_view file) {
  Result<Array> array =
      parseNpy(std::as_bytes(std::span(file.data(), file.size())), "a.npy");
  return array ? "" : array.fault().message;
}

/// A version 1 file with this dictionary and these data.
std::string npy(const std::string &dictionary, const std::string &data) {
  return "\x93NUMPY\x01\x00"s + char(dictionary.size() & 0xff) +
         char(dictionary.size() >> 8) + dictionary + data;
}
} // namespace

TEST_SUITE("npy") {
  TEST_CASE("arrays as numpy writes them") {
    struct Case {
      const char *file;
      ElementType type;
      std::vector<int64_t> shape;
      std::vector<double> values;
    };
    const Case cases[] = {
        {"f4_fortran.npy",
         ElementType::F32,
         {3, 4},
         {0, .5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5}},
        {"f2.npy",
         ElementType::F16,
         {8},
         {0, 1, -2.5, 65504, 5.960464477539063e-08, 6.097555160522461e-05,
          0.333251953125, -0.0}},
        {"f8_big_endian.npy", ElementType::F64, {2, 2}, {1.5, -2.25, 1e300, 3}},
        {"i2_big_endian.npy", ElementType::I16, {3}, {1, -2, 32767}},
        {"b1.npy", ElementType::Bool, {1, 3}, {1, 0, 1}},
        {"version2.npy", ElementType::U8, {3}, {1, 2, 3}},
        {"empty.npy", ElementType::I32, {0, 3}, {}},
    };
    for (const Case &c : cases) {
      CAPTURE(c.file);
      Result<Array> array = readNpy(fixture(c.file));
      REQUIRE(array);
      CHECK(array->type == c.type);
      CHECK(array->shape == c.shape);
      CHECK(valuesOf(*array) == c.values);
    }
    Result<Array> cube = readNpy(fixture("i8_3d_fortran.npy"));
    REQUIRE(cube);
    CHECK(cube->shape == std::vector<int64_t>{2, 3, 4});
    std::vector<double> expected(24);
    for (int i = 0; i < 24; ++i)
      expected[size_t(i)] = i;
    CHECK(valuesOf(*cube) == expected);
    Result<Array> scalar = readNpy(fixture("u8_scalar.npy"));
    REQUIRE(scalar);
    CHECK(scalar->shape.empty());
    CHECK(*reinterpret_cast<const uint64_t *>(scalar->data.data()) ==
          (uint64_t(1) << 63) + 5);
  }

  TEST_CASE("what is written is what numpy writes") {
    for (const char *name :
         {"version2.npy", "b1.npy", "f2.npy", "empty.npy", "u8_scalar.npy"}) {
      CAPTURE(name);
      Result<Array> array = readNpy(fixture(name));
      REQUIRE(array);
      TempFolder folder;
      REQUIRE(!writeNpy(folder / "a.npy", *array));
      Result<Array> again = readNpy(folder / "a.npy");
      REQUIRE(again);
      CHECK(again->shape == array->shape);
      CHECK(again->data == array->data);
      // numpy 1.24 pads so that the data start at a multiple of 64, as we do.
      std::string ours = folder.read("a.npy");
      CHECK((ours.size() - array->data.size()) % 64 == 0);
    }
  }

  TEST_CASE("a folder that is not there fails, and nothing is written") {
    Array array{ElementType::U8, {1}, {std::byte{7}}};
    MaybeFault fault = writeNpy("/nonexistent/a.npy", array);
    REQUIRE(fault);
    CHECK(fault->kind == FaultKind::Environment);
    CHECK(fault->message.find("/nonexistent/a.npy") != std::string::npos);
  }

  TEST_CASE("types without numbers are not supported") {
    for (const char *name : {"object.npy", "record.npy", "complex.npy"}) {
      CAPTURE(name);
      Result<Array> array = readNpy(fixture(name));
      REQUIRE(!array);
      CHECK(array.fault().kind == FaultKind::Unsupported);
    }
  }

  TEST_CASE("malformed files say where") {
    const std::string good =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    REQUIRE(npyError(npy(good, std::string(8, 0))) == "");
    CHECK(npyError("NUMPY") == "a.npy: expected a .npy file (93 4e 55 4d 50 "
                               "59), found \"NUMPY\" (offset 0)");
    CHECK(npyError("\x93NUMPY\x01\x00\x01"s) ==
          "a.npy: the header is truncated (offset 9)");
    CHECK(npyError("\x93NUMPY\x07\x00\x01\x00"s) ==
          "a.npy: version 7.0 of the .npy format is not supported; expected 1 "
          "to 3");
    CHECK(npyError("\x93NUMPY\x01\x00\x40\x00{'d"s) ==
          "a.npy: expected a header of 64 bytes, found 3 (offset 8)");
    CHECK(npyError("\x93NUMPY\x02\x00\xff\xff\xff\x7f{"s) ==
          "a.npy: expected a header of at most 65536 bytes, found a length of "
          "2147483647 (offset 8)");
    CHECK(npyError(npy(good, std::string(7, 0))) ==
          "a.npy: expected 8 bytes for [2] of f32, found 7 (offset 68)");
    CHECK(npyError(npy(good, std::string(9, 0))) ==
          "a.npy: expected 8 bytes for [2] of f32, found 9 (offset 68)");
  }

  TEST_CASE("malformed dictionaries say where") {
    auto wrong = [](const std::string &dictionary) {
      return npyError(npy(dictionary, std::string(8, 0)));
    };
    CHECK(wrong("{'descr': '<f4', 'fortran_order': False}") ==
          "a.npy: expected 'descr', 'fortran_order' and 'shape' in the header, "
          "found its end (offset 50)");
    CHECK(wrong("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}") ==
          "a.npy: expected True or False in the header, found \"0, 'shape': "
          "(2,)\" (offset 44)");
    CHECK(wrong("{'descr': '<f9', 'fortran_order': False, 'shape': (2,)}") ==
          "a.npy: expected an element type such as '<f4' in the header, found "
          "\"'<f9', 'fortran_\" (offset 20)");
    CHECK(wrong("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}") ==
          "a.npy: expected one each of 'descr', 'fortran_order' and 'shape' in "
          "the header, found \"'descr': '<f4', \" (offset 27)");
    CHECK(wrong("{'shape': (-2,)}").find("expected an extent in the header") !=
          std::string::npos);
    CHECK(wrong("{'shape': (99999999999999999999,)}")
              .find("expected an extent that fits 63 bits") !=
          std::string::npos);
    CHECK(wrong("{'descr': '<f4', 'fortran_order': False, 'shape': "
                "(4611686018427387904, 2)}") ==
          "a.npy: the shape [4611686018427387904, 2] overflows (offset 10)");
    // A zero does not hide an overflow.
    CHECK(wrong("{'descr': '<f4', 'fortran_order': False, 'shape': "
                "(4611686018427387904, 8, 0)}")
              .find("overflows") != std::string::npos);
    CHECK(wrong("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x")
              .find("expected nothing after the dictionary") !=
          std::string::npos);
  }
}

TEST_SUITE("npz") {
  TEST_CASE("archives as numpy writes them") {
    Result<std::vector<NamedArray>> arrays = readNpz(fixture("stored.npz"));
    REQUIRE(arrays);
    REQUIRE(arrays->size() == 2);
    CHECK(arrays->at(0).name == "x");
    CHECK(valuesOf(arrays->at(0).array) == std::vector<double>{1, 2, 3, 4});
    CHECK(arrays->at(1).name == "y");
    CHECK(valuesOf(arrays->at(1).array) == std::vector<double>{0.5, 1.5});
  }

  TEST_CASE("weights lie in the file unless they are deflated") {
    auto firstOf = [](const std::string &path) {
      auto file = openWeights(path);
      REQUIRE(file);
      auto bytes = (*file)->read(0);
      REQUIRE(bytes);
      Array array{*(*file)->tensors()[0].type,
                  (*file)->tensors()[0].shape,
                  {bytes->begin(), bytes->end()}};
      return std::pair((*file)->isMapped(0), valuesOf(array));
    };
    CHECK(firstOf(fixture("stored.npz")) ==
          std::pair(true, std::vector<double>{1, 2, 3, 4}));
    auto [isMapped, values] = firstOf(fixture("pair.npz"));
    CHECK(!isMapped);
    auto arrays = readNpz(fixture("pair.npz"));
    REQUIRE(arrays);
    CHECK(values == valuesOf(arrays->at(0).array));
  }

  TEST_CASE("a data set takes two arrays by name") {
    DataRecipe recipe;
    recipe.format = DataFormat::Npz;
    recipe.path = fixture("pair.npz");
    recipe.split = 1.0;
    Result<DataSplit> split = loadData(recipe, "");
    REQUIRE(split);
    CHECK(split->train.data->items == 5);
    CHECK(split->train.data->find("features")->itemShape ==
          std::vector<int64_t>{4});
    recipe.path = fixture("stored.npz");
    split = loadData(recipe, "");
    REQUIRE(!split);
    CHECK(split.fault().message ==
          fixture("stored.npz") +
              ": expected an array \"features\" (features), found \"x\", "
              "\"y\"");
  }

  TEST_CASE("damage is found") {
    TempFolder folder;
    folder.write("a.npz", "PK\x03\x04 no archive");
    Result<std::vector<NamedArray>> arrays = readNpz(folder / "a.npz");
    REQUIRE(!arrays);
    CHECK(arrays.fault().message.starts_with(
        folder / "a.npz: expected a zip archive of .npy files: "));
    // A flipped bit in stored data breaks the checksum.
    std::string bytes = [] {
      std::ifstream file(fixture("stored.npz"), std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    size_t data = bytes.find("\x01\x02\x03\x04"s);
    REQUIRE(data != std::string::npos);
    bytes[data] ^= 1;
    folder.write("a.npz", bytes);
    arrays = readNpz(folder / "a.npz");
    REQUIRE(!arrays);
    CHECK(arrays.fault().kind == FaultKind::Input);
    CHECK(arrays.fault().message.find("a.npz[\"x\"]: ") != std::string::npos);
    auto weights = openWeights(folder / "a.npz");
    REQUIRE(!weights);
    CHECK(weights.fault().message == arrays.fault().message);
  }
}

TEST_SUITE("idx") {
  TEST_CASE("bytes, and big-endian numbers of several bytes") {
    TempFolder folder;
    folder.write("a",
                 "\0\0\x08\x02\0\0\0\x02\0\0\0\x03\x01\x02\x03\xff\x05\x06"s);
    Result<Array> array = readIdx(folder / "a");
    REQUIRE(array);
    CHECK(array->type == ElementType::U8);
    CHECK(array->shape == std::vector<int64_t>{2, 3});
    CHECK(valuesOf(*array) == std::vector<double>{1, 2, 3, 255, 5, 6});
    folder.writeGzip("b.gz", "\0\0\x0b\x01\0\0\0\x02\x01\x02\xff\xfe"s);
    array = readIdx(folder / "b.gz");
    REQUIRE(array);
    CHECK(valuesOf(*array) == std::vector<double>{258, -2});
    folder.write("c", "\0\0\x0d\x01\0\0\0\x01\x3f\xc0\0\0"s);
    array = readIdx(folder / "c");
    REQUIRE(array);
    CHECK(valuesOf(*array) == std::vector<double>{1.5});
  }

  TEST_CASE("malformed files say where") {
    struct Case {
      std::string content;
      const char *message;
    };
    const Case cases[] = {
        {"\0\0"s, ": expected an IDX header of at least 4 bytes, found 2 "
                  "(offset 0)"},
        {"\x89PNG"s, ": expected an IDX header (00 00, a type from 08 to 0e, "
                     "the rank), found 89 50 4e 47 (offset 0)"},
        {"\0\0\x08\0"s, ": expected a rank from 1 to 8, found 0 (offset 3)"},
        {"\0\0\x08\x02\0\0\0\x02\0"s,
         ": expected 2 extents of 4 bytes, found the end of the file (offset "
         "9)"},
        {"\0\0\x08\x01\0\0\0\x03\x01\x02"s,
         ": expected 3 bytes for [3] of u8, found 2 (offset 8)"},
        {"\0\0\x08\x01\0\0\0\x01\x01\x02"s,
         ": expected 1 bytes for [1] of u8, found 2 (offset 8)"},
        {"\0\0\x0e\x02\xff\xff\xff\xff\xff\xff\xff\xff"s,
         ": the extents [4294967295, 4294967295] overflow (offset 4)"},
        // 16 GiB are announced: nothing of it is allocated.
        {"\0\0\x0d\x01\xff\xff\xff\xff"s,
         ": expected 17179869180 bytes for [4294967295] of f32, found 0 "
         "(offset 8)"},
    };
    for (const Case &c : cases) {
      TempFolder folder;
      folder.write("a", c.content);
      Result<Array> array = readIdx(folder / "a");
      REQUIRE(!array);
      CHECK(array.fault().message == folder / "a" + c.message);
    }
    TempFolder folder;
    folder.writeGzip("a.gz", "\0\0\x0d\x01\xff\xff\xff\xffxy"s);
    Result<Array> array = readIdx(folder / "a.gz");
    REQUIRE(!array);
    CHECK(array.fault().message ==
          folder / "a.gz: expected 17179869180 bytes for [4294967295] of f32, "
                   "found 2 (offset 8)");
  }
}

TEST_SUITE("element types") {
  TEST_CASE("every f16 and bf16 pattern survives, NaN aside") {
    for (ElementType type : {ElementType::F16, ElementType::BF16})
      for (uint32_t bits = 0; bits < 65536; ++bits) {
        uint16_t in = uint16_t(bits), out = 0;
        double value[1];
        loadElements(type, reinterpret_cast<std::byte *>(&in), 0, value);
        storeElements(type, value, reinterpret_cast<std::byte *>(&out));
        if (std::isnan(value[0]))
          continue;
        REQUIRE(in == out);
      }
  }

  TEST_CASE("rounding to f16 is to nearest, ties to even") {
    auto rounded = [](double value) {
      std::byte bytes[2];
      double out[1] = {value};
      storeElements(ElementType::F16, out, bytes);
      loadElements(ElementType::F16, bytes, 0, out);
      return out[0];
    };
    CHECK(rounded(1.0 + 1.0 / 2048) == 1.0);
    CHECK(rounded(1.0 + 3.0 / 2048) == 1.0 + 2.0 / 1024);
    CHECK(rounded(1.0 + 1.0000001 / 2048) == 1.0 + 1.0 / 1024);
    CHECK(rounded(65519.99) == 65504.0);
    CHECK(rounded(65520.0) == std::numeric_limits<double>::infinity());
    CHECK(rounded(std::ldexp(1.0, -25)) == 0.0);
    CHECK(rounded(std::ldexp(1.0000001, -25)) == std::ldexp(1.0, -24));
  }
}
