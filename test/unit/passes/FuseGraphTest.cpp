//===- FuseGraphTest.cpp - Groups stay free of cycles ---------------------===//
#include "lib/Passes/asg/FuseGraph.h"
#include "test/ops/Backward.h"
#include "test/ops/RandomGraph.h"
#include "test/unit/dialect/Dialect.h"

#include <doctest/doctest.h>

#include <random>

using namespace asgc;
using namespace asgc::test;

namespace {

asg::GraphOp graphOf(mlir::ModuleOp module) {
  return *module.getOps<asg::GraphOp>().begin();
}

void mergeAll(FuseGraph &graph, llvm::ArrayRef<int> sources) {
  FuseGroup merged;
  for (int group : sources)
    merged.members.append(graph.groups[group].members);
  graph.merge(sources, std::move(merged));
}

/// Whether the groups can be put in an order, by taking those away that need nothing.
bool isAcyclic(const FuseGraph &graph) {
  std::vector<int> missing(graph.groups.size());
  std::vector<std::vector<int>> users(graph.groups.size());
  for (const FuseNode &node : graph.nodes)
    for (int producer : node.before)
      if (int from = graph.nodes[producer].group; from != node.group) {
        users[from].push_back(node.group);
        ++missing[node.group];
      }
  std::vector<int> ready;
  for (size_t group = 0; group < missing.size(); ++group)
    if (missing[group] == 0)
      ready.push_back(static_cast<int>(group));
  size_t count = 0;
  for (; count < ready.size(); ++count)
    for (int user : users[ready[count]])
      if (--missing[user] == 0)
        ready.push_back(user);
  return count == graph.groups.size();
}

} // namespace

TEST_SUITE("fuse graph") {
  TEST_CASE("a group that starts behind another one can lead to it") {
    Reader reader;
    auto module = reader.read(R"(
asg.graph @g(%x: tensor<4xf32> {asg.name = "x"}, %z: tensor<4xf32> {asg.name = "z"})
    -> (tensor<4xf32> {asg.name = "t"}, tensor<4xf32> {asg.name = "h"}) {
  %f = asg.tanh %x : tensor<4xf32>
  %h1 = asg.sin %z : tensor<4xf32>
  %t = asg.add %f, %h1 : tensor<4xf32>
  %g = asg.exp %f : tensor<4xf32>
  %h2 = asg.mul %g, %h1 : tensor<4xf32>
  asg.return %t, %h2 : tensor<4xf32>, tensor<4xf32>
})");
    REQUIRE_MESSAGE(module, reader.errors);
    constexpr int f = 0, h1 = 1, t = 2, g = 3, h2 = 4;
    FuseGraph graph(graphOf(*module));
    CHECK(graph.isConvex({f, t}));
    CHECK(!graph.isConvex({f, h2}));
    mergeAll(graph, {h1, h2});
    // f -> g -> {h1, h2} -> t
    CHECK(graph.hasPath(g, t));
    CHECK(!graph.hasPath(t, g));
    CHECK(!graph.isConvex({f, t}));
    CHECK(graph.isConvex({f, g}));
    CHECK(graph.isConvex({f, g, h1}));
  }

  TEST_CASE("groups are convex exactly if they close no cycle as one") {
    Reader reader;
    int merges = 0, refused = 0;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      CAPTURE(seed);
      auto module = makeRandomGraph(reader.context, seed);
      REQUIRE(module);
      expandGradients(graphOf(*module));
      FuseGraph graph(graphOf(*module));
      std::mt19937_64 random(seed);
      for (int step = 0; step < 150; ++step) {
        llvm::SmallSetVector<int, 4> sources;
        for (uint64_t i = 0, count = 2 + random() % 2; i < count; ++i)
          sources.insert(graph.nodes[random() % graph.nodes.size()].group);
        bool isConvex = graph.isConvex(sources.getArrayRef());
        FuseGraph merged = graph;
        mergeAll(merged, sources.getArrayRef());
        REQUIRE(isConvex == isAcyclic(merged));
        if (!isConvex) {
          ++refused;
          continue;
        }
        mergeAll(graph, sources.getArrayRef());
        ++merges;
      }
    }
    CHECK(merges > 300);
    CHECK(refused > 300);
  }
}
