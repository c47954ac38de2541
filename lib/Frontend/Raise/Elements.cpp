//===- Elements.cpp - Sources, elementwise ops and reductions as text -----===//
#include "lib/Frontend/Raise/Raiser.h"

#include "llvm/ADT/StringExtras.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace asgc::raise {

/// Constants of more elements are states, whose values are in the weights.
static constexpr int64_t kMaxInline = 64;

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

std::string Raiser::declareParameter(asg::ReadOp read) {
  std::string variable = read.getVariable().str();
  auto [it, isNew] = parameters.try_emplace(variable);
  if (!isNew)
    return it->second;
  auto type = typeOf(read.getY());
  it->second = names.take(variable);
  bool isParam = isa<FloatType>(type.getElementType());
  declarations.push_back(
      std::string(isParam ? "param " : "state ") + it->second + ": " +
      typeText(type) +
      (isParam && type.getRank() > 1 ? " = normal(0.02)" : " = zeros()"));
  result.weights.push_back({it->second, variable, false, {}});
  return it->second;
}

static std::string elementText(Attribute element) {
  if (auto number = dyn_cast<FloatAttr>(element))
    return writeNumber(number.getValueAsDouble());
  auto integer = cast<IntegerAttr>(element);
  if (integer.getType().isInteger(1))
    return integer.getValue().getBoolValue() ? "true" : "false";
  return std::to_string(integer.getInt());
}

static DType dtypeOf(Type element) {
  std::string name = asg::describe(RankedTensorType::get({}, element));
  return parseDType(name == "i1" ? "bool" : name).value_or(DType::F32);
}

static std::string elementTextOf(Type element) {
  return asg::describe(RankedTensorType::get({}, element));
}

Text Raiser::writeConstant(asg::ConstantOp op) {
  auto type = typeOf(op.getY());
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements || type.getNumElements() == 0) {
    refuse(op, "a constant without elements");
    return made("0", op.getY());
  }
  if (elements.isSplat()) {
    Text text =
        made(elementText(elements.getSplatValue<Attribute>()), op.getY());
    text.isNumber = !type.getElementType().isInteger(1);
    if (!text.isNumber)
      text.code =
          type.getRank() == 0
              ? "full([], " + std::string(text.code == "true" ? "1" : "0") +
                    ", dtype = bool)"
              : numberTyped({text.code == "true" ? "1" : "0"}, op.getY());
    return text;
  }
  constexpr int64_t kLeast = 4; // shorter lists are plainer as they are
  if (auto count = countedAxis(op.getY());
      count && type.getNumElements() >= kLeast) {
    std::string code = "iota(" + std::to_string(type.getDimSize(*count));
    std::string element = elementTextOf(type.getElementType());
    code += element == "i64" ? ")" : ", " + element + ")";
    if (type.getRank() > 1) {
      SmallVector<std::string> places(type.getRank(), "none");
      places[*count] = ":";
      if (*count == type.getRank() - 1)
        places.pop_back();
      code += "[" + llvm::join(places, ", ") + "]";
    }
    return made(code, op.getY());
  }
  auto raw = elements.getRawData();
  bool isInline = type.getNumElements() <= kMaxInline;
  // Lists are flat, so that their shape does not tell them apart.
  auto flat =
      RankedTensorType::get({type.getNumElements()}, type.getElementType());
  std::string key = typeText(isInline ? flat : type) + ":" +
                    std::string(raw.data(), raw.size());
  auto [table, isNew] = tables.try_emplace(key);
  if (isNew) {
    table->second = names.take("table");
    declareTable(table->second, elements, isInline);
  }
  const std::string &name = table->second;
  if (!isInline)
    return made(name, op.getY());
  std::string code =
      type.getElementType().isInteger(1) ? "(" + name + " != 0)" : name;
  if (type.getRank() == 1)
    return made(code, op.getY());
  return made("reshape(" + code + ", " + dimList(asg::getDims(type)) + ")",
              op.getY());
}

/// `const table: i64[3] = [1, 2, 3]`, or a state whose value is in the weights.
/// Lists are flat and hold no bools; both is put right where they are used.
void Raiser::declareTable(const std::string &name, DenseElementsAttr elements,
                          bool isInline) {
  auto type = cast<RankedTensorType>(elements.getType());
  auto values = llvm::to_vector(elements.getValues<Attribute>());
  bool isBool = type.getElementType().isInteger(1);
  if (isInline) {
    std::string list;
    for (Attribute element : values) {
      std::string text = elementText(element);
      text = text == "true" ? "1" : text == "false" ? "0" : text;
      list += (list.empty() ? "" : ", ") + text;
    }
    auto flat = RankedTensorType::get(
        {int64_t(values.size())},
        isBool ? IntegerType::get(elements.getContext(), 64)
               : type.getElementType());
    declarations.push_back("const " + name + ": " + typeText(flat) + " = [" +
                           list + "]");
    return;
  }
  auto shape = type.getShape();
  auto host = HostTensor::make(dtypeOf(type.getElementType()),
                               {shape.begin(), shape.end()});
  for (size_t i = 0; i < values.size(); ++i) {
    if (auto number = dyn_cast<FloatAttr>(values[i]))
      host->set(int64_t(i), number.getValueAsDouble());
    else if (auto integer = cast<IntegerAttr>(values[i]); isBool)
      host->setInteger(int64_t(i), integer.getValue().getBoolValue());
    else
      host->setInteger(int64_t(i), integer.getInt());
  }
  declarations.push_back("state " + name + ": " + typeText(type) +
                         " = zeros()");
  result.weights.push_back({name, "", false, std::move(*host)});
}

std::optional<Text> Raiser::writeSource(Operation *op) {
  Value value = op->getResult(0);
  if (auto read = dyn_cast<asg::ReadOp>(op))
    return made(declareParameter(read), value);
  if (auto constant = dyn_cast<asg::ConstantOp>(op))
    return writeConstant(constant);
  std::string element =
      asg::describe(RankedTensorType::get({}, typeOf(value).getElementType()));
  if (auto iota = dyn_cast<asg::IotaOp>(op)) {
    DimExpr count = asg::getDim(typeOf(value), iota.getAxis());
    std::string code = "iota(" + dimText(count) +
                       (element == "i64" ? ")" : ", " + element + ")");
    int64_t after = rankOf(value) - 1 - int64_t(iota.getAxis());
    Text text = made(code, value);
    text.dims = {count};
    if (after > 0) {
      text.code += "[:";
      for (int64_t i = 0; i < after; ++i) {
        text.code += ", none";
        text.dims.push_back(DimExpr(1));
      }
      text.code += "]";
    }
    return text;
  }
  if (auto dim = dyn_cast<asg::DimOp>(op))
    if (auto extent = DimExpr::parse(dim.getExtent().str()))
      return made("cast(" + dimText(*extent) + ", " + element + ")", value);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Extents padFront(ArrayRef<DimExpr> dims, size_t rank) {
  Extents padded(rank - dims.size(), DimExpr(1));
  padded.append(dims.begin(), dims.end());
  return padded;
}

/// The shape that numpy's rules give operands of these shapes.
static Extents commonDims(ArrayRef<Text> texts) {
  Extents common;
  for (const Text &text : texts) {
    Extents dims = text.isNumber ? Extents() : text.dims;
    size_t rank = std::max(common.size(), dims.size());
    common = padFront(common, rank);
    dims = padFront(dims, rank);
    for (size_t i = 0; i < rank; ++i)
      if (common[i] == DimExpr(1))
        common[i] = dims[i];
  }
  return common;
}

Text Raiser::writeBinary(Operation *op, const char *symbol) {
  Text lhs = textOf(op->getOperand(0)), rhs = textOf(op->getOperand(1));
  if (lhs.isNumber && rhs.isNumber) {
    lhs.code = numberTyped(lhs, op->getOperand(0));
    lhs.isNumber = false;
  }
  Text text = made("(" + lhs.code + ") " + symbol + " (" + rhs.code + ")",
                   op->getResult(0));
  text.dims = commonDims({lhs, rhs});
  return text;
}

/// f(a, b, …) of an elementwise function.
Text Raiser::writeCall(Operation *op, const std::string &function) {
  std::vector<Text> operands;
  bool areNumbers = true;
  for (Value operand : op->getOperands()) {
    operands.push_back(textOf(operand));
    areNumbers &= operands.back().isNumber;
  }
  if (areNumbers) {
    operands[0].code = numberTyped(operands[0], op->getOperand(0));
    operands[0].isNumber = false;
  }
  std::string code;
  for (const Text &text : operands)
    code += (code.empty() ? "" : ", ") + ("(" + text.code + ")");
  bool isPipe = operands.size() == 1 && operands[0].isPipe;
  Text text = made(isPipe ? operands[0].code + " |> " + function
                          : function + "(" + code + ")",
                   op->getResult(0), isPipe);
  text.dims = commonDims(operands);
  return text;
}

static const char *symbolOf(asg::Predicate predicate) {
  switch (predicate) {
  case asg::Predicate::eq:
    return "==";
  case asg::Predicate::ne:
    return "!=";
  case asg::Predicate::lt:
    return "<";
  case asg::Predicate::le:
    return "<=";
  case asg::Predicate::gt:
    return ">";
  case asg::Predicate::ge:
    return ">=";
  }
  return "==";
}

std::optional<Text> Raiser::writeElementwise(Operation *op) {
  if (op->getNumResults() == 0)
    return std::nullopt;
  Type element = typeOf(op->getResult(0)).getElementType();
  bool isBool = element.isInteger(1);
  if (isa<asg::DivOp>(op) && !isa<FloatType>(element)) {
    // `//` rounds down, asg.div towards zero.
    Text a = textOf(op->getOperand(0)), b = textOf(op->getOperand(1));
    std::string x = a.isNumber ? numberTyped(a, op->getOperand(0)) : a.code;
    std::string y = b.isNumber ? numberTyped(b, op->getOperand(1)) : b.code;
    Text text = made("sign(" + x + ") * sign(" + y + ") * (abs(" + x +
                         ") // abs(" + y + "))",
                     op->getResult(0));
    text.dims = commonDims({a, b});
    if (a.isNumber || b.isNumber)
      text.dims = asg::getDims(typeOf(op->getResult(0)));
    return text;
  }
  if (auto cast = dyn_cast<asg::CastOp>(op)) {
    Text x = textOf(cast.getX());
    if (x.isNumber)
      x.code = numberTyped(x, cast.getX());
    Text text = made("cast(" + x.code + ", " +
                         typeText(RankedTensorType::get({}, element)) + ")",
                     cast.getY());
    if (!x.isNumber)
      text.dims = x.dims;
    return text;
  }
  if (auto select = dyn_cast<asg::SelectOp>(op)) {
    Text a = textOf(select.getOnTrue()), b = textOf(select.getOnFalse());
    bool isDefault = element.isInteger(64);
    if (a.isNumber && b.isNumber && !isDefault) {
      a.code = numberTyped(a, select.getOnTrue());
      a.isNumber = false;
    }
    Text condition = textOf(select.getCondition());
    Text text = made("where((" + condition.code + "), (" + a.code + "), (" +
                         b.code + "))",
                     select.getY());
    text.dims = commonDims({condition, a, b});
    return text;
  }
  if (auto compare = dyn_cast<asg::CompareOp>(op))
    return writeBinary(op, symbolOf(compare.getPredicate()));
  return llvm::TypeSwitch<Operation *, std::optional<Text>>(op)
      .Case([&](asg::AddOp) { return writeBinary(op, "+"); })
      .Case([&](asg::SubOp) { return writeBinary(op, "-"); })
      .Case([&](asg::MulOp) { return writeBinary(op, "*"); })
      .Case([&](asg::DivOp) { return writeBinary(op, "/"); })
      .Case([&](asg::ModOp) { return writeBinary(op, "%"); })
      .Case([&](asg::PowOp) { return writeBinary(op, "^"); })
      .Case([&](asg::MinOp) { return writeCall(op, "min"); })
      .Case([&](asg::MaxOp) { return writeCall(op, "max"); })
      .Case([&](asg::AndOp) -> std::optional<Text> {
        if (!isBool)
          return std::nullopt;
        return writeBinary(op, "and");
      })
      .Case([&](asg::OrOp) -> std::optional<Text> {
        if (!isBool)
          return std::nullopt;
        return writeBinary(op, "or");
      })
      .Case([&](asg::XorOp) -> std::optional<Text> {
        if (!isBool)
          return std::nullopt;
        return writeBinary(op, "!=");
      })
      .Case([&](asg::NotOp) -> std::optional<Text> {
        if (!isBool)
          return std::nullopt;
        Text x = textOf(op->getOperand(0));
        x.code = "not (" + x.code + ")";
        x.isPipe = false;
        x.weight = 1;
        return x;
      })
      .Case([&](asg::NegOp) {
        Text x = textOf(op->getOperand(0));
        if (x.isNumber)
          x.code = numberTyped(x, op->getOperand(0));
        Text text = made("-(" + x.code + ")", op->getResult(0));
        if (!x.isNumber)
          text.dims = x.dims;
        return text;
      })
      .Case<asg::SinOp, asg::CosOp, asg::SignOp, asg::AbsOp, asg::ExpOp,
            asg::Expm1Op, asg::LogOp, asg::Log1pOp, asg::SqrtOp, asg::RsqrtOp,
            asg::TanhOp, asg::ErfOp, asg::FloorOp, asg::CeilOp, asg::RoundOp,
            asg::StopGradientOp>([&](Operation *) {
        return writeCall(op, op->getName().stripDialect().str());
      })
      .Default([](Operation *) { return std::nullopt; });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// f(x, arguments…), or x |> f(arguments…) where x ends in a pipe.
Text Raiser::applied(const std::string &function, Value x,
                     std::vector<std::string> arguments, Value value) {
  std::string list;
  for (const std::string &argument : arguments)
    list += (list.empty() ? "" : ", ") + argument;
  if (textOf(x).isPipe)
    return made(full(x) + " |> " + function +
                    (list.empty() ? "" : "(" + list + ")"),
                value, true);
  return made(function + "((" + full(x) + ")" +
                  (list.empty() ? "" : ", " + list) + ")",
              value);
}

template <typename Op> static std::vector<std::string> scanArguments(Op op) {
  std::vector<std::string> arguments = {"axis = " +
                                        std::to_string(op.getAxis())};
  if (op.getReverse())
    arguments.push_back("reverse = true");
  return arguments;
}

std::optional<Text> Raiser::writeReduction(Operation *op) {
  auto reduce = [&](const char *function) {
    Axes axes(op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef());
    Value x = op->getOperand(0);
    if (axes.empty())
      return made("(" + full(x) + ")", op->getResult(0));
    return applied(function, x, axisArgument(axes, rankOf(x)),
                   op->getResult(0));
  };
  auto choose = [&](const char *function, int64_t axis) {
    Text text = applied(function, op->getOperand(0),
                        {"axis = " + std::to_string(axis)}, op->getResult(0));
    if (!typeOf(op->getResult(0)).getElementType().isInteger(64))
      text = made("cast((" + text.code + "), i32)", op->getResult(0));
    return text;
  };
  return llvm::TypeSwitch<Operation *, std::optional<Text>>(op)
      .Case([&](asg::ReduceSumOp) { return reduce("sum"); })
      .Case([&](asg::ReduceProdOp) { return reduce("prod"); })
      .Case([&](asg::ReduceMaxOp) { return reduce("max"); })
      .Case([&](asg::ReduceMinOp) { return reduce("min"); })
      .Case([&](asg::ArgMaxOp o) { return choose("argmax", o.getAxis()); })
      .Case([&](asg::ArgMinOp o) { return choose("argmin", o.getAxis()); })
      .Case([&](asg::CumsumOp o) {
        return applied("cumsum", o.getX(), scanArguments(o), o.getY());
      })
      .Case([&](asg::LinearScanOp o) {
        std::vector<std::string> arguments = scanArguments(o);
        arguments.insert(arguments.begin(), "(" + full(o.getB()) + ")");
        return applied("linear_scan", o.getA(), arguments, o.getH());
      })
      .Default([](Operation *) { return std::nullopt; });
}

} // namespace asgc::raise
