//===- Prefetch.cpp - Asks for memory before it is needed -----------------===//
//
// A row is loaded in its first pass and stored in its last one, so that memory
// would rest while the passes between compute, and arithmetic while it waits.
// The pass that computes most therefore asks for the next row of the reads and
// for this row of the writes.
//
//===----------------------------------------------------------------------===//
#include "GridKernel.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

namespace {
/// Operands that together are smaller stay in the second-level cache.
constexpr int64_t kCachedBytes = int64_t(1) << 20;
/// Shorter rows come with their neighbours.
constexpr int64_t kShortRowBytes = 512;
} // namespace

/// The pass of [first, last] with the most instructions at each point.
int64_t GridKernel::costliestPass(int64_t first, int64_t last) const {
  double most = -1;
  int64_t best = first;
  for (int64_t pass = first; pass <= last; ++pass) {
    auto isKnown = [&](Value value) {
      return !has(model.varies(value), model.vectorDim) ||
             llvm::any_of(kept, [&](const Kept &keep) {
               return keep.value == value && keep.firstPass < pass;
             });
    };
    double cost = 0;
    for (Operation *op : model.slice(rootsOf(pass), isKnown))
      cost += Model::costOf(op);
    if (cost > most)
      best = pass, most = cost;
  }
  return best;
}

void GridKernel::planPrefetches() {
  if (lastPass() < 1 || reducedDims().size() != 1 || hasChunks() ||
      axes.empty())
    return;
  int64_t rowDim = axes.back().dim;
  auto isWorthwhile = [&](const Operand &operand) {
    int64_t bytes = bytesOf(operand.element), total = bytes;
    for (int64_t dim = 0; dim < std::ssize(model.space); ++dim)
      if (has(operand.varies, dim) &&
          llvm::MulOverflow(total, std::max<int64_t>(model.bounds[dim], 1),
                            total))
        total = INT64_MAX;
    return !operand.isWhole && has(operand.varies, rowDim) &&
           has(operand.varies, model.vectorDim) &&
           operand.access.strides[model.vectorDim] == DimExpr(1) &&
           bytes * model.bounds[model.vectorDim] >= kShortRowBytes &&
           total >= kCachedBytes;
  };
  int64_t readPass = costliestPass(1, lastPass());
  int64_t writePass = costliestPass(0, lastPass() - 1);
  for (auto [index, read] : llvm::enumerate(model.reads))
    if (isWorthwhile(read))
      prefetches.push_back({static_cast<unsigned>(index),
                            read.access.strides[rowDim], readPass});
  for (auto [index, write] : llvm::enumerate(model.writes))
    if (isWorthwhile(write))
      prefetches.push_back(
          {static_cast<unsigned>(model.reads.size() + index), 0, writePass});
}

void GridKernel::emitPrefetches(Scope &slot, int64_t pass) {
  if (slot.b.lanes == 1 || slot.mask)
    return;
  for (const Prefetch &prefetch : prefetches)
    if (prefetch.pass == pass)
      slot.prefetch(prefetch.operand, prefetch.distance);
}
