//===- RandomGraphPassesTest.cpp - Passes keep what random graphs compute -===//
#include "asgc/Passes.h"
#include "asgc/SemanticsCheck.h"
#include "test/ops/Backward.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

#include <cstdlib>

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
  const char *name;
  const char *before;
  const char *pipeline;
};

const Case cases[] = {
    {"inline-layers", "", "asg-inline-layers"},
    {"infer-shapes", "", "asg-infer-shapes"},
    {"infer-shapes with a number", "", "asg-infer-shapes{dims=n=5}"},
    {"simplify", "", "asg-simplify"},
    {"simplify with reciprocals", "", "asg-simplify{reciprocals=true}"},
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

/// The number of graphs; ASGC_RANDOM_GRAPHS sets it for longer runs.
uint64_t countGraphs() {
  const char *text = std::getenv("ASGC_RANDOM_GRAPHS");
  return text ? std::strtoull(text, nullptr, 10) : 60;
}

} // namespace

TEST_SUITE("passes over random graphs") {
  TEST_CASE("gradients agree with an independent expansion") {
    registerOnce();
    Reader reader;
    for (uint64_t seed = 0; seed < countGraphs(); ++seed) {
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
    for (uint64_t seed = 0; seed < countGraphs(); ++seed)
      for (const Case &each : cases) {
        CAPTURE(seed);
        CAPTURE(each.name);
        reader.errors.clear();
        auto before = makeRandomGraph(reader.context, seed);
        REQUIRE(before);
        expandGradients(getGraph(*before));
        REQUIRE(run(*before, each.before));
        OwningOpRef<ModuleOp> after(before->clone());
        bool isRun = run(*after, each.pipeline);
        if (!isRun && std::getenv("ASGC_PRINT")) before->dump();
        INFO(reader.errors);
        REQUIRE(isRun);
        auto found = compareSemantics(getGraph(*before), getGraph(*after), seed);
        INFO(reader.errors);
        REQUIRE(mlir::succeeded(found));
        CHECK_MESSAGE(!*found, (*found ? (*found)->message : ""));
      }
  }
}
