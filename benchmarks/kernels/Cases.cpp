//===- Cases.cpp - The kernels that are timed -----------------------------===//
#include "KernelBench.h"

#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"
#include "test/unit/codegen/Samples.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

using namespace asgc;
using namespace asgc::bench;

std::string bench::compile(const std::string &text, std::vector<int32_t> isas) {
  mlir::DialectRegistry registry;
  registry.insert<asg::AsgDialect, plan::PlanDialect>();
  registerCodegenDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  CodegenOptions options;
  options.isas = std::move(isas);
  auto lowered = module ? lowerPlanToLlvm(*module, options) : nullptr;
  return lowered ? emitCode(*lowered, CodeFormat::Object) : std::string();
}

std::vector<Case> bench::kernelCases() {
  return {
      {"softmax",
       test::sized(test::kSoftmaxKernel, 4096, 1024),
       {{4096, 1024}},
       {{4096, 1024}}},
      {"softmax_backward",
       R"(
      plan.program @f inputs("y" %y : tensor<4096x1024xf32>, "dy" %dy : tensor<4096x1024xf32>)
          outputs("dx" %dx : tensor<4096x1024xf32>) {
        plan.kernel "k" row space [4096, 1024]
            (%a = %y at [1024, 1] : tensor<4096x1024xf32>,
             %b = %dy at [1024, 1] : tensor<4096x1024xf32>)
            -> (%dx at [1024, 1] : tensor<4096x1024xf32>) {
          %0 = arith.mulf %a, %b : f32
          %s = plan.reduce add %0 over [1] : f32
          %1 = arith.subf %b, %s : f32
          %p = arith.mulf %a, %1 : f32
          plan.yield %p : f32
        }
      })",
       {{4096, 1024}, {4096, 1024}},
       {{4096, 1024}}},
      {"layer_norm",
       R"(
      plan.program @f inputs("x" %x : tensor<4096x1024xf32>, "w" %w : tensor<1024xf32>,
                             "b" %b : tensor<1024xf32>)
          outputs("y" %y : tensor<4096x1024xf32>) {
        plan.kernel "k" row space [4096, 1024]
            (%a = %x at [1024, 1] : tensor<4096x1024xf32>, %g = %w at [0, 1] : tensor<1024xf32>,
             %h = %b at [0, 1] : tensor<1024xf32>)
            -> (%y at [1024, 1] : tensor<4096x1024xf32>) {
          %n = arith.constant 1024.0 : f32
          %eps = arith.constant 1.0e-5 : f32
          %s = plan.reduce add %a over [1] : f32
          %m = arith.divf %s, %n : f32
          %c = arith.subf %a, %m : f32
          %q = arith.mulf %c, %c : f32
          %v = plan.reduce add %q over [1] : f32
          %vm = arith.divf %v, %n : f32
          %ve = arith.addf %vm, %eps : f32
          %r = math.rsqrt %ve : f32
          %0 = arith.mulf %c, %r : f32
          %1 = arith.mulf %0, %g : f32
          %2 = arith.addf %1, %h : f32
          plan.yield %2 : f32
        }
      })",
       {{4096, 1024}, {1024}, {1024}},
       {{4096, 1024}}},
      {"layer_norm_backward",
       test::sized(test::kLayerNormBackwardKernel, 4096, 1024),
       {{4096, 1024}, {4096, 1024}, {1024}},
       {{4096, 1024}, {4096}}},
      {"chain_of_8",
       R"(
      plan.program @f inputs("x" %x : tensor<16777216xf32>, "z" %z : tensor<16777216xf32>)
          outputs("y" %y : tensor<16777216xf32>) {
        plan.kernel "k" map space [16777216]
            (%a = %x at [1] : tensor<16777216xf32>, %b = %z at [1] : tensor<16777216xf32>)
            -> (%y at [1] : tensor<16777216xf32>) {
          %h = arith.constant 0.5 : f32
          %one = arith.constant 1.0 : f32
          %0 = arith.mulf %a, %h : f32
          %1 = arith.addf %0, %b : f32
          %2 = math.tanh %1 : f32
          %3 = arith.negf %b : f32
          %4 = math.exp %3 : f32
          %5 = arith.addf %4, %one : f32
          %6 = arith.divf %2, %5 : f32
          %7 = arith.addf %6, %a : f32
          plan.yield %7 : f32
        }
      })",
       {{16777216}, {16777216}},
       {{16777216}}},
      {"column_sum",
       R"(
      plan.program @f inputs("x" %x : tensor<4096x1024xf32>)
          outputs("y" %y : tensor<1024xf32>) {
        plan.kernel "k" reduce space [4096, 1024]
            (%a = %x at [1024, 1] : tensor<4096x1024xf32>)
            -> (%y at [0, 1] : tensor<1024xf32>) {
          %s = plan.reduce add %a over [0] : f32
          plan.yield %s : f32
        }
      })",
       {{4096, 1024}},
       {{1024}}},
      {"transpose",
       R"(
      plan.program @f inputs("x" %x : tensor<2048x2048xf32>)
          outputs("y" %y : tensor<2048x2048xf32>) {
        plan.kernel "k" map space [2048, 2048]
            (%a = %x at [1, 2048] : tensor<2048x2048xf32>)
            -> (%y at [2048, 1] : tensor<2048x2048xf32>) {
          plan.yield %a : f32
        }
      })",
       {{2048, 2048}},
       {{2048, 2048}}},
  };
}
