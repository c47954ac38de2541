//===- RandomContractions.cpp - Random products, convolutions, pools ------===//
#include "test/ops/RandomBuilder.h"

using namespace mlir;

namespace asgc::test {

using Value = mlir::Value;

void RandomBuilder::dot() {
  Value x = drawWhere(floats, [](Type type) { return type.getRank() >= 1; });
  if (!x)
    return;
  x = tame(x);
  Axes batch, contract;
  for (int64_t axis : allAxes(x)) {
    int64_t part = below(3);
    if (part == 0)
      batch.push_back(axis);
    else if (part == 1)
      contract.push_back(axis);
  }
  Value y = coin(2) ? x : make<asg::SinOp>(x);
  // Free axes of both sides stand in the result: keep it small.
  if (rankOf(x) - batch.size() - contract.size() > 2)
    return;
  floats.push_back(
      times(make<asg::DotOp>(x, y, batch, batch, contract, contract), 0.2));
}

/// activation(x · weightᵀ + bias + residual), each part or not.
void RandomBuilder::dense() {
  Value x = drawWhere(floats, [](Type type) {
    return type.getRank() >= 1 && type.getShape().back() == 7;
  });
  if (!x)
    return;
  int64_t last = rankOf(x) - 1;
  Value weight = variables["weight"];
  auto product = [&](Value by) {
    return make<asg::DotOp>(tame(x), by, Axes{}, Axes{}, Axes{last}, Axes{1});
  };
  Value y = product(coin(2) ? weight : inputs[0]);
  if (coin(2)) {
    Value vector = make<asg::ReduceMaxOp>(weight, Axes{1});
    y = make<asg::AddOp>(
        y, asg::buildBroadcast(builder, loc, vector, typeOf(y), Axes{last}));
  }
  if (coin(3)) {
    Value other = drawLike(floats, y);
    y = make<asg::AddOp>(y, other ? other : product(make<asg::SinOp>(weight)));
  }
  floats.push_back(coin(4) ? y : activationOf(y));
}

void RandomBuilder::attention() {
  Value x = drawWhere(floats, [](Type type) {
    int64_t rank = type.getRank();
    return rank >= 2 && type.getShape()[rank - 1] > 0 &&
           type.getShape()[rank - 2] != 0;
  });
  if (!x)
    return;
  Value query = tame(x);
  auto op = asg::AttentionOp::create(
      builder, loc, query, make<asg::SinOp>(x), query,
      builder.getF64FloatAttr(0.5),
      coin(2) ? builder.getUnitAttr() : UnitAttr());
  floats.push_back(op.getY());
  if (coin(4))
    floats.push_back(op.getLse());
}

void RandomBuilder::convolution() {
  Value x = imageInput; // [2, 6, 5, 4]
  if (coin(2))
    x = make<asg::SinOp>(x);
  Axes strides = {1 + below(2), 1 + below(2)};
  Axes low = {below(2), below(2)}, high = {below(2), below(3)};
  Axes dilations = {1 + below(2), 1};
  // [4, 3, 3, 2]: two groups
  Value y = times(make<asg::Conv2dOp>(x, kernelInput, strides, low, high,
                                      dilations, uint64_t{2}),
                  0.25);
  if (coin(2)) {
    Value vector = make<asg::ReduceMaxOp>(kernelInput, Axes{1, 2, 3});
    y = make<asg::AddOp>(
        y, asg::buildBroadcast(builder, loc, vector, typeOf(y), Axes{1}));
  }
  floats.push_back(coin(2) ? y : activationOf(y));
}

void RandomBuilder::pool() {
  Value x = imageInput;
  if (coin(2))
    x = make<asg::SinOp>(x);
  Axes kernel = {1 + below(3), 1 + below(3)};
  Axes strides = {1 + below(2), 1 + below(2)};
  Axes low, high;
  for (int64_t extent : kernel) {
    low.push_back(below(extent / 2 + 1));
    high.push_back(below(extent / 2 + 1));
  }
  if (coin(2))
    return floats.push_back(make<asg::AvgPool2dOp>(x, kernel, strides, low, high,
                                                   coin(2)));
  auto op = asg::MaxPool2dOp::create(builder, loc, x, kernel, strides, low, high,
                                     Axes{1, 1});
  floats.push_back(op.getY());
  if (coin(2))
    integers.push_back(op.getIndices());
}

} // namespace asgc::test
