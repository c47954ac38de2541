//===- ExportLayout.cpp - Layout, indexing and products as nodes ----------===//
#include "dialects/asg/AsgAxes.h"
#include "dialects/asg/SliceBounds.h"
#include "lib/Interop/Onnx/GraphExporter.h"

#include <climits>

using namespace mlir;

namespace asgc::interop {

static Axes countUp(int64_t begin, int64_t end) {
  Axes axes;
  for (int64_t axis = begin; axis < end; ++axis)
    axes.push_back(axis);
  return axes;
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

void exportReshape(GraphExporter &e, Operation *op, StringRef) {
  Value y = op->getResult(0);
  e.set(y, e.reshape(e.full(op->getOperand(0)), Emitter::dims(y)));
}

void exportTranspose(GraphExporter &e, Operation *op, StringRef) {
  auto transpose = cast<asg::TransposeOp>(op);
  e.set(transpose.getY(),
        e.transpose(e.full(transpose.getX()), transpose.getPerm()));
}

/// Axes are put where numpy's rules find them; what uses the value repeats it.
void exportBroadcast(GraphExporter &e, Operation *op, StringRef) {
  auto broadcast = cast<asg::BroadcastOp>(op);
  Exported x = e.get(broadcast.getX());
  ArrayRef<int64_t> axes = broadcast.getDims();
  int64_t rank = Emitter::typeOf(broadcast.getY()).getRank();
  if (x.dims.empty()) // a number
    return e.set(broadcast.getY(), x);
  std::string name = x.name;
  Extents dims = x.dims;
  bool isAtEnd = true;
  for (size_t i = 0; i < axes.size(); ++i)
    isAtEnd &= axes[i] == rank - int64_t(axes.size()) + int64_t(i);
  if (isAtEnd)
    return e.set(broadcast.getY(), x);
  name = e.full(broadcast.getX());
  dims = Emitter::dims(broadcast.getX());
  Axes order = countUp(0, axes.size());
  llvm::sort(order, [&](int64_t a, int64_t b) { return axes[a] < axes[b]; });
  name = e.transpose(name, order);
  Axes sorted(axes), added;
  llvm::sort(sorted);
  Extents placed;
  for (int64_t axis = sorted.front(); axis < rank; ++axis) {
    auto own = llvm::find(sorted, axis);
    if (own == sorted.end())
      added.push_back(axis - sorted.front());
    placed.push_back(own == sorted.end() ? DimExpr(1)
                                         : dims[order[own - sorted.begin()]]);
  }
  e.set(broadcast.getY(), {e.unsqueeze(name, added), placed});
}

void exportConcat(GraphExporter &e, Operation *op, StringRef name) {
  auto concat = cast<asg::ConcatOp>(op);
  std::vector<std::string> inputs;
  for (Value x : concat.getXs())
    inputs.push_back(e.full(x));
  onnx::NodeProto &node = e.add(name, inputs);
  setInteger(node, "axis", int64_t(concat.getAxis()));
  e.set(concat.getY(), node.output(0));
}

void exportSlice(GraphExporter &e, Operation *op, StringRef) {
  auto slice = cast<asg::SliceOp>(op);
  Axes axes, starts, steps;
  Extents ends;
  for (int64_t i = 0; i < slice.getX().getType().getRank(); ++i) {
    auto [begin, end] = asg::boundsOf(slice, i);
    int64_t step = slice.getStrides()[i];
    if (begin == 0 && !end && step == 1)
      continue;
    axes.push_back(i);
    starts.push_back(begin);
    steps.push_back(step);
    ends.push_back(end.value_or(DimExpr(INT_MAX)));
  }
  std::string x = e.full(slice.getX());
  e.set(slice.getY(), axes.empty() ? x
                                   : e.slice(x, e.integers(starts),
                                             e.extents(ends), axes, steps));
}

/// Elements between two are padding of an axis of their own; a negative amount
/// cuts off, which Pad does as well.
void exportPad(GraphExporter &e, Operation *op, StringRef) {
  auto pad = cast<asg::PadOp>(op);
  Extents dims = Emitter::dims(pad.getX());
  Type element = Emitter::typeOf(pad.getX()).getElementType();
  std::string x = e.full(pad.getX()),
              value = e.scalar(pad.getValue().convertToDouble(), element);
  auto padded = [&](ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
    Axes amounts(low);
    amounts.append(high.begin(), high.end());
    x = e.node("Pad", {x, e.integers(amounts), value});
  };
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    int64_t between = pad.getInterior()[axis];
    if (between == 0)
      continue;
    x = e.unsqueeze(x, {int64_t(axis) + 1});
    Axes low(dims.size() + 1, 0), high(low);
    high[axis + 1] = between;
    padded(low, high);
    dims[axis] = dims[axis] * DimExpr(between + 1);
    x = e.reshape(x, dims);
    x = e.slice(x, e.integers({0}), e.integers({-between}), {int64_t(axis)},
                {1});
    dims[axis] = dims[axis] - DimExpr(between);
  }
  auto isZero = [](int64_t amount) { return amount == 0; };
  if (!llvm::all_of(pad.getLow(), isZero) ||
      !llvm::all_of(pad.getHigh(), isZero))
    padded(pad.getLow(), pad.getHigh());
  e.set(pad.getY(), x);
}

//===----------------------------------------------------------------------===//
// Indexing
//===----------------------------------------------------------------------===//

void exportGather(GraphExporter &e, Operation *op, StringRef) {
  auto gather = cast<asg::GatherOp>(op);
  int64_t axis = gather.getAxis(), batch = gather.getBatchDims();
  int64_t rank = Emitter::typeOf(gather.getX()).getRank(),
          places = Emitter::typeOf(gather.getIndices()).getRank() - batch;
  std::string x = e.full(gather.getX()), index = e.full(gather.getIndices());
  if (batch == 0) {
    onnx::NodeProto &node = e.add("Gather", {x, index});
    setInteger(node, "axis", axis);
    return e.set(gather.getY(), node.output(0));
  }
  // The axis is moved behind the batch axes, where GatherND finds it, and the
  // axes between go back before it.
  int64_t between = axis - batch;
  Axes there, back;
  for (int64_t i = 0; i < rank; ++i)
    there.push_back(i < batch || i > axis ? i : i == batch ? axis : i - 1);
  for (int64_t i = 0; i < Emitter::typeOf(gather.getY()).getRank(); ++i)
    back.push_back(i < batch || i >= batch + between + places ? i
                   : i < batch + between                      ? i + places
                                                              : i - between);
  Type i64 = IntegerType::get(op->getContext(), 64);
  if (!Emitter::typeOf(gather.getIndices()).getElementType().isInteger(64))
    index = e.cast(index, i64);
  onnx::NodeProto &node =
      e.add("GatherND",
            {e.transpose(x, there), e.unsqueeze(index, {batch + places})});
  setInteger(node, "batch_dims", batch);
  e.set(gather.getY(), e.transpose(node.output(0), back));
}

/// Zeros to which ScatterND adds; the places of batch axes are counted out.
void exportScatterAdd(GraphExporter &e, Operation *op, StringRef) {
  auto scatter = cast<asg::ScatterAddOp>(op);
  int64_t axis = scatter.getAxis(), batch = scatter.getBatchDims();
  if (axis != batch)
    return e.refuse(op, "asg.scatter_add behind other axes");
  auto type = Emitter::typeOf(scatter.getY());
  Extents places = Emitter::dims(scatter.getIndices());
  Type i64 = IntegerType::get(op->getContext(), 64);
  std::string index = e.full(scatter.getIndices());
  if (!Emitter::typeOf(scatter.getIndices()).getElementType().isInteger(64))
    index = e.cast(index, i64);
  int64_t last = int64_t(places.size());
  index = e.unsqueeze(index, {last});
  if (batch > 0) {
    std::vector<std::string> parts;
    Extents column = places;
    column.push_back(DimExpr(1));
    for (int64_t i = 0; i < batch; ++i) {
      std::string count =
          e.unsqueeze(e.iota(places[i], i64), countUp(1, last + 1 - i));
      parts.push_back(e.node("Expand", {count, e.extents(column)}));
    }
    parts.push_back(index);
    onnx::NodeProto &node = e.add("Concat", parts);
    setInteger(node, "axis", last);
    index = node.output(0);
  }
  onnx::NodeProto &node = e.add(
      "ScatterND", {e.filled(asg::getDims(type), 0, type.getElementType()),
                    index, e.full(scatter.getX())});
  setText(node, "reduction", "add");
  e.set(scatter.getY(), node.output(0));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// An operand with its axes in the order batch, `first`, `second`, of which the
/// last two groups are one axis each if they are not already.
static std::string asMatrices(GraphExporter &e, Value value,
                              ArrayRef<int64_t> batch, ArrayRef<int64_t> first,
                              ArrayRef<int64_t> second, bool keepsFirst) {
  Axes order(batch);
  order.append(first.begin(), first.end());
  order.append(second.begin(), second.end());
  std::string x = e.transpose(e.full(value), order);
  if (second.size() == 1 && (first.size() == 1 || keepsFirst))
    return x;
  auto type = Emitter::typeOf(value);
  Extents dims;
  for (int64_t axis : batch)
    dims.push_back(asg::getDim(type, axis));
  if (keepsFirst)
    for (int64_t axis : first)
      dims.push_back(asg::getDim(type, axis));
  else
    dims.push_back(asg::getSize(type, first));
  dims.push_back(asg::getSize(type, second));
  return e.reshape(x, dims);
}

void exportDot(GraphExporter &e, Operation *op, StringRef) {
  auto dot = cast<asg::DotOp>(op);
  auto left = Emitter::typeOf(dot.getLhs()),
       right = Emitter::typeOf(dot.getRhs());
  if (left.getElementType().isInteger(8))
    return e.refuse(op, "asg.dot of i8");
  Axes rows = asg::getFreeAxes(left.getRank(), dot.getLhsBatch(),
                               dot.getLhsContract()),
       columns = asg::getFreeAxes(right.getRank(), dot.getRhsBatch(),
                                  dot.getRhsContract());
  // Rows of several axes stay as they are beside one matrix.
  bool keepsRows = dot.getLhsBatch().empty() && !rows.empty();
  std::string lhs = asMatrices(e, dot.getLhs(), dot.getLhsBatch(), rows,
                               dot.getLhsContract(), keepsRows);
  std::string rhs;
  if (dot.getRhsContract().size() == 1 && columns.size() == 1) {
    Axes order(dot.getRhsBatch());
    order.append({dot.getRhsContract()[0], columns[0]});
    rhs = e.transpose(e.full(dot.getRhs()), order);
  } else {
    rhs = asMatrices(e, dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract(),
                     columns, false);
  }
  std::string y = e.node("MatMul", {lhs, rhs});
  bool isWhole = columns.size() == 1 && (keepsRows || rows.size() == 1);
  e.set(dot.getY(), isWhole ? y : e.reshape(y, Emitter::dims(dot.getY())));
}

} // namespace asgc::interop
