//===- KernelsAvx512.cpp - The loops of Kernels.h for AVX512 --------------===//
//---------------===//
#include "Kernels.h"
#include "asgc/program.h"
#define ASGC_ISA_NAMESPACE asgc::rt::avx512
#include "PoolLoops.h"
#include "Vec.h"

#include "Convert.inc"
#include "Finish.inc"
#include "Gemv.inc"
#include "Pool.inc"
#include "Transpose.inc"

namespace ASGC_ISA_NAMESPACE {

extern const CpuKernels kernels = {gemvDot, gemvAxpy, finish,
                                   widen,   narrow,   transpose,
                                   maxPool, avgPool,  avgPoolBackward};

} // namespace ASGC_ISA_NAMESPACE
