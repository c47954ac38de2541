//===- Choice.h - Which Vulkan device is used, and why --------------------===//
#ifndef ASGC_RT_VULKAN_CHOICE_H
#define ASGC_RT_VULKAN_CHOICE_H

#include "Api.h"
#include "asgc/runtime.h"
#include <string_view>
#include <vector>

namespace asgc::rt::vulkan {

/// A device with what is asked of it.
struct Candidate {
  VkPhysicalDevice handle = nullptr;
  std::string name, kind, reason;
  int32_t rank = 0; ///< of its kind; the lowest is used
  int64_t memoryBytes = 0;
  uint32_t queueFamily = 0;
  VkPhysicalDeviceProperties properties{};
  bool hasFloat64 = false;
  bool isUsable = false, isChosen = false;

  asgc_vulkan_device describe() const;
};

/// The features that every device must have, each by its name in Vulkan. The
/// structures are chained for querying and for creating a device.
struct Features {
  VkPhysicalDeviceVulkan13Features v13{};
  VkPhysicalDeviceVulkan12Features v12{};
  VkPhysicalDeviceVulkan11Features v11{};
  VkPhysicalDeviceFeatures2 all{};

  Features();
  Features(const Features &) = delete;
  /// Asks for the baseline.
  void require();
  /// Takes these away, separated by commas; a name that is none of ours, else
  /// "".
  std::string hide(std::string_view names);
  /// The names of what the baseline has and `this` has not.
  std::string missing() const;
};

/// All devices, the best first; the first usable one is chosen.
std::vector<Candidate> findCandidates(const Api &api, VkInstance instance);

} // namespace asgc::rt::vulkan
#endif
