//===- VulkanTest.cpp - Programs on a Vulkan device -----------------------===//
#include "VulkanSample.h"

using namespace asgc::test;

namespace {

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
    CHECK(y.data[size_t(i)] == 4 * x.data[size_t(i)] + 3 * w[size_t(i) % 4]);
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

  TEST_CASE("memory of the whole process is counted") {
    Sample sample;
    asgc_options options = onVulkan();
    int64_t needed = 0;
    {
      options.device_memory = 1000;
      Program program(sample.desc, options);
      std::string sentence = asgc_last_error();
      needed = std::stoll(sentence.substr(sentence.find(" needs ") + 7));
    }
    // Room for a program, and for a tensor besides.
    const int64_t limit = options.device_memory = needed + 1000;
    Program program(sample.desc, options);
    REQUIRE_MESSAGE(program.status == ASGC_OK, std::string(asgc_last_error()));
    checkRun(program, 9, {0, 0, 0, 0}); // it has taken what it needs
    const DLDataType f32 = {kDLFloat, 32, 1};
    DLManagedTensor *tensor = nullptr, *more = nullptr;
    auto refuse = [&](int64_t count) {
      CHECK(asgc_tensor_create(program, f32, 1, &count, &more) ==
            ASGC_OUT_OF_MEMORY);
      std::string sentence = asgc_program_error(program);
      const std::string start =
          "a tensor needs " + std::to_string(4 * count) + " bytes of memory";
      CHECK(sentence.substr(0, start.size()) == start);
      const std::string may = " that it may use, of which ";
      const size_t at = sentence.find(std::to_string(limit) + may);
      REQUIRE(at != std::string::npos);
      return std::stoll(
          sentence.substr(at + std::to_string(limit).size() + may.size()));
    };
    const int64_t taken = refuse(limit / 4), one[1] = {1};
    CHECK(taken <= needed);
    CHECK(taken > needed - 4096);
    const int64_t rest[1] = {(limit - taken) / 4};
    REQUIRE(asgc_tensor_create(program, f32, 1, rest, &tensor) == ASGC_OK);
    CHECK(refuse(1) == taken + 4 * rest[0]);
    {
      Program other(sample.desc, options);
      CHECK(other.status == ASGC_OUT_OF_MEMORY);
    }
    asgc_tensor_destroy(tensor);
    REQUIRE(asgc_tensor_create(program, f32, 1, one, &more) == ASGC_OK);
    asgc_tensor_destroy(more);
  }

  TEST_CASE("an arena of several blocks") {
    // In the second block, in the last bytes of the first, and at a border.
    for (int64_t place : {6144, 4092, 4096, 8192}) {
      CAPTURE(place);
      Sample sample;
      const int64_t n = place == 4092 ? 1 : 500;
      const int64_t blocks[] = {0, 4096, 8192};
      sample.vulkan.arena_blocks = blocks;
      sample.vulkan.num_arena_blocks = 3;
      sample.first[2].offset = sample.second[0].offset = place;
      sample.entries[0].arena_bytes = std::max(place + 4 * n, int64_t(8448));
      for (int32_t poison : {0, 1}) {
        asgc_options options = onVulkan();
        options.poison = poison;
        Program program(sample.desc, options);
        REQUIRE_MESSAGE(program.status == ASGC_OK,
                        std::string(asgc_last_error()));
        checkRun(program, n, {0, 0, 0, 0});
      }
    }
  }

  TEST_CASE("variables in several blocks") {
    Sample sample;
    sample.vulkan.block_bytes = 1024;
    // One that fills a block, one that is more than a block, and one that is
    // used.
    asgc_dim full[1] = {256}, large[1] = {300};
    asgc_variable_desc variables[3] = {
        {{"full", full, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0},
        {{"large", large, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0},
        sample.w};
    sample.desc.variables = variables;
    sample.desc.num_variables = 3;
    for (asgc_place *place :
         {&sample.first[1], &sample.second[1], &sample.update[0],
          &sample.update[1], &sample.update[2]})
      place->index = 2;
    Program program(sample.desc, onVulkan());
    REQUIRE_MESSAGE(program.status == ASGC_OK, std::string(asgc_last_error()));
    for (const char *name : {"full", "large"}) {
      DLTensor view;
      REQUIRE(asgc_program_variable(program, name, &view) == ASGC_OK);
      std::fill_n(static_cast<float *>(view.data), view.shape[0], 7.0f);
    }
    std::vector<float> w = {1, 2, 3, 4};
    std::copy(w.begin(), w.end(), weights(program));
    asgc_program_touch(program);
    checkRun(program, 9, w);
    F32 x({4});
    const DLTensor *in[] = {&x.view};
    REQUIRE(asgc_program_run(program, "train", in, 1, nullptr, 0) == ASGC_OK);
    CHECK(weights(program)[3] == 12);
    DLTensor view;
    REQUIRE(asgc_program_variable(program, "large", &view) == ASGC_OK);
    CHECK(static_cast<float *>(view.data)[299] == 7);
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
    sample.shaders[0].num_bytes /= 2;
    Program program(sample.desc, onVulkan());
    CHECK(program.status != ASGC_OK);
    CHECK(
        std::string(asgc_last_error()).find("building shader 0 of 'sample'") !=
        std::string::npos);
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
