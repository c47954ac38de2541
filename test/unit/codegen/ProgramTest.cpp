//===- ProgramTest.cpp - Entries, dims, variables and calls ---------------===//
#include "Harness.h"

#include <cmath>
#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

TEST_SUITE("programs") {
  TEST_CASE("run at any extent up to the bound") {
    Compiled compiled(R"(
      plan.program @f dims {batch = 40, seq = 70}
          inputs("x" %x : tensor<?x?xf32, #asg.dims<batch, seq>>)
          outputs("y" %y : tensor<?x?xf32, #asg.dims<batch, seq>>,
                  "s" %s : tensor<?xf32, #asg.dims<seq>>,
                  "n" %n : tensor<i64>) arena 65536 {
        %t = plan.alloc offset 128 : tensor<?x?xf32, #asg.dims<batch, seq>>
        plan.kernel "double" map space ["batch*seq"]
            (%0 = %x at [1] : tensor<?x?xf32, #asg.dims<batch, seq>>)
            -> (%t at [1] : tensor<?x?xf32, #asg.dims<batch, seq>>) {
          %1 = arith.addf %0, %0 : f32
          plan.yield %1 : f32
        }
        plan.kernel "center" row space [batch, seq]
            (%0 = %t at [seq, 1] : tensor<?x?xf32, #asg.dims<batch, seq>>)
            -> (%y at [seq, 1] : tensor<?x?xf32, #asg.dims<batch, seq>>) {
          %1 = plan.reduce add %0 over [1] : f32
          %e = plan.extent "seq"
          %f = arith.sitofp %e : i64 to f32
          %m = arith.divf %1, %f : f32
          %c = arith.subf %0, %m : f32
          plan.yield %c : f32
        }
        plan.kernel "columns" reduce space [batch, seq]
            (%0 = %t at [seq, 1] : tensor<?x?xf32, #asg.dims<batch, seq>>)
            -> (%s at [0, 1] : tensor<?xf32, #asg.dims<seq>>) {
          %1 = plan.reduce add %0 over [0] : f32
          plan.yield %1 : f32
        }
        plan.kernel "count" map space [] () -> (%n at [] : tensor<i64>) {
          %0 = plan.extent "(batch*seq + 3) floordiv 4"
          plan.yield %0 : i64
        }
      }
    )");
    for (int64_t batch : {1, 7, 40})
      for (int64_t seq : {1, 15, 16, 33, 70}) {
        CAPTURE(batch);
        CAPTURE(seq);
        Tensor x = randomF32({batch, seq});
        std::vector<double> y, s(seq);
        for (int64_t b = 0; b < batch; ++b) {
          double mean = 0;
          for (int64_t i = 0; i < seq; ++i)
            mean += 2.0 * x.f()[b * seq + i] / seq;
          for (int64_t i = 0; i < seq; ++i) {
            y.push_back(2.0 * x.f()[b * seq + i] - mean);
            s[i] += 2.0 * x.f()[b * seq + i];
          }
        }
        for (auto &outputs :
             runAll(compiled, "f", {x},
                    {Tensor::f32({batch, seq}), Tensor::f32({seq}),
                     Tensor(ASGC_I64, {})})) {
          checkClose(outputs[0], y);
          checkClose(outputs[1], s, 1e-5);
          CHECK(outputs[2].as<int64_t>()[0] == (batch * seq + 3) / 4);
        }
      }
  }

  TEST_CASE("describe themselves") {
    CodegenOptions options;
    options.name = "demo";
    options.metadata = "{\"schema\":\"asgc-dump/1\"}";
    Compiled compiled(R"(
      asg.param @w : tensor<2x3xf32>
      asg.state @step : tensor<i64> role "step"
      asg.state @moment : tensor<2x3xf32> role "optimizer"
      plan.program @infer dims {batch = 8}
          inputs("x" %x : tensor<?x3xf32, #asg.dims<batch, 3>>)
          outputs("y" %y : tensor<?x3xbf16, #asg.dims<batch, 3>>) arena 640 {
        plan.kernel "cast" map space ["3*batch"]
            (%0 = %x at [1] : tensor<?x3xf32, #asg.dims<batch, 3>>)
            -> (%y at [1] : tensor<?x3xbf16, #asg.dims<batch, 3>>) {
          plan.yield %0 : f32
        }
      }
      plan.program @train inputs() outputs() {
        %s = plan.variable @step : tensor<i64>
        plan.kernel "count" map space [] (%0 = %s at [] : tensor<i64>)
            -> (%s at [] : tensor<i64>) {
          %one = arith.constant 1 : i64
          %1 = arith.addi %0, %one : i64
          plan.yield %1 : i64
        }
      }
    )", options);
    const asgc_program_desc &desc = compiled.getDescription();
    CHECK(desc.abi_version == ASGC_ABI_VERSION);
    CHECK(std::string(desc.name) == "demo");
    REQUIRE(desc.num_entries == 2);
    CHECK(std::string(desc.entries[0].name) == "infer");
    CHECK(desc.entries[0].arena_bytes == 640);
    CHECK(desc.entries[0].assigns_variables == 0);
    CHECK(desc.entries[1].assigns_variables == 1);
    REQUIRE(desc.entries[0].num_outputs == 1);
    CHECK(std::string(desc.entries[0].outputs[0].name) == "y");
    CHECK(desc.entries[0].outputs[0].dtype == ASGC_BF16);
    CHECK(desc.entries[0].outputs[0].dims[0] == -1);
    CHECK(desc.entries[0].outputs[0].dims[1] == 3);
    REQUIRE(desc.num_variables == 3);
    CHECK(std::string(desc.variables[1].tensor.name) == "step");
    CHECK(desc.variables[1].role == ASGC_ROLE_STEP);
    CHECK(desc.variables[2].role == ASGC_ROLE_OPTIMIZER);
    REQUIRE(desc.num_symbols == 1);
    CHECK(std::string(desc.symbols[0]) == "batch");
    CHECK(desc.symbol_bounds[0] == 8);
    REQUIRE(desc.num_kernels == 2);
    CHECK(std::string(desc.kernels[0].name) == "cast");
    CHECK(std::string(desc.metadata, desc.metadata_bytes) == options.metadata);
  }

  TEST_CASE("assign variables") {
    Compiled compiled(R"(
      asg.state @step : tensor<i64> role "step"
      asg.param @w : tensor<5xf32>
      plan.program @train inputs("g" %g : tensor<5xf32>) outputs() {
        %s = plan.variable @step : tensor<i64>
        %w = plan.variable @w : tensor<5xf32>
        plan.kernel "count" map space [] (%0 = %s at [] : tensor<i64>)
            -> (%s at [] : tensor<i64>) {
          %one = arith.constant 1 : i64
          %1 = arith.addi %0, %one : i64
          plan.yield %1 : i64
        }
        plan.update "sgd" [5] reads(%0 = [%w : tensor<5xf32>], %1 = [%g : tensor<5xf32>])
            -> ([%w : tensor<5xf32>]) {
          %2 = arith.subf %0, %1 : f32
          plan.yield %2 : f32
        }
      }
    )");
    asgc_program *instance = compiled.create();
    std::vector<float> g{1, 2, 3, 4, 5};
    int64_t shape[] = {5};
    DLTensor tensor{g.data(), {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape, nullptr, 0};
    const DLTensor *inputs[] = {&tensor};
    for (int i = 0; i < 3; ++i)
      CHECK(asgc_program_run(instance, "train", inputs, 1, nullptr, 0) == ASGC_OK);
    DLTensor step{}, w{};
    CHECK(asgc_program_variable(instance, "step", &step) == ASGC_OK);
    CHECK(asgc_program_variable(instance, "w", &w) == ASGC_OK);
    CHECK(*static_cast<int64_t *>(step.data) == 3);
    CHECK(static_cast<float *>(w.data)[4] == -15);
    asgc_program_destroy(instance);
  }

  TEST_CASE("call the library on slices and aliases") {
    // c = tanh(a[:, 1:4] · b + bias), and rows of it by index.
    Compiled compiled(R"(
      plan.program @f dims {batch = 16}
          inputs("a" %a : tensor<?x5xf32, #asg.dims<batch, 5>>, "b" %b : tensor<3x4xf32>,
                 "i" %i : tensor<2xi32>)
          outputs("c" %c : tensor<?x4xf32, #asg.dims<batch, 4>>, "r" %r : tensor<2x4xf32>) {
        %k = plan.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> : tensor<4xf32>
        %flat = plan.alias %b : tensor<3x4xf32> to tensor<12xf32>
        plan.matmul "mm" batch [] m_n_k [batch, 4, 3] strides [5, 1], [4, 1], [4, 1]
            offsets [1, 0, 0] act tanh (%a, %flat bias %k) -> %c
            : tensor<?x5xf32, #asg.dims<batch, 5>>, tensor<12xf32> bias tensor<4xf32>
            -> tensor<?x4xf32, #asg.dims<batch, 4>>
        plan.gather "rows" axis 0 batch_dims 0 (%c, %i) -> %r
            : tensor<?x4xf32, #asg.dims<batch, 4>>, tensor<2xi32> -> tensor<2x4xf32>
      }
    )");
    for (int64_t batch : {2, 16}) {
      Tensor a = randomF32({batch, 5}, -0.5, 0.5), b = randomF32({3, 4}, -0.5, 0.5, 2),
             i(ASGC_I32, {2});
      i.as<int32_t>()[0] = 1, i.as<int32_t>()[1] = 0;
      std::vector<double> c, r;
      for (int64_t m = 0; m < batch; ++m)
        for (int64_t n = 0; n < 4; ++n) {
          double sum = n + 1;
          for (int64_t k = 0; k < 3; ++k)
            sum += double(a.f()[m * 5 + 1 + k]) * b.f()[k * 4 + n];
          c.push_back(std::tanh(sum));
        }
      r.insert(r.end(), c.begin() + 4, c.begin() + 8);
      r.insert(r.end(), c.begin(), c.begin() + 4);
      for (auto &outputs :
           runAll(compiled, "f", {a, b, i}, {Tensor::f32({batch, 4}), Tensor::f32({2, 4})})) {
        checkClose(outputs[0], c, 2e-6);
        checkClose(outputs[1], r, 2e-6);
      }
    }
  }

  TEST_CASE("name what the CPU cannot do") {
    CHECK(compileErrors(R"(
      plan.program @f inputs("x" %x : tensor<4xf32>) outputs("y" %y : tensor<4xf32>) {
        plan.kernel "k" map space [4] (%0 = %x at [1] : tensor<4xf32>)
            -> (%y at [1] : tensor<4xf32>) {
          %1 = math.atan %0 : f32
          plan.yield %1 : f32
        }
      }
    )").find("'math.atan' op has no code on the CPU") != std::string::npos);
    CHECK(compileErrors(R"(
      plan.program @f inputs("x" %x : tensor<4xf64>) outputs("y" %y : tensor<4xf64>) {
        plan.kernel "k" map space [4] (%0 = %x at [1] : tensor<4xf64>)
            -> (%y at [1] : tensor<4xf64>) {
          plan.yield %0 : f64
        }
      }
    )").find("'f64'") != std::string::npos);
    CHECK(compileErrors(R"(
      plan.program @f inputs() outputs("y" %y : tensor<4xf32>) {
        %t = plan.alloc : tensor<4xf32>
        plan.kernel "k" map space [4] (%0 = %t at [1] : tensor<4xf32>)
            -> (%y at [1] : tensor<4xf32>) {
          plan.yield %0 : f32
        }
      }
    )").find("run plan-assign-memory first") != std::string::npos);
  }
}
