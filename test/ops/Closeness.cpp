//===- Closeness.cpp - Whether two evaluations give the same --------------===//
#include "test/ops/Closeness.h"

namespace asgc::test {

std::string findDifference(const InterpreterResult &expected,
                           const InterpreterResult &actual,
                           const Variables &variables, double tolerance) {
  if (expected.outputs.size() != actual.outputs.size())
    return "another number of outputs";
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    auto found =
        findDifference(expected.outputs[i], actual.outputs[i], tolerance);
    if (!found.empty())
      return "output " + std::to_string(i) + ": " + found;
  }
  for (const auto &[name, value] : variables) {
    auto assigned = expected.assigned.find(name);
    const HostTensor &want =
        assigned == expected.assigned.end() ? value : assigned->second;
    auto found = findDifference(want, actual.assigned.at(name), tolerance);
    if (!found.empty())
      return "variable " + name + ": " + found;
  }
  return {};
}

} // namespace asgc::test
