//===- Weights.cpp - Parameters as files ----------------------------------===//
#include "Weights.h"

#include "Execution.h"
#include "runtime/src/Weights.h"

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

Result<std::vector<NamedArray>> readWeights(const WeightFlags &flags) {
  auto file = openWeights(flags.file, flags.map);
  if (!file)
    return file.fault();
  return readAll(**file);
}

Result<std::vector<NamedArray>>
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
  return arrays;
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

namespace {
/// Arrays as the runtime writes them, alive with what is in `widened`.
struct Sources {
  std::vector<asgc_safetensors_source> list;
  std::deque<std::vector<std::byte>> widened;

  MaybeFault add(const NamedArray &named, const std::string &path) {
    const auto &[name, array] = named;
    const std::byte *data = array.data.data();
    ElementType type = array.type;
    if (!runtimeTypeOf(type)) {
      // Integers that nothing here computes with keep their values.
      type = elementBytes(type) < 4 ? ElementType::I32 : ElementType::I64;
      size_t count = size_t(array.elements());
      widened.emplace_back(count * elementBytes(type));
      if (MaybeFault fault = convertElements(
              array.type, data, count, type, widened.back().data(),
              fmt::format("{}: tensor '{}'", path, name)))
        return fault;
      data = widened.back().data();
    }
    list.push_back({name.c_str(), array.shape.data(), data,
                    *runtimeTypeOf(type), int32_t(array.shape.size())});
    return std::nullopt;
  }
};
} // namespace

MaybeFault writeWeights(const std::string &path,
                        const std::vector<NamedArray> &arrays) {
  Sources sources;
  for (const NamedArray &array : arrays)
    if (MaybeFault fault = sources.add(array, path))
      return fault;
  asgc_status status =
      asgc_safetensors_write(path.c_str(), sources.list.data(),
                             int64_t(sources.list.size()), nullptr, 0);
  return faultOf(status, asgc_last_error());
}

Result<std::string> formatWeights(const std::string &path,
                                  const std::vector<NamedArray> &arrays) {
  Sources sources;
  for (const NamedArray &array : arrays)
    if (MaybeFault fault = sources.add(array, path))
      return *fault;
  std::string bytes;
  asgc_status status =
      rt::formatSafetensors(path.c_str(), sources.list, &bytes);
  if (MaybeFault fault = faultOf(status, asgc_last_error()))
    return *fault;
  return bytes;
}

} // namespace asgc::cli
