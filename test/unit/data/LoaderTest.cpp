//===- LoaderTest.cpp - Shuffling, batching, prefetching ------------------===//
#include "asgc/Data.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <doctest/doctest.h>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

using namespace asgc;

namespace {
/// Items 0..count whose only number is their own index.
DataPart counting(uint32_t count) {
  auto bytes = std::make_shared<std::vector<std::byte>>(count * 4);
  for (uint32_t i = 0; i < count; ++i)
    std::memcpy(bytes->data() + i * 4, &i, 4);
  Column column;
  column.name = "id";
  column.type = ElementType::U32;
  column.storage = bytes;
  column.stride = 4;
  auto data = std::make_shared<Dataset>();
  data->source = "counting";
  data->items = count;
  data->columns.push_back(column);
  DataPart part{data, std::vector<uint32_t>(count)};
  std::iota(part.items.begin(), part.items.end(), 0);
  return part;
}

LoaderOptions options(int64_t batch, bool shuffle = true) {
  LoaderOptions options;
  options.columns = {{"id", ElementType::I64}};
  options.batch = batch;
  options.shuffle = shuffle;
  options.seed = 7;
  return options;
}

std::vector<int64_t> idsOf(const Batch &batch) {
  std::vector<int64_t> ids(size_t(batch.items));
  std::memcpy(ids.data(), batch.columns[0].data(), ids.size() * 8);
  return ids;
}

std::unique_ptr<Loader> make(DataPart part, LoaderOptions options) {
  Result<std::unique_ptr<Loader>> loader =
      Loader::create(std::move(part), std::move(options));
  REQUIRE(loader);
  return std::move(*loader);
}
} // namespace

TEST_SUITE("permutation") {
  TEST_CASE("it is one, and another for every seed and stream") {
    std::set<std::vector<uint32_t>> seen;
    for (uint64_t seed : {0, 1, 2})
      for (uint64_t stream : {0, 1, 2}) {
        std::vector<uint32_t> order = permutation(1000, seed, stream);
        CHECK(order == permutation(1000, seed, stream));
        CHECK(seen.insert(order).second);
        std::sort(order.begin(), order.end());
        for (uint32_t i = 0; i < 1000; ++i)
          REQUIRE(order[i] == i);
      }
    CHECK(permutation(0, 1, 1).empty());
    CHECK(permutation(1, 1, 1) == std::vector<uint32_t>{0});
  }

  TEST_CASE("all orders of four come equally often") {
    std::map<std::vector<uint32_t>, int> counts;
    constexpr int draws = 24000;
    for (uint64_t stream = 0; stream < draws; ++stream)
      ++counts[permutation(4, 42, stream)];
    CHECK(counts.size() == 24);
    double chi = 0;
    for (const auto &[order, count] : counts)
      chi += (count - 1000.0) * (count - 1000.0) / 1000.0;
    // 23 degrees of freedom: 49.7 is exceeded once in a thousand.
    CHECK(chi < 49.7);
  }
}

TEST_SUITE("loader") {
  TEST_CASE("an epoch visits every item once, in smaller last batches too") {
    auto loader = make(counting(10), options(4));
    CHECK(loader->batchesPerEpoch() == 3);
    std::vector<int64_t> first, second;
    for (int i = 0; i < 6; ++i) {
      Result<const Batch *> batch = loader->next();
      REQUIRE(batch);
      CHECK((*batch)->position == LoaderPosition{i / 3, i % 3});
      CHECK((*batch)->items == (i % 3 == 2 ? 2 : 4));
      CHECK((*batch)->isLastOfEpoch == (i % 3 == 2));
      for (int64_t id : idsOf(**batch))
        (i < 3 ? first : second).push_back(id);
    }
    CHECK(loader->position() == LoaderPosition{2, 0});
    CHECK(first != second);
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    CHECK(first == second);
    CHECK(first == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  }

  TEST_CASE("drop_last leaves the smaller batch out") {
    LoaderOptions dropping = options(4, false);
    dropping.dropLast = true;
    auto loader = make(counting(10), dropping);
    CHECK(loader->batchesPerEpoch() == 2);
    for (int i = 0; i < 4; ++i)
      CHECK((*loader->next())->items == 4);
    dropping.batch = 11;
    Result<std::unique_ptr<Loader>> none =
        Loader::create(counting(10), dropping);
    REQUIRE(!none);
    CHECK(none.fault().message ==
          "counting: expected at least one batch of 11 items, found 10 items");
  }

  TEST_CASE("without shuffling items come in order") {
    auto loader = make(counting(5), options(2, false));
    CHECK(idsOf(**loader->next()) == std::vector<int64_t>{0, 1});
    CHECK(idsOf(**loader->next()) == std::vector<int64_t>{2, 3});
    CHECK(idsOf(**loader->next()) == std::vector<int64_t>{4});
    CHECK(idsOf(**loader->next()) == std::vector<int64_t>{0, 1});
  }

  TEST_CASE("a loader that seeks goes on exactly there") {
    std::vector<std::vector<int64_t>> whole;
    auto loader = make(counting(103), options(8));
    std::vector<LoaderPosition> positions;
    for (int i = 0; i < 60; ++i) {
      positions.push_back(loader->position());
      whole.push_back(idsOf(**loader->next()));
    }
    for (size_t start : {0, 1, 12, 13, 14, 37, 59}) {
      auto other = make(counting(103), options(8));
      REQUIRE(!other->seek(positions[start]));
      for (size_t i = start; i < 60; ++i)
        REQUIRE(idsOf(**other->next()) == whole[i]);
      // The same loader may go back as well.
      REQUIRE(!loader->seek(positions[start]));
      REQUIRE(idsOf(**loader->next()) == whole[start]);
    }
    MaybeFault fault = loader->seek({0, 13});
    REQUIRE(fault);
    CHECK(fault->message ==
          "expected a batch from 0 to 12, found batch 13 of epoch 0");
    CHECK(loader->seek({-1, 0}));
  }

  TEST_CASE("another seed is another order") {
    LoaderOptions other = options(103);
    other.seed = 8;
    CHECK(idsOf(**make(counting(103), options(103))->next()) !=
          idsOf(**make(counting(103), other)->next()));
  }

  TEST_CASE("batches are aligned to cache lines") {
    auto loader = make(counting(10), options(3));
    for (int i = 0; i < 4; ++i)
      CHECK(reinterpret_cast<uintptr_t>((*loader->next())->columns[0].data()) %
                64 ==
            0);
  }
}

TEST_SUITE("prefetcher") {
  TEST_CASE("a slow consumer and a slow producer see the same batches") {
    for (bool isSlowProducer : {false, true}) {
      Prefetcher prefetcher(
          [=](Batch &batch) -> MaybeFault {
            if (isSlowProducer)
              std::this_thread::sleep_for(std::chrono::microseconds(300));
            batch.items = batch.position.epoch * 100 + batch.position.batch;
            return std::nullopt;
          },
          7, {0, 3});
      for (int i = 3; i < 100; ++i) {
        Result<const Batch *> batch = prefetcher.next();
        REQUIRE(batch);
        if (!isSlowProducer)
          std::this_thread::sleep_for(std::chrono::microseconds(300));
        // What the consumer holds stays while the next one is made.
        REQUIRE((*batch)->items == i / 7 * 100 + i % 7);
        REQUIRE((*batch)->isLastOfEpoch == (i % 7 == 6));
      }
    }
  }

  TEST_CASE("it works one batch ahead and no further") {
    std::atomic<int> made = 0;
    Prefetcher prefetcher(
        [&](Batch &) -> MaybeFault {
          ++made;
          return std::nullopt;
        },
        100, {0, 0});
    for (int i = 1; i < 10; ++i) {
      REQUIRE(prefetcher.next());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      CHECK(made <= i + 1);
    }
  }

  TEST_CASE("a failure reaches the consumer after the batches before it") {
    Prefetcher prefetcher(
        [](Batch &batch) -> MaybeFault {
          if (batch.position.batch == 2)
            return Fault{FaultKind::Environment, "the disk is on fire"};
          return std::nullopt;
        },
        10, {0, 0});
    CHECK(prefetcher.next());
    CHECK(prefetcher.next());
    for (int i = 0; i < 3; ++i) {
      Result<const Batch *> failed = prefetcher.next();
      REQUIRE(!failed);
      CHECK(failed.fault().message == "the disk is on fire");
    }
  }

  TEST_CASE("exceptions are failures") {
    Prefetcher memory([](Batch &) -> MaybeFault { throw std::bad_alloc(); }, 1,
                      {0, 0});
    CHECK(memory.next().fault().message == "not enough memory for a batch");
    Prefetcher other(
        [](Batch &) -> MaybeFault { throw std::runtime_error("odd"); }, 1,
        {0, 0});
    CHECK(other.next().fault().message == "odd");
  }

  TEST_CASE("it ends at once in any state") {
    for (int taken = 0; taken < 4; ++taken)
      for (int round = 0; round < 20; ++round) {
        Prefetcher prefetcher([](Batch &) -> MaybeFault { return {}; }, 3,
                              {0, 0});
        for (int i = 0; i < taken; ++i)
          REQUIRE(prefetcher.next());
      }
  }
}
