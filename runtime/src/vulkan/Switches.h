//===- Switches.h - Environment variables to test the backend with --------===//
#ifndef ASGC_RT_VULKAN_SWITCHES_H
#define ASGC_RT_VULKAN_SWITCHES_H

#include "asgc/runtime.h"
#include <cstdint>
#include <optional>
#include <string>

namespace asgc::rt::vulkan {

/// How to run otherwise than usual. The order and the barriers may not change a
/// bit of a result: if one does, the levels of the dispatches are wrong.
struct Switches {
  /// ASGC_VULKAN_BARRIERS=all: a barrier after each dispatch, not each level.
  bool hasAllBarriers = false;
  /// ASGC_VULKAN_SHUFFLE=SEED: the dispatches of a level in another order.
  std::optional<uint64_t> shuffleSeed;
  /// ASGC_VULKAN_LOSE=N: the device is taken to be lost at the N-th run of a
  /// program.
  std::optional<uint64_t> loseAt;

  /// Reads the environment. ASGC_INVALID_ARGUMENT with a sentence as the last
  /// error if a value stands for nothing.
  static asgc_status read(Switches &out);
};

/// The features that ASGC_VULKAN_WITHOUT says no device has, separated by
/// commas: what a lesser device would do here.
std::string hiddenFeatures();

} // namespace asgc::rt::vulkan
#endif
