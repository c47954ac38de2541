//===- Memory.cpp - Blocks of a device's memory ---------------------------===//
#include "../Error.h"
#include "Device.h"
#include <algorithm>

namespace asgc::rt::vulkan {

/// The types that `use` can have, those with all that it wishes for first.
std::vector<uint32_t> Device::findMemoryTypes(uint32_t allowed, Use use) const {
  constexpr VkMemoryPropertyFlags kOwn = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  constexpr VkMemoryPropertyFlags kShared =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  VkMemoryPropertyFlags needed = use == Use::Shaders ? 0 : kShared;
  constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  VkMemoryPropertyFlags wished =
      needed | (use == Use::Download ? kCached : kOwn);
  std::vector<uint32_t> types;
  for (bool isWished : {true, false})
    for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
      const VkMemoryPropertyFlags has = memory.memoryTypes[i].propertyFlags;
      if ((allowed >> i & 1) && (has & needed) == needed &&
          ((has & wished) == wished) == isWished)
        types.push_back(i);
    }
  // What lies beyond the bus is no place to compute from.
  if (use == Use::Shaders && !types.empty() &&
      (memory.memoryTypes[types.front()].propertyFlags & kOwn))
    std::erase_if(types, [&](uint32_t type) {
      return !(memory.memoryTypes[type].propertyFlags & kOwn);
    });
  return types;
}

VkResult Device::takeMemory(const VkMemoryRequirements &needs, Use use,
                            VkDeviceMemory &out) {
  VkMemoryAllocateFlagsInfo flags{};
  flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.pNext = &flags;
  info.allocationSize = needs.size;
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  // The window through which a processor writes to a device may be small.
  for (uint32_t type : findMemoryTypes(needs.memoryTypeBits, use)) {
    info.memoryTypeIndex = type;
    result = api.AllocateMemory(handle, &info, nullptr, &out);
    if (!result)
      break;
  }
  return result;
}

asgc_status Device::allocate(int64_t bytes, Use use, const char *what,
                             Block &block, int64_t limit) {
  // What the processor reads lies in its own memory.
  const int64_t counted = use == Use::Download ? 0 : bytes;
  if (!hasRoom(counted, limit))
    return refuse(what, bytes, limit);
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = VkDeviceSize(bytes > 0 ? bytes : 4);
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT |
               VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  VkResult result = api.CreateBuffer(handle, &info, nullptr, &block.buffer);
  if (!result) {
    VkMemoryRequirements needs;
    api.GetBufferMemoryRequirements(handle, block.buffer, &needs);
    result = takeMemory(needs, use, block.memory);
  }
  if (!result)
    result = api.BindBufferMemory(handle, block.buffer, block.memory, 0);
  void *mapped = nullptr;
  if (!result && use != Use::Shaders)
    result = api.MapMemory(handle, block.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  if (result) {
    free(block);
    return fail(ASGC_OUT_OF_MEMORY,
                text("the Vulkan device ", choice.name, " cannot give ", bytes,
                     " bytes in one piece for ", what, "; its heap has ",
                     choice.memoryBytes));
  }
  block.mapped = static_cast<char *>(mapped);
  block.bytes = bytes;
  block.counted = counted;
  used += counted;
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
  used -= block.counted;
  block = {};
}

//===- Memory in several blocks -------------------------------------------===//

void Pieces::extend(int64_t more, bool isNew) {
  if (isNew || blocks.empty()) {
    starts.push_back(bytes);
    blocks.emplace_back();
  }
  blocks.back().bytes += more;
  bytes += more;
}

size_t Pieces::blockOf(int64_t offset) const {
  return size_t(std::ranges::upper_bound(starts, offset) - starts.begin()) - 1;
}

Place Pieces::placeOf(int64_t offset) const {
  const size_t block = blockOf(offset);
  return {blocks[block].buffer, offset - starts[block]};
}

VkDeviceAddress Pieces::addressOf(int64_t offset) const {
  if (blocks.empty())
    return 0;
  const size_t block = blockOf(offset);
  return blocks[block].address + uint64_t(offset - starts[block]);
}

asgc_status Device::allocate(Use use, const char *what, Pieces &pieces,
                             int64_t limit) {
  for (Block &block : pieces.blocks)
    if (asgc_status status = allocate(block.bytes, use, what, block, limit))
      return status;
  return ASGC_OK;
}

void Device::free(Pieces &pieces) {
  for (Block &block : pieces.blocks)
    free(block);
  pieces = {};
}

//===- How much is used ---------------------------------------------------===//

bool Device::hasRoom(int64_t bytes, int64_t limit) const {
  const int64_t most =
      limit > 0 ? std::min(limit, choice.memoryBytes) : choice.memoryBytes;
  return bytes <= most - used;
}

asgc_status Device::refuse(const std::string &what, int64_t bytes,
                           int64_t limit) const {
  const bool isLimited = limit > 0 && limit <= choice.memoryBytes;
  const int64_t taken = used;
  return fail(ASGC_OUT_OF_MEMORY,
              text(what, " needs ", bytes,
                   " bytes of memory, and the Vulkan device ", choice.name,
                   " has ", isLimited ? limit : choice.memoryBytes,
                   isLimited ? " that it may use" : "",
                   taken ? text(", of which ", taken, " are taken") : ""));
}

} // namespace asgc::rt::vulkan
