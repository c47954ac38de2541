//===- Executor.cpp - Makes what a program needs on a device, runs it -----===//
#include "Executor.h"

#include "../Dtype.h"
#include "../Program.h"
#include "ShaderCode.h"
#include <algorithm>
#include <cstring>

namespace asgc::rt::vulkan {

namespace {
/// Places within blocks; also what devices ask of an address at most.
constexpr int64_t kAlignment = 256;

int64_t align(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// Recordings of an entry that are kept: enough for tensors that take turns.
constexpr size_t kMostRecordings = 8;

/// What a thread copies at a time, where several share a copy.
constexpr int64_t kCopyGrain = int64_t(1) << 20;
} // namespace

Executor::~Executor() {
  if (!gpu)
    return;
  gpu->drain();
  const Api &api = gpu->api;
  for (VkPipeline pipeline : pipelines)
    api.DestroyPipeline(gpu->handle, pipeline, nullptr);
  for (Entry &entry : entries)
    for (auto &recording : entry.recordings) {
      api.DestroyCommandPool(gpu->handle, recording->pool, nullptr);
      gpu->free(recording->tables);
    }
  api.DestroyQueryPool(gpu->handle, queries, nullptr);
  for (Pieces *pieces : {&arena, &variables})
    gpu->free(*pieces);
  for (Block *block : {&constants, &outputs})
    gpu->free(*block);
  for (Lane &lane : lanes)
    for (Block *block : {&lane.inputs, &lane.results, &lane.dims})
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

asgc_status Executor::uploadVariables() {
  for (int32_t i = 0; isDeviceStale && i < program.desc.num_variables; ++i)
    if (asgc_status status = gpu->upload(
            variables.placeOf(variableOffsets[size_t(i)]),
            program.variables[size_t(i)], program.variableBytes[size_t(i)]))
      return status;
  isDeviceStale = false;
  return ASGC_OK;
}

/// The first lane whose last run is done; else the one that is done next.
asgc_status Executor::takeLane(Lane *&lane) {
  // Tensors may have taken what was there for the second.
  if (hasSecondLane && !lanes[1].ticket)
    hasSecondLane = gpu->hasRoom(
        inputBytes + int64_t(program.dims.size() * sizeof(int64_t)),
        memoryLimit);
  const bool isFirstFree =
      !hasSecondLane || gpu->isDone(lanes[0].ticket) ||
      (lanes[0].ticket < lanes[1].ticket && !gpu->isDone(lanes[1].ticket));
  lane = &lanes[isFirstFree ? 0 : 1];
  return gpu->wait(lane->ticket);
}

/// Memory for tensors of the processor is taken when the first is given.
asgc_status Executor::ensureBlocks(Lane &lane) {
  const bool hasInputs = std::ranges::find(program.inputIsOnDevice, false) !=
                         program.inputIsOnDevice.end();
  const bool hasOutputs = std::ranges::find(program.outputIsOnDevice, false) !=
                          program.outputIsOnDevice.end();
  struct Wanted {
    Block &block;
    int64_t bytes;
    Use use;
    const char *what;
  };
  const Wanted wanted[] = {
      {lane.dims, int64_t(program.dims.size() * sizeof(int64_t)), Use::Upload,
       "run-time dims"},
      {lane.inputs, hasInputs ? inputBytes : 0, Use::Upload, "the inputs"},
      {outputs, hasOutputs ? outputBytes : 0, Use::Shaders, "the outputs"},
      {lane.results, hasOutputs ? outputBytes : 0, Use::Download,
       "the processor's copy of the outputs"}};
  for (const Wanted &one : wanted)
    if (one.bytes > one.block.bytes)
      if (asgc_status status = gpu->allocate(one.bytes, one.use, one.what,
                                             one.block, memoryLimit))
        return status;
  return ASGC_OK;
}

void Executor::copyBytes(void *to, const void *from, int64_t bytes) {
  auto copy = [&](int64_t begin, int64_t end, int) {
    std::memcpy(static_cast<char *>(to) + begin,
                static_cast<const char *>(from) + begin, size_t(end - begin));
  };
  program.pool.forEachRange(bytes, kCopyGrain, copy);
}

void Executor::readInputs(const asgc_entry_desc &entry, const Lane &lane) {
  const Entry &plan = entries[size_t(&entry - program.desc.entries)];
  for (int32_t i = 0; i < entry.num_inputs; ++i)
    if (!program.inputIsOnDevice[size_t(i)])
      copyBytes(lane.inputs.mapped + plan.inputs[size_t(i)],
                program.inputs[size_t(i)],
                tensorBytes(entry.inputs[i], program.dims.data()));
  if (!program.dims.empty())
    std::memcpy(lane.dims.mapped, program.dims.data(),
                program.dims.size() * sizeof(int64_t));
}

void Executor::writeOutputs(const asgc_entry_desc &entry, const Lane &lane) {
  const Entry &plan = entries[size_t(&entry - program.desc.entries)];
  for (int32_t i = 0; i < entry.num_outputs; ++i)
    if (!program.outputIsOnDevice[size_t(i)])
      copyBytes(program.outputs[size_t(i)],
                lane.results.mapped + plan.outputs[size_t(i)],
                tensorBytes(entry.outputs[i], program.dims.data()));
}

std::vector<VkDeviceAddress> Executor::addressesOf(const asgc_entry_desc &entry,
                                                   const Lane &lane) const {
  const Entry &plan = entries[size_t(&entry - program.desc.entries)];
  std::vector<VkDeviceAddress> addresses;
  auto add = [&](void *bound, bool isOnDevice, const Block &block,
                 int64_t offset) {
    addresses.push_back(isOnDevice ? reinterpret_cast<VkDeviceAddress>(bound)
                                   : block.address + uint64_t(offset));
  };
  for (size_t i = 0; i < program.inputs.size(); ++i)
    add(program.inputs[i], program.inputIsOnDevice[i], lane.inputs,
        plan.inputs[i]);
  for (size_t i = 0; i < program.outputs.size(); ++i)
    add(program.outputs[i], program.outputIsOnDevice[i], outputs,
        plan.outputs[i]);
  return addresses;
}

/// The commands for this lane and the tensors that are bound, recorded if they
/// were not among the last.
asgc_status Executor::findRecording(int32_t index, const Lane &lane,
                                    Recording *&out) {
  auto &kept = entries[size_t(index)].recordings;
  auto tensors = addressesOf(program.desc.entries[index], lane);
  auto found = std::ranges::find_if(kept, [&](const auto &recording) {
    return recording->isValid && recording->lane == &lane &&
           recording->isProfiled == program.profiling &&
           recording->dims == program.dims && recording->tensors == tensors;
  });
  const bool isNew = found == kept.end();
  if (isNew && kept.size() < kMostRecordings)
    kept.push_back(std::make_unique<Recording>());
  if (isNew)
    found = kept.end() - 1;
  std::rotate(kept.begin(), found, found + 1);
  out = kept.front().get();
  if (!isNew)
    return ASGC_OK;
  if (asgc_status status = gpu->wait(out->ticket))
    return status;
  out->isValid = false;
  out->lane = &lane;
  out->dims = program.dims;
  out->tensors = std::move(tensors);
  out->isProfiled = program.profiling;
  return record(index, *out);
}

asgc_status Executor::run(const asgc_entry_desc &entry) {
  const int32_t index = int32_t(&entry - program.desc.entries);
  if (++runs == switches.loseAt)
    return gpu->describe(VK_ERROR_DEVICE_LOST, "running a step");
  if (asgc_status status = uploadVariables())
    return status;
  Lane *lane = nullptr;
  if (asgc_status status = takeLane(lane))
    return status;
  if (asgc_status status = ensureBlocks(*lane))
    return status;
  Recording *recording = nullptr;
  if (asgc_status status = findRecording(index, *lane, recording))
    return status;
  readInputs(entry, *lane);
  if (asgc_status status = gpu->submit(recording->commands, lane->ticket))
    return status;
  recording->ticket = lane->ticket;
  isHostStale |= entry.assigns_variables != 0;
  const bool isAwaited =
      program.profiling || std::ranges::find(program.outputIsOnDevice, false) !=
                               program.outputIsOnDevice.end();
  if (!isAwaited)
    return ASGC_OK;
  if (asgc_status status = gpu->wait(lane->ticket))
    return status;
  writeOutputs(entry, *lane);
  return recording->isProfiled
             ? readProfile(program.desc.vulkan->entries[index])
             : ASGC_OK;
}

asgc_status Executor::wait() {
  return gpu->wait(std::max(lanes[0].ticket, lanes[1].ticket));
}

asgc_status Executor::sync() {
  for (int32_t i = 0; isHostStale && i < program.desc.num_variables; ++i)
    if (asgc_status status =
            gpu->download(program.variables[size_t(i)],
                          variables.placeOf(variableOffsets[size_t(i)]),
                          program.variableBytes[size_t(i)]))
      return status;
  isHostStale = false;
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
  if (asgc_status status = made->chooseForms())
    return status;
  made->memoryLimit = memoryLimit;
  made->planVariables();
  made->planArena();
  made->planTensors();
  if (asgc_status status = made->checkMemory())
    return status;
  if (asgc_status status = made->allocateBlocks())
    return status;
  if (asgc_status status = made->makePipelines())
    return status;
  out = std::move(made);
  return ASGC_OK;
}

/// Variables one after the other, a block's worth at a time.
void Executor::planVariables() {
  const int64_t most = program.desc.vulkan->block_bytes;
  for (int64_t bytes : program.variableBytes) {
    const bool isFull = most > 0 && !variables.blocks.empty() &&
                        align(bytes) > most - variables.blocks.back().bytes;
    variables.extend(align(bytes), isFull);
    variableOffsets.push_back(variables.bytes - align(bytes));
  }
}

/// The arena of all entries, in the blocks that the compiler cut it into.
void Executor::planArena() {
  const asgc_vulkan_desc &desc = *program.desc.vulkan;
  int64_t bytes = 0;
  for (int32_t e = 0; e < program.desc.num_entries; ++e)
    bytes = std::max({bytes, program.desc.entries[e].arena_bytes,
                      desc.entries[e].arena_bytes});
  for (int32_t i = 1; i < desc.num_arena_blocks; ++i)
    arena.extend(desc.arena_blocks[i] - arena.bytes, true);
  if (bytes > arena.bytes)
    arena.extend(bytes - arena.bytes, true);
}

/// Finds the place of each tensor at the bounds of the run-time dims.
void Executor::planTensors() {
  const asgc_program_desc &desc = program.desc;
  std::vector<int64_t> bounds(program.dims.size());
  for (int32_t i = 0; i < desc.num_symbols; ++i)
    bounds[size_t(i)] = desc.symbol_bounds[i];
  if (desc.eval_dims)
    desc.eval_dims(bounds.data());
  entries.resize(size_t(desc.num_entries));
  for (int32_t e = 0; e < desc.num_entries; ++e) {
    const asgc_entry_desc &entry = desc.entries[e];
    Entry &plan = entries[size_t(e)];
    auto place = [&](const asgc_tensor_desc *list, int32_t count,
                     std::vector<int64_t> &offsets) {
      int64_t next = 0;
      for (int32_t i = 0; i < count; ++i) {
        offsets.push_back(next);
        next += align(tensorBytes(list[i], bounds.data()));
      }
      return next;
    };
    plan.inputBytes = place(entry.inputs, entry.num_inputs, plan.inputs);
    plan.outputBytes = place(entry.outputs, entry.num_outputs, plan.outputs);
    inputBytes = std::max(inputBytes, plan.inputBytes);
    outputBytes = std::max(outputBytes, plan.outputBytes);
    const asgc_dispatch_list &list = desc.vulkan->entries[e];
    for (int32_t i = 0; i < list.num_dispatches; ++i) {
      const asgc_dispatch &dispatch = list.dispatches[i];
      bool isIndirect = desc.vulkan->shaders[dispatch.shader].is_indirect;
      plan.tables.push_back(isIndirect ? plan.tableBytes : -1);
      if (isIndirect)
        plan.tableBytes +=
            align(dispatch.num_operands * int64_t(sizeof(uint64_t)));
    }
  }
}

/// Refuses what the device has no memory for.
asgc_status Executor::checkMemory() {
  const asgc_program_desc &desc = program.desc;
  const int64_t dimsBytes = int64_t(program.dims.size() * sizeof(int64_t));
  int64_t total = variables.bytes + arena.bytes + desc.vulkan->constants_bytes +
                  inputBytes + outputBytes + dimsBytes;
  for (const Entry &plan : entries)
    total += plan.tableBytes * int64_t(kMostRecordings);
  if (!gpu->hasRoom(total, memoryLimit))
    return gpu->refuse(text("'", desc.name, "'"), total, memoryLimit);
  hasSecondLane = gpu->hasRoom(total + inputBytes + dimsBytes, memoryLimit);
  return ASGC_OK;
}

/// Takes what every run needs.
asgc_status Executor::allocateBlocks() {
  const asgc_program_desc &desc = program.desc;
  if (asgc_status status =
          gpu->allocate(Use::Shaders, "the variables", variables, memoryLimit))
    return status;
  if (asgc_status status =
          gpu->allocate(Use::Shaders, "the arena", arena, memoryLimit))
    return status;
  if (asgc_status status =
          gpu->allocate(desc.vulkan->constants_bytes, Use::Shaders, "constants",
                        constants, memoryLimit))
    return status;
  if (desc.vulkan->constants_bytes > 0)
    return gpu->upload({constants.buffer, 0}, desc.vulkan->constants,
                       desc.vulkan->constants_bytes);
  return ASGC_OK;
}

/// The pipeline of a shader.
VkResult Executor::makePipeline(const asgc_shader &shader,
                                VkPipeline &pipeline) const {
  const Api &api = gpu->api;
  VkShaderModuleCreateInfo moduleInfo{};
  moduleInfo.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  std::vector<uint32_t> words =
      unpackShader({shader.code, size_t(shader.num_bytes)}, shader.num_words);
  if (words.empty())
    return VK_ERROR_INVALID_SHADER_NV;
  moduleInfo.codeSize = words.size() * sizeof(uint32_t);
  moduleInfo.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  VkResult result =
      api.CreateShaderModule(gpu->handle, &moduleInfo, nullptr, &module);
  if (result)
    return result;
  VkComputePipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.layout = gpu->layout;
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup{};
  subgroup.sType =
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO;
  subgroup.requiredSubgroupSize = uint32_t(shader.subgroup_size);
  if (subgroup.requiredSubgroupSize) {
    info.stage.flags =
        VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
    info.stage.pNext = &subgroup;
  }
  result = api.CreateComputePipelines(gpu->handle, gpu->cache.handle, 1, &info,
                                      nullptr, &pipeline);
  api.DestroyShaderModule(gpu->handle, module, nullptr);
  return result;
}

/// Drivers compile a shader in milliseconds, and there may be hundreds: all
/// threads of the program share them.
asgc_status Executor::makePipelines() {
  const asgc_vulkan_desc &desc = *program.desc.vulkan;
  std::vector<char> isUsed(size_t(desc.num_shaders));
  for (size_t e = 0; e < chosen.size(); ++e)
    for (int32_t d : chosen[e])
      isUsed[size_t(desc.entries[e].dispatches[d].shader)] = 1;
  pipelines.resize(size_t(desc.num_shaders));
  std::vector<VkResult> results(pipelines.size());
  auto make = [&](int64_t begin, int64_t end, int) {
    for (size_t i = size_t(begin); i < size_t(end); ++i)
      if (isUsed[i])
        results[i] = makePipeline(desc.shaders[i], pipelines[i]);
  };
  program.pool.forEachRange(desc.num_shaders, 1, make);
  for (size_t i = 0; i < results.size(); ++i)
    if (results[i])
      return gpu->describe(
          results[i],
          text("building shader ", i, " of '", program.desc.name, "'").c_str());
  gpu->cache.save(false);
  return ASGC_OK;
}

} // namespace asgc::rt::vulkan
