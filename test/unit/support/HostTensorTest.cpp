//===- HostTensorTest.cpp - Elements as they are stored -------------------===//
#include "asgc/HostTensor.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using namespace asgc;

namespace {
bool isSame(double left, double right) {
  return left == right || (std::isnan(left) && std::isnan(right));
}

/// Doubles of every magnitude, with many that lie halfway between narrow floats.
double drawDouble(std::mt19937_64 &random) {
  double value = std::bit_cast<double>(random());
  switch (random() % 4) {
  case 0:
    return value;
  case 1:
    return std::ldexp(static_cast<double>(random() % 8192), int(random() % 60) - 40);
  case 2:
    return std::ldexp(static_cast<double>(random() % 1024) + 0.5, int(random() % 40) - 30);
  default:
    return std::ldexp(1.0 + std::ldexp(static_cast<double>(random()), -64),
                      int(random() % 50) - 30);
  }
}
} // namespace

TEST_SUITE("host tensors") {
  TEST_CASE("f16 widens as the compiler's _Float16 does") {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      auto expected = static_cast<double>(
          std::bit_cast<_Float16>(static_cast<uint16_t>(bits)));
      if (!isSame(widenF16(static_cast<uint16_t>(bits)), expected))
        FAIL("bits " << bits);
    }
  }

  TEST_CASE("f64 rounds to f16 as the compiler's _Float16 does") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 300000; ++i) {
      double value = drawDouble(random);
      double expected = static_cast<double>(static_cast<_Float16>(value));
      if (!isSame(widenF16(roundToF16(value)), expected))
        FAIL("value " << value << " gives " << widenF16(roundToF16(value))
                      << ", not " << expected);
    }
  }

  TEST_CASE("an f32 rounds to the bf16 that its upper bits name") {
    std::mt19937_64 random(2);
    for (int i = 0; i < 300000; ++i) {
      auto bits = static_cast<uint32_t>(random());
      float value = std::bit_cast<float>(bits);
      if (std::isnan(value))
        continue;
      // Adding just under half a unit, plus one if the kept part is odd, carries
      // exactly when rounding to nearest even goes up.
      auto expected =
          static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
      if (roundToBF16(value) != expected)
        FAIL("value " << value);
      if (!isSame(widenBF16(expected),
                  std::bit_cast<float>(static_cast<uint32_t>(expected) << 16)))
        FAIL("bits " << expected);
    }
  }

  TEST_CASE("f64 reaches bf16 without being rounded twice") {
    // Just above halfway between 1 and 1 + 2⁻⁷; f32 would land on halfway.
    double value = 1 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40);
    CHECK(widenBF16(roundToBF16(value)) == 1 + std::ldexp(1.0, -7));
    CHECK(std::isnan(widenBF16(roundToBF16(std::nan("")))));
    CHECK(std::isinf(widenF16(roundToF16(65520.0))));
    CHECK(widenF16(roundToF16(65519.0)) == 65504.0);
  }

  TEST_CASE("integers saturate, truncate, and make 0 of NaN") {
    CHECK(roundTo(DType::I8, 127.9) == 127);
    CHECK(roundTo(DType::I8, 128.0) == 127);
    CHECK(roundTo(DType::I8, -1.9) == -1);
    CHECK(roundTo(DType::I8, -1e30) == -128);
    CHECK(roundTo(DType::I32, 2147483647.5) == 2147483647.0);
    CHECK(roundTo(DType::I32, std::nan("")) == 0);
    auto tensor = HostTensor::make(DType::I64, {1});
    REQUIRE(tensor);
    tensor->set(0, 1e30);
    CHECK(tensor->getInteger(0) == std::numeric_limits<int64_t>::max());
    CHECK(wrapTo(DType::I8, 200) == -56);
    CHECK(roundTo(DType::Bool, -0.5) == 1);
  }

  TEST_CASE("impossible shapes are refused") {
    CHECK(!HostTensor::make(DType::F32, {-1}));
    CHECK(!HostTensor::make(DType::F32, {int64_t(1) << 40, int64_t(1) << 40}));
    CHECK(!HostTensor::make(DType::F32, {0, int64_t(1) << 62, 4}));
    auto empty = HostTensor::make(DType::BF16, {0, 7});
    REQUIRE(empty);
    CHECK(empty->numElements() == 0);
    CHECK(empty->describe() == "bf16[0, 7]");
  }
}
