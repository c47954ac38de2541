//===- FuseRecompute.cpp - Computing again instead of keeping -------------===//
#include "FuseRecompute.h"
#include "FuseMerge.h"
#include "Matchers.h"

using namespace mlir;

namespace asgc {
namespace {

constexpr size_t maxCone = 16;

/// What computing a value again in another group takes.
struct Cone {
  SmallVector<int> nodes;   // to repeat; rising
  std::vector<FuseRead> leaves; // with views as coordinates of the value
  int64_t costBytes = 0;    // of its costly ops, in bytes moved in the same time
};

class Recomputer {
public:
  explicit Recomputer(FuseGraph &graph) : graph(graph) {}
  unsigned run();

private:
  bool findCone(int node, Cone &cone);
  bool isMaterialized(int node) const;
  int64_t getNewBytes(int group, const Cone &cone) const;
  int64_t getWrittenBytes(const Cone &cone) const;
  bool tryNode(int node);
  bool repeat(int node, int group, const Cone &cone);
  SmallVector<int> getReadingGroups(int node) const;
  int findTwin(const FuseGroup &group, int node) const;
  void removeDead();

  FuseGraph &graph;
  unsigned repeated = 0;
};

bool Recomputer::isMaterialized(int node) const {
  if (node < 0 || !graph.nodes[node].isCompute)
    return true;
  return graph.isOutput(node, graph.groups[graph.nodes[node].group]);
}

/// The elementwise ops between `node` and what is in memory anyway, or is small.
bool Recomputer::findCone(int root, Cone &cone) {
  Value rootValue = graph.nodes[root].op->getResult(0);
  SmallVector<DimExpr> space = asg::getDims(getTensorType(rootValue));
  int64_t elements = graph.getNumElements(space);
  SmallVector<int> work{root};
  while (!work.empty()) {
    int index = work.pop_back_val();
    if (llvm::is_contained(cone.nodes, index))
      continue;
    const FuseNode &node = graph.nodes[index];
    if (cone.nodes.size() == maxCone || node.group < 0)
      return false;
    cone.nodes.push_back(index);
    if (!isCheap(node.op))
      cone.costBytes += 3 * elements;
    for (const FuseRead &read : node.reads) {
      if (read.isGuarded)
        return false;
      if (read.isOrder)
        continue;
      bool isSameShape =
          read.producer >= 0 && graph.nodes[read.producer].isCompute &&
          isElementwise(graph.nodes[read.producer].op) &&
          read.view == getIdentityMap(graph.getContext(), space.size());
      if (isSameShape && !isMaterialized(read.producer)) {
        work.push_back(read.producer);
        continue;
      }
      bool isSmall = graph.getNumBytes(read.base) * 8 <=
                     graph.getNumBytes(rootValue);
      if (!isMaterialized(read.producer) &&
          (!isSmall || !mayWrite(graph, read.producer)))
        return false;
      cone.leaves.push_back(read);
    }
  }
  llvm::sort(cone.nodes, [&](int a, int b) {
    return graph.nodes[a].position < graph.nodes[b].position;
  });
  // Draws take about as long as an exponential.
  for (int node : cone.nodes)
    for (Value operand : graph.nodes[node].op->getOperands())
      if (isa_and_nonnull<asg::RandomUniformOp, asg::RandomNormalOp>(
              operand.getDefiningOp()))
        cone.costBytes += elements;
  return true;
}

/// Bytes of leaves that `group` does not read yet.
int64_t Recomputer::getNewBytes(int group, const Cone &cone) const {
  DenseSet<Value> known;
  for (int member : graph.groups[group].members)
    for (const FuseRead &read : graph.nodes[member].reads)
      known.insert(read.base);
  int64_t bytes = cone.costBytes;
  for (const FuseRead &leaf : cone.leaves) {
    bool isMadeHere =
        leaf.producer >= 0 && graph.nodes[leaf.producer].group == group;
    if (!isMadeHere && known.insert(leaf.base).second)
      bytes += graph.getNumBytes(leaf.base);
  }
  return bytes;
}

/// Bytes of leaves that would have to be written on purpose.
int64_t Recomputer::getWrittenBytes(const Cone &cone) const {
  DenseSet<Value> counted;
  int64_t bytes = 0;
  for (const FuseRead &leaf : cone.leaves)
    if (!isMaterialized(leaf.producer) && counted.insert(leaf.base).second)
      bytes += graph.getNumBytes(leaf.base);
  return bytes;
}

SmallVector<int> Recomputer::getReadingGroups(int node) const {
  SmallVector<int> groups;
  for (int user : graph.nodes[node].after) {
    int group = graph.nodes[user].group;
    if (graph.nodes[user].isCompute && group != graph.nodes[node].group &&
        !llvm::is_contained(groups, group))
      groups.push_back(group);
  }
  return groups;
}

/// The member of a group that computes what `node` does; −1 if there is none.
int Recomputer::findTwin(const FuseGroup &group, int node) const {
  const int *found = llvm::find_if(group.members, [&](int member) {
    return graph.nodes[member].op == graph.nodes[node].op;
  });
  return found == group.members.end() ? -1 : *found;
}

/// Repeats the cone in `group` and redirects the group's reads of `node` to it.
bool Recomputer::repeat(int node, int group, const Cone &cone) {
  FuseGroup &target = graph.groups[group];
  // One index map for all reads, so that one copy serves them.
  std::optional<IndexMap> map;
  for (int member : target.members)
    for (const FuseRead &read : graph.nodes[member].reads) {
      if (read.producer != node)
        continue;
      IndexMap here = graph.getReadMap(target, member, read);
      if (read.isGuarded || read.isOrder || (map && *map != here))
        return false;
      map = here;
    }
  if (!map)
    return false;
  std::map<int, int> copyOf;
  FuseGroup grown = target;
  size_t before = graph.nodes.size();
  auto undo = [&] {
    for (size_t copy = before; copy < graph.nodes.size(); ++copy)
      graph.removeFromGroup(static_cast<int>(copy));
    return false;
  };
  for (int original : cone.nodes) {
    // It may have been repeated here before, for another value.
    if (int twin = findTwin(target, original); twin >= 0) {
      if (target.maps.at(twin) != *map)
        return undo();
      copyOf[original] = twin;
      continue;
    }
    FuseNode copy = graph.nodes[original];
    copy.after.clear();
    copy.isUsedOutside = false;
    copy.group = group;
    // What the group computes itself is not read from memory, and at one place only.
    std::map<int, int> localOf;
    for (FuseRead &read : copy.reads) {
      if (read.producer < 0)
        continue;
      auto copied = copyOf.find(read.producer);
      int local = copied != copyOf.end() ? copied->second
                                         : findTwin(target, read.producer);
      if (local < 0)
        continue;
      if (read.isOrder || grown.maps.at(local) != compose(read.view, *map))
        return undo();
      localOf[read.producer] = local;
      read.producer = local;
    }
    for (int &producer : copy.before)
      if (auto found = localOf.find(producer); found != localOf.end())
        producer = found->second;
    int index = graph.addNode(std::move(copy));
    copyOf[original] = index;
    grown.members.push_back(index);
    grown.maps[index] = *map;
  }
  if (!isKernel(graph, grown))
    return undo();
  // The readers now read the copy.
  int copied = copyOf.at(node);
  for (int member : target.members) {
    FuseNode &reader = graph.nodes[member];
    bool reads = false;
    for (FuseRead &read : reader.reads)
      if (read.producer == node) {
        read.producer = copied;
        reads = true;
      }
    if (!reads)
      continue;
    llvm::erase(reader.before, node);
    reader.before.push_back(copied);
    llvm::erase(graph.nodes[node].after, member);
    graph.nodes[copied].after.push_back(member);
  }
  // What the copies need was needed by way of `node`: no new path arises.
  graph.merge({group}, std::move(grown));
  repeated += graph.nodes.size() - before;
  return true;
}

bool Recomputer::tryNode(int node) {
  Cone cone;
  if (!findCone(node, cone))
    return false;
  int64_t bytes = graph.getNumBytes(graph.nodes[node].op->getResult(0));
  SmallVector<int> readers = getReadingGroups(node), chosen;
  for (int group : readers)
    if (graph.groups[group].closed.empty())
      chosen.push_back(group);
  bool isDropped =
      chosen.size() == readers.size() && !graph.nodes[node].isUsedOutside;
  int64_t saved = -getWrittenBytes(cone) + (isDropped ? bytes : 0);
  // A kernel that made nothing else goes, and with it what it read.
  if (isDropped && llvm::all_of(graph.groups[graph.nodes[node].group].members,
                                [&](int member) {
                                  return llvm::is_contained(cone.nodes, member);
                                })) {
    DenseSet<Value> read;
    for (const FuseRead &leaf : cone.leaves)
      if (read.insert(leaf.base).second)
        saved += graph.getNumBytes(leaf.base);
  }
  for (int group : chosen)
    saved += bytes - getNewBytes(group, cone);
  if (!isDropped) {
    // It is written in any case; a group gains only by reads it has anyway.
    llvm::erase_if(chosen, [&](int group) {
      return getNewBytes(group, cone) + getWrittenBytes(cone) >= bytes;
    });
    saved = chosen.empty() ? 0 : 1;
  }
  if (saved <= 0)
    return false;
  bool changed = false;
  for (int group : chosen)
    changed |= repeat(node, group, cone);
  return changed;
}

/// What no group needs any more is computed no more.
void Recomputer::removeDead() {
  bool changed = true;
  while (changed) {
    changed = false;
    for (size_t index = graph.nodes.size(); index-- > 0;) {
      FuseNode &node = graph.nodes[index];
      if (!node.isCompute || node.group < 0 || node.isUsedOutside)
        continue;
      bool isNeeded = llvm::any_of(node.after, [&](int user) {
        return graph.nodes[user].isCompute && graph.nodes[user].group >= 0;
      });
      if (isNeeded || !graph.groups[node.group].segments.empty())
        continue;
      graph.removeFromGroup(static_cast<int>(index));
      changed = true;
    }
  }
}

unsigned Recomputer::run() {
  size_t count = graph.nodes.size();
  for (size_t index = 0; index < count; ++index) {
    const FuseNode &node = graph.nodes[index];
    if (!node.isCompute || node.group < 0 || !isElementwise(node.op) ||
        getReadingGroups(static_cast<int>(index)).empty() ||
        !graph.groups[node.group].segments.empty() ||
        graph.groups[node.group].closed == "contraction")
      continue;
    if (tryNode(static_cast<int>(index)))
      removeDead();
  }
  return repeated;
}

} // namespace

unsigned recomputeCheaply(FuseGraph &graph) { return Recomputer(graph).run(); }

} // namespace asgc
