//===- Recording.cpp - Writes an entry as commands ------------------------===//
#include "Executor.h"

#include "../Program.h"
#include <algorithm>
#include <cstring>
#include <random>

namespace asgc::rt::vulkan {

namespace {
/// NaN in every float type, and an index out of every range.
constexpr uint32_t kPoison = 0xFFFFFFFF;

constexpr VkPipelineStageFlags2 kCompute =
    VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
constexpr VkPipelineStageFlags2 kTransfer =
    VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT;
constexpr VkAccessFlags2 kReadWrite =
    VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
} // namespace

uint64_t Executor::addressOf(const asgc_entry_desc &entry,
                             const Recording &recording,
                             const asgc_place &place) const {
  const size_t index = size_t(place.index);
  const uint64_t offset = uint64_t(place.offset);
  switch (place.kind) {
  case ASGC_PLACE_INPUT:
    return recording.tensors[index] + offset;
  case ASGC_PLACE_OUTPUT:
    return recording.tensors[size_t(entry.num_inputs) + index] + offset;
  case ASGC_PLACE_VARIABLE:
    return variables.addressOf(variableOffsets[index]) + offset;
  case ASGC_PLACE_CONSTANT:
    return constants.address + offset;
  default:
    return arena.addressOf(place.offset);
  }
}

void Executor::barrier(VkCommandBuffer commands, VkPipelineStageFlags2 after,
                       VkPipelineStageFlags2 before, VkAccessFlags2 access) {
  VkMemoryBarrier2 memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2;
  memory.srcStageMask = after;
  memory.srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT;
  memory.dstStageMask = before;
  memory.dstAccessMask = access;
  VkDependencyInfo dependency{};
  dependency.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO;
  dependency.memoryBarrierCount = 1;
  dependency.pMemoryBarriers = &memory;
  gpu->api.CmdPipelineBarrier2(commands, &dependency);
}

void Executor::recordDispatch(const asgc_entry_desc &entry,
                              const Recording &recording,
                              const asgc_dispatch &dispatch, uint64_t table) {
  const Api &api = gpu->api;
  const asgc_shader &shader = program.desc.vulkan->shaders[dispatch.shader];
  uint64_t push[ASGC_PUSH_BYTES / sizeof(uint64_t)] = {
      recording.lane->dims.address, table};
  for (int32_t i = 0; !shader.is_indirect && i < dispatch.num_operands; ++i)
    push[1 + i] = addressOf(entry, recording, dispatch.operands[i]);
  const size_t pushed =
      sizeof(uint64_t) *
      size_t(1 + (shader.is_indirect ? 1 : dispatch.num_operands));
  VkCommandBuffer commands = recording.commands;
  api.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                      pipelines[size_t(dispatch.shader)]);
  api.CmdPushConstants(commands, gpu->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       uint32_t(pushed), push);
  const int64_t groups = resolve(dispatch.groups, program.dims.data());
  const int64_t most =
      gpu->choice.properties.limits.maxComputeWorkGroupCount[0];
  const int64_t x = std::min(groups, most);
  if (groups > 0)
    api.CmdDispatch(commands, uint32_t(x), uint32_t((groups + x - 1) / x), 1);
}

/// The order of the dispatches: as listed, or each level shuffled.
std::vector<int32_t> Executor::orderOf(const asgc_dispatch_list &list) const {
  std::vector<int32_t> order = chosenOf(list);
  if (!switches.shuffleSeed)
    return order;
  std::mt19937_64 random(*switches.shuffleSeed);
  auto levelOf = [&](int32_t i) { return list.dispatches[i].level; };
  for (auto first = order.begin(); first != order.end();) {
    auto last = std::find_if(first, order.end(), [&](int32_t i) {
      return levelOf(i) != levelOf(*first);
    });
    std::shuffle(first, last, random);
    first = last;
  }
  return order;
}

/// Writes the addresses of operands that are too many for push constants.
asgc_status Executor::fillTables(int32_t index, Recording &recording) {
  const Entry &plan = entries[size_t(index)];
  if (plan.tableBytes > 0 && !recording.tables.mapped)
    if (asgc_status status =
            gpu->allocate(plan.tableBytes, Use::Upload, "tables of operands",
                          recording.tables, memoryLimit))
      return status;
  const asgc_dispatch_list &list = program.desc.vulkan->entries[index];
  for (int32_t i = 0; i < list.num_dispatches; ++i) {
    const int64_t table = plan.tables[size_t(i)];
    const asgc_dispatch &dispatch = list.dispatches[i];
    for (int32_t o = 0; table >= 0 && o < dispatch.num_operands; ++o) {
      const uint64_t address = addressOf(program.desc.entries[index], recording,
                                         dispatch.operands[o]);
      std::memcpy(recording.tables.mapped + table +
                      o * int64_t(sizeof(address)),
                  &address, sizeof(address));
    }
  }
  return ASGC_OK;
}

asgc_status Executor::prepareProfile() {
  if (queries)
    return ASGC_OK;
  int32_t most = 0;
  for (int32_t i = 0; i < program.desc.num_entries; ++i)
    most = std::max(most, program.desc.vulkan->entries[i].num_dispatches);
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = uint32_t(2 * most + 2);
  return gpu->api.CreateQueryPool(gpu->handle, &info, nullptr, &queries)
             ? gpu->describe(VK_ERROR_OUT_OF_DEVICE_MEMORY, "a profile")
             : ASGC_OK;
}

/// Kernels write to the device's own memory; what the processor wants of it is
/// moved in one piece each, which a bus is made for and single stores are not.
/// Whether there was anything.
bool Executor::recordResults(int32_t index, const Recording &recording) {
  const asgc_entry_desc &entry = program.desc.entries[index];
  const Entry &plan = entries[size_t(index)];
  std::vector<VkBufferCopy> regions;
  for (int32_t i = 0; i < entry.num_outputs; ++i) {
    const auto offset = VkDeviceSize(plan.outputs[size_t(i)]);
    const int64_t bytes = tensorBytes(entry.outputs[i], program.dims.data());
    if (!program.outputIsOnDevice[size_t(i)] && bytes > 0)
      regions.push_back({offset, offset, VkDeviceSize(bytes)});
  }
  if (regions.empty())
    return false;
  barrier(recording.commands, kCompute, kTransfer, VK_ACCESS_2_MEMORY_READ_BIT);
  gpu->api.CmdCopyBuffer(recording.commands, outputs.buffer,
                         recording.lane->results.buffer,
                         uint32_t(regions.size()), regions.data());
  return true;
}

asgc_status Executor::record(int32_t index, Recording &recording) {
  const Api &api = gpu->api;
  const asgc_dispatch_list &list = program.desc.vulkan->entries[index];
  if (!recording.pool)
    recording.pool = gpu->makePool(recording.commands);
  if (!recording.pool)
    return gpu->describe(VK_ERROR_OUT_OF_HOST_MEMORY, "commands");
  if (recording.isProfiled)
    if (asgc_status status = prepareProfile())
      return status;
  if (asgc_status status = fillTables(index, recording))
    return status;
  VkCommandBuffer commands = recording.commands;
  gpu->begin(commands);
  if (program.poison && arena.bytes > 0) {
    for (const Block &block : arena.blocks)
      api.CmdFillBuffer(commands, block.buffer, 0, VK_WHOLE_SIZE, kPoison);
    barrier(commands, kTransfer, kCompute, kReadWrite);
  }
  if (recording.isProfiled)
    api.CmdResetQueryPool(commands, queries, 0,
                          uint32_t(2 * list.num_dispatches));
  auto stamp = [&](int32_t query) {
    if (recording.isProfiled)
      api.CmdWriteTimestamp2(commands, kCompute, queries, uint32_t(query));
  };
  // A profile wants each dispatch on its own.
  const bool isEachAlone = recording.isProfiled || switches.hasAllBarriers;
  const asgc_dispatch *before = nullptr;
  for (int32_t i : orderOf(list)) {
    const asgc_dispatch &dispatch = list.dispatches[i];
    if (before && (dispatch.level != before->level || isEachAlone))
      barrier(commands, kCompute, kCompute, kReadWrite);
    before = &dispatch;
    const int64_t table = entries[size_t(index)].tables[size_t(i)];
    stamp(2 * i);
    recordDispatch(program.desc.entries[index], recording, dispatch,
                   table < 0 ? 0 : recording.tables.address + uint64_t(table));
    stamp(2 * i + 1);
  }
  // The next run may begin before this one has been waited for.
  if (recordResults(index, recording))
    barrier(commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
            VK_PIPELINE_STAGE_2_HOST_BIT | VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
            kReadWrite | VK_ACCESS_2_HOST_READ_BIT);
  else
    barrier(commands, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
            VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, kReadWrite);
  if (VkResult result = api.EndCommandBuffer(commands))
    return gpu->describe(result, "recording an entry");
  recording.isValid = true;
  return ASGC_OK;
}

asgc_status Executor::readProfile(const asgc_dispatch_list &list) {
  for (int32_t i : chosenOf(list)) {
    uint64_t stamps[2]; // a dispatch that is not run has none
    if (VkResult result = gpu->api.GetQueryPoolResults(
            gpu->handle, queries, uint32_t(2 * i), 2, sizeof(stamps), stamps,
            sizeof(stamps[0]),
            VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT))
      return gpu->describe(result, "reading the profile");
    KernelProfile &line = program.profile[size_t(list.dispatches[i].kernel)];
    const uint64_t ticks = stamps[1] - stamps[0];
    line.nanoseconds +=
        int64_t(double(ticks) * double(gpu->nanosecondsPerTick));
    ++line.calls;
  }
  return ASGC_OK;
}

} // namespace asgc::rt::vulkan
