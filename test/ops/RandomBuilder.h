//===- RandomBuilder.h - Draws the ops of a random graph ------------------===//
#ifndef ASGC_TEST_OPS_RANDOMBUILDER_H
#define ASGC_TEST_OPS_RANDOMBUILDER_H

#include "test/ops/RandomGraph.h"

#include "llvm/ADT/StringMap.h"

#include <random>

namespace asgc::test {

/// Adds drawn ops to a graph. Values lie in pools by what may be done to them:
/// `floats` (f32) enter the loss; `narrows` (f16, bf16) have a loss of their own, since
/// they are exact to their own digits only; `integers` and `bools` are compared exactly.
class RandomBuilder {
public:
  RandomBuilder(asg::GraphOp graph, uint64_t seed);

  void run(const RandomGraphOptions &options);

private:
  using Value = mlir::Value;
  using Type = mlir::RankedTensorType;
  using Pool = std::vector<Value>;
  using Axes = llvm::SmallVector<int64_t>;
  using Draw = void (RandomBuilder::*)();

  //===- Draws (RandomGraph.cpp) ------------------------------------------===//

  int64_t below(int64_t n) { return static_cast<int64_t>(random() % n); }
  bool coin(int64_t n) { return below(n) == 0; }
  /// Recent values more often, so that graphs grow deep.
  Value draw(const Pool &pool);
  /// Null if none of a few draws is accepted.
  Value drawWhere(const Pool &pool, llvm::function_ref<bool(Type)> accepts);
  Value drawLike(const Pool &pool, Value other);
  Value drawInput() { return inputs[below(inputs.size())]; }
  Axes drawAxes(Value x);

  //===- Building ---------------------------------------------------------===//

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(builder, loc, std::forward<Args>(args)...)->getResult(0);
  }
  static Type typeOf(Value value) {
    return mlir::cast<Type>(value.getType());
  }
  static int64_t rankOf(Value value) { return typeOf(value).getRank(); }
  static mlir::Type elementOf(Value value) {
    return typeOf(value).getElementType();
  }
  static Axes allAxes(Value x);
  Value splat(Value like, double value) {
    return asg::buildSplat(builder, loc, typeOf(like), value);
  }
  Value plus(Value x, double value) {
    return make<asg::AddOp>(x, splat(x, value));
  }
  Value times(Value x, double value) {
    return make<asg::MulOp>(x, splat(x, value));
  }
  Value square(Value x) { return make<asg::MulOp>(x, x); }
  /// Into (-1, 1), whatever came before.
  Value tame(Value x) { return make<asg::TanhOp>(x); }
  Value castTo(Value x, mlir::Type element);
  Value mean(Value x);
  /// `y`, reduced over `axis`, repeated along it again.
  Value along(Value y, Value like, int64_t axis) {
    return asg::buildUnreduce(builder, loc, y, typeOf(like), {axis});
  }

  //===- The graph --------------------------------------------------------===//

  void drawOp();
  /// The loss of the last values of a pool, all recent ones together.
  Value buildLoss(const Pool &pool, size_t count);
  void wrapInLayer(mlir::Operation *before, llvm::ArrayRef<size_t> sizes);
  std::array<Pool *, 5> allPools() {
    return {&floats, &narrows, &integers, &bools, &extraOutputs};
  }
  void assignVariables(mlir::ValueRange gradients);
  void assign(llvm::StringRef variable, Value value);

  //===- Families over f32 (RandomFloats.cpp) -----------------------------===//

  Value unaryOf(Value x);
  Value binaryOf(Value x, Value y);
  Value softmaxOf(Value x);
  Value activationOf(Value x);
  void unary();
  void binary();
  void broadcast();
  void reduce();
  void softmax();
  void layerNorm();
  void gelu();
  void choose();
  void steps();
  void randomDraw();

  //===- Contraction, pooling (RandomContractions.cpp) --------------------===//

  void dot();
  void dense();
  void attention();
  void convolution();
  void pool();

  //===- Layout and indexing of any type (RandomLayout.cpp) ---------------===//

  Value layoutOf(const Pool &pool);
  Value transposeOf(Value x);
  Value reshapeOf(Value x);
  Value sliceOf(Value x);
  Value padOf(Value x);
  Value gatherOf(Value x);
  void layout();
  void scan();
  void scatter();
  void empty();

  //===- Other element types (RandomTypes.cpp) ----------------------------===//

  void narrow();
  void integer();
  void boolean();
  void rounded();
  void bits();
  Value integerOf(Value x);
  Value reducedOf(Value x);

  asg::GraphOp graph;
  mlir::OpBuilder builder;
  mlir::Location loc;
  std::mt19937_64 random;
  /// Drawn in this graph only, so that the others stay as they were; or null.
  Draw rare;
  Pool floats, narrows, integers, bools, extraOutputs;
  Pool inputs; // f32; multiples of 1/64
  Value imageInput, kernelInput, emptyInput, indices64, indices32;
  llvm::StringMap<Value> variables; // what they held; looked up only
};

} // namespace asgc::test

#endif
