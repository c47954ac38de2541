//===- ScalarBody.h - Bodies of kernels, evaluated op by op ---------------===//
#ifndef ASGC_TEST_UNIT_PLAN_SCALARBODY_H
#define ASGC_TEST_UNIT_PLAN_SCALARBODY_H

#include "dialects/plan/Plan.h"

#include <functional>
#include <vector>

namespace asgc::test {

/// A float, or an integer of any width, sign-extended.
struct Scalar {
  double f = 0;
  int64_t i = 0;
};

/// What the body of a kernel sees of its surroundings.
struct BodyInputs {
  /// Coordinates of the points that are evaluated together.
  std::vector<std::vector<int64_t>> points;
  /// Values of a body argument at all points; empty for a whole buffer.
  std::function<std::vector<Scalar>(unsigned argument)> readArgument;
  /// Element `offset` of the whole buffer that an argument stands for.
  std::function<Scalar(unsigned argument, int64_t offset)> load;
  std::function<int64_t(const DimExpr &)> extent;
  /// The points stand for none: reductions over them give what they start with.
  bool areNone = false;
};

/// The yielded values at all points, or nothing and `error`.
std::optional<std::vector<std::vector<Scalar>>>
evaluateBody(mlir::Block &body, const BodyInputs &inputs, std::string &error);

} // namespace asgc::test

#endif
