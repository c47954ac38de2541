//===- DumpTest.cpp - A program's description of itself -------------------===//
#include "Json.h"
#include "Samples.h"
#include <doctest/doctest.h>

using namespace asgc::test;
namespace json = asgc::rt::json;

namespace {

void nothing(void *const *, const int64_t *, int64_t, int64_t, void *) {}

int32_t runOnce(asgc_frame *frame) {
  return asgc_rt_parallel(frame, 0, nullptr, 4, 1);
}

const char *const metadata = R"({
  "format": "asgc-dump/1", "name": "net",
  "stages": [
    {"pass": "first", "level": "asg", "graphs": [{"name": "old", "nodes": []}]},
    {"pass": "last", "level": "asg", "graphs": [{"name": "infer",
      "nodes": [
        {"id": 0, "op": "asg.input", "inputs": [],
         "outputs": [{"dtype": "f32", "shape": ["batch", 4]}]},
        {"id": 1, "op": "asg.fusion", "kind": "row", "inputs": [{"node": 0, "out": 0}],
         "outputs": [{"dtype": "f32", "shape": ["batch", 4]}],
         "loc": [{"file": "net.asg", "line": 3, "col": 1}]},
        {"id": 2, "op": "asg.exp", "parent": 1, "inputs": [{"node": 0, "out": 0}],
         "outputs": [{"dtype": "f32", "shape": ["batch", 4]}]}],
      "outputs": [{"name": "y\"1", "dtype": "f32", "shape": ["batch", 4],
                   "from": {"node": 1, "out": 0}}]}]},
    {"pass": "plan", "level": "plan", "programs": [{"name": "infer",
      "buffers": [
        {"id": 0, "kind": "input", "name": "x", "dtype": "f32", "shape": [4]},
        {"id": 1, "kind": "alias", "of": 0},
        {"id": 2, "kind": "output", "name": "y", "dtype": "f32", "shape": [4]}],
      "steps": [{"id": 0, "op": "plan.kernel", "name": "infer.exp",
                 "reads": [1], "writes": [2]}]}]}
  ]
} )";

asgc_program_desc describe(const char *text) {
  static const asgc_kernel_desc kernels[] = {{"infer.exp", {nothing}, 0}};
  static const asgc_entry_desc entries[] = {
      {"infer", nullptr, nullptr, 0, 0, 0, 0, 0, runOnce}};
  asgc_program_desc desc{};
  desc.abi_version = ASGC_ABI_VERSION;
  desc.name = "net";
  desc.entries = entries;
  desc.num_entries = 1;
  desc.kernels = kernels;
  desc.num_kernels = 1;
  desc.metadata = text;
  desc.metadata_bytes = text ? int64_t(std::string(text).size()) : 0;
  return desc;
}

int append(void *user, const char *data, size_t bytes) {
  static_cast<std::string *>(user)->append(data, bytes);
  return 0;
}

std::string dump(asgc_program *program, asgc_dump_format format) {
  std::string out;
  CHECK(asgc_program_dump(program, format, append, &out) == ASGC_OK);
  return out;
}

} // namespace

TEST_SUITE("dump") {
  TEST_CASE("without a profile the metadata comes back as it is") {
    const asgc_program_desc desc = describe(metadata);
    Program program(desc);
    CHECK(dump(program, ASGC_DUMP_JSON) == metadata);
  }

  TEST_CASE("the profile is a member of the document") {
    for (const char *text : {metadata, "{}"}) {
      const asgc_program_desc desc = describe(text);
      Program program(desc);
      asgc_program_profile(program, 1);
      for (int i = 0; i < 3; ++i)
        asgc_program_run(program, "infer", nullptr, 0, nullptr, 0);
      const std::string out = dump(program, ASGC_DUMP_JSON);
      json::Document document;
      json::ParseError error;
      REQUIRE(document.parse(out, error));
      const json::Value *profile = document.find(document.root(), "profile");
      REQUIRE(profile);
      REQUIRE(profile->size() == 1);
      const json::Value &line = *document.childrenOf(*profile).begin();
      CHECK(document.find(line, "name")->text() == "infer.exp");
      CHECK(document.find(line, "calls")->integer == 3);
      CHECK(document.find(line, "seconds")->kind == json::Kind::Real);
    }
  }

  TEST_CASE("the drawing has the last graph and the plan with its times") {
    const asgc_program_desc desc = describe(metadata);
    Program program(desc);
    asgc_program_profile(program, 1);
    asgc_program_run(program, "infer", nullptr, 0, nullptr, 0);
    const std::string out = dump(program, ASGC_DUMP_DOT);
    auto has = [&](const char *text) {
      INFO(text << " in\n" << out);
      CHECK(out.find(text) != std::string::npos);
    };
    has("digraph \"net\" {");
    has("g0_0 [label=\"asg.input\\nf32[batch, 4]\", shape=box];");
    has("label=\"asg.fusion\";\n  g0_1 [label=\"asg.fusion\\nrow\\nf32[batch, "
        "4]\", shape=box, tooltip=\"net.asg:3\"];\n  g0_2 ");
    has("g0_0 -> g0_1;");
    has("g0_out0 [label=\"y\\\"1\\nf32[batch, 4]\", shape=ellipse];");
    has("g0_1 -> g0_out0;");
    has("p2_s0 [label=\"infer.exp\\nplan.kernel\\n");
    has(" us x 1\"");
    has("p2_b0 -> p2_s0;"); // through the alias
    has("p2_s0 -> p2_b2;");
    CHECK(out.find("old") == std::string::npos);
  }

  TEST_CASE("says what is missing") {
    const asgc_program_desc stripped = describe(nullptr);
    Program program(stripped);
    std::string out;
    CHECK(asgc_program_dump(program, ASGC_DUMP_JSON, append, &out) ==
          ASGC_NOT_FOUND);
    CHECK(program.error() == "'net' was compiled without its metadata");
    const asgc_program_desc broken = describe("{\"a\":}");
    Program other(broken);
    CHECK(asgc_program_dump(other, ASGC_DUMP_DOT, append, &out) ==
          ASGC_INTERNAL);
    CHECK(other.error() ==
          "the metadata of 'net' is not JSON: expected a value (offset 5)");
    const asgc_program_desc desc = describe(metadata);
    Program stopped(desc);
    auto refuse = [](void *, const char *, size_t) { return 1; };
    CHECK(asgc_program_dump(stopped, ASGC_DUMP_JSON, refuse, nullptr) ==
          ASGC_IO_ERROR);
    CHECK(asgc_program_dump(stopped, ASGC_DUMP_JSON, nullptr, nullptr) ==
          ASGC_INVALID_ARGUMENT);
  }
}
