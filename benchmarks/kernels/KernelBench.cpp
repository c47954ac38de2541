//===- KernelBench.cpp - Generated kernels beside a copy ------------------===//
//
// Each benchmark runs a kernel and a copy by turns, and reports, besides the
// kernel's time, `copy_share`: the kernel's bytes a second (operands once) as a
// share of the copy's. The copy is memcpy, half of it on each of two threads.
//
//===----------------------------------------------------------------------===//
#include "asgc/Codegen.h"
#include "asgc/abi.h"
#include "asgc/runtime.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <atomic>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

using namespace asgc;

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

//===- The copy -----------------------------------------------------------===//

/// Copies with a second thread that waits for work without sleeping.
class Copier {
public:
  Copier() : worker([this] { serve(); }) {}
  ~Copier() {
    go.store(-1);
    worker.join();
  }
  void copy(char *to, const char *from, size_t bytes) {
    size_t half = bytes / 2;
    target = to + half, source = from + half, count = bytes - half;
    int turn = ++turns;
    go.store(turn, std::memory_order_release);
    std::memcpy(to, from, half);
    while (done.load(std::memory_order_acquire) != turn)
      __builtin_ia32_pause();
  }

private:
  void serve() {
    for (int seen = 0;;) {
      int turn = go.load(std::memory_order_acquire);
      if (turn < 0)
        return;
      if (turn == seen) {
        __builtin_ia32_pause();
        continue;
      }
      seen = turn;
      std::memcpy(target, source, count);
      done.store(turn, std::memory_order_release);
    }
  }

  std::atomic<int> go{0}, done{0};
  int turns = 0;
  char *target = nullptr;
  const char *source = nullptr;
  size_t count = 0;
  std::thread worker;
};

//===- Kernels ------------------------------------------------------------===//

std::string compile(const std::string &text, std::vector<int32_t> isas) {
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

struct Buffer {
  std::vector<int64_t> shape;
  float *data = nullptr;
  int64_t count = 1;

  explicit Buffer(std::vector<int64_t> dims) : shape(std::move(dims)) {
    for (int64_t dim : shape)
      count *= dim;
    data = static_cast<float *>(
        std::aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64));
    for (int64_t i = 0; i < count; ++i)
      data[i] = (i * 2654435761u % 1000) * 0.002f - 1;
  }
  Buffer(Buffer &&other) : shape(other.shape), data(other.data), count(other.count) {
    other.data = nullptr;
  }
  ~Buffer() { std::free(data); }
  DLTensor view() {
    DLTensor tensor{};
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.ndim = shape.size();
    tensor.dtype = {kDLFloat, 32, 1};
    tensor.shape = shape.data();
    return tensor;
  }
};

struct Case {
  const char *name;
  const char *text;
  std::vector<std::vector<int64_t>> inputs, outputs;
};

double median(std::vector<double> &times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

void runCase(benchmark::State &state, const Case &test, int32_t threads) {
  std::string error;
  std::vector<RuntimeFunction> runtime = {
#define ASGC_ABI(name, ...) {#name, reinterpret_cast<void *>(&name)},
#include "asgc/abi.def"
  };
  auto program = loadProgram(compile(test.text, hostIsas()), "model", runtime, &error);
  asgc_options options{threads, 0, -1, 0};
  asgc_program *instance = nullptr;
  if (!program || asgc_program_create(&program->getDescription(), &options,
                                      &instance) != ASGC_OK)
    return state.SkipWithError(error.c_str());
  std::vector<Buffer> buffers;
  std::vector<DLTensor> views;
  for (const auto *shapes : {&test.inputs, &test.outputs})
    for (const auto &shape : *shapes)
      buffers.emplace_back(shape);
  int64_t bytes = 0, largest = 0;
  for (Buffer &buffer : buffers) {
    views.push_back(buffer.view());
    bytes += 4 * buffer.count;
    largest = std::max(largest, 4 * buffer.count);
  }
  std::vector<const DLTensor *> inputs;
  std::vector<DLTensor *> outputs;
  for (size_t i = 0; i < views.size(); ++i)
    if (i < test.inputs.size())
      inputs.push_back(&views[i]);
    else
      outputs.push_back(&views[i]);
  Buffer from({largest / 4}), to({largest / 4});
  Copier copier;
  std::vector<double> times, copies;
  for (auto _ : state) {
    Clock::time_point begin = Clock::now();
    copier.copy(reinterpret_cast<char *>(to.data),
                reinterpret_cast<char *>(from.data), largest);
    copies.push_back(seconds(begin));
    begin = Clock::now();
    if (asgc_program_run(instance, "f", inputs.data(), inputs.size(),
                         outputs.data(), outputs.size()) != ASGC_OK)
      return state.SkipWithError(asgc_program_error(instance));
    times.push_back(seconds(begin));
    state.SetIterationTime(times.back());
  }
  double rate = bytes / median(times), copyRate = 2.0 * largest / median(copies);
  state.counters["GB/s"] = rate / 1e9;
  state.counters["copy_GB/s"] = copyRate / 1e9;
  state.counters["copy_share"] = rate / copyRate;
  asgc_program_destroy(instance);
}

const Case kCases[] = {
    {"softmax", R"(
      plan.program @f inputs("x" %x : tensor<4096x1024xf32>)
          outputs("y" %y : tensor<4096x1024xf32>) {
        plan.kernel "k" row space [4096, 1024]
            (%a = %x at [1024, 1] : tensor<4096x1024xf32>)
            -> (%y at [1024, 1] : tensor<4096x1024xf32>) {
          %m = plan.reduce max %a over [1] : f32
          %0 = arith.subf %a, %m : f32
          %e = math.exp %0 : f32
          %s = plan.reduce add %e over [1] : f32
          %p = arith.divf %e, %s : f32
          plan.yield %p : f32
        }
      })", {{4096, 1024}}, {{4096, 1024}}},
    {"softmax_backward", R"(
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
      })", {{4096, 1024}, {4096, 1024}}, {{4096, 1024}}},
    {"layer_norm", R"(
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
      })", {{4096, 1024}, {1024}, {1024}}, {{4096, 1024}}},
    {"layer_norm_backward", R"(
      plan.program @f inputs("x" %x : tensor<4096x1024xf32>, "dy" %dy : tensor<4096x1024xf32>,
                             "w" %w : tensor<1024xf32>)
          outputs("dx" %dx : tensor<4096x1024xf32>) {
        plan.kernel "k" row space [4096, 1024]
            (%a = %x at [1024, 1] : tensor<4096x1024xf32>,
             %d = %dy at [1024, 1] : tensor<4096x1024xf32>, %g = %w at [0, 1] : tensor<1024xf32>)
            -> (%dx at [1024, 1] : tensor<4096x1024xf32>) {
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
          %xh = arith.mulf %c, %r : f32
          %dg = arith.mulf %d, %g : f32
          %dx1 = arith.mulf %dg, %xh : f32
          %s1 = plan.reduce add %dg over [1] : f32
          %s2 = plan.reduce add %dx1 over [1] : f32
          %m1 = arith.divf %s1, %n : f32
          %m2 = arith.divf %s2, %n : f32
          %t = arith.mulf %xh, %m2 : f32
          %u = arith.subf %dg, %m1 : f32
          %w1 = arith.subf %u, %t : f32
          %z = arith.mulf %w1, %r : f32
          plan.yield %z : f32
        }
      })", {{4096, 1024}, {4096, 1024}, {1024}}, {{4096, 1024}}},
    {"chain_of_8", R"(
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
      })", {{16777216}, {16777216}}, {{16777216}}},
    {"column_sum", R"(
      plan.program @f inputs("x" %x : tensor<4096x1024xf32>)
          outputs("y" %y : tensor<1024xf32>) {
        plan.kernel "k" reduce space [4096, 1024]
            (%a = %x at [1024, 1] : tensor<4096x1024xf32>)
            -> (%y at [0, 1] : tensor<1024xf32>) {
          %s = plan.reduce add %a over [0] : f32
          plan.yield %s : f32
        }
      })", {{4096, 1024}}, {{1024}}},
    {"transpose", R"(
      plan.program @f inputs("x" %x : tensor<2048x2048xf32>)
          outputs("y" %y : tensor<2048x2048xf32>) {
        plan.kernel "k" map space [2048, 2048]
            (%a = %x at [1, 2048] : tensor<2048x2048xf32>)
            -> (%y at [2048, 1] : tensor<2048x2048xf32>) {
          plan.yield %a : f32
        }
      })", {{2048, 2048}}, {{2048, 2048}}},
};

void compileCase(benchmark::State &state, const Case &test) {
  for (auto _ : state)
    benchmark::DoNotOptimize(
        compile(test.text, {ASGC_ISA_AVX2, ASGC_ISA_AVX512}).size());
}

} // namespace

int main(int argc, char **argv) {
  for (const Case &test : kCases)
    for (int32_t threads : {2, 1})
      benchmark::RegisterBenchmark(
          (std::string(test.name) + "/threads:" + std::to_string(threads)).c_str(),
          [&test, threads](benchmark::State &state) { runCase(state, test, threads); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
  for (const Case &test : kCases)
    benchmark::RegisterBenchmark(
        ("compile/" + std::string(test.name)).c_str(),
        [&test](benchmark::State &state) { compileCase(state, test); })
        ->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
