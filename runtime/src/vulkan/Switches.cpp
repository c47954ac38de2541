//===- Switches.cpp - Environment variables to test the backend with ------===//
#include "Switches.h"

#include "../Error.h"
#include <charconv>
#include <cstdlib>

namespace asgc::rt::vulkan {

namespace {
std::string_view lookUp(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}
} // namespace

asgc_status Switches::read(Switches &out) {
  std::string_view barriers = lookUp("ASGC_VULKAN_BARRIERS");
  if (!barriers.empty() && barriers != "all")
    return fail(
        ASGC_INVALID_ARGUMENT,
        text("ASGC_VULKAN_BARRIERS: expected all, got '", barriers, "'"));
  out.hasAllBarriers = barriers == "all";
  std::string_view seed = lookUp("ASGC_VULKAN_SHUFFLE");
  if (seed.empty())
    return ASGC_OK;
  const char *end = seed.data() + seed.size();
  auto [stop, error] =
      std::from_chars(seed.data(), end, out.shuffleSeed.emplace());
  return error == std::errc() && stop == end
             ? ASGC_OK
             : fail(ASGC_INVALID_ARGUMENT,
                    text("ASGC_VULKAN_SHUFFLE: expected a number, got '", seed,
                         "'"));
}

std::string hiddenFeatures() {
  return std::string(lookUp("ASGC_VULKAN_WITHOUT"));
}

} // namespace asgc::rt::vulkan
