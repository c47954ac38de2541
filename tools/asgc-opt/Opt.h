//===- Opt.h - Runs passes over IR text -----------------------------------===//
#ifndef ASGC_TOOLS_ASGC_OPT_OPT_H
#define ASGC_TOOLS_ASGC_OPT_OPT_H

#include "mlir/IR/DialectRegistry.h"

namespace asgc {

/// mlir-opt over the dialects of `registry` and all passes registered so far;
/// returns the exit code: 0, 1 for an error in the input, 4 for a file that cannot
/// be read or written. `argv[0]` names the tool. Beside mlir-opt's options:
///   --remarks=CATEGORY,…       print the remarks of these categories
///   --check-semantics[=SEED]   interpret before and after each pass, and name the
///                              first pass and op whose results differ
int runOpt(int argc, char **argv, mlir::DialectRegistry &registry);

} // namespace asgc

#endif
