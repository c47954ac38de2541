//===- Packed.cpp - Several neighbouring floats in one access -------------===//
#include "TileGrid.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;

Values kernels::loadBytes(DeviceBuilder &b, Value pointer, Value offset,
                          int64_t count) {
  Value place = b.address(pointer, offset, 1);
  if (count == 1)
    return {b.cast(Cast::ExtS, b.load(place, b.intType(8), false, {}),
                   b.intType(32))};
  Value word = b.load(place, b.intType(32), false, {});
  Values numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(
        b.shrS(b.shl(word, b.i32(8 * (count - 1 - i))), b.i32(24)));
  return numbers;
}

Value kernels::offsetOf(KernelBuilder &b, ArrayRef<DimExpr> strides,
                        ArrayRef<Value> place) {
  Value offset = b.i64(0);
  for (auto [stride, at] : llvm::zip(strides, place))
    if (!(stride == DimExpr(0)))
      offset = b.addI(offset, b.mulI(at, b.extent(stride)));
  return offset;
}

bool kernels::arePacked(ArrayRef<DimExpr> strides, size_t fast,
                        const DimExpr &extent, const DimExpr &offset,
                        int64_t of) {
  for (auto [axis, stride] : llvm::enumerate(strides))
    if (axis == fast ? !(stride == DimExpr(1)) : !isMultiple(stride, of))
      return false;
  return isMultiple(extent, of) && isMultiple(offset, of);
}

Values kernels::loadFloats(DeviceBuilder &b, Value pointer, Value offset,
                           Type element, int64_t count) {
  if (count == 1)
    return {loadFloat(b, pointer, offset, element)};
  Value place = b.address(pointer, offset, bytesOf(element));
  Values values;
  if (element.getIntOrFloatBitWidth() == 32) {
    Value raw = b.load(place, VectorType::get(count, element), false, {});
    for (int64_t i = 0; i < count; ++i)
      values.push_back(b.extract(raw, i));
    return values;
  }
  Value raw =
      b.load(place, VectorType::get(count / 2, b.intType(32)), false, {});
  for (int64_t i = 0; i < count; ++i) {
    Value word = b.extract(raw, i / 2);
    Value half = i % 2 ? b.shrU(word, b.i32(16)) : word;
    Value bits = b.cast(Cast::TruncI, half, b.intType(16));
    values.push_back(decode(b, bits, element));
  }
  return values;
}

void kernels::storeFloats(DeviceBuilder &b, Value pointer, Value offset,
                          Type element, ArrayRef<Value> values) {
  if (values.size() == 1)
    return storeFloat(b, pointer, offset, element, values.front());
  Values parts(values);
  if (element.getIntOrFloatBitWidth() != 32) {
    parts.clear();
    for (auto [i, value] : llvm::enumerate(values)) {
      Value bits = b.cast(Cast::ExtU, encode(b, value, element), b.intType(32));
      if (i % 2 == 0)
        parts.push_back(bits);
      else
        parts.back() = b.orI(parts.back(), b.shl(bits, b.i32(16)));
    }
  }
  Value place = b.address(pointer, offset, bytesOf(element));
  b.store(place, b.join(parts), {}, false);
}

Values kernels::joinHalves(DeviceBuilder &b, ArrayRef<Value> halves) {
  Values words;
  for (size_t i = 0; i < halves.size(); i += 2) {
    Value low = b.cast(Cast::ExtU, halves[i], b.intType(32));
    Value high = b.cast(Cast::ExtU, halves[i + 1], b.intType(32));
    words.push_back(b.orI(low, b.shl(high, b.i32(16))));
  }
  return words;
}
