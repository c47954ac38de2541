//===- RandomGraph.cpp - Valid graphs by the hundred ----------------------===//
#include "test/ops/RandomGraph.h"

#include "test/ops/Backward.h"
#include "test/ops/RandomBuilder.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>

using namespace mlir;

namespace asgc::test {

using Value = mlir::Value;

namespace {

// Inputs come in these shapes; `n` is known at run time only.
constexpr const char *kModule = R"(
asg.param @weight : tensor<5x7xf32>
asg.param @bias : tensor<7xf32>
asg.state @moment : tensor<5x7xf32> role "state"
asg.state @mean : tensor<7xf32> role "state"
asg.state @count : tensor<i64> role "state"
asg.state @mask : tensor<5x7xi1> role "state"
asg.graph @main(
    %a: tensor<5x7xf32> {asg.name = "a"},
    %b: tensor<7xf32> {asg.name = "b"},
    %c: tensor<f32> {asg.name = "c"},
    %d: tensor<3x5x7xf32> {asg.name = "d"},
    %e: tensor<2x6x5x4xf32> {asg.name = "e"},
    %f: tensor<4x3x3x2xf32> {asg.name = "f"},
    %g: tensor<?x7xf32, #asg.dims<n, 7>> {asg.name = "g"},
    %h: tensor<?x3x7xf32, #asg.dims<n, 3, 7>> {asg.name = "h"},
    %k: tensor<33x17xf32> {asg.name = "k"},
    %z: tensor<0x7xf32> {asg.name = "z"},
    %i: tensor<4xi64> {asg.name = "i"},
    %j: tensor<5xi32> {asg.name = "j"},
    %l: tensor<5x7xi8> {asg.name = "l"},
    %m: tensor<?x7xi32, #asg.dims<n, 7>> {asg.name = "m"},
    %o: tensor<3x5xi64> {asg.name = "o"},
    %p: tensor<5x7xi1> {asg.name = "p"},
    %q: tensor<5x7xf16> {asg.name = "q"},
    %r: tensor<?x3x7xbf16, #asg.dims<n, 3, 7>> {asg.name = "r"}) dims = {n = 9} {
  %weight = asg.read @weight : tensor<5x7xf32>
  %bias = asg.read @bias : tensor<7xf32>
  %moment = asg.read @moment : tensor<5x7xf32>
  %mean = asg.read @mean : tensor<7xf32>
  %count = asg.read @count : tensor<i64>
  %mask = asg.read @mask : tensor<5x7xi1>
  %table = asg.constant dense<[0.25, -0.5, 0.75, 1.0, -1.0, 0.125, 0.5]> : tensor<7xf32>
  asg.return
})";

/// The run-time dim: one, its bound, and between.
int64_t chooseExtent(uint64_t seed) {
  constexpr int64_t extents[] = {5, 1, 9, 2, 7};
  return extents[seed % std::size(extents)];
}

HostTensor drawTensor(RankedTensorType type, int64_t n,
                      std::mt19937_64 &random) {
  std::vector<int64_t> shape;
  for (const DimExpr &dim : asg::getDims(type))
    shape.push_back(*dim.evaluate([&](std::string_view) { return n; }));
  DType dtype = getDType(type.getElementType());
  HostTensor tensor = *HostTensor::make(dtype, shape);
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    uint64_t bits = random();
    if (isFloat(dtype))
      tensor.set(i, (static_cast<double>(bits % 129) - 64) / 64);
    else if (dtype == DType::Bool)
      tensor.setInteger(i, bits % 2);
    else
      tensor.setInteger(i, static_cast<int64_t>(bits % 8) - 1);
  }
  return tensor;
}

} // namespace

//===- Draws --------------------------------------------------------------===//

Value RandomBuilder::draw(const Pool &pool) {
  size_t recent = std::min<size_t>(4, pool.size());
  return pool[coin(2) ? pool.size() - 1 - below(recent) : below(pool.size())];
}

Value RandomBuilder::drawWhere(const Pool &pool,
                               llvm::function_ref<bool(Type)> accepts) {
  for (int i = 0; i < 20; ++i)
    if (Value value = draw(pool); accepts(typeOf(value)))
      return value;
  return {};
}

Value RandomBuilder::drawLike(const Pool &pool, Value other) {
  return drawWhere(pool, [&](Type type) { return type == typeOf(other); });
}

RandomBuilder::Axes RandomBuilder::allAxes(Value x) {
  return llvm::to_vector(llvm::seq<int64_t>(0, rankOf(x)));
}

RandomBuilder::Axes RandomBuilder::drawAxes(Value x) {
  Axes axes;
  for (int64_t axis : allAxes(x))
    if (coin(2))
      axes.push_back(axis);
  return axes;
}

//===- Building -----------------------------------------------------------===//

Value RandomBuilder::castTo(Value x, mlir::Type element) {
  return elementOf(x) == element
             ? x
             : make<asg::CastOp>(asg::withElementType(typeOf(x), element), x);
}

Value RandomBuilder::mean(Value x) {
  Value sum = make<asg::ReduceSumOp>(x, allAxes(x));
  DimExpr count = asg::getNumElements(typeOf(x));
  Value extent =
      count.asConstant()
          ? splat(sum, static_cast<double>(*count.asConstant()))
          : make<asg::DimOp>(sum.getType(), builder.getStringAttr(count.str()));
  return make<asg::DivOp>(sum, extent);
}

RandomBuilder::RandomBuilder(asg::GraphOp graph, uint64_t seed)
    : graph(graph), builder(graph.getContext()),
      loc(NameLoc::get(builder.getStringAttr("random"),
                       FileLineColLoc::get(builder.getContext(), "random.asg", 1,
                                           1))),
      random(seed), rare(seed % 8 == 7   ? &RandomBuilder::attention
                         : seed % 8 == 3 ? &RandomBuilder::scan
                                         : nullptr) {
  Block &block = graph.getBody().front();
  builder.setInsertionPoint(block.getTerminator());
  auto sort = [&](Value value) {
    mlir::Type element = elementOf(value);
    Pool &pool = element.isF32()            ? floats
                 : isa<FloatType>(element)  ? narrows
                 : element.isInteger(1)     ? bools
                                            : integers;
    pool.push_back(value);
  };
  for (BlockArgument argument : block.getArguments()) {
    argument.setLoc(loc);
    StringRef name = graph.getInputName(argument.getArgNumber());
    if (name == "z") {
      emptyInput = argument;
      continue;
    }
    sort(argument);
    if (elementOf(argument).isF32())
      inputs.push_back(argument);
    if (name == "e")
      imageInput = argument;
    else if (name == "f")
      kernelInput = argument;
    else if (name == "i")
      indices64 = argument;
    else if (name == "j")
      indices32 = argument;
  }
  for (Operation &op : block.without_terminator()) {
    op.setLoc(loc);
    sort(op.getResult(0));
    if (auto read = dyn_cast<asg::ReadOp>(op))
      variables[read.getVariable()] = read.getY();
  }
}

//===- The graph ----------------------------------------------------------===//

void RandomBuilder::drawOp() {
  static constexpr Draw draws[] = {
      &RandomBuilder::unary,     &RandomBuilder::unary,
      &RandomBuilder::binary,    &RandomBuilder::binary,
      &RandomBuilder::broadcast, &RandomBuilder::reduce,
      &RandomBuilder::reduce,    &RandomBuilder::layout,
      &RandomBuilder::layout,    &RandomBuilder::layout,
      &RandomBuilder::dot,       &RandomBuilder::dense,
      &RandomBuilder::dense,     &RandomBuilder::convolution,
      &RandomBuilder::pool,      &RandomBuilder::scatter,
      &RandomBuilder::softmax,   &RandomBuilder::layerNorm,
      &RandomBuilder::gelu,      &RandomBuilder::choose,
      &RandomBuilder::steps,     &RandomBuilder::randomDraw,
      &RandomBuilder::empty,     &RandomBuilder::rounded,
      &RandomBuilder::bits,      &RandomBuilder::narrow,
      &RandomBuilder::narrow,    &RandomBuilder::integer,
      &RandomBuilder::integer,   &RandomBuilder::boolean};
  constexpr int64_t count = std::size(draws);
  int64_t drawn = below(count + (rare ? 1 : 0));
  (this->*(drawn < count ? draws[drawn] : rare))();
}

/// Puts what was drawn behind `before` into an asg.layer.
void RandomBuilder::wrapInLayer(Operation *before, ArrayRef<size_t> sizes) {
  std::vector<Value *> kept;
  for (auto [pool, size] : llvm::zip(allPools(), sizes))
    for (Value &value : llvm::drop_begin(*pool, size))
      kept.push_back(&value);
  Operation *end = graph.getBody().front().getTerminator();
  Operation *first = before->getNextNode();
  if (kept.empty() || first == end)
    return;
  SmallVector<mlir::Type> types;
  SmallVector<Value> inside;
  for (Value *value : kept) {
    types.push_back(value->getType());
    inside.push_back(*value);
  }
  auto layer = asg::LayerOp::create(builder, loc, types, "random", "drawn",
                                    DictionaryAttr());
  Block &body = layer.getBody().emplaceBlock();
  body.getOperations().splice(body.end(), first->getBlock()->getOperations(),
                              first->getIterator(), layer->getIterator());
  auto inner = OpBuilder::atBlockEnd(&body);
  asg::YieldOp::create(inner, loc, inside);
  for (auto [value, result] : llvm::zip(kept, layer.getValues()))
    *value = result;
}

Value RandomBuilder::buildLoss(const Pool &pool, size_t count) {
  Value loss;
  for (Value value : ArrayRef(pool).take_back(count)) {
    value = castTo(value, builder.getF32Type());
    Value term = mean(square(value));
    loss = loss ? make<asg::AddOp>(loss, term) : term;
  }
  return loss;
}

void RandomBuilder::assign(StringRef variable, Value value) {
  asg::AssignOp::create(builder, loc, variable, value);
}

/// A step of training, and variables that change places.
void RandomBuilder::assignVariables(ValueRange gradients) {
  auto old = [&](StringRef name) { return variables[name]; };
  auto step = [&](StringRef name, Value by) {
    assign(name, make<asg::SubOp>(old(name), times(by, 0.125)));
  };
  Value like = drawLike(floats, old("moment"));
  switch (below(4)) {
  case 0: // two that change places
    assign("bias", old("mean"));
    assign("mean", old("bias"));
    break;
  case 1:
    assign("mean", gradients.empty() ? make<asg::SinOp>(old("bias"))
                                     : gradients[1]);
    break;
  default:
    break;
  }
  if (!gradients.empty() && !coin(4)) {
    Value moment =
        make<asg::AddOp>(times(old("moment"), 0.75), gradients[0]);
    assign("moment", moment);
    step("weight", moment);
  } else if (like && coin(2)) {
    assign("weight", like);
  }
  assign("count", make<asg::AddOp>(old("count"), splat(old("count"), 1)));
  if (Value mask = drawLike(bools, old("mask")); mask && coin(2))
    assign("mask", mask);
}

void RandomBuilder::run(const RandomGraphOptions &options) {
  for (int64_t i = 0; i < options.ops; ++i) {
    // The type is now that of the graph's line i + 2, for provenance.
    loc = NameLoc::get(
        builder.getStringAttr("random." + Twine(i)),
        FileLineColLoc::get(builder.getContext(), "random.asg", i + 2, 1));
    Operation *before = graph.getBody().front().getTerminator()->getPrevNode();
    SmallVector<size_t> sizes;
    for (Pool *pool : allPools())
      sizes.push_back(pool->size());
    drawOp();
    if (coin(6))
      wrapInLayer(before, sizes);
  }
  // Everything recent enters the loss; a few values are outputs themselves.
  SmallVector<Value> outputs;
  for (Value value : ArrayRef(floats).take_back(8))
    if (coin(3))
      outputs.push_back(value);
  for (const Pool *pool : {&narrows, &integers, &bools})
    for (Value value : ArrayRef(*pool).take_back(3))
      if (coin(2))
        outputs.push_back(value);
  Value loss = buildLoss(floats, 8), narrowLoss = buildLoss(narrows, 3);
  // As a bf16, the narrow loss is compared as what it was computed from.
  outputs.append({loss, castTo(narrowLoss, builder.getBF16Type())});

  SmallVector<Value> gradients;
  auto differentiate = [&](Value of, ArrayRef<Value> wrt) {
    SmallVector<mlir::Type> types;
    for (Value value : wrt)
      types.push_back(value.getType());
    return asg::GradientOp::create(builder, loc, types, of, wrt,
                                   /*allowUnused=*/true)
        .getResults();
  };
  if (options.wantsGradient) {
    if (coin(8)) { // a penalty on a gradient: second derivatives
      Value slope = differentiate(loss, inputs[0])[0];
      loss = make<asg::AddOp>(loss, times(mean(square(slope)), 0.5));
    }
    SmallVector<Value> wrt{variables["weight"], variables["bias"]};
    wrt.append(inputs.begin(), inputs.end());
    llvm::append_range(gradients, differentiate(loss, wrt));
    SmallVector<Value> narrowWrt;
    for (BlockArgument argument : graph.getBody().getArguments())
      if (isa<FloatType>(elementOf(argument)) && !elementOf(argument).isF32())
        narrowWrt.push_back(argument);
    llvm::append_range(outputs, gradients);
    llvm::append_range(outputs, differentiate(narrowLoss, narrowWrt));
  }
  assignVariables(gradients);
  setOutputs(graph, outputs);
}

OwningOpRef<ModuleOp> makeRandomGraph(MLIRContext &context, uint64_t seed,
                                      const RandomGraphOptions &options) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(kModule, &context, "random.asg");
  if (!module)
    return nullptr;
  auto graph = *module->getOps<asg::GraphOp>().begin();
  RandomBuilder(graph, seed).run(options);
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

std::vector<HostTensor> drawRandomInputs(asg::GraphOp graph, uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x9e3779b97f4a7c15ull);
  std::vector<HostTensor> tensors;
  for (mlir::Type type : graph.getArgumentTypes())
    tensors.push_back(
        drawTensor(cast<RankedTensorType>(type), chooseExtent(seed), random));
  return tensors;
}

Variables drawRandomVariables(ModuleOp module, uint64_t seed) {
  std::mt19937_64 random(seed ^ 0xc2b2ae3d27d4eb4full);
  Variables variables;
  auto draw = [&](StringRef name, mlir::Type type) {
    variables[name.str()] =
        drawTensor(cast<RankedTensorType>(type), chooseExtent(seed), random);
  };
  for (auto param : module.getOps<asg::ParamOp>())
    draw(param.getSymName(), param.getType());
  for (auto state : module.getOps<asg::StateOp>())
    draw(state.getSymName(), state.getType());
  return variables;
}

std::pair<uint64_t, uint64_t> randomGraphRange(uint64_t count) {
  const char *text = std::getenv("ASGC_RANDOM_GRAPHS");
  if (!text)
    return {0, count};
  auto [first, last] = StringRef(text).split(':');
  uint64_t begin = 0, end = count;
  if (last.empty())
    first.getAsInteger(10, end);
  else if (first.getAsInteger(10, begin) || last.getAsInteger(10, end))
    return {0, count};
  return {begin, end};
}

} // namespace asgc::test
