//===- Cpu.h - What this machine can run ----------------------------------===//
#ifndef ASGC_RT_CPU_H
#define ASGC_RT_CPU_H

#include <cstdint>
#include <string>

namespace asgc::rt {

/// The best instruction set of this CPU (ASGC_ISA_*), or -1.
int32_t bestIsa();

/// The features that `isa` needs and this CPU lacks, such as "fma"; "" if none.
std::string missingFeatures(int32_t isa);

/// "avx2" or "avx512".
const char *isaName(int32_t isa);

/// Cores that this process may use: its affinity without the second threads of
/// a core, and not more than its control group's quota. At least 1.
int usableCores();

/// The number of threads to run with: `requested`, else ASGC_THREADS, else
/// usableCores(); within 1 and maxThreads.
int chooseThreads(int32_t requested);

inline constexpr int maxThreads = 256;

} // namespace asgc::rt
#endif
