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

asgc_status readNumber(const char *name, std::optional<uint64_t> &out) {
  const std::string_view value = lookUp(name);
  if (value.empty())
    return ASGC_OK;
  const char *end = value.data() + value.size();
  auto [stop, error] = std::from_chars(value.data(), end, out.emplace());
  return error == std::errc() && stop == end
             ? ASGC_OK
             : fail(ASGC_INVALID_ARGUMENT,
                    text(name, ": expected a number, got '", value, "'"));
}
} // namespace

asgc_status Switches::read(Switches &out) {
  std::string_view barriers = lookUp("ASGC_VULKAN_BARRIERS");
  if (!barriers.empty() && barriers != "all")
    return fail(
        ASGC_INVALID_ARGUMENT,
        text("ASGC_VULKAN_BARRIERS: expected all, got '", barriers, "'"));
  out.hasAllBarriers = barriers == "all";
  if (asgc_status status = readNumber("ASGC_VULKAN_SHUFFLE", out.shuffleSeed))
    return status;
  return readNumber("ASGC_VULKAN_LOSE", out.loseAt);
}

std::string hiddenFeatures() {
  return std::string(lookUp("ASGC_VULKAN_WITHOUT"));
}

} // namespace asgc::rt::vulkan
