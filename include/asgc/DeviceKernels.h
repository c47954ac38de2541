//===- DeviceKernels.h - Kernels of the plan dialect for devices ----------===//
#ifndef ASGC_DEVICEKERNELS_H
#define ASGC_DEVICEKERNELS_H

#include "asgc/Kernels.h"
#include "asgc/TileTable.h"

namespace asgc {

/// The product that a subgroup of `subgroupSize` work items forms at once: an
/// f16 or bf16 matrix [rows, depth] by one of [depth, columns], added up in f32
/// (VK_KHR_cooperative_matrix). Zeros: none.
struct MatrixUnit {
  int64_t rows = 0, columns = 0, depth = 0, subgroupSize = 0;
  explicit operator bool() const { return subgroupSize != 0; }
};

/// What kernels for a device are made for. The defaults suit every device that
/// has the runtime's baseline.
struct DeviceTarget {
  /// What a tile is chosen by; only ratios matter much.
  struct TileSpeed {
    int64_t abreast; ///< groups that share a processor
    double macs;     ///< multiply-adds of a processor in a microsecond
    double latency;  ///< microseconds of a slice at least
    double ends;     ///< microseconds before the first slice and after the last
  };
  /// How a work group computes a block of a contraction's result: `rows` x
  /// `columns`, with `depth` of the sum at a time; each work item has
  /// `itemRows` x `itemColumns` of it in registers.
  struct Tile {
    int64_t rows, columns, depth, itemRows, itemColumns;
    TileSpeed speed;
    int64_t items() const { return rows / itemRows * (columns / itemColumns); }
  };

  int64_t groupSize = 256;      ///< work items in a group
  int64_t pointsPerItem = 4;    ///< of a map
  int64_t lanes = 4;            ///< points that an item can take as a vector
  int64_t columnsPerGroup = 32; ///< where a reduction runs across memory
  /// Numbers that an item of a reduction has on the way from memory at once,
  /// and those that it may keep from one pass to the next.
  int64_t numbersOnTheWay = 16, numbersKept = 64;
  /// From the largest to the one that serves everything.
  llvm::SmallVector<Tile> tiles = {
      {128, 128, 16, 8, 8, {2, 1.5e5, 1.9, 5}},
      {64, 64, 16, 4, 4, {4, 1.0e5, 0.9, 3}},
      {32, 32, 32, 4, 4, {5, 0.5e5, 0.9, 2}}};
  /// With a unit, contractions of f16 and bf16 use it: a group computes `rows`
  /// x `columns`, each of its subgroups a part of that, `depth` of the sum at a
  /// time.
  struct MatrixTile {
    int64_t rows, columns, depth, subgroupRows, subgroupColumns;
    TileSpeed speed;
    int64_t subgroups() const {
      return rows / subgroupRows * (columns / subgroupColumns);
    }
  };
  MatrixUnit unit{};
  llvm::SmallVector<MatrixTile> matrixTiles = {
      {128, 128, 32, 64, 64, {2, 1.1e6, 0.85, 6}},
      {64, 128, 32, 32, 64, {3, 6.5e5, 0.65, 4}},
      {64, 64, 64, 32, 32, {2, 5.5e5, 0.8, 3}}};
  /// Products and convolutions of f32 use the unit too: each factor is split
  /// into two bf16 parts, of whose products three are added up.
  bool splitsF32 = false;
  /// scatter_add of f32 adds to memory by atomic instructions, in any order.
  bool addsAtomically = false;
  /// What tiles took on the device; they correct the model of their time.
  llvm::ArrayRef<TileTime> times;
  int64_t busyGroups = 128;    ///< fewer leave a large device idle
  double launchMicros = 7;     ///< of one more launch, with its barrier
  double bytesPerMicro = 4e6;  ///< to and from memory
};

/// Emits instructions of one work item. Values are scalars or vectors of
/// `lanes`, 1 or 4; pointers are addresses, i64. A vector in memory lies at a
/// multiple of its size or, if that is less, of 16 bytes.
class DeviceBuilder : public KernelBuilder {
public:
  using KernelBuilder::KernelBuilder;

  /// The address of an operand.
  virtual Value operand(int64_t index) = 0;
  /// The same for an index known at run time, if operands are in memory.
  virtual Value operandAt(Value index) = 0;
  /// The number of this work item in its group (i32) and that of the group
  /// (i64).
  virtual Value item() = 0;
  virtual Value group() = 0;

  /// Memory of the group: `count` elements. Names them for the two below, where
  /// indices are i32.
  virtual int64_t shared(Type element, int64_t count) = 0;
  virtual Value loadShared(int64_t array, Value index) = 0;
  virtual void storeShared(int64_t array, Value index, Value value) = 0;
  /// Stores one part (`lane`, i32) of a `join`ed element.
  virtual void storeSharedLane(int64_t array, Value index, Value lane,
                               Value value) = 0;
  /// Two or four numbers of 32 bits as one value, which can be loaded and
  /// stored at a multiple of its size; `extract` gets its parts.
  virtual Value join(llvm::ArrayRef<Value> parts) = 0;
  /// Waits for all items of the group, which then see each other's stores to
  /// its memory. All of them must come here.
  virtual void barrier() = 0;
  /// Adds an f32 to the one at an address, whoever else does meanwhile.
  virtual void atomicAdd(Value pointer, Value number) = 0;

  // Matrices of the launch's unit, each held by a subgroup; all items of the
  // subgroup must come here. Arrays in the group's memory are of `join`ed
  // words, indices and strides count those.

  /// The number of this item's subgroup in the group, i32.
  virtual Value subgroup() = 0;
  enum class Factor { A, B };
  /// `stride` lies between rows or, if the matrix is transposed, columns.
  virtual Value loadFactor(Factor factor, Type element, int64_t array,
                           Value index, int64_t stride, bool isTransposed) = 0;
  /// Two numbers rounded to bf16, the second in the upper half of a word. Only
  /// where the unit takes bf16.
  virtual Value joinRounded(Value first, Value second) = 0;
  virtual Value zeroSum() = 0;
  /// a · b + sum.
  virtual Value multiplyAdd(Value a, Value b, Value sum) = 0;
  virtual void storeSum(int64_t array, Value index, int64_t stride,
                        Value sum) = 0;
  virtual Value loadSum(int64_t array, Value index, int64_t stride) = 0;
  /// Each element of a sum times that of another one.
  virtual Value multiplySums(Value x, Value y) = 0;

  /// 2ˣ by the device's own instruction, whose relative error is about 2^-21
  /// where x is small: for what is rounded to halves.
  virtual Value nativeExp2(Value x) = 0;
};

/// One dispatch of a kernel.
struct DeviceLaunch {
  DimExpr groups;
  int64_t groupSize = 1;
  bool isIndirect = false; ///< operands must be in memory
  MatrixUnit unit{};       ///< that the code uses
  /// What it is called after the step, if it is not the main one; else it packs
  /// or combines.
  llvm::StringRef part = {};
  /// It and other such launches of the step neither need nor write what one of
  /// them writes.
  bool isAlone = false;
};

/// Device code for one step of the plan.
class DeviceKernel {
public:
  virtual ~DeviceKernel();

  /// In order; one may need what those before it wrote.
  llvm::SmallVector<DeviceLaunch> launches;
  /// The launch that does the step's work: those before it bring operands into
  /// another layout, those after it combine its results.
  int64_t mainLaunch = 0;
  bool usesUnit() const {
    return llvm::any_of(
        launches, [](const DeviceLaunch &launch) { return bool(launch.unit); });
  }
  bool addsAtomically = false;
  /// Whether it needs what not every device has.
  bool isOptional() const { return usesUnit() || addsAtomically; }
  /// Memory in which launches leave something for the next; if there is any, it
  /// is the operand after the step's.
  int64_t workspaceBytes = 0;

  /// Emits the shader of a launch. The builder's operands are the step's.
  virtual mlir::LogicalResult emit(int64_t launch, DeviceBuilder &builder) = 0;

  /// Analyses `step`. Null after an error, which is reported at the step.
  static std::unique_ptr<DeviceKernel>
  create(mlir::Operation *step, const DeviceTarget &target,
         std::function<std::optional<int64_t>(const DimExpr &)> boundOf);
};

} // namespace asgc

#endif
