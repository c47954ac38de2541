//===- Samples.h - Kernels that tests check and benchmarks time -----------===//
#ifndef ASGC_TEST_UNIT_CODEGEN_SAMPLES_H
#define ASGC_TEST_UNIT_CODEGEN_SAMPLES_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace asgc::test {

/// Replaces each `$NAME` in `text`.
inline std::string
fill(std::string text,
     const std::vector<std::pair<std::string, std::string>> &names) {
  for (const auto &[name, value] : names) {
    std::string key = "$" + name;
    for (size_t at = 0; (at = text.find(key, at)) != std::string::npos;
         at += value.size())
      text.replace(at, key.size(), value);
  }
  return text;
}

/// One of the texts below for `rows` rows of `columns` elements.
inline std::string sized(const char *text, int64_t rows, int64_t columns) {
  return fill(text,
              {{"R", std::to_string(rows)}, {"C", std::to_string(columns)}});
}

inline constexpr const char *kSoftmaxKernel = R"(
  plan.program @f inputs("x" %x : tensor<$Rx$Cxf32>)
      outputs("y" %y : tensor<$Rx$Cxf32>) {
    plan.kernel "softmax" row space [$R, $C]
        (%a = %x at [$C, 1] : tensor<$Rx$Cxf32>)
        -> (%y at [$C, 1] : tensor<$Rx$Cxf32>) {
      %m = plan.reduce max %a over [1] : f32
      %0 = arith.subf %a, %m : f32
      %e = math.exp %0 : f32
      %s = plan.reduce add %e over [1] : f32
      %p = arith.divf %e, %s : f32
      plan.yield %p : f32
    }
  }
)";

// dx = rstd (g − mean(g) − x̂ mean(g x̂)) with g = dy · weight
inline constexpr const char *kLayerNormBackwardKernel = R"(
  plan.program @f
      inputs("x" %x : tensor<$Rx$Cxf32>, "dy" %dy : tensor<$Rx$Cxf32>,
             "weight" %weight : tensor<$Cxf32>)
      outputs("dx" %dx : tensor<$Rx$Cxf32>, "mean" %mean : tensor<$Rxf32>) {
    plan.kernel "layer_norm_backward" row space [$R, $C]
        (%a = %x at [$C, 1] : tensor<$Rx$Cxf32>,
         %d = %dy at [$C, 1] : tensor<$Rx$Cxf32>,
         %w = %weight at [0, 1] : tensor<$Cxf32>)
        -> (%dx at [$C, 1] : tensor<$Rx$Cxf32>, %mean at [1, 0] : tensor<$Rxf32>) {
      %n = arith.constant $C.0 : f32
      %eps = arith.constant 1.0e-5 : f32
      %sum = plan.reduce add %a over [1] : f32
      %m = arith.divf %sum, %n : f32
      %c = arith.subf %a, %m : f32
      %sq = arith.mulf %c, %c : f32
      %var = plan.reduce add %sq over [1] : f32
      %v = arith.divf %var, %n : f32
      %ve = arith.addf %v, %eps : f32
      %rstd = math.rsqrt %ve : f32
      %xh = arith.mulf %c, %rstd : f32
      %g = arith.mulf %d, %w : f32
      %gx = arith.mulf %g, %xh : f32
      %sg = plan.reduce add %g over [1] : f32
      %sgx = plan.reduce add %gx over [1] : f32
      %mg = arith.divf %sg, %n : f32
      %mgx = arith.divf %sgx, %n : f32
      %t = arith.mulf %xh, %mgx : f32
      %u = arith.subf %g, %mg : f32
      %q = arith.subf %u, %t : f32
      %r = arith.mulf %q, %rstd : f32
      plan.yield %r, %m : f32, f32
    }
  }
)";

} // namespace asgc::test

#endif
