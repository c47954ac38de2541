//===- Closeness.h - Whether two evaluations give the same ----------------===//
#ifndef ASGC_TEST_OPS_CLOSENESS_H
#define ASGC_TEST_OPS_CLOSENESS_H

#include "asgc/Interpreter.h"
#include "test/ops/TensorCloseness.h"

namespace asgc::test {

/// Where two evaluations differ in outputs and assigned variables; those that
/// were not assigned are as in `variables`.
std::string findDifference(const InterpreterResult &expected,
                           const InterpreterResult &actual,
                           const Variables &variables, double tolerance);

} // namespace asgc::test

#endif
