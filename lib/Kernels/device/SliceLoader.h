//===- SliceLoader.h - How factors reach the memory of a group ------------===//
#ifndef ASGC_KERNELS_DEVICE_SLICELOADER_H
#define ASGC_KERNELS_DEVICE_SLICELOADER_H

#include "MatrixContraction.h"

namespace asgc::kernels {

/// How a slice lies in the group's memory: lines along the factor's fast axis,
/// of `kPacked` halves in a quad. Lines are a quad longer than what they hold:
/// then the rows of a matrix start in different banks.
struct SliceLayout {
  int64_t lines, quads; // quads of a line that hold something

  SliceLayout(const MatrixContraction::Factor &factor, int64_t across,
              int64_t depth)
      : lines(factor.isDepthFast ? across : depth),
        quads((factor.isDepthFast ? depth : across) / kPacked) {}
  int64_t stride() const { return quads + 1; }
  int64_t size() const { return lines * stride(); }
};

/// An item's part in bringing the slices of one factor of `product` to the
/// group's memory. A slice has tile.depth depths, counted with the low parts if
/// factors are split.
class SliceLoader {
public:
  /// The slice lies in `array` from `begin` on.
  SliceLoader(DeviceBuilder &b, const MatrixContraction &product,
              const MatrixContraction::Factor &factor, int64_t across,
              int64_t array, int64_t begin);

  /// Finds the item's elements of the slices for `first` and what comes after
  /// it across, `count` in all. With `isWhole` no tile goes beyond those.
  void open(Value first, Value count, bool isWhole);
  /// Reads the item's elements of the slice from `depth` on, as they are in
  /// memory. With an `end` elements from there on are zeros.
  Values load(Value depth, Value end) const;
  /// Converts what `load` read and stores it.
  void store(ArrayRef<Value> loaded) const;

private:
  /// Neighbours that are read together, or one by one if the factor's run is 1.
  struct Run {
    Value along; // the depth of its first element, from the slice's start
    Value start; // where that element is at depth 0
    Value base;  // the same at depth `along`, if the factor is linear
    Value shift; // bytes from there; null: none
    Value room;  // elements that follow it across; null: enough
  };
  /// kPacked neighbours.
  struct Slot {
    Value place; // in the array
    SmallVector<Run> runs;
  };
  /// Whether numbers are split on the way.
  bool isWide() const { return factor.stored.isF32(); }
  int64_t runLength() const { return factor.run == 1 ? kPacked : factor.run; }
  Run openRun(Value across, Value along, Value first, int64_t shift,
              bool isWhole) const;
  Run shiftRun(const Run &first, Value along, int64_t lines) const;
  Value elementAt(const Run &run, Value pointer, int64_t number) const;
  Values read(const Run &run, Value depth, Value bytes, Value end) const;

  DeviceBuilder &b;
  const MatrixContraction &product;
  const MatrixContraction::Factor &factor;
  SliceLayout layout;
  int64_t array, begin;
  Value count;
  SmallVector<Slot> slots;
};

} // namespace asgc::kernels

#endif
