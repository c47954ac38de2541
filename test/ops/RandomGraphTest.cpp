//===- RandomGraphTest.cpp - The generator makes graphs worth testing -----===//
#include "asgc/Catalog.h"
#include "test/ops/Backward.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace asgc;
using namespace asgc::test;

TEST_SUITE("random graphs") {
  TEST_CASE("are valid, finite, the same for the same seed, and cover all ops") {
    Reader reader;
    std::set<std::string> ops, types;
    for (uint64_t seed = 0; seed < 200; ++seed) {
      CAPTURE(seed);
      auto module = makeRandomGraph(reader.context, seed);
      INFO(reader.errors);
      REQUIRE(module);
      if (seed < 5) {
        auto again = makeRandomGraph(reader.context, seed);
        CHECK(Reader::print(*module) == Reader::print(*again));
      }
      asg::GraphOp graph = *module->getOps<asg::GraphOp>().begin();
      auto note = [&](mlir::Operation *op) {
        ops.insert(op->getName().getStringRef().str());
        for (mlir::Type type : op->getResultTypes())
          types.insert(std::string(nameOf(getDType(
              mlir::cast<mlir::RankedTensorType>(type).getElementType()))));
      };
      module->walk(note);
      expandGradients(graph);
      module->walk(note);
      auto result = interpret(graph, drawRandomInputs(graph, seed),
                              drawRandomVariables(*module, seed));
      REQUIRE(mlir::succeeded(result));
      for (const HostTensor &output : result->outputs)
        for (int64_t i = 0; i < output.numElements(); ++i)
          REQUIRE(std::isfinite(output.get(i)));
    }
    // A new op is to be drawn as well (RandomBuilder.h). A fusion is a pass's work, and
    // pool_gather2d stands in second derivatives of max_pool2d only. Loops and
    // branches have no gradient, which all of these graphs ask for.
    const std::set<std::string> others = {"asg.fusion", "asg.pool_gather2d",
                                          "asg.if", "asg.loop"};
    for (const CatalogOp &op : allOps())
      if (!others.count(op.name))
        CHECK_MESSAGE(ops.count(op.name), op.name);
    for (const char *type : {"f32", "f16", "bf16", "i8", "i32", "i64", "bool"})
      CHECK_MESSAGE(types.count(type), type);
  }
}
