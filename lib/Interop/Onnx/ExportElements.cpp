//===- ExportElements.cpp - Sources, elements, sums and layers as nodes ---===//
#include "lib/Interop/Onnx/GraphExporter.h"

#include "asgc/Interpreter.h"

using namespace mlir;

namespace asgc::interop {

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// A constant of one number stays a scalar that is repeated where it is used.
void exportConstant(GraphExporter &e, Operation *op, StringRef) {
  Value y = op->getResult(0);
  auto value =
      dyn_cast<DenseElementsAttr>(cast<asg::ConstantOp>(op).getValue());
  if (!value)
    return e.refuse(op, "a constant that is kept elsewhere");
  if (value.isSplat() && value.getNumElements() > 1) {
    Attribute element = value.getSplatValue<Attribute>();
    auto scalar = DenseElementsAttr::get(
        RankedTensorType::get({}, Emitter::elementOf(y)), element);
    return e.set(y, Exported{e.constant(hostTensorOf(scalar), "number"), {}});
  }
  e.set(y, e.constant(hostTensorOf(value),
                      Emitter::rankOf(y) ? "table" : "number"));
}

void exportIota(GraphExporter &e, Operation *op, StringRef) {
  Value y = op->getResult(0);
  int64_t axis = int64_t(cast<asg::IotaOp>(op).getAxis());
  Extents dims = Emitter::dims(y);
  std::string places = e.iota(dims[axis], Emitter::elementOf(y));
  Axes after;
  Extents placed = {dims[axis]};
  for (int64_t i = axis + 1; i < Emitter::rankOf(y); ++i) {
    after.push_back(i - axis);
    placed.push_back(DimExpr(1));
  }
  e.set(y, {e.unsqueeze(places, after), placed});
}

void exportDim(GraphExporter &e, Operation *op, StringRef) {
  auto dim = cast<asg::DimOp>(op);
  std::string size = e.extent(*DimExpr::parse(dim.getExtent().str()));
  std::string number = e.node("Squeeze", {size, e.integers({0})});
  e.set(dim.getY(), e.cast(number, Emitter::elementOf(dim.getY())));
}

void exportSame(GraphExporter &e, Operation *op, StringRef) {
  e.set(op->getResult(0), e.get(op->getOperand(0)));
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static Extents commonDims(ArrayRef<Exported> operands) {
  Extents common;
  for (const Exported &operand : operands) {
    size_t rank = std::max(common.size(), operand.dims.size());
    Extents wider(rank, DimExpr(1));
    for (size_t i = 0; i < common.size(); ++i)
      wider[rank - common.size() + i] = common[i];
    for (size_t i = 0; i < operand.dims.size(); ++i) {
      DimExpr &dim = wider[rank - operand.dims.size() + i];
      if (dim == DimExpr(1))
        dim = operand.dims[i];
    }
    common = wider;
  }
  return common;
}

/// `op` as the elementwise operator `name`.
static void exportNamed(GraphExporter &e, Operation *op, StringRef name) {
  SmallVector<Exported> operands;
  std::vector<std::string> inputs;
  for (Value operand : op->getOperands()) {
    operands.push_back(e.get(operand));
    inputs.push_back(operands.back().name);
  }
  e.set(op->getResult(0), {e.node(name, inputs), commonDims(operands)});
}

void exportUnary(GraphExporter &e, Operation *op, StringRef name) {
  exportNamed(e, op, name);
}
void exportBinary(GraphExporter &e, Operation *op, StringRef name) {
  exportNamed(e, op, name);
}
void exportSelect(GraphExporter &e, Operation *op, StringRef name) {
  exportNamed(e, op, name);
}

void exportLogic(GraphExporter &e, Operation *op, StringRef name) {
  if (!Emitter::elementOf(op->getResult(0)).isInteger(1))
    return e.refuse(op, op->getName().getStringRef().str() + " of integers");
  exportNamed(e, op, name);
}

/// The remainder of floored division; Mod has it for integers alone.
void exportMod(GraphExporter &e, Operation *op, StringRef) {
  if (!isa<FloatType>(Emitter::elementOf(op->getResult(0))))
    return exportNamed(e, op, "Mod");
  Exported a = e.get(op->getOperand(0)), b = e.get(op->getOperand(1));
  std::string whole = e.node("Floor", {e.node("Div", {a.name, b.name})});
  e.set(op->getResult(0),
        {e.node("Sub", {a.name, e.node("Mul", {whole, b.name})}),
         commonDims({a, b})});
}

void exportCompare(GraphExporter &e, Operation *op, StringRef) {
  auto compare = cast<asg::CompareOp>(op);
  static constexpr const char *names[] = {
      "Equal", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
  auto predicate = compare.getPredicate();
  Exported a = e.get(compare.getLhs()), b = e.get(compare.getRhs());
  bool isOrder =
      predicate != asg::Predicate::eq && predicate != asg::Predicate::ne;
  if (isOrder && Emitter::elementOf(compare.getLhs()).isInteger(1)) {
    Type i32 = IntegerType::get(op->getContext(), 32);
    a.name = e.cast(a.name, i32);
    b.name = e.cast(b.name, i32);
  }
  std::string y = e.node(names[size_t(predicate)], {a.name, b.name});
  if (predicate == asg::Predicate::ne)
    y = e.node("Not", {y});
  e.set(compare.getY(), {y, commonDims({a, b})});
}

void exportCast(GraphExporter &e, Operation *op, StringRef) {
  Exported x = e.get(op->getOperand(0));
  e.set(op->getResult(0),
        {e.cast(x.name, Emitter::elementOf(op->getResult(0))), x.dims});
}

void exportRsqrt(GraphExporter &e, Operation *op, StringRef) {
  Exported x = e.get(op->getOperand(0));
  e.set(op->getResult(0),
        {e.node("Reciprocal", {e.node("Sqrt", {x.name})}), x.dims});
}

/// eˣ − 1 = tanh(x / 2) · (eˣ + 1), which loses no digits near zero.
void exportExpm1(GraphExporter &e, Operation *op, StringRef) {
  Exported x = e.get(op->getOperand(0));
  Type element = Emitter::elementOf(op->getOperand(0));
  std::string half = e.node("Mul", {x.name, e.scalar(0.5, element)});
  std::string sum =
      e.node("Add", {e.node("Exp", {x.name}), e.scalar(1, element)});
  e.set(op->getResult(0),
        {e.node("Mul", {e.node("Tanh", {half}), sum}), x.dims});
}

/// ln(1 + x) = ln(u) · x / (u − 1), where u is 1 + x as it was rounded; x
/// itself where u is 1.
void exportLog1p(GraphExporter &e, Operation *op, StringRef) {
  Exported x = e.get(op->getOperand(0));
  Type element = Emitter::elementOf(op->getOperand(0));
  std::string one = e.scalar(1, element);
  std::string u = e.node("Add", {x.name, one});
  std::string isOne = e.node("Equal", {u, one});
  // Where the formula is not taken it must not divide by zero either.
  std::string v = e.node("Where", {isOne, e.scalar(2, element), u});
  std::string ratio = e.node("Div", {x.name, e.node("Sub", {v, one})});
  // ∞ / ∞ is no number.
  std::string isLarge = e.node("Greater", {u, e.scalar(1e8, element)});
  std::string factor = e.node("Where", {isLarge, one, ratio});
  std::string y = e.node("Mul", {e.node("Log", {v}), factor});
  e.set(op->getResult(0), {e.node("Where", {isOne, x.name, y}), x.dims});
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// ReduceSum takes its axes as an operand, the others still as an attribute.
void exportReduce(GraphExporter &e, Operation *op, StringRef name) {
  auto axes = op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef();
  std::string x = e.full(op->getOperand(0));
  if (axes.empty())
    return e.set(op->getResult(0), x);
  bool isSum = name == "ReduceSum";
  std::vector<std::string> inputs = {x};
  if (isSum)
    inputs.push_back(e.integers(axes));
  onnx::NodeProto &node = e.add(name, inputs);
  if (!isSum)
    setIntegers(node, "axes", axes);
  setInteger(node, "keepdims", 0);
  e.set(op->getResult(0), node.output(0));
}

void exportArgReduce(GraphExporter &e, Operation *op, StringRef name) {
  onnx::NodeProto &node = e.add(name, {e.full(op->getOperand(0))});
  setInteger(node, "axis", op->getAttrOfType<IntegerAttr>("axis").getInt());
  setInteger(node, "keepdims", 0);
  std::string y = node.output(0);
  Type element = Emitter::elementOf(op->getResult(0));
  e.set(op->getResult(0), element.isInteger(64) ? y : e.cast(y, element));
}

void exportCumsum(GraphExporter &e, Operation *op, StringRef name) {
  auto sum = cast<asg::CumsumOp>(op);
  Type i64 = IntegerType::get(op->getContext(), 64);
  onnx::NodeProto &node =
      e.add(name, {e.full(sum.getX()), e.scalar(double(sum.getAxis()), i64)});
  setInteger(node, "reverse", sum.getReverse());
  e.set(sum.getY(), node.output(0));
}

/// A Scan whose body is h = a · h + b. It begins with zeros, of which the first
/// coefficient makes zeros if it is finite. Halves are carried in f32.
void exportLinearScan(GraphExporter &e, Operation *op, StringRef name) {
  auto scan = cast<asg::LinearScanOp>(op);
  RankedTensorType type = scan.getH().getType();
  bool isNarrow = type.getElementTypeBitWidth() < 32;
  Type element =
      isNarrow ? Float32Type::get(op->getContext()) : type.getElementType();
  auto widened = [&](Value x) {
    return isNarrow ? e.cast(e.full(x), element) : e.full(x);
  };
  auto axis = int64_t(scan.getAxis());
  int64_t isReversed = scan.getReverse();
  Extents dims = asg::getDims(type);
  dims.erase(dims.begin() + axis);
  std::string a = widened(scan.getA()), b = widened(scan.getB());
  onnx::NodeProto &node = e.add(name, {e.filled(dims, 0, element), a, b}, 2);
  setInteger(node, "num_scan_inputs", 2);
  setIntegers(node, "scan_input_axes", {axis, axis});
  setIntegers(node, "scan_input_directions", {isReversed, isReversed});
  setIntegers(node, "scan_output_axes", axis);
  setIntegers(node, "scan_output_directions", isReversed);

  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name("body");
  attribute.set_type(onnx::AttributeProto::GRAPH);
  onnx::GraphProto &body = *attribute.mutable_g();
  body.set_name(node.name());
  RankedTensorType step = asg::getTensorType(op->getContext(), dims, element);
  auto named = [&](const char *what) {
    return e.fresh(node.name() + "/" + what);
  };
  auto input = [&](const char *what) {
    GraphExporter::describe(*body.add_input(), named(what), step);
    return body.input(body.input_size() - 1).name();
  };
  auto add = [&](const char *type, std::initializer_list<std::string> inputs,
                 const char *what) {
    onnx::NodeProto &made = *body.add_node();
    made.set_op_type(type);
    for (const std::string &input : inputs)
      made.add_input(input);
    made.add_output(named(what));
    return made.output(0);
  };
  std::string state = input("state"), factor = input("factor"),
              term = input("term");
  std::string next =
      add("Add", {add("Mul", {factor, state}, "product"), term}, "next");
  for (const std::string &result : {next, add("Identity", {next}, "element")})
    GraphExporter::describe(*body.add_output(), result, step);
  const std::string &y = node.output(1);
  e.set(scan.getH(), isNarrow ? e.cast(y, type.getElementType()) : y);
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// The values that a layer takes from outside, in order of use.
static SmallVector<Value> capturedBy(asg::LayerOp layer) {
  SmallVector<Value> captured;
  layer.getBody().walk([&](Operation *op) {
    for (Value operand : op->getOperands())
      if (!layer.getBody().isAncestor(operand.getParentRegion()) &&
          !llvm::is_contained(captured, operand))
        captured.push_back(operand);
  });
  return captured;
}

/// The parts of a layer with parameters: its only input, and the parameter that
/// stands under each name of `names`. False if the layer takes anything else.
static bool splitLayer(GraphExporter &e, asg::LayerOp layer,
                       ArrayRef<StringRef> names, Value &x,
                       SmallVector<std::string> &parameters) {
  if (layer.getNumResults() != 1)
    return false;
  std::map<std::string, std::string> byName;
  for (Value value : capturedBy(layer)) {
    auto read = value.getDefiningOp<asg::ReadOp>();
    StringRef variable = read ? read.getVariable() : "";
    if (read && variable.consume_front(layer.getPath()) &&
        variable.consume_front("."))
      byName[variable.str()] = e.get(value).name;
    else if (x)
      return false;
    else
      x = value;
  }
  if (!x || byName.size() != names.size())
    return false;
  for (StringRef name : names) {
    auto found = byName.find(name.str());
    if (found == byName.end())
      return false;
    parameters.push_back(found->second);
  }
  return true;
}

static double numberOf(asg::LayerOp layer, StringRef name, double otherwise) {
  auto arguments = layer.getBlockArgs();
  Attribute value = arguments ? arguments->get(name) : Attribute();
  if (auto number = dyn_cast_or_null<FloatAttr>(value))
    return number.getValueAsDouble();
  if (auto integer = dyn_cast_or_null<IntegerAttr>(value))
    return double(integer.getInt());
  return otherwise;
}

bool exportActivation(GraphExporter &e, asg::LayerOp layer, StringRef name) {
  Value x;
  SmallVector<std::string> none;
  if (!splitLayer(e, layer, {}, x, none))
    return false;
  onnx::NodeProto &node = e.add(name, {e.full(x)});
  if (name == "Softmax" || name == "LogSoftmax")
    setInteger(node, "axis", int64_t(numberOf(layer, "axis", -1)));
  else if (name == "LeakyRelu")
    setNumber(node, "alpha", numberOf(layer, "slope", 0.01));
  else if (name == "Elu")
    setNumber(node, "alpha", numberOf(layer, "alpha", 1));
  e.set(layer.getResult(0), node.output(0));
  return true;
}

bool exportLayerNorm(GraphExporter &e, asg::LayerOp layer, StringRef name) {
  Value x;
  SmallVector<std::string> parameters;
  if (!splitLayer(e, layer, {"weight", "bias"}, x, parameters))
    return false;
  onnx::NodeProto &node =
      e.add(name, {e.full(x), parameters[0], parameters[1]});
  setInteger(node, "axis", -1);
  setNumber(node, "epsilon", numberOf(layer, "eps", 1e-5));
  e.set(layer.getResult(0), node.output(0));
  return true;
}

/// With the statistics that training left; one that trains has no such reads.
bool exportBatchNorm(GraphExporter &e, asg::LayerOp layer, StringRef name) {
  Value x;
  SmallVector<std::string> p;
  if (!splitLayer(e, layer, {"weight", "bias", "running_mean", "running_var"},
                  x, p))
    return false;
  bool trains = false;
  layer.getBody().walk([&](asg::AssignOp) { trains = true; });
  if (trains)
    return false;
  onnx::NodeProto &node = e.add(name, {e.full(x), p[0], p[1], p[2], p[3]});
  setNumber(node, "epsilon", numberOf(layer, "eps", 1e-5));
  e.set(layer.getResult(0), node.output(0));
  return true;
}

/// Gemm takes matrices alone.
bool exportLinear(GraphExporter &e, asg::LayerOp layer, StringRef name) {
  Value x;
  SmallVector<std::string> parameters;
  if (!splitLayer(e, layer, {"weight", "bias"}, x, parameters)) {
    x = {};
    parameters.clear();
    if (!splitLayer(e, layer, {"weight"}, x, parameters))
      return false;
  }
  if (Emitter::rankOf(x) != 2)
    return false;
  std::vector<std::string> inputs = {e.full(x)};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  onnx::NodeProto &node = e.add(name, inputs);
  setInteger(node, "transB", 1);
  e.set(layer.getResult(0), node.output(0));
  return true;
}

} // namespace asgc::interop
