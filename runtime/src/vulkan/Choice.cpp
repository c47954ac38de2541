//===- Choice.cpp - Which Vulkan device is used, and why ------------------===//
#include "Choice.h"

#include "../Error.h"
#include "Switches.h"
#include <algorithm>

namespace asgc::rt::vulkan {

namespace {
/// What the baseline is: the place of a feature and its name.
template <typename Visit> void forEachFeature(Features &f, Visit visit) {
  VkPhysicalDeviceFeatures &core = f.all.features;
  visit(core.shaderInt64, "shaderInt64");
  visit(core.shaderInt16, "shaderInt16");
  visit(f.v11.storageBuffer16BitAccess, "storageBuffer16BitAccess");
  visit(f.v12.storageBuffer8BitAccess, "storageBuffer8BitAccess");
  visit(f.v12.shaderInt8, "shaderInt8");
  visit(f.v12.bufferDeviceAddress, "bufferDeviceAddress");
  visit(f.v12.timelineSemaphore, "timelineSemaphore");
  visit(f.v13.synchronization2, "synchronization2");
}

/// The same for what matrices need.
template <typename Visit> void forEachMatrixFeature(Features &f, Visit visit) {
  visit(f.matrix.cooperativeMatrix, "cooperativeMatrix");
  visit(f.v12.vulkanMemoryModel, "vulkanMemoryModel");
  visit(f.v12.shaderFloat16, "shaderFloat16");
  visit(f.v13.subgroupSizeControl, "subgroupSizeControl");
  visit(f.v13.computeFullSubgroups, "computeFullSubgroups");
}
template <typename Visit>
void forEachBfloat16Feature(Features &f, Visit visit) {
  visit(f.bfloat16.shaderBFloat16Type, "shaderBFloat16Type");
  visit(f.bfloat16.shaderBFloat16CooperativeMatrix,
        "shaderBFloat16CooperativeMatrix");
}

/// What compiled shaders rely on, see lib/Kernels/device.
constexpr uint32_t kGroupSize = 256;
constexpr uint32_t kSharedBytes = 32 << 10;

struct Kind {
  VkPhysicalDeviceType type;
  const char *name;
  int32_t rank;
};
constexpr Kind kKinds[] = {
    {VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, "discrete GPU", 0},
    {VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, "integrated GPU", 1},
    {VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, "virtual GPU", 2},
    {VK_PHYSICAL_DEVICE_TYPE_CPU, "CPU", 3},
    {VK_PHYSICAL_DEVICE_TYPE_OTHER, "other device", 4}};

/// The first queue family with compute; ~0u if there is none.
uint32_t findQueueFamily(const Api &api, VkPhysicalDevice device) {
  uint32_t count = 0;
  api.GetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  api.GetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  for (uint32_t i = 0; i < count; ++i)
    if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)
      return i;
  return ~0u;
}

int64_t largestOwnHeap(const Api &api, VkPhysicalDevice device) {
  VkPhysicalDeviceMemoryProperties memory;
  api.GetPhysicalDeviceMemoryProperties(device, &memory);
  int64_t bytes = 0;
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      bytes = std::max(bytes, int64_t(memory.memoryHeaps[i].size));
  return bytes;
}

/// Why the device cannot be used; "" if it can.
std::string findObstacle(const Candidate &device, uint32_t version,
                         const std::string &missing) {
  if (version < VK_API_VERSION_1_3)
    return text("has Vulkan ", VK_API_VERSION_MAJOR(version), ".",
                VK_API_VERSION_MINOR(version), ", needed is 1.3");
  if (device.queueFamily == ~0u)
    return "has no queue for compute";
  if (!missing.empty())
    return text("lacks ", missing);
  const VkPhysicalDeviceLimits &limits = device.properties.limits;
  if (limits.maxComputeWorkGroupInvocations < kGroupSize ||
      limits.maxComputeWorkGroupSize[0] < kGroupSize)
    return text("has work groups of ", limits.maxComputeWorkGroupInvocations,
                ", needed are ", kGroupSize);
  if (limits.maxComputeSharedMemorySize < kSharedBytes)
    return text("has ", limits.maxComputeSharedMemorySize,
                " bytes of shared memory, needed are ", kSharedBytes);
  return "";
}

bool hasExtension(const Api &api, VkPhysicalDevice device, const char *name) {
  uint32_t count = 0;
  api.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  api.EnumerateDeviceExtensionProperties(device, nullptr, &count,
                                         extensions.data());
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const auto &one) {
                       return std::string_view(one.extensionName) == name;
                     });
}

/// The products that subgroups form of f16 and, if `withBfloat16`, bf16.
std::vector<MatrixShape> findMatrices(const Api &api, VkInstance instance,
                                      VkPhysicalDevice device,
                                      bool withBfloat16) {
  const auto list =
      reinterpret_cast<GetCooperativeMatrixProperties>(api.GetInstanceProcAddr(
          instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  uint32_t count = 0;
  if (!list || list(device, &count, nullptr))
    return {};
  std::vector<CooperativeMatrixProperties> all(count);
  if (list(device, &count, all.data()))
    return {};
  std::vector<MatrixShape> found;
  for (const CooperativeMatrixProperties &one : all) {
    const int32_t type = one.a == Float16    ? ASGC_SHADER_MATRIX_F16
                         : one.a == Bfloat16 ? ASGC_SHADER_MATRIX_BF16
                                             : 0;
    if (!type || (type == ASGC_SHADER_MATRIX_BF16 && !withBfloat16) ||
        one.b != one.a || one.c != Float32 || one.result != Float32 ||
        one.scope != kSubgroupScope)
      continue;
    found.push_back(
        {type, int32_t(one.rows), int32_t(one.columns), int32_t(one.depth)});
  }
  return found;
}

Candidate examine(const Api &api, VkInstance instance,
                  VkPhysicalDevice handle) {
  Candidate device;
  device.handle = handle;
  VkPhysicalDeviceVulkan13Properties v13{};
  v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES;
  VkPhysicalDeviceDriverProperties driver{};
  driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  v13.pNext = &driver;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &v13; // stays zero if the device does not know it
  api.GetPhysicalDeviceProperties2(handle, &properties);
  device.name = properties.properties.deviceName;
  device.driver = text(driver.driverName, " ", driver.driverInfo);
  device.properties = properties.properties;
  for (const Kind &kind : kKinds)
    if (kind.type == properties.properties.deviceType)
      device.kind = kind.name, device.rank = kind.rank;
  device.memoryBytes = largestOwnHeap(api, handle);
  device.queueFamily = findQueueFamily(api, handle);
  uint32_t version = properties.properties.apiVersion;
  std::string missing, unknown;
  if (version >= VK_API_VERSION_1_3) { // else the structures are unknown to it
    Features features(
        hasExtension(api, handle, kCooperativeMatrixExtension),
        hasExtension(api, handle, kBfloat16Extension),
        hasExtension(api, handle, VK_EXT_SHADER_ATOMIC_FLOAT_EXTENSION_NAME));
    api.GetPhysicalDeviceFeatures2(handle, &features.all);
    unknown = features.hide(hiddenFeatures());
    missing = features.missing();
    device.hasFloat64 = features.all.features.shaderFloat64;
    device.hasAtomicAdd = features.atomicFloat.shaderBufferFloat32AtomicAdd;
    if (features.hasMatrices(false) &&
        (v13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) {
      device.hasBfloat16 = features.hasMatrices(true);
      device.matrices = findMatrices(api, instance, handle, device.hasBfloat16);
      device.minSubgroupSize = v13.minSubgroupSize;
      device.maxSubgroupSize = v13.maxSubgroupSize;
    }
  }
  device.reason =
      unknown.empty()
          ? findObstacle(device, version, missing)
          : text("ASGC_VULKAN_WITHOUT: there is no feature '", unknown, "'");
  device.isUsable = device.reason.empty();
  return device;
}
} // namespace

asgc_vulkan_device Candidate::describe() const {
  return {name.c_str(),      kind.c_str(),      reason.c_str(), memoryBytes,
          int32_t(isUsable), int32_t(isChosen), driver.c_str()};
}

Features::Features(bool hasMatrix, bool hasBfloat16, bool hasAtomicFloat) {
  atomicFloat.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_FEATURES_EXT;
  v13.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES;
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  v12.pNext = &v13;
  v11.pNext = &v12;
  all.pNext = &v11;
  void **end = &v13.pNext;
  if (hasMatrix) {
    *end = &matrix;
    end = &matrix.pNext;
  }
  if (hasBfloat16) {
    *end = &bfloat16;
    end = &bfloat16.pNext;
  }
  if (hasAtomicFloat)
    *end = &atomicFloat;
}

void Features::require() {
  forEachFeature(*this, [](VkBool32 &has, const char *) { has = VK_TRUE; });
}

void Features::requireMatrices(bool withBfloat16) {
  auto set = [](VkBool32 &has, const char *) { has = VK_TRUE; };
  forEachMatrixFeature(*this, set);
  if (withBfloat16)
    forEachBfloat16Feature(*this, set);
}

bool Features::hasMatrices(bool withBfloat16) const {
  bool hasAll = true;
  auto check = [&](VkBool32 &has, const char *) { hasAll &= has == VK_TRUE; };
  forEachMatrixFeature(const_cast<Features &>(*this), check);
  if (withBfloat16)
    forEachBfloat16Feature(const_cast<Features &>(*this), check);
  return hasAll;
}

std::string Features::hide(std::string_view names) {
  while (!names.empty()) {
    std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    bool isKnown = false;
    auto clear = [&](VkBool32 &has, std::string_view known) {
      if (known == name)
        has = VK_FALSE, isKnown = true;
    };
    forEachFeature(*this, clear);
    forEachMatrixFeature(*this, clear);
    forEachBfloat16Feature(*this, clear);
    clear(all.features.shaderFloat64, "shaderFloat64"); // not in the baseline
    clear(atomicFloat.shaderBufferFloat32AtomicAdd,
          "shaderBufferFloat32AtomicAdd");
    if (!isKnown)
      return std::string(name);
  }
  return "";
}

std::string Features::missing() const {
  std::string names;
  forEachFeature(const_cast<Features &>(*this),
                 [&](VkBool32 &has, const char *name) {
                   if (!has)
                     names += text(names.empty() ? "" : ", ", name);
                 });
  return names;
}

std::vector<Candidate> findCandidates(const Api &api, VkInstance instance) {
  uint32_t count = 0;
  if (api.EnumeratePhysicalDevices(instance, &count, nullptr))
    return {};
  std::vector<VkPhysicalDevice> handles(count);
  VkResult result =
      api.EnumeratePhysicalDevices(instance, &count, handles.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE)
    return {};
  std::vector<Candidate> devices;
  for (VkPhysicalDevice handle : handles)
    devices.push_back(examine(api, instance, handle));
  std::stable_sort(devices.begin(), devices.end(),
                   [](const Candidate &a, const Candidate &b) {
                     return std::pair(!a.isUsable, a.rank) <
                            std::pair(!b.isUsable, b.rank);
                   });
  for (Candidate &device : devices) {
    if (!device.isUsable)
      continue;
    device.isChosen = &device == &devices.front();
    device.reason = device.isChosen
                        ? text("used: the first ", device.kind)
                        : text("not used: ", devices.front().name, ", a ",
                               devices.front().kind, ", comes before it");
    if (device.isChosen && device.kind == "CPU")
      device.reason += "; it computes on the processor, slower than "
                       "--device cpu";
  }
  return devices;
}

} // namespace asgc::rt::vulkan
