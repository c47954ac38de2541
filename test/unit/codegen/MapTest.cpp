//===- MapTest.cpp - Kernels without reductions ---------------------------===//
#include "Harness.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr int64_t kSizes[] = {1, 7, 15, 16, 17, 31, 33, 64, 127, 257, 5000};

void checkClose(const Tensor &got, const std::vector<double> &want,
                double tolerance = 1e-6) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  double worst = 0;
  int64_t at = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    double error = std::abs(got.f()[i] - want[i]) / (1 + std::abs(want[i]));
    if (!(error <= worst))
      worst = error, at = i;
  }
  CAPTURE(at);
  CAPTURE(got.f()[at]);
  CAPTURE(want[at]);
  CHECK(worst <= tolerance);
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
}
