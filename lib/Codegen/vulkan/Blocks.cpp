//===- Blocks.cpp - Cuts an arena where no buffer lies --------------------===//
#include "DeviceProgram.h"

using namespace asgc;
using namespace asgc::vulkan;

std::vector<int64_t> vulkan::cutArena(std::vector<Range> ranges,
                                      int64_t blockBytes) {
  std::sort(ranges.begin(), ranges.end(), [](const Range &a, const Range &b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::vector<int64_t> starts = {0};
  for (size_t i = 0; i < ranges.size();) {
    // Ranges that overlap, also by a third, lie in one block.
    Range joined = ranges[i];
    while (++i < ranges.size() && ranges[i].begin < joined.end)
      joined.end = std::max(joined.end, ranges[i].end);
    if (joined.begin > starts.back() && joined.end - starts.back() > blockBytes)
      starts.push_back(joined.begin);
  }
  return starts;
}
