//===- Memory.cpp - Blocks of a device's memory ---------------------------===//
#include "../Error.h"
#include "Device.h"

namespace asgc::rt::vulkan {

/// The first type that has all of what `use` wishes for, then one without the
/// last wish; -1 if there is none.
int32_t Device::findMemoryType(uint32_t allowed, Use use) const {
  constexpr VkMemoryPropertyFlags kOwn = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  constexpr VkMemoryPropertyFlags kShared =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  VkMemoryPropertyFlags needed = use == Use::Shaders ? 0 : kShared;
  constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  VkMemoryPropertyFlags wished = needed | (use == Use::Download ? kCached : kOwn);
  for (VkMemoryPropertyFlags flags : {wished, needed})
    for (uint32_t i = 0; i < memory.memoryTypeCount; ++i)
      if ((allowed >> i & 1) &&
          (memory.memoryTypes[i].propertyFlags & flags) == flags)
        return int32_t(i);
  return -1;
}

asgc_status Device::allocate(int64_t bytes, Use use, const char *what,
                             Block &block) {
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = VkDeviceSize(bytes > 0 ? bytes : 4);
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT |
               VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  VkResult result = api.CreateBuffer(handle, &info, nullptr, &block.buffer);
  int32_t type = -1;
  if (!result) {
    VkMemoryRequirements needs;
    api.GetBufferMemoryRequirements(handle, block.buffer, &needs);
    type = findMemoryType(needs.memoryTypeBits, use);
    VkMemoryAllocateFlagsInfo flags{};
    flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
    flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
    VkMemoryAllocateInfo allocation{};
    allocation.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    allocation.pNext = &flags;
    allocation.allocationSize = needs.size;
    allocation.memoryTypeIndex = uint32_t(type);
    result = type < 0 ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                      : api.AllocateMemory(handle, &allocation, nullptr,
                                           &block.memory);
  }
  if (!result)
    result = api.BindBufferMemory(handle, block.buffer, block.memory, 0);
  void *mapped = nullptr;
  if (!result && use != Use::Shaders)
    result = api.MapMemory(handle, block.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  if (result) {
    free(block);
    const int64_t there =
        type < 0 ? choice.memoryBytes
                 : int64_t(memory.memoryHeaps[memory.memoryTypes[type].heapIndex]
                               .size);
    return fail(ASGC_OUT_OF_MEMORY,
                text("the Vulkan device ", choice.name, " cannot give ", bytes,
                     " bytes in one piece for ", what, "; its heap has ",
                     there));
  }
  block.mapped = static_cast<char *>(mapped);
  block.bytes = bytes;
  VkBufferDeviceAddressInfo address{};
  address.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO;
  address.buffer = block.buffer;
  block.address = api.GetBufferDeviceAddress(handle, &address);
  return ASGC_OK;
}

void Device::free(Block &block) {
  if (block.buffer)
    api.DestroyBuffer(handle, block.buffer, nullptr);
  if (block.memory)
    api.FreeMemory(handle, block.memory, nullptr);
  block = {};
}

} // namespace asgc::rt::vulkan
