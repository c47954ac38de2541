//===- Limits.h - What a device does at most ------------------------------===//
#ifndef ASGC_TOOLS_LIMITS_H
#define ASGC_TOOLS_LIMITS_H

#include "Execution.h"

namespace asgc::cli {

/// The rates that kernels are held against, measured where they run.
struct Limits {
  double bytes = 0; ///< moved in a second by copying
  double flop = 0;  ///< floating-point operations in a second, two in each
                    ///< instruction, as in a fused multiply-add
  /// The share of its limit that something reaches which moves and computes so
  /// much in `seconds`: of the limit that it is nearer to.
  double shareOf(int64_t bytesMoved, int64_t flopDone, double seconds) const;
};

Result<Limits> measureLimits(const CompileOptions &options,
                             const Settings &settings, int threads);

} // namespace asgc::cli

#endif
