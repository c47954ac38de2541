//===- BuildTest.cpp - Programs compute what their graphs mean ------------===//
#include "Execute.h"

#include "asgc/Passes.h"
#include "test/ops/Backward.h"
#include "test/ops/Closeness.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include "mlir/Pass/PassManager.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {
using Passes = std::function<void(mlir::OpPassManager &)>;

/// Compares outputs and variables of a graph's program with the interpreter's. Bodies
/// are evaluated in f32, sums in f64.
void checkProgram(Reader &reader, mlir::ModuleOp module, uint64_t seed,
                  const Passes &addPasses) {
  asg::GraphOp graph = *module.getOps<asg::GraphOp>().begin();
  std::vector<HostTensor> inputs = drawRandomInputs(graph, seed);
  Variables variables = drawRandomVariables(module, seed);
  auto reference = mlir::OwningOpRef<mlir::ModuleOp>(module.clone());
  asg::GraphOp plain = *reference->getOps<asg::GraphOp>().begin();
  expandGradients(plain);
  auto expected = interpret(plain, inputs, variables);
  INFO(reader.errors);
  REQUIRE(mlir::succeeded(expected));

  mlir::PassManager manager(&reader.context);
  addPasses(manager);
  bool isBuilt = mlir::succeeded(manager.run(module));
  INFO(Reader::print(module));
  REQUIRE(isBuilt);
  plan::ProgramOp program = *module.getOps<plan::ProgramOp>().begin();
  std::string error;
  auto actual = execute(program, inputs, variables, error);
  INFO(error);
  REQUIRE(actual);
  CHECK(findDifference(*expected, *actual, variables, 2e-5) == "");
}

void addBuild(mlir::OpPassManager &manager) {
  manager.addPass(createAsgInlineLayers());
  manager.addPass(createAsgDifferentiate());
  manager.addPass(createPlanBuild());
  manager.addPass(createPlanVerify());
}

void addFusedBuild(mlir::OpPassManager &manager) {
  AsgPipelineOptions options;
  options.attention = true;
  buildAsgPipeline(manager, options);
  manager.addPass(createPlanBuild());
  manager.addPass(createPlanVerify());
}

void addAll(mlir::OpPassManager &manager) {
  buildAsgPipeline(manager, AsgPipelineOptions());
  buildPlanPipeline(manager);
}

void checkRandom(uint64_t count, const Passes &addPasses) {
  Reader reader;
  reader.context.loadDialect<plan::PlanDialect>();
  reader.context.disableMultithreading();
  auto [first, last] = randomGraphRange(count);
  for (uint64_t seed = first; seed < last; ++seed) {
    CAPTURE(seed);
    auto module = makeRandomGraph(reader.context, seed);
    REQUIRE(module);
    checkProgram(reader, *module, seed, addPasses);
  }
}
} // namespace

TEST_SUITE("plan-build") {
  TEST_CASE("random graphs agree with the interpreter, op by op") {
    checkRandom(60, addBuild);
  }
  TEST_CASE("random graphs agree with the interpreter, fused") {
    checkRandom(120, addFusedBuild);
  }
  TEST_CASE("random graphs agree with the interpreter, in one arena") {
    checkRandom(120, addAll);
  }
}
