//===- FuseMerge.h - When two groups are one kernel -----------------------===//
#ifndef ASGC_PASSES_ASG_FUSEMERGE_H
#define ASGC_PASSES_ASG_FUSEMERGE_H

#include "FuseGraph.h"

namespace asgc {

/// Either the group that two would be together, or why they cannot be one.
struct FuseOutcome {
  std::optional<FuseGroup> group;
  llvm::StringRef reason;
};

/// Joins a producing with a consuming group.
FuseOutcome joinVertically(FuseGraph &graph, int producer, int consumer);

/// Joins groups over one space that read the same values.
FuseOutcome joinSiblings(FuseGraph &graph, int a, int b);

/// Whether an open group is one kernel.
bool isKernel(const FuseGraph &graph, const FuseGroup &group);
/// Whether the group of `node` may write its result as well.
bool mayWrite(FuseGraph &graph, int node);

/// The kind that a group's kernel has: map, row or reduce.
llvm::StringRef getKind(const FuseGraph &graph, const FuseGroup &group);

/// Gives each conflict-free pair along the graph's edges one kernel.
class FuseMerger {
public:
  /// `runsAtOnce` says whether kernels may run side by side: then scalars that
  /// wait for a tensor are none with those that do not.
  FuseMerger(FuseGraph &graph, bool runsAtOnce)
      : graph(graph), runsAtOnce(runsAtOnce) {}

  /// What is computed per row from reductions along rows joins them.
  void joinRowResults();
  /// What only a reduction needs joins it.
  void joinPrologues();
  /// Everything else that may be joined.
  void joinRest();

private:
  bool join(int producer, int consumer);
  void joinPrologue(int group);
  bool joinSiblingsOf(mlir::ArrayRef<int> readers);

  FuseGraph &graph;
  bool runsAtOnce;
};

} // namespace asgc

#endif
