//===- LoadData.cpp - A recipe becomes a data set in two parts ------------===//
#include "Readers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <new>
#include <numeric>
#include <zlib.h>

namespace asgc {

namespace {
/// Keeps the permutation of the split apart from those of the epochs.
constexpr uint64_t kSplitStream = 0x73706c6974ull << 16; // "split"

std::string resolvePath(const std::string &path, const std::string &baseDir) {
  if (path.empty() || baseDir.empty())
    return path;
  return (std::filesystem::path(baseDir) / path).string();
}

Result<Dataset> readDataset(const DataRecipe &recipe, const std::string &path,
                            const std::string &labelPath,
                            const Dataset *train) {
  switch (recipe.format) {
  case DataFormat::Csv:
    return readCsvDataset(recipe, path, labelPath, train);
  case DataFormat::Idx:
    return readIdxDataset(path, labelPath);
  case DataFormat::Npy:
    return readNpyDataset(path, labelPath);
  case DataFormat::Npz:
    return readNpzDataset(recipe, path);
  case DataFormat::Text:
    return readTextDataset(recipe, path, train);
  }
  return Fault{FaultKind::Internal, "unknown format of data"};
}

/// Gives the columns the shape and the transform that the recipe asks for.
MaybeFault shapeColumns(const DataRecipe &recipe, Dataset *data) {
  if (data->items == 0)
    return Fault{FaultKind::Input,
                 data->source + ": expected items, found none"};
  if (data->items > std::numeric_limits<uint32_t>::max())
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: expected at most {} items, found {}",
                             data->source, std::numeric_limits<uint32_t>::max(),
                             data->items)};
  for (Column &column : data->columns) {
    if (column.name == "label")
      column.transform.oneHot = recipe.oneHot;
    if (column.name != "features")
      continue;
    column.transform.scale = recipe.scale;
    column.transform.offset = recipe.offset;
    if (recipe.shape.empty())
      continue;
    // In bytes, because that is what is checked for overflow.
    std::optional<int64_t> bytes = arrayBytes(ElementType::U8, recipe.shape);
    if (!bytes || *bytes != column.itemElements)
      return Fault{FaultKind::Input,
                   fmt::format("{}: expected a shape of {} elements for an "
                               "item of {}, found {}",
                               data->source, column.itemElements,
                               shapeText(column.itemShape),
                               shapeText(recipe.shape))};
    column.itemShape = recipe.shape;
  }
  return std::nullopt;
}

/// Mean and deviation of each feature over the part, in two passes.
void standardize(const DataPart &part, Column *column) {
  size_t count = size_t(column->itemElements);
  std::vector<double> mean(count, 0.0), squares(count, 0.0), item(count);
  Transform &transform = column->transform;
  auto load = [&](uint32_t index) {
    loadElements(column->type, column->item(index), 0, item);
    for (double &value : item)
      value = value * transform.scale + transform.offset;
  };
  for (uint32_t index : part.items) {
    load(index);
    for (size_t i = 0; i < count; ++i)
      mean[i] += item[i];
  }
  double items = double(part.items.size());
  for (double &value : mean)
    value /= items;
  for (uint32_t index : part.items) {
    load(index);
    for (size_t i = 0; i < count; ++i)
      squares[i] += (item[i] - mean[i]) * (item[i] - mean[i]);
  }
  for (double &value : squares) {
    value = std::sqrt(value / items);
    // A feature that never changes stays 0.
    if (!(value > 0))
      value = 1.0;
  }
  transform.mean = std::move(mean);
  transform.deviation = std::move(squares);
}

/// Items of the train part and of the test part, each in the order of the
/// file: what `shuffle = false` visits.
MaybeFault splitItems(const DataRecipe &recipe, const Dataset &data,
                      std::vector<uint32_t> *train,
                      std::vector<uint32_t> *test) {
  std::vector<uint32_t> order;
  uint32_t items = uint32_t(data.items);
  if (recipe.splitOrder == SplitOrder::Shuffled &&
      recipe.format != DataFormat::Text) {
    order = permutation(items, uint64_t(recipe.splitSeed), kSplitStream);
  } else {
    order.resize(items);
    std::iota(order.begin(), order.end(), 0);
  }
  size_t count = size_t(std::llround(recipe.split * double(items)));
  if (count == 0)
    return Fault{FaultKind::Input,
                 fmt::format("{}: a split of {} leaves none of {} items to "
                             "train on",
                             data.source, recipe.split, items)};
  train->assign(order.begin(), order.begin() + int64_t(count));
  test->assign(order.begin() + int64_t(count), order.end());
  std::sort(train->begin(), train->end());
  std::sort(test->begin(), test->end());
  return std::nullopt;
}

MaybeFault checkSameItems(const Dataset &train, const Dataset &test) {
  for (const Column &column : train.columns) {
    const Column *other = test.find(column.name);
    if (!other || other->itemShape != column.itemShape)
      return Fault{FaultKind::Input,
                   fmt::format("{}: expected {} of shape {} as in {}, found {}",
                               test.source, inQuotes(column.name),
                               shapeText(column.itemShape), train.source,
                               other ? shapeText(other->itemShape) : "none")};
  }
  return std::nullopt;
}

uint32_t crc32Of(std::string_view text, uint32_t seed) {
  return asgc::crc32Of(std::as_bytes(std::span(text.data(), text.size())),
                       seed);
}

uint32_t fingerprintOf(const Dataset &data, uint32_t seed) {
  for (const Column &column : data.columns) {
    seed = crc32Of(fmt::format("{} {} {} {};", column.name,
                               elementName(column.type),
                               shapeText(column.itemShape), data.items),
                   seed);
    // "next" shares the bytes of "tokens".
    if (column.offset == 0)
      seed = asgc::crc32Of(*column.storage, seed);
  }
  return seed;
}

Result<DataSplit> load(const DataRecipe &recipe, const std::string &baseDir) {
  std::string path = resolvePath(recipe.path, baseDir);
  Result<Dataset> all = readDataset(
      recipe, path, resolvePath(recipe.labelPath, baseDir), nullptr);
  if (!all)
    return all.fault();
  if (MaybeFault fault = shapeColumns(recipe, &*all))
    return *fault;
  DataSplit split;
  split.fingerprint = fingerprintOf(*all, 0);
  auto trainData = std::make_shared<Dataset>(std::move(*all));
  auto testData = trainData;
  split.train.data = trainData;
  if (recipe.testPath.empty()) {
    if (MaybeFault fault = splitItems(recipe, *trainData, &split.train.items,
                                      &split.test.items))
      return *fault;
  } else {
    Result<Dataset> test = readDataset(
        recipe, resolvePath(recipe.testPath, baseDir),
        resolvePath(recipe.testLabelPath, baseDir), trainData.get());
    if (!test)
      return test.fault();
    if (MaybeFault fault = shapeColumns(recipe, &*test))
      return *fault;
    if (MaybeFault fault = checkSameItems(*trainData, *test))
      return *fault;
    split.fingerprint = fingerprintOf(*test, split.fingerprint);
    testData = std::make_shared<Dataset>(std::move(*test));
    split.train.items.resize(size_t(trainData->items));
    split.test.items.resize(size_t(testData->items));
    std::iota(split.train.items.begin(), split.train.items.end(), 0);
    std::iota(split.test.items.begin(), split.test.items.end(), 0);
  }
  split.test.data = testData;
  if (recipe.standardize)
    for (size_t i = 0; i < trainData->columns.size(); ++i) {
      if (trainData->columns[i].name != "features")
        continue;
      standardize(split.train, &trainData->columns[i]);
      testData->columns[i].transform = trainData->columns[i].transform;
    }
  return split;
}
} // namespace

uint32_t crc32Of(std::span<const std::byte> bytes, uint32_t seed) {
  return uint32_t(crc32_z(seed, reinterpret_cast<const Bytef *>(bytes.data()),
                          bytes.size()));
}

Result<DataSplit> loadData(const DataRecipe &recipe,
                           const std::string &baseDir) {
  std::string wrong = verifyDataRecipe(recipe);
  if (!wrong.empty())
    return Fault{FaultKind::Input, wrong};
  try {
    return load(recipe, baseDir);
  } catch (const std::bad_alloc &) {
    return Fault{FaultKind::Environment,
                 recipe.path + ": not enough memory for the data set"};
  }
}

} // namespace asgc
