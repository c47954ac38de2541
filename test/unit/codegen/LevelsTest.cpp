//===- LevelsTest.cpp - Which dispatches may run at once ------------------===//
#include "lib/Codegen/vulkan/DeviceProgram.h"

#include <doctest/doctest.h>

using namespace asgc::vulkan;
using Uses = std::vector<llvm::SmallVector<Use>>;

namespace {
Use read(int64_t begin, int64_t end, int64_t space = 0) {
  return {space, begin, end, false};
}
Use write(int64_t begin, int64_t end, int64_t space = 0) {
  return {space, begin, end, true};
}
} // namespace

TEST_SUITE("levels of dispatches") {
  TEST_CASE("what reads a result comes after it, others beside it") {
    Uses uses = {{write(0, 64)},
                 {write(64, 128)},
                 {read(0, 64), read(64, 128), write(128, 192)},
                 {write(192, 256)}};
    CHECK(assignLevels(uses) == std::vector<int64_t>{0, 0, 1, 0});
  }

  TEST_CASE("memory used again waits for its readers") {
    Uses uses = {{write(0, 64)}, {read(0, 64), write(64, 128)}, {write(0, 32)}};
    CHECK(assignLevels(uses) == std::vector<int64_t>{0, 1, 2});
  }

  TEST_CASE("ranges of different spaces never meet") {
    Uses uses = {{write(0, 1, 1)}, {read(0, 1, 2)}, {write(0, 1, 2)}};
    CHECK(assignLevels(uses) == std::vector<int64_t>{0, 0, 1});
  }

  TEST_CASE("a pair without a barrier is found") {
    Uses uses = {{write(0, 64)}, {read(32, 96)}};
    CHECK(!findConflict(uses, assignLevels(uses)));
    std::vector<int64_t> wrong = {0, 0};
    auto pair = findConflict(uses, wrong);
    REQUIRE(pair.has_value());
    CHECK(*pair == std::pair<size_t, size_t>(0, 1));
  }
}

TEST_SUITE("parts of one buffer") {
  TEST_CASE("columns of a matrix meet where they overlap") {
    // 8 rows of 12, columns of 4.
    CHECK(!partsMeet(4, {12, 1}, {8, 4}, {8, 4}));
    CHECK(!partsMeet(8, {12, 1}, {8, 4}, {8, 4}));
    CHECK(!partsMeet(-8, {12, 1}, {8, 4}, {8, 4}));
    CHECK(partsMeet(3, {12, 1}, {8, 4}, {8, 4}));
    CHECK(partsMeet(4, {12, 1}, {8, 5}, {8, 4}));
    CHECK(partsMeet(12, {12, 1}, {8, 4}, {8, 4}));
    CHECK(!partsMeet(96, {12, 1}, {8, 4}, {8, 4}));
    CHECK(partsMeet(0, {12, 1}, {8, 4}, {8, 4}));
  }

  TEST_CASE("heads of three operands that share rows do not meet") {
    // [batch, row, head, feature] of rows that hold three times 8 heads of 64.
    llvm::SmallVector<int64_t> strides = {196608, 1536, 64, 1},
                               extents = {8, 128, 8, 64};
    CHECK(!partsMeet(512, strides, extents, extents));
    CHECK(!partsMeet(1024, strides, extents, extents));
    CHECK(partsMeet(448, strides, extents, extents));
  }

  TEST_CASE("strides in any order, and of interleaved elements") {
    CHECK(!partsMeet(1, {2, 16}, {8, 4}, {8, 4}));
    CHECK(partsMeet(2, {2, 16}, {8, 4}, {8, 4}));
    CHECK(!partsMeet(1, {0, 1}, {3, 1}, {3, 1}));
    CHECK(partsMeet(0, {0}, {3}, {3}));
    CHECK(!partsMeet(1, {4, 1}, {0, 4}, {2, 4}));
    CHECK(partsMeet(0, {}, {}, {}));
  }

  TEST_CASE("those apart share a level, whoever reads them comes after") {
    Uses uses = {{write(0, 64)}, {write(0, 64)}, {read(0, 64), write(64, 128)}};
    auto areApart = [](size_t a, size_t b) { return a + b == 1; };
    std::vector<int64_t> levels = {0, 0, 1};
    CHECK(assignLevels(uses, areApart) == levels);
    CHECK(!findConflict(uses, levels, areApart));
    CHECK(findConflict(uses, levels));
  }
}

TEST_SUITE("blocks of an arena") {
  using Starts = std::vector<int64_t>;

  TEST_CASE("an arena of a block is whole") {
    CHECK(cutArena({}, 128) == Starts{0});
    CHECK(cutArena({{0, 64}, {64, 128}}, 128) == Starts{0});
  }

  TEST_CASE("a block ends where no range of any time lies across") {
    CHECK(cutArena({{64, 128}, {0, 64}, {128, 192}}, 128) == Starts{0, 128});
    // One of another entry joins what it overlaps.
    CHECK(cutArena({{0, 64}, {64, 128}, {128, 192}, {100, 140}}, 128) ==
          Starts{0, 64});
    CHECK(cutArena({{0, 64}, {64, 128}, {128, 192}, {50, 140}}, 128) ==
          Starts{0});
  }

  TEST_CASE("what is larger than a block has one") {
    CHECK(cutArena({{0, 64}, {128, 384}, {128, 192}, {384, 448}}, 128) ==
          Starts{0, 128, 384});
  }
}
