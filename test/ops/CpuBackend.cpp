//===- CpuBackend.cpp - Compiles and runs a module in this process --------===//
#include "test/ops/CpuBackend.h"

#include "asgc/Passes.h"
#include "asgc/abi.h"
#include "asgc/runtime.h"
#include "dialects/plan/Plan.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

#include <atomic>
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

/// Whether threads share kernels whose work is worth one only, as most are in
/// tests.
std::atomic<bool> sharesSmallKernels = false;

int32_t runParallel(asgc_frame *frame, int32_t kernel, void *arguments,
                    int64_t tasks, int64_t grain) {
  return asgc_rt_parallel(frame, kernel, arguments, tasks,
                          sharesSmallKernels ? 1 : grain);
}

std::vector<RuntimeFunction> runtimeFunctions() {
  std::vector<RuntimeFunction> functions = {
#define ASGC_ABI(name, ...) {#name, reinterpret_cast<void *>(&name)},
#include "asgc/abi.def"
  };
  for (RuntimeFunction &function : functions)
    if (StringRef(function.name) == "asgc_rt_parallel")
      function.address = reinterpret_cast<void *>(&runParallel);
  return functions;
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

/// All of a program but its name, which its steps bear as well.
std::string describe(plan::ProgramOp program) {
  std::string name = program.getSymName().str(), text;
  llvm::raw_string_ostream stream(text);
  program->print(stream, OpPrintingFlags().useLocalScope());
  for (size_t at = 0; (at = text.find(name, at)) != std::string::npos;)
    text.erase(at, name.size());
  return text;
}

int32_t isaOf(const CpuOptions &options) {
  return options.isa >= 0 ? options.isa : hostIsas().back();
}

} // namespace

FailureOr<CompiledObject> compileObject(ModuleOp source,
                                        ArrayRef<CpuOptions> pipelines,
                                        const std::string &name,
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
  CompiledObject object;
  OwningOpRef<ModuleOp> plans;
  llvm::StringMap<std::string> known; // entries by what they do
  for (const CpuOptions &options : pipelines) {
    OwningOpRef<ModuleOp> module(cast<ModuleOp>(source->clone()));
    SymbolTable symbols(*module);
    for (auto graph : llvm::to_vector(module->getOps<asg::GraphOp>()))
      if (!options.suffix.empty() &&
          failed(symbols.rename(graph,
                                (graph.getSymName() + options.suffix).str())))
        return failure();
    if (failed(runPasses(*module, options, error)))
      return failure();
    for (auto made :
         llvm::make_early_inc_range(module->getOps<plan::ProgramOp>())) {
      std::string entryName = made.getSymName().str();
      if (made.isPrivate()) {
        if (plans) {
          made->remove();
          plans->push_back(made);
        }
        continue;
      }
      auto [entry, isNew] = object.entryOf.try_emplace(entryName, entryName);
      auto [twin, isOwn] = known.try_emplace(describe(made), entryName);
      if (!isOwn) { // another pipeline came to the same plan
        entry->second = twin->second;
        made.erase();
      } else if (plans) {
        made->remove();
        plans->push_back(made);
      }
    }
    if (!plans)
      plans = std::move(module);
  }
  const CpuOptions &options = pipelines.front();
  CodegenOptions codegen;
  codegen.name = name;
  codegen.cpu = !options.vulkan;
  codegen.vulkan = options.vulkan;
  codegen.device = options.device;
  codegen.poison = !options.vulkan; // if the run asks for it
  codegen.isas = {isaOf(options)};
  OwningOpRef<ModuleOp> llvmModule = lowerPlanToLlvm(*plans, codegen);
  if (!llvmModule)
    return failure();
  object.bytes = emitCode(*llvmModule, CodeFormat::Object);
  if (object.bytes.empty())
    return failure();
  return object;
}

/// An instance of a program.
struct CpuProgram::Session {
  CpuRun options;
  asgc_program *handle = nullptr;
  ~Session() { asgc_program_destroy(handle); }
};

CpuProgram::CpuProgram() = default;
CpuProgram::~CpuProgram() = default;

asg::GraphOp firstEntry(ModuleOp module) {
  for (auto graph : module.getOps<asg::GraphOp>())
    if (!graph.isPrivate())
      return graph;
  return nullptr;
}

std::unique_ptr<CpuProgram> CpuProgram::compile(ModuleOp source,
                                                const CpuOptions &options,
                                                std::string &error) {
  return compile(source, ArrayRef(options), error);
}

std::unique_ptr<CpuProgram> CpuProgram::compile(ModuleOp source,
                                                ArrayRef<CpuOptions> pipelines,
                                                std::string &error) {
  std::unique_ptr<CpuProgram> program(new CpuProgram());
  program->source = cast<ModuleOp>(source->clone());
  for (const CpuOptions &options : pipelines)
    for (auto graph : program->source->getOps<asg::GraphOp>())
      program->graphs[(graph.getSymName() + options.suffix).str()] = graph;
  auto object = compileObject(source, pipelines, "test", error);
  if (failed(object))
    return nullptr;
  program->entryOf = std::move(object->entryOf);
  program->vulkan = pipelines.front().vulkan;
  program->isa = isaOf(pipelines.front());
  program->code =
      loadProgram(object->bytes, "test", runtimeFunctions(), &error);
  return program->code ? std::move(program) : nullptr;
}

FailureOr<InterpreterResult> CpuProgram::run(StringRef entry,
                                             ArrayRef<HostTensor> inputs,
                                             const Variables &variables,
                                             const CpuRun &options,
                                             std::string &error) {
  sharesSmallKernels = options.threads > 1;
  if (!session || session->options != options) {
    asgc_options runtime = {};
    runtime.threads = options.threads;
    runtime.poison = options.poison;
    runtime.isa = isa + 1;
    runtime.device = vulkan ? ASGC_DEVICE_VULKAN : ASGC_DEVICE_CPU;
    session = std::make_unique<Session>(Session{options});
    if (asgc_program_create(&code->getDescription(), &runtime,
                            &session->handle) != ASGC_OK) {
      error += asgc_last_error();
      session.reset();
      return failure();
    }
  }
  auto memoryOf = [&](const std::string &name) -> MutableArrayRef<std::byte> {
    DLTensor view = {};
    if (asgc_program_variable(session->handle, name.c_str(), &view) != ASGC_OK)
      return {};
    size_t bytes = view.dtype.bits / 8;
    for (int32_t axis = 0; axis < view.ndim; ++axis)
      bytes *= size_t(view.shape[axis]);
    return {static_cast<std::byte *>(view.data), bytes};
  };
  const asgc_program_desc &desc = code->getDescription();
  for (int32_t i = 0; i < desc.num_variables; ++i) // what a run before left
    llvm::fill(memoryOf(desc.variables[i].tensor.name), std::byte());
  for (const auto &[name, value] : variables)
    if (auto memory = memoryOf(name); !memory.empty())
      llvm::copy(value.bytes(), memory.begin());
  asgc_program_touch(session->handle);

  asg::GraphOp graph = graphs.lookup(entry);
  InterpreterResult result;
  for (Type type : graph.getResultTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    std::vector<int64_t> shape;
    for (const DimExpr &dim : asg::getDims(tensor))
      shape.push_back(extentFrom(graph, inputs, dim).value_or(0));
    result.outputs.push_back(
        *HostTensor::make(getDType(tensor.getElementType()), shape));
  }
  std::vector<View> views;
  for (const HostTensor &tensor : inputs)
    views.emplace_back(tensor);
  for (const HostTensor &tensor : result.outputs)
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
  if (asgc_program_run(session->handle, entryOf[entry].c_str(), in.data(),
                       in.size(), out.data(), out.size()) != ASGC_OK) {
    error += asgc_program_error(session->handle);
    return failure();
  }
  result.assigned = variables;
  for (auto &[name, value] : result.assigned)
    if (auto memory = memoryOf(name); !memory.empty())
      llvm::copy(memory, value.bytes().begin());
  return result;
}

FailureOr<InterpreterResult> runOnCpu(ModuleOp module,
                                      ArrayRef<HostTensor> inputs,
                                      const Variables &variables,
                                      const CpuOptions &options,
                                      std::string &error) {
  std::unique_ptr<CpuProgram> program =
      CpuProgram::compile(module, options, error);
  if (!program)
    return failure();
  asg::GraphOp graph = firstEntry(module);
  return program->run(graph.getSymName(), inputs, variables, {}, error);
}

} // namespace asgc::test
