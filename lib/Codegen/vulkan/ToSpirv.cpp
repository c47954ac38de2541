//===- ToSpirv.cpp - The shaders of a module, alone -----------------------===//
#include "DeviceProgram.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace asgc;

OwningOpRef<ModuleOp> asgc::lowerPlanToSpirv(ModuleOp source,
                                             const DeviceOptions &options) {
  OwningOpRef<ModuleOp> modules = ModuleOp::create(source.getLoc());
  llvm::StringMap<int64_t> dims;
  vulkan::Numbering numbering;
  numbering.dimIndex = [&](size_t entry, const DimExpr &expr) {
    std::string key = std::to_string(entry) + ":" + expr.str();
    return dims.try_emplace(key, dims.size()).first->second;
  };
  llvm::StringMap<int64_t> variables;
  numbering.variableIndex = [&](StringRef name) {
    return variables.try_emplace(name, variables.size()).first->second;
  };
  if (failed(vulkan::emitDeviceProgram(source, *modules, numbering, options)))
    return nullptr;
  return modules;
}

namespace {
/// For tests of the templates: what stands in the module becomes its shaders.
struct PlanToSpirvPass final
    : PassWrapper<PlanToSpirvPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanToSpirvPass)

  StringRef getArgument() const final { return "plan-to-spirv"; }
  StringRef getDescription() const final {
    return "Replaces programs by their shaders for Vulkan devices";
  }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<spirv::SPIRVDialect>();
  }
  void runOnOperation() final {
    OwningOpRef<ModuleOp> shaders = lowerPlanToSpirv(getOperation());
    if (!shaders)
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody(shaders->getBodyRegion());
  }
};
} // namespace

void asgc::registerPlanToSpirv() { PassRegistration<PlanToSpirvPass>(); }
