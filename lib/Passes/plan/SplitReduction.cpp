//===- SplitReduction.cpp - Sums in chunks that run at once ---------------===//
#include "Form.h"
#include "SelectKernels.h"

#include "dialects/asg/Asg.h"

using namespace mlir;

namespace asgc::planner {

namespace {
/// Points worth a task: some ten microseconds.
constexpr int64_t kChunkPoints = int64_t(1) << 15;
/// Chunks of one reduction; more would not keep more threads busy.
constexpr int64_t kMaxChunks = 64;
/// Results that run at once without chunks: a column kernel has a task for each
/// 64 of them.
constexpr int64_t kManyResults = 64 * 8;

/// The dims that a kernel's reductions are over, if all of them, one at least,
/// compute in one type.
ArrayRef<int64_t> getReducedDims(plan::KernelOp kernel) {
  ArrayRef<int64_t> dims;
  Type type;
  for (auto reduce : kernel.getBody().getOps<plan::ReduceOp>()) {
    if (type && reduce.getType() != type)
      return {};
    type = reduce.getType();
    dims = reduce.getDims();
  }
  return dims;
}

template <typename Op> int64_t countReductions(Op op) {
  return llvm::range_size(op.getBody().template getOps<plan::ReduceOp>());
}

Type getReducedType(Region &body) {
  return (*body.getOps<plan::ReduceOp>().begin()).getType();
}

Value allocate(OpBuilder &builder, Location loc, ArrayRef<DimExpr> extents,
               Type elementType) {
  RankedTensorType type =
      asg::getTensorType(builder.getContext(), extents, elementType);
  auto alloc = plan::AllocOp::create(
      builder, loc, plan::BufferType::get(builder.getContext(), type),
      IntegerAttr(), IntegerAttr(), IntegerAttr(), IntegerAttr(),
      StringAttr());
  alloc.setSource("workspace");
  return alloc;
}

int64_t saturatingMultiply(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product)
             ? std::numeric_limits<int64_t>::max()
             : product;
}
} // namespace

int64_t evaluateAtBounds(plan::ProgramOp program, const DimExpr &extent) {
  auto value =
      extent.evaluate([&](std::string_view name) -> std::optional<int64_t> {
        return program.getDimBound(StringRef(name.data(), name.size()));
      });
  return value.value_or(std::numeric_limits<int64_t>::max());
}

void reduceLongRows(plan::ProgramOp program, plan::KernelOp kernel) {
  constexpr int64_t kFewRows = 8;
  if (kernel.getKind() != plan::KernelKind::row)
    return;
  int64_t inner = kernel.getSpaceRank() - 1, rows = 1;
  for (int64_t dim = 0; dim < inner; ++dim)
    rows = saturatingMultiply(
        rows, evaluateAtBounds(program, kernel.getExtent(dim)));
  if (rows >= kFewRows || evaluateAtBounds(program, kernel.getExtent(inner)) <
                              2 * kChunkPoints)
    return;
  // Only what a reduction may do: none that depends on another, and no element of
  // the row that depends on one.
  kernel.setKind(plan::KernelKind::reduce);
  auto silence = [](Diagnostic &) { return success(); };
  ScopedDiagnosticHandler handler(kernel.getContext(), silence);
  if (failed(kernel.verifyRegions()))
    kernel.setKind(plan::KernelKind::row);
}

bool splitReduction(plan::ProgramOp program, plan::KernelOp kernel) {
  if (kernel.getKind() != plan::KernelKind::reduce || kernel.getWorkspace())
    return false;
  ArrayRef<int64_t> reduced = getReducedDims(kernel);
  if (reduced.empty())
    return false;
  int64_t points = 1, results = 1;
  SmallVector<DimExpr> kept;
  for (int64_t dim = 0; dim < kernel.getSpaceRank(); ++dim) {
    int64_t extent = evaluateAtBounds(program, kernel.getExtent(dim));
    points = saturatingMultiply(points, extent);
    if (llvm::is_contained(reduced, dim))
      continue;
    results = saturatingMultiply(results, extent);
    kept.push_back(kernel.getExtent(dim));
  }
  int64_t chunks = std::min(
      {points / kChunkPoints, kMaxChunks,
       evaluateAtBounds(program, kernel.getExtent(reduced.front()))});
  if (results >= kManyResults || chunks < 2)
    return false;
  OpBuilder builder(kernel);
  Value workspace = allocate(
      builder, kernel.getLoc(),
      {DimExpr(countReductions(kernel)), DimExpr(chunks), multiply(kept)},
      getReducedType(kernel.getBody()));
  kernel.getWorkspaceMutable().assign(workspace);
  return true;
}

bool splitReduction(plan::UpdateOp update) {
  if (!update.getReduces() || update.getWorkspace())
    return false;
  Type type;
  for (auto reduce : update.getBody().getOps<plan::ReduceOp>()) {
    if (type && reduce.getType() != type)
      return false;
    type = reduce.getType();
  }
  int64_t points = 0, tasks = 0;
  for (Attribute entry : update.getExtents()) {
    int64_t extent = cast<IntegerAttr>(entry).getInt();
    if (__builtin_add_overflow(points, extent, &points))
      return false;
    tasks += 1 + extent / kChunkPoints;
  }
  if (!type || points < 2 * kChunkPoints)
    return false;
  // Beyond this, each task takes more.
  int64_t segments = update.getSegmentCount();
  tasks = std::min(tasks, segments + 4 * kMaxChunks);
  OpBuilder builder(update);
  Value workspace =
      allocate(builder, update.getLoc(),
               {DimExpr(countReductions(update)), DimExpr(tasks)}, type);
  update.getWorkspaceMutable().assign(workspace);
  return true;
}

} // namespace asgc::planner
