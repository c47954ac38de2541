//===- FuseMerge.cpp - When two groups are one kernel ---------------------===//
#include "FuseMerge.h"
#include "Matchers.h"

using namespace mlir;

namespace asgc {
namespace {

/// Members of one kernel; beyond, registers and compile time run out.
constexpr size_t maxMembers = 128;
/// Cheap ops that may be computed again at every point of a larger space.
constexpr int maxRepeated = 4;
/// Elements of a row that has to stay in cache; of a tensor that is one row, and so
/// is handled by one thread.
constexpr int64_t maxRow = 1 << 18, maxSingleRow = 1 << 14;

bool isIdentity(const IndexMap &map, size_t rank) {
  if (map.size() != rank)
    return false;
  for (auto [axis, expr] : llvm::enumerate(map)) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || dim.getPosition() != axis)
      return false;
  }
  return true;
}

/// Whether every point of the space has its own place in the tensor.
bool isPermutation(const IndexMap &map, ArrayRef<DimExpr> space) {
  llvm::SmallBitVector seen(space.size());
  for (AffineExpr expr : map) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim) {
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      if (!constant || constant.getValue() != 0)
        return false;
      continue;
    }
    if (seen.test(dim.getPosition()))
      return false;
    seen.set(dim.getPosition());
  }
  for (auto [axis, extent] : llvm::enumerate(space))
    if (!seen.test(axis) && !(extent == DimExpr(1)))
      return false;
  return true;
}

/// Whether the points of the space reach every element of a tensor. A slice from 0 on has
/// the map of the whole, and fewer elements.
bool reachesAll(const IndexMap &map, ArrayRef<DimExpr> space, Value tensor) {
  SmallVector<DimExpr> dims = asg::getDims(getTensorType(tensor));
  return llvm::all_of(llvm::zip_equal(map, dims), [&](const auto &axis) {
    const auto &[expr, extent] = axis;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    return extent == (dim ? space[dim.getPosition()] : DimExpr(1));
  });
}

/// Whether the map names every dim of the space, so that no point computes what
/// another one does.
bool usesAllDims(const IndexMap &map, ArrayRef<DimExpr> space) {
  for (auto [axis, extent] : llvm::enumerate(space))
    if (!(extent == DimExpr(1)) && llvm::none_of(map, [&](AffineExpr expr) {
          return expr.isFunctionOfDim(axis);
        }))
      return false;
  return true;
}

/// What can be said of a group as one kernel.
class GroupCheck {
public:
  GroupCheck(const FuseGraph &graph, const FuseGroup &group)
      : graph(graph), group(group),
        identity(getIdentityMap(graph.getContext(), group.space.size())) {
    for (int64_t axis : getOtherAxes(identity.size(), group.reduced))
      kept.push_back(identity[axis]);
    look();
  }

  /// Null, or why the group is no kernel.
  const char *explain() const;
  StringRef getKind() const;

private:
  void look();
  bool isTrailing() const {
    return group.reduced.empty() ||
           group.reduced.front() + group.reduced.size() == group.space.size();
  }
  int64_t getRowLength() const;
  const char *explainOutputs() const;

  const FuseGraph &graph;
  const FuseGroup &group;
  IndexMap identity, kept;
  bool needsRow = false;   // a full value depends on a reduction
  bool fullOutput = false; // a full value is written
  bool feedsPoints = false; // points need what is the same along the reduced axes
  bool readsItself = false;
  bool hasTwins = false;   // an op stands in it twice
  bool mixesReductions = false;
  int numRepeated = 0;     // ops computed again along some dim
  bool repeatsCostly = false;
  const char *outputFault = nullptr;
};

void GroupCheck::look() {
  llvm::SmallDenseSet<int> inside(group.members.begin(), group.members.end());
  llvm::SmallDenseSet<int> dependent; // on a reduction
  // The same along the reduced axes without a reduction. Those about to be repeated
  // here still have their readers elsewhere, so they are known by their ops.
  llvm::SmallDenseSet<Operation *> rowValues;
  llvm::SmallDenseSet<Operation *> ops;
  for (int member : group.members) {
    const FuseNode &node = graph.nodes[member];
    hasTwins |= !ops.insert(node.op).second;
    const IndexMap &map = group.maps.at(member);
    bool isFull = map == identity, isKept = group.hasReduction && map == kept;
    bool depends = node.isReduction;
    for (const FuseRead &read : node.reads) {
      feedsPoints |= (!isKept || node.isReduction) && read.producer >= 0 &&
                     rowValues.contains(graph.nodes[read.producer].op);
      if (!inside.contains(read.producer))
        continue;
      readsItself |= read.isGuarded || read.isOrder;
      depends |= dependent.contains(read.producer);
    }
    if (depends)
      dependent.insert(member);
    if (node.isReduction)
      mixesReductions |= ArrayRef<int64_t>(group.reduced) !=
                             *getReducedAxes(node.op) ||
                         !isKept;
    // A reduction of what depends on another one runs after it along the row.
    if (depends && (node.isReduction ? llvm::any_of(node.reads, [&](auto &read) {
          return dependent.contains(read.producer);
        })
                                     : isFull && !isKept))
      needsRow = true;
    if (!isKept && !usesAllDims(map, group.space)) {
      ++numRepeated;
      repeatsCostly |= !isCheap(node.op);
    } else if (isKept && !depends && !isFull) {
      rowValues.insert(node.op);
    }
    if (!graph.isOutput(member, group))
      continue;
    if (!reachesAll(map, group.space, node.op->getResult(0))) {
      outputFault = "its result would be written in part";
    } else if (group.hasReduction) {
      if (isFull && !isKept)
        fullOutput = true;
      else if (!isKept)
        outputFault = "its result would be written more than once";
      else if (!depends && kept.empty())
        outputFault = "a scalar that others need would wait for a reduction";
    } else if (!isPermutation(map, group.space)) {
      outputFault = "its result would be written more than once";
    }
  }
}

int64_t GroupCheck::getRowLength() const {
  SmallVector<DimExpr> row;
  for (int64_t axis : group.reduced)
    row.push_back(group.space[axis]);
  return graph.getNumElements(row);
}

const char *GroupCheck::explainOutputs() const {
  if (outputFault)
    return outputFault;
  if (!needsRow && !fullOutput)
    return nullptr;
  if (!group.hasReduction)
    return nullptr;
  if (!isTrailing())
    return needsRow ? "every element needs a reduction over other axes than the "
                      "innermost to be complete"
                    : "a reduction over other axes than the innermost writes no "
                      "elements";
  bool isSingle = group.reduced.size() == group.space.size();
  if (getRowLength() > (isSingle ? maxSingleRow : maxRow))
    return "a row of it is too long to stay in cache";
  return nullptr;
}

const char *GroupCheck::explain() const {
  if (group.members.size() > maxMembers)
    return "the kernel would be too large";
  if (readsItself)
    return "elements are read by index or with padding";
  if (mixesReductions)
    return "they reduce other axes";
  if (const char *fault = explainOutputs())
    return fault;
  if (numRepeated > maxRepeated || repeatsCostly)
    return "it would be computed again for every repetition";
  // In a row, what is the same along it is computed once; elsewhere at every point.
  if (feedsPoints && !isTrailing())
    return "it would be computed again along the reduced axes";
  // Last: ops are repeated only where another reason keeps them apart.
  if (hasTwins)
    return "both compute the same value for themselves";
  return nullptr;
}

StringRef GroupCheck::getKind() const {
  if (!group.hasReduction)
    return "map";
  if (needsRow || fullOutput)
    return "row";
  if (!isTrailing() || group.reduced.size() == group.space.size())
    return "reduce";
  // Few long rows: a sum of parts uses all threads.
  SmallVector<DimExpr> rows;
  for (int64_t axis : getOtherAxes(group.space.size(), group.reduced))
    rows.push_back(group.space[axis]);
  return graph.getNumElements(rows) < 8 && getRowLength() > (1 << 15) ? "reduce"
                                                                      : "row";
}

/// The members of both, those of `a` at coordinates `ofA` and those of `b` at `ofB`
/// of the common space.
FuseGroup unite(const FuseGroup &a, const IndexMap &ofA, const FuseGroup &b,
                const IndexMap &ofB, const FuseGroup &model) {
  FuseGroup merged;
  merged.space = model.space;
  merged.hasReduction = a.hasReduction || b.hasReduction;
  merged.reduced = a.hasReduction ? a.reduced : b.reduced;
  merged.members = a.members;
  merged.members.append(b.members.begin(), b.members.end());
  for (const auto &[node, map] : a.maps)
    merged.maps[node] = compose(map, ofA);
  for (const auto &[node, map] : b.maps)
    merged.maps[node] = compose(map, ofB);
  return merged;
}

/// Whether a member reads from memory what another member computes again. A kernel has
/// one value of each op.
bool readsTwin(const FuseGraph &graph, const FuseGroup &group) {
  llvm::SmallDenseSet<int> inside(group.members.begin(), group.members.end());
  llvm::SmallDenseSet<Operation *> ops;
  for (int member : group.members)
    ops.insert(graph.nodes[member].op);
  return llvm::any_of(group.members, [&](int member) {
    return llvm::any_of(graph.nodes[member].reads, [&](const FuseRead &read) {
      return read.producer >= 0 && !inside.contains(read.producer) &&
             ops.contains(graph.nodes[read.producer].op);
    });
  });
}

FuseOutcome check(FuseGraph &graph, FuseGroup merged) {
  llvm::sort(merged.members, [&](int x, int y) {
    return std::pair(graph.nodes[x].position, x) <
           std::pair(graph.nodes[y].position, y);
  });
  if (const char *reason = GroupCheck(graph, merged).explain())
    return {std::nullopt, reason};
  if (readsTwin(graph, merged))
    return {std::nullopt, "both compute the same value for themselves"};
  return {std::move(merged), {}};
}

} // namespace

StringRef getKind(const FuseGraph &graph, const FuseGroup &group) {
  return GroupCheck(graph, group).getKind();
}

bool isKernel(const FuseGraph &graph, const FuseGroup &group) {
  FuseGroup sorted = group;
  llvm::sort(sorted.members, [&](int x, int y) {
    return std::pair(graph.nodes[x].position, x) <
           std::pair(graph.nodes[y].position, y);
  });
  return GroupCheck(graph, sorted).explain() == nullptr;
}

bool mayWrite(FuseGraph &graph, int node) {
  FuseNode &candidate = graph.nodes[node];
  const FuseGroup &group = graph.groups[candidate.group];
  if (!group.closed.empty())
    return false;
  bool before = std::exchange(candidate.isUsedOutside, true);
  bool isFine = GroupCheck(graph, group).explain() == nullptr;
  candidate.isUsedOutside = before;
  return isFine;
}

FuseOutcome joinVertically(FuseGraph &graph, int producer, int consumer) {
  const FuseGroup &p = graph.groups[producer], &c = graph.groups[consumer];
  if (!p.closed.empty() || !c.closed.empty())
    return {std::nullopt, "one of them is a library call or complete"};
  // The first read between them sets how their spaces lie to each other.
  std::optional<IndexMap> ofP, ofC;
  const FuseGroup *model = nullptr;
  for (int reader : c.members)
    for (const FuseRead &read : graph.nodes[reader].reads) {
      if (read.producer < 0 || graph.nodes[read.producer].group != producer)
        continue;
      if (read.isGuarded || read.isOrder)
        return {std::nullopt, "elements are read by index or with padding"};
      IndexMap readMap = graph.getReadMap(c, reader, read);
      const IndexMap &madeMap = p.maps.at(read.producer);
      if (!model && p.space == c.space && madeMap == readMap) {
        ofP = ofC = getIdentityMap(graph.getContext(), c.space.size());
        model = &c;
      }
      if (!model) {
        if (isIdentity(madeMap, p.space.size())) {
          ofP = readMap;
          ofC = getIdentityMap(graph.getContext(), c.space.size());
          model = &c;
        } else if (isIdentity(readMap, c.space.size())) {
          ofP = getIdentityMap(graph.getContext(), p.space.size());
          ofC = madeMap;
          model = &p;
        } else {
          return {std::nullopt, "their index maps do not match"};
        }
      }
      if (compose(madeMap, *ofP) != compose(readMap, *ofC))
        return {std::nullopt, "it is read at two different index maps"};
    }
  if (!model)
    return {std::nullopt, "one does not read the other"};
  bool isSame = p.space == c.space && isIdentity(*ofP, model->space.size()) &&
                isIdentity(*ofC, model->space.size());
  if (!isSame && ((p.hasReduction && model == &c) ||
                  (c.hasReduction && model == &p)))
    return {std::nullopt, "a reduction runs over another space"};
  if (p.hasReduction && c.hasReduction && p.reduced != c.reduced)
    return {std::nullopt, "they reduce other axes"};
  if (!graph.isConvex({producer, consumer}))
    return {std::nullopt, "another kernel stands between them"};
  return check(graph, unite(p, *ofP, c, *ofC, *model));
}

FuseOutcome joinSiblings(FuseGraph &graph, int a, int b) {
  const FuseGroup &first = graph.groups[a], &second = graph.groups[b];
  if (!first.closed.empty() || !second.closed.empty())
    return {std::nullopt, "one of them is a library call or complete"};
  if (first.space != second.space)
    return {std::nullopt, "their iteration spaces differ"};
  if (first.hasReduction != second.hasReduction ||
      first.reduced != second.reduced)
    return {std::nullopt, "they reduce other axes"};
  if (graph.hasPath(a, b) || graph.hasPath(b, a))
    return {std::nullopt, "one needs the other"};
  IndexMap identity = getIdentityMap(graph.getContext(), first.space.size());
  return check(graph, unite(first, identity, second, identity, first));
}

//===- Order --------------------------------------------------------------===//

/// So many groups behind it in the order are tried with each: hundreds of steps
/// of a recurrence read one weight, and none of them may join another.
constexpr size_t kMaxSiblings = 16;

bool FuseMerger::join(int producer, int consumer) {
  FuseOutcome outcome = joinVertically(graph, producer, consumer);
  if (!outcome.group)
    return false;
  graph.merge({producer, consumer}, std::move(*outcome.group));
  return true;
}

void FuseMerger::joinRowResults() {
  for (size_t index = 0; index < graph.nodes.size(); ++index) {
    const FuseNode &node = graph.nodes[index];
    if (!node.isCompute || node.isReduction)
      continue;
    for (const FuseRead &read : node.reads) {
      if (read.producer < 0)
        continue;
      int producer = graph.nodes[read.producer].group;
      if (producer == node.group)
        continue;
      const FuseGroup &group = graph.groups[producer];
      if (group.hasReduction && !group.reduced.empty() &&
          group.reduced.size() < group.space.size() &&
          getKind(graph, group) == "row" &&
          group.maps.at(read.producer).size() < group.space.size())
        join(producer, node.group);
    }
  }
}

void FuseMerger::joinPrologue(int group) {
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<int> members(graph.groups[group].members);
    for (int member : llvm::reverse(members)) {
      // Copied: a join changes the groups that the reads name.
      SmallVector<int> producers;
      for (const FuseRead &read : graph.nodes[member].reads)
        producers.push_back(read.producer);
      for (int producer : producers) {
        if (producer < 0 || !graph.nodes[producer].isCompute)
          continue;
        int other = graph.nodes[producer].group;
        if (other == graph.nodes[member].group ||
            graph.groups[other].hasReduction || isPick(graph.nodes[producer].op))
          continue;
        FuseOutcome outcome =
            joinVertically(graph, other, graph.nodes[member].group);
        if (!outcome.group)
          continue;
        // Only what nothing else needs: a written prologue would be read back.
        bool isWritten = llvm::any_of(
            graph.groups[other].members, [&](int node) {
              return graph.isOutput(node, *outcome.group);
            });
        if (isWritten)
          continue;
        int into = graph.nodes[member].group;
        graph.merge({into, other}, std::move(*outcome.group));
        changed = true;
      }
    }
  }
}

bool FuseMerger::joinSiblingsOf(ArrayRef<int> readers) {
  bool changed = false;
  for (size_t i = 0; i < readers.size(); ++i) {
    llvm::SmallDenseSet<int, kMaxSiblings> tried;
    for (size_t j = i + 1; j < readers.size() && tried.size() < kMaxSiblings;
         ++j) {
      int a = graph.nodes[readers[i]].group, b = graph.nodes[readers[j]].group;
      if (a == b || !tried.insert(b).second)
        continue;
      FuseOutcome outcome = joinSiblings(graph, a, b);
      if (!outcome.group)
        continue;
      graph.merge({a, b}, std::move(*outcome.group));
      tried.clear();
      changed = true;
    }
  }
  return changed;
}

namespace {
/// For each value in order: the nodes that read it at every point of their space.
std::vector<SmallVector<int>> findReaders(const FuseGraph &graph,
                                          function_ref<bool(int)> filter) {
  llvm::MapVector<Value, SmallVector<int>> readers;
  for (size_t index = 0; index < graph.nodes.size(); ++index) {
    const FuseNode &node = graph.nodes[index];
    if (!node.isCompute || node.group < 0 || !filter(static_cast<int>(index)))
      continue;
    const FuseGroup &group = graph.groups[node.group];
    if (!group.closed.empty())
      continue;
    for (const FuseRead &read : node.reads)
      if (!read.isOrder && !read.isGuarded &&
          usesAllDims(graph.getReadMap(group, static_cast<int>(index), read),
                      group.space))
        readers[read.base].push_back(static_cast<int>(index));
  }
  std::vector<SmallVector<int>> result;
  for (auto &[value, nodes] : readers)
    if (nodes.size() > 1)
      result.push_back(std::move(nodes));
  return result;
}
} // namespace

void FuseMerger::joinPrologues() {
  auto isReduce = [&](int node) {
    const FuseGroup &group = graph.groups[graph.nodes[node].group];
    return group.closed.empty() && group.hasReduction &&
           getKind(graph, group) == "reduce";
  };
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t index = graph.nodes.size(); index-- > 0;)
      if (graph.nodes[index].isReduction && isReduce(static_cast<int>(index)))
        joinPrologue(graph.nodes[index].group);
    for (const auto &readers : findReaders(graph, isReduce))
      changed |= joinSiblingsOf(readers);
  }
}

namespace {
/// Ops that need what is not made of scalars alone. Theirs is a wait that other
/// scalars should not share.
llvm::SmallDenseSet<Operation *> findWaiting(asg::GraphOp graph) {
  llvm::SmallDenseSet<Operation *> waiting;
  auto isLong = [](Operation *op) {
    return op->getNumOperands() > 0 &&
           llvm::any_of(op->getOperandTypes(), [](Type type) {
             auto tensor = dyn_cast<RankedTensorType>(type);
             return tensor && tensor.getRank() > 0;
           });
  };
  for (Operation &op : graph.getBody().front())
    if (isLong(&op) || llvm::any_of(op.getOperands(), [&](Value operand) {
          return waiting.contains(operand.getDefiningOp());
        }))
      waiting.insert(&op);
  return waiting;
}
} // namespace

void FuseMerger::joinRest() {
  llvm::SmallDenseSet<Operation *> waiting;
  if (runsAtOnce)
    waiting = findWaiting(graph.graph);
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t index = 0; index < graph.nodes.size(); ++index) {
      const FuseNode &node = graph.nodes[index];
      if (!node.isCompute || node.group < 0)
        continue;
      for (size_t i = 0; i < node.reads.size(); ++i) {
        int producer = node.reads[i].producer;
        if (producer < 0 || !graph.nodes[producer].isCompute ||
            graph.nodes[producer].group < 0)
          continue;
        int group = graph.nodes[producer].group;
        if (group != node.group)
          changed |= join(group, node.group);
      }
    }
    for (const auto &readers : findReaders(graph, [](int) { return true; }))
      changed |= joinSiblingsOf(readers);
    // Scalars: a launch costs more than their arithmetic.
    SmallVector<int> early, late;
    for (size_t index = 0; index < graph.nodes.size(); ++index) {
      const FuseNode &node = graph.nodes[index];
      if (!node.isCompute || node.group < 0)
        continue;
      const FuseGroup &group = graph.groups[node.group];
      if (!group.closed.empty() || !group.space.empty())
        continue;
      bool waits = llvm::any_of(group.members, [&](int member) {
        return waiting.contains(graph.nodes[member].op);
      });
      (waits ? late : early).push_back(static_cast<int>(index));
    }
    changed |= joinSiblingsOf(early);
    changed |= joinSiblingsOf(late);
  }
}

} // namespace asgc
