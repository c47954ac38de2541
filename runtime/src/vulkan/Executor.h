//===- Executor.h - A program on a Vulkan device --------------------------===//
#ifndef ASGC_RT_VULKAN_EXECUTOR_H
#define ASGC_RT_VULKAN_EXECUTOR_H

#include "Device.h"
#include "Switches.h"

namespace asgc::rt::vulkan {

/// The pipelines, memory and recordings of one program.
class Executor {
public:
  /// Makes what all runs of `program` need. The sentence is the last error.
  static asgc_status create(asgc_program &program, int64_t memoryLimit,
                            std::unique_ptr<Executor> &out);
  ~Executor();
  Executor(const Executor &) = delete;

  /// Runs an entry whose tensors have been bound.
  asgc_status run(const asgc_entry_desc &entry);

  /// Brings the program's host copies of the variables up to date.
  asgc_status sync();
  /// The host copies have changed.
  void touch() { isDeviceStale = true; }

  const asgc_vulkan_device &device() const { return info; }

private:
  /// An entry as commands; recorded anew when the run-time dims change.
  struct Recording {
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = nullptr;
    std::vector<int64_t> dims;
    bool isProfiled = false, isValid = false;
    std::vector<int64_t> inputs, outputs; ///< offsets in those blocks
    int64_t inputBytes = 0, outputBytes = 0;
    std::vector<int64_t> tables; ///< of each dispatch; -1: none
  };

  explicit Executor(asgc_program &program) : program(program) {}
  asgc_status checkFeatures() const;
  void planTensors();
  asgc_status allocateBlocks(int64_t memoryLimit);
  void fillTables();
  asgc_status makePipelines();
  asgc_status record(int32_t entry, Recording &recording);
  std::vector<int32_t> orderOf(const asgc_dispatch_list &list) const;
  void recordDispatch(const Recording &recording, const asgc_dispatch &dispatch,
                      uint64_t table);
  void barrier(VkCommandBuffer commands, VkPipelineStageFlags2 after,
               VkPipelineStageFlags2 before, VkAccessFlags2 access);
  uint64_t addressOf(const Recording &recording, const asgc_place &place) const;
  asgc_status readProfile(const asgc_dispatch_list &list);
  int64_t tensorBytes(const asgc_tensor_desc &tensor,
                      const int64_t *dims) const;

  asgc_program &program;
  Switches switches;
  std::shared_ptr<Device> gpu;
  asgc_vulkan_device info{};
  std::vector<VkPipeline> pipelines; ///< per shader
  Block arena, variables, constants, inputs, outputs, dims, tables;
  std::vector<int64_t> variableOffsets;
  std::vector<Recording> recordings; ///< per entry
  VkQueryPool queries = VK_NULL_HANDLE;
  int64_t arenaBytes = 0, tableBytes = 0;
  bool isDeviceStale = true, isHostStale = false;
};

} // namespace asgc::rt::vulkan
#endif
