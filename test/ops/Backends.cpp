//===- Backends.cpp - Whatever else can run a module, for parity ----------===//
#include "test/ops/Backends.h"

#include "test/ops/CpuBackend.h"

namespace asgc::test {

const std::vector<Backend> &allBackends() {
  auto onCpu = [](const CpuOptions &options) {
    return [options](mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
                     const Variables &variables, std::string &error) {
      return runOnCpu(module, inputs, variables, options, error);
    };
  };
  static const std::vector<Backend> backends = {
      {.name = "cpu", .run = onCpu({}), .fuses = true},
      {.name = "cpu, one kernel an op",
       .run = onCpu({.asgPasses = "asg-inline-layers,asg-attention"})},
      {.name = "vulkan",
       .run =
           onCpu({.asgPasses = "asg-pipeline{attention=true}", .vulkan = true}),
       .fuses = true,
       .lack = "which the Vulkan backend does not"},
      {.name = "vulkan, one kernel an op",
       .run = onCpu({.asgPasses = "asg-inline-layers", .vulkan = true}),
       .lack = "which the Vulkan backend does not"}};
  return backends;
}

} // namespace asgc::test
