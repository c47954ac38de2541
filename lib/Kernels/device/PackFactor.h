//===- PackFactor.h - Factors brought into the layout of a matrix unit ----===//
#ifndef ASGC_KERNELS_DEVICE_PACKFACTOR_H
#define ASGC_KERNELS_DEVICE_PACKFACTOR_H

#include "TileGrid.h"

namespace asgc::kernels {

/// A factor of a product as halves in a workspace: for each point of `batch`
/// `lines` lines of `fast` neighbours, each line at a multiple of 16 bytes.
///
/// A split factor is the sum of two halves, x = high + low; then
/// |x - high - low| <= 2^-17 |x|. The low part of an infinite x is NaN.
struct PackedFactor {
  /// Where the low parts are.
  enum class Split {
    none,
    lines, ///< kSplitDepth lines of high parts are followed by their low ones
    fast,  ///< the same along the fast axis
    apart, ///< behind all high parts
  };

  SmallVector<DimExpr> batch;
  DimExpr lines, fast; ///< as stored; `fast` is a multiple of kPacked
  Type element;        ///< f16 or bf16
  Split split = Split::none;
  /// Whether neighbours in the source lie along the lines.
  bool isTransposed = false;
  /// An element as f32; gets coordinates that are in range, i64 in the batch
  /// and i32 else. 0 where the factor has none.
  std::function<Value(ArrayRef<Value> batch, Value line, Value fast)> read;
  int64_t begin = 0; ///< in the workspace

  /// Elements from a line to the next, and from a point of the batch.
  DimExpr pitch() const;
  DimExpr batchPitch() const;
  DimExpr lowOffset() const; ///< elements from a high part to its low part
  DimExpr elements() const;
  DimExpr groups() const;
  /// Where the factor is.
  Value pointer(DeviceBuilder &builder, Value workspace) const {
    return builder.addI(workspace, builder.i64(begin));
  }
  /// `array` is the group's memory that PackLaunch gives it.
  void emit(DeviceBuilder &builder, Value workspace, Value group,
            int64_t array) const;
};

/// Packs factors one after the other in a workspace, in one launch.
struct PackLaunch {
  SmallVector<PackedFactor> factors;
  int64_t bytes = 0; ///< of the workspace

  /// False if its size is unknown or beyond what is sensible.
  bool place(const BoundOf &boundOf);
  DeviceLaunch launch() const;
  void emit(DeviceBuilder &builder, Value workspace) const;
};

} // namespace asgc::kernels

#endif
