//===- FuseGraph.h - The ops of a graph as candidates for kernels ---------===//
#ifndef ASGC_PASSES_ASG_FUSEGRAPH_H
#define ASGC_PASSES_ASG_FUSEGRAPH_H

#include "asgc/Fusion.h"

#include <map>
#include <vector>

namespace asgc {

/// How a computing op reads one operand: through views, which cost nothing, at some
/// coordinates of what stands behind them.
struct FuseRead {
  mlir::Value base;
  int producer = -1; // the node that makes `base`; −1: nothing in the block
  /// Coordinates in `base`, as functions of those of the reader's result, or of its
  /// operand if it is a reduction.
  IndexMap view;
  /// The producer's code cannot take the reader's place: the read may be of padding,
  /// or of an element that an index names.
  bool isGuarded = false;
  /// Not an operand: what a constant-like op behind the views depends on.
  bool isOrder = false;
};

struct FuseNode {
  mlir::Operation *op = nullptr;
  int position = 0;       // in the block; a repeated op has its original's
  bool isCompute = false; // elementwise, a reduction, or a pick of one per row
  bool isReduction = false;
  bool isUsedOutside = false; // by something that no kernel takes in
  int group = -1;
  std::vector<FuseRead> reads;
  llvm::SmallVector<int> before, after; // what must run before and after
};

/// Nodes that become one kernel, or one that does not.
struct FuseGroup {
  llvm::SmallVector<int> members; // rising by position
  llvm::SmallVector<DimExpr> space;
  llvm::SmallVector<int64_t> reduced; // dims of the space
  bool hasReduction = false;
  /// The coordinates of each member's result.
  std::map<int, IndexMap> maps;
  /// Empty while the group may grow; then its kind, or `outside`.
  llvm::StringRef closed;
  /// Several equal parts; then `members` is all of them.
  llvm::SmallVector<llvm::SmallVector<int>> segments;
};

/// The nodes of a graph, and their groups.
class FuseGraph {
public:
  explicit FuseGraph(asg::GraphOp graph);

  mlir::MLIRContext *getContext() const { return graph->getContext(); }
  /// Coordinates of the value that a node's reads start from.
  IndexMap getReadCoordinates(const FuseGroup &group, int node) const;
  IndexMap getReadMap(const FuseGroup &group, int node,
                      const FuseRead &read) const;

  /// Whether the value of `node` is needed outside of `group`.
  bool isOutput(int node, const FuseGroup &group) const;
  /// Whether a path leads from one group to another, directly or through others.
  bool hasPath(int from, int to) const;
  /// Whether the groups can be one: no path leaves them and comes back.
  bool isConvex(llvm::ArrayRef<int> groups) const;

  /// Size at the bounds of the run-time dims.
  int64_t getNumElements(llvm::ArrayRef<DimExpr> dims) const;
  int64_t getNumBytes(mlir::Value value) const;

  /// Puts `merged` in the place of the first of these groups, which are convex; the
  /// others are empty then.
  void merge(llvm::ArrayRef<int> sources, FuseGroup merged);
  int addNode(FuseNode node);
  void removeFromGroup(int node);

  asg::GraphOp graph;
  ExtentSymbols symbols;
  std::vector<FuseNode> nodes;
  std::vector<FuseGroup> groups;

private:
  void addNodes();
  void addReads(FuseNode &node);
  void trace(FuseNode &node, mlir::OpOperand &operand);
  void connect();
  void findOutsideUses();
  int getLastRank(llvm::ArrayRef<int> sources) const;
  bool walk(llvm::ArrayRef<int> sources, int last,
            llvm::function_ref<bool(int from, int to)> isFound) const;

  llvm::DenseMap<mlir::Operation *, int> indexOf;
  /// The groups in an order in which each stands after what it needs, and the place of
  /// each in it. Walks along edges stop where they have passed their aim.
  std::vector<int> order, rank;
};

/// Ops that a kernel repeats wherever it needs them: constants, iota, dim, random.
bool isSource(mlir::Operation *op);
/// Ops whose elements a kernel finds by an index map: transpose, broadcast, …
bool isView(mlir::Operation *op);
/// Elementwise ops that take a cycle or two.
bool isCheap(mlir::Operation *op);
/// asg.gather of one element for each row.
bool isPick(mlir::Operation *op);

} // namespace asgc

#endif
