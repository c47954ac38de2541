//===- ParityTest.cpp - Random graphs, compiled and interpreted -----------===//
//
// Every graph has its gradient. "The same" between two compilations means the
// same bits; between compiled code and the interpreter, which sums in f64, it
// means within kTolerance of the largest element.
#include "test/ops/Backward.h"
#include "test/ops/CpuBackend.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace asgc;
using namespace asgc::test;

namespace {

/// Graphs are a dozen f32 ops deep and divide, so errors grow beyond one
/// rounding (6e-8); a wrong kernel is wrong by far more.
constexpr double kTolerance = 2e-4;
constexpr uint64_t kGraphs = 400;

struct Case {
  Reader reader;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<HostTensor> inputs, expected;

  explicit Case(uint64_t seed) {
    module = makeRandomGraph(reader.context, seed);
    REQUIRE_MESSAGE(module, reader.errors);
    inputs = drawRandomInputs(graph(*module), seed);
    // The expected values come by rules expanded apart from the compiler's pass.
    mlir::OwningOpRef<mlir::ModuleOp> clone(
        mlir::cast<mlir::ModuleOp>((*module)->clone()));
    expandGradients(graph(*clone));
    auto result = interpret(graph(*clone), inputs);
    REQUIRE_MESSAGE(mlir::succeeded(result), reader.errors);
    expected = result->outputs;
  }

  static asg::GraphOp graph(mlir::ModuleOp module) {
    return *module.getOps<asg::GraphOp>().begin();
  }

  std::vector<HostTensor> run(const CpuOptions &options) {
    std::string error;
    auto outputs = runOnCpu(*module, inputs, options, error);
    if (mlir::failed(outputs)) {
      FAIL_CHECK(error, "\n", Reader::print(*module));
      return {};
    }
    return *outputs;
  }

  void compare(const std::vector<HostTensor> &actual) {
    REQUIRE(actual.size() == expected.size());
    for (size_t o = 0; o < actual.size(); ++o) {
      double largest = 1e-3, worst = 0;
      for (int64_t i = 0; i < expected[o].numElements(); ++i)
        largest = std::max(largest, std::fabs(expected[o].get(i)));
      for (int64_t i = 0; i < expected[o].numElements(); ++i) {
        double difference = std::fabs(actual[o].get(i) - expected[o].get(i));
        worst = std::isfinite(difference) ? std::max(worst, difference) : 1e30;
      }
      CAPTURE(o);
      CAPTURE(expected[o].describe());
      CHECK(worst <= kTolerance * largest);
    }
  }
};

/// The pipelines every graph goes through: nothing, each pass alone, all.
const std::vector<std::string> &pipelines() {
  static const std::vector<std::string> all = {
      "asg-differentiate",
      "asg-differentiate,asg-simplify",
      "asg-differentiate,asg-fuse",
      "asg-differentiate,cse",
      "asg-pipeline"};
  return all;
}

} // namespace

TEST_SUITE("parity") {
  TEST_CASE("400 random graphs agree with the interpreter, however optimized") {
    for (uint64_t seed = 0; seed < kGraphs; ++seed) {
      Case test(seed);
      // All graphs unoptimized and optimized; each pass alone in turn.
      std::vector<std::string> chosen = {pipelines().front(),
                                         pipelines().back(),
                                         pipelines()[1 + seed % 3]};
      for (const std::string &pipeline : chosen) {
        CAPTURE(seed);
        CAPTURE(pipeline);
        test.compare(test.run({.asgPasses = pipeline}));
      }
    }
  }

  TEST_CASE("poisoned buffers and threads do not change a bit") {
    for (uint64_t seed = 0; seed < kGraphs; seed += 4) {
      CAPTURE(seed);
      Case test(seed);
      std::vector<HostTensor> once = test.run({});
      CHECK(test.run({.poison = true}) == once);
      CHECK(test.run({.threads = 2}) == once);
      CHECK(test.run({.threads = 4}) == once);
    }
  }

  TEST_CASE("AVX2 code agrees with the interpreter too") {
    for (uint64_t seed = 1; seed < kGraphs; seed += 8) {
      CAPTURE(seed);
      Case test(seed);
      test.compare(test.run({.isa = 0}));
    }
  }
}
