//===- Device.h - A Vulkan device with its memory -------------------------===//
#ifndef ASGC_RT_VULKAN_DEVICE_H
#define ASGC_RT_VULKAN_DEVICE_H

#include "Cache.h"
#include "Choice.h"
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace asgc::rt::vulkan {

/// A block of memory that shaders reach by its address.
struct Block {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceAddress address = 0;
  int64_t bytes = 0;
  char *mapped = nullptr; ///< null where the processor cannot reach it
  int64_t counted = 0;    ///< bytes of Device::memoryInUse
};

/// Where bytes of the device's memory lie in a buffer.
struct Place {
  VkBuffer buffer = VK_NULL_HANDLE;
  int64_t offset = 0;
};

/// Memory with one numbering of its bytes, in several blocks: few devices give
/// more than 2 to 4 GiB in one piece. What is used as one lies in one block.
struct Pieces {
  std::vector<int64_t> starts{}; ///< the first byte of each block
  std::vector<Block> blocks{};
  int64_t bytes = 0;

  /// Lengthens the last block, or begins one.
  void extend(int64_t more, bool isNew);
  Place placeOf(int64_t offset) const;
  VkDeviceAddress addressOf(int64_t offset) const;

private:
  size_t blockOf(int64_t offset) const;
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
  /// much, or if this process then used more than `limit` of the device's
  /// memory (0: all of it). `what` the memory is for stands in the sentence.
  asgc_status allocate(int64_t bytes, Use use, const char *what, Block &block,
                       int64_t limit = 0);
  void free(Block &block);
  /// The same for blocks that have their bytes.
  asgc_status allocate(Use use, const char *what, Pieces &pieces,
                       int64_t limit);
  void free(Pieces &pieces);

  /// Bytes that this process has taken of the device's memory.
  int64_t memoryInUse() const { return used; }
  bool hasRoom(int64_t bytes, int64_t limit) const;
  /// The sentence for `what` ("'digits'") that needs `bytes` more than there
  /// are.
  asgc_status refuse(const std::string &what, int64_t bytes,
                     int64_t limit) const;

  /// Submits `commands`, which run after all that was submitted before if they
  /// begin or end with a barrier. `ticket` is what wait() takes.
  asgc_status submit(VkCommandBuffer commands, uint64_t &ticket);
  /// Waits until what has this ticket, and all before it, is done.
  asgc_status wait(uint64_t ticket);
  bool isDone(uint64_t ticket);
  /// Waits until nothing that any program submitted runs any more, whatever
  /// has failed, so that what it uses may be freed.
  void drain();
  /// A pool with one command buffer, to be recorded again and again; null if
  /// there is no memory. A pool is for one thread.
  VkCommandPool makePool(VkCommandBuffer &commands);
  void begin(VkCommandBuffer commands);

  /// Copies between the processor's memory and the device's, after what was
  /// submitted before; done when they return.
  asgc_status upload(Place to, const void *from, int64_t bytes);
  asgc_status download(void *to, Place from, int64_t bytes);
  asgc_status copyWithin(Place to, Place from, int64_t bytes);

  /// Zeroed memory that programs of this device may share, by its address;
  /// `limit` as in allocate.
  asgc_status makeTensor(int64_t bytes, int64_t limit,
                         VkDeviceAddress &address);
  /// Waits for everything that may use it.
  void freeTensor(VkDeviceAddress address);
  /// Where in the memory of a tensor [address, address + bytes) lies; nothing
  /// if it is not all within one.
  std::optional<Place> findTensor(VkDeviceAddress address, int64_t bytes);

  /// The status and sentence for what failed while `what`.
  asgc_status describe(VkResult result, const char *what);

  Api api;
  VkDevice handle = nullptr;
  Candidate choice;
  VkPipelineLayout layout = VK_NULL_HANDLE; ///< push constants alone
  PipelineCache cache;
  float nanosecondsPerTick = 1;

private:
  Device() = default;
  std::string open();
  std::string openDevice();
  VkResult await(uint64_t ticket);
  asgc_status prepareStaging();
  asgc_status runStaging();
  asgc_status stage(Place place, char *host, int64_t bytes, bool isUpload);
  std::vector<uint32_t> findMemoryTypes(uint32_t allowed, Use use) const;
  VkResult takeMemory(const VkMemoryRequirements &needs, Use use,
                      VkDeviceMemory &out);
  std::mutex queueGuard, stagingGuard, tensorGuard;
  VkInstance instance = nullptr;
  VkQueue queue = nullptr;
  VkSemaphore timeline = VK_NULL_HANDLE;
  std::atomic<uint64_t> submitted = 0; ///< changed with queueGuard
  VkPhysicalDeviceMemoryProperties memory{};
  Block staging;
  VkCommandPool stagingPool = VK_NULL_HANDLE;
  VkCommandBuffer stagingCommands = nullptr;
  std::map<VkDeviceAddress, Block> tensors;
  std::atomic<int64_t> used = 0; ///< bytes
  std::atomic<bool> isLost = false;
};

} // namespace asgc::rt::vulkan
#endif
