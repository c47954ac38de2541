//===- RuntimeProgramTest.cpp - Compiled programs behind the interface ----===//
#include "asgc/Train.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace asgc;

// What a compiler would emit for
//   y[2 · batch, 3] = weight · x[batch, 3] twice, loss = sum(y)
namespace {
constexpr asgc_dim kBatch = -1, kTwice = -2;
const asgc_dim xDims[] = {kBatch, 3}, yDims[] = {kTwice, 3}, wDims[] = {1};
const asgc_tensor_desc inputs[] = {{"x", xDims, 2, ASGC_F32}};
const asgc_tensor_desc outputs[] = {{"y", yDims, 2, ASGC_F32},
                                    {"loss", nullptr, 0, ASGC_F32}};
const asgc_variable_desc variables[] = {
    {{"fc.weight", wDims, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0},
    {{"step", nullptr, 0, ASGC_I64}, ASGC_ROLE_STEP, 0},
    {{"seed", nullptr, 0, ASGC_I64}, ASGC_ROLE_SEED, 0}};

int32_t runInit(asgc_frame *frame) {
  *static_cast<float *>(frame->variables[0]) =
      float(*static_cast<int64_t *>(frame->variables[2]));
  return 0;
}

int32_t runStep(asgc_frame *frame) {
  const float *x = static_cast<const float *>(frame->inputs[0]);
  float *y = static_cast<float *>(frame->outputs[0]);
  float weight = *static_cast<float *>(frame->variables[0]), loss = 0;
  int64_t count = frame->dims[0] * 3;
  for (int64_t i = 0; i < 2 * count; ++i)
    loss += y[i] = weight * x[i % count];
  *static_cast<float *>(frame->outputs[1]) = loss;
  ++*static_cast<int64_t *>(frame->variables[1]);
  return 0;
}

const asgc_entry_desc entries[] = {
    {"init", nullptr, nullptr, 0, 0, 0, 1, 0, runInit},
    {"train_step", inputs, outputs, 1, 2, 0, 1, 0, runStep}};
const char *const symbols[] = {"batch"};
const int64_t bounds[] = {4};

const asgc_program_desc desc = [] {
  asgc_program_desc d{};
  d.abi_version = ASGC_ABI_VERSION;
  d.num_entries = 2;
  d.name = "twice";
  d.entries = entries;
  d.variables = variables;
  d.num_variables = 3;
  d.symbols = symbols;
  d.symbol_bounds = bounds;
  d.num_symbols = 1;
  d.num_dims = 2;
  d.eval_dims = [](int64_t *dims) { dims[1] = 2 * dims[0]; };
  return d;
}();
} // namespace

TEST_SUITE("runtime program") {
  TEST_CASE("ports, variables, shapes and runs") {
    asgc_program *raw = nullptr;
    REQUIRE(asgc_program_create(&desc, nullptr, &raw) == ASGC_OK);
    std::unique_ptr<TrainableProgram> program = makeRuntimeProgram(&desc, raw);
    CHECK(program->entry("eval_step") == nullptr);
    const EntryPorts *ports = program->entry("train_step");
    REQUIRE(ports);
    CHECK(ports->inputs[0].name == "x");
    CHECK(ports->inputs[0].shape[0].value == -1);
    CHECK(ports->inputs[0].shape[0].bound == 4);
    CHECK(ports->inputs[0].shape[1].value == 3);
    CHECK(ports->outputs[1].shape.empty());

    REQUIRE(program->variables().size() == 3);
    const ProgramVariable &weight = program->variables()[0];
    CHECK(weight.name == "fc.weight");
    CHECK(weight.shape == std::vector<int64_t>{1});
    CHECK(weight.bytes == 4);
    CHECK(program->variables()[1].bytes == 8);
    CHECK(program->variables()[2].role == ASGC_ROLE_SEED);
    REQUIRE(!program->init(5));
    CHECK(*static_cast<float *>(weight.data) == 5.0f);

    std::vector<float> x = {1, 2, 3, 4, 5, 6}, y(12);
    float loss = 0;
    TensorView in[] = {{x.data(), ASGC_F32, {2, 3}}};
    Result<std::vector<std::vector<int64_t>>> shapes =
        program->outputShapes("train_step", in);
    REQUIRE(shapes);
    CHECK(*shapes == std::vector<std::vector<int64_t>>{{4, 3}, {}});
    TensorView out[] = {{y.data(), ASGC_F32, {4, 3}}, {&loss, ASGC_F32, {}}};
    REQUIRE(!program->run("train_step", in, out));
    CHECK(loss == 210.0f);
    CHECK(y[11] == 30.0f);
    CHECK(*static_cast<int64_t *>(program->variables()[1].data) == 1);

    in[0].shape = {5, 3};
    MaybeFault fault = program->run("train_step", in, out);
    REQUIRE(fault);
    CHECK(fault->kind == FaultKind::Input);
    CHECK(fault->message.find("'x'") != std::string::npos);
    asgc_program_destroy(raw);
  }
}
