//===- TensorCloseness.h - Whether two tensors hold the same --------------===//
#ifndef ASGC_TEST_OPS_TENSORCLOSENESS_H
#define ASGC_TEST_OPS_TENSORCLOSENESS_H

#include "asgc/HostTensor.h"

namespace asgc::test {

/// Where `actual` differs from `expected` by more than rounding explains, as a
/// sentence; empty if nowhere. Integers and bools are exact. Floats differ by
/// at most `tolerance` of the largest element, which is for f32; f16 and bf16,
/// which the interpreter rounds after every op and kernels only where they
/// store, by eight units in the last place. NaN and infinities stand in the
/// same places.
std::string findDifference(const HostTensor &expected, const HostTensor &actual,
                           double tolerance);

} // namespace asgc::test

#endif
