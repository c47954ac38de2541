//===- Loader.cpp - Walks through a part of a data set, epoch by epoch ----===//
#include "asgc/Data.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc {

struct Loader::State {
  DataPart part;
  LoaderOptions options;
  int64_t batches = 0;
  LoaderPosition following;
  std::unique_ptr<Prefetcher> prefetcher; ///< made by the first next()

  // Only the prefetching thread touches these.
  int64_t orderedEpoch = -1;
  std::vector<uint32_t> order;
  std::vector<uint32_t> chosen;

  MaybeFault fill(Batch &batch);
};

MaybeFault Loader::State::fill(Batch &batch) {
  size_t items = part.items.size();
  size_t first = size_t(batch.position.batch) * size_t(options.batch);
  size_t count = std::min(size_t(options.batch), items - first);
  if (options.shuffle && orderedEpoch != batch.position.epoch) {
    order = permutation(uint32_t(items), options.seed,
                        uint64_t(batch.position.epoch));
    orderedEpoch = batch.position.epoch;
  }
  chosen.resize(count);
  for (size_t i = 0; i < count; ++i)
    chosen[i] = part.items[options.shuffle ? order[first + i] : first + i];
  batch.items = int64_t(count);
  batch.columns.resize(options.columns.size());
  for (size_t i = 0; i < options.columns.size(); ++i) {
    const Column &column = *part.data->find(options.columns[i].column);
    ElementType type = options.columns[i].type;
    size_t elements = size_t(column.itemElements) *
                      size_t(std::max<int64_t>(column.transform.oneHot, 1));
    batch.columns[i].resize(count * elements * elementBytes(type));
    gatherItems(column, type, chosen, batch.columns[i].data());
  }
  return std::nullopt;
}

Loader::Loader(std::unique_ptr<State> state) : state(std::move(state)) {}

Loader::~Loader() { state->prefetcher.reset(); }

Result<std::unique_ptr<Loader>> Loader::create(DataPart part,
                                               LoaderOptions options) {
  if (options.batch <= 0)
    return Fault{
        FaultKind::Input,
        fmt::format("expected a positive batch size, found {}", options.batch)};
  for (const BatchColumn &column : options.columns)
    if (MaybeFault fault = checkColumn(part, column))
      return *fault;
  int64_t items = int64_t(part.items.size());
  int64_t batches = items / options.batch;
  if (!options.dropLast && items % options.batch)
    ++batches;
  if (batches == 0)
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected at least one batch of {} items, "
                             "found {} items",
                             part.data->source, options.batch, items)};
  auto state = std::make_unique<State>();
  state->part = std::move(part);
  state->options = std::move(options);
  state->batches = batches;
  return std::unique_ptr<Loader>(new Loader(std::move(state)));
}

int64_t Loader::batchesPerEpoch() const { return state->batches; }

LoaderPosition Loader::position() const { return state->following; }

MaybeFault Loader::seek(LoaderPosition position) {
  if (position.epoch < 0 || position.batch < 0 ||
      position.batch >= state->batches)
    return Fault{FaultKind::Input,
                 fmt::format("expected a batch from 0 to {}, found batch {} of "
                             "epoch {}",
                             state->batches - 1, position.batch,
                             position.epoch)};
  state->prefetcher.reset();
  state->following = position;
  return std::nullopt;
}

Result<const Batch *> Loader::next() {
  State &s = *state;
  if (!s.prefetcher)
    s.prefetcher = std::make_unique<Prefetcher>(
        [&s](Batch &batch) { return s.fill(batch); }, s.batches, s.following);
  Result<const Batch *> batch = s.prefetcher->next();
  if (batch)
    s.following = (*batch)->isLastOfEpoch
                      ? LoaderPosition{(*batch)->position.epoch + 1, 0}
                      : LoaderPosition{(*batch)->position.epoch,
                                       (*batch)->position.batch + 1};
  return batch;
}

void AlignedBytes::Delete::operator()(std::byte *bytes) const {
  ::operator delete(bytes, std::align_val_t(64));
}

void AlignedBytes::resize(size_t bytes) {
  if (bytes > capacity) {
    memory.reset();
    capacity = 0;
    memory.reset(
        static_cast<std::byte *>(::operator new(bytes, std::align_val_t(64))));
    capacity = bytes;
  }
  used = bytes;
}

} // namespace asgc
