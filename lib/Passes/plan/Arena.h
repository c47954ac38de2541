//===- Arena.h - Places buffers in one block of memory --------------------===//
#ifndef ASGC_PASSES_PLAN_ARENA_H
#define ASGC_PASSES_PLAN_ARENA_H

#include <cstdint>
#include <vector>

namespace asgc::planner {

/// Memory that is needed in the steps [first, last].
struct ArenaBlock {
  int64_t first = 0, last = 0;
  int64_t bytes = 0;
};

struct ArenaPlan {
  std::vector<int64_t> offsets; ///< of each block, multiples of the alignment
  int64_t size = 0;             ///< the highest end
  int64_t lowerBound = 0;       ///< the largest sum of bytes alive at once
};

/// Bytes that every offset and size is a multiple of.
inline constexpr int64_t kArenaAlignment = 64;

/// Rounds up to the alignment; the callers have bounded `bytes` by 2^62.
inline int64_t alignBytes(int64_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

/// Few devices give more than 2 to 4 GiB in one piece, so an arena may come in
/// pieces of so many bytes.
inline constexpr int64_t kArenaPiece = int64_t(1) << 31;

/// Gives every block an offset so that blocks alive in a common step do not
/// overlap, with a small total size. Deterministic; blocks of zero bytes lie
/// at 0.
///
/// No block crosses a multiple of `piece`, which the alignment divides, nor the
/// end of a block that is more than a piece. Such a one begins at a multiple,
/// so it can be a piece of its own.
///
/// Tries several orders of best fit, and then moves blocks in the best of them, by
/// threshold accepting (Dueck, Scheuer 1990), until the lower bound is reached or
/// the work is spent.
ArenaPlan planArena(const std::vector<ArenaBlock> &blocks,
                    int64_t piece = kArenaPiece);

} // namespace asgc::planner

#endif
