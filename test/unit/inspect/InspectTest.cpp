//===- InspectTest.cpp - Dumps say what docs/json.md says -----------------===//
#include "asgc/Inspect.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

#include "mlir/Parser/Parser.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace asgc;
namespace json = llvm::json;

namespace {

const char *const kGraph = R"mlir(
module @tiny {
  asg.param @fc.weight : tensor<4x3xf32> init "zeros()" doc "mixes features"
  asg.state @step : tensor<i64> role "step"
  asg.graph @infer(%x: tensor<?x3xf32, #asg.dims<batch, 3>> {asg.name = "image"})
      -> (tensor<?x4xf32, #asg.dims<batch, 4>> {asg.name = "output"}) dims = {batch = 8} {
    %0 = asg.layer "fc" block "linear" -> tensor<?x4xf32, #asg.dims<batch, 4>> {
      %w = asg.read @fc.weight : tensor<4x3xf32>
      %y = asg.dot %x, %w batch [] x [] contract [1] x [1] : (tensor<?x3xf32, #asg.dims<batch, 3>>, tensor<4x3xf32>) -> tensor<?x4xf32, #asg.dims<batch, 4>> loc("fc"("tiny.asg":7:3))
      asg.yield %y : tensor<?x4xf32, #asg.dims<batch, 4>>
    }
    %1 = asg.tanh %0 : tensor<?x4xf32, #asg.dims<batch, 4>> loc("tiny.asg":8:5)
    asg.return %1 : tensor<?x4xf32, #asg.dims<batch, 4>>
  }
})mlir";

struct Parsed {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  explicit Parsed(const char *text) {
    context.loadDialect<asg::AsgDialect, plan::PlanDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }
};

json::Object dump(Parsed &parsed) {
  DumpWriter writer(+[](llvm::StringRef op) {
    return std::string(op == "asg.dot" ? "contraction" : "");
  });
  writer.addStage("input", *parsed.module);
  auto value = json::parse(writer.str());
  REQUIRE(static_cast<bool>(value));
  return *value->getAsObject();
}

/// The first node of op `name`.
const json::Object *find(const json::Object &graph, llvm::StringRef name) {
  for (const json::Value &node : *graph.getArray("nodes"))
    if (node.getAsObject()->getString("op") == name)
      return node.getAsObject();
  return nullptr;
}

} // namespace

TEST_SUITE("inspect") {
  TEST_CASE("a graph with layers, variables and source lines") {
    Parsed parsed(kGraph);
    REQUIRE(parsed.module);
    json::Object document = dump(parsed);
    CHECK(*document.getString("format") == "asgc-dump/1");
    CHECK(*document.getString("name") == "tiny");
    const json::Object *param =
        (*document.getArray("variables"))[0].getAsObject();
    CHECK(*param->getString("name") == "fc.weight");
    CHECK(*param->getString("role") == "param");
    CHECK(*param->getString("doc") == "mixes features");
    CHECK(*(*document.getArray("layers"))[0].getAsObject()->getString("block") ==
          "linear");

    const json::Object &stage = *(*document.getArray("stages"))[0].getAsObject();
    CHECK(*stage.getString("level") == "asg");
    const json::Object &graph = *(*stage.getArray("graphs"))[0].getAsObject();
    CHECK(*graph.getObject("dims")->getInteger("batch") == 8);
    const json::Object *layer = find(graph, "asg.layer");
    const json::Object *dot = find(graph, "asg.dot");
    REQUIRE(layer);
    REQUIRE(dot);
    CHECK(*dot->getInteger("parent") == *layer->getInteger("id"));
    CHECK(*dot->getString("category") == "contraction");
    CHECK(*dot->getString("path") == "fc");
    const json::Object &line = *(*dot->getArray("loc"))[0].getAsObject();
    CHECK(*line.getString("file") == "tiny.asg");
    CHECK(*line.getInteger("line") == 7);
    const json::Array &shape = *(*dot->getArray("outputs"))[0]
                                    .getAsObject()
                                    ->getArray("shape");
    CHECK(*shape[0].getAsString() == "batch");
    CHECK(*shape[1].getAsInteger() == 4);
    // Every input names a node that exists.
    int64_t count = graph.getArray("nodes")->size();
    for (const json::Value &node : *graph.getArray("nodes"))
      for (const json::Value &input : *node.getAsObject()->getArray("inputs")) {
        REQUIRE(input.getAsObject());
        CHECK(*input.getAsObject()->getInteger("node") < count);
      }
  }

  TEST_CASE("the same module gives the same bytes") {
    Parsed first(kGraph), second(kGraph);
    DumpWriter a, b;
    a.addStage("x", *first.module);
    b.addStage("x", *second.module);
    CHECK(a.str(2) == b.str(2));
  }

  TEST_CASE("DOT quotes labels and draws each operand") {
    Parsed parsed(kGraph);
    std::string dot = writeDot(*parsed.module);
    CHECK(dot.find("digraph \"tiny\"") == 0);
    CHECK(dot.find("fc: linear") != std::string::npos);
    CHECK(dot.find("f32[batch, 4]") != std::string::npos);
    CHECK(std::count(dot.begin(), dot.end(), '{') ==
          std::count(dot.begin(), dot.end(), '}'));
    // image -> dot, weight -> dot, dot -> tanh, tanh -> output
    size_t edges = 0;
    for (size_t at = dot.find(" -> "); at != std::string::npos;
         at = dot.find(" -> ", at + 1))
      ++edges;
    CHECK(edges == 4);
    CHECK(writeDot(*parsed.module, "nothing").find("image") ==
          std::string::npos);
  }
}
