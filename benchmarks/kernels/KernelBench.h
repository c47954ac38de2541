//===- KernelBench.h - Kernels as plan programs, to time ------------------===//
#ifndef ASGC_BENCHMARKS_KERNELS_KERNELBENCH_H
#define ASGC_BENCHMARKS_KERNELS_KERNELBENCH_H

#include "asgc/Codegen.h"
#include "asgc/runtime.h"

#include <benchmark/benchmark.h>
#include <string>
#include <vector>

namespace asgc::bench {

/// A module with one plan program `@f` of f32 operands.
struct Case {
  const char *name;
  std::string text;
  std::vector<std::vector<int64_t>> inputs, outputs;
};

std::vector<Case> kernelCases();

/// The object code of a module of plan programs; empty if there is none.
std::string compile(const std::string &text, std::vector<int32_t> isas);

/// Times a case beside a copy.
void runKernel(benchmark::State &state, const Case &test, int32_t threads);

} // namespace asgc::bench

#endif
