//===- RandomGraphTest.cpp - The generator makes graphs worth testing -----===//
#include "test/ops/Backward.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace asgc;
using namespace asgc::test;

TEST_SUITE("random graphs") {
  TEST_CASE("are valid, finite, the same for the same seed, and cover the ops") {
    Reader reader;
    std::set<std::string> seen;
    for (uint64_t seed = 0; seed < 100; ++seed) {
      CAPTURE(seed);
      auto module = makeRandomGraph(reader.context, seed);
      INFO(reader.errors);
      REQUIRE(module);
      if (seed < 5) {
        auto again = makeRandomGraph(reader.context, seed);
        CHECK(Reader::print(*module) == Reader::print(*again));
      }
      module->walk([&](mlir::Operation *op) {
        seen.insert(op->getName().getStringRef().str());
      });
      asg::GraphOp graph = *module->getOps<asg::GraphOp>().begin();
      expandGradients(graph);
      auto result = interpret(graph, drawRandomInputs(graph, seed));
      INFO(reader.errors);
      REQUIRE(mlir::succeeded(result));
      for (const HostTensor &output : result->outputs)
        for (int64_t i = 0; i < output.numElements(); ++i)
          REQUIRE(std::isfinite(output.get(i)));
    }
    for (const char *op :
         {"asg.dot", "asg.conv2d", "asg.max_pool2d", "asg.avg_pool2d",
          "asg.gather", "asg.scatter_add", "asg.pad", "asg.slice",
          "asg.concat", "asg.arg_max", "asg.random_uniform", "asg.dim"})
      CHECK_MESSAGE(seen.count(op), op);
  }
}
