//===- WeightsTest.cpp - Loading and saving variables ---------------------===//
#include "Half.h"
#include "Samples.h"
#include "asgc/safetensors.h"
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>

using namespace asgc::rt;
using namespace asgc::test;

namespace {

const asgc_dim weightDims[] = {2, 3};
const asgc_dim biasDims[] = {2};
const asgc_variable_desc variables[] = {
    {{"fc.weight", weightDims, 2, ASGC_F32}, ASGC_ROLE_PARAM, 0},
    {{"fc.bias", biasDims, 1, ASGC_F32}, ASGC_ROLE_PARAM, 0},
    {{"count", nullptr, 0, ASGC_I64}, ASGC_ROLE_STATE, 0},
    {{"adam.m", weightDims, 2, ASGC_F32}, ASGC_ROLE_OPTIMIZER, 0},
};

asgc_program_desc sample() {
  asgc_program_desc desc{};
  desc.abi_version = ASGC_ABI_VERSION;
  desc.name = "net";
  desc.variables = variables;
  desc.num_variables = 4;
  return desc;
}

const asgc_program_desc desc = sample();

template <typename T> T *dataOf(asgc_program *program, const char *name) {
  DLTensor tensor;
  REQUIRE(asgc_program_variable(program, name, &tensor) == ASGC_OK);
  return static_cast<T *>(tensor.data);
}

void fill(asgc_program *program) {
  for (int i = 0; i < 6; ++i)
    dataOf<float>(program, "fc.weight")[i] = float(i) + 0.5f;
  for (int i = 0; i < 2; ++i)
    dataOf<float>(program, "fc.bias")[i] = -float(i);
  *dataOf<int64_t>(program, "count") = 123;
}

} // namespace

TEST_SUITE("weights") {
  TEST_CASE("save and load bring parameters and state back, nothing else") {
    TemporaryFolder folder;
    std::string path = folder / "net.safetensors";
    Program first(desc), second(desc);
    fill(first);
    dataOf<float>(second, "adam.m")[0] = 9;
    REQUIRE(asgc_program_save(first, path.c_str()) == ASGC_OK);
    REQUIRE(asgc_program_load(second, path.c_str()) == ASGC_OK);
    CHECK(dataOf<float>(second, "fc.weight")[5] == 5.5f);
    CHECK(dataOf<float>(second, "fc.bias")[1] == -1);
    CHECK(*dataOf<int64_t>(second, "count") == 123);
    CHECK(dataOf<float>(second, "adam.m")[0] == 9);
    asgc_safetensors *file = nullptr;
    REQUIRE(asgc_safetensors_open(path.c_str(), &file) == ASGC_OK);
    CHECK(asgc_safetensors_count(file) == 3);
    asgc_safetensors_close(file);
  }

  TEST_CASE("one sentence names every tensor that does not fit, and nothing "
            "changes") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    const int64_t dims[] = {3, 2}, two[] = {2};
    const float data[6] = {1, 2, 3, 4, 5, 6};
    const double wide[2] = {};
    const asgc_safetensors_source sources[] = {
        {"fc.weight", dims, data, ASGC_F32, 2},
        {"fc.bias", two, wide, ASGC_F64, 1},
        {"adam.m", dims, data, ASGC_F32, 2},
        {"head", two, data, ASGC_F32, 1},
        {"bn.num_batches_tracked", nullptr, wide, ASGC_I64, 0},
    };
    REQUIRE(asgc_safetensors_write(path.c_str(), sources, 5, nullptr, 0) ==
            ASGC_OK);
    Program program(desc);
    fill(program);
    CHECK(asgc_program_load(program, path.c_str()) == ASGC_NOT_FOUND);
    CHECK(program.error() ==
          path + " does not fit 'net': 'fc.weight' is f32[3, 2] instead of "
                 "f32[2, 3], 'fc.bias' is f64[2] instead of f32[2], 'count' "
                 "is missing, 'adam.m' is unexpected, 'head' is unexpected");
    CHECK(dataOf<float>(program, "fc.weight")[5] == 5.5f);
  }

  TEST_CASE("twenty unexpected tensors are named, the others counted") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    Program program(desc);
    fill(program);
    REQUIRE(asgc_program_save(program, path.c_str()) == ASGC_OK);
    asgc_program_desc other = desc;
    other.num_variables = 0;
    Program none(other);
    CHECK(asgc_program_load(none, path.c_str()) == ASGC_NOT_FOUND);
    CHECK(none.error() ==
          path + " does not fit 'net': 'count' is unexpected, 'fc.weight' is "
                 "unexpected, 'fc.bias' is unexpected");
    std::vector<std::string> names;
    for (int i = 10; i < 33; ++i)
      names.push_back("t" + std::to_string(i));
    std::vector<asgc_safetensors_source> sources;
    const float one = 1;
    for (const std::string &name : names)
      sources.push_back({name.c_str(), nullptr, &one, ASGC_F32, 0});
    auto write = [&](const char *const *metadata) {
      REQUIRE(asgc_safetensors_write(path.c_str(), sources.data(),
                                     int64_t(sources.size()), metadata,
                                     metadata ? 1 : 0) == ASGC_OK);
    };
    write(nullptr);
    CHECK(asgc_program_load(none, path.c_str()) == ASGC_NOT_FOUND);
    CHECK(none.error().ends_with(
        "'t29' is unexpected, and 3 more are unexpected"));
    // A checkpoint of training holds moments, which no library has use for.
    const char *const checkpoint[] = {"asgc", "{}"};
    write(checkpoint);
    CHECK(asgc_program_load(none, path.c_str()) == ASGC_OK);
  }

  TEST_CASE("f16 and bf16 become f32") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    const int64_t dims[] = {2, 3}, two[] = {2}, count = 1;
    uint16_t weight[6], bias[2];
    for (int i = 0; i < 6; ++i)
      weight[i] = floatToF16(float(i) * 0.25f);
    for (int i = 0; i < 2; ++i)
      bias[i] = floatToBf16(float(i) - 8);
    const asgc_safetensors_source sources[] = {
        {"fc.weight", dims, weight, ASGC_F16, 2},
        {"fc.bias", two, bias, ASGC_BF16, 1},
        {"count", nullptr, &count, ASGC_I64, 0},
    };
    REQUIRE(asgc_safetensors_write(path.c_str(), sources, 3, nullptr, 0) ==
            ASGC_OK);
    Program program(desc);
    REQUIRE(asgc_program_load(program, path.c_str()) == ASGC_OK);
    CHECK(dataOf<float>(program, "fc.weight")[5] == 1.25f);
    CHECK(dataOf<float>(program, "fc.bias")[0] == -8);
  }

  TEST_CASE("f32 becomes the nearest f16 or bf16, unless that is infinite") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    asgc_variable_desc narrow[4];
    std::copy(std::begin(variables), std::end(variables), narrow);
    narrow[0].tensor.dtype = ASGC_F16;
    narrow[1].tensor.dtype = ASGC_BF16;
    asgc_program_desc half = desc;
    half.variables = narrow;
    const int64_t dims[] = {2, 3}, two[] = {2}, count = 1;
    // A tie to even and one beyond it, the largest f16, what rounds to it.
    float weight[6] = {1 + 0x1p-11f, 1 + 0x1.8p-11f, 65504,
                       65519,        -INFINITY,      0};
    float bias[2] = {1 + 0x1p-8f, -3e38f};
    const asgc_safetensors_source sources[] = {
        {"fc.weight", dims, weight, ASGC_F32, 2},
        {"fc.bias", two, bias, ASGC_F32, 1},
        {"count", nullptr, &count, ASGC_I64, 0},
    };
    auto load = [&](asgc_program *program) {
      REQUIRE(asgc_safetensors_write(path.c_str(), sources, 3, nullptr, 0) ==
              ASGC_OK);
      return asgc_program_load(program, path.c_str());
    };
    Program program(half);
    REQUIRE(load(program) == ASGC_OK);
    auto f16 = [&](int i) {
      return f16ToFloat(dataOf<uint16_t>(program, "fc.weight")[i]);
    };
    CHECK(f16(0) == 1);
    CHECK(f16(1) == 1 + 0x1p-10f);
    CHECK(f16(2) == 65504);
    CHECK(f16(3) == 65504);
    CHECK(f16(4) == -INFINITY);
    auto *found = dataOf<uint16_t>(program, "fc.bias");
    CHECK(bf16ToFloat(found[0]) == 1);
    CHECK(bf16ToFloat(found[1]) == bf16ToFloat(floatToBf16(-3e38f)));
    weight[3] = 65520;
    bias[1] = -std::numeric_limits<float>::max();
    CHECK(load(program) == ASGC_NOT_FOUND);
    CHECK(program.error() ==
          path + " does not fit 'net': 'fc.weight' has 65520, which f16 cannot "
                 "hold, 'fc.bias' has -3.40282e+38, which bf16 cannot hold");
    CHECK(f16(3) == 65504);
  }

  TEST_CASE("weights inside the description are there from the start") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    {
      Program program(desc);
      fill(program);
      REQUIRE(asgc_program_save(program, path.c_str()) == ASGC_OK);
    }
    std::string bytes = readFile(path);
    asgc_program_desc embedded = desc;
    embedded.weights = bytes.data();
    embedded.weights_bytes = int64_t(bytes.size());
    {
      Program program(embedded);
      REQUIRE(program.status == ASGC_OK);
      CHECK(dataOf<float>(program, "fc.weight")[5] == 5.5f);
    }
    embedded.weights_bytes -= 4;
    Program broken(embedded);
    CHECK(broken.status == ASGC_CORRUPT_FILE);
    CHECK(std::string(asgc_last_error()).starts_with("the embedded file of 'net': "));
  }

  TEST_CASE("a corrupt or missing file changes nothing") {
    TemporaryFolder folder;
    std::string path = folder / "w";
    Program program(desc);
    fill(program);
    CHECK(asgc_program_load(program, path.c_str()) == ASGC_IO_ERROR);
    writeFile(path, "garbage, not tensors");
    CHECK(asgc_program_load(program, path.c_str()) == ASGC_CORRUPT_FILE);
    CHECK(program.error().starts_with(path));
    CHECK(dataOf<float>(program, "fc.weight")[0] == 0.5f);
    std::string missing = folder / "no/such";
    CHECK(asgc_program_save(program, missing.c_str()) == ASGC_IO_ERROR);
  }

  TEST_CASE("every f16 and bf16 survives a round trip through f32") {
    int wrong = 0;
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      float half = f16ToFloat(uint16_t(bits)),
            brain = bf16ToFloat(uint16_t(bits));
      wrong += std::isnan(half) ? !std::isnan(f16ToFloat(floatToF16(half)))
                                : floatToF16(half) != bits;
      wrong += std::isnan(brain) ? !std::isnan(bf16ToFloat(floatToBf16(brain)))
                                 : floatToBf16(brain) != bits;
    }
    CHECK(wrong == 0);
  }

  TEST_CASE("f16 agrees with the definition, and rounds to nearest even") {
    CHECK(f16ToFloat(0x3C00) == 1.0f);
    CHECK(f16ToFloat(0x7BFF) == 65504.0f);
    CHECK(f16ToFloat(0x0001) == std::ldexp(1.0f, -24));
    CHECK(f16ToFloat(0xFC00) == -std::numeric_limits<float>::infinity());
    CHECK(floatToF16(65519.0f) == 0x7BFF);
    CHECK(floatToF16(65520.0f) == 0x7C00);
    CHECK(floatToF16(1e30f) == 0x7C00);
    CHECK(floatToF16(std::ldexp(1.0f, -25)) == 0); // a tie, to even
    CHECK(floatToF16(std::ldexp(1.5f, -25)) == 1);
    CHECK(floatToF16(std::ldexp(3.0f, -25)) == 2); // a tie, to even
    CHECK(floatToF16(1.0f + std::ldexp(1.0f, -11)) == 0x3C00);
    CHECK(floatToF16(1.0f + std::ldexp(3.0f, -11)) == 0x3C02);
    CHECK(floatToBf16(1.0f + std::ldexp(1.0f, -8)) == 0x3F80);
    CHECK(floatToBf16(1.0f + std::ldexp(3.0f, -8)) == 0x3F82);
  }
}
