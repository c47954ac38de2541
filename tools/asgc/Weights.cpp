//===- Weights.cpp - Parameters as files ----------------------------------===//
#include "Weights.h"

#include "Execution.h"
#include "runtime/src/Weights.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <set>

namespace asgc::cli {

void addWeightFlags(CLI::App *verb, WeightFlags &flags, const char *what) {
  verb->add_option("--weights", flags.file, what)->option_text("FILE");
  verb->add_option("--map", flags.map,
                   "Rules that tell what of the weights is called how in the\n"
                   "model: docs/interop.md")
      ->option_text("FILE");
}

void addPartialFlag(CLI::App *verb, WeightFlags &flags) {
  verb->add_flag("--partial", flags.isPartial,
                 "Pass over weights that the model lacks, and keep the first\n"
                 "values of what the weights lack");
}

static std::vector<NamedView> viewsOf(std::vector<NamedArray> arrays) {
  std::vector<NamedView> views;
  for (NamedArray &array : arrays)
    views.push_back(viewOf(std::move(array)));
  return views;
}

Result<std::vector<NamedView>> readWeights(const WeightFlags &flags) {
  auto file = openWeights(flags.file, flags.map);
  if (!file)
    return file.fault();
  auto arrays = readAll(**file);
  if (!arrays)
    return arrays.fault();
  return viewsOf(std::move(*arrays));
}

Result<std::vector<NamedView>>
readWeights(const WeightFlags &flags,
            const std::vector<ModelVariable> &variables,
            const std::string &model) {
  auto file = openWeights(flags.file, flags.map);
  if (!file)
    return file.fault();
  std::set<std::string_view> names;
  for (const WeightTensor &tensor : (*file)->tensors())
    names.insert(tensor.name);
  std::vector<NamedArray> arrays;
  std::vector<WeightTarget> targets;
  for (const ModelVariable &variable : variables) {
    bool isThere = names.contains(variable.name);
    if (!isThere && !variable.isWeight)
      continue;
    Array array{variable.type, variable.shape, {}};
    if (isThere) // else the fault below
      array.data.resize(
          size_t(arrayBytes(variable.type, variable.shape).value_or(0)));
    arrays.push_back({variable.name, std::move(array)});
  }
  for (auto &[name, array] : arrays)
    targets.push_back({name, array.type, array.shape, array.data.data()});
  if (MaybeFault fault = loadWeights(**file, targets, model, flags.isPartial))
    return *fault;
  return viewsOf(std::move(arrays));
}

/// The type of the runtime that holds `type`; nothing if there is none.
static std::optional<asgc_dtype> runtimeTypeOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return ASGC_F32;
  case ElementType::F16:
    return ASGC_F16;
  case ElementType::BF16:
    return ASGC_BF16;
  case ElementType::F64:
    return ASGC_F64;
  case ElementType::I8:
    return ASGC_I8;
  case ElementType::I32:
    return ASGC_I32;
  case ElementType::I64:
    return ASGC_I64;
  case ElementType::Bool:
    return ASGC_BOOL;
  default:
    return std::nullopt;
  }
}

/// The type that a file holds elements of `type` as: integers that nothing here
/// computes with become wider ones.
static ElementType storedTypeOf(ElementType type) {
  if (runtimeTypeOf(type))
    return type;
  return elementBytes(type) < 4 ? ElementType::I32 : ElementType::I64;
}

/// Writes `matrix` [rows, columns] with its axes swapped, in squares that stay
/// in the cache.
static void transpose(const std::byte *matrix, size_t rows, size_t columns,
                      size_t width, std::byte *out) {
  constexpr size_t square = 32;
  for (size_t row = 0; row < rows; row += square)
    for (size_t column = 0; column < columns; column += square)
      for (size_t j = column; j < std::min(column + square, columns); ++j)
        for (size_t i = row; i < std::min(row + square, rows); ++i)
          std::memcpy(out + (j * rows + i) * width,
                      matrix + (i * columns + j) * width, width);
}

namespace {
/// Gives a file of weights its elements, a tensor at a time.
class WeightReader {
public:
  WeightReader(const std::string &path, const std::vector<TextWeight> &weights)
      : path(path), weights(weights) {}

  /// For asgc_safetensors_write_from; null if there is a fault.
  static const void *read(void *self, int64_t index) {
    return static_cast<WeightReader *>(self)->elementsOf(size_t(index));
  }

  MaybeFault fault;

private:
  const std::byte *elementsOf(size_t index) {
    if (last) // it is in the file by now
      last->owner->forget(last->data);
    const auto &[value, isTransposed] = weights[index];
    last = value.owner ? &value : nullptr;
    const std::byte *data = value.data.data();
    ElementType type = storedTypeOf(value.type);
    if (type != value.type) {
      size_t count = value.data.size() / elementBytes(value.type);
      converted.resize(count * elementBytes(type));
      fault = convertElements(value.type, data, count, type, converted.data(),
                              fmt::format("{}: tensor '{}'", path, value.name));
      if (fault)
        return nullptr;
      data = converted.data();
    }
    if (!isTransposed)
      return data;
    transposed.resize(value.data.size() / elementBytes(value.type) *
                      elementBytes(type));
    transpose(data, size_t(value.shape[0]), size_t(value.shape[1]),
              elementBytes(type), transposed.data());
    return transposed.data();
  }

  const std::string &path;
  const std::vector<TextWeight> &weights;
  const NamedView *last = nullptr;
  std::vector<std::byte> converted, transposed;
};

/// What the runtime writes, without the elements, which a WeightReader gives
/// it.
struct Sources {
  explicit Sources(const std::vector<TextWeight> &weights) {
    for (const auto &[value, isTransposed] : weights) {
      const std::vector<int64_t> *shape = &value.shape;
      if (isTransposed)
        shape = &swapped.emplace_back(shape->rbegin(), shape->rend());
      list.push_back({value.name.c_str(), shape->data(), nullptr,
                      *runtimeTypeOf(storedTypeOf(value.type)),
                      int32_t(shape->size())});
    }
  }

  std::vector<asgc_safetensors_source> list;
  std::deque<std::vector<int64_t>> swapped;
};
} // namespace

static std::vector<TextWeight> weightsOf(const std::vector<NamedView> &values) {
  std::vector<TextWeight> weights;
  for (const NamedView &value : values)
    weights.push_back({value});
  return weights;
}

MaybeFault writeWeights(const std::string &path,
                        const std::vector<TextWeight> &weights) {
  Sources sources(weights);
  WeightReader reader(path, weights);
  asgc_status status = asgc_safetensors_write_from(
      path.c_str(), sources.list.data(), int64_t(sources.list.size()), nullptr,
      0, WeightReader::read, &reader);
  if (reader.fault)
    return reader.fault;
  return faultOf(status, asgc_last_error());
}

MaybeFault writeWeights(const std::string &path,
                        const std::vector<NamedView> &values) {
  return writeWeights(path, weightsOf(values));
}

Result<std::string> formatWeights(const std::string &path,
                                  const std::vector<NamedView> &values) {
  std::vector<TextWeight> weights = weightsOf(values);
  Sources sources(weights);
  WeightReader reader(path, weights);
  std::string bytes;
  asgc_status status = rt::formatSafetensors(
      path.c_str(), sources.list, WeightReader::read, &reader, &bytes);
  if (reader.fault)
    return *reader.fault;
  if (MaybeFault fault = faultOf(status, asgc_last_error()))
    return *fault;
  return bytes;
}

} // namespace asgc::cli
