//===- TensorCloseness.cpp - Whether two tensors hold the same ------------===//
#include "test/ops/TensorCloseness.h"

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

} // namespace asgc::test
