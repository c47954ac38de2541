//===- BuildTest.cpp - Programs compute what their graphs mean ------------===//
#include "Execute.h"

#include "asgc/Passes.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include "mlir/Pass/PassManager.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace asgc;
using namespace asgc::test;

namespace {
using Passes = std::function<void(mlir::OpPassManager &)>;

/// Compares outputs and variables of a graph's program with the interpreter's.
void checkProgram(Reader &reader, mlir::ModuleOp module,
                  llvm::ArrayRef<HostTensor> inputs, const Variables &variables,
                  const Passes &addPasses) {
  auto reference = mlir::OwningOpRef<mlir::ModuleOp>(module.clone());
  mlir::PassManager expand(&reader.context);
  expand.addPass(createAsgInlineLayers());
  expand.addPass(createAsgDifferentiate());
  INFO(reader.errors);
  REQUIRE(mlir::succeeded(expand.run(*reference)));
  asg::GraphOp graph = *reference->getOps<asg::GraphOp>().begin();
  auto expected = interpret(graph, inputs, variables);
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
  auto compare = [](const HostTensor &want, const HostTensor &got) {
    REQUIRE(want.describe() == got.describe());
    for (int64_t i = 0; i < want.numElements(); ++i) {
      CAPTURE(i);
      double tolerance = 1e-5 * std::max(1.0, std::abs(want.get(i)));
      if (want.dtype() == DType::F16 || want.dtype() == DType::BF16)
        tolerance *= 2000;
      REQUIRE(std::abs(want.get(i) - got.get(i)) <= tolerance);
    }
  };
  for (size_t i = 0; i < expected->outputs.size(); ++i) {
    CAPTURE(program.getOutputNames()[i]);
    compare(expected->outputs[i], actual->outputs[i]);
  }
  for (const auto &[name, value] : variables) {
    CAPTURE(name);
    auto assigned = expected->assigned.find(name);
    compare(assigned == expected->assigned.end() ? value : assigned->second,
            actual->variables.at(name));
  }
}

void addBuild(mlir::OpPassManager &manager) {
  manager.addPass(createAsgInlineLayers());
  manager.addPass(createAsgDifferentiate());
  manager.addPass(createPlanBuild());
  manager.addPass(createPlanVerify());
}

void addFusedBuild(mlir::OpPassManager &manager) {
  buildAsgPipeline(manager, AsgPipelineOptions());
  manager.addPass(createPlanBuild());
}

void addAll(mlir::OpPassManager &manager) {
  buildAsgPipeline(manager, AsgPipelineOptions());
  buildPlanPipeline(manager);
}

void checkRandom(uint64_t seeds, const Passes &addPasses) {
  Reader reader;
  reader.context.loadDialect<plan::PlanDialect>();
  reader.context.disableMultithreading();
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    auto module = makeRandomGraph(reader.context, seed);
    REQUIRE(module);
    asg::GraphOp graph = *module->getOps<asg::GraphOp>().begin();
    std::vector<HostTensor> inputs = drawRandomInputs(graph, seed);
    checkProgram(reader, *module, inputs, {}, addPasses);
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
