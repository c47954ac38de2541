//===- ProgramTest.cpp - Life of a program, binding of tensors ------------===//
#include "Samples.h"
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>

using namespace asgc::test;

namespace {

/// y[i, j] = weight[j] * x[i, j], task = row.
void scaleRows(void *const *args, const int64_t *dims, int64_t begin,
               int64_t end, void *scratch) {
  auto *x = static_cast<const float *>(args[0]);
  auto *weight = static_cast<const float *>(args[1]);
  auto *y = static_cast<float *>(args[2]);
  auto *row = static_cast<float *>(scratch);
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t j = 0; j < 4; ++j)
      row[j] = weight[j];
    for (int64_t j = 0; j < 4; ++j)
      y[i * 4 + j] = row[j] * x[i * 4 + j];
  }
}

int32_t runScale(asgc_frame *frame) {
  // Through the arena, as a compiled program would.
  void *args[] = {frame->inputs[0], frame->variables[0], frame->arena};
  if (int32_t status = asgc_rt_parallel(frame, 0, args, frame->dims[0], 1))
    return status;
  if (frame->dims[1] > 0)
    std::memcpy(frame->outputs[0], frame->arena,
                size_t(frame->dims[1]) * sizeof(float));
  return 0;
}

/// weight += 1, step += 1
int32_t runBump(asgc_frame *frame) {
  for (int i = 0; i < 4; ++i)
    static_cast<float *>(frame->variables[0])[i] += 1;
  ++*static_cast<int64_t *>(frame->variables[1]);
  return 0;
}

int32_t runPair(asgc_frame *) { return 0; }
int32_t runFailing(asgc_frame *) { return ASGC_OUT_OF_MEMORY; }

/// The first element of the arena as it was before the run.
int32_t runPeek(asgc_frame *frame) {
  std::memcpy(frame->outputs[0], frame->arena, sizeof(float));
  return 0;
}

void evalDims(int64_t *dims) { dims[1] = dims[0] * 4; }

const asgc_dim batchBy4[] = {-1, 4};
const asgc_dim just4[] = {4};
const asgc_dim batchOnly[] = {-1};
const asgc_dim batchTimes4[] = {-2};

const asgc_tensor_desc scaleInputs[] = {{"image", batchBy4, 2, ASGC_F32}};
const asgc_tensor_desc scaleOutputs[] = {{"output", batchBy4, 2, ASGC_F32}};
const asgc_tensor_desc pairInputs[] = {{"image", batchBy4, 2, ASGC_F32},
                                       {"label", batchOnly, 1, ASGC_I64},
                                       {"flat", batchTimes4, 1, ASGC_BOOL}};
const asgc_tensor_desc scalarOutput[] = {{"value", nullptr, 0, ASGC_F32}};

const asgc_entry_desc entries[] = {
    {"infer", scaleInputs, scaleOutputs, 1, 1, 4096, 0, 0, runScale},
    {"bump", nullptr, nullptr, 0, 0, 0, 1, 0, runBump},
    {"init", nullptr, nullptr, 0, 0, 0, 1, 0, runBump},
    {"pair", pairInputs, nullptr, 3, 0, 0, 0, 0, runPair},
    {"broken", nullptr, nullptr, 0, 0, 0, 0, 0, runFailing},
    {"peek", nullptr, scalarOutput, 0, 1, 64, 0, 0, runPeek},
    {"scale_in_place", scaleInputs, scaleOutputs, 1, 1, 4096, 1, 0, runScale},
};

const asgc_variable_desc variables[] = {
    {{"weight", just4, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0},
    {{"step", nullptr, 0, ASGC_I64}, ASGC_ROLE_STEP, 0},
    {{"seed", nullptr, 0, ASGC_I64}, ASGC_ROLE_SEED, 0},
};

const asgc_kernel_desc kernels[] = {{"scale", {scaleRows, nullptr}, 64}};
const char *const symbols[] = {"batch"};
const int64_t bounds[] = {256};

asgc_program_desc sample() {
  asgc_program_desc desc{};
  desc.abi_version = ASGC_ABI_VERSION;
  desc.num_entries = int32_t(std::size(entries));
  desc.name = "sample";
  desc.entries = entries;
  desc.variables = variables;
  desc.kernels = kernels;
  desc.num_variables = 3;
  desc.num_kernels = 1;
  desc.symbols = symbols;
  desc.symbol_bounds = bounds;
  desc.num_symbols = 1;
  desc.num_dims = 2;
  desc.eval_dims = evalDims;
  return desc;
}

const asgc_program_desc desc = sample();

asgc_status runOne(asgc_program *program, const char *entry,
                   const DLTensor *input, DLTensor *output) {
  return asgc_program_run(program, entry, &input, 1, &output, 1);
}

/// The sentence for running `infer` on `input`.
std::string refusal(const DLTensor &input) {
  Program program(desc);
  F32 output({3, 4});
  CHECK(runOne(program, "infer", &input, &output.view) ==
        ASGC_INVALID_ARGUMENT);
  CHECK(program.error() == asgc_last_error());
  return program.error();
}

void setWeight(asgc_program *program, float value) {
  DLTensor weight;
  REQUIRE(asgc_program_variable(program, "weight", &weight) == ASGC_OK);
  for (int i = 0; i < 4; ++i)
    static_cast<float *>(weight.data)[i] = value;
  asgc_program_touch(program);
}

} // namespace

TEST_SUITE("program") {
  TEST_CASE("runs an entry for any batch up to its bound") {
    for (int threads : {1, 2, 4}) {
      Program program(desc, {.threads = threads});
      REQUIRE(program.status == ASGC_OK);
      setWeight(program, 3);
      for (int64_t batch : {0, 1, 5, 256}) {
        F32 input({batch, 4}), output({batch, 4});
        for (size_t i = 0; i < input.data.size(); ++i)
          input.data[i] = float(i);
        REQUIRE(runOne(program, "infer", &input.view, &output.view) == ASGC_OK);
        for (size_t i = 0; i < input.data.size(); ++i)
          REQUIRE(output.data[i] == 3 * float(i));
      }
    }
  }

  TEST_CASE("variables begin at zero, aligned, and keep what entries assign") {
    Program program(desc);
    DLTensor weight, step;
    REQUIRE(asgc_program_variable(program, "weight", &weight) == ASGC_OK);
    REQUIRE(asgc_program_variable(program, "step", &step) == ASGC_OK);
    CHECK(reinterpret_cast<uintptr_t>(weight.data) % 64 == 0);
    CHECK(weight.ndim == 1);
    CHECK(weight.shape[0] == 4);
    CHECK(step.ndim == 0);
    CHECK(static_cast<float *>(weight.data)[3] == 0);
    REQUIRE(asgc_program_run(program, "bump", nullptr, 0, nullptr, 0) ==
            ASGC_OK);
    CHECK(static_cast<float *>(weight.data)[3] == 1);
    CHECK(*static_cast<int64_t *>(step.data) == 1);
  }

  TEST_CASE("init sets the seed and the step") {
    Program program(desc);
    DLTensor step, seed;
    REQUIRE(asgc_program_variable(program, "step", &step) == ASGC_OK);
    REQUIRE(asgc_program_variable(program, "seed", &seed) == ASGC_OK);
    *static_cast<int64_t *>(step.data) = 9;
    REQUIRE(asgc_program_init(program, 7) == ASGC_OK);
    CHECK(*static_cast<int64_t *>(seed.data) == 7);
    CHECK(*static_cast<int64_t *>(step.data) == 1); // 0, then runBump
  }

  TEST_CASE("names the entries there are") {
    Program program(desc);
    CHECK(asgc_program_run(program, "train", nullptr, 0, nullptr, 0) ==
          ASGC_NOT_FOUND);
    CHECK(program.error() ==
          "'sample' has no entry 'train', only infer, bump, init, pair, "
          "broken, peek, scale_in_place");
    CHECK(asgc_program_run(program, nullptr, nullptr, 0, nullptr, 0) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(asgc_program_run(nullptr, "infer", nullptr, 0, nullptr, 0) ==
          ASGC_INVALID_ARGUMENT);
    DLTensor tensor;
    CHECK(asgc_program_variable(program, "bias", &tensor) == ASGC_NOT_FOUND);
    CHECK(program.error() == "'sample' has no variable 'bias'");
  }

  TEST_CASE("a failing entry gives its status and a sentence") {
    Program program(desc);
    CHECK(asgc_program_run(program, "broken", nullptr, 0, nullptr, 0) ==
          ASGC_OUT_OF_MEMORY);
    CHECK(program.error() == "entry 'broken' failed with status 3");
  }

  TEST_CASE("refuses what it cannot run") {
    asgc_program *program = nullptr;
    CHECK(asgc_program_create(nullptr, nullptr, &program) ==
          ASGC_INVALID_ARGUMENT);
    asgc_program_desc other = sample();
    other.abi_version = 99;
    CHECK(asgc_program_create(&other, nullptr, &program) == ASGC_UNSUPPORTED);
    CHECK(std::string(asgc_last_error()) ==
          "the program was compiled for runtime ABI 99, this runtime has " +
              std::to_string(ASGC_ABI_VERSION));
    other = sample();
    const asgc_dim huge[] = {int64_t(1) << 40, int64_t(1) << 40};
    const asgc_variable_desc variable = {
        {"huge", huge, 2, ASGC_F32}, ASGC_ROLE_PARAM, 0};
    other.variables = &variable;
    other.num_variables = 1;
    CHECK(asgc_program_create(&other, nullptr, &program) ==
          ASGC_INVALID_ARGUMENT);
    const asgc_dim large[] = {int64_t(1) << 45};
    const asgc_variable_desc large_variable = {
        {"large", large, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0};
    other.variables = &large_variable;
    CHECK(asgc_program_create(&other, nullptr, &program) == ASGC_OUT_OF_MEMORY);
    CHECK(program == nullptr);
    asgc_options options{.isa = 7};
    CHECK(asgc_program_create(&desc, &options, &program) ==
          ASGC_INVALID_ARGUMENT);
    asgc_program_destroy(nullptr);
  }

  TEST_CASE("a kernel without a form for this CPU is named") {
    asgc_program_desc other = sample();
    const asgc_kernel_desc kernel = {"wide", {nullptr, scaleRows}, 0};
    other.kernels = &kernel;
    asgc_program *program = nullptr;
    asgc_options options{.isa = 1 + ASGC_ISA_AVX2};
    CHECK(asgc_program_create(&other, &options, &program) == ASGC_UNSUPPORTED);
    CHECK(std::string(asgc_last_error()) ==
          "kernel 'wide' was not compiled for avx2");
  }

  TEST_CASE("poison fills the arena with NaN before each run") {
    for (int poison : {0, 1}) {
      Program program(desc, {.poison = poison});
      F32 value({});
      DLTensor *output = &value.view;
      REQUIRE(asgc_program_run(program, "peek", nullptr, 0, &output, 1) ==
              ASGC_OK);
      CHECK(std::isnan(value.data[0]) == (poison == 1));
    }
  }

  TEST_CASE("the profile counts calls while it is on") {
    Program program(desc);
    F32 input({2, 4}), output({2, 4});
    asgc_profile_entry line;
    CHECK(asgc_program_num_kernels(program) == 1);
    runOne(program, "infer", &input.view, &output.view);
    REQUIRE(asgc_program_profile_entry(program, 0, &line) == ASGC_OK);
    CHECK(line.calls == 0);
    asgc_program_profile(program, 1);
    runOne(program, "infer", &input.view, &output.view);
    runOne(program, "infer", &input.view, &output.view);
    REQUIRE(asgc_program_profile_entry(program, 0, &line) == ASGC_OK);
    CHECK(line.calls == 2);
    CHECK(line.seconds > 0);
    CHECK(std::string(line.name) == "scale");
    CHECK(asgc_program_profile_entry(program, 1, &line) == ASGC_NOT_FOUND);
  }
}

TEST_SUITE("tensor binding") {
  TEST_CASE("a wrong extent shows both shapes and the bound") {
    F32 input({3, 63});
    CHECK(refusal(input.view) ==
          "input 'image': expected f32[batch <= 256, 4], got f32[3, 63]");
    F32 many({257, 4});
    CHECK(refusal(many.view) ==
          "input 'image': expected f32[batch <= 256, 4], got f32[257, 4]");
  }

  TEST_CASE("a wrong rank, type, device or stride") {
    F32 flat({12});
    CHECK(refusal(flat.view) ==
          "input 'image': expected f32[batch <= 256, 4], got f32[12]");
    F32 input({3, 4});
    input.view.dtype = {kDLInt, 32, 1};
    CHECK(refusal(input.view) ==
          "input 'image': expected f32[batch <= 256, 4], got i32[3, 4]");
    input.view.dtype = {kDLFloat, 32, 4};
    CHECK(refusal(input.view) ==
          "input 'image': expected f32[batch <= 256, 4], got f32x4[3, 4]");
    input.view.dtype = {kDLFloat, 32, 1};
    input.view.device = {kDLCUDA, 0};
    CHECK(refusal(input.view) ==
          "input 'image': expected a tensor on the CPU, got device type 2");
    input.view.device = {kDLCPU, 0};
    int64_t strides[] = {1, 3};
    input.view.strides = strides;
    CHECK(refusal(input.view) == "input 'image': expected contiguous data, "
                                 "got f32[3, 4] with strides [1, 3]");
  }

  TEST_CASE("negative ndim, null shape, null data, null tensor") {
    F32 input({3, 4});
    input.view.ndim = -1;
    CHECK(refusal(input.view) ==
          "input 'image': expected f32[batch <= 256, 4], got ndim -1");
    input.view.ndim = 2;
    input.view.shape = nullptr;
    CHECK(refusal(input.view) == "input 'image': expected f32[batch <= 256, "
                                 "4], got ndim 2 with a null shape");
    F32 other({3, 4});
    other.view.data = nullptr;
    CHECK(refusal(other.view) == "input 'image': got f32[3, 4] without data");
    F32 negative({3, 4});
    negative.shape[0] = -3;
    CHECK(refusal(negative.view) ==
          "input 'image': expected f32[batch <= 256, 4], got f32[-3, 4]");
    Program program(desc);
    CHECK(asgc_program_run(program, "infer", nullptr, 1, nullptr, 1) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() ==
          "input 'image': expected f32[batch <= 256, 4], got a null tensor");
    const DLTensor *in = &negative.view;
    CHECK(asgc_program_run(program, "infer", &in, 2, nullptr, 0) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "entry 'infer' has 1 input, got 2");
  }

  TEST_CASE("byte_offset is honoured, down to the alignment of an element") {
    Program program(desc);
    setWeight(program, 1);
    F32 input({3, 4}), output({2, 4});
    for (size_t i = 0; i < input.data.size(); ++i)
      input.data[i] = float(i);
    input.shape[0] = 2;
    input.view.byte_offset = 16;
    REQUIRE(runOne(program, "infer", &input.view, &output.view) == ASGC_OK);
    CHECK(output.data[0] == 4);
    CHECK(output.data[7] == 11);
    input.view.byte_offset = 2;
    CHECK(runOne(program, "infer", &input.view, &output.view) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "input 'image': expected data aligned to 4 "
                             "bytes, got an address that is not");
  }

  TEST_CASE("strides that mean contiguous are taken") {
    Program program(desc);
    F32 input({1, 4}), output({1, 4});
    int64_t strides[] = {77, 1}; // the stride of an extent of 1 means nothing
    input.view.strides = strides;
    CHECK(runOne(program, "infer", &input.view, &output.view) == ASGC_OK);
  }

  TEST_CASE("a symbol of two inputs must agree, and the sentence says where "
            "it came from") {
    Program program(desc);
    F32 image({3, 4});
    Tensor<int64_t> label({4}, {kDLInt, 64, 1});
    Tensor<uint8_t> flat({12}, {kDLUInt, 8, 1});
    const DLTensor *inputs[] = {&image.view, &label.view, &flat.view};
    CHECK(asgc_program_run(program, "pair", inputs, 3, nullptr, 0) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "input 'label': expected i64[batch] with batch = "
                             "3 (from input 'image'), got i64[4]");
    label.shape[0] = 3;
    CHECK(asgc_program_run(program, "pair", inputs, 3, nullptr, 0) == ASGC_OK);
    flat.shape[0] = 11; // an expression: batch * 4
    CHECK(asgc_program_run(program, "pair", inputs, 3, nullptr, 0) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "input 'flat': expected bool[12], got u8[11]");
  }

  TEST_CASE("outputs have the shape that the inputs lead to") {
    Program program(desc);
    F32 input({3, 4}), output({2, 4});
    CHECK(runOne(program, "infer", &input.view, &output.view) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() ==
          "output 'output': expected f32[batch, 4] with batch = 3 (from input "
          "'image'), got f32[2, 4]");
  }

  TEST_CASE("outputs share memory with nothing") {
    Program program(desc);
    F32 input({4, 4});
    DLTensor output = input.view;
    CHECK(runOne(program, "infer", &input.view, &output) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() == "output 'output' overlaps input 'image'");
    DLTensor weight;
    REQUIRE(asgc_program_variable(program, "weight", &weight) == ASGC_OK);
    int64_t shape[] = {1, 4};
    weight.ndim = 2;
    weight.shape = shape;
    F32 row({1, 4});
    CHECK(runOne(program, "infer", &row.view, &weight) ==
          ASGC_INVALID_ARGUMENT);
    CHECK(program.error() ==
          "output 'output' overlaps the program's variables");
    CHECK(runOne(program, "infer", &weight, &row.view) == ASGC_OK);
    CHECK(runOne(program, "scale_in_place", &weight, &row.view) ==
          ASGC_INVALID_ARGUMENT);
  }
}
