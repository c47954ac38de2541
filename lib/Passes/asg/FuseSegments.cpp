//===- FuseSegments.cpp - Equal kernels over different tensors ------------===//
#include "FuseSegments.h"
#include "FuseMerge.h"
#include "Matchers.h"

using namespace mlir;

namespace asgc {
namespace {

/// The nodes that would be one segment: roots, and what they are computed from.
struct Part {
  SmallVector<int> roots; // what must be written
  SmallVector<int> nodes; // rising by position
};

bool isIdentityView(const FuseRead &read, size_t rank) {
  if (read.view.size() != rank)
    return false;
  for (auto [axis, expr] : llvm::enumerate(read.view)) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || dim.getPosition() != axis)
      return false;
  }
  return true;
}

/// Matches a part with the model of its class, op by op. The model's leaves may stand
/// for nodes of the other part; those are left out of it then.
class PartMatcher {
public:
  PartMatcher(const FuseGraph &graph, const Part &model, const Part &other)
      : graph(graph), inModel(model.nodes.begin(), model.nodes.end()),
        inOther(other.nodes.begin(), other.nodes.end()) {}

  bool matchNode(int model, int other);
  /// The other part's node for a node of the model.
  int lookup(int model) const {
    auto found = nodeOf.find(model);
    return found == nodeOf.end() ? -1 : found->second;
  }

private:
  bool matchRead(const FuseRead &model, const FuseRead &other, Value modelOwn,
                 Value otherOwn);
  bool matchLeaf(Value model, Value other);

  const FuseGraph &graph;
  llvm::SmallDenseSet<int> inModel, inOther;
  std::map<int, int> nodeOf, modelOf;
  DenseMap<Value, Value> leafOf, leafModelOf;
};

bool PartMatcher::matchLeaf(Value model, Value other) {
  if (getTensorType(model).getElementType() !=
      getTensorType(other).getElementType())
    return false;
  auto [entry, isNew] = leafOf.try_emplace(model, other);
  auto [back, isNewBack] = leafModelOf.try_emplace(other, model);
  return entry->second == other && back->second == model;
}

/// Views between an operand and what is read; segments have equal ops, so equal views.
unsigned countViews(Value value) {
  unsigned count = 0;
  for (Operation *op = value.getDefiningOp(); op && isView(op);
       op = op->getOperand(0).getDefiningOp())
    ++count;
  return count;
}

/// What two nodes read must be: each other's nodes, tensors of the nodes' own shape,
/// or the same scalar.
bool PartMatcher::matchRead(const FuseRead &model, const FuseRead &other,
                            Value modelOwn, Value otherOwn) {
  if (model.isGuarded || other.isGuarded || model.isOrder || other.isOrder)
    return false;
  // Tensors are read as they are, scalars may be repeated.
  bool isFull = isIdentityView(model, getTensorType(modelOwn).getRank());
  if (isFull != isIdentityView(other, getTensorType(otherOwn).getRank()))
    return false;
  if (!isFull || getTensorType(modelOwn).getRank() == 0)
    return model.view.empty() && model.base == other.base;
  if (model.producer >= 0 && inModel.contains(model.producer))
    return other.producer >= 0 && inOther.contains(other.producer) &&
           matchNode(model.producer, other.producer);
  return matchLeaf(model.base, other.base);
}

bool PartMatcher::matchNode(int model, int other) {
  auto [entry, isNew] = nodeOf.try_emplace(model, other);
  auto [back, isNewBack] = modelOf.try_emplace(other, model);
  if (entry->second != other || back->second != model)
    return false;
  if (!isNew)
    return true;
  const FuseNode &a = graph.nodes[model], &b = graph.nodes[other];
  if (a.op->getName() != b.op->getName() ||
      a.op->getNumOperands() != b.op->getNumOperands() ||
      a.reads.size() > b.reads.size() || b.reads.size() > a.reads.size())
    return false;
  // Axes differ with the rank; the caller asks for reductions of whole tensors.
  if (!a.isReduction && a.op->getAttrDictionary() != b.op->getAttrDictionary())
    return false;
  if (getTensorType(a.op->getResult(0)).getElementType() !=
      getTensorType(b.op->getResult(0)).getElementType())
    return false;
  Value ownA = a.isReduction ? a.op->getOperand(0) : a.op->getResult(0);
  Value ownB = b.isReduction ? b.op->getOperand(0) : b.op->getResult(0);
  size_t read = 0;
  for (auto [x, y] : llvm::zip(a.op->getOperands(), b.op->getOperands())) {
    TypedAttr splat = getSplat(x);
    if (splat != getSplat(y))
      return false;
    if (splat)
      continue; // a constant; it is no read
    bool isScalar = getTensorType(x).getRank() != 0 && read < a.reads.size() &&
                    a.reads[read].view.empty();
    if (countViews(x) != countViews(y) || countViews(x) != (isScalar ? 1 : 0))
      return false;
    // Other sources draw or count by coordinates, which differ.
    if (read >= a.reads.size() ||
        !matchRead(a.reads[read], b.reads[read], ownA, ownB))
      return false;
    ++read;
  }
  return read == a.reads.size();
}

/// Collects parts into classes of equal ones, and makes groups of the classes.
class Classes {
public:
  /// `kind` of groups with segments, `single` of what has no equals. `isExact`: no
  /// part may leave nodes out.
  Classes(FuseGraph &graph, StringRef kind, StringRef single, bool isExact)
      : graph(graph), kind(kind), single(single), isExact(isExact) {}

  void add(Part part);
  void makeGroups();

private:
  bool fits(const Part &model, const Part &other, Part &matched) const;

  FuseGraph &graph;
  StringRef kind, single;
  bool isExact;
  std::vector<std::vector<Part>> classes;
};

bool Classes::fits(const Part &model, const Part &other, Part &matched) const {
  if (model.roots.size() != other.roots.size() ||
      (isExact && model.nodes.size() != other.nodes.size()))
    return false;
  PartMatcher matcher(graph, model, other);
  for (auto [a, b] : llvm::zip(model.roots, other.roots))
    if (!matcher.matchNode(a, b))
      return false;
  FuseGroup own, whole;
  own.members = model.nodes;
  for (int node : model.nodes) {
    int counterpart = matcher.lookup(node);
    if (counterpart < 0)
      return false;
    matched.nodes.push_back(counterpart);
  }
  for (int root : model.roots)
    matched.roots.push_back(matcher.lookup(root));
  whole.members = matched.nodes;
  // Both must write the same of their values.
  for (auto [a, b] : llvm::zip(model.nodes, matched.nodes))
    if (graph.isOutput(a, own) != graph.isOutput(b, whole))
      return false;
  return true;
}

void Classes::add(Part part) {
  for (std::vector<Part> &members : classes) {
    Part matched;
    if (fits(members.front(), part, matched)) {
      members.push_back(std::move(matched));
      return;
    }
  }
  classes.push_back({std::move(part)});
}

/// Puts a part's nodes into one group; −1, with nothing changed, if other kernels
/// stand between them.
int makeGroup(FuseGraph &graph, const Part &part) {
  llvm::SmallSetVector<int, 8> sources;
  FuseGroup merged = graph.groups[graph.nodes[part.nodes.front()].group];
  merged.members.clear();
  for (int node : part.nodes)
    if (sources.insert(graph.nodes[node].group))
      merged.members.append(graph.groups[graph.nodes[node].group].members);
  if (!graph.isConvex(sources.getArrayRef()))
    return -1;
  graph.merge(sources.getArrayRef(), std::move(merged));
  return sources.front();
}

void Classes::makeGroups() {
  for (std::vector<Part> &parts : classes) {
    if (parts.size() < 2)
      continue;
    int group = -1;
    SmallVector<SmallVector<int>> segments;
    for (const Part &part : parts) {
      int own = makeGroup(graph, part);
      if (own < 0)
        continue;
      // Segments run in any order, so none may need another.
      if (group >= 0) {
        if (graph.hasPath(group, own) || graph.hasPath(own, group)) {
          graph.groups[own].closed = single;
          continue;
        }
        FuseGroup merged = graph.groups[group];
        merged.members.append(graph.groups[own].members);
        graph.merge({group, own}, std::move(merged));
      } else {
        group = own;
      }
      segments.push_back(part.nodes);
    }
    if (group < 0)
      continue;
    bool isOne = segments.size() == 1;
    graph.groups[group].closed = isOne ? single : kind;
    if (!isOne)
      graph.groups[group].segments = std::move(segments);
  }
}

//===- Updates ------------------------------------------------------------===//

/// The nodes of the root's shape that it is computed from, elementwise.
void collectPart(const FuseGraph &graph, int root,
                 const llvm::DenseSet<int> &taken, llvm::DenseSet<int> &seen) {
  SmallVector<int> work{root};
  SmallVector<DimExpr> space = graph.groups[graph.nodes[root].group].space;
  while (!work.empty()) {
    int index = work.pop_back_val();
    const FuseNode &node = graph.nodes[index];
    if (seen.contains(index) || taken.contains(index) || !node.isCompute || node.isReduction ||
        !isElementwise(node.op))
      continue;
    const FuseGroup &group = graph.groups[node.group];
    if (!group.closed.empty() || group.space != space)
      continue;
    seen.insert(index);
    for (const FuseRead &read : node.reads)
      if (read.producer >= 0 && isIdentityView(read, space.size()))
        work.push_back(read.producer);
  }
}

/// The variables that each value is assigned to, in the order of the assignments.
struct AssignedRoot {
  int node;
  bool isParameter;
};

SmallVector<AssignedRoot> findAssigned(const FuseGraph &graph) {
  SmallVector<AssignedRoot> roots;
  SymbolTable symbols(graph.graph->getParentOp());
  DenseMap<Operation *, int> indexOf;
  for (size_t index = 0; index < graph.nodes.size(); ++index)
    indexOf[graph.nodes[index].op] = static_cast<int>(index);
  for (const FuseNode &node : graph.nodes) {
    auto assign = dyn_cast<asg::AssignOp>(node.op);
    Operation *maker = assign ? assign.getValue().getDefiningOp() : nullptr;
    if (!maker || !isElementwise(maker))
      continue;
    bool isParameter =
        isa_and_nonnull<asg::ParamOp>(symbols.lookup(assign.getVariable()));
    roots.push_back({indexOf.lookup(maker), isParameter});
  }
  return roots;
}

} // namespace

void joinUpdates(FuseGraph &graph) {
  SmallVector<AssignedRoot> roots = findAssigned(graph);
  std::vector<Part> parts;
  llvm::DenseSet<int> taken;
  for (const AssignedRoot &root : roots) {
    if (!root.isParameter || taken.contains(root.node))
      continue;
    llvm::DenseSet<int> seen;
    collectPart(graph, root.node, taken, seen);
    Part part;
    part.roots.push_back(root.node);
    // The optimizer's state goes along where the parameter is computed from it, or it
    // from the parameter.
    for (const AssignedRoot &other : roots) {
      if (llvm::is_contained(part.roots, other.node) || taken.contains(other.node))
        continue;
      if (seen.contains(other.node)) {
        part.roots.push_back(other.node);
        continue;
      }
      llvm::DenseSet<int> theirs;
      collectPart(graph, other.node, taken, theirs);
      if (theirs.contains(root.node)) {
        part.roots.push_back(other.node);
        seen.insert(theirs.begin(), theirs.end());
      }
    }
    part.nodes.assign(seen.begin(), seen.end());
    llvm::sort(part.nodes);
    taken.insert(part.nodes.begin(), part.nodes.end());
    if (!part.nodes.empty())
      parts.push_back(std::move(part));
  }
  // Small parts first: they are what the others have in common.
  llvm::stable_sort(parts, [](const Part &a, const Part &b) {
    return a.nodes.size() < b.nodes.size();
  });
  Classes classes(graph, "update", "map", /*isExact=*/false);
  for (Part &part : parts)
    classes.add(std::move(part));
  classes.makeGroups();
}

void joinWholeReductions(FuseGraph &graph) {
  // One alone may still take in what it sums.
  Classes classes(graph, "reduce", /*single=*/"", /*isExact=*/true);
  for (const FuseGroup &group : graph.groups) {
    if (!group.closed.empty() || !group.hasReduction || group.space.empty() ||
        group.reduced.size() != group.space.size() ||
        getKind(graph, group) != "reduce")
      continue;
    Part part;
    part.nodes = group.members;
    for (int member : group.members)
      if (graph.isOutput(member, group))
        part.roots.push_back(member);
    if (llvm::all_of(part.roots,
                     [&](int root) { return graph.nodes[root].isReduction; }))
      classes.add(std::move(part));
  }
  classes.makeGroups();
}

void joinParameterCasts(FuseGraph &graph) {
  Classes classes(graph, "update", /*single=*/"", /*isExact=*/true);
  for (const FuseGroup &group : graph.groups) {
    if (!group.closed.empty() || group.members.size() != 1)
      continue;
    auto cast = dyn_cast<asg::CastOp>(graph.nodes[group.members[0]].op);
    if (cast && cast.getX().getDefiningOp<asg::ReadOp>())
      classes.add({{group.members[0]}, {group.members[0]}});
  }
  classes.makeGroups();
}

} // namespace asgc
