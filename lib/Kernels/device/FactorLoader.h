//===- FactorLoader.h - Slices of factors in the memory of a group --------===//
#ifndef ASGC_KERNELS_DEVICE_FACTORLOADER_H
#define ASGC_KERNELS_DEVICE_FACTORLOADER_H

#include "Contraction.h"

namespace asgc::kernels {

// In the group's memory a slice is an array of quads, four neighbours across
// each; lines, one for each depth, are a quad longer than what they hold, so
// that items which store along the depth meet in few banks.

/// Numbers in a quad.
constexpr int64_t kQuad = 4;
/// 0 of a type.
Value zeroOf(KernelBuilder &builder, Type type);
/// Quads of a line that holds so many numbers.
inline int64_t lineLength(int64_t across) { return across / kQuad + 1; }

/// An item's part in bringing the slices of one factor to the group's memory.
/// Runs of four are on their way in registers while items multiply. Elements
/// that have to be found one by one are copied after that, in a loop: the code
/// that finds one may be long, and copies of it would make most of a shader.
class FactorLoader {
public:
  /// Slices are `across` x `depth`; `items` bring them to `array`.
  FactorLoader(DeviceBuilder &b, const Contraction::Factor &factor,
               int64_t across, int64_t depth, int64_t items, int64_t array)
      : b(b), factor(factor), across(across), items(items), array(array),
        fast(factor.isDepthFast ? depth : across),
        lines(factor.isDepthFast ? across : depth) {}

  /// Finds the item's runs of slices of what comes at `first`; elements from
  /// `count` on do not exist. With a null `count` all of them do.
  void open(Value first, Value count);
  /// Reads the item's runs of the slice from `depth` on; elements from `end`
  /// (null: none) on are zeros.
  Values load(Value depth, Value end) const;
  /// Puts what `load` has read there, or copies the elements if there are no
  /// runs.
  void store(ArrayRef<Value> numbers, Value depth, Value end) const;

private:
  struct Slot {
    Value isMine; // null: always
    Value place,
        lane; // of the first element; `lane` where runs lie along depth
    Value across, along; // along: from the slice's start
  };
  /// Where an element of the slice lies in the group's memory.
  std::pair<Value, Value> placeOf(Value inTile, Value along) const {
    Value quad = b.binary(Binary::DivU, inTile, b.i32(kQuad));
    return {b.addI(b.mulI(along, b.i32(lineLength(across))), quad),
            b.subI(inTile, b.mulI(quad, b.i32(kQuad)))};
  }
  /// What `read` finds at (x, d), zeros where nothing exists.
  Values readInside(Value x, Value d, Value end,
                    llvm::function_ref<Values(Value, Value)> read) const;
  void copy(Value depth, Value end) const;

  DeviceBuilder &b;
  const Contraction::Factor &factor;
  int64_t across, items, array;
  int64_t fast, lines; // elements along which neighbours lie, and lines of such
  Value first, count;
  SmallVector<Slot> slots;
};

/// An item's place among those of a tile: its row and column of items, i32.
std::pair<Value, Value> itemPlace(DeviceBuilder &builder,
                                  const DeviceTarget::Tile &tile);
/// Where number `i` of an item is among the rows or columns of its tile, in
/// which there are `items` along that axis, of which it is `number`: of each
/// block of quads an item has one, the next is as far away as all items are
/// wide. So neighbours read neighbouring quads.
Value placeInTile(DeviceBuilder &builder, Value number, int64_t i,
                  int64_t items);

/// sums (quads of a row) + what slices of `tile` in the group's memory add; a's
/// begins at line `aLine` (i32; null: 0) of its array. A turn of the loop
/// multiplies `unrolled` depths, which divide the tile's.
Values multiplySlices(DeviceBuilder &builder, const DeviceTarget::Tile &tile,
                      int64_t aArray, int64_t bArray, mlir::ValueRange sums,
                      Value aLine = {}, int64_t unrolled = 2);

} // namespace asgc::kernels

#endif
