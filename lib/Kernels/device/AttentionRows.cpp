//===- AttentionRows.cpp - The operands of an attention -------------------===//
#include "AttentionRows.h"

#include "FactorLoader.h"

using namespace mlir;
using namespace asgc;
using namespace asgc::kernels;
using arith::CmpIPredicate;

//===- Rows ---------------------------------------------------------------===//

void AttentionRows::open(DeviceBuilder &b, ArrayRef<Value> batch) {
  start = b.addI(
      b.extent(access.offset),
      offsetOf(b, ArrayRef(access.strides).take_front(batch.size()), batch));
}

Value AttentionRows::offset(DeviceBuilder &b, Value row, Value feature) const {
  const std::array place{wide(b, row), wide(b, feature)};
  return b.addI(start,
                offsetOf(b, ArrayRef(access.strides).take_back(2), place));
}

Contraction::Factor AttentionRows::factor(DeviceBuilder &b,
                                          bool isByRow) const {
  Contraction::Factor factor;
  bool isFeatureFast = access.strides.back() == DimExpr(1);
  factor.isDepthFast = isByRow == isFeatureFast;
  auto place = [this, &b, isByRow](Value across, Value depth) {
    return isByRow ? offset(b, across, depth) : offset(b, depth, across);
  };
  factor.read = [this, &b, place](Value across, Value depth) {
    return loadFloat(b, b.operand(operand), place(across, depth), element);
  };
  size_t fast = access.strides.size() - (isFeatureFast ? 1 : 2);
  if (kernels::arePacked(access.strides, fast, isFeatureFast ? features : rows,
                         access.offset, kQuad))
    factor.readRun = [this, &b, place](Value across, Value depth) {
      return loadFloats(b, b.operand(operand), place(across, depth), element,
                        kQuad);
    };
  return factor;
}

Contraction::Factor AttentionRows::byRow(DeviceBuilder &b) const {
  return factor(b, true);
}

Contraction::Factor AttentionRows::byFeature(DeviceBuilder &b) const {
  return factor(b, false);
}

Value AttentionRows::loadStatistic(DeviceBuilder &b, Value row) const {
  Value exists = b.compare(CmpIPredicate::slt, row, narrow(b, b.extent(rows)));
  Value at = wide(b, b.select(exists, row, b.i32(0)));
  Value place = b.addI(start, b.mulI(at, b.extent(access.strides.back())));
  return loadFloat(b, b.operand(operand), place, element);
}

void AttentionRows::storeStatistic(DeviceBuilder &b, Value row,
                                   Value value) const {
  Value place =
      b.addI(start, b.mulI(wide(b, row), b.extent(access.strides.back())));
  storeFloat(b, b.operand(operand), place, element, value);
}

bool AttentionRows::arePacked(int64_t of) const {
  return kernels::arePacked(access.strides, access.strides.size() - 1, features,
                            access.offset, of);
}

int64_t AttentionRows::storeWidth() const {
  return arePacked(kQuad) ? kQuad : 1;
}

Value AttentionRows::place(DeviceBuilder &b, Value row, Value feature) const {
  return b.address(b.operand(operand), offset(b, row, feature),
                   bytesOf(element));
}

void AttentionRows::store(DeviceBuilder &b, Value row, Value feature,
                          ArrayRef<Value> values) const {
  storeFloats(b, b.operand(operand), offset(b, row, feature), element, values);
}

//===- Steps --------------------------------------------------------------===//

AttentionStep::AttentionStep(plan::AttentionOp op)
    : scale(op.getScale().convertToDouble()), isCausal(op.getCausal()),
      isBackward(op.getBackward()), batch(plan::readExtents(op.getBatch())) {
  SmallVector<DimExpr> sizes = plan::readExtents(op.getSizes());
  queries = sizes[0], keys = sizes[1], depth = sizes[2], features = sizes[3];
  const DimExpr one(1);
  SmallVector<std::pair<DimExpr, DimExpr>> shapes = {
      {queries, depth}, {keys, depth}, {keys, features}, {queries, features}};
  if (isBackward)
    shapes.append({{queries, one},
                   {queries, one},
                   {queries, depth},
                   {keys, depth},
                   {keys, features}});
  else
    shapes.push_back({queries, one});
  for (auto [index, buffer] : llvm::enumerate(op->getOperands()))
    rows.push_back({op.getAccess(static_cast<int64_t>(index)),
                    tensorOf(buffer).getElementType(),
                    static_cast<int64_t>(index), shapes[index].first,
                    shapes[index].second, Value()});
}

TileGrid AttentionStep::gridOver(const DimExpr &count,
                                 int64_t rowsPerGroup) const {
  TileGrid grid;
  grid.batch = batch;
  grid.rows = count;
  grid.columns = grid.depth = DimExpr(1);
  grid.tileRows = rowsPerGroup;
  return grid;
}

void AttentionStep::open(DeviceBuilder &b, ArrayRef<Value> place) {
  for (AttentionRows &of : rows)
    of.open(b, place);
}

Value AttentionStep::keysEnd(DeviceBuilder &b, Value firstQuery,
                             int64_t count) const {
  Value end = b.extent(keys);
  if (!isCausal)
    return end;
  Value last = wide(b, b.addI(firstQuery, b.i32(count)));
  return b.binary(Binary::MinS, end, last);
}

Value AttentionStep::sees(DeviceBuilder &b, Value query, Value key) const {
  Value exists =
      b.andI(b.compare(CmpIPredicate::slt, query, narrow(b, b.extent(queries))),
             b.compare(CmpIPredicate::slt, key, narrow(b, b.extent(keys))));
  return isCausal ? b.andI(exists, b.compare(CmpIPredicate::sle, key, query))
                  : exists;
}
