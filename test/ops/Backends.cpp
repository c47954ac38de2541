//===- Backends.cpp - Whatever else can run a module, for parity ----------===//
#include "test/ops/Backends.h"

#include "test/ops/CpuBackend.h"

namespace asgc::test {

const std::vector<Backend> &allBackends() {
  static const std::vector<Backend> backends = {
      {.name = "cpu",
       .run =
           [](mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
              std::string &error) {
             return runOnCpu(module, inputs, {}, error);
           }},
      {.name = "cpu, one kernel an op",
       .run = [](mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
                 std::string &error) {
         return runOnCpu(module, inputs, {.asgPasses = ""}, error);
       }},
      {.name = "vulkan",
       .run =
           [](mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
              std::string &error) {
             return runOnCpu(module, inputs, {.vulkan = true}, error);
           }},
      {.name = "vulkan, one kernel an op",
       .run = [](mlir::ModuleOp module, llvm::ArrayRef<HostTensor> inputs,
                 std::string &error) {
         return runOnCpu(module, inputs, {.asgPasses = "", .vulkan = true},
                         error);
       }}};
  return backends;
}

} // namespace asgc::test
