//===- RandomGraphPassesTest.cpp - Passes keep what random graphs compute -===//
#include "asgc/Passes.h"
#include "asgc/SemanticsCheck.h"
#include "test/ops/Backward.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

using namespace asgc;
using namespace asgc::test;
using mlir::ModuleOp;
using mlir::OwningOpRef;

namespace {

asg::GraphOp getGraph(ModuleOp module) {
  return *module.getOps<asg::GraphOp>().begin();
}

/// A pipeline under test: what it is called, what runs before it, and itself.
struct Case {
  std::string name, before, pipeline;
};

const Case cases[] = {
    {"inline-layers", "", "asg-inline-layers"},
    {"infer-shapes", "", "asg-infer-shapes"},
    {"infer-shapes with a number", "", "asg-infer-shapes{dims=n=5}"},
    {"simplify", "", "asg-simplify"},
    {"simplify with reciprocals", "", "asg-simplify{reciprocals=true}"},
    {"recompute", "", "asg-recompute{budget=0}"},
    {"recompute, fused", "asg-simplify",
     "asg-recompute{budget=0},asg-fuse,asg-verify"},
    {"fuse", "", "asg-fuse,asg-verify"},
    {"fuse, simplified", "asg-simplify", "asg-fuse,asg-verify"},
    {"fuse, static", "asg-infer-shapes{dims=n=5},asg-simplify",
     "asg-fuse,asg-verify"},
    {"pipeline", "", "asg-pipeline"}};

bool run(ModuleOp module, llvm::StringRef text) {
  mlir::PassManager manager(module.getContext());
  if (mlir::failed(mlir::parsePassPipeline(text, manager)))
    return false;
  return mlir::succeeded(manager.run(module));
}

void registerOnce() {
  static const bool done = [] {
    registerAsgcPasses();
    registerAsgPipeline();
    return true;
  }();
  (void)done;
}

} // namespace

TEST_SUITE("passes over random graphs") {
  TEST_CASE("gradients agree with an independent expansion") {
    registerOnce();
    Reader reader;
    auto [first, last] = randomGraphRange(400);
    for (uint64_t seed = first; seed < last; ++seed) {
      CAPTURE(seed);
      auto expected = makeRandomGraph(reader.context, seed);
      REQUIRE(expected);
      OwningOpRef<ModuleOp> module(expected->clone());
      expandGradients(getGraph(*expected));
      REQUIRE(run(*module, "asg-differentiate"));
      auto found = compareSemantics(getGraph(*expected), getGraph(*module), seed);
      INFO(reader.errors);
      REQUIRE(mlir::succeeded(found));
      CHECK_MESSAGE(!*found, (*found ? (*found)->message : ""));
    }
  }

  TEST_CASE("each pass alone and the pipeline keep values and gradients") {
    registerOnce();
    Reader reader;
    auto [first, last] = randomGraphRange(400);
    for (uint64_t seed = first; seed < last; ++seed)
      for (const Case &each : cases) {
        CAPTURE(seed);
        CAPTURE(each.name);
        reader.errors.clear();
        auto before = makeRandomGraph(reader.context, seed);
        REQUIRE(before);
        expandGradients(getGraph(*before));
        REQUIRE(run(*before, each.before));
        OwningOpRef<ModuleOp> after(before->clone());
        REQUIRE_MESSAGE(run(*after, each.pipeline), reader.errors);
        auto found = compareSemantics(getGraph(*before), getGraph(*after), seed);
        REQUIRE_MESSAGE(mlir::succeeded(found), reader.errors);
        CHECK_MESSAGE(!*found, (*found ? (*found)->message : ""));
      }
  }
}
