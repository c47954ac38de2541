//===- VulkanTest.cpp - Programs on a Vulkan device -----------------------===//
#include "../runtime/Samples.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>

using namespace asgc::test;

namespace {

/// y = 2 (2 x + w) + w in two steps through the arena, and w' = 3 w.
///
/// `n` is a run-time dim; the step of the arena has its operands in memory.
struct Sample {
  static constexpr int64_t kMost = 1000;
  static constexpr asgc_dim kN = -1, kGroups = -2;

  static std::vector<uint32_t> readWords(const char *name) {
    std::string bytes = readFile(std::string(SHADER_FOLDER "/") + name);
    std::vector<uint32_t> words(bytes.size() / 4);
    std::memcpy(words.data(), bytes.data(), words.size() * 4);
    return words;
  }

  std::vector<uint32_t> direct = readWords("direct.spv");
  std::vector<uint32_t> indirect = readWords("indirect.spv");
  asgc_shader shaders[2] = {{direct.data(), int64_t(direct.size()), 0, 0},
                            {indirect.data(), int64_t(indirect.size()), 0, 1}};
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

asgc_options onVulkan() {
  asgc_options options{};
  options.device = ASGC_DEVICE_VULKAN;
  return options;
}

float *weights(asgc_program *program) {
  DLTensor view;
  REQUIRE(asgc_program_variable(program, "w", &view) == ASGC_OK);
  return static_cast<float *>(view.data);
}

/// Runs with n elements and checks every result.
void checkRun(asgc_program *program, int64_t n, const std::vector<float> &w) {
  CAPTURE(n);
  F32 x({n}), y({n});
  for (int64_t i = 0; i < n; ++i)
    x.data[size_t(i)] = float(i) - 3;
  const DLTensor *in[] = {&x.view};
  DLTensor *out[] = {&y.view};
  asgc_status status = asgc_program_run(program, "infer", in, 1, out, 1);
  REQUIRE_MESSAGE(status == ASGC_OK, asgc_program_error(program));
  for (int64_t i = 0; i < n; ++i)
    CHECK(y.data[size_t(i)] ==
          4 * x.data[size_t(i)] + 3 * w[size_t(i) % 4]);
}

} // namespace

TEST_SUITE("vulkan") {
  TEST_CASE("there is a device, and each says why it is or is not used") {
    int chosen = 0, seen = 0;
    struct Counts {
      int &chosen, &seen;
    } counts{chosen, seen};
    auto visit = [](void *user, const asgc_vulkan_device *device) {
      auto &counts = *static_cast<Counts *>(user);
      ++counts.seen;
      counts.chosen += device->is_chosen;
      CHECK(std::strlen(device->name) > 0);
      CHECK(std::strlen(device->reason) > 0);
      CHECK(device->memory_bytes > 0);
    };
    asgc_status status = asgc_vulkan_devices(visit, &counts);
    REQUIRE_MESSAGE(status == ASGC_OK, asgc_last_error());
    CHECK(seen > 0);
    CHECK(chosen == 1);
  }

  TEST_CASE("steps run in order, for any value of a run-time dim") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    REQUIRE_MESSAGE(program.status == ASGC_OK, asgc_last_error());
    REQUIRE(asgc_program_device(program) != nullptr);
    std::vector<float> w = {1, -2, 0.5, 8};
    std::copy(w.begin(), w.end(), weights(program));
    asgc_program_touch(program);
    for (int64_t n : {1000, 1, 7, 257, 0, 257})
      checkRun(program, n, w);
  }

  TEST_CASE("variables change on the device and come back") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    REQUIRE(program.status == ASGC_OK);
    std::vector<float> w = {1, 2, 3, 4};
    std::copy(w.begin(), w.end(), weights(program));
    asgc_program_touch(program);
    F32 x({4});
    const DLTensor *in[] = {&x.view};
    for (int step = 0; step < 3; ++step) {
      REQUIRE(asgc_program_run(program, "train", in, 1, nullptr, 0) == ASGC_OK);
      for (float &value : w)
        value *= 3;
    }
    checkRun(program, 9, w);
    const float *now = weights(program);
    CHECK(std::vector<float>(now, now + 4) == w);
    // One is changed from outside, between runs.
    weights(program)[2] = w[2] = 5;
    asgc_program_touch(program);
    checkRun(program, 9, w);
  }

  TEST_CASE("a poisoned arena does not change a bit") {
    Sample sample;
    asgc_options options = onVulkan();
    options.poison = 1;
    Program program(sample.desc, options);
    REQUIRE(program.status == ASGC_OK);
    checkRun(program, 100, {0, 0, 0, 0});
  }

  TEST_CASE("a profile counts the calls of each kernel") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    REQUIRE(program.status == ASGC_OK);
    asgc_program_profile(program, 1);
    checkRun(program, 1000, {0, 0, 0, 0});
    checkRun(program, 1000, {0, 0, 0, 0});
    asgc_profile_entry entry;
    REQUIRE(asgc_program_profile_entry(program, 1, &entry) == ASGC_OK);
    CHECK(entry.calls == 2);
    CHECK(entry.seconds >= 0);
    REQUIRE(asgc_program_profile_entry(program, 2, &entry) == ASGC_OK);
    CHECK(entry.calls == 0);
  }

  TEST_CASE("too little memory names what is needed and what is there") {
    Sample sample;
    asgc_options options = onVulkan();
    options.device_memory = 1000;
    Program program(sample.desc, options);
    CHECK(program.status == ASGC_OUT_OF_MEMORY);
    std::string sentence = asgc_last_error();
    CHECK(sentence.find("'sample' needs ") == 0);
    CHECK(sentence.find(" has 1000 that it may use") != std::string::npos);
  }

  TEST_CASE("an arena beyond what the device can give is refused") {
    Sample sample;
    sample.entries[0].arena_bytes = int64_t(1) << 50;
    Program program(sample.desc, onVulkan());
    CHECK(program.status == ASGC_OUT_OF_MEMORY);
  }

  TEST_CASE("a program without code for the device is refused") {
    Sample sample;
    sample.desc.vulkan = nullptr;
    Program program(sample.desc, onVulkan());
    CHECK(program.status == ASGC_UNSUPPORTED);
    CHECK(std::string(asgc_last_error()) ==
          "'sample' was not compiled for Vulkan");
  }

  TEST_CASE("a shader that fails to build is a status with a sentence") {
    Sample sample;
    uint32_t words[5] = {0x07230203, 0x00010500, 0, 1, 0};
    sample.shaders[0].words = words;
    sample.shaders[0].num_words = 0;
    Program program(sample.desc, onVulkan());
    CHECK(program.status != ASGC_OK);
    CHECK(std::strlen(asgc_last_error()) > 0);
  }

  TEST_CASE("ASGC_DEVICE chooses where nothing else does") {
    Sample sample;
    setenv("ASGC_DEVICE", "vulkan", 1);
    Program program(sample.desc);
    CHECK(program.status == ASGC_OK);
    CHECK(asgc_program_device(program) != nullptr);
    setenv("ASGC_DEVICE", "gpu", 1);
    Program wrong(sample.desc);
    CHECK(wrong.status == ASGC_INVALID_ARGUMENT);
    CHECK(std::string(asgc_last_error()) ==
          "ASGC_DEVICE: expected cpu, vulkan or auto, got 'gpu'");
    unsetenv("ASGC_DEVICE");
  }

  TEST_CASE("two programs share the device") {
    Sample sample;
    Program first(sample.desc, onVulkan()), second(sample.desc, onVulkan());
    weights(first)[0] = 1;
    asgc_program_touch(first);
    checkRun(first, 4, {1, 0, 0, 0});
    checkRun(second, 4, {0, 0, 0, 0});
  }
}

// Last: the loader reads the environment when it makes an instance.
TEST_SUITE("vulkan without a driver") {
  TEST_CASE("no driver is a status with a sentence") {
    const char *drivers[] = {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"};
    for (const char *name : drivers)
      setenv(name, "/nonexistent.json", 1);
    Sample sample;
    Program program(sample.desc, onVulkan());
    CHECK(program.status == ASGC_NO_DEVICE);
    CHECK(std::strlen(asgc_last_error()) > 0);
    CHECK(asgc_vulkan_devices([](void *, const asgc_vulkan_device *) {},
                              nullptr) == ASGC_NO_DEVICE);
    for (const char *name : drivers)
      unsetenv(name);
  }
}
