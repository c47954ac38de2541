//===- Matmul.h - Matrix products of a program ----------------------------===//
#ifndef ASGC_RT_CPU_MATMUL_H
#define ASGC_RT_CPU_MATMUL_H

#include "Kernels.h"
#include "MatmulPlan.h"
#include "Program.h"

namespace asgc::rt {

/// The buffers of one call, after a swap.
struct MatmulBuffers {
  const char *a, *b;
  const char *bias, *residual; ///< may be null
  char *c;
};

struct MatmulCall;

/// What a matmul kernel keeps between runs.
class MatmulState final : public KernelState {
public:
  asgc_status run(asgc_program &program, const asgc_matmul_desc &desc,
                  const int64_t *dims, MatmulBuffers buffers);

private:
  const MatmulPlan &planFor(asgc_program &program, const MatmulPlan &wanted);
  bool packWeights(asgc_program &program, const MatmulCall &call);

  std::vector<std::unique_ptr<MatmulPlan>> plans_;
  size_t lastUsed_ = 0, nextReplaced_ = 0;
  PackedWeights weights_;
};

/// One product under way: what a thread needs to compute a slice.
struct MatmulCall {
  const MatmulPlan &plan;
  const Dnnl *dnnl;
  const CpuKernels &kernels;
  const PackedWeights &weights;
  MatmulBuffers buffers;
  int32_t activation;
};

/// Computes tasks [begin, end) of a plan by its method; false if oneDNN fails.
void runVectorTasks(const MatmulCall &call, int64_t begin, int64_t end,
                    char *scratch);
bool runPrimitiveTasks(const MatmulCall &call, int64_t begin, int64_t end,
                       int worker, char *scratch);
void runLoopTasks(const MatmulCall &call, int64_t begin, int64_t end,
                  char *scratch);
/// Scratch that runLoopTasks needs.
int64_t loopScratchBytes(const MatmulPlan &plan);

/// Packs columns of part `part` of b to `to`; false if oneDNN fails.
bool packPart(const MatmulCall &call, const DnnlOperation *packer,
              int64_t batch, int64_t part, int worker, char *scratch, void *to);

/// The place of one slice within a product.
struct Slice {
  int64_t batch, row, rows, column, columns;
  bool lastRows, lastColumns;
  int64_t columnPart;
};
Slice sliceOf(const MatmulPlan &plan, int64_t task);

/// Brings the results of a slice, f32 rows `fromRow` apart, to c, with bias,
/// residual and activation. `scratch` holds two rows of floats.
void finishSlice(const MatmulCall &call, const Slice &slice, const float *from,
                 int64_t fromRow, float *scratch);

/// Copies a matrix as contiguous rows, of f32 if `toType` is, else unchanged.
void gatherRows(const CpuKernels &kernels, int32_t fromType, const char *from,
                int64_t rowStride, int64_t columnStride, int64_t rows,
                int64_t columns, int32_t toType, char *to);

} // namespace asgc::rt
#endif
