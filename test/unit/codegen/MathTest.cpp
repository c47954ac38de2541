//===- MathTest.cpp - The math expansions against libm in double ----------===//
#include "lib/Codegen/cpu/LlvmBuilder.h"

#include "asgc/Codegen.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <random>

using namespace asgc;
using mlir::Value;

namespace {

using Expansion = Value (*)(Math &, Value, Value);
using Function = void (*)(const float *, const float *, float *, int64_t);

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Compiled {
  std::unique_ptr<LoadedProgram> program;
  Function function;
};

/// out[i] = expansion(x[i], y[i]) in steps of a vector; `n` is a multiple of
/// it.
std::string compileLoop(Expansion expansion, cpu::Isa isa) {
  mlir::DialectRegistry registry;
  registerCodegenDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadDialect<mlir::LLVM::LLVMDialect>();
  mlir::OpBuilder builder(&context);
  mlir::Location loc = mlir::NameLoc::get(builder.getStringAttr("test"));
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  auto pointer = mlir::LLVM::LLVMPointerType::get(&context);
  auto type = mlir::LLVM::LLVMFunctionType::get(
      mlir::LLVM::LLVMVoidType::get(&context),
      {pointer, pointer, pointer, builder.getI64Type()});
  auto function =
      mlir::LLVM::LLVMFuncOp::create(builder, loc, "f_program", type);
  function.setTargetCpu(isa == cpu::Isa::Avx512 ? "x86-64-v4" : "x86-64-v3");
  function.setPreferVectorWidth("512");
  mlir::Block *entry = function.addEntryBlock(builder);
  cpu::LlvmBuilder kernel(builder, loc, isa, [](const DimExpr &) { return 0; });
  kernel.enterFunction(entry, function.getArgument(0));
  Math math(kernel);
  kernel.loop(kernel.i64(0), function.getArgument(3), kernel.lanes, {},
              [&](Value i, mlir::ValueRange) -> KernelBuilder::Values {
                auto load = [&](int argument) {
                  return kernel.load(
                      kernel.address(function.getArgument(argument), i, 4),
                      builder.getF32Type(), true, {});
                };
                Value result = expansion(math, load(0), load(1));
                kernel.store(kernel.address(function.getArgument(2), i, 4),
                             result, {}, false);
                return {};
              });
  mlir::LLVM::ReturnOp::create(builder, loc, mlir::ValueRange());
  return emitCode(*module, CodeFormat::Object);
}

Compiled compile(Expansion expansion, cpu::Isa isa) {
  std::string error;
  Compiled compiled;
  compiled.program = loadProgram(compileLoop(expansion, isa), "f", {}, &error);
  REQUIRE_MESSAGE(compiled.program, error);
  compiled.function =
      reinterpret_cast<Function>(&compiled.program->getDescription());
  return compiled;
}

/// How many f32 lie between the result and the truth.
double ulps(float got, double want) {
  if (std::isnan(want))
    return std::isnan(got) ? 0 : kInf;
  float rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got) || std::isnan(got))
    return got == rounded ? 0 : kInf;
  // The spacing of f32 around the truth.
  int exponent = std::max(std::ilogb(want), -126);
  if (want == 0)
    exponent = -126;
  return std::abs((got - want) / std::ldexp(1.0, exponent - 23));
}

std::vector<float> specials() {
  std::vector<float> values;
  for (float v :
       {0.0f,          1.0f,        0.5f,         2.0f,        3.0f,
        4.0f,          0.1f,        1e-8f,        1e-20f,      1e-38f,
        1e-40f,        1.4e-45f,    1e8f,         1e20f,       3e38f,
        3.4028235e38f, 88.0f,       88.72283f,    88.72284f,   89.0f,
        103.97f,       104.0f,      87.33f,       127.0f,      128.0f,
        126.5f,        149.0f,      150.0f,       0.99999994f, 1.0000001f,
        16777216.0f,   16777217.0f, 8388607.5f,   0.49999997f, 1.5f,
        2.5f,          1e5f,        1.00001e5f,   99999.9f,    1e6f,
        1e10f,         1e30f,       2.1474836e9f, kInf})
    for (float sign : {1.0f, -1.0f})
      values.push_back(sign * v);
  values.push_back(kNan);
  return values;
}

/// `count` numbers: the special ones, then random ones of [low, high].
std::vector<float> samples(double low, double high, size_t count) {
  std::vector<float> values = specials();
  std::mt19937 random(1);
  std::uniform_real_distribution<double> draw(low, high);
  while (values.size() < count / 2)
    values.push_back(draw(random));
  // All magnitudes and signs.
  std::uniform_int_distribution<uint32_t> bits;
  while (values.size() < count) {
    uint32_t word = bits(random);
    float value;
    std::memcpy(&value, &word, 4);
    values.push_back(value);
  }
  return values;
}

std::vector<cpu::Isa> isas() {
  std::vector<cpu::Isa> list{cpu::Isa::Avx2};
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    list.push_back(cpu::Isa::Avx512);
  return list;
}

void check(const char *name, Expansion expansion,
           double (*truth)(double, double), double low, double high,
           double limit) {
  constexpr size_t kCount = 1 << 20;
  std::vector<float> x = samples(low, high, kCount), y(kCount);
  std::vector<float> other = samples(-20, 20, kCount);
  for (size_t i = 0; i < kCount; ++i)
    y[i] = other[(i * 7919 + 13 * (i / 97)) % kCount];
  // Every pair of special values.
  std::vector<float> special = specials();
  for (size_t i = 0; i < special.size(); ++i)
    for (size_t j = 0; j < special.size(); ++j) {
      x[kCount / 4 + i * special.size() + j] = special[i];
      y[kCount / 4 + i * special.size() + j] = special[j];
    }
  for (cpu::Isa isa : isas()) {
    Compiled compiled = compile(expansion, isa);
    std::vector<float> got(kCount);
    compiled.function(x.data(), y.data(), got.data(), kCount);
    double worst = -1;
    size_t at = 0;
    for (size_t i = 0; i < kCount; ++i) {
      double error = ulps(got[i], truth(x[i], y[i]));
      if (error > worst)
        worst = error, at = i;
    }
    std::string what = name;
    what += isa == cpu::Isa::Avx2 ? " avx2" : " avx512";
    CAPTURE(what);
    CAPTURE(x[at]);
    CAPTURE(y[at]);
    CAPTURE(got[at]);
    CAPTURE(truth(x[at], y[at]));
    if (std::getenv("ASGC_TEST_ULPS"))
      MESSAGE(what << ": " << worst << " ulp");
    CHECK(worst <= limit);
  }
}

#define UNARY(name)                                                            \
  [](Math &math, Value x, Value) { return math.name(x); },                     \
      [](double x, double) -> double { return std::name(x); }

} // namespace

TEST_SUITE("math expansions") {
  TEST_CASE("are within their bounds of libm") {
    check("exp", UNARY(exp), -105, 90, 1);
    check("exp2", UNARY(exp2), -151, 129, 1.2);
    check("expm1", UNARY(expm1), -20, 20, 1.5);
    check("log", UNARY(log), 0, 100, 1);
    check("log2", UNARY(log2), 0, 100, 1.5);
    check("log10", UNARY(log10), 0, 100, 1.9);
    check("log1p", UNARY(log1p), -1, 10, 1.5);
    check("tanh", UNARY(tanh), -10, 10, 2.5);
    check("erf", UNARY(erf), -4, 4, 1.5);
    check("sin", UNARY(sin), -100, 100, 1.5);
    check("cos", UNARY(cos), -100, 100, 1.5);
    check("round", UNARY(round), -100, 100, 0);
  }
  TEST_CASE("of two operands are within their bounds of libm") {
    check(
        "pow", [](Math &m, Value x, Value y) { return m.pow(x, y); },
        [](double x, double y) -> double { return std::pow(x, y); }, 0, 20,
        0.51);
    check(
        "fmod", [](Math &m, Value x, Value y) { return m.remainder(x, y); },
        [](double x, double y) -> double { return std::fmod(x, y); }, -100, 100,
        0);
  }
}
