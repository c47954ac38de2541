//===- Executor.cpp - Records the entries of a program and runs them ------===//
#include "Executor.h"

#include "../Dtype.h"
#include "../Program.h"
#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

namespace asgc::rt::vulkan {

namespace {
/// Places within blocks; also what devices ask of an address at most.
constexpr int64_t kAlignment = 256;

int64_t align(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// NaN in every float type, and an index out of every range.
constexpr uint32_t kPoison = 0xFFFFFFFF;
} // namespace

Executor::~Executor() {
  if (!gpu)
    return;
  const Api &api = gpu->api;
  for (VkPipeline pipeline : pipelines)
    api.DestroyPipeline(gpu->handle, pipeline, nullptr);
  for (Recording &recording : recordings)
    api.DestroyCommandPool(gpu->handle, recording.pool, nullptr);
  api.DestroyQueryPool(gpu->handle, queries, nullptr);
  for (Block *block :
       {&arena, &variables, &constants, &inputs, &outputs, &dims, &tables})
    gpu->free(*block);
}

//===- Running ------------------------------------------------------------===//

int64_t Executor::tensorBytes(const asgc_tensor_desc &tensor,
                              const int64_t *values) const {
  int64_t bytes = sizeOf(tensor.dtype);
  for (int32_t i = 0; i < tensor.rank; ++i)
    bytes *= resolve(tensor.dims[i], values);
  return bytes;
}

asgc_status Executor::run(const asgc_entry_desc &entry) {
  const int32_t index = int32_t(&entry - program.desc.entries);
  Recording &recording = recordings[size_t(index)];
  if (isDeviceStale) {
    for (int32_t i = 0; i < program.desc.num_variables; ++i)
      if (asgc_status status = gpu->upload(
              variables, variableOffsets[size_t(i)],
              program.variables[size_t(i)], program.variableBytes[size_t(i)]))
        return status;
    isDeviceStale = false;
  }
  if (!recording.isValid || recording.dims != program.dims ||
      recording.isProfiled != program.profiling)
    if (asgc_status status = record(index, recording))
      return status;
  for (int32_t i = 0; i < entry.num_inputs; ++i)
    if (int64_t bytes = tensorBytes(entry.inputs[i], program.dims.data()))
      std::memcpy(inputs.mapped + recording.inputs[size_t(i)],
                  program.inputs[size_t(i)], size_t(bytes));
  if (!program.dims.empty())
    std::memcpy(dims.mapped, program.dims.data(),
                program.dims.size() * sizeof(int64_t));
  if (asgc_status status = gpu->run(recording.commands))
    return status;
  for (int32_t i = 0; i < entry.num_outputs; ++i)
    if (int64_t bytes = tensorBytes(entry.outputs[i], program.dims.data()))
      std::memcpy(program.outputs[size_t(i)],
                  outputs.mapped + recording.outputs[size_t(i)], size_t(bytes));
  isHostStale |= entry.assigns_variables != 0;
  return recording.isProfiled ? readProfile(program.desc.vulkan->entries[index])
                              : ASGC_OK;
}

asgc_status Executor::sync() {
  for (int32_t i = 0; isHostStale && i < program.desc.num_variables; ++i)
    if (asgc_status status = gpu->download(
            program.variables[size_t(i)], variables, variableOffsets[size_t(i)],
            program.variableBytes[size_t(i)]))
      return status;
  isHostStale = false;
  return ASGC_OK;
}

//===- Recording ----------------------------------------------------------===//

uint64_t Executor::addressOf(const Recording &recording,
                             const asgc_place &place) const {
  const size_t index = size_t(place.index);
  switch (place.kind) {
  case ASGC_PLACE_INPUT:
    return inputs.address + uint64_t(recording.inputs[index] + place.offset);
  case ASGC_PLACE_OUTPUT:
    return outputs.address + uint64_t(recording.outputs[index] + place.offset);
  case ASGC_PLACE_VARIABLE:
    return variables.address + uint64_t(variableOffsets[index] + place.offset);
  case ASGC_PLACE_CONSTANT:
    return constants.address + uint64_t(place.offset);
  default:
    return arena.address + uint64_t(place.offset);
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

void Executor::recordDispatch(const Recording &recording,
                              const asgc_dispatch &dispatch, uint64_t table) {
  const Api &api = gpu->api;
  const asgc_shader &shader = program.desc.vulkan->shaders[dispatch.shader];
  uint64_t push[ASGC_PUSH_BYTES / sizeof(uint64_t)] = {dims.address, table};
  for (int32_t i = 0; !shader.is_indirect && i < dispatch.num_operands; ++i)
    push[1 + i] = addressOf(recording, dispatch.operands[i]);
  const size_t pushed =
      sizeof(uint64_t) *
      size_t(1 + (shader.is_indirect ? 1 : dispatch.num_operands));
  VkCommandBuffer commands = recording.commands;
  api.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                      pipelines[size_t(dispatch.shader)]);
  api.CmdPushConstants(commands, gpu->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       uint32_t(pushed), push);
  const int64_t groups = resolve(dispatch.groups, program.dims.data());
  const int64_t most = gpu->choice.limits.maxComputeWorkGroupCount[0];
  const int64_t x = std::min(groups, most);
  if (groups > 0)
    api.CmdDispatch(commands, uint32_t(x), uint32_t((groups + x - 1) / x), 1);
}

/// The order of the dispatches: as listed, or each level shuffled.
std::vector<int32_t> Executor::orderOf(const asgc_dispatch_list &list) const {
  std::vector<int32_t> order(size_t(list.num_dispatches));
  std::iota(order.begin(), order.end(), 0);
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

asgc_status Executor::record(int32_t entry, Recording &recording) {
  const Api &api = gpu->api;
  const asgc_dispatch_list &list = program.desc.vulkan->entries[entry];
  recording.isValid = false;
  if (!recording.pool)
    recording.pool = gpu->makePool(recording.commands);
  if (program.profiling && !queries) {
    int32_t most = 0;
    for (int32_t i = 0; i < program.desc.num_entries; ++i)
      most = std::max(most, program.desc.vulkan->entries[i].num_dispatches);
    VkQueryPoolCreateInfo queryInfo{};
    queryInfo.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    queryInfo.queryType = VK_QUERY_TYPE_TIMESTAMP;
    queryInfo.queryCount = uint32_t(2 * most + 2);
    if (api.CreateQueryPool(gpu->handle, &queryInfo, nullptr, &queries))
      return gpu->describe(VK_ERROR_OUT_OF_DEVICE_MEMORY, "a profile");
  }
  if (!recording.pool)
    return gpu->describe(VK_ERROR_OUT_OF_HOST_MEMORY, "commands");
  VkCommandBuffer commands = recording.commands;
  gpu->begin(commands);
  constexpr VkPipelineStageFlags2 kCompute =
      VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
  constexpr VkAccessFlags2 kReadWrite =
      VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
  if (program.poison && arena.bytes > 0) {
    api.CmdFillBuffer(commands, arena.buffer, 0, VK_WHOLE_SIZE, kPoison);
    barrier(commands, VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT, kCompute,
            kReadWrite);
  }
  if (program.profiling)
    api.CmdResetQueryPool(commands, queries, 0,
                          uint32_t(2 * list.num_dispatches));
  auto stamp = [&](int32_t query) {
    if (program.profiling)
      api.CmdWriteTimestamp2(commands, kCompute, queries, uint32_t(query));
  };
  // A profile wants each dispatch on its own.
  const bool isEachAlone = program.profiling || switches.hasAllBarriers;
  const asgc_dispatch *before = nullptr;
  for (int32_t i : orderOf(list)) {
    const asgc_dispatch &dispatch = list.dispatches[i];
    if (before && (dispatch.level != before->level || isEachAlone))
      barrier(commands, kCompute, kCompute, kReadWrite);
    before = &dispatch;
    const int64_t table = recording.tables[size_t(i)];
    stamp(2 * i);
    recordDispatch(recording, dispatch,
                   table < 0 ? 0 : tables.address + uint64_t(table));
    stamp(2 * i + 1);
  }
  barrier(commands, kCompute,
          VK_PIPELINE_STAGE_2_HOST_BIT | VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
          kReadWrite | VK_ACCESS_2_HOST_READ_BIT);
  if (VkResult result = api.EndCommandBuffer(commands))
    return gpu->describe(result, "recording an entry");
  recording.dims = program.dims;
  recording.isProfiled = program.profiling;
  recording.isValid = true;
  return ASGC_OK;
}

asgc_status Executor::readProfile(const asgc_dispatch_list &list) {
  std::vector<uint64_t> stamps(size_t(2 * list.num_dispatches));
  if (stamps.empty())
    return ASGC_OK;
  if (VkResult result = gpu->api.GetQueryPoolResults(
          gpu->handle, queries, 0, uint32_t(stamps.size()),
          stamps.size() * sizeof(uint64_t), stamps.data(), sizeof(uint64_t),
          VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT))
    return gpu->describe(result, "reading the profile");
  for (int32_t i = 0; i < list.num_dispatches; ++i) {
    KernelProfile &line = program.profile[size_t(list.dispatches[i].kernel)];
    const uint64_t ticks = stamps[size_t(2 * i + 1)] - stamps[size_t(2 * i)];
    line.nanoseconds +=
        int64_t(double(ticks) * double(gpu->nanosecondsPerTick));
    ++line.calls;
  }
  return ASGC_OK;
}

//===- Creation -----------------------------------------------------------===//

asgc_status Executor::create(asgc_program &program, int64_t memoryLimit,
                             std::unique_ptr<Executor> &out) {
  std::unique_ptr<Executor> made(new Executor(program));
  if (asgc_status status = Switches::read(made->switches))
    return status;
  std::string reason;
  made->gpu = Device::get(reason);
  if (!made->gpu)
    return fail(ASGC_NO_DEVICE, reason);
  made->info = made->gpu->choice.describe();
  if (asgc_status status = made->checkFeatures())
    return status;
  made->planTensors();
  if (asgc_status status = made->allocateBlocks(memoryLimit))
    return status;
  made->fillTables();
  if (asgc_status status = made->makePipelines())
    return status;
  out = std::move(made);
  return ASGC_OK;
}

asgc_status Executor::checkFeatures() const {
  for (int32_t i = 0; i < program.desc.vulkan->num_shaders; ++i)
    if ((program.desc.vulkan->shaders[i].features & ASGC_SHADER_FLOAT64) &&
        !gpu->choice.hasFloat64)
      return fail(ASGC_NO_DEVICE,
                  text("'", program.desc.name,
                       "' computes with f64, and the "
                       "Vulkan device ",
                       gpu->choice.name, " lacks shaderFloat64"));
  return ASGC_OK;
}

/// Finds the place of each tensor at the bounds of the run-time dims.
void Executor::planTensors() {
  const asgc_program_desc &desc = program.desc;
  std::vector<int64_t> bounds(program.dims.size());
  for (int32_t i = 0; i < desc.num_symbols; ++i)
    bounds[size_t(i)] = desc.symbol_bounds[i];
  if (desc.eval_dims)
    desc.eval_dims(bounds.data());
  int64_t end = 0;
  for (int64_t bytes : program.variableBytes) {
    variableOffsets.push_back(end);
    end += align(bytes);
  }
  variables.bytes = end;
  recordings.resize(size_t(desc.num_entries));
  for (int32_t e = 0; e < desc.num_entries; ++e) {
    const asgc_entry_desc &entry = desc.entries[e];
    Recording &recording = recordings[size_t(e)];
    auto place = [&](const asgc_tensor_desc *list, int32_t count,
                     std::vector<int64_t> &offsets) {
      int64_t next = 0;
      for (int32_t i = 0; i < count; ++i) {
        offsets.push_back(next);
        next += align(tensorBytes(list[i], bounds.data()));
      }
      return next;
    };
    recording.inputBytes =
        place(entry.inputs, entry.num_inputs, recording.inputs);
    recording.outputBytes =
        place(entry.outputs, entry.num_outputs, recording.outputs);
    inputs.bytes = std::max(inputs.bytes, recording.inputBytes);
    outputs.bytes = std::max(outputs.bytes, recording.outputBytes);
    arenaBytes = std::max(arenaBytes, entry.arena_bytes);
    const asgc_dispatch_list &list = desc.vulkan->entries[e];
    for (int32_t i = 0; i < list.num_dispatches; ++i) {
      const asgc_dispatch &dispatch = list.dispatches[i];
      bool isIndirect = desc.vulkan->shaders[dispatch.shader].is_indirect;
      recording.tables.push_back(isIndirect ? tableBytes : -1);
      if (isIndirect)
        tableBytes += align(dispatch.num_operands * int64_t(sizeof(uint64_t)));
    }
  }
}

asgc_status Executor::allocateBlocks(int64_t memoryLimit) {
  const asgc_program_desc &desc = program.desc;
  struct Wanted {
    Block &block;
    int64_t bytes;
    Use use;
    const char *what;
  };
  const Wanted wanted[] = {
      {variables, variables.bytes, Use::Shaders, "the variables"},
      {arena, arenaBytes, Use::Shaders, "the arena"},
      {constants, desc.vulkan->constants_bytes, Use::Shaders, "constants"},
      {inputs, inputs.bytes, Use::Upload, "the inputs"},
      {outputs, outputs.bytes, Use::Download, "the outputs"},
      {dims, int64_t(program.dims.size() * sizeof(int64_t)), Use::Upload,
       "run-time dims"},
      {tables, tableBytes, Use::Upload, "tables of operands"}};
  int64_t total = 0;
  for (const Wanted &one : wanted)
    total += one.bytes;
  int64_t there = gpu->choice.memoryBytes;
  if (memoryLimit > 0)
    there = std::min(there, memoryLimit);
  if (total > there)
    return fail(ASGC_OUT_OF_MEMORY,
                text("'", desc.name, "' needs ", total,
                     " bytes of memory, and the Vulkan device ",
                     gpu->choice.name, " has ", there,
                     memoryLimit == there ? " that it may use" : ""));
  for (const Wanted &one : wanted)
    if (asgc_status status =
            gpu->allocate(one.bytes, one.use, one.what, one.block))
      return status;
  if (desc.vulkan->constants_bytes > 0)
    return gpu->upload(constants, 0, desc.vulkan->constants,
                       desc.vulkan->constants_bytes);
  return ASGC_OK;
}

/// Writes the addresses of operands that are too many for push constants.
void Executor::fillTables() {
  for (int32_t e = 0; e < program.desc.num_entries; ++e) {
    const asgc_dispatch_list &list = program.desc.vulkan->entries[e];
    const Recording &recording = recordings[size_t(e)];
    for (int32_t i = 0; i < list.num_dispatches; ++i) {
      const int64_t table = recording.tables[size_t(i)];
      const asgc_dispatch &dispatch = list.dispatches[i];
      for (int32_t o = 0; table >= 0 && o < dispatch.num_operands; ++o) {
        uint64_t address = addressOf(recording, dispatch.operands[o]);
        std::memcpy(tables.mapped + table + o * int64_t(sizeof(address)),
                    &address, sizeof(address));
      }
    }
  }
}

asgc_status Executor::makePipelines() {
  const Api &api = gpu->api;
  const asgc_vulkan_desc &desc = *program.desc.vulkan;
  for (int32_t i = 0; i < desc.num_shaders; ++i) {
    VkShaderModuleCreateInfo moduleInfo{};
    moduleInfo.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    moduleInfo.codeSize = size_t(desc.shaders[i].num_words) * sizeof(uint32_t);
    moduleInfo.pCode = desc.shaders[i].words;
    VkShaderModule module = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    VkResult result =
        api.CreateShaderModule(gpu->handle, &moduleInfo, nullptr, &module);
    if (!result) {
      VkComputePipelineCreateInfo pipelineInfo{};
      pipelineInfo.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
      pipelineInfo.stage.sType =
          VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
      pipelineInfo.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
      pipelineInfo.stage.module = module;
      pipelineInfo.stage.pName = "main";
      pipelineInfo.layout = gpu->layout;
      result = api.CreateComputePipelines(gpu->handle, VK_NULL_HANDLE, 1,
                                          &pipelineInfo, nullptr, &pipeline);
    }
    api.DestroyShaderModule(gpu->handle, module, nullptr);
    if (result)
      return gpu->describe(
          result,
          text("building shader ", i, " of '", program.desc.name, "'").c_str());
    pipelines.push_back(pipeline);
  }
  return ASGC_OK;
}

} // namespace asgc::rt::vulkan
