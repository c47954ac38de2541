//===- Indexing.cpp - Evaluates gather and scatter ------------------------===//
#include "lib/Interpreter/Evaluation.h"

using namespace mlir;

namespace asgc::interpreter {

namespace {
/// Calls `visit` with the flat places of every element in the taken slices and
/// in the source of gather(source, indices).
template <typename Visit>
void forEachTaken(const Array &indices, const Extents &source, int64_t axis,
                  int64_t batchDims, Visit visit) {
  ArrayRef<int64_t> shape(source), index(indices.shape);
  // The axes fall into [batch, outer, indexed axis, inner].
  int64_t batch = countElements(shape.take_front(batchDims));
  int64_t outer = countElements(shape.slice(batchDims, axis - batchDims));
  int64_t extent = shape[axis];
  int64_t inner = countElements(shape.drop_front(axis + 1));
  int64_t count = countElements(index.drop_front(batchDims));
  int64_t taken = 0;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i) {
        int64_t at =
            std::clamp<int64_t>(indices.integers[b * count + i], 0, extent - 1);
        for (int64_t r = 0; r < inner; ++r)
          visit(taken++, ((b * outer + o) * extent + at) * inner + r);
      }
}

LogicalResult checkExtent(Evaluation &e, const Extents &source, int64_t axis) {
  if (source[axis] < 1)
    return e.op->emitOpError() << "indexes axis " << axis << ", which is empty";
  return success();
}

LogicalResult evaluateGather(Evaluation &e) {
  auto op = cast<asg::GatherOp>(e.op);
  const Array &x = e.in(0);
  Array &y = e.out();
  if (failed(checkExtent(e, x.shape, op.getAxis())))
    return failure();
  forEachTaken(e.in(1), x.shape, op.getAxis(), op.getBatchDims(),
               [&](int64_t to, int64_t from) {
                 if (x.isFloat())
                   y.floats[to] = x.floats[from];
                 else
                   y.integers[to] = x.integers[from];
               });
  return success();
}

LogicalResult evaluateScatterAdd(Evaluation &e) {
  auto op = cast<asg::ScatterAddOp>(e.op);
  if (failed(checkExtent(e, e.out().shape, op.getAxis())))
    return failure();
  forEachTaken(e.in(1), e.out().shape, op.getAxis(), op.getBatchDims(),
               [&](int64_t from, int64_t to) {
                 e.out().floats[to] += e.in(0).floats[from];
               });
  return success();
}
} // namespace

void addIndexing(Evaluators &evaluators) {
  evaluators["asg.gather"] = evaluateGather;
  evaluators["asg.scatter_add"] = evaluateScatterAdd;
}

} // namespace asgc::interpreter
