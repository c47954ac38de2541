//===- CpuBackend.cpp - Compiles and runs a module in this process --------===//
#include "test/ops/CpuBackend.h"

#include "asgc/Codegen.h"
#include "asgc/Interpreter.h"
#include "asgc/Passes.h"
#include "asgc/abi.h"
#include "asgc/runtime.h"
#include "dialects/plan/Plan.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

#include <memory>

using namespace mlir;

namespace asgc::test {

namespace {

void registerPassesOnce() {
  static const bool isDone = [] {
    registerAsgcPasses();
    registerAsgPipeline();
    registerCSEPass();
    registerCanonicalizerPass();
    return true;
  }();
  (void)isDone;
}

struct Program {
  asgc_program *handle = nullptr;
  ~Program() { asgc_program_destroy(handle); }
};

/// A DLTensor over a host tensor's memory, and its shape.
struct View {
  std::vector<int64_t> shape;
  DLTensor tensor = {};

  explicit View(const HostTensor &source)
      : shape(source.shape().begin(), source.shape().end()) {
    static constexpr DLDataType types[] = {
        {kDLFloat, 32, 1}, {kDLFloat, 16, 1}, {kDLBfloat, 16, 1},
        {kDLFloat, 64, 1}, {kDLInt, 8, 1},    {kDLInt, 32, 1},
        {kDLInt, 64, 1},   {kDLUInt, 8, 1}};
    tensor.data = const_cast<std::byte *>(source.bytes().data());
    tensor.device = {kDLCPU, 0};
    tensor.ndim = static_cast<int>(shape.size());
    tensor.dtype = types[static_cast<int>(source.dtype())];
    tensor.shape = shape.data();
  }
};

/// The value of a run-time extent, by the shapes of the inputs.
std::optional<int64_t> extentFrom(asg::GraphOp graph,
                                  ArrayRef<HostTensor> inputs,
                                  const DimExpr &extent) {
  return extent.evaluate([&](std::string_view name) -> std::optional<int64_t> {
    for (auto [type, input] : llvm::zip(graph.getArgumentTypes(), inputs))
      for (auto [axis, dim] :
           llvm::enumerate(asg::getDims(cast<RankedTensorType>(type))))
        if (dim.asSymbol() == std::string(name))
          return input.shape()[axis];
    return std::nullopt;
  });
}

std::vector<RuntimeFunction> runtimeFunctions() {
  return {
#define ASGC_ABI(name, ...) {#name, reinterpret_cast<void *>(&name)},
#include "asgc/abi.def"
  };
}

LogicalResult runPasses(ModuleOp module, const CpuOptions &options,
                        std::string &error) {
  registerPassesOnce();
  PassManager manager(module.getContext());
  std::string pipeline = options.asgPasses;
  pipeline += (pipeline.empty() ? "" : ",") + std::string("plan-build");
  if (!options.planPasses.empty())
    pipeline += "," + options.planPasses;
  llvm::raw_string_ostream stream(error);
  if (failed(parsePassPipeline(pipeline, manager, stream)))
    return failure();
  if (succeeded(manager.run(module)))
    return success();
  stream << " (while running " << pipeline << ")";
  return failure();
}

} // namespace

FailureOr<std::vector<HostTensor>> runOnCpu(ModuleOp source,
                                            ArrayRef<HostTensor> inputs,
                                            const CpuOptions &options,
                                            std::string &error) {
  MLIRContext *context = source.getContext();
  DialectRegistry registry;
  registry.insert<plan::PlanDialect>();
  registerCodegenDialects(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
  ScopedDiagnosticHandler collect(context, [&](Diagnostic &diagnostic) {
    error += diagnostic.str() + "\n";
    return success();
  });

  auto graph = *source.getOps<asg::GraphOp>().begin();
  std::string entry = graph.getSymName().str();
  std::vector<HostTensor> outputs;
  for (Type type : graph.getResultTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    std::vector<int64_t> shape;
    for (const DimExpr &dim : asg::getDims(tensor))
      shape.push_back(extentFrom(graph, inputs, dim).value_or(0));
    outputs.push_back(
        *HostTensor::make(getDType(tensor.getElementType()), shape));
  }

  OwningOpRef<ModuleOp> module(cast<ModuleOp>(source->clone()));
  if (failed(runPasses(*module, options, error)))
    return failure();
  CodegenOptions codegen;
  codegen.name = "test";
  codegen.cpu = !options.vulkan;
  codegen.vulkan = options.vulkan;
  codegen.poison = options.poison && !options.vulkan;
  codegen.isas = {options.isa >= 0 ? options.isa : hostIsas().back()};
  OwningOpRef<ModuleOp> llvmModule = lowerPlanToLlvm(*module, codegen);
  if (!llvmModule)
    return failure();
  std::string object = emitCode(*llvmModule, CodeFormat::Object);
  if (object.empty())
    return failure();
  std::unique_ptr<LoadedProgram> loaded =
      loadProgram(object, codegen.name, runtimeFunctions(), &error);
  if (!loaded)
    return failure();

  asgc_options runtime = {};
  runtime.threads = options.threads;
  runtime.poison = options.poison;
  runtime.device = options.vulkan ? ASGC_DEVICE_VULKAN : ASGC_DEVICE_CPU;
  runtime.isa = codegen.isas.front() + 1;
  Program program;
  if (asgc_program_create(&loaded->getDescription(), &runtime,
                          &program.handle) != ASGC_OK) {
    error += asgc_last_error();
    return failure();
  }
  std::vector<View> views;
  for (const HostTensor &tensor : inputs)
    views.emplace_back(tensor);
  for (const HostTensor &tensor : outputs)
    views.emplace_back(tensor);
  std::vector<const DLTensor *> in;
  std::vector<DLTensor *> out;
  for (size_t i = 0; i < views.size(); ++i) {
    views[i].tensor.shape = views[i].shape.data();
    if (i < inputs.size())
      in.push_back(&views[i].tensor);
    else
      out.push_back(&views[i].tensor);
  }
  if (asgc_program_run(program.handle, entry.c_str(), in.data(), in.size(),
                       out.data(), out.size()) != ASGC_OK) {
    error += asgc_program_error(program.handle);
    return failure();
  }
  return outputs;
}

} // namespace asgc::test
