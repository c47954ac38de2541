//===- Closeness.cpp - Whether two evaluations give the same --------------===//
#include "test/ops/Closeness.h"

#include <algorithm>
#include <cmath>

namespace asgc::test {

std::string findDifference(const HostTensor &expected, const HostTensor &actual,
                           double tolerance) {
  if (expected.describe() != actual.describe())
    return "is " + actual.describe() + ", expected " + expected.describe();
  if (expected.dtype() == DType::F16)
    tolerance = 8 * 0x1p-11;
  if (expected.dtype() == DType::BF16)
    tolerance = 8 * 0x1p-8;
  double largest = 1e-3;
  for (int64_t i = 0; i < expected.numElements(); ++i)
    if (std::isfinite(expected.get(i)))
      largest = std::max(largest, std::fabs(expected.get(i)));
  for (int64_t i = 0; i < expected.numElements(); ++i) {
    double e = expected.get(i), a = actual.get(i);
    bool isSame = isFloat(expected.dtype())
                      ? e == a || (std::isnan(e) && std::isnan(a)) ||
                            std::fabs(a - e) <= tolerance * largest
                      : expected.getInteger(i) == actual.getInteger(i);
    if (!isSame)
      return expected.describe() + " is " + std::to_string(a) + " at element " +
             std::to_string(i) + ", expected " + std::to_string(e);
  }
  return {};
}

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
