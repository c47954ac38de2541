//===- RandomGraph.cpp - Valid graphs by the hundred ----------------------===//
#include "test/ops/RandomGraph.h"

#include "test/ops/Backward.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <random>

using namespace mlir;

namespace asgc::test {

namespace {

// Inputs come in these shapes; `n` is known at run time only.
constexpr const char *kHeader = R"(
asg.graph @main(
    %a: tensor<5x7xf32> {asg.name = "a"},
    %b: tensor<7xf32> {asg.name = "b"},
    %c: tensor<f32> {asg.name = "c"},
    %d: tensor<3x5x7xf32> {asg.name = "d"},
    %e: tensor<2x6x5x4xf32> {asg.name = "e"},
    %f: tensor<4x3x3x2xf32> {asg.name = "f"},
    %g: tensor<?x7xf32, #asg.dims<n, 7>> {asg.name = "g"},
    %h: tensor<?x3x7xf32, #asg.dims<n, 3, 7>> {asg.name = "h"},
    %i: tensor<4xi64> {asg.name = "i"},
    %j: tensor<5xi32> {asg.name = "j"},
    %k: tensor<33x17xf32> {asg.name = "k"}) dims = {n = 9} {
  asg.return
})";

class Generator {
public:
  Generator(asg::GraphOp graph, uint64_t seed)
      : graph(graph), builder(graph.getContext()),
        loc(NameLoc::get(builder.getStringAttr("random"),
                         FileLineColLoc::get(builder.getContext(), "random.asg",
                                             1, 1))),
        random(seed) {
    builder.setInsertionPoint(graph.getBody().front().getTerminator());
    for (BlockArgument argument : graph.getBody().getArguments()) {
      argument.setLoc(loc);
      if (isFloat(argument)) {
        values.push_back(argument);
        inputs.push_back(argument);
      }
    }
    indices64 = graph.getBody().getArgument(8);
    indices32 = graph.getBody().getArgument(9);
  }

  void run(const RandomGraphOptions &options) {
    for (int64_t i = 0; i < options.ops; ++i) {
      // The type is now that of the graph's line i + 2, for provenance.
      loc = NameLoc::get(builder.getStringAttr("random." + Twine(i)),
                         FileLineColLoc::get(builder.getContext(), "random.asg",
                                             i + 2, 1));
      drawOp();
    }
    SmallVector<Value> outputs;
    Value loss;
    // Everything recent enters the loss; a few values are outputs themselves.
    size_t first = values.size() > 8 ? values.size() - 8 : 0;
    for (size_t i = first; i < values.size(); ++i) {
      Value value = toF32(values[i]);
      Value term = mean(asg::MulOp::create(builder, loc, value, value));
      loss = loss ? asg::AddOp::create(builder, loc, loss, term).getResult()
                  : term;
      if (coin(3))
        outputs.push_back(values[i]);
    }
    outputs.append(extraOutputs);
    outputs.push_back(loss);
    if (options.wantsGradient) {
      SmallVector<Value> wrt(inputs.begin(), inputs.end());
      SmallVector<Type> types;
      for (Value value : wrt)
        types.push_back(value.getType());
      auto gradient = asg::GradientOp::create(builder, loc, types, loss, wrt,
                                              /*allowUnused=*/true);
      llvm::append_range(outputs, gradient.getResults());
    }
    setOutputs(graph, outputs);
  }

private:
  using T = RankedTensorType;

  //===- Draws ------------------------------------------------------------===//

  int64_t below(int64_t n) { return static_cast<int64_t>(random() % n); }
  bool coin(int64_t n) { return below(n) == 0; }
  /// Recent values more often, so that graphs grow deep.
  Value draw() {
    size_t i = coin(2) ? values.size() - 1 - below(std::min<size_t>(4, values.size()))
                       : below(values.size());
    return values[i];
  }
  Value drawWhere(llvm::function_ref<bool(T)> accepts) {
    for (int i = 0; i < 20; ++i)
      if (Value value = draw(); accepts(typeOf(value)))
        return value;
    return {};
  }
  Value drawInput() { return inputs[below(inputs.size())]; }

  static bool isFloat(Value value) {
    return isa<FloatType>(typeOf(value).getElementType());
  }
  static T typeOf(Value value) { return cast<T>(value.getType()); }
  void keep(Value value) { values.push_back(value); }
  static SmallVector<int64_t> allAxes(Value x) {
    return llvm::to_vector(llvm::seq<int64_t>(0, typeOf(x).getRank()));
  }

  //===- Building ---------------------------------------------------------===//

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(builder, loc, std::forward<Args>(args)...).getResult();
  }
  Value splat(Value like, double value) {
    return asg::buildSplat(builder, loc, typeOf(like), value);
  }
  Value plus(Value x, double value) { return make<asg::AddOp>(x, splat(x, value)); }
  Value times(Value x, double value) { return make<asg::MulOp>(x, splat(x, value)); }
  Value square(Value x) { return make<asg::MulOp>(x, x); }
  /// Into (-1, 1), whatever came before.
  Value tame(Value x) { return make<asg::TanhOp>(x); }
  Value toF32(Value x) {
    return typeOf(x).getElementType().isF32()
               ? x
               : make<asg::CastOp>(
                     asg::withElementType(typeOf(x), builder.getF32Type()), x);
  }
  Value mean(Value x) {
    SmallVector<int64_t> axes = allAxes(x);
    Value sum = make<asg::ReduceSumOp>(x, axes);
    DimExpr count = asg::getNumElements(typeOf(x));
    Value extent =
        count.asConstant()
            ? splat(sum, static_cast<double>(*count.asConstant()))
            : make<asg::DimOp>(sum.getType(), builder.getStringAttr(count.str()));
    return make<asg::DivOp>(sum, extent);
  }

  //===- Families ---------------------------------------------------------===//

  void drawOp() {
    using Draw = void (Generator::*)();
    static constexpr Draw draws[] = {
        &Generator::unary,      &Generator::unary,    &Generator::binary,
        &Generator::binary,     &Generator::broadcast, &Generator::reduce,
        &Generator::reduce,     &Generator::transpose, &Generator::reshape,
        &Generator::slice,      &Generator::pad,      &Generator::concat,
        &Generator::dot,        &Generator::dot,      &Generator::convolution,
        &Generator::pool,       &Generator::gather,   &Generator::scatter,
        &Generator::softmax,    &Generator::layerNorm, &Generator::choose,
        &Generator::steps,      &Generator::randomDraw, &Generator::narrow,
        &Generator::bits,       &Generator::gelu};
    (this->*draws[below(std::size(draws))])();
  }

  void unary() {
    Value x = draw();
    switch (below(13)) {
    case 0: return keep(make<asg::NegOp>(x));
    case 1: return keep(make<asg::AbsOp>(x));
    case 2: return keep(make<asg::TanhOp>(x));
    case 3: return keep(make<asg::ErfOp>(x));
    case 4: return keep(make<asg::SinOp>(x));
    case 5: return keep(make<asg::CosOp>(x));
    case 6: return keep(make<asg::ExpOp>(tame(x)));
    case 7: return keep(make<asg::Expm1Op>(tame(x)));
    case 8: return keep(make<asg::LogOp>(plus(square(x), 0.5)));
    case 9: return keep(make<asg::Log1pOp>(square(tame(x))));
    case 10: return keep(make<asg::SqrtOp>(plus(square(x), 0.5)));
    case 11: return keep(make<asg::RsqrtOp>(plus(square(x), 0.5)));
    default: return keep(make<asg::StopGradientOp>(x));
    }
  }

  void binary() {
    Value x = draw();
    Value y = drawWhere([&](T type) { return type == typeOf(x); });
    y = y ? y : make<asg::SinOp>(x);
    switch (below(7)) {
    case 0: return keep(make<asg::AddOp>(x, y));
    case 1: return keep(make<asg::SubOp>(x, y));
    case 2: return keep(make<asg::MulOp>(tame(x), y));
    case 3: return keep(make<asg::DivOp>(x, plus(square(y), 1)));
    case 4: return keep(make<asg::MinOp>(x, y));
    case 5: return keep(make<asg::MaxOp>(x, y));
    default:
      return keep(make<asg::PowOp>(plus(square(tame(x)), 0.5), tame(y)));
    }
  }

  /// A value repeated to a larger shape and joined with one of that shape.
  void broadcast() {
    Value x = drawWhere([](T type) { return type.getRank() > 0; });
    if (!x)
      return;
    SmallVector<int64_t> reduced, kept;
    for (int64_t axis = 0; axis < typeOf(x).getRank(); ++axis)
      (coin(2) ? reduced : kept).push_back(axis);
    Value small = make<asg::ReduceMaxOp>(x, reduced);
    Value large = asg::buildBroadcast(builder, loc, small, typeOf(x), kept);
    keep(make<asg::SubOp>(x, large));
  }

  void reduce() {
    Value x = drawWhere([](T type) { return type.getRank() > 0; });
    if (!x)
      return;
    SmallVector<int64_t> axes;
    for (int64_t axis = 0; axis < typeOf(x).getRank(); ++axis)
      if (coin(2))
        axes.push_back(axis);
    switch (below(4)) {
    case 0: return keep(times(make<asg::ReduceSumOp>(x, axes), 0.25));
    case 1: return keep(make<asg::ReduceMaxOp>(x, axes));
    case 2: return keep(make<asg::ReduceMinOp>(x, axes));
    default: {
      // Of few elements near one: a product stays near one.
      Value near = plus(times(tame(x), 0.05), 1);
      return keep(make<asg::ReduceProdOp>(near, axes));
    }
    }
  }

  void transpose() {
    Value x = draw();
    SmallVector<int64_t> perm = allAxes(x);
    std::shuffle(perm.begin(), perm.end(), random);
    keep(make<asg::TransposeOp>(x, perm));
  }

  void reshape() {
    Value x = drawWhere([](T type) { return type.getRank() >= 2; });
    if (!x)
      return;
    // Joins two neighbours, or splits off a unit dim.
    SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
    int64_t at = below(dims.size() - 1);
    if (coin(3)) {
      dims.insert(dims.begin() + at, DimExpr(1));
    } else {
      dims[at] = dims[at] * dims[at + 1];
      dims.erase(dims.begin() + at + 1);
    }
    keep(make<asg::ReshapeOp>(asg::withDims(typeOf(x), dims), x));
  }

  void slice() {
    Value x = draw();
    SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
    SmallVector<int64_t> starts(dims.size(), 0), strides(dims.size(), 1);
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      auto extent = dims[axis].asConstant();
      if (!extent || *extent < 2 || coin(2))
        continue;
      starts[axis] = below(*extent);
      strides[axis] = 1 + below(2);
      int64_t most = (*extent - starts[axis] + strides[axis] - 1) / strides[axis];
      dims[axis] = DimExpr(1 + below(most));
    }
    keep(make<asg::SliceOp>(asg::withDims(typeOf(x), dims), x, starts, strides));
  }

  void pad() {
    Value x = drawWhere([](T type) {
      return type.getRank() > 0 && type.getRank() < 4;
    });
    if (!x)
      return;
    int64_t rank = typeOf(x).getRank();
    SmallVector<int64_t> low, high, interior;
    for (int64_t axis = 0; axis < rank; ++axis) {
      low.push_back(below(3));
      high.push_back(below(2));
      bool canWiden = !typeOf(x).isDynamicDim(axis);
      interior.push_back(canWiden ? below(2) : 0);
    }
    keep(make<asg::PadOp>(x, low, high, interior,
                          llvm::APFloat(coin(2) ? 0.0 : 0.5)));
  }

  void concat() {
    Value x = drawWhere([](T type) { return type.getRank() > 0; });
    if (!x)
      return;
    Value y = drawWhere([&](T type) { return type == typeOf(x); });
    y = y ? y : make<asg::CosOp>(x);
    keep(make<asg::ConcatOp>(ValueRange{x, y},
                             static_cast<uint64_t>(below(typeOf(x).getRank()))));
  }

  void dot() {
    Value x = drawWhere([](T type) { return type.getRank() >= 1; });
    if (!x)
      return;
    x = tame(toF32(x));
    int64_t rank = typeOf(x).getRank();
    SmallVector<int64_t> batch, contract;
    for (int64_t axis = 0; axis < rank; ++axis) {
      int64_t part = below(3);
      if (part == 0)
        batch.push_back(axis);
      else if (part == 1)
        contract.push_back(axis);
    }
    Value y = coin(2) ? x : make<asg::SinOp>(x);
    // Free axes of both sides stand in the result: keep it small.
    if (rank - batch.size() - contract.size() > 2)
      return;
    keep(times(make<asg::DotOp>(x, y, batch, batch, contract, contract), 0.2));
  }

  void convolution() {
    Value x = graph.getBody().getArgument(4); // [2, 6, 5, 4]
    Value weight = graph.getBody().getArgument(5); // [4, 3, 3, 2]: two groups
    if (coin(2))
      x = make<asg::SinOp>(x);
    SmallVector<int64_t> strides = {1 + below(2), 1 + below(2)};
    SmallVector<int64_t> low = {below(2), below(2)}, high = {below(2), below(3)};
    SmallVector<int64_t> dilations = {1 + below(2), 1};
    keep(times(make<asg::Conv2dOp>(x, weight, strides, low, high, dilations,
                                   uint64_t{2}),
               0.25));
  }

  void pool() {
    Value x = graph.getBody().getArgument(4);
    if (coin(2))
      x = make<asg::SinOp>(x);
    SmallVector<int64_t> kernel = {1 + below(3), 1 + below(3)};
    SmallVector<int64_t> strides = {1 + below(2), 1 + below(2)};
    SmallVector<int64_t> low, high;
    for (int64_t extent : kernel) {
      low.push_back(below(extent / 2 + 1));
      high.push_back(below(extent / 2 + 1));
    }
    if (coin(2)) {
      auto op = asg::MaxPool2dOp::create(builder, loc, x, kernel, strides, low,
                                         high, ArrayRef<int64_t>{1, 1});
      if (coin(3))
        extraOutputs.push_back(op.getIndices());
      return keep(op.getY());
    }
    keep(make<asg::AvgPool2dOp>(x, kernel, strides, low, high, coin(2)));
  }

  void gather() {
    Value x = drawWhere([](T type) { return type.getRank() >= 1; });
    if (!x)
      return;
    // Indices may lie outside: they are clamped.
    keep(make<asg::GatherOp>(x, coin(2) ? indices64 : indices32,
                             static_cast<uint64_t>(below(typeOf(x).getRank())),
                             uint64_t{0}));
  }

  void scatter() {
    Value x = drawWhere([](T type) {
      return type.getRank() >= 1 && type.hasStaticShape() &&
             type.getDimSize(0) == 5;
    });
    if (!x)
      return;
    SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
    dims[0] = DimExpr(3 + below(5));
    keep(make<asg::ScatterAddOp>(asg::withDims(typeOf(x), dims), x, indices32,
                                 uint64_t{0}, uint64_t{0}));
  }

  void softmax() {
    Value x = drawWhere([](T type) { return type.getRank() >= 1; });
    if (!x)
      return;
    int64_t axis = coin(3) ? below(typeOf(x).getRank()) : typeOf(x).getRank() - 1;
    auto along = [&](Value y) {
      return asg::buildUnreduce(builder, loc, y, typeOf(x), {axis});
    };
    SmallVector<int64_t> axes = {axis};
    Value largest = make<asg::ReduceMaxOp>(x, axes);
    Value e = make<asg::ExpOp>(
        make<asg::SubOp>(x, along(make<asg::StopGradientOp>(largest))));
    keep(make<asg::DivOp>(e, along(make<asg::ReduceSumOp>(e, axes))));
  }

  void layerNorm() {
    Value x = drawWhere([](T type) {
      return type.getRank() >= 1 && !type.isDynamicDim(type.getRank() - 1) &&
             type.getShape().back() > 1;
    });
    if (!x)
      return;
    int64_t axis = typeOf(x).getRank() - 1;
    SmallVector<int64_t> axes = {axis};
    double scale = 1.0 / typeOf(x).getShape().back();
    auto rowMean = [&](Value y) {
      Value sum = make<asg::ReduceSumOp>(y, axes);
      return asg::buildUnreduce(builder, loc, times(sum, scale), typeOf(x),
                                {axis});
    };
    Value centered = make<asg::SubOp>(x, rowMean(x));
    Value variance = plus(rowMean(square(centered)), 0.1);
    keep(make<asg::MulOp>(centered, make<asg::RsqrtOp>(variance)));
  }

  void choose() {
    Value x = drawInput();
    Value condition = make<asg::CompareOp>(
        static_cast<asg::Predicate>(below(6)), x, splat(x, 0.25));
    if (coin(3))
      condition = make<asg::NotOp>(condition);
    Value y = make<asg::SinOp>(x);
    keep(make<asg::SelectOp>(condition, x, y));
  }

  /// Functions with jumps, of exact inputs.
  void steps() {
    Value x = drawInput();
    switch (below(5)) {
    case 0: return keep(make<asg::FloorOp>(times(x, 3)));
    case 1: return keep(make<asg::CeilOp>(times(x, 3)));
    case 2: return keep(make<asg::RoundOp>(times(x, 4)));
    case 3: return keep(make<asg::SignOp>(x));
    default: {
      if (typeOf(x).getRank() == 0)
        return;
      int64_t axis = below(typeOf(x).getRank());
      SmallVector<DimExpr> dims = asg::getDims(typeOf(x));
      dims.erase(dims.begin() + axis);
      T type = asg::getTensorType(builder.getContext(), dims,
                                  coin(2) ? builder.getI64Type()
                                          : builder.getI32Type());
      Value index = coin(2) ? make<asg::ArgMaxOp>(type, x, uint64_t(axis))
                            : make<asg::ArgMinOp>(type, x, uint64_t(axis));
      extraOutputs.push_back(index);
    }
    }
  }

  void randomDraw() {
    Value x = draw();
    auto i64 = RankedTensorType::get({}, builder.getI64Type());
    Value seed = asg::buildSplat(builder, loc, i64, below(1000));
    Value step = asg::buildSplat(builder, loc, i64, below(1000));
    T type = asg::withElementType(typeOf(x), builder.getF32Type());
    uint64_t stream = below(100);
    Value noise = make<asg::RandomUniformOp>(type, seed, step, stream);
    if (coin(2))
      noise = make<asg::SelectOp>(
          make<asg::CompareOp>(asg::Predicate::ge, noise, splat(noise, 0.3)),
          toF32(x), splat(noise, 0));
    else if (coin(2))
      noise = make<asg::RandomNormalOp>(type, seed, step, stream);
    keep(noise);
  }

  /// Through a narrower type and back: exact for the inputs.
  void narrow() {
    Value x = drawInput();
    Type element = coin(2) ? Type(builder.getBF16Type())
                           : Type(builder.getF16Type());
    Value y = make<asg::CastOp>(asg::withElementType(typeOf(x), element), x);
    keep(toF32(coin(2) ? make<asg::NegOp>(y) : y));
  }

  /// Integers and bools of exact inputs.
  void bits() {
    Value x = drawInput();
    Type element = coin(2) ? builder.getI32Type() : builder.getI64Type();
    Value y = make<asg::CastOp>(asg::withElementType(typeOf(x), element),
                                times(x, 9));
    Value z = make<asg::MulOp>(y, splat(y, 3));
    switch (below(4)) {
    case 0: z = make<asg::ModOp>(z, splat(z, 4)); break;
    case 1: z = make<asg::DivOp>(z, splat(z, 2)); break;
    case 2: z = make<asg::XorOp>(z, splat(z, 5)); break;
    default: z = make<asg::MaxOp>(z, y); break;
    }
    Value even = make<asg::CompareOp>(asg::Predicate::le, z, y);
    Value back = make<asg::CastOp>(typeOf(x), z);
    keep(make<asg::SelectOp>(even, x, times(back, 0.1)));
  }

  void gelu() {
    Value x = draw();
    Value half = times(x, 0.5);
    keep(make<asg::MulOp>(half, plus(make<asg::ErfOp>(times(x, 0.70710678)), 1)));
  }

  asg::GraphOp graph;
  OpBuilder builder;
  Location loc;
  std::mt19937_64 random;
  std::vector<Value> values, inputs;
  SmallVector<Value> extraOutputs;
  Value indices64, indices32;
};

} // namespace

OwningOpRef<ModuleOp> makeRandomGraph(MLIRContext &context, uint64_t seed,
                                      const RandomGraphOptions &options) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(kHeader, &context, "random.asg");
  if (!module)
    return nullptr;
  auto graph = *module->getOps<asg::GraphOp>().begin();
  Generator(graph, seed).run(options);
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

std::vector<HostTensor> drawRandomInputs(asg::GraphOp graph, uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x9e3779b97f4a7c15ull);
  std::vector<HostTensor> inputs;
  for (Type type : graph.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    std::vector<int64_t> shape;
    for (const DimExpr &dim : asg::getDims(tensor))
      shape.push_back(*dim.evaluate([](std::string_view) { return 5; }));
    HostTensor input = *HostTensor::make(getDType(tensor.getElementType()), shape);
    bool isFloat = isa<FloatType>(tensor.getElementType());
    for (int64_t i = 0; i < input.numElements(); ++i)
      input.set(i, isFloat ? (static_cast<double>(random() % 129) - 64) / 64
                           : static_cast<double>(random() % 8) - 1);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

} // namespace asgc::test
