//===- Fuse.cpp - Groups ops that become one kernel -----------------------===//
#include "FuseEmit.h"
#include "FuseGraph.h"
#include "FuseMerge.h"
#include "FusePrepare.h"
#include "FuseRecompute.h"
#include "FuseSegments.h"
#include "asgc/Passes.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/CSE.h"

using namespace mlir;

namespace asgc {
#define GEN_PASS_DEF_ASGFUSE
#include "asgc/Passes.h.inc"

namespace {

/// Each dot and conv2d with the bias, residual and activation that it takes in.
void joinContractions(FuseGraph &graph) {
  DenseMap<Operation *, int> indexOf;
  for (auto [index, node] : llvm::enumerate(graph.nodes))
    indexOf[node.op] = static_cast<int>(index);
  for (int index = 0, size = graph.nodes.size(); index < size; ++index) {
    Operation *root = graph.nodes[index].op;
    if (!isa<asg::DotOp, asg::Conv2dOp>(root))
      continue;
    // What waits for the product may be what its sum with another one needs.
    if (llvm::any_of(graph.nodes[index].after, [&](int user) {
          return graph.nodes[user].op->hasAttr("asg.again");
        }))
      continue;
    ContractionFusion found = growContraction(root);
    if (found.result == root->getResult(0))
      continue;
    // All computing nodes between the root and the result. None is needed outside
    // before the result, so they are convex.
    FuseGroup merged;
    merged.closed = "contraction";
    merged.members.push_back(index);
    llvm::SmallDenseSet<int> inside{index};
    int last = indexOf.lookup(found.result.getDefiningOp());
    for (int node = index + 1; node <= last; ++node) {
      const FuseNode &candidate = graph.nodes[node];
      if (!candidate.isCompute ||
          llvm::none_of(candidate.before,
                        [&](int before) { return inside.contains(before); }))
        continue;
      inside.insert(node);
      merged.members.push_back(node);
    }
    SmallVector<int> sources;
    for (int member : merged.members)
      sources.push_back(graph.nodes[member].group);
    // The sum of two contractions belongs to the first.
    if (llvm::all_of(ArrayRef(sources).drop_front(), [&](int group) {
          return graph.groups[group].closed.empty();
        }))
      graph.merge(sources, std::move(merged));
  }
}

/// A kernel that only widens a product of halves -> the product's own result,
/// which then is not rounded first.
void widenContractions(FuseGraph &graph) {
  for (size_t index = 0; index < graph.groups.size(); ++index) {
    const FuseGroup &group = graph.groups[index];
    if (!group.closed.empty() || group.members.size() != 1)
      continue;
    const FuseNode &node = graph.nodes[group.members[0]];
    if (!isa<asg::CastOp>(node.op) || node.reads.size() != 1 ||
        node.reads[0].producer < 0)
      continue;
    int producer = graph.nodes[node.reads[0].producer].group;
    const FuseGroup &made = graph.groups[producer];
    Operation *root = graph.nodes[made.members.front()].op;
    if (!isa<asg::DotOp>(root) ||
        (made.closed != "contraction" && made.members.size() != 1) ||
        growContraction(root, /*widens=*/true).result != node.op->getResult(0))
      continue;
    FuseGroup merged = made;
    merged.closed = "contraction";
    merged.members.push_back(group.members[0]);
    graph.merge({producer, static_cast<int>(index)}, std::move(merged));
  }
}

/// Says of each pair of ops that are not in one kernel why.
void explain(FuseGraph &graph) {
  llvm::DenseSet<std::pair<Operation *, Operation *>> said;
  for (size_t index = 0; index < graph.nodes.size(); ++index) {
    const FuseNode &node = graph.nodes[index];
    if (!node.isCompute || node.group < 0)
      continue;
    for (const FuseRead &read : node.reads) {
      if (read.producer < 0)
        continue;
      const FuseNode &producer = graph.nodes[read.producer];
      if (producer.group < 0 || producer.group == node.group)
        continue;
      StringRef reason =
          producer.isCompute
              ? joinVertically(graph, producer.group, node.group).reason
              : StringRef("it is a library call or a variable");
      if (reason.empty())
        continue;
      std::string message = (node.op->getName().getStringRef() +
                             " is not fused with " +
                             producer.op->getName().getStringRef() + ": " + reason)
                                .str();
      if (said.insert({node.op, producer.op}).second)
        remark::missed(node.op->getLoc(),
                       remark::RemarkOpts::name("fuse").category("fusion"))
            << StringRef(message);
    }
  }
}

struct FusePass final : impl::AsgFuseBase<FusePass> {
  using AsgFuseBase::AsgFuseBase;

  void runOnOperation() final {
    for (auto graph : getOperation().getOps<asg::GraphOp>())
      if (failed(fuse(graph)))
        return signalPassFailure();
  }

private:
  LogicalResult fuse(asg::GraphOp graph) {
    for (Operation &op : graph.getBody().front()) {
      if (isa<asg::FusionOp>(op))
        return op.emitOpError("is there already; asg-fuse runs once");
      if (op.getNumRegions() != 0 || isa<asg::GradientOp>(op))
        return op.emitOpError("is left; asg-fuse takes legal asg");
    }
    prepareFusion(graph);
    FuseGraph nodes(graph);
    join(nodes);
    if (getContext().getRemarkEngine())
      explain(nodes);
    FailureOr<unsigned> built = emitFusions(nodes);
    if (failed(built))
      return failure();
    fusions += *built;
    return success();
  }

  void join(FuseGraph &nodes) {
    FuseMerger merger(nodes, runAtOnce);
    joinContractions(nodes);
    joinUpdates(nodes);
    merger.joinRowResults();
    merger.joinPrologues();
    joinWholeReductions(nodes);
    merger.joinRest();
    repeated += recomputeCheaply(nodes);
    merger.joinRest();
    joinParameterCasts(nodes);
    widenContractions(nodes);
  }
};

} // namespace
} // namespace asgc
