//===- Cases.cpp - Models with inputs and the outputs they must give ------===//
#include "Cases.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>

namespace asgc {

namespace fs = std::filesystem;

static bool readArrays(const fs::path &folder, const char *prefix,
                       std::vector<Array> &arrays, Case &test) {
  for (int index = 0;; ++index) {
    fs::path path = folder / fmt::format("{}_{}.pb", prefix, index);
    if (!fs::exists(path))
      return true;
    auto array = readTensorProto(path.string());
    if (!array) {
      test.unreadable = array.fault().message;
      return false;
    }
    ElementType type = array->type;
    test.isBasic &= type == ElementType::F32 || type == ElementType::I32 ||
                    type == ElementType::I64 || type == ElementType::Bool;
    arrays.push_back(std::move(*array));
  }
}

static void readSets(const fs::path &folder, Case &test) {
  test.isBasic = true;
  for (int index = 0;; ++index) {
    fs::path path = folder / fmt::format("test_data_set_{}", index);
    if (!fs::exists(path))
      return;
    DataSet set;
    if (!readArrays(path, "input", set.inputs, test) ||
        !readArrays(path, "output", set.outputs, test)) {
      test.isBasic = false;
      return;
    }
    test.sets.push_back(std::move(set));
  }
}

std::vector<Case> findCases(const std::string &folder,
                            const std::string &filter) {
  std::vector<Case> cases;
  for (const char *group :
       {"node", "simple", "pytorch-converted", "pytorch-operator"}) {
    std::error_code error;
    for (const auto &entry :
         fs::directory_iterator(fs::path(folder) / group, error)) {
      std::string name = entry.path().filename().string();
      if (name.find(filter) == std::string::npos)
        continue;
      Case test{group, name,  (entry.path() / "model.onnx").string(),
                {},    false, {}};
      readSets(entry.path(), test);
      cases.push_back(std::move(test));
    }
  }
  std::sort(cases.begin(), cases.end(), [](const Case &a, const Case &b) {
    return std::tie(a.group, a.name) < std::tie(b.group, b.name);
  });
  return cases;
}

std::string compare(const Array &actual, const Array &expected) {
  if (actual.type != expected.type || actual.shape != expected.shape)
    return fmt::format("{}[{}] instead of {}[{}]", elementName(actual.type),
                       fmt::join(actual.shape, ", "),
                       elementName(expected.type),
                       fmt::join(expected.shape, ", "));
  std::vector<double> ours(size_t(actual.elements())), theirs(ours.size());
  loadElements(actual.type, actual.data.data(), 0, ours);
  loadElements(expected.type, expected.data.data(), 0, theirs);
  for (size_t i = 0; i < ours.size(); ++i) {
    bool isEqual =
        ours[i] == theirs[i] || (std::isnan(ours[i]) && std::isnan(theirs[i]));
    double allowed =
        isFloat(actual.type) ? 1e-6 + 1e-3 * std::fabs(theirs[i]) : 0;
    if (!isEqual && !(std::fabs(ours[i] - theirs[i]) <= allowed))
      return fmt::format("element {} is {} instead of {}", i, ours[i],
                         theirs[i]);
  }
  return {};
}

} // namespace asgc
