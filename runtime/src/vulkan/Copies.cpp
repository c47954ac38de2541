//===- Copies.cpp - Copies to and from a device, and its tensors ----------===//
#include "Device.h"

#include <algorithm>
#include <cstring>

// All copies go through one staging block: the device's own memory need not be
// within the processor's reach, and where it is, reading it back is slow.

namespace asgc::rt::vulkan {

namespace {
constexpr int64_t kStagingBytes = int64_t(16) << 20;

VkBufferCopy regionOf(Place to, Place from, int64_t bytes) {
  return {VkDeviceSize(from.offset), VkDeviceSize(to.offset),
          VkDeviceSize(bytes)};
}
} // namespace

asgc_status Device::prepareStaging() {
  if (stagingPool)
    return ASGC_OK;
  if (!staging.buffer)
    if (asgc_status status =
            allocate(kStagingBytes, Use::Download, "copies", staging))
      return status;
  stagingPool = makePool(stagingCommands);
  return stagingPool ? ASGC_OK
                     : describe(VK_ERROR_OUT_OF_HOST_MEMORY, "copies");
}

/// Runs what has been recorded; what follows on the queue, and the processor,
/// see what it wrote.
asgc_status Device::runStaging() {
  VkMemoryBarrier2 barrier{};
  barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2;
  barrier.srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
  barrier.srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT;
  barrier.dstStageMask =
      VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_2_HOST_BIT;
  barrier.dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT |
                          VK_ACCESS_2_MEMORY_WRITE_BIT |
                          VK_ACCESS_2_HOST_READ_BIT;
  VkDependencyInfo dependency{};
  dependency.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO;
  dependency.memoryBarrierCount = 1;
  dependency.pMemoryBarriers = &barrier;
  api.CmdPipelineBarrier2(stagingCommands, &dependency);
  if (VkResult result = api.EndCommandBuffer(stagingCommands))
    return describe(result, "recording a copy");
  uint64_t ticket = 0;
  if (asgc_status status = submit(stagingCommands, ticket))
    return status;
  return wait(ticket);
}

asgc_status Device::stage(Place place, char *host, int64_t bytes,
                          bool isUpload) {
  std::lock_guard lock(stagingGuard);
  if (asgc_status status = prepareStaging())
    return status;
  const Place middle{staging.buffer, 0};
  while (bytes > 0) {
    const int64_t part = std::min(bytes, kStagingBytes);
    if (isUpload)
      std::memcpy(staging.mapped, host, size_t(part));
    begin(stagingCommands);
    const Place from = isUpload ? middle : place,
                to = isUpload ? place : middle;
    const VkBufferCopy region = regionOf(to, from, part);
    api.CmdCopyBuffer(stagingCommands, from.buffer, to.buffer, 1, &region);
    if (asgc_status status = runStaging())
      return status;
    if (!isUpload)
      std::memcpy(host, staging.mapped, size_t(part));
    host += part;
    place.offset += part;
    bytes -= part;
  }
  return ASGC_OK;
}

asgc_status Device::upload(Place to, const void *from, int64_t bytes) {
  return stage(to, static_cast<char *>(const_cast<void *>(from)), bytes, true);
}

asgc_status Device::download(void *to, Place from, int64_t bytes) {
  return stage(from, static_cast<char *>(to), bytes, false);
}

asgc_status Device::copyWithin(Place to, Place from, int64_t bytes) {
  if (bytes == 0)
    return ASGC_OK;
  std::lock_guard lock(stagingGuard);
  if (asgc_status status = prepareStaging())
    return status;
  begin(stagingCommands);
  const VkBufferCopy region = regionOf(to, from, bytes);
  api.CmdCopyBuffer(stagingCommands, from.buffer, to.buffer, 1, &region);
  return runStaging();
}

//===- Tensors ------------------------------------------------------------===//

asgc_status Device::makeTensor(int64_t bytes, int64_t limit,
                               VkDeviceAddress &address) {
  Block block;
  // A fill works on words.
  const int64_t padded = bytes / 4 * 4 + (bytes % 4 ? 4 : 0);
  asgc_status status = allocate(padded, Use::Shaders, "a tensor", block, limit);
  if (!status) {
    std::lock_guard lock(stagingGuard);
    status = prepareStaging();
    if (!status) {
      begin(stagingCommands);
      api.CmdFillBuffer(stagingCommands, block.buffer, 0, VK_WHOLE_SIZE, 0);
      status = runStaging();
    }
  }
  if (status) {
    free(block);
    return status;
  }
  address = block.address;
  std::lock_guard lock(tensorGuard);
  tensors.emplace(address, block);
  return ASGC_OK;
}

void Device::freeTensor(VkDeviceAddress address) {
  drain();
  std::lock_guard lock(tensorGuard);
  auto found = tensors.find(address);
  if (found == tensors.end())
    return;
  free(found->second);
  tensors.erase(found);
}

std::optional<Place> Device::findTensor(VkDeviceAddress address,
                                        int64_t bytes) {
  std::lock_guard lock(tensorGuard);
  auto after = tensors.upper_bound(address);
  if (after == tensors.begin())
    return std::nullopt;
  const auto &[start, block] = *std::prev(after);
  const int64_t offset = int64_t(address - start);
  if (offset > block.bytes || bytes > block.bytes - offset)
    return std::nullopt;
  return Place{block.buffer, offset};
}

} // namespace asgc::rt::vulkan
