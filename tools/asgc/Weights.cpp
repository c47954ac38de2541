//===- Weights.cpp - Parameters as files ----------------------------------===//
#include "Weights.h"

#include "Execution.h"
#include "runtime/src/Weights.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <map>

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

/// Tensor `index` where it lies in the pages of the file, which the view keeps
/// open; nothing if it does not.
static std::optional<NamedView> viewOf(const std::shared_ptr<WeightFile> &file,
                                       size_t index) {
  if (!file->isMapped(index))
    return std::nullopt;
  auto bytes = file->read(index);
  if (!bytes)
    return std::nullopt;
  const WeightTensor &tensor = file->tensors()[index];
  return NamedView{tensor.name, *tensor.type, tensor.shape, *bytes,
                   std::make_shared<const FileBytes>(*bytes, file)};
}

Result<std::vector<NamedView>> readWeights(const WeightFlags &flags) {
  auto opened = openWeights(flags.file, flags.map);
  if (!opened)
    return opened.fault();
  std::shared_ptr<WeightFile> file = std::move(*opened);
  std::vector<NamedView> views;
  for (size_t i = 0; i < file->tensors().size(); ++i) {
    if (auto view = viewOf(file, i)) {
      views.push_back(std::move(*view));
      continue;
    }
    auto bytes = file->read(i);
    if (!bytes)
      return bytes.fault();
    const WeightTensor &tensor = file->tensors()[i];
    views.push_back(asgc::viewOf(
        {tensor.name,
         {*tensor.type, tensor.shape, {bytes->begin(), bytes->end()}}}));
  }
  return views;
}

Result<std::vector<NamedView>>
readWeights(const WeightFlags &flags,
            const std::vector<ModelVariable> &variables,
            const std::string &model) {
  auto opened = openWeights(flags.file, flags.map);
  if (!opened)
    return opened.fault();
  std::shared_ptr<WeightFile> file = std::move(*opened);
  std::map<std::string_view, size_t> places;
  for (size_t i = 0; i < file->tensors().size(); ++i)
    places.emplace(file->tensors()[i].name, i);
  // Converted are those that the file does not hold as the model wants them.
  std::vector<NamedView> views;
  std::vector<NamedArray> converted;
  std::vector<std::pair<size_t, size_t>> filled; // of `views`, `converted`
  std::vector<WeightTarget> targets;
  for (const ModelVariable &variable : variables) {
    auto place = places.find(variable.name);
    if (place == places.end() && !variable.isWeight)
      continue;
    targets.push_back({variable.name, variable.type, variable.shape, nullptr});
    if (place == places.end())
      continue; // the fault below
    auto view = viewOf(file, place->second);
    if (view && view->type == variable.type) {
      views.push_back(std::move(*view));
      continue;
    }
    Array array{variable.type, variable.shape, {}};
    array.data.resize(
        size_t(arrayBytes(variable.type, variable.shape).value_or(0)));
    targets.back().data = array.data.data(); // which stays when it moves
    filled.emplace_back(views.size(), converted.size());
    views.emplace_back();
    converted.push_back({variable.name, std::move(array)});
  }
  if (MaybeFault fault = loadWeights(*file, targets, model, flags.isPartial))
    return *fault;
  for (auto [view, array] : filled)
    views[view] = asgc::viewOf(std::move(converted[array]));
  return views;
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
    const auto &[value, isTransposed, stretches, shape] = weights[index];
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
    if (!stretches.empty()) {
      size_t width = elementBytes(type);
      joined.clear();
      for (const Stretch &part : stretches)
        joined.insert(joined.end(), data + size_t(part.begin) * width,
                      data + size_t(part.begin + part.count) * width);
      return joined.data();
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
  std::vector<std::byte> converted, transposed, joined;
};

/// What the runtime writes, without the elements, which a WeightReader gives
/// it.
struct Sources {
  explicit Sources(const std::vector<TextWeight> &weights) {
    for (const auto &[value, isTransposed, stretches, joined] : weights) {
      const std::vector<int64_t> *shape =
          stretches.empty() ? &value.shape : &joined;
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
