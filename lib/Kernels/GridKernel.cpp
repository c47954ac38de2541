//===- GridKernel.cpp - Code for a plan.kernel ----------------------------===//
#include "GridKernel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
/// Elements of the vector dim in a task of a map: 16 KiB of f32 for each
/// operand, which the first-level cache holds a few of.
constexpr int64_t kMapBlock = 4096;
/// Where an operand runs across cache lines: their number stays in cache until
/// the neighbouring rows have used the rest of each line.
constexpr int64_t kTransposedBlock = 256;
/// Columns in a task: what one cache line or more of each row holds.
constexpr int64_t kColumnBlock = 64;
/// Outputs beyond this are better not written through the caches, which they
/// would only sweep.
constexpr int64_t kStreamingBytes = int64_t(32) << 20;
/// How far ahead such kernels ask for what they read: the processor by itself
/// looks less far.
constexpr int64_t kStreamAheadBytes = 2048;
} // namespace

//===- Analysis -----------------------------------------------------------===//

std::unique_ptr<GridKernel> GridKernel::create(plan::KernelOp op,
                                               const BoundOf &boundOf) {
  auto kernel = std::make_unique<GridKernel>();
  Model &model = kernel->model;
  model.read(op);
  if (failed(model.analyze(boundOf)))
    return nullptr;
  model.chooseVectorDim();
  if (model.vectorDim < 0)
    model.vectorDim = std::ssize(model.space) - 1;
  kernel->chooseShape();
  if (Value workspace = op.getWorkspace()) {
    auto type = cast<plan::BufferType>(workspace.getType()).getTensor();
    if (type.getRank() != 3 || type.isDynamicDim(1)) {
      op.emitOpError() << "workspace is no tensor<P x C x K> with a known C";
      return nullptr;
    }
    kernel->chunks = DimExpr(type.getDimSize(1));
  }
  kernel->planTasks();
  if (op.getWorkspace())
    kernel->planCombine();
  if (kernel->shape == Shape::Row) {
    kernel->planKept();
    kernel->planPrefetches();
  }
  return kernel;
}

void GridKernel::chooseShape() {
  if (model.vectorDim < 0)
    shape = Shape::Point;
  else if (model.reduced == 0)
    shape = Shape::Map;
  else
    shape = has(model.reduced, model.vectorDim) ? Shape::Row : Shape::Column;
}

int64_t GridKernel::firstReducedDim() const {
  return llvm::countr_zero(model.reduced);
}

/// Outermost first; the vector dim, if reduced, is the innermost loop.
SmallVector<int64_t> GridKernel::reducedDims() const {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (has(model.reduced, dim) && dim != model.vectorDim)
      dims.push_back(dim);
  if (has(model.reduced, model.vectorDim))
    dims.push_back(model.vectorDim);
  return dims;
}

void GridKernel::planTasks() {
  int64_t vectorDim = model.vectorDim;
  if (hasChunks())
    axes.push_back({.count = chunks, .isChunk = true});
  // A dim along which operands are contiguous that the vector dim is not.
  int64_t along = -1;
  auto findAlong = [&](const Operand &operand) {
    if (operand.isWhole || shape != Shape::Map)
      return;
    const auto &strides = operand.access.strides;
    if (!has(operand.varies, vectorDim) || strides[vectorDim] == DimExpr(1))
      return;
    for (auto [dim, stride] : llvm::enumerate(strides))
      if (has(operand.varies, dim) && stride == DimExpr(1))
        along = dim;
  };
  llvm::for_each(model.reads, findAlong);
  llvm::for_each(model.writes, findAlong);
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (has(keptDims(), dim) && dim != vectorDim && dim != along &&
        !model.isUnit(dim))
      axes.push_back({.dim = dim, .count = model.space[dim]});
  int64_t block = shape == Shape::Column ? kColumnBlock
                  : along >= 0           ? kTransposedBlock
                                         : kMapBlock;
  DimExpr points =
      shape == Shape::Map ? DimExpr(1) : model.points(model.reduced);
  if (vectorDim >= 0 && has(keptDims(), vectorDim)) {
    bool isBlocked = model.bounds[vectorDim] > block;
    DimExpr extent = model.space[vectorDim];
    if (isBlocked)
      axes.push_back({.dim = vectorDim,
                      .count = (extent + DimExpr(block - 1)).floorDiv(block),
                      .block = block});
    points = points * (isBlocked ? DimExpr(block) : extent);
  }
  if (along >= 0)
    axes.push_back({.dim = along, .count = model.space[along]});
  KernelLaunch launch{.tasks = DimExpr(1), .pointsPerTask = points};
  for (const Axis &axis : axes)
    launch.tasks = launch.tasks * axis.count;
  if (auto count = chunks.asConstant(); count && *count > 0)
    launch.pointsPerTask = (points + DimExpr(*count - 1)).floorDiv(*count);
  launch.nanosecondsPerPoint =
      model.nanosecondsPerPoint() * std::max<int64_t>(1, model.passes);
  launches.push_back(launch);

  int64_t elements = 1;
  for (int64_t bound : model.bounds)
    if (llvm::MulOverflow(elements, std::max<int64_t>(bound, 1), elements))
      elements = INT64_MAX / 16;
  for (const Operand &write : model.writes) {
    bool isWhole = write.varies == model.allDims() && shape == Shape::Map &&
                   write.access.strides[vectorDim] == DimExpr(1);
    int64_t bytes = std::max(1u, write.element.getIntOrFloatBitWidth() / 8);
    isStreaming |= isWhole && elements >= kStreamingBytes / bytes;
  }
}

//===- Tasks --------------------------------------------------------------===//

/// Opens the kept dims of task `number` in `scope`.
GridKernel::Task GridKernel::openTask(Scope &scope, ArrayRef<Axis> taskAxes,
                                      Value number) {
  KernelBuilder &b = scope.b;
  int64_t vectorDim = scope.model.vectorDim;
  Task task;
  SmallVector<int64_t> dims;
  Values coordinates;
  auto range = [&](Value index, Value size, const DimExpr &extent) {
    // The last chunks of a short dim are empty.
    Value end = b.extent(extent);
    Value from = b.two(Binary::MinS, b.mulI(index, size), end);
    Value to = b.two(Binary::MinS, b.addI(from, size), end);
    return std::pair(from, to);
  };
  for (size_t left = taskAxes.size(); left-- > 0;) {
    const Axis &axis = taskAxes[left];
    Value index = number;
    if (left != 0) {
      Value count = b.extent(axis.count);
      Value quotient = b.two(Binary::DivU, number, count);
      index = b.subI(number, b.mulI(quotient, count));
      number = quotient;
    }
    if (axis.isChunk) {
      const DimExpr &extent = model.space[firstReducedDim()];
      Value count = b.extent(axis.count);
      Value upper = b.addI(b.extent(extent), b.subI(count, b.i64(1)));
      task.chunk = index;
      std::tie(task.chunkFrom, task.chunkTo) =
          range(index, b.two(Binary::DivU, upper, count), extent);
    } else if (axis.block) {
      std::tie(task.from, task.to) =
          range(index, b.i64(axis.block), model.space[axis.dim]);
    } else {
      dims.push_back(axis.dim);
      coordinates.push_back(index);
    }
  }
  // Dims of extent 1 have no axis.
  for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
    if (has(keptDims(), dim) && model.isUnit(dim) && dim != vectorDim) {
      dims.push_back(dim);
      coordinates.push_back(b.i64(0));
    }
  scope.open(dims, coordinates);
  if (vectorDim >= 0 && has(keptDims(), vectorDim)) {
    if (!task.from) {
      task.from = b.i64(0);
      task.to = b.extent(model.space[vectorDim]);
    }
    scope.note(vectorDim, task.from);
  }
  return task;
}

//===- Emission -----------------------------------------------------------===//

LogicalResult GridKernel::emit(int64_t launch, KernelBuilder &builder,
                               const KernelArguments &arguments) {
  bool isCombine = launch == 1;
  const Model &used = isCombine ? combineModel : model;
  Values pointers;
  size_t count = model.reads.size() + model.writes.size();
  for (size_t index = 0; index < count; ++index) {
    const Operand &operand = index < model.reads.size()
                                 ? model.reads[index]
                                 : model.writes[index - model.reads.size()];
    Value pointer = builder.loadPointer(arguments.buffers, builder.i64(index));
    if (!operand.isWhole)
      pointer = builder.address(
          pointer, builder.extent(operand.access.offset),
          std::max(1u, operand.element.getIntOrFloatBitWidth() / 8));
    pointers.push_back(pointer);
  }
  if (hasChunks())
    workspace = builder.loadPointer(arguments.buffers, builder.i64(count));
  scratch = arguments.scratch;
  Scope root(used, builder, pointers);
  root.emitInvariant(0);
  builder.loop(arguments.begin, arguments.end, 1, {},
               [&](Value number, ValueRange) -> Values {
                 Scope scope(root);
                 Task task =
                     openTask(scope, isCombine ? combineAxes : axes, number);
                 if (isCombine)
                   emitCombine(scope, task);
                 else if (shape == Shape::Point)
                   emitPoint(scope);
                 else if (shape == Shape::Map)
                   emitMap(scope, task);
                 else if (shape == Shape::Row)
                   emitRow(scope, task);
                 else
                   emitColumns(scope, task);
                 return {};
               });
  if (isStreaming)
    builder.streamingFence();
  return failure(root.failed());
}

void GridKernel::emitPoint(Scope &scope) {
  int64_t lanes = std::exchange(scope.b.lanes, 1);
  scope.emit(SmallVector<Value>(model.yields()));
  for (size_t index = 0; index < model.writes.size(); ++index)
    scope.store(index);
  scope.b.lanes = lanes;
}

/// Asks for what reads that run along the vector dim need soon.
void GridKernel::prefetchStreams(Scope &slot) {
  if (slot.b.lanes == 1 || slot.mask)
    return;
  for (auto [index, read] : llvm::enumerate(model.reads)) {
    int64_t bytes = std::max(1u, read.element.getIntOrFloatBitWidth() / 8);
    if (!read.isWhole && has(read.varies, model.vectorDim) &&
        read.access.strides[model.vectorDim] == DimExpr(1))
      slot.prefetch(index, DimExpr(kStreamAheadBytes / bytes));
  }
}

void GridKernel::emitMap(Scope &scope, const Task &task) {
  KernelBuilder &b = scope.b;
  scope.emitInvariant(0);
  SmallVector<Value> roots;
  SmallVector<int64_t> writes;
  for (size_t index = 0; index < model.writes.size(); ++index) {
    if (!has(model.writes[index].varies, model.vectorDim)) {
      scope.storeOnce(index, model.allDims());
      continue;
    }
    roots.push_back(model.yields()[index]);
    writes.push_back(index);
  }
  auto walk = [&](bool streaming) -> Values {
    Sweep sweep(model, b, roots, {});
    sweep.body = [&](Scope &slot) -> Values {
      if (streaming)
        prefetchStreams(slot);
      slot.emit(roots);
      for (int64_t index : writes)
        slot.store(index, streaming);
      return {};
    };
    return sweep.run(scope, task.from, task.to, {});
  };
  if (!isStreaming) {
    walk(false);
    return;
  }
  // Streaming stores want aligned vectors.
  Value aligned = b.boolean(true);
  Scope first(scope);
  first.openLanes(task.from, {});
  for (int64_t index : writes)
    aligned = b.andI(aligned, first.isWriteAligned(index));
  b.branch(
      aligned, [&] { return walk(true); }, [&] { return walk(false); });
}
