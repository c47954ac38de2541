//===- Matrices.h - Declarations that older Vulkan headers lack -----------===//
#ifndef ASGC_RT_VULKAN_MATRICES_H
#define ASGC_RT_VULKAN_MATRICES_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

// By Vulkan's registry. As constants, so that newer headers, which have most of
// this as enumerators, may come before.

namespace asgc::rt::vulkan {

constexpr auto kCooperativeMatrixFeatures = VkStructureType(1000506000);
constexpr auto kCooperativeMatrixProperties = VkStructureType(1000506001);
constexpr auto kBfloat16Features = VkStructureType(1000141000);
constexpr const char *kCooperativeMatrixExtension = "VK_KHR_cooperative_matrix";
constexpr const char *kBfloat16Extension = "VK_KHR_shader_bfloat16";

/// VkComponentTypeKHR.
enum ComponentType : int32_t {
  Float16 = 0,
  Float32 = 1,
  Bfloat16 = 1000141000,
};
/// VkScopeKHR.
constexpr int32_t kSubgroupScope = 3;

/// VkPhysicalDeviceCooperativeMatrixFeaturesKHR.
struct CooperativeMatrixFeatures {
  VkStructureType sType = kCooperativeMatrixFeatures;
  void *pNext = nullptr;
  VkBool32 cooperativeMatrix = VK_FALSE;
  VkBool32 cooperativeMatrixRobustBufferAccess = VK_FALSE;
};

/// VkPhysicalDeviceShaderBfloat16FeaturesKHR.
struct Bfloat16Features {
  VkStructureType sType = kBfloat16Features;
  void *pNext = nullptr;
  VkBool32 shaderBFloat16Type = VK_FALSE;
  VkBool32 shaderBFloat16DotProduct = VK_FALSE;
  VkBool32 shaderBFloat16CooperativeMatrix = VK_FALSE;
};

/// VkCooperativeMatrixPropertiesKHR.
struct CooperativeMatrixProperties {
  VkStructureType sType = kCooperativeMatrixProperties;
  void *pNext = nullptr;
  uint32_t rows = 0, columns = 0, depth = 0;
  int32_t a = 0, b = 0, c = 0, result = 0; ///< ComponentType
  VkBool32 saturates = VK_FALSE;
  int32_t scope = 0;
};

/// vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR.
using GetCooperativeMatrixProperties =
    VkResult(VKAPI_PTR *)(VkPhysicalDevice device, uint32_t *count,
                          CooperativeMatrixProperties *properties);

} // namespace asgc::rt::vulkan
#endif
