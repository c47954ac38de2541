//===- Api.h - The functions of Vulkan, found at run time -----------------===//
#ifndef ASGC_RT_VULKAN_API_H
#define ASGC_RT_VULKAN_API_H

#define VK_NO_PROTOTYPES
#include <string>
#include <vulkan/vulkan.h>

namespace asgc::rt::vulkan {

/// Functions of the loader's library, of an instance and of a device. They are
/// members, not globals as in volk, so that an application which links Vulkan
/// itself does not meet ours.
#define ASGC_VK_INSTANCE_FUNCTIONS(X)                                          \
  X(CreateDevice)                                                              \
  X(DestroyInstance)                                                           \
  X(EnumerateDeviceExtensionProperties)                                        \
  X(EnumeratePhysicalDevices)                                                  \
  X(GetDeviceProcAddr)                                                         \
  X(GetPhysicalDeviceFeatures2)                                                \
  X(GetPhysicalDeviceMemoryProperties)                                         \
  X(GetPhysicalDeviceProperties2)                                              \
  X(GetPhysicalDeviceQueueFamilyProperties)

#define ASGC_VK_DEVICE_FUNCTIONS(X)                                            \
  X(AllocateCommandBuffers)                                                    \
  X(AllocateMemory)                                                            \
  X(BeginCommandBuffer)                                                        \
  X(BindBufferMemory)                                                          \
  X(CmdBindPipeline)                                                           \
  X(CmdCopyBuffer)                                                             \
  X(CmdDispatch)                                                               \
  X(CmdFillBuffer)                                                             \
  X(CmdPipelineBarrier2)                                                       \
  X(CmdPushConstants)                                                          \
  X(CmdResetQueryPool)                                                         \
  X(CmdWriteTimestamp2)                                                        \
  X(CreateBuffer)                                                              \
  X(CreateCommandPool)                                                         \
  X(CreateComputePipelines)                                                    \
  X(CreatePipelineCache)                                                       \
  X(CreatePipelineLayout)                                                      \
  X(CreateQueryPool)                                                           \
  X(CreateSemaphore)                                                           \
  X(CreateShaderModule)                                                        \
  X(DestroyBuffer)                                                             \
  X(DestroyCommandPool)                                                        \
  X(DestroyDevice)                                                             \
  X(DestroyPipeline)                                                           \
  X(DestroyPipelineCache)                                                      \
  X(DestroyPipelineLayout)                                                     \
  X(DestroyQueryPool)                                                          \
  X(DestroySemaphore)                                                          \
  X(DestroyShaderModule)                                                       \
  X(EndCommandBuffer)                                                          \
  X(FreeMemory)                                                                \
  X(GetBufferDeviceAddress)                                                    \
  X(GetBufferMemoryRequirements)                                               \
  X(GetDeviceQueue)                                                            \
  X(GetPipelineCacheData)                                                      \
  X(GetQueryPoolResults)                                                       \
  X(GetSemaphoreCounterValue)                                                  \
  X(MapMemory)                                                                 \
  X(MergePipelineCaches)                                                       \
  X(QueueSubmit2)                                                              \
  X(WaitSemaphores)

struct Api {
#define ASGC_VK_MEMBER(name) PFN_vk##name name = nullptr;
  ASGC_VK_INSTANCE_FUNCTIONS(ASGC_VK_MEMBER)
  ASGC_VK_DEVICE_FUNCTIONS(ASGC_VK_MEMBER)
#undef ASGC_VK_MEMBER
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;

  /// Opens the loader and makes an instance; "" or what is missing.
  std::string open(VkInstance &instance);
  /// Finds the functions of a device; false if one is missing.
  bool bind(VkDevice device);
};

} // namespace asgc::rt::vulkan
#endif
