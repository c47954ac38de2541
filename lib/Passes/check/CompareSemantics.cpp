//===- CompareSemantics.cpp - Whether two graphs compute the same ---------===//
#include "asgc/SemanticsCheck.h"

#include "llvm/Support/Format.h"

#include <cmath>
#include <random>

using namespace mlir;

namespace asgc {
namespace {

using DimValues = std::map<std::string, int64_t, std::less<>>;

//===- Inputs -------------------------------------------------------------===//

/// Numbers for the run-time dims of `before`: those that `after` has in their place,
/// else a few elements each, all different where the bounds allow it.
DimValues chooseDims(asg::GraphOp before, asg::GraphOp after) {
  DimValues values;
  for (auto [old, now] :
       llvm::zip(before.getArgumentTypes(), after.getArgumentTypes())) {
    auto oldType = cast<RankedTensorType>(old), type = cast<RankedTensorType>(now);
    for (int64_t axis = 0; axis < oldType.getRank(); ++axis) {
      auto symbol = asg::getDim(oldType, axis).asSymbol();
      auto number = asg::getDim(type, axis).asConstant();
      if (symbol && number)
        values.emplace(*symbol, *number);
    }
  }
  int64_t next = 3;
  for (NamedAttribute dim : before.getDims()) {
    int64_t bound = cast<IntegerAttr>(dim.getValue()).getInt();
    values.emplace(dim.getName().str(), std::min(next++, bound));
  }
  return values;
}

/// Random values of a type. Floats are multiples of 1/64, so that small sums of them
/// are exact; `low` is the least.
std::optional<HostTensor> draw(RankedTensorType type, const DimValues &dims,
                               std::mt19937_64 &random, double low) {
  std::vector<int64_t> shape;
  for (const DimExpr &dim : asg::getDims(type)) {
    auto value = dim.evaluate([&](std::string_view name) {
      auto found = dims.find(name);
      return found == dims.end() ? std::nullopt : std::optional(found->second);
    });
    if (!value)
      return std::nullopt;
    shape.push_back(*value);
  }
  DType dtype = getDType(type.getElementType());
  // Interpreted in f64, floats may be given as f64.
  auto tensor = HostTensor::make(isFloat(dtype) ? DType::F64 : dtype, shape);
  if (!tensor)
    return std::nullopt;
  for (int64_t i = 0; i < tensor->numElements(); ++i) {
    uint64_t bits = random();
    if (isFloat(dtype))
      tensor->set(i, low + (1 - low) * static_cast<double>(bits % 129) / 128);
    else if (dtype == DType::Bool)
      tensor->set(i, bits % 2);
    else
      // Mostly small, as classes and indices are; now and then out of range.
      tensor->set(i, bits % 16 == 0 ? -1 : bits / 16 % 8);
  }
  return tensor;
}

std::optional<Variables> drawVariables(Operation *module, std::mt19937_64 &random) {
  Variables variables;
  for (Operation &op : module->getRegion(0).front()) {
    Type type;
    double low = -1;
    if (auto param = dyn_cast<asg::ParamOp>(op)) {
      type = param.getType();
    } else if (auto state = dyn_cast<asg::StateOp>(op)) {
      type = state.getType();
      low = 0; // second moments and variances are not negative
    } else {
      continue;
    }
    auto value = draw(cast<RankedTensorType>(type), {}, random, low);
    if (!value)
      return std::nullopt;
    auto name = op.getAttrOfType<StringAttr>("sym_name");
    variables.emplace(name.getValue().str(), std::move(*value));
  }
  return variables;
}

//===- Comparing ----------------------------------------------------------===//

std::string writeIndex(const HostTensor &tensor, int64_t flat) {
  std::vector<int64_t> index;
  for (auto extent = tensor.shape().rbegin(); extent != tensor.shape().rend();
       ++extent) {
    index.push_back(flat % *extent);
    flat /= *extent;
  }
  std::string text = "[";
  for (auto i = index.rbegin(); i != index.rend(); ++i)
    text += (i == index.rbegin() ? "" : ", ") + std::to_string(*i);
  return text + "]";
}

std::string writeNumber(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  return text;
}

/// Where two tensors differ by more than rounding explains; −1 if nowhere. Rewrites
/// round in another order, and constants are folded in f32.
int64_t findDifference(const HostTensor &before, const HostTensor &after) {
  constexpr double tolerance = 1e-5;
  double scale = 1;
  for (int64_t i = 0; i < before.numElements(); ++i)
    if (std::isfinite(before.get(i)))
      scale = std::max(scale, std::abs(before.get(i)));
  for (int64_t i = 0; i < before.numElements(); ++i) {
    double a = before.get(i), b = after.get(i);
    if (!isFloat(before.dtype())) {
      if (before.getInteger(i) != after.getInteger(i))
        return i;
    } else if (std::isfinite(a) && std::isfinite(b)) {
      if (std::abs(a - b) > tolerance * scale)
        return i;
    } else if (a != b && !(std::isnan(a) && std::isnan(b))) {
      return i;
    }
  }
  return -1;
}

bool haveSameShape(const HostTensor &a, const HostTensor &b) {
  return a.dtype() == b.dtype() && std::ranges::equal(a.shape(), b.shape());
}

std::optional<std::string> compare(const std::string &name,
                                   const HostTensor &before,
                                   const HostTensor &after) {
  if (!haveSameShape(before, after))
    return name + " is " + after.describe() + ", was " + before.describe();
  int64_t place = findDifference(before, after);
  if (place < 0)
    return std::nullopt;
  return name + " is " + writeNumber(after.get(place)) + " at " +
         writeIndex(after, place) + ", was " + writeNumber(before.get(place));
}

/// A variable that is not assigned keeps its value, one of `variables`.
std::optional<std::string> compareResults(asg::GraphOp graph,
                                          const InterpreterResult &before,
                                          const InterpreterResult &after,
                                          const Variables &variables) {
  if (before.outputs.size() != after.outputs.size())
    return "there are " + std::to_string(after.outputs.size()) +
           " outputs, were " + std::to_string(before.outputs.size());
  for (size_t i = 0; i < after.outputs.size(); ++i)
    if (auto message = compare("output '" + graph.getOutputName(i).str() + "'",
                               before.outputs[i], after.outputs[i]))
      return message;
  auto get = [](const InterpreterResult &result, const std::string &name,
                const HostTensor &old) {
    auto found = result.assigned.find(name);
    return found == result.assigned.end() ? old : found->second;
  };
  for (const auto &[name, value] : variables)
    if (auto message = compare("variable '" + name + "'",
                               get(before, name, value), get(after, name, value)))
      return message;
  return std::nullopt;
}

//===- The op -------------------------------------------------------------===//

/// The source places in a location, without the ops' names in it.
void collectPlaces(Location loc, DenseSet<Attribute> &places) {
  loc->walk([&](Location part) {
    if (isa<FileLineColLoc>(part))
      places.insert(Attribute(part));
    return WalkResult::advance();
  });
}

/// The first value of `after` that no value of a shared source place had.
Operation *findOp(const InterpreterResult &before,
                  const InterpreterResult &after) {
  DenseMap<Attribute, SmallVector<const HostTensor *>> known;
  for (const auto &[value, tensor] : before.values) {
    DenseSet<Attribute> places;
    collectPlaces(value.getLoc(), places);
    for (Attribute place : places)
      known[place].push_back(&tensor);
  }
  for (const auto &[value, tensor] : after.values) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getNumRegions() != 0)
      continue;
    DenseSet<Attribute> places;
    collectPlaces(value.getLoc(), places);
    // A value that was never there is judged by what is made of it.
    bool isComparable = false, isKnown = false;
    for (Attribute place : places)
      for (const HostTensor *old : known.lookup(place)) {
        if (!haveSameShape(*old, tensor))
          continue;
        isComparable = true;
        isKnown |= findDifference(*old, tensor) < 0;
      }
    if (isComparable && !isKnown)
      return op;
  }
  return nullptr;
}

} // namespace

FailureOr<std::optional<SemanticsDifference>>
compareSemantics(asg::GraphOp before, asg::GraphOp after, uint64_t seed) {
  if (before.getNumArguments() != after.getNumArguments())
    return std::optional(SemanticsDifference{
        "there are " + std::to_string(after.getNumArguments()) +
            " inputs, were " + std::to_string(before.getNumArguments()),
        nullptr});
  std::mt19937_64 random(seed);
  DimValues dims = chooseDims(before, after);
  std::vector<HostTensor> inputs;
  for (Type type : before.getArgumentTypes()) {
    auto input = draw(cast<RankedTensorType>(type), dims, random, -1);
    if (!input)
      return before.emitOpError("has inputs of unknown or excessive size");
    inputs.push_back(std::move(*input));
  }
  std::optional<Variables> variables =
      drawVariables(before->getParentOp(), random);
  if (!variables)
    return before.emitOpError("has variables of excessive size");
  InterpreterOptions options;
  options.roundToStorage = false;
  options.dims.insert(dims.begin(), dims.end());
  auto old = interpret(before, inputs, *variables, options);
  if (failed(old))
    return failure();
  auto now = interpret(after, inputs, *variables, options);
  if (failed(now))
    return failure();
  auto message = compareResults(after, *old, *now, *variables);
  if (!message)
    return std::optional<SemanticsDifference>();
  // Again, with the values of every op.
  options.keepValues = true;
  old = interpret(before, inputs, *variables, options);
  now = interpret(after, inputs, *variables, options);
  Operation *op = succeeded(old) && succeeded(now) ? findOp(*old, *now) : nullptr;
  return std::optional(SemanticsDifference{*message, op});
}

} // namespace asgc
