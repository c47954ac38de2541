//===- Sweep.h - A walk along the vector dim ------------------------------===//
#ifndef ASGC_KERNELS_SWEEP_H
#define ASGC_KERNELS_SWEEP_H

#include "Scope.h"

namespace asgc::kernels {

/// A walk along the vector dim: whole vectors several at a time, the rest one
/// by one with a mask, or, where the machine has no masks for the types, as
/// scalars.
struct Sweep {
  const Model &model;
  KernelBuilder &b;
  /// Values needed at each point.
  SmallVector<Value> roots;
  /// Loads what a vector of points needs, ahead of the stores of its
  /// neighbours.
  std::function<void(Scope &)> prepare;
  /// Emits the code of a vector of points; returns what is reduced.
  std::function<Values(Scope &)> body;
  SmallVector<plan::ReduceOp> reduces;
  bool isMasked = true;
  int64_t unroll = 1;

  Sweep(const Model &model, KernelBuilder &builder, ArrayRef<Value> roots,
        ArrayRef<plan::ReduceOp> reduces);
  Sweep(const Sweep &) = delete; // `prepare` refers to it

  /// What reductions begin with, combined results go on with, and what they are
  /// at the end.
  Values start();
  Values run(Scope &row, Value from, Value to, Values carried);
  Values finish(Values carried);

private:
  Values runUnrolled(Scope &row, Value from, Value to, Values carried);
  Values runMasked(Scope &row, Value from, Value to, Values carried);
  Values runScalar(Scope &row, Value from, Value to, Values carried);
  Values combineAll(Values x, Values y);
  int64_t chooseUnroll(ArrayRef<Value> roots) const;
};

/// Whether all vectors of the kernel may be loaded and stored with masks.
bool canMaskAll(const Model &model, KernelBuilder &builder);
/// Lanes from `from` on that lie before `to`.
Value laneMask(KernelBuilder &builder, Value from, Value to);
/// The largest multiple of `step` that is at most `count` ≥ 0.
Value roundDown(KernelBuilder &builder, Value count, int64_t step);
std::optional<int64_t> constantOf(Value value);

} // namespace asgc::kernels

#endif
