//===- AsgRandom.td - Draws that replay -----------------------------------===//
#ifndef ASG_RANDOM
#define ASG_RANDOM

include "dialects/asg/AsgBase.td"

def Asg_ScalarI64 : Type<CPred<"$_self == ::mlir::RankedTensorType::get({}, "
      "::mlir::IntegerType::get($_self.getContext(), 64))">, "tensor<i64>",
      "::mlir::RankedTensorType">,
    BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI64Type())">;

/// Philox4x32-10 (Salmon et al. 2011): the key is (low, high 32 bits of seed),
/// the counter of element i is (low 32 bits of block, stream, low, high 32 bits
/// of step), so a draw depends on nothing but (seed, step, stream, i).
class Asg_Random<string mnemonic> : Asg_PureOp<mnemonic> {
  let category = "random";
  let arguments = (ins Asg_ScalarI64:$seed, Asg_ScalarI64:$step, I64Attr:$stream);
  let results = (outs Asg_FloatTensor:$y);
  let assemblyFormat = "$seed `,` $step `stream` $stream attr-dict `:` type($y)";
  let hasVerifier = 1;
}
def Asg_RandomUniformOp : Asg_Random<"random_uniform"> {
  let summary = "uniform draws from [0, 1)";
  let description = [{
    Element i (flat) is word i mod 4 of block ⌊i / 4⌋, its upper 24 bits times
    2⁻²⁴ (exact in f32, also for narrower result types before rounding).
  }];
  let formula = "y ~ U[0, 1)";
  let role = "Dropout masks and initial weights.";
  let summaryRu = "равномерные случайные числа из [0, 1)";
  let roleRu = "Маски dropout и начальные веса.";
  let example = [{%y = asg.random_uniform %seed, %step stream 3 : tensor<2x3xf32>}];
}
def Asg_RandomNormalOp : Asg_Random<"random_normal"> {
  let summary = "draws from the standard normal distribution";
  let description = [{
    Element i (flat) takes words 0 and 1 of block i: with u₁ = (w₀ upper 24 bits +
    1) · 2⁻²⁴ and u₂ = w₁ upper 24 bits · 2⁻²⁴, y = √(−2 ln u₁) · cos(2π u₂)
    (Box, Muller 1958), in f32.
  }];
  let formula = "y ~ N(0, 1)";
  let role = "Initial weights, noise for diffusion and variational models.";
  let summaryRu = "случайные числа стандартного нормального распределения";
  let roleRu = "Начальные веса, шум для диффузионных и вариационных моделей.";
  let example = [{%y = asg.random_normal %seed, %step stream 4 : tensor<2x3xf32>}];
}

#endif
