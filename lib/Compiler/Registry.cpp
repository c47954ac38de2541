//===- Registry.cpp - The only list of dialects and passes ----------------===//
#include "asgc/Registry.h"

#include "asgc/Codegen.h"
#include "asgc/Passes.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/Passes.h"

#include <mutex>

namespace asgc {

void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<asg::AsgDialect, plan::PlanDialect, mlir::arith::ArithDialect,
                  mlir::math::MathDialect>();
}

void registerAllPasses() {
  static std::once_flag once;
  std::call_once(once, [] {
    registerAsgcPasses();
    registerAsgPipeline();
    registerPlanPipeline();
    registerPlanToSpirv();
    mlir::registerCanonicalizerPass();
    mlir::registerCSEPass();
  });
}

} // namespace asgc
