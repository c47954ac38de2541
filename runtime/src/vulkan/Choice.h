//===- Choice.h - Which Vulkan device is used, and why --------------------===//
#ifndef ASGC_RT_VULKAN_CHOICE_H
#define ASGC_RT_VULKAN_CHOICE_H

#include "Api.h"
#include "Matrices.h"
#include "asgc/program.h"
#include "asgc/runtime.h"
#include <string_view>
#include <vector>

namespace asgc::rt::vulkan {

/// A product that a subgroup can form, with f32 sums.
struct MatrixShape {
  int32_t type; ///< ASGC_SHADER_MATRIX_*
  int32_t rows, columns, depth;
  bool operator==(const MatrixShape &) const = default;
};

/// A device with what is asked of it.
struct Candidate {
  VkPhysicalDevice handle = nullptr;
  std::string name, kind, reason, driver;
  int32_t rank = 0; ///< of its kind; the lowest is used
  int64_t memoryBytes = 0;
  uint32_t queueFamily = 0;
  VkPhysicalDeviceProperties properties{};
  bool hasFloat64 = false;
  bool hasAtomicAdd = false; ///< of f32
  bool isUsable = false, isChosen = false;
  std::vector<MatrixShape> matrices; ///< none without all that shaders need
  uint32_t minSubgroupSize = 0, maxSubgroupSize = 0;
  bool hasBfloat16 = false; ///< there are matrices of it

  /// What the device lacks for a shader, as an ending of "'x' ..."; "" if it
  /// can run it.
  std::string lackFor(const asgc_shader &shader) const;
  asgc_vulkan_device describe() const;
};

/// The features that every device must have, each by its name in Vulkan, and
/// those that some forms of shaders need. The structures are chained for
/// querying and for creating a device.
struct Features {
  CooperativeMatrixFeatures matrix;
  Bfloat16Features bfloat16;
  VkPhysicalDeviceShaderAtomicFloatFeaturesEXT atomicFloat{};
  VkPhysicalDeviceVulkan13Features v13{};
  VkPhysicalDeviceVulkan12Features v12{};
  VkPhysicalDeviceVulkan11Features v11{};
  VkPhysicalDeviceFeatures2 all{};

  /// What a device without the extensions does not know is not in the chain.
  Features(bool hasMatrix, bool hasBfloat16, bool hasAtomicFloat);
  Features(const Features &) = delete;
  /// Asks for the baseline.
  void require();
  /// Asks for matrices, and for those of bf16.
  void requireMatrices(bool withBfloat16);
  /// Whether there is all that `requireMatrices` asks for.
  bool hasMatrices(bool withBfloat16) const;
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
