//===- Closeness.h - Whether two evaluations give the same ----------------===//
#ifndef ASGC_TEST_OPS_CLOSENESS_H
#define ASGC_TEST_OPS_CLOSENESS_H

#include "asgc/Interpreter.h"

namespace asgc::test {

/// Where `actual` differs from `expected` by more than rounding explains, as a sentence;
/// empty if nowhere. Integers and bools are exact. Floats differ by at most `tolerance`
/// of the largest element, which is for f32; f16 and bf16, which the interpreter rounds
/// after every op and kernels only where they store, by eight units in the last place.
/// NaN and infinities stand in the same places.
std::string findDifference(const HostTensor &expected, const HostTensor &actual,
                           double tolerance);

/// The same for all outputs and assigned variables; those that were not assigned are
/// as in `variables`.
std::string findDifference(const InterpreterResult &expected,
                           const InterpreterResult &actual,
                           const Variables &variables, double tolerance);

} // namespace asgc::test

#endif
