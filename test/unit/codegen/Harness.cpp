//===- Harness.cpp - Compiles plan programs in memory and runs them -------===//
#include "Harness.h"

#include "asgc/abi.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"
#include "runtime/src/vulkan/ShaderCode.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>
#include <random>
#include <spirv-tools/libspirv.h>

using namespace asgc;
using namespace asgc::test;

//===- Tensors ------------------------------------------------------------===//

static int64_t bytesOf(int32_t dtype) {
  switch (dtype) {
  case ASGC_F32:
  case ASGC_I32:
    return 4;
  case ASGC_F16:
  case ASGC_BF16:
    return 2;
  case ASGC_I64:
    return 8;
  default:
    return 1;
  }
}

static DLDataType dlType(int32_t dtype) {
  uint8_t bits = 8 * bytesOf(dtype);
  switch (dtype) {
  case ASGC_F32:
  case ASGC_F16:
    return {kDLFloat, bits, 1};
  case ASGC_BF16:
    return {kDLBfloat, bits, 1};
  case ASGC_BOOL:
    return {kDLUInt, bits, 1};
  default:
    return {kDLInt, bits, 1};
  }
}

Tensor::Tensor(int32_t dtype, std::vector<int64_t> dims)
    : dtype(dtype), dims(std::move(dims)) {
  bytes.resize(size() * bytesOf(dtype));
}

int64_t Tensor::size() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

Tensor Tensor::f32(std::vector<int64_t> dims, std::vector<float> values) {
  Tensor tensor(ASGC_F32, std::move(dims));
  REQUIRE(tensor.size() == static_cast<int64_t>(values.size()));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

Tensor test::randomF32(std::vector<int64_t> dims, double low, double high,
                       uint32_t seed) {
  Tensor tensor(ASGC_F32, std::move(dims));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(low, high);
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.f()[i] = draw(random);
  return tensor;
}

void test::checkClose(const Tensor &got, const std::vector<double> &want,
                      double tolerance) {
  REQUIRE(got.size() == static_cast<int64_t>(want.size()));
  double worst = 0;
  int64_t at = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    double error = std::abs(got.f()[i] - want[i]) / (1 + std::abs(want[i]));
    if (!(error <= worst))
      worst = error, at = i;
  }
  CAPTURE(at);
  CAPTURE(got.f()[at]);
  CAPTURE(want[at]);
  CHECK(worst <= tolerance);
}

static DLTensor view(Tensor &tensor) {
  DLTensor dl{};
  dl.data = tensor.bytes.data();
  dl.device = {kDLCPU, 0};
  dl.ndim = tensor.dims.size();
  dl.dtype = dlType(tensor.dtype);
  dl.shape = tensor.dims.data();
  return dl;
}

//===- Compiling ----------------------------------------------------------===//

static std::vector<RuntimeFunction> runtimeFunctions() {
  return {
#define ASGC_ABI(name, ...) {#name, reinterpret_cast<void *>(&name)},
#include "asgc/abi.def"
  };
}

bool test::usesVulkan() {
  const char *device = std::getenv("ASGC_DEVICE");
  return device && std::strcmp(device, "vulkan") == 0;
}

/// The object, or nothing and the diagnostics.
static std::string compile(const std::string &text, CodegenOptions options,
                           std::string *errors) {
  mlir::DialectRegistry registry;
  registry.insert<asg::AsgDialect, plan::PlanDialect>();
  registerCodegenDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &d) {
    *errors += d.str() + "\n";
    return mlir::success();
  });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return {};
  options.isas = hostIsas();
  options.cpu = !usesVulkan();
  options.vulkan = usesVulkan();
  auto lowered = lowerPlanToLlvm(*module, options);
  if (!lowered)
    return {};
  if (mlir::failed(mlir::verify(*lowered)))
    return {};
  return emitCode(*lowered, CodeFormat::Object);
}

/// Every shader is valid by the rules of Vulkan, but for those that Debian 12's
/// SPIRV-Tools do not know the capabilities of.
static void validateShaders(const asgc_vulkan_desc &desc) {
  spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_3);
  for (int32_t i = 0; i < desc.num_shaders; ++i) {
    const asgc_shader &shader = desc.shaders[i];
    if (shader.subgroup_size != 0)
      continue;
    std::vector<uint32_t> words = rt::vulkan::unpackShader(
        {shader.code, size_t(shader.num_bytes)}, shader.num_words);
    spv_const_binary_t binary{words.data(), words.size()};
    spv_diagnostic diagnostic = nullptr;
    spv_result_t result = spvValidate(context, &binary, &diagnostic);
    CHECK_MESSAGE(result == SPV_SUCCESS,
                  std::string(diagnostic ? diagnostic->error : ""));
    spvDiagnosticDestroy(diagnostic);
  }
  spvContextDestroy(context);
}

Compiled::Compiled(const std::string &text, CodegenOptions options) {
  std::string errors;
  std::string object = compile(text, options, &errors);
  REQUIRE_MESSAGE(!object.empty(), (errors + text));
  program = loadProgram(object, options.name, runtimeFunctions(), &errors);
  REQUIRE_MESSAGE(program, errors);
  if (usesVulkan())
    validateShaders(*getDescription().vulkan);
}

Compiled::~Compiled() = default;

const asgc_program_desc &Compiled::getDescription() const {
  return program->getDescription();
}

std::string test::compileErrors(const std::string &text) {
  std::string errors;
  CHECK(compile(text, {}, &errors).empty());
  return errors;
}

//===- Running ------------------------------------------------------------===//

asgc_program *Compiled::create(RunOptions options) {
  asgc_options native{options.threads, 0, options.isa, 0};
  asgc_program *instance = nullptr;
  asgc_status status =
      asgc_program_create(&program->getDescription(), &native, &instance);
  REQUIRE_MESSAGE(status == ASGC_OK, std::string(asgc_last_error()));
  return instance;
}

std::vector<Tensor> Compiled::run(const std::string &entry,
                                  std::vector<Tensor> inputs,
                                  std::vector<Tensor> shapes,
                                  RunOptions options) {
  asgc_program *instance = create(options);
  std::vector<DLTensor> in, out;
  for (Tensor &tensor : inputs)
    in.push_back(view(tensor));
  for (Tensor &tensor : shapes) {
    std::memset(tensor.bytes.data(), 0x5a, tensor.bytes.size());
    out.push_back(view(tensor));
  }
  std::vector<const DLTensor *> inPointers;
  std::vector<DLTensor *> outPointers;
  for (DLTensor &tensor : in)
    inPointers.push_back(&tensor);
  for (DLTensor &tensor : out)
    outPointers.push_back(&tensor);
  asgc_status status =
      asgc_program_run(instance, entry.c_str(), inPointers.data(), in.size(),
                       outPointers.data(), out.size());
  CHECK_MESSAGE(status == ASGC_OK, std::string(asgc_program_error(instance)));
  asgc_program_destroy(instance);
  return shapes;
}

std::vector<int32_t> test::isasToTest() {
  return usesVulkan() ? std::vector<int32_t>{-1} : hostIsas();
}

std::vector<std::vector<Tensor>>
test::runAll(Compiled &compiled, const std::string &entry,
             const std::vector<Tensor> &inputs,
             const std::vector<Tensor> &shapes) {
  std::vector<std::vector<Tensor>> results;
  for (int32_t isa : isasToTest()) {
    results.push_back(compiled.run(entry, inputs, shapes, {isa, 1}));
    for (int32_t threads : {2, 4}) {
      if (usesVulkan())
        continue;
      auto others = compiled.run(entry, inputs, shapes, {isa, threads});
      for (size_t i = 0; i < others.size(); ++i)
        CHECK(others[i].bytes == results.back()[i].bytes);
    }
  }
  return results;
}
