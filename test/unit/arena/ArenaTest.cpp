//===- ArenaTest.cpp - Buffers lie apart, and close together --------------===//
#include "lib/Passes/plan/Arena.h"

#include <doctest/doctest.h>

#include <random>

using namespace asgc::planner;

namespace {

/// The first pair that lives at once and overlaps, as a message; empty if none.
std::string findOverlap(const std::vector<ArenaBlock> &blocks,
                        const ArenaPlan &plan) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (plan.offsets[i] < 0 || plan.offsets[i] % kArenaAlignment ||
        plan.offsets[i] + blocks[i].bytes > plan.size)
      return "block " + std::to_string(i) + " is out of place";
    for (size_t j = 0; j < i; ++j)
      if (blocks[i].first <= blocks[j].last &&
          blocks[j].first <= blocks[i].last &&
          plan.offsets[i] < plan.offsets[j] + blocks[j].bytes &&
          plan.offsets[j] < plan.offsets[i] + blocks[i].bytes)
        return "blocks " + std::to_string(j) + " and " + std::to_string(i);
  }
  return "";
}

/// The first block that lies across a border of pieces or, if it is more than a
/// piece, begins at none; empty if there is none.
std::string findCrossing(const std::vector<int64_t> &sizes,
                         const ArenaPlan &plan, int64_t piece) {
  std::vector<int64_t> borders;
  for (int64_t border = piece; border < plan.size; border += piece)
    borders.push_back(border);
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] > piece) {
      if (plan.offsets[i] % piece)
        return "large block " + std::to_string(i) + " begins elsewhere";
      borders.push_back(plan.offsets[i] + alignBytes(sizes[i]));
    }
  for (size_t i = 0; i < sizes.size(); ++i)
    for (int64_t border : borders)
      if (sizes[i] <= piece && plan.offsets[i] < border &&
          border < plan.offsets[i] + sizes[i])
        return "block " + std::to_string(i) + " crosses " +
               std::to_string(border);
  return "";
}

/// Lifetimes as a training step has them: activations live from the forward to
/// the backward step of their layer, temporaries for a step or two.
std::vector<ArenaBlock> trainingStep(int64_t layers, std::mt19937 &random) {
  std::vector<ArenaBlock> blocks;
  int64_t end = 4 * layers;
  for (int64_t layer = 0; layer < layers; ++layer) {
    int64_t width = 64 << random() % 5;
    int64_t forward = 2 * layer, backward = end - 2 * layer;
    blocks.push_back({forward, backward, width * 512});
    blocks.push_back({forward, forward + 1, width * 512});
    blocks.push_back({backward, backward + 1, width * 512});
    blocks.push_back({backward, end + 1, width * 256}); // its gradient
  }
  return blocks;
}

} // namespace

TEST_SUITE("arena") {
  TEST_CASE("buffers that never live together share an address") {
    ArenaPlan plan = planArena({{.first = 0, .last = 1, .bytes = 256},
                                {.first = 2, .last = 3, .bytes = 256}});
    CHECK(plan.offsets[0] == plan.offsets[1]);
    CHECK(plan.size == 256);
    CHECK(plan.lowerBound == 256);
  }

  TEST_CASE("what fits into a piece lies in one") {
    constexpr int64_t kPiece = 4096, kHalf = kPiece / 2, kOdd = kHalf + 64;
    ArenaPlan plan =
        planArena({{0, 3, kOdd}, {0, 3, kOdd}, {0, 3, kOdd}}, kPiece);
    CHECK(plan.size == 2 * kPiece + kOdd);
    CHECK(planArena({{0, 3, kOdd}, {0, 3, kOdd}, {0, 3, kOdd}}).size ==
          3 * kOdd);
    // The rest of a piece is used by what it holds.
    plan = planArena({{0, 3, kOdd}, {0, 3, kOdd}, {0, 3, kHalf - 64}}, kPiece);
    CHECK(plan.size == kPiece + kOdd);
    // What fills a piece is not more than one.
    CHECK(planArena({{0, 1, kPiece}, {0, 1, kPiece}}, kPiece).size ==
          2 * kPiece);
  }

  TEST_CASE("what is more than a piece can be one of its own") {
    constexpr int64_t kPiece = 4096, kLarge = kPiece + 64;
    ArenaPlan plan = planArena(
        {{0, 1, 128}, {0, 1, kLarge}, {0, 2, 64}, {1, 2, 2 * kLarge}}, kPiece);
    CHECK(findCrossing({128, kLarge, 64, 2 * kLarge}, plan, kPiece) == "");
    // Buffers of other times use the bytes of a large one.
    plan = planArena({{0, 1, kLarge}, {2, 3, kLarge}, {2, 3, 640}}, kPiece);
    CHECK(plan.offsets[0] == 0);
    CHECK(plan.offsets[1] == 0);
    CHECK(plan.size == kLarge + 640);
  }

  TEST_CASE("pieces hold for random lifetimes") {
    std::mt19937 random(3);
    constexpr int64_t kPiece = 6400;
    for (int run = 0; run < 40; ++run) {
      std::vector<ArenaBlock> blocks;
      std::vector<int64_t> sizes;
      for (int i = 0; i < 60; ++i) {
        const int64_t first = random() % 20;
        blocks.push_back({first, first + int64_t(random() % 8),
                          int64_t(random() % (i % 20 ? 3000 : 20000) + 1)});
        sizes.push_back(blocks.back().bytes);
      }
      ArenaPlan plan = planArena(blocks, kPiece);
      CHECK(plan.size > kPiece);
      CHECK(findOverlap(blocks, plan) == "");
      CHECK(findCrossing(sizes, plan, kPiece) == "");
    }
  }

  TEST_CASE("no blocks, empty blocks, odd sizes") {
    CHECK(planArena({}).size == 0);
    ArenaPlan plan = planArena({{0, 5, 0}, {0, 5, 1}, {0, 5, 65}});
    CHECK(plan.offsets[0] == 0);
    CHECK(plan.size == 64 + 128);
    CHECK(plan.size == plan.lowerBound);
  }

  TEST_CASE("a gap in the middle is used") {
    // The third block fits only between the first two once they are apart.
    std::vector<ArenaBlock> blocks = {
        {0, 9, 640}, {0, 3, 320}, {4, 9, 192}, {4, 9, 128}, {0, 9, 64}};
    ArenaPlan plan = planArena(blocks);
    CHECK(findOverlap(blocks, plan) == "");
    CHECK(plan.size == plan.lowerBound);
  }

  TEST_CASE("random lifetimes never overlap, and the bound is the brute sum") {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
      std::vector<ArenaBlock> blocks(1 + random() % 60);
      for (ArenaBlock &block : blocks) {
        block.first = random() % 40;
        block.last = block.first + random() % 12;
        block.bytes = random() % 3000;
      }
      ArenaPlan plan = planArena(blocks);
      CHECK(findOverlap(blocks, plan) == "");
      int64_t most = 0;
      for (int64_t step = 0; step < 60; ++step) {
        int64_t alive = 0;
        for (const ArenaBlock &block : blocks)
          if (block.first <= step && step <= block.last)
            alive += alignBytes(block.bytes);
        most = std::max(most, alive);
      }
      CHECK(plan.lowerBound == most);
      CHECK(plan.size >= most);
      ArenaPlan again = planArena(blocks);
      CHECK(again.offsets == plan.offsets);
    }
  }

  TEST_CASE("training steps pack within 5 % of the bound") {
    std::mt19937 random(2);
    for (int64_t layers : {2, 5, 12, 40}) {
      for (int round = 0; round < 10; ++round) {
        std::vector<ArenaBlock> blocks = trainingStep(layers, random);
        ArenaPlan plan = planArena(blocks);
        CAPTURE(layers);
        CHECK(findOverlap(blocks, plan) == "");
        CHECK(plan.size <= plan.lowerBound * 1.05);
      }
    }
  }
}
