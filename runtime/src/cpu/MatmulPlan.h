//===- MatmulPlan.h - How one matrix product is computed ------------------===//
#ifndef ASGC_RT_CPU_MATMULPLAN_H
#define ASGC_RT_CPU_MATMULPLAN_H

#include "Dnnl.h"
#include "MatmulShape.h"
#include "Memory.h"
#include "Split.h"

namespace asgc::rt {

/// Types of the operands after a swap, and what surrounds the product.
struct MatmulTypes {
  int32_t a = 0, b = 0, c = 0;
  bool operator==(const MatmulTypes &) const = default;
};

enum class MatmulMethod {
  Nothing,   ///< no element to compute
  Vectors,   ///< few rows, b read as it lies
  Primitive, ///< oneDNN
  Loops      ///< any types; slow
};

/// How the elements of an operand reach oneDNN.
enum class Access {
  Direct, ///< as they lie
  Copied, ///< as contiguous rows of the computing type, in scratch
  Packed, ///< in the layout that oneDNN likes best
};

/// oneDNN has two kinds of products that concern us.
enum class Family {
  Strided, ///< its f32 GEMM: rows of any length, fast when b's are rows
  Dense,   ///< all others: no gaps between rows, fast when b is packed
};

/// A product cut into slices, each computed by one thread: slice (batch, i, j)
/// has rows.length(i) x columns.length(j) results. The cut depends on the shape
/// only, and k is never cut, so the bits do not depend on the threads.
struct MatmulPlan {
  MatmulShape shape;
  MatmulTypes types;
  bool wantsCachedB = false;  ///< b stays the same from run to run
  bool cachesB = false;       ///< and is packed once for many runs
  bool resultAliases = false; ///< c is the residual

  MatmulMethod method = MatmulMethod::Loops;
  Split rows, columns;
  int64_t grain = 1;

  bool dot = false; ///< Vectors: columns of b are contiguous

  Family family = Family::Strided;
  int32_t computeType = ASGC_F32; ///< Primitive: of a and b within oneDNN
  int32_t resultType = ASGC_F32;  ///< what oneDNN delivers
  Access accessA = Access::Direct, accessB = Access::Direct;
  bool resultApart = false; ///< results go to scratch before they go to c
  /// Indexed by (last rows, last columns); null where there is no such slice.
  std::unique_ptr<DnnlOperation> operations[2][2];
  /// Packs b where that is not done once; by (last columns).
  std::unique_ptr<DnnlOperation> packers[2];

  /// Offsets of the parts of a thread's scratch; oneDNN's own is first.
  int64_t scratchA = 0, scratchB = 0, scratchPacked = 0, scratchC = 0,
          scratchRow = 0, scratchBytes = 0;

  /// Whether b is turned into contiguous rows before it is packed or used.
  bool gathersB() const;
  int64_t tasks() const {
    return shape.batchSize() * rows.parts() * columns.parts();
  }
};

/// Weights in the layout that products like, kept for many runs.
struct PackedWeights {
  MatmulShape shape; ///< only n, k and b count
  int32_t type = -1;
  Family family = Family::Strided;
  uint64_t epoch = 0; ///< variableEpoch that they were packed at; 0: never
  const char *source = nullptr;
  /// Strided: k rows of f32, this many apart.
  int64_t rowStride = 0;
  /// Dense: oneDNN's layout for each part of the columns.
  Split columns;
  dnnl_memory_desc_t desc[2]; ///< by (last columns)
  std::unique_ptr<DnnlOperation> packers[2];
  int64_t partBytes = 0;
  Pages data;
};

/// Whether `weights` are laid out for this plan's b.
bool fits(const PackedWeights &weights, const MatmulPlan &plan);

/// Fills `plan`, whose shape, types, wantsCachedB and resultAliases are set.
/// With cachesB, `weights` says how b is packed, and is made if it does not
/// fit.
void makePlan(const Dnnl *dnnl, MatmulPlan &plan, PackedWeights &weights);

} // namespace asgc::rt
#endif
