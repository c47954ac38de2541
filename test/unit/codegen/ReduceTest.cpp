//===- ReduceTest.cpp - Kernels that reduce over any dims -----------------===//
#include "Harness.h"
#include "Samples.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr int64_t kSizes[] = {1, 7, 15, 16, 17, 31, 33, 64, 127, 257};

std::string number(int64_t value) { return std::to_string(value); }

const char *kColumnSum = R"(
  plan.program @f inputs("x" %x : tensor<$Rx$Cxf32>)
      outputs("y" %y : tensor<$Cxf32>, "z" %z : tensor<$Cxf32>) arena 1048576 {
    $ALLOC
    plan.kernel "columns" reduce space [$R, $C]
        (%a = %x at [$C, 1] : tensor<$Rx$Cxf32>)
        -> (%y at [0, 1] : tensor<$Cxf32>, %z at [0, 1] : tensor<$Cxf32>) $WS {
      %sq = arith.mulf %a, %a : f32
      %s = plan.reduce add %a over [0] : f32
      %q = plan.reduce max %sq over [0] : f32
      %two = arith.constant 2.0 : f32
      %t = arith.mulf %s, %two : f32
      plan.yield %t, %q : f32, f32
    }
  }
)";

void checkColumns(int64_t rows, int64_t columns, int64_t chunks) {
  CAPTURE(rows);
  CAPTURE(columns);
  CAPTURE(chunks);
  std::string type =
      "tensor<2x" + number(chunks) + "x" + number(columns) + "xf32>";
  Compiled compiled(fill(
      kColumnSum,
      {{"ALLOC", chunks ? "%ws = plan.alloc offset 64 : " + type : ""},
       {"WS", chunks ? "workspace %ws : " + type : ""},
       {"R", number(rows)},
       {"C", number(columns)}}));
  Tensor x = randomF32({rows, columns});
  std::vector<double> sums(columns), most(columns, -INFINITY);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      double v = x.f()[r * columns + c];
      sums[c] += 2 * v;
      most[c] = std::fmax(most[c], v * v);
    }
  for (auto &outputs : runAll(compiled, "f", {x},
                              {Tensor::f32({columns}), Tensor::f32({columns})})) {
    checkClose(outputs[0], sums, 3e-5);
    checkClose(outputs[1], most, 1e-6);
  }
}

} // namespace

TEST_SUITE("reduce kernels") {
  TEST_CASE("sum columns") {
    for (int64_t columns : kSizes)
      for (int64_t rows : {1, 3, 100})
        checkColumns(rows, columns, 0);
  }

  TEST_CASE("sum columns in chunks") {
    for (int64_t columns : kSizes)
      for (int64_t rows : {1, 9, 1000})
        checkColumns(rows, columns, 16);
  }

  TEST_CASE("sum everything in chunks") {
    for (int64_t n : {1, 7, 33, 257, 100000}) {
      CAPTURE(n);
      Compiled compiled(fill(R"(
        plan.program @f inputs("x" %x : tensor<$Nxf32>)
            outputs("y" %y : tensor<f32>) arena 4096 {
          %ws = plan.alloc offset 0 : tensor<1x32x1xf32>
          plan.kernel "mean" reduce space [$N] (%a = %x at [1] : tensor<$Nxf32>)
              -> (%y at [0] : tensor<f32>) workspace %ws : tensor<1x32x1xf32> {
            %s = plan.reduce add %a over [0] : f32
            %n = arith.constant $N.0 : f32
            %m = arith.divf %s, %n : f32
            plan.yield %m : f32
          }
        }
      )", {{"N", number(n)}}));
      Tensor x = randomF32({n}, 0, 1);
      double mean = 0;
      for (int64_t i = 0; i < n; ++i)
        mean += x.f()[i] / double(n);
      for (auto &outputs : runAll(compiled, "f", {x}, {Tensor::f32({})}))
        checkClose(outputs[0], {mean}, 2e-6);
    }
  }

  TEST_CASE("sum over outer and inner dims and write points too") {
    // A bias gradient [N, C, P] -> [C] beside an elementwise result.
    for (int64_t p : {1, 5, 16, 49, 300})
      for (bool inChunks : {false, true}) {
        CAPTURE(p);
        CAPTURE(inChunks);
        int64_t n = 6, c = 3;
        std::string type = "tensor<1x4x3xf32>";
        Compiled compiled(fill(R"(
          plan.program @f inputs("x" %x : tensor<6x3x$Pxf32>)
              outputs("y" %y : tensor<3xf32>, "e" %e : tensor<6x3x$Pxf32>) arena 4096 {
            $ALLOC
            plan.kernel "bias" reduce space [6, 3, $P]
                (%a = %x at [$S, $P, 1] : tensor<6x3x$Pxf32>)
                -> (%y at [0, 1, 0] : tensor<3xf32>,
                    %e at [$S, $P, 1] : tensor<6x3x$Pxf32>) $WS {
              %s = plan.reduce add %a over [0, 2] : f32
              %d = arith.addf %a, %a : f32
              plan.yield %s, %d : f32, f32
            }
          }
        )", {{"ALLOC", inChunks ? "%ws = plan.alloc offset 0 : " + type : ""},
             {"WS", inChunks ? "workspace %ws : " + type : ""},
             {"P", number(p)},
             {"S", number(c * p)}}));
        Tensor x = randomF32({n, c, p});
        std::vector<double> sums(c), doubled;
        for (int64_t i = 0; i < x.size(); ++i) {
          sums[i / p % c] += x.f()[i];
          doubled.push_back(2.0 * x.f()[i]);
        }
        for (auto &outputs : runAll(compiled, "f", {x},
                                    {Tensor::f32({c}), Tensor::f32({n, c, p})})) {
          checkClose(outputs[0], sums, 1e-5);
          checkClose(outputs[1], doubled, 0);
        }
      }
  }

  TEST_CASE("of integers") {
    Compiled compiled(R"(
      plan.program @f inputs("x" %x : tensor<50x20xi32>)
          outputs("s" %s : tensor<20xi32>, "p" %p : tensor<20xi32>, "l" %l : tensor<20xi64>) {
        plan.kernel "count" reduce space [50, 20] (%a = %x at [20, 1] : tensor<50x20xi32>)
            -> (%s at [0, 1] : tensor<20xi32>, %p at [0, 1] : tensor<20xi32>,
                %l at [0, 1] : tensor<20xi64>) {
          %0 = plan.reduce min %a over [0] : i32
          %1 = plan.reduce mul %a over [0] : i32
          %w = arith.extsi %a : i32 to i64
          %2 = plan.reduce add %w over [0] : i64
          plan.yield %0, %1, %2 : i32, i32, i64
        }
      }
    )");
    Tensor x(ASGC_I32, {50, 20});
    for (int64_t i = 0; i < 1000; ++i)
      x.as<int32_t>()[i] = (i * 2654435761u) >> 3;
    for (auto &outputs :
         runAll(compiled, "f", {x}, {Tensor(ASGC_I32, {20}), Tensor(ASGC_I32, {20}),
                                     Tensor(ASGC_I64, {20})}))
      for (int64_t c = 0; c < 20; ++c) {
        int32_t least = INT32_MAX;
        uint32_t product = 1;
        int64_t sum = 0;
        for (int64_t r = 0; r < 50; ++r) {
          int32_t v = x.as<int32_t>()[r * 20 + c];
          least = std::min(least, v);
          product *= v;
          sum += v;
        }
        CHECK(outputs[0].as<int32_t>()[c] == least);
        CHECK(outputs[1].as<uint32_t>()[c] == product);
        CHECK(outputs[2].as<int64_t>()[c] == sum);
      }
  }
}
