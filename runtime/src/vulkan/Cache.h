//===- Cache.h - Built pipelines, kept on disk ----------------------------===//
#ifndef ASGC_RT_VULKAN_CACHE_H
#define ASGC_RT_VULKAN_CACHE_H

#include "Api.h"
#include <mutex>
#include <string>

namespace asgc::rt::vulkan {

/// What a driver made of shaders, for the next start: a file for each device
/// and driver in ASGC_VULKAN_CACHE, else in `asgc` of XDG_CACHE_HOME or
/// ~/.cache; none if that is `off`. A file that is missing, damaged or of
/// another driver is as good as none, and one that cannot be written is no
/// failure.
class PipelineCache {
public:
  /// Reads the file. Without memory there is no cache.
  void open(const Api &api, VkDevice device,
            const VkPhysicalDeviceProperties &properties);
  /// Writes what is new, unless it is little beside what the file has.
  void save(bool evenIfLittle);
  void close();

  VkPipelineCache handle = VK_NULL_HANDLE;

private:
  std::string read() const;
  void mergeFile();

  const Api *api = nullptr;
  VkDevice device = nullptr;
  std::string path; ///< empty: nothing is kept
  std::mutex guard;
  size_t savedBytes = 0;
};

} // namespace asgc::rt::vulkan
#endif
