//===- Load.cpp - Gives variables the tensors of their names --------------===//
#include "../InputFile.h"
#include "asgc/Weights.h"
#include "runtime/src/Weights.h"

#include <fmt/format.h>
#include <map>

namespace asgc {

namespace {
/// Names of one kind of fault beyond this many are counted.
constexpr size_t kMaxNamed = 20;

void append(std::string &text, const std::vector<std::string> &faults,
            const char *kind) {
  for (size_t i = 0; i < std::min(faults.size(), kMaxNamed); ++i)
    text += (text.empty() ? "" : ", ") + faults[i];
  if (faults.size() > kMaxNamed)
    text += fmt::format(", and {} more {}", faults.size() - kMaxNamed, kind);
}

/// What of a file goes where: the target of each tensor, or null.
struct Fit {
  std::vector<const WeightTarget *> targets;
  std::vector<std::string> missing, unexpected, different;
};

Fit fitOf(const WeightFile &file, std::span<const WeightTarget> targets) {
  Fit fit;
  std::map<std::string_view, const WeightTarget *> byName;
  for (const WeightTarget &target : targets)
    byName.emplace(target.name, &target);
  for (const WeightTensor &tensor : file.tensors()) {
    auto found = byName.find(tensor.name);
    fit.targets.push_back(found == byName.end() ? nullptr : found->second);
    if (found == byName.end()) {
      if (!rt::isCounter(tensor.name) && !file.isCheckpoint())
        fit.unexpected.push_back("'" + tensor.name + "' is unexpected");
      continue;
    }
    const WeightTarget &target = *found->second;
    if (tensor.shape != target.shape)
      fit.different.push_back(fmt::format(
          "'{}' is {} instead of {}{}", tensor.name, tensor.describe(),
          elementName(target.type), shapeText(target.shape)));
    byName.erase(found);
  }
  for (const WeightTarget &target : targets) // in the order of the model
    if (byName.contains(target.name))
      fit.missing.push_back("'" + target.name + "' is missing");
  return fit;
}
} // namespace

MaybeFault loadWeights(WeightFile &file, std::span<const WeightTarget> targets,
                       const std::string &model, bool isPartial) {
  Fit fit = fitOf(file, targets);
  std::string faults;
  append(faults, fit.different, "have other shapes");
  if (!isPartial) {
    append(faults, fit.missing, "are missing");
    append(faults, fit.unexpected, "are unexpected");
  }
  if (!faults.empty()) {
    bool isRenamed = !fit.missing.empty() && !fit.unexpected.empty();
    return Fault{FaultKind::Input,
                 fmt::format("{} does not fit '{}': {}{}", file.path(), model,
                             faults,
                             isRenamed ? "; --map FILE tells what is called how"
                             : fit.unexpected.empty() || isPartial
                                 ? ""
                                 : "; --partial passes over them")};
  }
  for (size_t i = 0; i < fit.targets.size(); ++i) {
    const WeightTarget *target = fit.targets[i];
    if (!target || !target->data)
      continue;
    const WeightTensor &tensor = file.tensors()[i];
    auto bytes = file.read(i);
    if (!bytes)
      return bytes.fault();
    size_t count = bytes->size() / elementBytes(*tensor.type);
    if (MaybeFault fault = convertElements(
            *tensor.type, bytes->data(), count, target->type, target->data,
            fmt::format("{}: tensor '{}'", file.path(), tensor.name)))
      return fault;
  }
  return std::nullopt;
}

} // namespace asgc
