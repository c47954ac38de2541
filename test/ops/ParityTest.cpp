//===- ParityTest.cpp - Random graphs, compiled and interpreted -----------===//
//
// Every graph has its gradients. "The same" between two runs of compiled code
// means the same bits; between compiled code and the interpreter, which sums in
// f64, what Closeness.h says.
#include "test/ops/Backward.h"
#include "test/ops/Closeness.h"
#include "test/ops/CpuBackend.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {

/// Graphs are a dozen f32 ops deep and divide, so errors grow beyond one
/// rounding (6e-8); a wrong kernel is wrong by far more.
constexpr double kTolerance = 2e-4;
constexpr uint64_t kGraphs = 400;
/// Graphs that are compiled together; they have the same run-time dims. More
/// would have more kernels in common, and take longer to link.
constexpr uint64_t kBatch = 5, kStride = 5;

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
    Case one{seed,
             "g" + std::to_string(seed),
             drawRandomInputs(graph, seed),
             drawRandomVariables(*made, seed),
             {}};
    // The expected values come by rules expanded apart from the compiler's
    // pass.
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

/// Nothing but what code generation needs; that and one pass; everything.
std::vector<CpuOptions> pipelinesFor(const Batch &batch) {
  const std::string needed = "asg-differentiate,asg-attention",
                    place = "plan-assign-memory";
  auto alone = [&](const std::string &pass) {
    return CpuOptions{"." + pass, needed + "," + pass, place};
  };
  auto planAlone = [&](const std::string &pass) {
    return CpuOptions{"." + pass, needed, pass + "," + place};
  };
  CpuOptions shapes = alone("asg-infer-shapes{dims=" + dimsOf(batch) + "}");
  shapes.suffix = ".asg-infer-shapes";
  return {{".none", needed, place},
          {".all"},
          {".asg-inline-layers", "asg-inline-layers," + needed, place},
          shapes,
          alone("asg-simplify"),
          alone("asg-fuse"),
          alone("cse"),
          planAlone("plan-select-kernels"),
          planAlone("plan-schedule")};
}

/// Compiles the batch, or says which graph cannot be, and by which pipeline.
std::unique_ptr<CpuProgram> compile(Batch &batch,
                                    llvm::ArrayRef<CpuOptions> pipelines) {
  std::string error;
  if (auto program = CpuProgram::compile(*batch.module, pipelines, error))
    return program;
  for (const Case &one : batch.cases)
    for (const CpuOptions &options : pipelines) {
      std::string own;
      auto module = batch.takeOut(one);
      if (!CpuProgram::compile(*module, options, own))
        FAIL_CHECK("graph ", one.seed, options.suffix, ": ", own, "\n",
                   Reader::print(*module));
    }
  FAIL_CHECK(error);
  return nullptr;
}

InterpreterResult run(CpuProgram &program, const Case &one,
                      const std::string &suffix, const CpuRun &options) {
  std::string error;
  auto result = program.run(one.entry + suffix, one.inputs, one.variables,
                            options, error);
  REQUIRE_MESSAGE(mlir::succeeded(result), error);
  return *result;
}

/// Compares with the interpreter.
void compare(Batch &batch, const Case &one, const InterpreterResult &result) {
  std::string found =
      findDifference(one.expected, result, one.variables, kTolerance);
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
    forEachBatch([&](Batch &batch) {
      std::vector<CpuOptions> pipelines = pipelinesFor(batch);
      auto program = compile(batch, pipelines);
      if (!program)
        return;
      for (const Case &one : batch.cases)
        for (const CpuOptions &options : pipelines) {
          CAPTURE(one.seed);
          CAPTURE(options.suffix);
          InterpreterResult once = run(*program, one, options.suffix, {});
          compare(batch, one, once);
          // Poisoned buffers and threads do not change a bit.
          for (const CpuRun &other :
               {CpuRun{.poison = true}, CpuRun{.threads = 2},
                CpuRun{.threads = 4}}) {
            CAPTURE(other.threads);
            CHECK(areSameBits(run(*program, one, options.suffix, other), once));
          }
        }
    });
  }

  TEST_CASE("AVX2 code agrees with the interpreter too") {
    uint64_t round = 0;
    forEachBatch([&](Batch &batch) {
      if (round++ % 8 != 0)
        return;
      auto program = compile(batch, CpuOptions{.isa = ASGC_ISA_AVX2});
      if (!program)
        return;
      for (const Case &one : batch.cases) {
        CAPTURE(one.seed);
        compare(batch, one, run(*program, one, "", {}));
      }
    });
  }
}
