//===- TensorProtoTest.cpp - Tensors in ONNX's protobuf format ------------===//
#include "asgc/Data.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace asgc;

static Result<Array> parse(std::string_view bytes) {
  return parseTensorProto(std::as_bytes(std::span(bytes)), "t.pb");
}

static std::vector<double> numbers(const Array &array) {
  std::vector<double> out(size_t(array.elements()));
  loadElements(array.type, array.data.data(), 0, out);
  return out;
}

using namespace std::string_view_literals;

TEST_SUITE("TensorProto") {
  // What protobuf's own serializer writes for dims [2], FLOAT, float_data.
  TEST_CASE("packed floats and a name are read") {
    auto array = parse("\x0a\x01\x02\x10\x01\x22\x08\x00\x00\x80\x3f\x00\x00"
                       "\x00\xc0\x42\x01x"sv);
    REQUIRE(array);
    CHECK(array->type == ElementType::F32);
    CHECK(array->shape == std::vector<int64_t>{2});
    CHECK(numbers(*array) == std::vector<double>{1.0, -2.0});
  }
  TEST_CASE("dims one by one and raw data are read") {
    auto array = parse("\x08\x01\x08\x02\x10\x07\x4a\x10\x05\x00\x00\x00\x00"
                       "\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"sv);
    REQUIRE(array);
    CHECK(array->shape == std::vector<int64_t>{1, 2});
    CHECK(numbers(*array) == std::vector<double>{5, -1});
  }
  TEST_CASE("negative int32_data, bool and f16 bits are narrowed") {
    auto ints = parse("\x08\x01\x10\x06\x28\xfd\xff\xff\xff\xff\xff\xff\xff\xff"
                      "\x01"sv);
    REQUIRE(ints);
    CHECK(numbers(*ints) == std::vector<double>{-3});
    auto half = parse("\x08\x01\x10\x0a\x2a\x02\x80\x78"sv); // 0x3c00
    REQUIRE(half);
    CHECK(numbers(*half) == std::vector<double>{1});
  }
  TEST_CASE("too few, truncated and unknown are refused with the offset") {
    auto few = parse("\x08\x02\x10\x01\x25\x00\x00\x80\x3f"sv);
    REQUIRE(!few);
    CHECK(few.fault().message.find("[2] of f32 needs 8 bytes, the file holds 4") !=
          std::string::npos);
    auto cut = parse("\x08\x02\x10\x01\x4a\x10\x00"sv);
    REQUIRE(!cut);
    CHECK(cut.fault().message.find("a field of 16 bytes, but 1 are left "
                                   "(offset 6)") != std::string::npos);
    auto text = parse("\x08\x01\x10\x08"sv);
    REQUIRE(!text);
    CHECK(text.fault().kind == FaultKind::Unsupported);
    auto huge = parse("\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x10\x01"sv);
    CHECK(!huge);
  }
}
