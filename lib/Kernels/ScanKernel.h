//===- ScanKernel.h - Code for a plan.scan --------------------------------===//
#ifndef ASGC_KERNELS_SCANKERNEL_H
#define ASGC_KERNELS_SCANKERNEL_H

#include "ScanModel.h"

namespace asgc::kernels {

/// A plan.scan. A task is a strip of neighbouring lines, which lie in lanes,
/// or, where the axis is the innermost, a few lines as scalars: each waits for
/// its own last sum only.
class ScanKernel final : public VectorKernel {
public:
  static std::unique_ptr<ScanKernel> create(plan::ScanOp op,
                                            const BoundOf &boundOf);
  mlir::LogicalResult emit(int64_t launch, KernelBuilder &builder,
                           const KernelArguments &arguments) override;

private:
  /// A vector of lines, or one.
  struct Line {
    Value outer, inner, mask;
  };

  void emitRows(KernelBuilder &b, Value task) const;
  void emitStrip(KernelBuilder &b, Value task) const;
  void walk(KernelBuilder &b, ArrayRef<Line> lines) const;

  ScanModel scan;
  Values pointers; // reads, then y
};

} // namespace asgc::kernels

#endif
