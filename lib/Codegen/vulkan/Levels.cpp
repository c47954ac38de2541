//===- Levels.cpp - Which dispatches may run at once ----------------------===//
#include "DeviceProgram.h"

#include "llvm/Support/MathExtras.h"

using namespace asgc;
using namespace asgc::vulkan;

namespace {
bool conflicts(llvm::ArrayRef<Use> first, llvm::ArrayRef<Use> second) {
  for (const Use &a : first)
    for (const Use &b : second)
      if ((a.isWrite || b.isWrite) && a.space == b.space && a.begin < b.end &&
          b.begin < a.end)
        return true;
  return false;
}

/// The numbers of a list, if all are known at compile time.
std::optional<llvm::SmallVector<int64_t>> numbersOf(mlir::ArrayAttr extents) {
  llvm::SmallVector<int64_t> numbers;
  for (const DimExpr &extent : plan::readExtents(extents))
    if (std::optional<int64_t> number = extent.asConstant())
      numbers.push_back(*number);
    else
      return std::nullopt;
  return numbers;
}
} // namespace

bool vulkan::partsMeet(int64_t distance, llvm::ArrayRef<int64_t> strides,
                       llvm::ArrayRef<int64_t> extents,
                       llvm::ArrayRef<int64_t> others) {
  // What differs along the axes must add up to the distance. The longest stride
  // is taken so often that the others can make up for the rest, which leaves
  // few numbers of it.
  if (strides.empty())
    return distance == 0;
  size_t longest = llvm::max_element(strides) - strides.begin();
  llvm::SmallVector<int64_t> restStrides, restExtents, restOthers;
  int64_t least = 0, most = 0; // of what the others add
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    if (extents[axis] <= 0 || others[axis] <= 0)
      return false;
    if (axis == longest)
      continue;
    least -= strides[axis] * (others[axis] - 1);
    most += strides[axis] * (extents[axis] - 1);
    restStrides.push_back(strides[axis]);
    restExtents.push_back(extents[axis]);
    restOthers.push_back(others[axis]);
  }
  int64_t stride = strides[longest];
  if (stride <= 0) // repeats elements, or walks backwards
    return true;
  int64_t from = llvm::divideFloorSigned(distance - most + stride - 1, stride);
  int64_t to = llvm::divideFloorSigned(distance - least, stride);
  from = std::max(from, 1 - others[longest]);
  to = std::min(to, extents[longest] - 1);
  constexpr int64_t kMostTried = 4; // where strides are nested it is two
  if (to - from >= kMostTried)
    return true;
  for (int64_t steps = from; steps <= to; ++steps)
    if (partsMeet(distance - steps * stride, restStrides, restExtents,
                  restOthers))
      return true;
  return false;
}

bool vulkan::writeApart(plan::CopyOp copy, plan::CopyOp other) {
  mlir::Value root = plan::getRootBuffer(copy.getY());
  if (root != plan::getRootBuffer(other.getY()) ||
      copy.getYStrides() != other.getYStrides())
    return false;
  auto strides = numbersOf(copy.getYStrides());
  auto extents = numbersOf(copy.getExtents());
  auto others = numbersOf(other.getExtents());
  auto offsets = numbersOf(copy.getOffsets());
  auto otherOffsets = numbersOf(other.getOffsets());
  return strides && extents && others && offsets && otherOffsets &&
         !partsMeet(otherOffsets->back() - offsets->back(), *strides, *extents,
                    *others);
}

std::vector<int64_t>
vulkan::assignLevels(llvm::ArrayRef<llvm::SmallVector<Use>> uses,
                     AreApart areApart) {
  std::vector<int64_t> levels(uses.size(), 0);
  for (size_t later = 0; later < uses.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier)
      if (levels[earlier] >= levels[later] &&
          conflicts(uses[earlier], uses[later]) && !areApart(earlier, later))
        levels[later] = levels[earlier] + 1;
  return levels;
}

std::optional<std::pair<size_t, size_t>>
vulkan::findConflict(llvm::ArrayRef<llvm::SmallVector<Use>> uses,
                     llvm::ArrayRef<int64_t> levels, AreApart areApart) {
  for (size_t later = 0; later < uses.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier)
      if (levels[earlier] >= levels[later] &&
          conflicts(uses[earlier], uses[later]) && !areApart(earlier, later))
        return std::pair(earlier, later);
  return std::nullopt;
}
