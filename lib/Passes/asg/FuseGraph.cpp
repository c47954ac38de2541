//===- FuseGraph.cpp - The ops of a graph as candidates for kernels -------===//
#include "FuseGraph.h"
#include "Matchers.h"

using namespace mlir;

namespace asgc {

bool isSource(Operation *op) {
  if (auto constant = dyn_cast<asg::ConstantOp>(op))
    return bool(getSplat(constant.getY()));
  return isa<asg::IotaOp, asg::DimOp, asg::RandomUniformOp,
             asg::RandomNormalOp>(op);
}

bool isView(Operation *op) {
  if (auto reshape = dyn_cast<asg::ReshapeOp>(op))
    return matchUnitReshape(getTensorType(reshape.getX()), reshape.getType())
        .has_value();
  return isa<asg::BroadcastOp, asg::PadOp, asg::SliceOp, asg::TransposeOp>(op);
}

bool isCheap(Operation *op) {
  return isElementwise(op) &&
         !isa<asg::CosOp, asg::ErfOp, asg::ExpOp, asg::Expm1Op, asg::Log1pOp,
              asg::LogOp, asg::ModOp, asg::PowOp, asg::SinOp, asg::TanhOp>(op);
}

bool isPick(Operation *op) {
  auto gather = dyn_cast<asg::GatherOp>(op);
  return gather && getTensorType(gather.getIndices()).getRank() ==
                       static_cast<int64_t>(gather.getBatchDims());
}

FuseGraph::FuseGraph(asg::GraphOp graph) : graph(graph) {
  addNodes();
  connect();
  findOutsideUses();
}

//===- Nodes --------------------------------------------------------------===//

void FuseGraph::addNodes() {
  for (Operation &op : graph.getBody().front()) {
    FuseNode node;
    node.op = &op;
    node.position = static_cast<int>(nodes.size());
    node.isReduction = getReducedAxes(&op).has_value();
    node.isCompute = isElementwise(&op) || node.isReduction || isPick(&op);
    node.group = node.position;
    indexOf[&op] = node.position;
    if (node.isCompute)
      addReads(node);
    FuseGroup group;
    group.members.push_back(node.position);
    if (!node.isCompute) {
      group.closed = "outside";
    } else {
      Value shape = node.isReduction ? op.getOperand(0) : op.getResult(0);
      group.space = asg::getDims(getTensorType(shape));
      IndexMap map = getIdentityMap(getContext(), group.space.size());
      if (node.isReduction) {
        group.hasReduction = true;
        llvm::append_range(group.reduced, *getReducedAxes(&op));
        IndexMap kept;
        for (int64_t axis : getOtherAxes(map.size(), group.reduced))
          kept.push_back(map[axis]);
        map = kept;
      }
      group.maps[node.position] = map;
    }
    order.push_back(node.position);
    rank.push_back(node.position);
    nodes.push_back(std::move(node));
    groups.push_back(std::move(group));
  }
}

void FuseGraph::addReads(FuseNode &node) {
  for (OpOperand &operand : node.op->getOpOperands())
    trace(node, operand);
}

/// Follows an operand through views to the value behind them.
void FuseGraph::trace(FuseNode &node, OpOperand &operand) {
  FuseRead read;
  auto rank = getTensorType(node.isReduction ? operand.get()
                                             : node.op->getResult(0))
                  .getRank();
  IndexMap here = getIdentityMap(getContext(), rank);
  std::optional<IndexMap> view =
      node.isReduction ? here : mapToOperand(operand, here, symbols);
  // The tensor that an index names elements of has no map.
  read.isGuarded = !view;
  read.view = view.value_or(IndexMap());
  read.base = operand.get();
  while (Operation *op = read.base.getDefiningOp()) {
    if (!isView(op))
      break;
    std::optional<IndexMap> next;
    if (view) {
      next = mapToOperand(op->getOpOperand(0), read.view, symbols);
      if (!next)
        break;
      read.view = *next;
    } else {
      break; // read where the view stands, not through it
    }
    read.isGuarded |= isa<asg::PadOp>(op);
    read.base = op->getOperand(0);
  }
  Operation *op = read.base.getDefiningOp();
  if (op && isSource(op)) {
    for (Value value : op->getOperands()) {
      FuseRead order;
      order.base = value;
      order.isOrder = true;
      if (Operation *maker = value.getDefiningOp())
        order.producer = indexOf.lookup(maker);
      node.reads.push_back(order);
    }
    return;
  }
  if (op)
    read.producer = indexOf.lookup(op);
  node.reads.push_back(std::move(read));
}

void FuseGraph::connect() {
  int lastCall = -1; // what becomes no kernel here, such as a product
  for (auto [index, node] : llvm::enumerate(nodes)) {
    auto add = [&](int producer) {
      if (producer < 0 || llvm::is_contained(node.before, producer))
        return;
      node.before.push_back(producer);
      nodes[producer].after.push_back(static_cast<int>(index));
    };
    if (node.isCompute)
      for (const FuseRead &read : node.reads)
        add(read.producer);
    else
      for (Value operand : node.op->getOperands())
        if (Operation *maker = operand.getDefiningOp())
          add(indexOf.lookup(maker));
    if (node.isCompute || isView(node.op) || isSource(node.op))
      continue;
    // What is made again is made late: it and what it feeds join no kernel that
    // runs before.
    if (node.op->hasAttr("asg.again"))
      add(lastCall);
    lastCall = static_cast<int>(index);
  }
}

/// A view or a constant stays an op of its own if something outside needs it; its
/// operand is then needed outside as well.
void FuseGraph::findOutsideUses() {
  for (FuseNode &node : llvm::reverse(nodes)) {
    bool isNeeded = !node.isCompute && !isView(node.op) && !isSource(node.op);
    if (!isNeeded && !node.isCompute)
      isNeeded = node.isUsedOutside;
    for (const FuseRead &read : node.reads)
      if ((read.isOrder || read.isGuarded) && read.producer >= 0)
        nodes[read.producer].isUsedOutside = true;
    if (!isNeeded)
      continue;
    for (Value operand : node.op->getOperands())
      if (Operation *maker = operand.getDefiningOp())
        nodes[indexOf.lookup(maker)].isUsedOutside = true;
  }
}

//===- Maps ---------------------------------------------------------------===//

IndexMap FuseGraph::getReadCoordinates(const FuseGroup &group, int node) const {
  if (nodes[node].isReduction)
    return getIdentityMap(getContext(), group.space.size());
  return group.maps.at(node);
}

IndexMap FuseGraph::getReadMap(const FuseGroup &group, int node,
                               const FuseRead &read) const {
  return compose(read.view, getReadCoordinates(group, node));
}

//===- Paths --------------------------------------------------------------===//

bool FuseGraph::isOutput(int node, const FuseGroup &group) const {
  if (nodes[node].isUsedOutside)
    return true;
  for (int user : nodes[node].after) {
    if (!nodes[user].isCompute)
      continue; // counted by isUsedOutside where it is needed
    if (!llvm::is_contained(group.members, user))
      return true;
  }
  return false;
}

int FuseGraph::getLastRank(ArrayRef<int> sources) const {
  int last = 0;
  for (int group : sources)
    last = std::max(last, rank[group]);
  return last;
}

/// Follows the edges from `sources` on, up to the last of them in the order; shows each
/// edge once and stops with true where it is the one that is looked for.
bool FuseGraph::walk(ArrayRef<int> sources, int last,
                     function_ref<bool(int, int)> isFound) const {
  std::vector<bool> seen(groups.size());
  SmallVector<int> work(sources);
  for (int group : sources)
    seen[group] = true;
  while (!work.empty()) {
    int group = work.pop_back_val();
    for (int member : groups[group].members)
      for (int user : nodes[member].after) {
        int next = nodes[user].group;
        if (next < 0 || next == group || rank[next] > last)
          continue;
        if (isFound(group, next))
          return true;
        if (seen[next])
          continue;
        seen[next] = true;
        work.push_back(next);
      }
  }
  return false;
}

bool FuseGraph::hasPath(int from, int to) const {
  return walk({from}, rank[to], [&](int, int next) { return next == to; });
}

bool FuseGraph::isConvex(ArrayRef<int> sources) const {
  return !walk(sources, getLastRank(sources), [&](int group, int next) {
    return llvm::is_contained(sources, next) &&
           !llvm::is_contained(sources, group);
  });
}

//===- Sizes --------------------------------------------------------------===//

int64_t FuseGraph::getNumElements(ArrayRef<DimExpr> dims) const {
  int64_t count = 1;
  for (const DimExpr &dim : dims) {
    auto value = dim.evaluate([&](std::string_view name) {
      return asg::GraphOp(graph).getDimBound(name);
    });
    // The verifier bounds the number of elements by 2^40.
    if (!value || __builtin_mul_overflow(count, *value, &count))
      return int64_t(1) << 40;
  }
  return count;
}

int64_t FuseGraph::getNumBytes(Value value) const {
  auto type = getTensorType(value);
  int64_t bits = type.getElementType().getIntOrFloatBitWidth();
  return getNumElements(asg::getDims(type)) * std::max<int64_t>(bits / 8, 1);
}

//===- Groups -------------------------------------------------------------===//

void FuseGraph::merge(ArrayRef<int> sources, FuseGroup merged) {
  // Between the first and the last of the sources: what does not need them, they
  // themselves, what needs them. Nothing is needed by them and needs them.
  std::vector<bool> needsSources(groups.size());
  int last = getLastRank(sources), first = last;
  for (int group : sources)
    first = std::min(first, rank[group]);
  walk(sources, last, [&](int, int next) {
    needsSources[next] = true;
    return false;
  });
  for (int group : sources)
    needsSources[group] = true;
  auto begin = order.begin() + first, end = order.begin() + last + 1;
  auto middle = std::stable_partition(
      begin, end, [&](int group) { return !needsSources[group]; });
  std::stable_partition(middle, end, [&](int group) {
    return llvm::is_contained(sources, group);
  });
  for (int place = first; place <= last; ++place)
    rank[order[place]] = place;

  llvm::sort(merged.members, [&](int x, int y) {
    return std::pair(nodes[x].position, x) < std::pair(nodes[y].position, y);
  });
  for (int member : merged.members)
    nodes[member].group = sources.front();
  for (int group : sources.drop_front()) {
    groups[group] = FuseGroup();
    groups[group].closed = "outside";
  }
  groups[sources.front()] = std::move(merged);
}

int FuseGraph::addNode(FuseNode node) {
  int index = static_cast<int>(nodes.size());
  for (int producer : node.before)
    nodes[producer].after.push_back(index);
  nodes.push_back(std::move(node));
  return index;
}

void FuseGraph::removeFromGroup(int index) {
  FuseNode &node = nodes[index];
  FuseGroup &group = groups[node.group];
  llvm::erase(group.members, index);
  group.maps.erase(index);
  for (int producer : node.before)
    llvm::erase(nodes[producer].after, index);
  node.before.clear();
  node.reads.clear();
  node.group = -1;
}

} // namespace asgc
