//===- Levels.cpp - Which dispatches may run at once ----------------------===//
#include "DeviceProgram.h"

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
} // namespace

std::vector<int64_t>
vulkan::assignLevels(llvm::ArrayRef<llvm::SmallVector<Use>> uses,
                     AreForms areForms) {
  std::vector<int64_t> levels(uses.size(), 0);
  for (size_t later = 0; later < uses.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier)
      if (levels[earlier] >= levels[later] &&
          conflicts(uses[earlier], uses[later]) && !areForms(earlier, later))
        levels[later] = levels[earlier] + 1;
  return levels;
}

std::optional<std::pair<size_t, size_t>>
vulkan::findConflict(llvm::ArrayRef<llvm::SmallVector<Use>> uses,
                     llvm::ArrayRef<int64_t> levels, AreForms areForms) {
  for (size_t later = 0; later < uses.size(); ++later)
    for (size_t earlier = 0; earlier < later; ++earlier)
      if (levels[earlier] >= levels[later] &&
          conflicts(uses[earlier], uses[later]) && !areForms(earlier, later))
        return std::pair(earlier, later);
  return std::nullopt;
}
