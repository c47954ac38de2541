//===- ScheduleTest.cpp - No order costs more than the given one ---------===//
#include "asgc/Passes.h"
#include "dialects/plan/Plan.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include "mlir/Pass/PassManager.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {
/// The largest live set of the only program, with or without plan-schedule.
int64_t findLowerBound(Reader &reader, mlir::ModuleOp module, bool schedules) {
  auto copy = mlir::OwningOpRef<mlir::ModuleOp>(module.clone());
  mlir::PassManager manager(&reader.context);
  buildAsgPipeline(manager, AsgPipelineOptions());
  manager.addPass(createPlanBuild());
  manager.addPass(createPlanSelectKernels());
  if (schedules)
    manager.addPass(createPlanSchedule());
  manager.addPass(createPlanAssignMemory());
  manager.addPass(createPlanVerify());
  INFO(reader.errors);
  REQUIRE(mlir::succeeded(manager.run(*copy)));
  plan::ProgramOp program = *copy->getOps<plan::ProgramOp>().begin();
  return *program.getLowerBound();
}
} // namespace

TEST_SUITE("plan-schedule") {
  TEST_CASE("no order of a random graph needs more memory than its own") {
    Reader reader;
    reader.context.loadDialect<plan::PlanDialect>();
    reader.context.disableMultithreading();
    int64_t better = 0;
    for (uint64_t seed = 0; seed < 150; ++seed) {
      CAPTURE(seed);
      auto module = makeRandomGraph(reader.context, seed);
      REQUIRE(module);
      int64_t scheduled = findLowerBound(reader, *module, true);
      int64_t asGiven = findLowerBound(reader, *module, false);
      CHECK(scheduled <= asGiven);
      better += scheduled < asGiven;
    }
    CHECK(better > 0);
  }
}
