//===- Kernels.h - Loops compiled once per instruction set ----------------===//
#ifndef ASGC_RT_CPU_KERNELS_H
#define ASGC_RT_CPU_KERNELS_H

#include <stdint.h>

namespace asgc::rt {

/// out[i, j] = sum over p of a[i, p] b[p, j], f32, for few rows i.
struct GemvArgs {
  const float *a; ///< rows of k contiguous floats
  const float *b;
  float *out; ///< rows of n contiguous floats
  int64_t m, n, k;
  int64_t aRow;    ///< stride between rows of a
  int64_t bStride; ///< dot: between columns of b; axpy: between rows of b
  int64_t outRow;  ///< stride between rows of out
};

/// The most rows a GEMV kernel takes.
inline constexpr int64_t maxGemvRows = 4;

/// to = activation(from + bias + residual) for `count` contiguous floats.
struct FinishArgs {
  const float *from;
  float *to;             ///< may be `from` or `residual`
  const float *bias;     ///< null, one per value, or one if biasStride is 0
  const float *residual; ///< null or contiguous
  int64_t count;
  int64_t biasStride; ///< 1 or 0
  int32_t activation; ///< asgc_activation
};

/// 2-D pooling over planes of h x w elements.
struct PoolGeometry {
  int64_t h, w, oh, ow;
  int64_t kernel[2], stride[2], pad[2], dilation[2];
  bool countsPadding; ///< averages divide by the whole window
};

/// The loops of one instruction set.
struct CpuKernels {
  /// b's columns are contiguous: b[j * bStride + p]
  void (*gemvDot)(const GemvArgs &);
  /// b's rows are contiguous: b[p * bStride + j]
  void (*gemvAxpy)(const GemvArgs &);
  void (*finish)(const FinishArgs &);
  /// Converts `count` contiguous numbers of an asgc_dtype (ASGC_F16 or
  /// ASGC_BF16) to f32 and back, to nearest even.
  void (*widen)(int32_t dtype, const void *from, float *to, int64_t count);
  void (*narrow)(int32_t dtype, const float *from, void *to, int64_t count);
  /// to[j * toRow + i] = from[i * fromRow + j]
  void (*transpose)(const float *from, int64_t fromRow, float *to,
                    int64_t toRow, int64_t rows, int64_t columns);

  /// One plane of f32; see PoolLoops.h.
  void (*maxPool)(const PoolGeometry &g, const float *x, float *y,
                  int32_t *indices, int32_t *places);
  void (*avgPool)(const PoolGeometry &g, const float *x, float *y,
                  float *scratch);
  void (*avgPoolBackward)(const PoolGeometry &g, const float *dy, float *dx,
                          float *scratch);
};

const CpuKernels &cpuKernels(int32_t isa);

} // namespace asgc::rt
#endif
