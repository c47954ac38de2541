//===- Passes.h - The passes of the compiler ------------------------------===//
#ifndef ASGC_PASSES_H
#define ASGC_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace asgc {

#define GEN_PASS_DECL
#include "asgc/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "asgc/Passes.h.inc"

/// What the passes over asg may be told.
struct AsgPipelineOptions
    : public mlir::PassPipelineOptions<AsgPipelineOptions> {
  ListOption<std::string> dims{
      *this, "dims",
      llvm::cl::desc("Values of run-time dims: batch=64,seq=16")};
  Option<bool> attention{
      *this, "attention",
      llvm::cl::desc("Whether the target has a kernel for attention"),
      llvm::cl::init(false)};
  Option<bool> branches{
      *this, "branches",
      llvm::cl::desc("Whether the target can choose what it computes"),
      llvm::cl::init(true)};
  Option<bool> simplify{*this, "simplify",
                        llvm::cl::desc("Fold, merge and drop ops"),
                        llvm::cl::init(true)};
  Option<bool> fuse{*this, "fuse", llvm::cl::desc("Group ops into kernels"),
                    llvm::cl::init(true)};
  Option<bool> runAtOnce{
      *this, "run-at-once",
      llvm::cl::desc(
          "Whether kernels that need nothing of each other may run at once"),
      llvm::cl::init(false)};
};

/// Adds all passes that turn what a frontend wrote into legal, fused asg.
void buildAsgPipeline(mlir::OpPassManager &manager,
                      const AsgPipelineOptions &options);

/// Makes `--asg-pipeline` known to the command line.
void registerAsgPipeline();

/// What the passes over plans may be told.
struct PlanPipelineOptions
    : public mlir::PassPipelineOptions<PlanPipelineOptions> {
  Option<int64_t> blockBytes{
      *this, "block-bytes",
      llvm::cl::desc("The most bytes of a block of the arena"),
      llvm::cl::init(int64_t(1) << 31)};
  Option<bool> runAtOnce{
      *this, "run-at-once",
      llvm::cl::desc(
          "Whether steps that need nothing of each other may run at once")};
};

/// Adds all passes that turn legal asg, fused or not, into a plan whose buffers have
/// their places.
void buildPlanPipeline(mlir::OpPassManager &manager,
                       const PlanPipelineOptions &options = {});

/// Makes `--plan-pipeline` known to the command line.
void registerPlanPipeline();

} // namespace asgc

#endif
