//===- Raise.cpp - Writes a graph as a model text -------------------------===//
#include "asgc/Raise.h"

#include "lib/Frontend/Raise/Raiser.h"

#include "asgc/Syntax.h"

using namespace mlir;

namespace asgc {

namespace raise {

/// Expressions of more ops are given a name, so that no line grows without end.
static constexpr int kMaxWeight = 16;

Raiser::Raiser(asg::GraphOp graph, const std::string &name)
    : graph(graph), modelName(names.take(name.empty() ? "model" : name)) {}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

void Raiser::need(Value value) { ++uses[value]; }

/// From the results upwards: what a layer covers is not looked at again.
void Raiser::planUnits() {
  for (Operation &op : llvm::reverse(graph.getBody().front())) {
    if (isa<asg::ReturnOp, asg::AssignOp>(op)) {
      for (Value operand : op.getOperands())
        need(operand);
      if (isa<asg::AssignOp>(op))
        refuse(&op, "assignments");
      continue;
    }
    bool isNeeded = false;
    for (Value value : op.getResults())
      isNeeded |= uses.lookup(value) > 0;
    if (!isNeeded)
      continue;
    Unit unit{&op,
              isa<asg::LayerOp>(op) ? matchRecurrent(&op)
                                    : matchLayer(op.getResult(0)),
              {}};
    if (auto reshape = dyn_cast<asg::ReshapeOp>(op); reshape && !unit.layer) {
      auto slice = reshape.getX().getDefiningOp<asg::SliceOp>();
      if (slice && slice.getY().hasOneUse() && droppedAxes(reshape, slice))
        unit.slice = slice;
    }
    ValueRange operands = op.getOperands();
    if (unit.slice)
      operands = unit.slice->getOperands();
    if (unit.layer)
      operands = unit.layer->operands;
    for (Value operand : operands)
      need(operand);
    if (unit.layer)
      for (const auto &[name, operand] : unit.layer->named)
        need(operand);
    units.push_back(std::move(unit));
  }
  std::reverse(units.begin(), units.end());
}

void Raiser::refuse(Operation *op, const std::string &why) {
  ++refused[why.empty() ? op->getName().getStringRef().str() : why];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
/// An extent as the language writes it: what of it a sum would subtract, and
/// how strongly it binds.
struct DimTerm {
  std::string text;
  bool isNegative = false, isNumber = false;
  enum { sum, product, atom } strength = atom;

  std::string within(int least) const {
    return strength < least ? "(" + text + ")" : text;
  }
};
} // namespace

/// Terms with symbols come first: `2 * n - n // 2 + 1`.
static DimTerm addTerms(DimTerm a, DimTerm b) {
  if ((a.isNumber && !b.isNumber) || (a.isNegative && !b.isNegative))
    std::swap(a, b);
  std::string first = a.isNegative ? "-" + a.within(DimTerm::product) : a.text;
  return {first + (b.isNegative ? " - " : " + ") + b.within(DimTerm::product),
          false, false, DimTerm::sum};
}

static DimTerm multiplyTerms(DimTerm a, DimTerm b) {
  bool isNegative = a.isNegative != b.isNegative;
  if (a.isNumber && a.text == "1")
    return {b.text, isNegative, b.isNumber, b.strength};
  // A quotient is no factor without brackets, unless it comes first.
  if (b.strength == DimTerm::product && a.isNumber)
    std::swap(a, b);
  return {a.within(DimTerm::product) + " * " + b.within(DimTerm::atom),
          isNegative, false, DimTerm::product};
}

std::string Raiser::dimText(const DimExpr &dim) {
  DimTerm all = dim.evaluateWith<DimTerm>(
      [](int64_t number) {
        bool isNegative = number < 0;
        return DimTerm{std::to_string(number).substr(isNegative), isNegative,
                       true};
      },
      [&](std::string_view symbol) {
        auto found = dimNames.find(std::string(symbol));
        return DimTerm{found == dimNames.end() ? std::string(symbol)
                                               : found->second};
      },
      addTerms, multiplyTerms,
      [](DimTerm a, int64_t b) {
        std::string inner = a.isNegative
                                ? "(-" + a.within(DimTerm::product) + ")"
                                : a.within(DimTerm::product);
        return DimTerm{inner + " // " + std::to_string(b), false, false,
                       DimTerm::product};
      });
  return all.isNegative ? "-" + all.within(DimTerm::product) : all.text;
}

std::string Raiser::dimList(ArrayRef<DimExpr> dims) {
  std::string text;
  for (const DimExpr &dim : dims)
    text += (text.empty() ? "" : ", ") + dimText(dim);
  return text;
}

static std::string elementText(Type element) {
  return element.isInteger(1)
             ? "bool"
             : asg::describe(RankedTensorType::get({}, element));
}

std::string Raiser::typeText(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  std::string element = elementText(tensor.getElementType());
  if (tensor.getRank() == 0)
    return element;
  return element + "[" + dimList(asg::getDims(tensor)) + "]";
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Text Raiser::made(std::string code, Value result, bool isPipe) {
  Text text;
  text.code = std::move(code);
  text.dims = asg::getDims(typeOf(result));
  text.isPipe = isPipe;
  return text;
}

Text Raiser::textOf(Value value) { return texts.lookup(value); }

/// A number as a tensor of the value's type.
std::string Raiser::numberTyped(const Text &text, Value value) {
  std::string element = elementText(typeOf(value).getElementType());
  std::string code =
      "full([" + dimList(asg::getDims(typeOf(value))) + "], " + text.code;
  return code + (element == "f32" ? ")" : ", dtype = " + element + ")");
}

std::string Raiser::full(Value value) {
  Text text = textOf(value);
  if (text.isNumber)
    return numberTyped(text, value);
  Extents dims = asg::getDims(typeOf(value));
  if (text.dims == dims)
    return text.code;
  if (text.dims.size() < dims.size() &&
      padFront(text.dims, dims.size()) == dims) {
    std::string index = "none";
    for (size_t i = text.dims.size() + 1; i < dims.size(); ++i)
      index += ", none";
    return indexed(text.code, index);
  }
  return "broadcast(" + text.code + ", [" + dimList(dims) + "])";
}

std::string Raiser::piped(Value value) {
  std::string code = full(value);
  return textOf(value).isPipe ? code : "(" + code + ")";
}

/// Gives the value its text: in place where it is used once, else by name.
void Raiser::bind(Value value, Text text) {
  bool isName = text.code.size() < 24 &&
                makeIdentifier(text.code) == text.code; // a parameter
  bool staysInPlace = uses.lookup(value) <= 1 && text.weight <= kMaxWeight;
  if (text.isNumber || isName || staysInPlace) {
    texts[value] = std::move(text);
    return;
  }
  int variable = names.addVariable();
  statements.push_back({variable, text.code});
  text.code = NamePool::reference(variable);
  text.isPipe = false;
  text.weight = 1;
  texts[value] = std::move(text);
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// `fc1` of the parameters `fc1.weight` and `fc1.bias`, or of the node
/// `/fc1/Gemm`.
std::string Raiser::nameInstance(const Layer &layer, Operation *op) {
  for (const LayerVariable &variable : layer.variables) {
    StringRef name = variable.variable;
    if (name.consume_back("." + variable.name) && !name.contains("::"))
      return names.takePath(name.str());
  }
  std::string path;
  if (auto named = dyn_cast<NameLoc>(op->getLoc())) {
    auto [scope, last] = named.getName().getValue().rsplit('/');
    for (char c : last.empty() ? StringRef() : scope.ltrim('/'))
      path += c == '/' ? '.' : c;
  }
  return names.takePath(path.empty() ? layer.block : path);
}

Text Raiser::writeLayer(const Layer &layer, Value value) {
  if (layer.isFunction) {
    Text text = applied(layer.block, layer.operands[0], layer.arguments, value);
    text.weight += textOf(layer.operands[0]).weight;
    return text;
  }
  std::string call = layer.block;
  if (!layer.variables.empty()) {
    std::string path = nameInstance(layer, value.getDefiningOp());
    for (const LayerVariable &variable : layer.variables)
      result.weights.push_back({path + "." + variable.name,
                                variable.variable,
                                variable.isTransposed,
                                {},
                                variable.stretches,
                                variable.shape});
    if (path != layer.block)
      call = writePath(path) + ": " + call;
  }
  std::vector<std::string> arguments;
  bool isCall = layer.operands.size() > 1;
  for (size_t i = isCall ? 0 : 1; i < layer.operands.size(); ++i)
    arguments.push_back("(" + full(layer.operands[i]) + ")");
  arguments.insert(arguments.end(), layer.arguments.begin(),
                   layer.arguments.end());
  for (const auto &[name, operand] : layer.named) {
    Text text = textOf(operand);
    arguments.push_back(
        name + " = (" + (text.isNumber ? full(operand) : text.code) + ")");
  }
  if (!arguments.empty()) {
    call += "(" + arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i)
      call += ", " + arguments[i];
    call += ")";
  }
  Text text = made(isCall ? call : piped(layer.operands[0]) + " |> " + call,
                   value, !isCall);
  for (Value operand : layer.operands)
    text.weight += textOf(operand).weight;
  for (const auto &[name, operand] : layer.named)
    text.weight += textOf(operand).weight;
  return text;
}

void Raiser::writeUnit(const Unit &unit) {
  Operation *op = unit.op;
  Value value = op->getResult(0);
  if (unit.layer && isa<asg::LayerOp>(op))
    return writeRecurrent(unit);
  if (unit.layer)
    return bind(value, writeLayer(*unit.layer, value));
  if (unit.slice)
    return bind(value,
                writeSlice(unit.slice,
                           *droppedAxes(cast<asg::ReshapeOp>(op), unit.slice),
                           value));
  for (Value other : op->getResults().drop_front())
    if (uses.lookup(other) > 0)
      return refuse(op, op->getName().getStringRef().str() + ", second result");
  std::optional<Text> text = writeSource(op);
  for (auto write :
       {&Raiser::writeElementwise, &Raiser::writeReduction,
        &Raiser::writeLayout, &Raiser::writeContraction, &Raiser::writeWindow})
    if (!text)
      text = (this->*write)(op);
  if (!text) {
    refuse(op);
    text = made("0", value);
  }
  for (Value operand : op->getOperands())
    text->weight += textOf(operand).weight;
  bind(value, std::move(*text));
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// The name of a port, which a graph from elsewhere may lack.
static std::string nameOr(StringRef name, const std::string &otherwise) {
  return name.empty() ? otherwise : name.str();
}

/// `(x: f32[batch <= 8, 4]) -> f32[batch, 2]`; gives the inputs their names.
std::string Raiser::writeSignature() {
  auto rename = [&](const std::string &old) {
    std::string name = names.take(old);
    if (name != old)
      result.renamed.emplace_back(old, name);
    return name;
  };
  std::map<std::string, int64_t> bounds;
  for (NamedAttribute dim : graph.getDims())
    bounds[dim.getName().str()] = cast<IntegerAttr>(dim.getValue()).getInt();
  std::string inputs;
  std::set<std::string> bound; // symbols that an input has introduced
  auto function = cast<FunctionType>(graph.getFunctionType());
  std::vector<std::string> inputNames;
  for (unsigned i = 0; i < function.getNumInputs(); ++i)
    inputNames.push_back(
        rename(nameOr(graph.getInputName(i), "x" + std::to_string(i))));
  for (const auto &[symbol, limit] : bounds)
    dimNames[symbol] = rename(symbol);
  for (unsigned i = 0; i < function.getNumInputs(); ++i) {
    auto type = cast<RankedTensorType>(function.getInput(i));
    std::string dims;
    for (const DimExpr &dim : asg::getDims(type)) {
      auto symbol = dim.asSymbol();
      dims += (dims.empty() ? "" : ", ") + dimText(dim);
      if (symbol && bounds.count(*symbol) && bound.insert(*symbol).second)
        dims += " <= " + std::to_string(bounds[*symbol]);
    }
    inputs += (inputs.empty() ? "" : ", ") + inputNames[i] + ": " +
              elementText(type.getElementType()) + "[" + dims + "]";
    Text text = made(NamePool::reference(names.addFixed(inputNames[i])),
                     graph.getArgument(i));
    texts[graph.getArgument(i)] = text;
  }
  std::string outputs;
  unsigned count = function.getNumResults();
  for (unsigned i = 0; i < count; ++i) {
    std::string otherwise =
        count == 1 ? "output" : "output" + std::to_string(i);
    std::string name = nameOr(graph.getOutputName(i), otherwise);
    std::string type = typeText(function.getResult(i));
    // Names of results live apart from those of values.
    std::string written = makeIdentifier(name);
    if (isKeyword(written))
      written += "_";
    if (written != name)
      result.renamed.emplace_back(name, written);
    outputs += (outputs.empty() ? "" : ", ") +
               (count == 1 && name == otherwise ? type : written + ": " + type);
  }
  bool isPlain = count == 1 && outputs.find(": ") == outputs.npos;
  return "(" + inputs + ") -> " + (isPlain ? outputs : "(" + outputs + ")");
}

std::optional<RaisedModel> Raiser::run(std::string *whyNot) {
  planUnits();
  // Inputs have the first choice of names, then parameters.
  std::string signature = writeSignature();
  for (const Unit &unit : units)
    writeUnit(unit);
  std::string code;
  for (Value value : graph.getBody().front().getTerminator()->getOperands())
    code += (code.empty() ? "return " : ", ") + ("(" + full(value) + ")");
  statements.push_back({-1, code.empty() ? "return" : code});
  if (!refused.empty()) {
    for (const auto &[op, count] : refused)
      *whyNot += (whyNot->empty() ? "" : ", ") + op + " (" +
                 std::to_string(count) + ")";
    return std::nullopt;
  }
  std::string text = "use nn\n\nmodel " + modelName + signature + " {\n";
  for (const std::string &declaration : declarations)
    text += declaration + "\n";
  for (const std::string &line : names.assign(statements))
    text += line + "\n";
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  FileId file = sources.add(modelName + ".asg", text + "}\n");
  ast::Module module = ast::parseModule(file, diagnostics);
  if (diagnostics.hasErrors()) {
    *whyNot = "a text that does not parse: " +
              renderShort(diagnostics.getDiagnostics().front(), sources);
    return std::nullopt;
  }
  result.text = ast::formatModule(module);
  return std::move(result);
}

} // namespace raise

std::optional<RaisedModel>
raiseModel(asg::GraphOp graph, const std::string &name, std::string *whyNot) {
  return raise::Raiser(graph, name).run(whyNot);
}

} // namespace asgc
