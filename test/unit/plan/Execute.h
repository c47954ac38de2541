//===- Execute.h - Runs a program in plain loops --------------------------===//
#ifndef ASGC_TEST_UNIT_PLAN_EXECUTE_H
#define ASGC_TEST_UNIT_PLAN_EXECUTE_H

#include "asgc/Interpreter.h"
#include "dialects/plan/Plan.h"

namespace asgc::test {

/// Runs a verified program as its text says, harshly: points of a map and rows come in
/// scrambled order and are written at once; memory starts as NaN; buffers
/// with an offset lie there in one arena, and turn to NaN after their last step.
/// On failure, nothing and the reason in `error`.
std::optional<InterpreterResult>
execute(plan::ProgramOp program, llvm::ArrayRef<HostTensor> inputs,
        const Variables &variables, std::string &error);

} // namespace asgc::test

#endif
