//===- Main.cpp - asgc-opt: `asgc opt` for the IR tests -------------------===//
#include "Opt.h"
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<asgc::asg::AsgDialect, asgc::plan::PlanDialect, mlir::arith::ArithDialect,
                  mlir::math::MathDialect>();
  asgc::registerAsgcPasses();
  asgc::registerAsgPipeline();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  return asgc::runOpt(argc, argv, registry);
}
