//===- TensorTest.cpp - Tensors that stay on a Vulkan device --------------===//
#include "VulkanSample.h"

using namespace asgc::test;

namespace {

constexpr DLDataType kF32 = {kDLFloat, 32, 1};

/// A tensor where a program computes.
struct DeviceTensor {
  DLManagedTensor *managed = nullptr;
  asgc_status status;

  DeviceTensor(asgc_program *program, std::vector<int64_t> shape,
               DLDataType type = kF32)
      : status(asgc_tensor_create(program, type, int32_t(shape.size()),
                                  shape.data(), &managed)) {}
  DeviceTensor(const DeviceTensor &) = delete;
  ~DeviceTensor() { asgc_tensor_destroy(managed); }
  DLTensor *view() const { return &managed->dl_tensor; }
};

asgc_status infer(asgc_program *program, const DLTensor *x, DLTensor *y) {
  return asgc_program_run(program, "infer", &x, 1, &y, 1);
}

std::vector<float> read(asgc_program *program, const DLTensor *from) {
  F32 host({from->shape[0]});
  REQUIRE_MESSAGE(asgc_tensor_copy(program, from, &host.view) == ASGC_OK,
                  asgc_program_error(program));
  return host.data;
}

void write(asgc_program *program, DLTensor *to,
           const std::vector<float> &values) {
  F32 host({int64_t(values.size())});
  host.data = values;
  host.view.data = host.data.data();
  REQUIRE_MESSAGE(asgc_tensor_copy(program, &host.view, to) == ASGC_OK,
                  asgc_program_error(program));
}

std::vector<float> ramp(int64_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i) - 3;
  return values;
}

/// y = 4 x + 3 w, as often as told.
std::vector<float> expected(std::vector<float> x, const std::vector<float> &w,
                            int times) {
  for (int t = 0; t < times; ++t)
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = 4 * x[i] + 3 * w[i % 4];
  return x;
}

} // namespace

TEST_SUITE("device tensors") {
  TEST_CASE("a new tensor is zero and lies on the device") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    REQUIRE_MESSAGE(program.status == ASGC_OK, asgc_last_error());
    DeviceTensor t(program, {257});
    REQUIRE_MESSAGE(t.status == ASGC_OK, program.error());
    CHECK(t.view()->device.device_type == kDLVulkan);
    CHECK(t.view()->shape[0] == 257);
    CHECK(read(program, t.view()) == std::vector<float>(257));
  }

  TEST_CASE("inputs and outputs may each lie on either side") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    const std::vector<float> w = {1, -2, 0.5, 8};
    std::copy(w.begin(), w.end(), weights(program));
    asgc_program_touch(program);
    for (int64_t n : {1000, 1, 257, 1000}) {
      CAPTURE(n);
      DeviceTensor x(program, {n}), y(program, {n});
      write(program, x.view(), ramp(n));
      const auto want = expected(ramp(n), w, 1);
      F32 hostX({n}), hostY({n});
      hostX.data = ramp(n);
      hostX.view.data = hostX.data.data();
      REQUIRE(infer(program, x.view(), y.view()) == ASGC_OK);
      CHECK(read(program, y.view()) == want);
      REQUIRE(infer(program, x.view(), &hostY.view) == ASGC_OK);
      CHECK(hostY.data == want);
      write(program, y.view(), std::vector<float>(size_t(n)));
      REQUIRE(infer(program, &hostX.view, y.view()) == ASGC_OK);
      // The call has read the input, though the run may not have ended.
      std::fill(hostX.data.begin(), hostX.data.end(), -77.0f);
      CHECK(read(program, y.view()) == want);
    }
  }

  TEST_CASE("outputs become the next step's inputs, in order") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    const std::vector<float> w = {1, -2, 0.5, 8};
    std::copy(w.begin(), w.end(), weights(program));
    asgc_program_touch(program);
    DeviceTensor a(program, {700}), b(program, {700});
    write(program, a.view(), ramp(700));
    const DLTensor *from = a.view();
    DLTensor *to = b.view();
    for (int step = 0; step < 6; ++step) {
      REQUIRE(infer(program, from, to) == ASGC_OK);
      from = to;
      to = to == b.view() ? a.view() : b.view();
    }
    REQUIRE(asgc_program_wait(program) == ASGC_OK);
    CHECK(read(program, a.view()) == expected(ramp(700), w, 6));
  }

  TEST_CASE("more tensors than recordings are kept") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    const std::vector<float> w = {2, 0, -1, 4};
    std::copy(w.begin(), w.end(), weights(program));
    asgc_program_touch(program);
    std::vector<std::unique_ptr<DeviceTensor>> chain;
    for (int i = 0; i <= 20; ++i)
      chain.push_back(
          std::make_unique<DeviceTensor>(program, std::vector<int64_t>{5}));
    for (int round = 0; round < 2; ++round) {
      write(program, chain[0]->view(), ramp(5));
      for (int i = 0; i < 20; ++i)
        REQUIRE(infer(program, chain[size_t(i)]->view(),
                      chain[size_t(i) + 1]->view()) == ASGC_OK);
      CHECK(read(program, chain[20]->view()) == expected(ramp(5), w, 20));
    }
  }

  TEST_CASE("two steps with inputs of the processor do not mix them up") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    std::vector<std::unique_ptr<DeviceTensor>> results;
    F32 x({999});
    for (int step = 0; step < 6; ++step) {
      std::fill(x.data.begin(), x.data.end(), float(step));
      results.push_back(
          std::make_unique<DeviceTensor>(program, std::vector<int64_t>{999}));
      REQUIRE(infer(program, &x.view, results.back()->view()) == ASGC_OK);
    }
    for (int step = 0; step < 6; ++step)
      CHECK(read(program, results[size_t(step)]->view()) ==
            std::vector<float>(999, 4.0f * float(step)));
  }

  TEST_CASE("variables change in order with runs that are under way") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    std::fill_n(weights(program), 4, 1.0f);
    asgc_program_touch(program);
    DeviceTensor x(program, {4}), y(program, {4});
    const DLTensor *in = x.view();
    for (int step = 0; step < 5; ++step)
      REQUIRE(asgc_program_run(program, "train", &in, 1, nullptr, 0) ==
              ASGC_OK);
    REQUIRE(infer(program, x.view(), y.view()) == ASGC_OK);
    CHECK(read(program, y.view()) == std::vector<float>(4, 3 * 243.0f));
    CHECK(weights(program)[2] == 243.0f);
  }

  TEST_CASE("programs of one device share tensors, which outlive them") {
    Sample sample;
    auto first = std::make_unique<Program>(sample.desc, onVulkan());
    DeviceTensor x(*first, {8}), y(*first, {8});
    write(*first, x.view(), ramp(8));
    Program second(sample.desc, onVulkan());
    REQUIRE(infer(*first, x.view(), y.view()) == ASGC_OK);
    first.reset();
    REQUIRE(infer(second, y.view(), x.view()) == ASGC_OK);
    CHECK(read(second, x.view()) == expected(ramp(8), {0, 0, 0, 0}, 2));
  }

  TEST_CASE("copies within the device, and of part of a tensor") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    DeviceTensor a(program, {100}), b(program, {100});
    write(program, a.view(), ramp(100));
    REQUIRE(asgc_tensor_copy(program, a.view(), b.view()) == ASGC_OK);
    CHECK(read(program, b.view()) == ramp(100));
    DLTensor tail = *b.view();
    int64_t shape[1] = {40};
    tail.shape = shape;
    tail.byte_offset = 60 * sizeof(float);
    const auto want = ramp(100);
    CHECK(read(program, &tail) ==
          std::vector<float>(want.begin() + 60, want.end()));
    shape[0] = 41; // one beyond the end
    F32 host({41});
    CHECK(asgc_tensor_copy(program, &tail, &host.view) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error().find("from: expected 164 bytes within a tensor of "
                               "the Vulkan device ") == 0);
  }

  TEST_CASE("tensors larger than the staging memory") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    const int64_t n = (int64_t(9) << 20) + 3; // 36 MiB
    DeviceTensor t(program, {n});
    write(program, t.view(), ramp(n));
    CHECK(read(program, t.view()) == ramp(n));
  }

  TEST_CASE("a tensor of nothing, and of one byte") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    DeviceTensor none(program, {0}), y(program, {0});
    REQUIRE(none.status == ASGC_OK);
    CHECK(read(program, none.view()).empty());
    CHECK(infer(program, none.view(), y.view()) == ASGC_OK);
    DeviceTensor byte(program, {1}, {kDLInt, 8, 1});
    CHECK(byte.status == ASGC_OK);
  }

  TEST_CASE("an address that no tensor holds is refused") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    DeviceTensor x(program, {16}), y(program, {16});
    DLTensor wrong = *x.view();
    std::vector<float> host(16);
    wrong.data = host.data();
    CHECK(infer(program, &wrong, y.view()) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error().find("input 'x': expected 64 bytes within a tensor "
                               "of the Vulkan device ") == 0);
    wrong = *y.view();
    wrong.byte_offset = 4;
    CHECK(infer(program, x.view(), &wrong) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error().find("output 'y': expected 64 bytes ") == 0);
    CHECK(infer(program, x.view(), x.view()) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "output 'y' overlaps input 'x'");
    DeviceTensor longer(program, {20});
    int64_t shape[1] = {16};
    wrong = *longer.view();
    wrong.shape = shape;
    wrong.byte_offset = 16;
    CHECK(infer(program, &wrong, y.view()) == ASGC_OK);
    wrong.byte_offset = 4;
    CHECK(infer(program, &wrong, y.view()) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "input 'x': expected data of the device aligned "
                             "to 16 bytes, got an address that is not");
  }

  TEST_CASE("a tensor of another kind of device is refused") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    DeviceTensor x(program, {16}), y(program, {16});
    DLTensor wrong = *x.view();
    wrong.device = {kDLCUDA, 0};
    CHECK(infer(program, &wrong, y.view()) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error() ==
          "input 'x': expected a tensor on the CPU or of the program's Vulkan "
          "device, got device type 2");
    CHECK(asgc_tensor_copy(program, &wrong, y.view()) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error() ==
          "from: expected a tensor on the CPU or of the program's Vulkan "
          "device, got device type 2");
  }

  TEST_CASE("a program of the CPU makes tensors there and takes no others") {
    Sample sample;
    sample.desc.vulkan = nullptr;
    for (asgc_entry_desc &entry : sample.entries)
      entry.run = [](asgc_frame *frame) -> int32_t {
        if (frame->inputs[0] && frame->outputs)
          std::memcpy(frame->outputs[0], frame->inputs[0],
                      size_t(frame->dims[0]) * sizeof(float));
        return 0;
      };
    Program program(sample.desc);
    REQUIRE_MESSAGE(program.status == ASGC_OK, asgc_last_error());
    DeviceTensor x(program, {9}), y(program, {9});
    REQUIRE(x.status == ASGC_OK);
    CHECK(x.view()->device.device_type == kDLCPU);
    write(program, x.view(), ramp(9));
    REQUIRE(infer(program, x.view(), y.view()) == ASGC_OK);
    REQUIRE(asgc_program_wait(program) == ASGC_OK);
    CHECK(read(program, y.view()) == ramp(9));

    Sample other;
    Program onDevice(other.desc, onVulkan());
    DeviceTensor far(onDevice, {9});
    CHECK(infer(program, far.view(), y.view()) == ASGC_INVALID_ARGUMENT);
    CHECK(program.error() ==
          "input 'x': expected a tensor on the CPU, got device type 7");
    CHECK(asgc_tensor_copy(program, far.view(), y.view()) ==
          ASGC_INVALID_ARGUMENT);
  }

  TEST_CASE("shapes and types that cannot be are refused") {
    Sample sample;
    Program program(sample.desc, onVulkan());
    CHECK(DeviceTensor(program, {3, -1}).status == ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "there is no tensor f32[3, -1]");
    CHECK(DeviceTensor(program, {int64_t(1) << 40, int64_t(1) << 40}).status ==
          ASGC_INVALID_ARGUMENT);
    CHECK(DeviceTensor(program, {3}, {kDLComplex, 64, 1}).status ==
          ASGC_INVALID_ARGUMENT);
    CHECK(DeviceTensor(program, {int64_t(1) << 48}).status ==
          ASGC_OUT_OF_MEMORY);
    DeviceTensor a(program, {3}), b(program, {4});
    CHECK(asgc_tensor_copy(program, a.view(), b.view()) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "to: expected f32[3], got f32[4]");
    DLTensor strided = *a.view();
    int64_t strides[1] = {2};
    strided.strides = strides;
    CHECK(asgc_tensor_copy(program, &strided, a.view()) ==
          ASGC_INVALID_ARGUMENT);
  }

  TEST_CASE("a lost device is a status, and a new program works") {
    Sample sample;
    setenv("ASGC_VULKAN_LOSE", "3", 1);
    Program program(sample.desc, onVulkan());
    unsetenv("ASGC_VULKAN_LOSE");
    REQUIRE(program.status == ASGC_OK);
    DeviceTensor x(program, {16}), y(program, {16});
    CHECK(infer(program, x.view(), y.view()) == ASGC_OK);
    CHECK(infer(program, x.view(), y.view()) == ASGC_OK);
    CHECK(infer(program, x.view(), y.view()) == ASGC_DEVICE_LOST);
    CHECK(program.error().find(" was lost while running a step; make the "
                               "program anew") != std::string::npos);
    // Everything that still needs the device says so.
    CHECK(infer(program, x.view(), y.view()) == ASGC_DEVICE_LOST);
    CHECK(asgc_program_wait(program) == ASGC_DEVICE_LOST);
    F32 host({16});
    CHECK(asgc_tensor_copy(program, x.view(), &host.view) == ASGC_DEVICE_LOST);
    Program anew(sample.desc, onVulkan());
    REQUIRE(anew.status == ASGC_OK);
    DeviceTensor u(anew, {16}), v(anew, {16});
    CHECK(infer(anew, u.view(), v.view()) == ASGC_OK);
    CHECK(read(anew, v.view()) == std::vector<float>(16));
    // Tensors of the lost device are none of the new one's.
    CHECK(infer(anew, x.view(), v.view()) == ASGC_INVALID_ARGUMENT);
  }

  TEST_CASE("ASGC_DEVICE_AUTO says why it came to the CPU") {
    Sample sample;
    for (asgc_entry_desc &entry : sample.entries)
      entry.run = [](asgc_frame *) -> int32_t { return 0; };
    asgc_options options{};
    options.device = ASGC_DEVICE_AUTO;
    {
      Program program(sample.desc, options);
      REQUIRE(program.status == ASGC_OK);
      CHECK(asgc_program_device(program) != nullptr);
      CHECK(std::string(asgc_program_fallback(program)).empty());
    }
    options.device_memory = 1000;
    Program small(sample.desc, options);
    REQUIRE(small.status == ASGC_OK);
    CHECK(asgc_program_device(small) == nullptr);
    CHECK(std::string(asgc_program_fallback(small)).find("'sample' needs ") ==
          0);
    sample.desc.vulkan = nullptr;
    Program without(sample.desc, options);
    REQUIRE(without.status == ASGC_OK);
    CHECK(std::string(asgc_program_fallback(without)) ==
          "'sample' was not compiled for Vulkan");
  }
}
