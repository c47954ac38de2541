//===- RandomLayout.cpp - Random layout and indexing of any type ----------===//
#include "test/ops/RandomBuilder.h"

using namespace mlir;

namespace asgc::test {

using Value = mlir::Value;

Value RandomBuilder::transposeOf(Value x) {
  Axes perm = allAxes(x);
  std::shuffle(perm.begin(), perm.end(), random);
  return make<asg::TransposeOp>(x, perm);
}

/// Joins two neighbours, or splits off a unit dim.
Value RandomBuilder::reshapeOf(Value x) {
  SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
  if (dims.size() < 2 || coin(3)) {
    dims.insert(dims.begin() + below(dims.size() + 1), DimExpr(1));
  } else {
    int64_t at = below(dims.size() - 1);
    dims[at] = dims[at] * dims[at + 1];
    dims.erase(dims.begin() + at + 1);
  }
  return make<asg::ReshapeOp>(asg::withDims(typeOf(x), dims), x);
}

Value RandomBuilder::sliceOf(Value x) {
  SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
  Axes starts(dims.size(), 0), strides(dims.size(), 1);
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    auto extent = dims[axis].asConstant();
    if (coin(2))
      continue;
    if (!extent) { // the last row, however many there are
      starts[axis] = -1;
      dims[axis] = DimExpr(1);
      continue;
    }
    if (*extent < 2)
      continue;
    starts[axis] = below(*extent);
    strides[axis] = 1 + below(2);
    int64_t most = (*extent - starts[axis] + strides[axis] - 1) / strides[axis];
    dims[axis] = DimExpr(1 + below(most));
    if (coin(3))
      starts[axis] -= *extent; // the same place, counted from the end
  }
  return make<asg::SliceOp>(asg::withDims(typeOf(x), dims), x, starts, strides);
}

Value RandomBuilder::padOf(Value x) {
  Axes low, high, interior;
  for (int64_t axis : allAxes(x)) {
    low.push_back(below(3));
    high.push_back(below(2));
    bool canWiden = !typeOf(x).isDynamicDim(axis);
    interior.push_back(canWiden ? below(2) : 0);
  }
  bool isFloat = isa<FloatType>(elementOf(x));
  return make<asg::PadOp>(x, low, high, interior,
                          llvm::APFloat(coin(2) ? 0.0 : isFloat ? 0.5 : 1.0));
}

Value RandomBuilder::gatherOf(Value x) {
  // Indices may lie outside: they are clamped.
  bool canPick = rankOf(x) >= 2 && typeOf(x).getDimSize(0) == 5;
  if (canPick && coin(2))
    return make<asg::GatherOp>(x, indices32, uint64_t{1}, uint64_t{1});
  return make<asg::GatherOp>(x, coin(2) ? indices64 : indices32,
                             static_cast<uint64_t>(below(rankOf(x))),
                             uint64_t{0});
}

Value RandomBuilder::layoutOf(const Pool &pool) {
  Value x = drawWhere(pool, [](Type type) {
    return type.getRank() >= 1 && type.getRank() <= 4;
  });
  if (!x)
    return {};
  switch (below(6)) {
  case 0: return transposeOf(x);
  case 1: return reshapeOf(x);
  case 2: return sliceOf(x);
  case 3: return rankOf(x) < 4 ? padOf(x) : sliceOf(x);
  case 4: return gatherOf(x);
  default: {
    Value y = drawLike(pool, x);
    return make<asg::ConcatOp>(ValueRange{x, y ? y : x},
                               static_cast<uint64_t>(below(rankOf(x))));
  }
  }
}

void RandomBuilder::layout() {
  if (Value y = layoutOf(floats))
    floats.push_back(y);
}

void RandomBuilder::scan() {
  auto draw = [&](const Pool &pool) {
    return drawWhere(pool, [](Type type) {
      return type.getRank() >= 1 && type.getElementTypeBitWidth() >= 16;
    });
  };
  Pool &pool = coin(2) ? floats : coin(2) ? narrows : integers;
  Value x = draw(pool);
  if (!x)
    return;
  auto axis = static_cast<uint64_t>(below(rankOf(x)));
  Value y = &pool == &integers || coin(2)
                ? make<asg::CumsumOp>(x, axis, coin(2))
                : make<asg::LinearScanOp>(tame(x), x, axis, coin(2));
  pool.push_back(&pool == &narrows ? tame(y) : y);
}

void RandomBuilder::scatter() {
  Value x = drawWhere(floats, [](Type type) {
    return type.getRank() >= 1 && type.hasStaticShape() &&
           type.getDimSize(0) == 5;
  });
  if (!x)
    return;
  SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
  dims[0] = DimExpr(3 + below(5));
  floats.push_back(make<asg::ScatterAddOp>(asg::withDims(typeOf(x), dims), x,
                                           indices32, uint64_t{0}, uint64_t{0}));
}

/// What comes of no elements: sums that are zero, and parts of nothing.
void RandomBuilder::empty() {
  Value nothing = unaryOf(emptyInput); // [0, 7]
  switch (below(4)) {
  case 0:
    return floats.push_back(
        plus(make<asg::ReduceSumOp>(nothing, Axes{0}), 0.5));
  case 1:
    return floats.push_back(make<asg::ConcatOp>(
        ValueRange{nothing, unaryOf(inputs[0]), nothing}, uint64_t{0}));
  case 2:
    return floats.push_back(plus(make<asg::DotOp>(nothing, nothing, Axes{},
                                                  Axes{}, Axes{0}, Axes{0}),
                                 0.25));
  default:
    return floats.push_back(make<asg::PadOp>(nothing, Axes{1, 0}, Axes{1, 2},
                                             Axes{0, 1}, llvm::APFloat(0.5)));
  }
}

} // namespace asgc::test
