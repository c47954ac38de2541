//===- Arena.cpp - Places buffers in one block of memory ------------------===//
#include "Arena.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace asgc::planner {

namespace {

/// Placements tried after the fixed orders, in runs of so many; less for large
/// programs.
constexpr int64_t kMaxRounds = 8000, kRun = 1000;
constexpr int64_t kWorkBudget = 100'000'000;
/// What a run may lose in a round at its start, as a part of the lower bound.
constexpr double kLoss = 0.02;

class Packer {
public:
  Packer(const std::vector<ArenaBlock> &blocks, int64_t piece)
      : blocks(blocks), piece(piece) {
    // Who is alive with whom does not depend on the order.
    conflicts.resize(blocks.size());
    for (size_t i = 0; i < blocks.size(); ++i)
      for (size_t j = i + 1; j < blocks.size(); ++j)
        if (blocks[i].bytes && blocks[j].bytes &&
            blocks[i].first <= blocks[j].last &&
            blocks[j].first <= blocks[i].last) {
          conflicts[i].push_back(j);
          conflicts[j].push_back(i);
          ++numConflicts;
        }
  }

  /// Each block in `order` goes to the smallest gap that holds it, the lowest
  /// of several; those of more than a piece first, as they make borders.
  ArenaPlan place(const std::vector<size_t> &order) const {
    ArenaPlan plan;
    plan.offsets.assign(blocks.size(), -1);
    std::vector<int64_t> borders;
    for (bool isLarge : {true, false})
      for (size_t block : order) {
        const int64_t bytes = alignBytes(blocks[block].bytes);
        if ((bytes > piece) != isLarge)
          continue;
        const int64_t offset = bytes ? findPlace(plan, borders, block) : 0;
        plan.offsets[block] = offset;
        plan.size = std::max(plan.size, offset + bytes);
        if (isLarge)
          borders.push_back(offset + bytes);
      }
    return plan;
  }

  int64_t cost() const {
    return static_cast<int64_t>(blocks.size()) + 2 * numConflicts + 1;
  }

  /// `order` with one block moved: one that ends at the top to a place further
  /// in front or, as often, one that is in its way to any place.
  std::vector<size_t> vary(std::vector<size_t> order, const ArenaPlan &plan,
                           std::mt19937 &random) const {
    std::vector<size_t> top;
    for (size_t i : order)
      if (plan.offsets[i] + alignBytes(blocks[i].bytes) == plan.size)
        top.push_back(i);
    size_t block = top[random() % top.size()];
    const std::vector<size_t> &others = conflicts[block];
    bool isInWay = random() % 2 && !others.empty();
    if (isInWay)
      block = others[random() % others.size()];
    auto from = std::find(order.begin(), order.end(), block);
    size_t places = isInWay ? order.size() : from - order.begin() + 1;
    order.erase(from);
    order.insert(order.begin() + random() % places, block);
    return order;
  }

private:
  /// The first place at or after `offset` where `bytes` may begin.
  int64_t skipBorders(int64_t offset, int64_t bytes,
                      const std::vector<int64_t> &borders) const {
    if (bytes > piece)
      return (offset + piece - 1) / piece * piece;
    for (;;) {
      int64_t border = (offset / piece + 1) * piece;
      for (int64_t other : borders)
        if (other > offset)
          border = std::min(border, other);
      if (bytes <= border - offset)
        return offset;
      offset = border;
    }
  }

  int64_t findPlace(const ArenaPlan &plan, const std::vector<int64_t> &borders,
                    size_t block) const {
    const int64_t bytes = alignBytes(blocks[block].bytes);
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (size_t other : conflicts[block])
      if (plan.offsets[other] >= 0)
        taken.emplace_back(plan.offsets[other],
                           plan.offsets[other] +
                               alignBytes(blocks[other].bytes));
    std::sort(taken.begin(), taken.end());
    int64_t best = -1, bestGap = 0, end = 0;
    for (auto [from, to] : taken) {
      int64_t start = skipBorders(end, bytes, borders), gap = from - start;
      if (gap >= bytes && (best < 0 || gap < bestGap)) {
        best = start;
        bestGap = gap;
      }
      end = std::max(end, to);
    }
    return best >= 0 ? best : skipBorders(end, bytes, borders);
  }

  const std::vector<ArenaBlock> &blocks;
  int64_t piece;
  std::vector<std::vector<size_t>> conflicts;
  int64_t numConflicts = 0;
};

int64_t computeLowerBound(const std::vector<ArenaBlock> &blocks) {
  // Changes of the sum by step; a block leaves after its last.
  std::map<int64_t, int64_t> changes;
  for (const ArenaBlock &block : blocks) {
    changes[block.first] += alignBytes(block.bytes);
    changes[block.last + 1] -= alignBytes(block.bytes);
  }
  int64_t alive = 0, most = 0;
  for (auto [step, change] : changes)
    most = std::max(most, alive += change);
  return most;
}

} // namespace

ArenaPlan planArena(const std::vector<ArenaBlock> &blocks, int64_t piece) {
  int64_t lowerBound = computeLowerBound(blocks);
  Packer packer(blocks, piece);
  std::vector<size_t> identity(blocks.size());
  std::iota(identity.begin(), identity.end(), 0);

  auto length = [&](size_t i) { return blocks[i].last - blocks[i].first + 1; };
  using Key = double (*)(const ArenaBlock &, int64_t);
  static constexpr Key keys[] = {
      [](const ArenaBlock &b, int64_t) { return double(b.bytes); },
      [](const ArenaBlock &b, int64_t n) { return double(b.bytes) * n; },
      [](const ArenaBlock &, int64_t n) { return double(n); },
      [](const ArenaBlock &b, int64_t) { return double(-b.first); },
      [](const ArenaBlock &b, int64_t) { return double(b.last); }};

  ArenaPlan best;
  std::vector<size_t> bestOrder;
  auto attempt = [&](const std::vector<size_t> &order) {
    ArenaPlan plan = packer.place(order);
    if (!bestOrder.empty() && plan.size >= best.size)
      return;
    best = std::move(plan);
    bestOrder = order;
  };
  for (Key key : keys) {
    std::vector<size_t> order = identity;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return key(blocks[a], length(a)) > key(blocks[b], length(b));
    });
    attempt(order);
  }

  // Small losses are taken on the way, ever smaller ones in a run; each run
  // starts from the best so far.
  int64_t rounds = std::min(kMaxRounds, kWorkBudget / packer.cost());
  std::mt19937 random; // the same numbers each time
  std::vector<size_t> order;
  ArenaPlan plan;
  for (int64_t round = 0; round < rounds && best.size > lowerBound; ++round) {
    if (round % kRun == 0) {
      order = bestOrder;
      plan = best;
    }
    double left = 1 - double(round % kRun) / double(std::min(kRun, rounds));
    auto loss = static_cast<int64_t>(kLoss * left * double(lowerBound));
    std::vector<size_t> next = packer.vary(order, plan, random);
    ArenaPlan placed = packer.place(next);
    if (placed.size > plan.size + loss)
      continue;
    order = std::move(next);
    plan = std::move(placed);
    if (plan.size < best.size) {
      best = plan;
      bestOrder = order;
    }
  }
  best.lowerBound = lowerBound;
  best.offsets.resize(blocks.size(), 0);
  return best;
}

} // namespace asgc::planner
