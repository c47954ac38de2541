//===- MapTest.cpp - Kernels without reductions ---------------------------===//
#include "Harness.h"
#include "Samples.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr int64_t kSizes[] = {1, 7, 15, 16, 17, 31, 33, 64, 127, 257, 5000};

double halfToDouble(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  double magnitude = exponent == 0
                         ? std::ldexp(bits & 1023, -24)
                         : std::ldexp(1024 + (bits & 1023), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

} // namespace

TEST_SUITE("map kernels") {
  TEST_CASE("compute every point of one dim") {
    const char *text = R"(
      plan.program @f
          inputs("x" %x : tensor<$Nxf32>, "z" %z : tensor<$Nxf32>)
          outputs("y" %y : tensor<$Nxf32>) {
        plan.kernel "chain" map space [$N]
            (%a = %x at [1] : tensor<$Nxf32>, %b = %z at [1] : tensor<$Nxf32>)
            -> (%y at [1] : tensor<$Nxf32>) {
          %0 = arith.mulf %a, %b : f32
          %1 = math.tanh %0 : f32
          %2 = arith.addf %1, %a : f32
          plan.yield %2 : f32
        }
      }
    )";
    for (int64_t n : kSizes) {
      CAPTURE(n);
      Compiled compiled(fill(text, {{"N", std::to_string(n)}}));
      Tensor x = randomF32({n}), z = randomF32({n}, -3, 3, 2);
      std::vector<double> want;
      for (int64_t i = 0; i < n; ++i)
        want.push_back(std::tanh(double(x.f()[i]) * z.f()[i]) + x.f()[i]);
      for (auto &outputs : runAll(compiled, "f", {x, z}, {Tensor::f32({n})}))
        checkClose(outputs[0], want);
    }
  }

  TEST_CASE("repeat what has no stride, and read across memory") {
    // y = x + b (rows) + c (columns) + t transposed + every third of u.
    const char *text = R"(
      plan.program @f
          inputs("x" %x : tensor<$Rx$Cxf32>, "b" %b : tensor<$Cxf32>,
                 "c" %c : tensor<$Rxf32>, "t" %t : tensor<$Cx$Rxf32>,
                 "u" %u : tensor<$Ux1xf32>)
          outputs("y" %y : tensor<$Rx$Cxf32>) {
        plan.kernel "mix" map space [$R, $C]
            (%0 = %x at [$C, 1] : tensor<$Rx$Cxf32>, %1 = %b at [0, 1] : tensor<$Cxf32>,
             %2 = %c at [1, 0] : tensor<$Rxf32>, %3 = %t at [1, $R] : tensor<$Cx$Rxf32>,
             %4 = %u at [0, 3] offset 2 : tensor<$Ux1xf32>)
            -> (%y at [$C, 1] : tensor<$Rx$Cxf32>) {
          %5 = arith.addf %0, %1 : f32
          %6 = arith.addf %5, %2 : f32
          %7 = arith.addf %6, %3 : f32
          %8 = arith.addf %7, %4 : f32
          plan.yield %8 : f32
        }
      }
    )";
    for (int64_t columns : kSizes)
      for (int64_t rows : {1, 3, 40}) {
        CAPTURE(rows);
        CAPTURE(columns);
        int64_t u = 3 * columns;
        Compiled compiled(fill(text, {{"R", std::to_string(rows)},
                                      {"C", std::to_string(columns)},
                                      {"U", std::to_string(u)}}));
        std::vector<Tensor> in{
            randomF32({rows, columns}), randomF32({columns}, -2, 2, 2),
            randomF32({rows}, -2, 2, 3), randomF32({columns, rows}, -2, 2, 4),
            randomF32({u, 1}, -2, 2, 5)};
        std::vector<double> want;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < columns; ++c)
            want.push_back(double(in[0].f()[r * columns + c]) + in[1].f()[c] +
                           in[2].f()[r] + in[3].f()[c * rows + r] +
                           in[4].f()[2 + 3 * c]);
        for (auto &outputs :
             runAll(compiled, "f", in, {Tensor::f32({rows, columns})}))
          checkClose(outputs[0], want);
      }
  }

  TEST_CASE("write across memory") {
    const char *text = R"(
      plan.program @f inputs("x" %x : tensor<$Rx$Cxf32>)
          outputs("y" %y : tensor<$Cx$Rxf32>, "h" %h : tensor<$Cx$Rxf16>) {
        plan.kernel "transpose" map space [$R, $C]
            (%0 = %x at [$C, 1] : tensor<$Rx$Cxf32>)
            -> (%y at [1, $R] : tensor<$Cx$Rxf32>, %h at [1, $R] : tensor<$Cx$Rxf16>) {
          plan.yield %0, %0 : f32, f32
        }
      }
    )";
    for (int64_t rows : {1, 2, 9, 16, 100})
      for (int64_t columns : {1, 8, 33, 300}) {
        CAPTURE(rows);
        CAPTURE(columns);
        Compiled compiled(fill(text, {{"R", std::to_string(rows)},
                                      {"C", std::to_string(columns)}}));
        Tensor x = randomF32({rows, columns});
        std::vector<double> want;
        for (int64_t c = 0; c < columns; ++c)
          for (int64_t r = 0; r < rows; ++r)
            want.push_back(x.f()[r * columns + c]);
        for (auto &outputs :
             runAll(compiled, "f", {x}, {Tensor::f32({columns, rows}),
                                         Tensor(ASGC_F16, {columns, rows})})) {
          checkClose(outputs[0], want, 0);
          for (size_t i = 0; i < want.size(); ++i)
            CHECK(std::abs(halfToDouble(outputs[1].as<uint16_t>()[i]) -
                           want[i]) <= 1e-3 * std::abs(want[i]));
        }
      }
  }

  TEST_CASE("know where they are") {
    Compiled compiled(R"(
      plan.program @f inputs() outputs("i" %i : tensor<5x35xi64>, "e" %e : tensor<i64>) {
        plan.kernel "iota" map space [5, 35] () -> (%i at [35, 1] : tensor<5x35xi64>) {
          %0 = plan.index 0
          %1 = plan.index 1
          %c = arith.constant 100 : i64
          %2 = arith.muli %0, %c : i64
          %3 = arith.addi %2, %1 : i64
          plan.yield %3 : i64
        }
        plan.kernel "extent" map space [] () -> (%e at [] : tensor<i64>) {
          %0 = plan.extent "7"
          plan.yield %0 : i64
        }
      }
    )");
    for (auto &outputs : runAll(compiled, "f", {}, {Tensor(ASGC_I64, {5, 35}),
                                                    Tensor(ASGC_I64, {})})) {
      for (int64_t i = 0; i < 175; ++i)
        CHECK(outputs[0].as<int64_t>()[i] == i / 35 * 100 + i % 35);
      CHECK(outputs[1].as<int64_t>()[0] == 7);
    }
  }

  TEST_CASE("write once what is uniform") {
    Compiled compiled(R"(
      plan.program @f inputs("x" %x : tensor<300x20xf32>, "s" %s : tensor<f32>)
          outputs("y" %y : tensor<300x20xf32>, "t" %t : tensor<f32>, "r" %r : tensor<300xf32>) {
        plan.kernel "k" map space [300, 20]
            (%0 = %x at [20, 1] : tensor<300x20xf32>, %1 = %s at [0, 0] : tensor<f32>,
             %2 = %x at [20, 0] offset 3 : tensor<300x20xf32>)
            -> (%y at [20, 1] : tensor<300x20xf32>, %t at [0, 0] : tensor<f32>,
                %r at [1, 0] : tensor<300xf32>) {
          %3 = math.exp %1 : f32
          %4 = arith.mulf %0, %3 : f32
          %5 = arith.mulf %2, %3 : f32
          plan.yield %4, %3, %5 : f32, f32, f32
        }
      }
    )");
    Tensor x = randomF32({300, 20}), s = Tensor::f32({}, {0.5f});
    std::vector<double> y, r;
    for (int64_t i = 0; i < 6000; ++i)
      y.push_back(x.f()[i] * std::exp(0.5));
    for (int64_t i = 0; i < 300; ++i)
      r.push_back(x.f()[20 * i + 3] * std::exp(0.5));
    for (auto &outputs : runAll(compiled, "f", {x, s},
                                {Tensor::f32({300, 20}), Tensor::f32({}),
                                 Tensor::f32({300})})) {
      checkClose(outputs[0], y);
      checkClose(outputs[1], {std::exp(0.5)});
      checkClose(outputs[2], r);
    }
  }

  TEST_CASE("read at computed places under a guard") {
    // Pads rows of 20 by 3 in front to 30, and reads a table at random places.
    Compiled compiled(R"(
      plan.program @f inputs("x" %x : tensor<4x20xf32>, "i" %i : tensor<4x30xi64>,
                             "h" %h : tensor<4x20xbf16>)
          outputs("y" %y : tensor<4x30xf32>, "z" %z : tensor<4x30xf32>, "w" %w : tensor<4x30xf32>) {
        plan.kernel "pad" map space [4, 30]
            (%0 = %x : tensor<4x20xf32>, %1 = %i at [30, 1] : tensor<4x30xi64>,
             %2 = %h : tensor<4x20xbf16>)
            -> (%y at [30, 1] : tensor<4x30xf32>, %z at [30, 1] : tensor<4x30xf32>,
                %w at [30, 1] : tensor<4x30xf32>) {
          %r = plan.index 0
          %c = plan.index 1
          %three = arith.constant 3 : i64
          %twenty = arith.constant 20 : i64
          %at = arith.subi %c, %three : i64
          %least = arith.constant 0 : i64
          %ge = arith.cmpi sge, %at, %least : i64
          %lt = arith.cmpi slt, %at, %twenty : i64
          %in = arith.andi %ge, %lt : i1
          %row = arith.muli %r, %twenty : i64
          %offset = arith.addi %row, %at : i64
          %other = arith.constant -1.0 : f32
          %p = plan.load %0[%offset] if %in else %other : f32 : tensor<4x20xf32> -> f32
          %q = plan.load %0[%1] : tensor<4x20xf32> -> f32
          %s = plan.load %2[%offset] if %in else %other : f32 : tensor<4x20xbf16> -> f32
          plan.yield %p, %q, %s : f32, f32, f32
        }
      }
    )");
    Tensor x = randomF32({4, 20}), i(ASGC_I64, {4, 30}), h(ASGC_BF16, {4, 20});
    for (int64_t k = 0; k < 120; ++k)
      i.as<int64_t>()[k] = k * 37 % 80;
    std::vector<double> y, z, w;
    for (int64_t k = 0; k < 80; ++k)
      h.as<uint16_t>()[k] = 0x3f80 + k; // 1 + k / 128
    for (int64_t r = 0; r < 4; ++r)
      for (int64_t c = 0; c < 30; ++c) {
        bool inside = c >= 3 && c < 23;
        y.push_back(inside ? x.f()[r * 20 + c - 3] : -1);
        z.push_back(x.f()[i.as<int64_t>()[r * 30 + c]]);
        w.push_back(inside ? 1 + (r * 20 + c - 3) / 128.0 : -1);
      }
    std::vector<Tensor> shapes(3, Tensor::f32({4, 30}));
    for (auto &outputs : runAll(compiled, "f", {x, i, h}, shapes)) {
      checkClose(outputs[0], y, 0);
      checkClose(outputs[1], z, 0);
      checkClose(outputs[2], w, 0);
    }
  }

  TEST_CASE("compute each of more points than groups fit in a line") {
    // 65,536 full groups: a device may take 65,535 in x, the others in y, where
    // some are beyond the last point.
    Compiled compiled(R"(
      plan.program @f inputs("x" %x : tensor<67108864xi8>)
          outputs("y" %y : tensor<67108864xi8>) {
        plan.kernel "double" map space [67108864] (%0 = %x at [1] : tensor<67108864xi8>)
            -> (%y at [1] : tensor<67108864xi8>) {
          %1 = arith.addi %0, %0 : i8
          plan.yield %1 : i8
        }
      }
    )");
    const int64_t count = int64_t(1) << 26;
    Tensor x(ASGC_I8, {count}), y(ASGC_I8, {count});
    for (int64_t i = 0; i < count; ++i)
      x.as<int8_t>()[i] = int8_t(i * 37 + (i >> 13));
    std::vector<Tensor> outputs = compiled.run("f", {x}, {y});
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; ++i)
      wrong += outputs[0].as<int8_t>()[i] != int8_t(2 * x.as<int8_t>()[i]);
    CHECK(wrong == 0);
  }
}
