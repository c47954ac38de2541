//===- ParityTest.cpp - Random graphs, compiled and interpreted -----------===//
//
// Every graph has its gradients. "The same" between two runs of compiled code means
// the same bits; between compiled code and the interpreter, which sums in f64, what
// Closeness.h says.
#include "test/ops/Backward.h"
#include "test/ops/Closeness.h"
#include "test/ops/CpuBackend.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

/// Graphs are a dozen f32 ops deep and divide, so errors grow beyond one rounding
/// (6e-8); a wrong kernel is wrong by far more.
constexpr double kTolerance = 2e-4;
constexpr uint64_t kGraphs = 400;
/// Graphs that are compiled together; they have the same run-time dims.
constexpr uint64_t kBatch = 8, kStride = 5;

struct Case {
  uint64_t seed;
  std::string entry;
  std::vector<HostTensor> inputs;
  Variables variables;
  InterpreterResult expected;
};

/// Random graphs in one module, and what they compute.
struct Batch {
  Reader reader;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Case> cases;

  void add(uint64_t seed) {
    auto made = makeRandomGraph(reader.context, seed);
    REQUIRE_MESSAGE(made, reader.errors);
    asg::GraphOp graph = *made->getOps<asg::GraphOp>().begin();
    Case one{seed, "g" + std::to_string(seed), drawRandomInputs(graph, seed),
             drawRandomVariables(*made, seed), {}};
    // The expected values come by rules expanded apart from the compiler's pass.
    mlir::OwningOpRef<mlir::ModuleOp> clone(made->clone());
    asg::GraphOp reference = *clone->getOps<asg::GraphOp>().begin();
    expandGradients(reference);
    auto result = interpret(reference, one.inputs, one.variables);
    REQUIRE_MESSAGE(mlir::succeeded(result), reader.errors);
    one.expected = std::move(*result);
    graph.setSymName(one.entry);
    cases.push_back(std::move(one));
    if (!module) {
      module = std::move(made);
      return;
    }
    graph->remove();
    module->push_back(graph);
  }

  /// The module with one of its graphs.
  mlir::OwningOpRef<mlir::ModuleOp> takeOut(const Case &one) {
    mlir::OwningOpRef<mlir::ModuleOp> clone(module->clone());
    for (auto graph : llvm::make_early_inc_range(clone->getOps<asg::GraphOp>()))
      if (graph.getSymName() != one.entry)
        graph.erase();
    return clone;
  }
};

/// The run-time dim of the graphs of a batch.
std::string dimsOf(const Batch &batch) {
  return "n=" + std::to_string(batch.cases[0].inputs[6].shape()[0]);
}

struct Pipeline {
  std::string name;
  CpuOptions options;
};

/// Nothing but what code generation needs; that and one pass; everything.
std::vector<Pipeline> pipelinesFor(const Batch &batch) {
  const std::string needed = "asg-differentiate", place = "plan-assign-memory";
  auto alone = [&](const std::string &pass) {
    return Pipeline{pass, {needed + "," + pass, place}};
  };
  auto planAlone = [&](const std::string &pass) {
    return Pipeline{pass, {needed, pass + "," + place}};
  };
  return {{"none", {needed, place}},
          {"all", {}},
          {"asg-inline-layers", {"asg-inline-layers," + needed, place}},
          alone("asg-infer-shapes{dims=" + dimsOf(batch) + "}"),
          alone("asg-simplify"),
          alone("asg-fuse"),
          alone("cse"),
          planAlone("plan-select-kernels"),
          planAlone("plan-schedule")};
}

/// Compiles the batch, or says which graph cannot be.
std::unique_ptr<CpuProgram> compile(Batch &batch, const CpuOptions &options) {
  std::string error;
  if (auto program = CpuProgram::compile(*batch.module, options, error))
    return program;
  for (const Case &one : batch.cases) {
    std::string own;
    auto module = batch.takeOut(one);
    if (!CpuProgram::compile(*module, options, own))
      FAIL_CHECK("graph ", one.seed, ": ", own, "\n", Reader::print(*module));
  }
  FAIL_CHECK(error);
  return nullptr;
}

InterpreterResult run(CpuProgram &program, const Case &one,
                      const CpuRun &options) {
  std::string error;
  auto result =
      program.run(one.entry, one.inputs, one.variables, options, error);
  REQUIRE_MESSAGE(mlir::succeeded(result), error);
  return *result;
}

void compare(Batch &batch, CpuProgram &program, const Case &one) {
  std::string found =
      findDifference(one.expected, run(program, one, {}), one.variables,
                     kTolerance);
  CHECK_MESSAGE(found.empty(), found, "\n", Reader::print(*batch.takeOut(one)));
}

bool areSameBits(const InterpreterResult &a, const InterpreterResult &b) {
  return a.outputs == b.outputs && a.assigned == b.assigned;
}

/// Hands out all graphs in batches.
void forEachBatch(llvm::function_ref<void(Batch &)> check) {
  auto [first, last] = randomGraphRange(kGraphs);
  for (uint64_t begin = first; begin < last; begin += kBatch * kStride)
    for (uint64_t residue = 0; residue < kStride; ++residue) {
      Batch batch;
      for (uint64_t i = 0; i < kBatch; ++i)
        if (uint64_t seed = begin + residue + i * kStride; seed < last)
          batch.add(seed);
      if (!batch.cases.empty())
        check(batch);
    }
}

} // namespace

TEST_SUITE("parity") {
  TEST_CASE("random graphs agree with the interpreter, however optimized") {
    uint64_t round = 0;
    forEachBatch([&](Batch &batch) {
      std::vector<Pipeline> pipelines = pipelinesFor(batch);
      // All graphs unoptimized and optimized; each pass alone in turn.
      uint64_t turn = 2 + round++ % (pipelines.size() - 2);
      for (size_t i : {size_t(0), size_t(1), size_t(turn)}) {
        CAPTURE(pipelines[i].name);
        auto program = compile(batch, pipelines[i].options);
        if (!program)
          continue;
        for (const Case &one : batch.cases) {
          CAPTURE(one.seed);
          compare(batch, *program, one);
          if (pipelines[i].name != "all")
            continue;
          // Poisoned buffers and threads do not change a bit.
          InterpreterResult once = run(*program, one, {});
          CHECK(areSameBits(run(*program, one, {.poison = true}), once));
          CHECK(areSameBits(run(*program, one, {.threads = 2}), once));
          CHECK(areSameBits(run(*program, one, {.threads = 4}), once));
        }
      }
    });
  }

  TEST_CASE("AVX2 code agrees with the interpreter too") {
    uint64_t round = 0;
    forEachBatch([&](Batch &batch) {
      if (round++ % 8 != 0)
        return;
      auto program = compile(batch, {.isa = 0});
      if (!program)
        return;
      for (const Case &one : batch.cases) {
        CAPTURE(one.seed);
        compare(batch, *program, one);
      }
    });
  }
}
