//===- Kernels.cpp - Picks the loops of an instruction set ----------------===//
#include "Kernels.h"
#include "asgc/program.h"

namespace asgc::rt {

namespace avx2 {
extern const CpuKernels kernels;
}
namespace avx512 {
extern const CpuKernels kernels;
}

const CpuKernels &cpuKernels(int32_t isa) {
  return isa == ASGC_ISA_AVX512 ? avx512::kernels : avx2::kernels;
}

} // namespace asgc::rt
