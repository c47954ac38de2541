//===- Device.cpp - Opens a device, submits to it -------------------------===//
#include "Device.h"

#include "../Error.h"

namespace asgc::rt::vulkan {

//===- Opening ------------------------------------------------------------===//

std::shared_ptr<Device> Device::get(std::string &reason) {
  static std::mutex guard;
  static std::weak_ptr<Device> current;
  std::lock_guard lock(guard);
  if (std::shared_ptr<Device> device = current.lock();
      device && !device->isLost)
    return device;
  std::shared_ptr<Device> device(new Device());
  reason = device->open();
  if (!reason.empty())
    return nullptr;
  current = device;
  return device;
}

std::string Device::open() {
  std::string problem = api.open(instance);
  if (!problem.empty())
    return problem;
  std::string refused;
  for (Candidate &candidate : findCandidates(api, instance)) {
    if (candidate.isChosen) {
      choice = std::move(candidate);
      return openDevice();
    }
    refused += text("; ", candidate.name, " ", candidate.reason);
  }
  return refused.empty() ? "there is no Vulkan device here"
                         : text("no Vulkan device can be used", refused);
}

std::string Device::openDevice() {
  const float priority = 1;
  VkDeviceQueueCreateInfo queueInfo{};
  queueInfo.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queueInfo.queueFamilyIndex = choice.queueFamily;
  queueInfo.queueCount = 1;
  queueInfo.pQueuePriorities = &priority;
  const bool hasMatrices = !choice.matrices.empty();
  Features features(hasMatrices, choice.hasBfloat16, choice.hasAtomicAdd);
  features.require();
  features.all.features.shaderFloat64 = choice.hasFloat64;
  features.atomicFloat.shaderBufferFloat32AtomicAdd = choice.hasAtomicAdd;
  std::vector<const char *> extensions;
  if (choice.hasAtomicAdd)
    extensions.push_back(VK_EXT_SHADER_ATOMIC_FLOAT_EXTENSION_NAME);
  if (hasMatrices) {
    features.requireMatrices(choice.hasBfloat16);
    extensions.push_back(kCooperativeMatrixExtension);
    if (choice.hasBfloat16)
      extensions.push_back(kBfloat16Extension);
  }
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &features.all;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queueInfo;
  info.enabledExtensionCount = uint32_t(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  if (VkResult result =
          api.CreateDevice(choice.handle, &info, nullptr, &handle))
    return text(choice.name, " does not open (Vulkan error ", int(result), ")");
  if (!api.bind(handle))
    return text(choice.name, " lacks a function of Vulkan 1.3");
  api.GetDeviceQueue(handle, choice.queueFamily, 0, &queue);
  api.GetPhysicalDeviceMemoryProperties(choice.handle, &memory);
  nanosecondsPerTick = choice.properties.limits.timestampPeriod;

  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &type;
  VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, ASGC_PUSH_BYTES};
  VkPipelineLayoutCreateInfo layoutInfo{};
  layoutInfo.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  layoutInfo.pushConstantRangeCount = 1;
  layoutInfo.pPushConstantRanges = &range;
  if (api.CreateSemaphore(handle, &semaphore, nullptr, &timeline) ||
      api.CreatePipelineLayout(handle, &layoutInfo, nullptr, &layout))
    return text(choice.name, " has no memory left");
  cache.open(api, handle, choice.properties);
  return "";
}

Device::~Device() {
  if (handle && api.DestroyDevice) {
    if (timeline)
      drain();
    cache.close();
    free(staging);
    for (auto &[address, block] : tensors)
      free(block);
    api.DestroyPipelineLayout(handle, layout, nullptr);
    api.DestroyCommandPool(handle, stagingPool, nullptr);
    api.DestroySemaphore(handle, timeline, nullptr);
    api.DestroyDevice(handle, nullptr);
  }
  if (instance && api.DestroyInstance)
    api.DestroyInstance(instance, nullptr);
}

//===- Commands -----------------------------------------------------------===//

asgc_status Device::describe(VkResult result, const char *what) {
  if (result == VK_ERROR_DEVICE_LOST) {
    isLost = true;
    return fail(ASGC_DEVICE_LOST,
                text("the Vulkan device ", choice.name, " was lost while ",
                     what, "; make the program anew"));
  }
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
      result == VK_ERROR_OUT_OF_HOST_MEMORY)
    return fail(ASGC_OUT_OF_MEMORY, text("the Vulkan device ", choice.name,
                                         " has no memory for ", what));
  return fail(ASGC_INTERNAL,
              text("the Vulkan device ", choice.name, " fails with error ",
                   int(result), " while ", what));
}

VkCommandPool Device::makePool(VkCommandBuffer &commands) {
  VkCommandPoolCreateInfo poolInfo{};
  poolInfo.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  poolInfo.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  poolInfo.queueFamilyIndex = choice.queueFamily;
  VkCommandPool pool = VK_NULL_HANDLE;
  if (api.CreateCommandPool(handle, &poolInfo, nullptr, &pool))
    return VK_NULL_HANDLE;
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  if (!api.AllocateCommandBuffers(handle, &info, &commands))
    return pool;
  api.DestroyCommandPool(handle, pool, nullptr);
  return VK_NULL_HANDLE;
}

void Device::begin(VkCommandBuffer commands) {
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  api.BeginCommandBuffer(commands, &info);
}

asgc_status Device::submit(VkCommandBuffer commands, uint64_t &ticket) {
  std::lock_guard lock(queueGuard);
  VkCommandBufferSubmitInfo commandInfo{};
  commandInfo.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO;
  commandInfo.commandBuffer = commands;
  VkSemaphoreSubmitInfo signal{};
  signal.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO;
  signal.semaphore = timeline;
  signal.value = submitted + 1;
  signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
  VkSubmitInfo2 info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2;
  info.commandBufferInfoCount = 1;
  info.pCommandBufferInfos = &commandInfo;
  info.signalSemaphoreInfoCount = 1;
  info.pSignalSemaphoreInfos = &signal;
  // What is lost stays lost: nothing more is asked of the driver.
  VkResult result = isLost ? VK_ERROR_DEVICE_LOST
                           : api.QueueSubmit2(queue, 1, &info, VK_NULL_HANDLE);
  if (result)
    return describe(result, "submitting a step");
  ticket = ++submitted;
  return ASGC_OK;
}

VkResult Device::await(uint64_t ticket) {
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline;
  info.pValues = &ticket;
  return api.WaitSemaphores(handle, &info, UINT64_MAX);
}

asgc_status Device::wait(uint64_t ticket) {
  VkResult result = isLost ? VK_ERROR_DEVICE_LOST : await(ticket);
  return result ? describe(result, "running a step") : ASGC_OK;
}

void Device::drain() { (void)await(submitted); }

bool Device::isDone(uint64_t ticket) {
  uint64_t reached = 0;
  return !api.GetSemaphoreCounterValue(handle, timeline, &reached) &&
         reached >= ticket;
}

} // namespace asgc::rt::vulkan

//===----------------------------------------------------------------------===//
// The C functions
//===----------------------------------------------------------------------===//

asgc_status asgc_vulkan_devices(void (*visit)(void *user,
                                              const asgc_vulkan_device *device),
                                void *user) {
  using namespace asgc::rt;
  vulkan::Api api;
  VkInstance instance = nullptr;
  std::string problem = api.open(instance);
  std::vector<vulkan::Candidate> found;
  if (problem.empty())
    found = vulkan::findCandidates(api, instance);
  if (instance && api.DestroyInstance)
    api.DestroyInstance(instance, nullptr);
  if (!problem.empty())
    return fail(ASGC_NO_DEVICE, problem);
  if (found.empty())
    return fail(ASGC_NO_DEVICE, "there is no Vulkan device here");
  for (const vulkan::Candidate &candidate : found) {
    const asgc_vulkan_device device = candidate.describe();
    visit(user, &device);
  }
  return ASGC_OK;
}
