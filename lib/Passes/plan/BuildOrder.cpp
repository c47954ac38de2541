//===- BuildOrder.cpp - Which values are written where they are kept ------===//
#include "ProgramBuilder.h"

#include "mlir/Transforms/RegionUtils.h"

#include <queue>

using namespace mlir;

namespace asgc::planner {

bool isGenerator(Operation *op) {
  if (auto constant = dyn_cast<asg::ConstantOp>(op)) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    return elements && elements.isSplat();
  }
  return isa<asg::IotaOp, asg::DimOp>(op);
}

Value findComputed(Value value) {
  while (auto reshape = value.getDefiningOp<asg::ReshapeOp>())
    value = reshape.getX();
  Operation *op = value.getDefiningOp();
  if (!op || isViewOp(op) || isGenerator(op) ||
      isa<asg::ReadOp, asg::ConstantOp>(op))
    return {};
  return value;
}

namespace {
/// The graph's ops as nodes, by position, with edges from earlier to later.
class Order {
public:
  explicit Order(asg::GraphOp graph) {
    for (Operation &op : graph.getBody().front()) {
      positions[&op] = ops.size();
      ops.push_back(&op);
    }
    later.resize(ops.size());
    for (size_t node = 0; node < ops.size(); ++node)
      addOperands(node);
  }

  /// Puts every reader of a variable before `writer`, if no reader needs what
  /// the writer computes.
  void putReadersBefore(StringRef variable, Operation *writer) {
    size_t node = positions.lookup(writer);
    SmallVector<bool> reached = findReached(node);
    ArrayRef<size_t> variableReaders = readers[variable];
    if (llvm::any_of(variableReaders, [&](size_t reader) {
          return reader != node && reached[reader];
        }))
      return;
    for (size_t reader : variableReaders)
      if (reader != node)
        later[reader].push_back(node);
  }

  /// The given order, as far as the edges allow.
  SmallVector<Operation *> sort() const {
    SmallVector<size_t> waitsFor(ops.size());
    for (ArrayRef<size_t> edges : later)
      for (size_t node : edges)
        ++waitsFor[node];
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t node = 0; node < ops.size(); ++node)
      if (waitsFor[node] == 0)
        ready.push(node);
    SmallVector<Operation *> sorted;
    while (!ready.empty()) {
      size_t node = ready.top();
      ready.pop();
      sorted.push_back(ops[node]);
      for (size_t next : later[node])
        if (--waitsFor[next] == 0)
          ready.push(next);
    }
    return sorted;
  }

private:
  void addOperands(size_t node) {
    SetVector<Value> operands(ops[node]->operand_begin(),
                              ops[node]->operand_end());
    getUsedValuesDefinedAbove(ops[node]->getRegions(), operands);
    for (Value operand : operands) {
      if (Operation *op = operand.getDefiningOp())
        later[positions.lookup(op)].push_back(node);
      // Looks through views: they read when they are used.
      while (Operation *op = operand.getDefiningOp()) {
        if (auto read = dyn_cast<asg::ReadOp>(op))
          readers[read.getVariable()].push_back(node);
        if (!isViewOp(op))
          break;
        operand = op->getOperand(0);
      }
    }
  }

  SmallVector<bool> findReached(size_t from) const {
    SmallVector<bool> reached(ops.size());
    SmallVector<size_t> worklist{from};
    while (!worklist.empty())
      for (size_t next : later[worklist.pop_back_val()])
        if (!reached[next]) {
          reached[next] = true;
          worklist.push_back(next);
        }
    return reached;
  }

  SmallVector<Operation *> ops;
  DenseMap<Operation *, size_t> positions; // looked up only
  SmallVector<SmallVector<size_t, 4>> later;
  llvm::StringMap<SmallVector<size_t>> readers; // looked up only
};
} // namespace

SmallVector<Operation *>
orderForInPlace(asg::GraphOp graph,
                ArrayRef<std::pair<asg::AssignOp, Operation *>> writers) {
  Order order(graph);
  for (auto [assign, writer] : writers)
    if (writer)
      order.putReadersBefore(assign.getVariable(), writer);
  return order.sort();
}

} // namespace asgc::planner
