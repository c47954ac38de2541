//===- Pipeline.cpp - The passes over plans, in order ---------------------===//
#include "asgc/Passes.h"

#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void asgc::buildPlanPipeline(OpPassManager &manager,
                             const PlanPipelineOptions &options) {
  manager.addPass(createPlanBuild());
  manager.addPass(createPlanSelectKernels());
  manager.addPass(createPlanSchedule());
  manager.addPass(createPlanAssignMemory(
      {.blockBytes = options.blockBytes, .runAtOnce = options.runAtOnce}));
  manager.addPass(createPlanVerify());
}

void asgc::registerPlanPipeline() {
  PassPipelineRegistration<PlanPipelineOptions>(
      "plan-pipeline", "All passes from legal asg to a plan with its memory",
      buildPlanPipeline);
}
