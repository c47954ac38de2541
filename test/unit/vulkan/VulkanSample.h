//===- VulkanSample.h - A hand-made program for a Vulkan device -----------===//
#ifndef ASGC_TEST_VULKAN_VULKANSAMPLE_H
#define ASGC_TEST_VULKAN_VULKANSAMPLE_H

#include "../../../runtime/src/vulkan/ShaderCode.h"
#include "../runtime/Samples.h"

#include <cstring>
#include <doctest/doctest.h>

namespace asgc::test {

/// y = 2 (2 x + w) + w in two steps through the arena, and w' = 3 w.
///
/// `n` is a run-time dim; the step of the arena has its operands in memory.
struct Sample {
  static constexpr int64_t kMost = 1000;
  static constexpr asgc_dim kN = -1, kGroups = -2;

  /// A shader of a file, its code in `code`.
  static asgc_shader readShader(const char *name, int32_t isIndirect,
                                std::string &code) {
    std::string bytes = readFile(std::string(SHADER_FOLDER "/") + name);
    std::vector<uint32_t> words(bytes.size() / 4);
    std::memcpy(words.data(), bytes.data(), words.size() * 4);
    code = rt::vulkan::packShader(words);
    return {reinterpret_cast<const uint8_t *>(code.data()),
            int64_t(code.size()), int64_t(words.size()), 0, isIndirect};
  }

  std::string direct, indirect;
  asgc_shader shaders[2] = {readShader("direct.spv", 0, direct),
                            readShader("indirect.spv", 1, indirect)};
  asgc_place first[3] = {{ASGC_PLACE_INPUT, 0, 0},
                         {ASGC_PLACE_VARIABLE, 0, 0},
                         {ASGC_PLACE_ARENA, 0, 256}};
  asgc_place second[3] = {{ASGC_PLACE_ARENA, 0, 256},
                          {ASGC_PLACE_VARIABLE, 0, 0},
                          {ASGC_PLACE_OUTPUT, 0, 0}};
  // The four elements of w, where a constant of four zeros is added.
  asgc_place update[3] = {{ASGC_PLACE_VARIABLE, 0, 0},
                          {ASGC_PLACE_VARIABLE, 0, 0},
                          {ASGC_PLACE_VARIABLE, 0, 0}};
  asgc_dispatch infer[2] = {{0, 1, 0, 3, first, kGroups},
                            {1, 0, 1, 3, second, kGroups}};
  asgc_dispatch train[1] = {{2, 0, 0, 3, update, kGroups}};
  asgc_dispatch_list lists[2] = {{infer, 2, 0}, {train, 1, 0}};
  asgc_vulkan_desc vulkan = {shaders, lists, nullptr, 0, 2, 0};

  asgc_dim batch[1] = {kN}, four[1] = {4};
  asgc_tensor_desc x = {"x", batch, 1, ASGC_F32};
  asgc_tensor_desc y = {"y", batch, 1, ASGC_F32};
  asgc_variable_desc w = {{"w", four, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0};
  asgc_entry_desc entries[2] = {
      {"infer", &x, &y, 1, 1, 256 + 4 * kMost, 0, 0, nullptr},
      {"train", &x, nullptr, 1, 0, 0, 1, 0, nullptr}};
  asgc_kernel_desc kernels[3] = {
      {"first", {}, 0}, {"second", {}, 0}, {"update", {}, 0}};
  const char *symbols[1] = {"n"};
  int64_t bounds[1] = {kMost};
  asgc_program_desc desc{};

  Sample() {
    desc.abi_version = ASGC_ABI_VERSION;
    desc.name = "sample";
    desc.entries = entries;
    desc.num_entries = 2;
    desc.variables = &w;
    desc.num_variables = 1;
    desc.kernels = kernels;
    desc.num_kernels = 3;
    desc.symbols = symbols;
    desc.symbol_bounds = bounds;
    desc.num_symbols = 1;
    desc.num_dims = 2;
    desc.eval_dims = [](int64_t *dims) { dims[1] = (dims[0] + 255) / 256; };
    desc.vulkan = &vulkan;
  }
};

inline asgc_options onVulkan() {
  asgc_options options{};
  options.device = ASGC_DEVICE_VULKAN;
  return options;
}

inline float *weights(asgc_program *program) {
  DLTensor view;
  REQUIRE(asgc_program_variable(program, "w", &view) == ASGC_OK);
  return static_cast<float *>(view.data);
}

} // namespace asgc::test
#endif
