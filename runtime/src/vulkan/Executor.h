//===- Executor.h - A program on a Vulkan device --------------------------===//
#ifndef ASGC_RT_VULKAN_EXECUTOR_H
#define ASGC_RT_VULKAN_EXECUTOR_H

#include "Device.h"
#include "Switches.h"

namespace asgc::rt::vulkan {

/// The pipelines, memory and recordings of one program. Executor.cpp makes and
/// runs it, Recording.cpp writes the commands.
class Executor {
public:
  /// Makes what all runs of `program` need. The sentence is the last error.
  static asgc_status create(asgc_program &program, int64_t memoryLimit,
                            std::unique_ptr<Executor> &out);
  ~Executor();
  Executor(const Executor &) = delete;

  /// Runs an entry whose tensors have been bound. Where no output lies in the
  /// processor's memory it returns as soon as the run is submitted.
  asgc_status run(const asgc_entry_desc &entry);
  /// Waits for all runs.
  asgc_status wait();

  /// Brings the program's host copies of the variables up to date.
  asgc_status sync();
  /// The host copies have changed.
  void touch() { isDeviceStale = true; }

  const asgc_vulkan_device &device() const { return info; }
  const std::shared_ptr<Device> &sharedDevice() const { return gpu; }
  /// The most of the device's memory that this process may use; 0: all.
  int64_t getMemoryLimit() const { return memoryLimit; }

private:
  /// What the processor shares with a run that is under way; two, so that one
  /// may be prepared while the other runs.
  struct Lane {
    Block inputs, results, dims;
    uint64_t ticket = 0; ///< of the last run
  };

  /// An entry as commands, for one lane and these tensors.
  struct Recording {
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = nullptr;
    Block tables;
    const Lane *lane = nullptr;
    std::vector<int64_t> dims;
    std::vector<VkDeviceAddress> tensors; ///< inputs, then outputs
    bool isProfiled = false, isValid = false;
    uint64_t ticket = 0; ///< of the last run
  };

  /// An entry with the places of its tensors that the processor gives.
  struct Entry {
    std::vector<int64_t> inputs, outputs; ///< offsets in those blocks
    int64_t inputBytes = 0, outputBytes = 0;
    std::vector<int64_t> tables; ///< of each dispatch; -1: none
    int64_t tableBytes = 0;
    std::vector<std::unique_ptr<Recording>> recordings; ///< the last used first
  };

  explicit Executor(asgc_program &program) : program(program) {}
  asgc_status chooseForms();
  void planVariables();
  void planArena();
  void planTensors();
  asgc_status checkMemory();
  asgc_status allocateBlocks();
  asgc_status makePipelines();
  VkResult makePipeline(const asgc_shader &shader, VkPipeline &pipeline) const;

  asgc_status uploadVariables();
  asgc_status takeLane(Lane *&lane);
  asgc_status ensureBlocks(Lane &lane);
  std::vector<VkDeviceAddress> addressesOf(const asgc_entry_desc &entry,
                                           const Lane &lane) const;
  asgc_status findRecording(int32_t entry, const Lane &lane, Recording *&out);
  void readInputs(const asgc_entry_desc &entry, const Lane &lane);
  void writeOutputs(const asgc_entry_desc &entry, const Lane &lane);
  void copyBytes(void *to, const void *from, int64_t bytes);

  asgc_status record(int32_t entry, Recording &recording);
  asgc_status prepareProfile();
  asgc_status fillTables(int32_t entry, Recording &recording);
  /// The dispatches of an entry that are run.
  const std::vector<int32_t> &chosenOf(const asgc_dispatch_list &list) const;
  std::vector<int32_t> orderOf(const asgc_dispatch_list &list) const;
  void recordDispatch(const asgc_entry_desc &entry, const Recording &recording,
                      const asgc_dispatch &dispatch, uint64_t table);
  bool recordResults(int32_t entry, const Recording &recording);
  void barrier(VkCommandBuffer commands, VkPipelineStageFlags2 after,
               VkPipelineStageFlags2 before, VkAccessFlags2 access);
  uint64_t addressOf(const asgc_entry_desc &entry, const Recording &recording,
                     const asgc_place &place) const;
  asgc_status readProfile(const asgc_dispatch_list &list);
  int64_t tensorBytes(const asgc_tensor_desc &tensor,
                      const int64_t *dims) const;

  asgc_program &program;
  Switches switches;
  std::shared_ptr<Device> gpu;
  asgc_vulkan_device info{};
  std::vector<VkPipeline> pipelines; ///< per shader; null if it is not used
  std::vector<std::vector<int32_t>> chosen; ///< per entry, see chosenOf
  Pieces arena, variables;
  Block constants, outputs;
  Lane lanes[2];
  std::vector<int64_t> variableOffsets;
  std::vector<Entry> entries;
  VkQueryPool queries = VK_NULL_HANDLE;
  int64_t inputBytes = 0, outputBytes = 0;
  int64_t memoryLimit = 0;
  bool hasSecondLane = true; ///< there is memory for it
  uint64_t runs = 0;
  bool isDeviceStale = true, isHostStale = false;
};

} // namespace asgc::rt::vulkan
#endif
