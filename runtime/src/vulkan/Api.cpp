//===- Api.cpp - The functions of Vulkan, found at run time ---------------===//
#include "Api.h"

#include "../Error.h"
#include <dlfcn.h>

namespace asgc::rt::vulkan {

std::string Api::open(VkInstance &instance) {
  // Never closed: drivers leave threads and exit handlers behind.
  void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return "there is no Vulkan loader (libvulkan.so.1) here";
  GetInstanceProcAddr = reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      dlsym(library, "vkGetInstanceProcAddr"));
  if (!GetInstanceProcAddr)
    return "libvulkan.so.1 is no Vulkan loader";
  auto create = reinterpret_cast<PFN_vkCreateInstance>(
      GetInstanceProcAddr(nullptr, "vkCreateInstance"));
  if (!create)
    return "libvulkan.so.1 is no Vulkan loader";
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pEngineName = "asgc";
  application.apiVersion = VK_API_VERSION_1_3;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  if (VkResult result = create(&info, nullptr, &instance))
    return result == VK_ERROR_INCOMPATIBLE_DRIVER
               ? std::string("there is no Vulkan driver here")
               : text("the Vulkan loader fails with error ", int(result));
  bool hasAll = true;
#define ASGC_VK_FIND(name)                                                     \
  name = reinterpret_cast<PFN_vk##name>(                                       \
      GetInstanceProcAddr(instance, "vk" #name));                              \
  hasAll &= name != nullptr;
  ASGC_VK_INSTANCE_FUNCTIONS(ASGC_VK_FIND)
#undef ASGC_VK_FIND
  return hasAll ? "" : "the Vulkan loader is older than Vulkan 1.1";
}

bool Api::bind(VkDevice device) {
  bool hasAll = true;
#define ASGC_VK_FIND(name)                                                     \
  name =                                                                       \
      reinterpret_cast<PFN_vk##name>(GetDeviceProcAddr(device, "vk" #name));   \
  hasAll &= name != nullptr;
  ASGC_VK_DEVICE_FUNCTIONS(ASGC_VK_FIND)
#undef ASGC_VK_FIND
  return hasAll;
}

} // namespace asgc::rt::vulkan
