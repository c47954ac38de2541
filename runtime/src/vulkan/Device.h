//===- Device.h - A Vulkan device with its memory -------------------------===//
#ifndef ASGC_RT_VULKAN_DEVICE_H
#define ASGC_RT_VULKAN_DEVICE_H

#include "Choice.h"
#include <memory>
#include <mutex>

namespace asgc::rt::vulkan {

/// A block of memory that shaders reach by its address.
struct Block {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceAddress address = 0;
  int64_t bytes = 0;
  char *mapped = nullptr; ///< null where the processor cannot reach it
};

/// Who reads and writes a block.
enum class Use {
  Shaders,  ///< lies in the device's own memory
  Upload,   ///< written by the processor, read by shaders
  Download, ///< written by shaders or copies, read by the processor
};

/// The device that is used, shared by all programs of the process.
class Device {
public:
  /// The device, made on the first call; null with a sentence in `reason`.
  static std::shared_ptr<Device> get(std::string &reason);
  ~Device();
  Device(const Device &) = delete;

  /// ASGC_OUT_OF_MEMORY with a sentence as the last error if there is not so
  /// much. `what` the memory is for stands in it.
  asgc_status allocate(int64_t bytes, Use use, const char *what, Block &block);
  void free(Block &block);

  /// Submits `commands` and waits until they are done.
  asgc_status run(VkCommandBuffer commands);
  /// A pool with one command buffer, to be recorded again and again; null if
  /// there is no memory. A pool is for one thread.
  VkCommandPool makePool(VkCommandBuffer &commands);
  void begin(VkCommandBuffer commands);

  /// Copies between the processor's memory and a block.
  asgc_status upload(const Block &to, int64_t offset, const void *from,
                     int64_t bytes);
  asgc_status download(void *to, const Block &from, int64_t offset,
                       int64_t bytes);

  /// The status and sentence for what failed while `what`.
  asgc_status describe(VkResult result, const char *what);

  Api api;
  VkDevice handle = nullptr;
  Candidate choice;
  VkPipelineLayout layout = VK_NULL_HANDLE; ///< push constants alone
  float nanosecondsPerTick = 1;

private:
  Device() = default;
  std::string open();
  std::string openDevice();
  asgc_status copy(const Block &block, int64_t offset, char *host,
                   int64_t bytes, bool isUpload);
  int32_t findMemoryType(uint32_t allowed, Use use) const;
  std::mutex queueGuard, stagingGuard;
  VkInstance instance = nullptr;
  VkQueue queue = nullptr;
  VkSemaphore timeline = VK_NULL_HANDLE;
  uint64_t submitted = 0;
  VkPhysicalDeviceMemoryProperties memory{};
  Block staging;
  VkCommandPool stagingPool = VK_NULL_HANDLE;
  VkCommandBuffer stagingCommands = nullptr;
  bool isLost = false;
};

} // namespace asgc::rt::vulkan
#endif
