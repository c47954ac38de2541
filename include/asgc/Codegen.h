//===- Codegen.h - Programs of the plan dialect as machine code -----------===//
#ifndef ASGC_CODEGEN_H
#define ASGC_CODEGEN_H

#include "asgc/DeviceKernels.h"
#include "asgc/program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace asgc {

/// What devices with VK_KHR_cooperative_matrix have most often.
inline std::vector<MatrixUnit> commonMatrixUnits() {
  return {{.rows = 16, .columns = 16, .depth = 16, .subgroupSize = 32}};
}

/// How shaders are made.
struct DeviceOptions {
  /// Those of contractions come in a form for each of these, and in one for
  /// devices without any.
  std::vector<MatrixUnit> matrixUnits = commonMatrixUnits();
  /// Matrix units multiply f32 too, as three products of bf16; the relative
  /// error of a product is about 2^-16, and where a factor is infinite it may
  /// be NaN.
  bool splitsF32 = false;
  /// scatter_add of f32 comes in a form with atomic additions, and in one for
  /// devices without: the first is faster, and its last bits vary.
  bool addsAtomically = false;
  /// What tiles took on the device, see asgc tune.
  std::vector<TileTime> times;
  /// Products are cut into this tile where they can be, and come in no other
  /// form; nothing: the one that takes least time.
  std::optional<DeviceTile> onlyTile;
};

struct CodegenOptions {
  /// The model's name; the description is called `<name>_program`. A C
  /// identifier.
  std::string name = "model";
  /// Instruction sets to compile kernels for. Only those of `hostIsas()` can
  /// run in this process.
  std::vector<int32_t> isas = {ASGC_ISA_AVX2, ASGC_ISA_AVX512};
  /// Whether there is code for the CPU, and shaders for Vulkan devices.
  bool cpu = true, vulkan = false;
  DeviceOptions device;
  /// Fill buffers with NaN as they die (asgc_rt_poison).
  bool poison = false;
  /// What asgc_program_dump writes (JSON); empty: none.
  std::string metadata;
  /// A safetensors file to embed; empty: none.
  std::string weights;
};

/// The instruction sets that this machine has, of those in program.h.
std::vector<int32_t> hostIsas();

/// Dialects and translations that code generation needs in a context.
void registerCodegenDialects(mlir::DialectRegistry &registry);

/// The module (asg.param, asg.state, plan.program) as a module of the llvm
/// dialect: a function per kernel and instruction set, one per entry, and the
/// program's description. Null after an error, which the context reports.
mlir::OwningOpRef<mlir::ModuleOp>
lowerPlanToLlvm(mlir::ModuleOp module, const CodegenOptions &options);

/// The shaders of the module's programs, each a spirv.module named after its
/// step. Null after an error, which the context reports.
mlir::OwningOpRef<mlir::ModuleOp>
lowerPlanToSpirv(mlir::ModuleOp module, const DeviceOptions &options = {});
/// Registers the same as the pass plan-to-spirv.
void registerPlanToSpirv();

enum class CodeFormat { LlvmIr, Assembly, Object };

/// The llvm module as text or as a relocatable object, whose only symbol for
/// others is the description. Empty after an error, which the context reports.
std::string emitCode(mlir::ModuleOp llvmModule, CodeFormat format);

/// The llvm module as relocatable objects that are linked together, made by as
/// many threads as there are cores. How many they are depends on the module's
/// size alone. What they share has hidden visibility and a name that begins
/// with the program's. Empty after an error, which the context reports.
std::vector<std::string> emitObjects(mlir::ModuleOp llvmModule);

/// A function of the runtime that a program calls.
struct RuntimeFunction {
  const char *name;
  void *address;
};

/// Code in this process. The description lives as long as this.
class LoadedProgram {
public:
  virtual ~LoadedProgram();
  virtual const asgc_program_desc &getDescription() const = 0;
};

/// Links objects in memory with `runtime`, the functions of abi.def, and
/// nothing else of this process. Null on failure, with the reason in `*error`.
std::unique_ptr<LoadedProgram>
loadProgram(llvm::ArrayRef<std::string> objects, const std::string &name,
            const std::vector<RuntimeFunction> &runtime, std::string *error);

} // namespace asgc

#endif
