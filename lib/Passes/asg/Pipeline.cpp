//===- Pipeline.cpp - The passes over asg, in order -----------------------===//
#include "asgc/Passes.h"

#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void asgc::buildAsgPipeline(OpPassManager &manager,
                            const AsgPipelineOptions &options) {
  manager.addPass(createAsgInlineLayers());
  manager.addPass(createAsgUnrollLoops({.all = !options.branches}));
  manager.addPass(createAsgInlineBranches({.all = !options.branches}));
  AsgInferShapesOptions shapes;
  llvm::append_range(shapes.dims, options.dims);
  manager.addPass(createAsgInferShapes(shapes));
  manager.addPass(createAsgAttention({.hasKernel = options.attention}));
  manager.addPass(createAsgDifferentiate());
  manager.addPass(createAsgMixedPrecision());
  if (options.simplify)
    manager.addPass(createAsgSimplify());
  if (options.fuse) {
    manager.addPass(createAsgRecompute());
    manager.addPass(createAsgFuse({.runAtOnce = options.runAtOnce}));
  }
  manager.addPass(createAsgVerify());
}

void asgc::registerAsgPipeline() {
  PassPipelineRegistration<AsgPipelineOptions>(
      "asg-pipeline", "All passes over asg: from a frontend's module to fused asg",
      buildAsgPipeline);
}
