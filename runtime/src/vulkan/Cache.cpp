//===- Cache.cpp - Built pipelines, kept on disk --------------------------===//
#include "Cache.h"

#include "../Error.h"
#include "asgc/file.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <vector>

namespace asgc::rt::vulkan {

namespace {
/// A file is this and then the driver's bytes, which drivers trust.
struct Header {
  char magic[8] = {'a', 's', 'g', 'c', 'v', 'p', 'c', '1'};
  uint64_t bytes = 0, sum = 0;
};

/// Files beyond this are not read and not written.
constexpr size_t kMostBytes = size_t(256) << 20;

/// FNV-1a.
uint64_t sumOf(std::string_view data) {
  uint64_t sum = 0xcbf29ce484222325;
  for (unsigned char byte : data)
    sum = (sum ^ byte) * 0x100000001b3;
  return sum;
}

/// The folder for cached files, made if it is not there; "" if there is none.
std::string findFolder() {
  auto lookUp = [](const char *name) {
    const char *value = std::getenv(name);
    return std::string(value ? value : "");
  };
  std::string folder = lookUp("ASGC_VULKAN_CACHE");
  if (folder == "off")
    return "";
  if (folder.empty()) {
    std::string base = lookUp("XDG_CACHE_HOME");
    if (base.empty() && !lookUp("HOME").empty())
      base = lookUp("HOME") + "/.cache";
    if (base.empty() || base[0] != '/') // the standard ignores such
      return "";
    mkdir(base.c_str(), 0700);
    folder = base + "/asgc";
  }
  mkdir(folder.c_str(), 0700);
  return folder;
}

void appendHex(std::string &out, const void *data, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x",
                  static_cast<const unsigned char *>(data)[i]);
    out += digits;
  }
}
} // namespace

/// The driver's bytes of the file; "" if it has none that can be trusted.
std::string PipelineCache::read() const {
  std::string data;
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (!file)
    return data;
  Header header;
  const Header expected;
  if (std::fread(&header, sizeof header, 1, file) == 1 &&
      std::memcmp(header.magic, expected.magic, sizeof header.magic) == 0 &&
      header.bytes <= kMostBytes) {
    data.resize(header.bytes);
    if (std::fread(data.data(), 1, data.size(), file) != data.size() ||
        sumOf(data) != header.sum)
      data.clear();
  }
  std::fclose(file);
  return data;
}

void PipelineCache::open(const Api &functions, VkDevice owner,
                         const VkPhysicalDeviceProperties &properties) {
  api = &functions;
  device = owner;
  std::string data;
  if (std::string folder = findFolder(); !folder.empty()) {
    path = folder + "/vulkan-";
    appendHex(path, properties.pipelineCacheUUID,
              sizeof properties.pipelineCacheUUID);
    path += text("-", properties.vendorID, "-", properties.deviceID, "-",
                 properties.driverVersion, ".bin");
    data = read();
  }
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.initialDataSize = data.size();
  info.pInitialData = data.data();
  if (api->CreatePipelineCache(device, &info, nullptr, &handle))
    handle = VK_NULL_HANDLE;
  savedBytes = data.size();
}

/// Takes in what another process has written since.
void PipelineCache::mergeFile() {
  const std::string data = read();
  if (data.empty())
    return;
  VkPipelineCacheCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO;
  info.initialDataSize = data.size();
  info.pInitialData = data.data();
  VkPipelineCache other = VK_NULL_HANDLE;
  if (api->CreatePipelineCache(device, &info, nullptr, &other))
    return;
  api->MergePipelineCaches(device, handle, 1, &other);
  api->DestroyPipelineCache(device, other, nullptr);
}

void PipelineCache::save(bool evenIfLittle) {
  std::lock_guard lock(guard);
  size_t bytes = 0;
  if (path.empty() || !handle ||
      api->GetPipelineCacheData(device, handle, &bytes, nullptr) ||
      bytes <= savedBytes ||
      (!evenIfLittle && bytes - savedBytes < savedBytes / 4))
    return;
  mergeFile();
  // A merge may have made it larger.
  if (api->GetPipelineCacheData(device, handle, &bytes, nullptr) ||
      bytes > kMostBytes)
    return;
  std::string file(sizeof(Header) + bytes, 0);
  if (api->GetPipelineCacheData(device, handle, &bytes,
                                file.data() + sizeof(Header)))
    return;
  file.resize(sizeof(Header) + bytes);
  Header header;
  header.bytes = bytes;
  header.sum = sumOf(std::string_view(file).substr(sizeof header));
  std::memcpy(file.data(), &header, sizeof header);
  // Not a failure of what the caller asked for.
  const std::string sentence = asgc_last_error();
  if (asgc_file_replace(path.c_str(), file.data(), file.size()))
    fail(ASGC_OK, sentence);
  savedBytes = bytes;
}

void PipelineCache::close() {
  if (!handle)
    return;
  save(true);
  api->DestroyPipelineCache(device, handle, nullptr);
  handle = VK_NULL_HANDLE;
}

} // namespace asgc::rt::vulkan
