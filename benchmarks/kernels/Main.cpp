//===- Main.cpp - Registers what is timed ---------------------------------===//
//
// `kernel/NAME/threads:N` runs generated code, `compile/kernel/NAME` makes it,
// `compile/model/NAME` takes a whole model from its text to an object.
//
//===----------------------------------------------------------------------===//
#include "KernelBench.h"

#include "asgc/Compiler.h"

using namespace asgc;
using namespace asgc::bench;

namespace {

void timeKernelCompiler(benchmark::State &state, const Case &test) {
  for (auto _ : state)
    benchmark::DoNotOptimize(
        compile(test.text, {ASGC_ISA_AVX2, ASGC_ISA_AVX512}).size());
}

void timeModelCompiler(benchmark::State &state, const std::string &name) {
  for (auto _ : state) {
    Compilation compilation{CompileOptions()};
    MaybeFault fault =
        compilation.load(ASGC_EXAMPLES "/" + name + "/" + name + ".asg");
    if (fault || !compilation.makeObjects())
      return state.SkipWithError("does not compile");
  }
}

template <typename Function>
benchmark::internal::Benchmark *add(const std::string &name,
                                    Function function) {
  return benchmark::RegisterBenchmark(name.c_str(), function)
      ->Unit(benchmark::kMillisecond);
}

} // namespace

int main(int argc, char **argv) {
  const std::vector<Case> cases = kernelCases();
  for (const Case &test : cases)
    for (int32_t threads : {2, 1})
      add("kernel/" + std::string(test.name) +
              "/threads:" + std::to_string(threads),
          [&test, threads](benchmark::State &state) {
            runKernel(state, test, threads);
          })
          ->UseManualTime();
  for (const Case &test : cases)
    add("compile/kernel/" + std::string(test.name),
        [&test](benchmark::State &state) { timeKernelCompiler(state, test); });
  for (std::string name : {"digits", "lenet", "transformer"})
    add("compile/model/" + name,
        [name](benchmark::State &state) { timeModelCompiler(state, name); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
