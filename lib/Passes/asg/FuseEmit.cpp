//===- FuseEmit.cpp - Groups become asg.fusion ops ------------------------===//
#include "FuseEmit.h"
#include "FuseMerge.h"
#include "Matchers.h"

#include "mlir/IR/IRMapping.h"

#include <queue>

using namespace mlir;

namespace asgc {
namespace {

/// Builds the region of one fusion.
class RegionBuilder {
public:
  RegionBuilder(OpBuilder &builder, const llvm::MapVector<Value, Value> &made,
                ExtentSymbols &symbols)
      : builder(builder), made(made), symbols(symbols) {}

  /// `at` are the coordinates at which the op reads.
  void addMember(Operation *op, const IndexMap &at);
  /// Forgets what was built, for the next of several equal segments.
  void startSegment() {
    inside.clear();
    copies.clear();
  }
  Value lookup(Value value) const { return inside.lookup(value); }

private:
  /// A copy of a view or a constant, and the coordinates it is read at.
  struct Copy {
    IndexMap at;
    Value value;
  };

  Value get(Value value, const IndexMap &at);

  OpBuilder &builder;
  const llvm::MapVector<Value, Value> &made;
  ExtentSymbols &symbols;
  DenseMap<Value, Value> inside; // members
  /// One for each coordinates: a value has one index map in a fusion. Two
  /// slices of one padded tensor read two copies of it.
  DenseMap<Value, SmallVector<Copy, 1>> copies;
};

/// A member's result, a copy of a view or a constant, or the captured value.
Value RegionBuilder::get(Value value, const IndexMap &at) {
  if (Value member = inside.lookup(value))
    return member;
  for (const Copy &copy : copies.lookup(value))
    if (copy.at == at)
      return copy.value;
  if (Value result = made.lookup(value))
    return result;
  Operation *op = value.getDefiningOp();
  if (!op || !(isView(op) || isSource(op)))
    return value;
  IRMapping mapping;
  if (isView(op))
    mapping.map(op->getOperand(0),
                get(op->getOperand(0),
                    *mapToOperand(op->getOpOperand(0), at, symbols)));
  Value copy = builder.clone(*op, mapping)->getResult(0);
  copies[value].push_back({at, copy});
  return copy;
}

void RegionBuilder::addMember(Operation *op, const IndexMap &at) {
  // A library call takes its operands as they are; a pick takes its tensor so.
  bool isCall = isa<asg::DotOp, asg::Conv2dOp>(op);
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands()) {
    bool isPicked = isa<asg::GatherOp>(op) && operand.getOperandNumber() == 0;
    if (isCall || isPicked)
      continue;
    // A reduction reads its operand at the point itself.
    auto own = getReducedAxes(op) ? at : mapToOperand(operand, at, symbols);
    mapping.map(operand.get(), get(operand.get(), *own));
  }
  inside[op->getResult(0)] = builder.clone(*op, mapping)->getResult(0);
}

class Emitter {
public:
  explicit Emitter(FuseGraph &graph)
      : graph(graph), end(graph.graph.getBody().front().getTerminator()) {}
  FailureOr<unsigned> run();

private:
  SmallVector<int> sortGroups() const;
  void emitGroup(FuseGroup &group);
  void wrapLoose();
  void wrap(Operation *op);
  bool isKernelGroup(const FuseGroup &group) const {
    return !group.members.empty() && group.closed != "outside";
  }

  FuseGraph &graph;
  Operation *end;
  /// What fusions give, by the results of the ops they take the place of. Those
  /// stay as they are to the end: a group that repeats an op reads its own.
  llvm::MapVector<Value, Value> made;
  unsigned count = 0;
};

/// Groups in an order in which each stands after what it needs; otherwise in the order
/// of their last ops.
SmallVector<int> Emitter::sortGroups() const {
  std::vector<int> missing(graph.groups.size()), last(graph.groups.size());
  std::vector<llvm::SmallSetVector<int, 4>> users(graph.groups.size());
  for (const FuseNode &node : graph.nodes) {
    if (node.group < 0)
      continue;
    last[node.group] = std::max(last[node.group], node.position);
    for (int producer : node.before) {
      int group = graph.nodes[producer].group;
      if (group >= 0 && group != node.group && users[group].insert(node.group))
        ++missing[node.group];
    }
  }
  using Entry = std::pair<int, int>; // last position, group
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  for (size_t group = 0; group < graph.groups.size(); ++group)
    if (!graph.groups[group].members.empty() && missing[group] == 0)
      ready.emplace(last[group], group);
  SmallVector<int> order;
  while (!ready.empty()) {
    int group = ready.top().second;
    ready.pop();
    order.push_back(group);
    for (int user : users[group])
      if (--missing[user] == 0)
        ready.emplace(last[user], user);
  }
  return order;
}

void Emitter::emitGroup(FuseGroup &group) {
  OpBuilder builder(end);
  SmallVector<SmallVector<int>> segments = group.segments;
  if (segments.empty())
    segments.push_back(group.members);
  SmallVector<int> outputs;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  for (ArrayRef<int> segment : segments)
    for (int node : segment) {
      Operation *op = graph.nodes[node].op;
      locations.push_back(op->getLoc());
      if (!graph.isOutput(node, group))
        continue;
      outputs.push_back(node);
      types.push_back(op->getResult(0).getType());
    }
  StringRef kind = group.closed.empty() ? getKind(graph, group) : group.closed;
  auto fusion = asg::FusionOp::create(
      builder, builder.getFusedLoc(locations), types, kind,
      segments.size() > 1 ? builder.getI64IntegerAttr(segments.size())
                          : IntegerAttr());
  builder.createBlock(&fusion.getBody());
  RegionBuilder region(builder, made, graph.symbols);
  // The ops of a segment and of a contraction all read at the point itself, and
  // a group of several segments has the maps of its first only.
  auto readsAt = [&](int node) {
    if (group.segments.empty() && group.maps.count(node))
      return graph.getReadCoordinates(group, node);
    Operation *op = graph.nodes[node].op;
    Value shape = getReducedAxes(op) ? op->getOperand(0) : op->getResult(0);
    return getIdentityMap(graph.getContext(), getTensorType(shape).getRank());
  };
  SmallVector<Value> results;
  for (ArrayRef<int> segment : segments) {
    region.startSegment();
    for (int node : segment)
      region.addMember(graph.nodes[node].op, readsAt(node));
    for (int node : segment)
      if (llvm::is_contained(outputs, node))
        results.push_back(region.lookup(graph.nodes[node].op->getResult(0)));
  }
  asg::YieldOp::create(builder, fusion.getLoc(), results);
  for (auto [node, result] : llvm::zip(outputs, fusion.getValues()))
    made[graph.nodes[node].op->getResult(0)] = result;
  ++count;
}

/// Puts one op that no kernel took in, and that is no library call, into a fusion of
/// its own.
void Emitter::wrap(Operation *op) {
  OpBuilder builder(op);
  Value value = op->getResult(0);
  auto fusion = asg::FusionOp::create(builder, op->getLoc(), value.getType(),
                                      "map", IntegerAttr());
  builder.createBlock(&fusion.getBody());
  IRMapping mapping;
  Operation *copy = builder.clone(*op, mapping);
  asg::YieldOp::create(builder, op->getLoc(), copy->getResult(0));
  value.replaceAllUsesWith(fusion.getValues()[0]);
  op->erase();
  ++count;
}

/// Constants, draws, repetitions and padding that a library call or an output needs
/// are made by kernels; transposes and slices are read through by strides, and a
/// repetition of nothing is a reshape.
void Emitter::wrapLoose() {
  Block &block = graph.graph.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto broadcast = dyn_cast<asg::BroadcastOp>(op)) {
      if (asg::getNumElements(getTensorType(broadcast.getX())) ==
          asg::getNumElements(broadcast.getType())) {
        OpBuilder builder(&op);
        Value reshape = asg::ReshapeOp::create(
            builder, op.getLoc(), broadcast.getType(), broadcast.getX());
        broadcast.replaceAllUsesWith(reshape);
        op.erase();
        continue;
      }
      // A dot repeats an operand by stride 0.
      if (llvm::all_of(op.getUsers(),
                       [](Operation *user) { return isa<asg::DotOp>(user); }))
        continue;
    }
    if (isSource(&op) || isa<asg::BroadcastOp, asg::PadOp>(op))
      wrap(&op);
  }
}

FailureOr<unsigned> Emitter::run() {
  SmallVector<int> order = sortGroups();
  size_t live = llvm::count_if(
      graph.groups, [](const FuseGroup &group) { return !group.members.empty(); });
  if (order.size() != live)
    return graph.graph.emitOpError("has kernels that need each other; this is a "
                                   "fault of asg-fuse");
  SmallVector<Operation *> old;
  for (const FuseNode &node : graph.nodes) {
    bool stays = !node.isCompute && (node.isUsedOutside ||
                                     !(isView(node.op) || isSource(node.op)));
    bool isReplaced = node.group >= 0 && isKernelGroup(graph.groups[node.group]);
    if (!stays || isReplaced)
      old.push_back(node.op);
  }
  for (int index : order) {
    FuseGroup &group = graph.groups[index];
    if (isKernelGroup(group))
      emitGroup(group);
    else
      for (int member : group.members)
        if (graph.nodes[member].op != end)
          graph.nodes[member].op->moveBefore(end);
  }
  for (auto [value, result] : made)
    value.replaceAllUsesWith(result);
  // Copies of a node name the same op.
  llvm::SetVector<Operation *> dead(old.begin(), old.end());
  for (Operation *op : dead)
    op->dropAllReferences();
  for (Operation *op : dead)
    if (!op->use_empty()) {
      InFlightDiagnostic diag =
          op->emitOpError("is needed outside of its kernel; this is a fault of "
                          "asg-fuse");
      diag.attachNote((*op->user_begin())->getLoc()) << "it is needed here";
      return diag;
    }
  for (Operation *op : dead)
    op->erase();
  wrapLoose();
  return count;
}

} // namespace

FailureOr<unsigned> emitFusions(FuseGraph &graph) { return Emitter(graph).run(); }

} // namespace asgc
