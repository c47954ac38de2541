//===- GraphTest.cpp - Text and checks of modules -------------------------===//
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;

namespace {
constexpr const char *kModel = R"mlir(
module @digits {
  asg.param @fc1.weight : tensor<10x64xf32> init "kaiming_uniform(fan = 64)" doc "mixes every input feature"
  asg.state @seed : tensor<i64> role "seed"
  asg.graph @infer(%image: tensor<?x64xf32, #asg.dims<batch, 64>> {asg.name = "image"})
      -> (tensor<?x10xf32, #asg.dims<batch, 10>> {asg.name = "output"}) dims = {batch = 256} {
    %w = asg.read @fc1.weight : tensor<10x64xf32>
    %h = asg.layer "fc1" block "linear" args {out = 10} -> tensor<?x10xf32, #asg.dims<batch, 10>> {
      %y = asg.dot %image, %w batch [] x [] contract [1] x [1]
        : (tensor<?x64xf32, #asg.dims<batch, 64>>, tensor<10x64xf32>) -> tensor<?x10xf32, #asg.dims<batch, 10>>
      asg.yield %y : tensor<?x10xf32, #asg.dims<batch, 10>>
    }
    %z = asg.fusion "map" -> tensor<?x10xf32, #asg.dims<batch, 10>> {
      %t = asg.tanh %h : tensor<?x10xf32, #asg.dims<batch, 10>>
      asg.yield %t : tensor<?x10xf32, #asg.dims<batch, 10>>
    }
    asg.return %z : tensor<?x10xf32, #asg.dims<batch, 10>>
  }
  asg.graph @tick() {
    %seed = asg.read @seed : tensor<i64>
    %one = asg.constant dense<1> : tensor<i64>
    %next = asg.add %seed, %one : tensor<i64>
    asg.assign @seed, %next : tensor<i64>
    asg.layer "empty" block "nothing" {
      asg.yield
    }
    asg.return
  }
}
)mlir";
} // namespace

TEST_SUITE("asg text") {
  TEST_CASE("a model is printed as it is read") {
    Reader reader;
    auto module = reader.read(kModel);
    REQUIRE_MESSAGE(module, reader.errors);
    std::string text = Reader::print(*module);
    auto again = reader.read(text);
    REQUIRE_MESSAGE(again, reader.errors);
    CHECK(Reader::print(*again) == text);
    CHECK(text.find("-> (tensor<?x10xf32, #asg.dims<batch, 10>> {asg.name = "
                    "\"output\"}) dims = {batch = 256} {") != std::string::npos);
  }

  TEST_CASE("a graph knows its names and bounds") {
    Reader reader;
    auto module = reader.read(kModel);
    REQUIRE_MESSAGE(module, reader.errors);
    auto graph = module->lookupSymbol<asg::GraphOp>("infer");
    REQUIRE(graph);
    CHECK(graph.getInputName(0) == "image");
    CHECK(graph.getOutputName(0) == "output");
    CHECK(graph.getDimBound("batch") == 256);
    CHECK(!graph.getDimBound("seq"));
  }
}
