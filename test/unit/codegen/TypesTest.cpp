//===- TypesTest.cpp - Element types and scalar ops -----------------------===//
#include "Harness.h"
#include "Samples.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <random>

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr int64_t kCount = 1003;

/// Runs `body` with %0 (and %1) of type `from` on all elements.
std::vector<std::vector<Tensor>> runBody(const std::string &body, const char *from,
                                         const char *to, const char *result,
                                         const Tensor &x, const Tensor &y,
                                         int32_t dtype) {
  Compiled compiled(fill(R"(
    plan.program @f inputs("x" %x : tensor<1003x$F>, "y" %y : tensor<1003x$F>)
        outputs("z" %z : tensor<1003x$T>) {
      plan.kernel "k" map space [1003]
          (%0 = %x at [1] : tensor<1003x$F>, %1 = %y at [1] : tensor<1003x$F>)
          -> (%z at [1] : tensor<1003x$T>) {
        $BODY
        plan.yield %r : $R
      }
    }
  )", {{"BODY", body}, {"F", from}, {"T", to}, {"R", result}}));
  return runAll(compiled, "f", {x, y}, {Tensor(dtype, {kCount})});
}

template <typename T> Tensor integers(int32_t dtype, uint32_t seed) {
  Tensor tensor(dtype, {kCount});
  std::mt19937_64 random(seed);
  for (int64_t i = 0; i < kCount; ++i) {
    T values[] = {0, 1, T(-1), 2, 7, std::numeric_limits<T>::min(),
                  std::numeric_limits<T>::max()};
    // Every pair of edge values, then anything.
    tensor.as<T>()[i] = i < 49 ? values[seed == 1 ? i / 7 : i % 7] : T(random());
  }
  return tensor;
}

template <typename T>
void checkInteger(const char *type, int32_t dtype, const char *op,
                  T (*truth)(T, T)) {
  CAPTURE(type);
  CAPTURE(op);
  Tensor x = integers<T>(dtype, 1), y = integers<T>(dtype, 2);
  std::string body = std::string("%r = arith.") + op + " %0, %1 : " + type;
  for (auto &outputs : runBody(body, type, type, type, x, y, dtype))
    for (int64_t i = 0; i < kCount; ++i) {
      T want = truth(x.as<T>()[i], y.as<T>()[i]);
      if (outputs[0].as<T>()[i] != want) {
        CAPTURE(int64_t(x.as<T>()[i]));
        CAPTURE(int64_t(y.as<T>()[i]));
        CHECK(int64_t(outputs[0].as<T>()[i]) == int64_t(want));
        break;
      }
    }
}

template <typename T> void checkIntegers(const char *type, int32_t dtype) {
  using U = std::make_unsigned_t<T>;
  checkInteger<T>(type, dtype, "addi", [](T x, T y) { return T(U(x) + U(y)); });
  checkInteger<T>(type, dtype, "muli",
                  [](T x, T y) { return T(uint64_t(x) * uint64_t(y)); });
  checkInteger<T>(type, dtype, "divsi", [](T x, T y) {
    return y == 0 ? T(0) : y == -1 ? T(U(0) - U(x)) : T(x / y);
  });
  checkInteger<T>(type, dtype, "remsi", [](T x, T y) {
    return y == 0 || y == -1 ? T(0) : T(x % y);
  });
  checkInteger<T>(type, dtype, "divui",
                  [](T x, T y) { return y == 0 ? T(0) : T(U(x) / U(y)); });
  checkInteger<T>(type, dtype, "floordivsi", [](T x, T y) {
    if (y == 0)
      return T(0);
    if (y == -1)
      return T(U(0) - U(x));
    T q = x / y;
    return T(q - (x % y != 0 && (x < 0) != (y < 0)));
  });
  checkInteger<T>(type, dtype, "minsi", [](T x, T y) { return std::min(x, y); });
  checkInteger<T>(type, dtype, "xori", [](T x, T y) { return T(x ^ y); });
}

float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

/// Floats of all magnitudes, NaN, infinities and ties of narrower types.
Tensor floats() {
  Tensor tensor = Tensor::f32({kCount});
  std::mt19937 random(3);
  for (int64_t i = 0; i < kCount; ++i)
    tensor.f()[i] = fromBits(random());
  float special[] = {0.f, -0.f, INFINITY, -INFINITY, NAN, 65504.f, 65519.9f, 65520.f,
                     5.9604645e-8f, 2.9802322e-8f, 1e-45f, 3.4028235e38f,
                     fromBits(0x3f808000), fromBits(0x3f818000), fromBits(0x7f7fffff),
                     fromBits(0x7f800001), fromBits(0xffffffff), 2147483648.f,
                     -2147483648.f, 9.2e18f, -9.3e18f, 127.5f, -128.9f, 1e10f};
  std::memcpy(tensor.f(), special, sizeof(special));
  for (int64_t i = 100; i < 300; ++i)
    tensor.f()[i] = (i - 200) * 0.37f;
  return tensor;
}

/// Nearest even, by the definition.
uint16_t toBf16(float value) {
  if (std::isnan(value))
    return 0x7fff;
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint32_t down = bits & 0xffff0000, up = down + 0x10000;
  uint32_t rest = bits & 0xffff;
  bool goesUp = rest > 0x8000 || (rest == 0x8000 && (bits & 0x10000));
  return (goesUp ? up : down) >> 16;
}

} // namespace

TEST_SUITE("types") {
  TEST_CASE("integers of all widths") {
    checkIntegers<int8_t>("i8", ASGC_I8);
    checkIntegers<int32_t>("i32", ASGC_I32);
    checkIntegers<int64_t>("i64", ASGC_I64);
  }

  TEST_CASE("bf16 rounds to nearest even and keeps NaN") {
    Tensor x = floats();
    for (auto &outputs : runBody("%r = arith.negf %0 : f32", "f32", "bf16", "f32",
                                 x, x, ASGC_BF16))
      for (int64_t i = 0; i < kCount; ++i) {
        uint16_t got = outputs[0].as<uint16_t>()[i];
        if (std::isnan(x.f()[i]))
          CHECK(std::isnan(fromBits(uint32_t(got) << 16)));
        else
          CHECK(got == toBf16(-x.f()[i]));
      }
  }

  TEST_CASE("f16 goes there and back") {
    Tensor x = floats();
    auto halves = runBody("%r = arith.addf %0, %0 : f32", "f32", "f16", "f32", x, x,
                          ASGC_F16);
    for (auto &outputs : halves) {
      auto back = runBody("%r = math.absf %0 : f32", "f16", "f32", "f32",
                          outputs[0], outputs[0], ASGC_F32);
      for (auto &again : back)
        for (int64_t i = 0; i < kCount; ++i) {
          float want = std::abs(2 * x.f()[i]), got = again[0].f()[i];
          if (std::isnan(want))
            CHECK(std::isnan(got));
          else if (want >= 65520)
            CHECK(got == INFINITY);
          else
            CHECK(std::abs(got - want) <= std::max(want * 0x1p-11f, 0x1p-25f));
        }
    }
  }

  TEST_CASE("narrow floats in a body are rounded at each step") {
    Tensor x = floats();
    for (auto &outputs : runBody(R"(
        %a = arith.truncf %0 : f32 to bf16
        %b = arith.mulf %a, %a : bf16
        %r = arith.extf %b : bf16 to f32)", "f32", "f32", "f32", x, x, ASGC_F32))
      for (int64_t i = 0; i < kCount; ++i) {
        float a = fromBits(uint32_t(toBf16(x.f()[i])) << 16);
        float want = fromBits(uint32_t(toBf16(a * a)) << 16);
        float got = outputs[0].f()[i];
        CHECK((std::isnan(want) ? std::isnan(got) : got == want));
      }
  }

  TEST_CASE("floats become integers by saturation") {
    Tensor x = floats();
    auto check = [&](const char *type, int32_t dtype, double least, double most,
                     auto element) {
      using T = decltype(element);
      CAPTURE(type);
      std::string body = std::string("%r = arith.fptosi %0 : f32 to ") + type;
      for (auto &outputs : runBody(body, "f32", type, type, x, x, dtype))
        for (int64_t i = 0; i < kCount; ++i) {
          double v = x.f()[i];
          T want = std::isnan(v)  ? T(0)
                   : v <= least   ? std::numeric_limits<T>::min()
                   : v >= most    ? std::numeric_limits<T>::max()
                                  : T(std::trunc(v));
          CHECK(int64_t(outputs[0].as<T>()[i]) == int64_t(want));
        }
    };
    check("i8", ASGC_I8, -128, 127, int8_t());
    check("i32", ASGC_I32, -0x1p31, 0x1p31 - 1, int32_t());
    check("i64", ASGC_I64, -0x1p63, 0x1p63, int64_t());
  }

  TEST_CASE("bools are bytes") {
    Tensor x(ASGC_BOOL, {kCount}), y(ASGC_BOOL, {kCount});
    for (int64_t i = 0; i < kCount; ++i)
      x.bytes[i] = i % 3 == 0, y.bytes[i] = i % 2;
    for (auto &outputs : runBody("%r = arith.xori %0, %1 : i1", "i1", "i1", "i1", x,
                                 y, ASGC_BOOL))
      for (int64_t i = 0; i < kCount; ++i)
        CHECK(outputs[0].bytes[i] == ((i % 3 == 0) != (i % 2 == 1)));
    for (auto &outputs : runBody("%r = arith.uitofp %0 : i1 to f32", "i1", "f32",
                                 "f32", x, y, ASGC_F32))
      for (int64_t i = 0; i < kCount; ++i)
        CHECK(outputs[0].f()[i] == (i % 3 == 0));
  }

  TEST_CASE("minima and maxima are NaN if either is") {
    Tensor x = floats(), y = floats();
    std::mt19937 random(9);
    for (int64_t i = kCount - 1; i > 0; --i)
      std::swap(y.f()[i], y.f()[random() % i]);
    for (bool isMax : {false, true}) {
      std::string body =
          isMax ? "%r = arith.maximumf %0, %1 : f32" : "%r = arith.minimumf %0, %1 : f32";
      for (auto &outputs : runBody(body, "f32", "f32", "f32", x, y, ASGC_F32))
        for (int64_t i = 0; i < kCount; ++i) {
          float a = x.f()[i], b = y.f()[i], got = outputs[0].f()[i];
          if (std::isnan(a) || std::isnan(b))
            CHECK(std::isnan(got));
          else
            CHECK(got == (isMax ? std::max(a, b) : std::min(a, b)));
        }
    }
    for (auto &outputs : runBody(R"(
        %zero = arith.constant 0.0 : f32
        %r = arith.maximumf %0, %zero : f32)", "f32", "f32", "f32", x, y, ASGC_F32))
      for (int64_t i = 0; i < kCount; ++i) {
        float a = x.f()[i], got = outputs[0].f()[i];
        CHECK((std::isnan(a) ? std::isnan(got) : got == std::max(a, 0.0f)));
      }
  }

  TEST_CASE("division by a uniform number is right to an ulp") {
    for (float divisor : {3.0f, 49.0f, -7e-3f, 1e-40f, 1e-3f, 3e38f, 0.0f, INFINITY, NAN,
                          1e-30f, 1.17549435e-38f, 2e31f}) {
      CAPTURE(divisor);
      Compiled compiled(R"(
        plan.program @f inputs("x" %x : tensor<1003xf32>, "d" %d : tensor<f32>)
            outputs("y" %y : tensor<1003xf32>) {
          plan.kernel "k" map space [1003]
              (%0 = %x at [1] : tensor<1003xf32>, %1 = %d at [0] : tensor<f32>)
              -> (%y at [1] : tensor<1003xf32>) {
            %2 = arith.divf %0, %1 : f32
            plan.yield %2 : f32
          }
        }
      )");
      Tensor x = floats();
      for (auto &outputs : runAll(compiled, "f", {x, Tensor::f32({}, {divisor})},
                                  {Tensor::f32({kCount})}))
        for (int64_t i = 0; i < kCount; ++i) {
          float want = x.f()[i] / divisor, got = outputs[0].f()[i];
          if (std::isnan(want)) {
            CHECK(std::isnan(got));
          } else if (got != want) {
            CAPTURE(x.f()[i]);
            CAPTURE(want);
            CAPTURE(got);
            // Only where an operand is extreme, so that the remainder is denormal.
            bool isExtreme = std::abs(divisor) < 1e-30f ||
                             std::abs(divisor) > 1e30f ||
                             std::abs(x.f()[i]) < 1e-30f || std::abs(want) < 1.2e-38f;
            CHECK(isExtreme);
            CHECK(std::abs(got - want) <= std::max(std::abs(want) * 1.2e-7f, 1.5e-45f));
          }
        }
    }
  }
}
