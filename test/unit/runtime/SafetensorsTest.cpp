//===- SafetensorsTest.cpp - Reading and writing safetensors --------------===//
#include "asgc/safetensors.h"
#include "Samples.h"
#include <cstring>
#include <doctest/doctest.h>

using namespace asgc::test;

namespace {

std::string fileOf(const std::string &header, const std::string &data,
                   int64_t length = -1) {
  uint64_t size = length < 0 ? header.size() : uint64_t(length);
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &size, 8); // little-endian, as this machine
  return bytes + header + data;
}

/// The sentence for these bytes; "" if they are fine.
std::string faultOf(const std::string &bytes) {
  asgc_safetensors *file = nullptr;
  asgc_status status = asgc_safetensors_open_memory(
      bytes.data(), int64_t(bytes.size()), "w", &file);
  asgc_safetensors_close(file);
  if (status == ASGC_OK)
    return "";
  CHECK(status == ASGC_CORRUPT_FILE);
  CHECK(file == nullptr);
  return asgc_last_error();
}

std::string faultOf(const std::string &header, const std::string &data) {
  return faultOf(fileOf(header, data));
}

} // namespace

TEST_SUITE("safetensors") {
  TEST_CASE("what is written is read back, aligned") {
    TemporaryFolder folder;
    std::string path = folder / "w.safetensors";
    const int64_t three[] = {3}, twoByTwo[] = {2, 2}, none[] = {0, 5};
    const uint8_t flags[] = {1, 0, 1};
    const float numbers[] = {1, 2, 3, 4};
    const int64_t scalar = 42;
    const asgc_safetensors_source sources[] = {
        {"flags", three, flags, ASGC_BOOL, 1},
        {"naïve \"name\"\n", twoByTwo, numbers, ASGC_F32, 2},
        {"scalar", nullptr, &scalar, ASGC_I64, 0},
        {"empty", none, nullptr, ASGC_F16, 2},
    };
    const char *metadata[] = {"format", "pt", "note", "a\"b"};
    REQUIRE(asgc_safetensors_write(path.c_str(), sources, 4, metadata, 2) ==
            ASGC_OK);
    asgc_safetensors *file = nullptr;
    REQUIRE(asgc_safetensors_open(path.c_str(), &file) == ASGC_OK);
    CHECK(asgc_safetensors_count(file) == 4);
    asgc_safetensors_tensor tensor;
    REQUIRE(asgc_safetensors_find(file, "naïve \"name\"\n", &tensor) ==
            ASGC_OK);
    CHECK(tensor.dtype == ASGC_F32);
    CHECK(std::string(tensor.dtype_name) == "F32");
    CHECK(tensor.rank == 2);
    CHECK(tensor.dims[1] == 2);
    CHECK(tensor.bytes == 16);
    CHECK(std::memcmp(tensor.data, numbers, 16) == 0);
    CHECK(reinterpret_cast<uintptr_t>(tensor.data) % 4 == 0);
    REQUIRE(asgc_safetensors_find(file, "scalar", &tensor) == ASGC_OK);
    CHECK(reinterpret_cast<uintptr_t>(tensor.data) % 64 == 0);
    CHECK(std::memcmp(tensor.data, &scalar, 8) == 0);
    REQUIRE(asgc_safetensors_find(file, "empty", &tensor) == ASGC_OK);
    CHECK(tensor.bytes == 0);
    CHECK(asgc_safetensors_find(file, "other", &tensor) == ASGC_NOT_FOUND);
    REQUIRE(asgc_safetensors_get(file, 0, &tensor) == ASGC_OK);
    CHECK(std::string(tensor.name) == "scalar"); // widest first
    CHECK(asgc_safetensors_get(file, 4, &tensor) == ASGC_NOT_FOUND);
    CHECK(std::string(asgc_safetensors_metadata(file, "note")) == "a\"b");
    CHECK(asgc_safetensors_metadata(file, "other") == nullptr);
    const char *key = nullptr, *value = nullptr;
    CHECK(asgc_safetensors_metadata_count(file) == 2);
    REQUIRE(asgc_safetensors_metadata_at(file, 0, &key, &value) == ASGC_OK);
    CHECK(std::string(key) == "format");
    CHECK(std::string(value) == "pt");
    asgc_safetensors_close(file);
  }

  TEST_CASE("the header's length is checked before it is used") {
    CHECK(faultOf("") == "w: expected the 8 bytes of a header length, got 0 "
                         "(offset 0)");
    CHECK(faultOf(fileOf("{}", "", 3)) ==
          "w: header of 3 bytes reaches beyond the file of 10 (offset 0)");
    CHECK(faultOf(fileOf("{}", "", INT64_MAX)) ==
          "w: header of 9223372036854775807 bytes is longer than the allowed "
          "100000000 (offset 0)");
    CHECK(faultOf("{}", "") == "");
    CHECK(faultOf("{}   ", "") == "");
  }

  TEST_CASE("the header must be JSON of the right form") {
    CHECK(faultOf("{", "") ==
          "w: header is not JSON: expected a key (offset 9)");
    CHECK(faultOf("[]", "") == "w: header is not a JSON object (offset 8)");
    CHECK(faultOf(R"({"a": 1})", "") ==
          "w: tensor \"a\" is not an object (offset 14)");
    CHECK(faultOf(R"({"a": {}})", "") ==
          "w: tensor \"a\" has no dtype (offset 14)");
    CHECK(faultOf(R"({"a": {"dtype": "F31"}})", "") ==
          "w: tensor \"a\" has the unknown dtype \"F31\" (offset 24)");
    CHECK(faultOf(R"({"a": {"dtype": "F32"}})", "") ==
          "w: tensor \"a\" has no shape (offset 14)");
    CHECK(faultOf(R"({"a": {"dtype": "F32", "shape": [-1]}})", "") ==
          "w: tensor \"a\" has an extent that is no size (offset 41)");
    CHECK(faultOf(R"({"a": {"dtype": "F32", "shape": [1]}})", "") ==
          "w: tensor \"a\" has no data_offsets (offset 14)");
    CHECK(faultOf(R"({"__metadata__": {"a": 1}})", "") ==
          "w: metadata \"a\" is not a string (offset 31)");
    CHECK(faultOf(R"({"a\u0000b": {}})", "") ==
          "w: tensor name \"a\\u0000b\" holds a zero byte (offset 21)");
    CHECK(faultOf(std::string(50, '['), "").find("nested deeper than 8") !=
          std::string::npos);
  }

  TEST_CASE("sizes may not overflow or lie outside of the data") {
    auto one = [](const std::string &shape, const std::string &offsets) {
      return R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" +
             offsets + "}}";
    };
    CHECK(faultOf(one("[1]", "[0,4]"), "1234") == "");
    CHECK(faultOf(one("[]", "[0,4]"), "1234") == "");
    CHECK(faultOf(one("[1]", "[0,8]"), "1234")
              .find("\"a\" lies at 0 to 8 of 4 bytes of data") !=
          std::string::npos);
    CHECK(faultOf(one("[1]", "[4,0]"), "1234").find("lies at 4 to 0") !=
          std::string::npos);
    CHECK(faultOf(one("[1]", "[0,3]"), "123")
              .find("has 3 bytes, its shape needs 1 x 4") != std::string::npos);
    CHECK(faultOf(one("[4611686018427387904]", "[0,0]"), "")
              .find("has 0 bytes, its shape needs") != std::string::npos);
    CHECK(faultOf(one("[4294967296,4294967296,0]", "[0,0]"), "")
              .find("is too large") != std::string::npos);
    CHECK(faultOf(one("[1]", "[0,1e3]"), "1234").find("invalid data offset") !=
          std::string::npos);
    CHECK(faultOf(one("[1]", "[0]"), "1234").find("no data_offsets") !=
          std::string::npos);
  }

  TEST_CASE("tensors cover the data without overlap or gap") {
    auto two = [](const std::string &first, const std::string &second) {
      return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
             R"(},"b":{"dtype":"I8","shape":[4],"data_offsets":)" + second +
             "}}";
    };
    CHECK(faultOf(two("[4,8]", "[0,4]"), "12345678") == "");
    CHECK(faultOf(two("[0,4]", "[2,6]"), "123456")
              .find("\"b\" overlaps the one before it") != std::string::npos);
    CHECK(faultOf(two("[0,4]", "[6,10]"), "1234567890")
              .find("\"b\" leaves a gap before it") != std::string::npos);
    CHECK(faultOf(two("[0,4]", "[4,8]"), "123456789")
              .find("1 bytes after the last tensor") != std::string::npos);
  }

  TEST_CASE("files that are none are named with the reason") {
    TemporaryFolder folder;
    asgc_safetensors *file = nullptr;
    std::string missing = folder / "none";
    CHECK(asgc_safetensors_open(missing.c_str(), &file) == ASGC_IO_ERROR);
    CHECK(std::string(asgc_last_error()) ==
          "cannot read '" + missing + "': No such file or directory");
    CHECK(asgc_safetensors_open(folder.path.c_str(), &file) == ASGC_IO_ERROR);
    CHECK(asgc_safetensors_open("/dev/zero", &file) == ASGC_IO_ERROR);
    std::string empty = folder / "empty";
    writeFile(empty, "");
    CHECK(asgc_safetensors_open(empty.c_str(), &file) == ASGC_CORRUPT_FILE);
    CHECK(file == nullptr);
  }

  TEST_CASE("the writer refuses what it could not read back") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    const int64_t dims[] = {2}, negative[] = {-1};
    const float data[] = {1, 2};
    auto write = [&](std::vector<asgc_safetensors_source> sources) {
      asgc_status status = asgc_safetensors_write(
          path.c_str(), sources.data(), int64_t(sources.size()), nullptr, 0);
      CHECK(folder.size() == 0);
      return status == ASGC_INVALID_ARGUMENT ? asgc_last_error() : "";
    };
    std::string prefix = "cannot write '" + path + "': ";
    CHECK(write({{"a", dims, data, ASGC_F32, 1}, {"a", dims, data, 0, 1}}) ==
          prefix + "there are two tensors 'a'");
    CHECK(write({{"a", negative, data, ASGC_F32, 1}}) ==
          prefix + "tensor 'a' has an invalid extent -1");
    CHECK(write({{"a", dims, nullptr, ASGC_F32, 1}}) ==
          prefix + "tensor 'a' has no data");
    // What is read while it is written can fail halfway.
    auto readFirst = [](void *values, int64_t index) -> const void * {
      return index == 0 ? values : nullptr;
    };
    const asgc_safetensors_source two[] = {{"a", dims, nullptr, ASGC_F32, 1},
                                           {"b", dims, nullptr, ASGC_F32, 1}};
    CHECK(asgc_safetensors_write_from(path.c_str(), two, 2, nullptr, 0,
                                      readFirst, const_cast<float *>(data)) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(asgc_last_error() == prefix + "tensor 'b' has no data");
    CHECK(folder.size() == 0);
    CHECK(write({{"a", dims, data, 17, 1}}) ==
          prefix + "tensor 'a' has dtype 17, which the format lacks");
    CHECK(write({{"\xff", dims, data, ASGC_F32, 1}}) ==
          prefix + "a tensor's name is null or not UTF-8");
    CHECK(write({{"__metadata__", dims, data, ASGC_F32, 1}}) ==
          prefix + "no tensor can be called '__metadata__'");
  }
}
