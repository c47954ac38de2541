//===- Dataset.cpp - Columns, and their way into a batch ------------------===//
#include "Readers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>

namespace asgc {

namespace {
constexpr size_t kChunk = 256;

/// The whole numbers that `type` holds: [first, second].
std::pair<double, double> integerRange(ElementType type) {
  switch (type) {
  case ElementType::Bool:
    return {0, 1};
  case ElementType::I8:
    return {-128, 127};
  case ElementType::U8:
    return {0, 255};
  case ElementType::I16:
    return {-32768, 32767};
  case ElementType::U16:
    return {0, 65535};
  case ElementType::I32:
    return {-2147483648.0, 2147483647.0};
  case ElementType::U32:
    return {0, 4294967295.0};
  // The greatest doubles below 2⁶³ and 2⁶⁴.
  case ElementType::I64:
    return {-9223372036854775808.0, 9223372036854774784.0};
  case ElementType::U64:
    return {0, 18446744073709549568.0};
  default:
    return {0, 0};
  }
}

double greatestFinite(ElementType type) {
  return type == ElementType::F16    ? 65504.0
         : type == ElementType::BF16 ? 3.3895313892515355e38
         : type == ElementType::F32  ? 3.4028234663852886e38
                                     : std::numeric_limits<double>::max();
}

/// Applies the affine part to elements [first, first + values.size()) of an
/// item.
void apply(const Transform &transform, size_t first, std::span<double> values) {
  if (transform.scale != 1.0 || transform.offset != 0.0)
    for (double &value : values)
      value = value * transform.scale + transform.offset;
  if (!transform.mean.empty())
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = (values[i] - transform.mean[first + i]) /
                  transform.deviation[first + i];
}

/// What `type` cannot hold of `value`, or null.
const char *misfit(double value, ElementType type) {
  if (!std::isfinite(value))
    return "a finite number";
  if (isFloat(type))
    return std::fabs(value) > greatestFinite(type) ? "a number in its range"
                                                   : nullptr;
  auto [least, greatest] = integerRange(type);
  if (value != std::trunc(value))
    return "a whole number";
  return value < least || value > greatest ? "a number in its range" : nullptr;
}
} // namespace

bool Transform::isAffineIdentity() const {
  return scale == 1.0 && offset == 0.0 && mean.empty();
}

bool Transform::isIdentity() const { return isAffineIdentity() && !oneHot; }

std::vector<int64_t> Column::batchItemShape() const {
  std::vector<int64_t> shape = itemShape;
  if (transform.oneHot)
    shape.push_back(transform.oneHot);
  return shape;
}

const Column *Dataset::find(std::string_view name) const {
  for (const Column &column : columns)
    if (column.name == name)
      return &column;
  return nullptr;
}

Column makeColumn(std::string name, ElementType type,
                  std::vector<int64_t> itemShape,
                  std::vector<std::byte> bytes) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  for (int64_t extent : itemShape)
    column.itemElements *= extent;
  column.itemShape = std::move(itemShape);
  column.stride = column.itemElements * int64_t(elementBytes(type));
  column.storage =
      std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return column;
}

Result<Dataset> makeDataset(std::vector<SourcedArray> arrays) {
  Dataset data;
  for (SourcedArray &sourced : arrays) {
    std::vector<int64_t> &shape = sourced.array.shape;
    if (shape.empty())
      return Fault{FaultKind::Input,
                   sourced.source + ": expected an array whose leading extent "
                                    "counts items, found a single number"};
    if (data.columns.empty()) {
      data.source = sourced.source;
      data.items = shape[0];
    } else if (shape[0] != data.items) {
      return Fault{FaultKind::Input,
                   fmt::format("{}: expected {} items as in {}, found {}",
                               sourced.source, data.items, data.source,
                               shape[0])};
    }
    if (std::find(shape.begin() + 1, shape.end(), 0) != shape.end())
      return Fault{FaultKind::Input,
                   fmt::format("{}: expected items with elements, found the "
                               "shape {}",
                               sourced.source, shapeText(shape))};
    data.columns.push_back(makeColumn(sourced.column, sourced.array.type,
                                      {shape.begin() + 1, shape.end()},
                                      std::move(sourced.array.data)));
  }
  return data;
}

Result<Dataset> datasetOfFiles(const std::string &path,
                               const std::string &labelPath,
                               Result<Array> (*read)(const std::string &)) {
  std::vector<SourcedArray> arrays;
  for (auto [column, file] :
       {std::pair("features", &path), std::pair("label", &labelPath)}) {
    if (file->empty())
      continue;
    Result<Array> array = read(*file);
    if (!array)
      return array.fault();
    arrays.push_back({column, *file, std::move(*array)});
  }
  return makeDataset(std::move(arrays));
}

void gatherItems(const Column &column, ElementType type,
                 std::span<const uint32_t> items, std::byte *out) {
  size_t count = size_t(column.itemElements), width = elementBytes(type);
  const Transform &transform = column.transform;
  if (transform.isIdentity() && type == column.type) {
    for (uint32_t item : items) {
      std::memcpy(out, column.item(item), count * width);
      out += count * width;
    }
    return;
  }
  std::array<double, kChunk> chunk;
  std::vector<double> hot(size_t(transform.oneHot), 0.0);
  for (uint32_t item : items)
    for (size_t first = 0; first < count; first += kChunk) {
      std::span values(chunk.data(), std::min(kChunk, count - first));
      loadElements(column.type, column.item(item), first, values);
      apply(transform, first, values);
      if (!transform.oneHot) {
        storeElements(type, values, out);
        out += values.size() * width;
        continue;
      }
      for (double value : values) {
        hot[size_t(value)] = 1.0;
        storeElements(type, hot, out);
        out += hot.size() * width;
        hot[size_t(value)] = 0.0;
      }
    }
}

MaybeFault checkColumn(const DataPart &part, const BatchColumn &wanted) {
  const Dataset &data = *part.data;
  const Column *column = data.find(wanted.column);
  if (!column) {
    std::vector<std::string> names;
    for (const Column &known : data.columns)
      names.push_back(inQuotes(known.name));
    return Fault{FaultKind::Input,
                 fmt::format("{}: expected a column {}, found {}", data.source,
                             inQuotes(wanted.column), fmt::join(names, ", "))};
  }
  const Transform &transform = column->transform;
  // Integers fit every float but f16; nothing to look at then.
  if (transform.isIdentity() && (!isFloat(column->type)) &&
      (wanted.type == column->type ||
       (isFloat(wanted.type) && wanted.type != ElementType::F16)))
    return std::nullopt;
  std::array<double, kChunk> chunk;
  for (uint32_t item : part.items)
    for (size_t first = 0; first < size_t(column->itemElements);
         first += kChunk) {
      std::span values(chunk.data(),
                       std::min(kChunk, size_t(column->itemElements) - first));
      loadElements(column->type, column->item(item), first, values);
      apply(transform, first, values);
      for (double value : values) {
        const char *expected = misfit(value, wanted.type);
        std::string range;
        if (transform.oneHot && (value != std::trunc(value) || value < 0 ||
                                 value >= double(transform.oneHot))) {
          expected = "a class for one_hot";
          range = fmt::format(" (0 to {})", transform.oneHot - 1);
        }
        if (expected)
          return Fault{FaultKind::Input,
                       fmt::format("{}: expected {}{} as {} in item {} of "
                                   "column {}, found {}",
                                   data.source, expected, range,
                                   elementName(wanted.type), item,
                                   inQuotes(column->name), value)};
      }
    }
  return std::nullopt;
}

} // namespace asgc
