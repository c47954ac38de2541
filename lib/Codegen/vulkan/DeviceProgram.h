//===- DeviceProgram.h - Programs as shaders and lists of dispatches ------===//
#ifndef ASGC_CODEGEN_VULKAN_DEVICEPROGRAM_H
#define ASGC_CODEGEN_VULKAN_DEVICEPROGRAM_H

#include "asgc/Codegen.h"
#include "dialects/plan/Plan.h"

#include "mlir/IR/BuiltinOps.h"

namespace asgc::vulkan {

/// What asgc_vulkan_desc says, before it is written down.
struct DeviceProgram {
  struct Shader {
    std::vector<uint32_t> words;
    int32_t features = 0;
    bool isIndirect = false;
    MatrixUnit unit;
  };
  struct Dispatch {
    std::string name; ///< its line in the profile
    int64_t shader = 0;
    int64_t level = 0;
    std::vector<asgc_place> operands;
    DimExpr groups;
    int64_t step = 0, form = 0;
  };

  std::vector<Shader> shaders;
  std::vector<std::vector<Dispatch>> entries; ///< one per plan.program
  std::vector<int64_t> arenaBytes;            ///< of each, with workspaces
  std::vector<int64_t> arenaBlocks;      ///< as asgc_vulkan_desc::arena_blocks
  int64_t blockBytes = int64_t(1) << 31; ///< unless a program says less
  std::string constants;
};

/// How the rest of a program is numbered.
struct Numbering {
  /// The place of an extent of the entry in the table of dims.
  std::function<int64_t(size_t entry, const DimExpr &)> dimIndex;
  std::function<int64_t(llvm::StringRef)> variableIndex;
};

/// Makes the shaders of all plan.programs of `source` and puts them, as
/// spirv.modules, at the end of `modules`. Failure is reported at the step.
/// A step has a form for all devices, and before it one for each option of
/// which it makes use.
mlir::FailureOr<DeviceProgram> emitDeviceProgram(mlir::ModuleOp source,
                                                 mlir::ModuleOp modules,
                                                 const Numbering &numbering,
                                                 const DeviceOptions &options);

/// Gives each dispatch a level and sorts them by it: a dispatch that reads what
/// another one writes, or writes what it uses, has a higher level than the
/// earlier of both. `uses` are the bytes that each dispatch uses, in order.
struct Use {
  int64_t space; ///< which memory; ranges of two never meet
  int64_t begin, end;
  bool isWrite;
};
/// Two that `areApart` need no barrier, whatever they use.
using AreApart = llvm::function_ref<bool(size_t, size_t)>;
std::vector<int64_t> assignLevels(
    llvm::ArrayRef<llvm::SmallVector<Use>> uses,
    AreApart areApart = [](size_t, size_t) { return false; });
/// The first pair of dispatches of one level that may not run at once.
std::optional<std::pair<size_t, size_t>> findConflict(
    llvm::ArrayRef<llvm::SmallVector<Use>> uses, llvm::ArrayRef<int64_t> levels,
    AreApart areApart = [](size_t, size_t) { return false; });

/// Whether Σ strides[k] · i[k] = distance + Σ strides[k] · j[k] for some
/// 0 <= i < extents and 0 <= j < others. May say so of parts of memory that do
/// not meet, but only where strides are not those of a tensor's axes.
bool partsMeet(int64_t distance, llvm::ArrayRef<int64_t> strides,
               llvm::ArrayRef<int64_t> extents, llvm::ArrayRef<int64_t> others);
/// Whether both copies write the same buffer, but no element of it is written
/// by both. Only of sizes known at compile time.
bool writeApart(plan::CopyOp copy, plan::CopyOp other);

/// Bytes of the arena that are used as one buffer.
struct Range {
  int64_t begin, end;
};
/// The first byte of each block, in order and from 0, of an arena in blocks of
/// at most `blockBytes`: no range lies in two. A range that is larger, or such
/// that overlap and are larger together, make a larger block.
std::vector<int64_t> cutArena(std::vector<Range> ranges, int64_t blockBytes);

/// The bytes of a constant as buffers hold them.
std::string constantBytes(mlir::ElementsAttr value);

} // namespace asgc::vulkan

#endif
