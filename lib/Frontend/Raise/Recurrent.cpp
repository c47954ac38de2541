//===- Recurrent.cpp - Recurrent layers of ONNX as text -------------------===//
#include "lib/Frontend/Raise/Raiser.h"

#include "dialects/asg/AsgRecurrent.h"

#include <algorithm>

using namespace mlir;
namespace recurrent = asgc::asg::recurrent;

namespace asgc::raise {

namespace {
/// What an asg.layer that the import of ONNX made says.
struct Recurrent {
  asg::LayerOp layer;
  std::string block, activation;
  Value x;
  asg::ReadOp weight, ownWeight, bias; ///< the last may be null
  int64_t hidden = 0, directions = 0;
  std::vector<int64_t> gates; ///< PyTorch's, by their places in ONNX

  bool isLstm() const { return block == "lstm"; }
  bool isAlike(const Recurrent &other) const {
    return block == other.block && activation == other.activation &&
           hidden == other.hidden && directions == other.directions &&
           bool(bias) == bool(other.bias);
  }
};
} // namespace

static bool hasShape(Value value, ArrayRef<int64_t> shape) {
  return value && typeOf(value).getElementType().isF32() &&
         typeOf(value).getShape() == shape;
}

/// The value that a layer takes besides its weights; null if there are several,
/// or if something else reads a weight.
static Value findInput(Recurrent &it,
                       const std::map<StringRef, asg::ReadOp *> &weights) {
  SmallVector<Value> others;
  it.layer.getBody().walk([&](Operation *op) {
    for (Value operand : op->getOperands()) {
      if (it.layer.getBody().isAncestor(operand.getParentRegion()))
        continue;
      auto read = operand.getDefiningOp<asg::ReadOp>();
      auto found = read ? weights.find(read.getVariable()) : weights.end();
      if (found != weights.end())
        *found->second = read;
      else if (!llvm::is_contained(others, operand))
        others.push_back(operand);
    }
  });
  for (auto [name, read] : weights)
    if (!*read || llvm::any_of((*read)->getUsers(), [&](Operation *user) {
          return !it.layer->isProperAncestor(user);
        }))
      return {};
  return others.size() == 1 ? others[0] : Value();
}

static std::optional<Recurrent> findRecurrent(Operation *op) {
  auto layer = dyn_cast_or_null<asg::LayerOp>(op);
  if (!layer || !layer.getBlockArgs())
    return std::nullopt;
  Recurrent it{.layer = layer};
  // ONNX orders gates as i, o, f, c and z, r, h; PyTorch as i, f, g, o and r,
  // z, n.
  StringRef block = layer.getBlock();
  if (block == recurrent::kLstm)
    it.block = "lstm", it.gates = {0, 2, 3, 1};
  else if (block == recurrent::kGru)
    it.block = "gru", it.gates = {1, 0, 2};
  else if (block == recurrent::kRnn)
    it.block = "rnn", it.gates = {0};
  else
    return std::nullopt;
  DictionaryAttr arguments = *layer.getBlockArgs();
  auto text = [&](StringRef name) {
    auto value = arguments.getAs<StringAttr>(name);
    return value ? value.getValue() : StringRef();
  };
  auto number = [&](StringRef name) {
    auto value = arguments.getAs<IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  it.hidden = number(recurrent::kHidden);
  it.directions = number(recurrent::kDirections);
  it.activation = text(recurrent::kActivation).str();
  std::map<StringRef, asg::ReadOp *> weights = {
      {text(recurrent::kWeight), &it.weight},
      {text(recurrent::kOwnWeight), &it.ownWeight}};
  bool hasBias = !text(recurrent::kBias).empty();
  if (hasBias)
    weights[text(recurrent::kBias)] = &it.bias;
  if (weights.size() != (hasBias ? 3 : 2) || !(it.x = findInput(it, weights)))
    return std::nullopt;
  int64_t rows = int64_t(it.gates.size()) * it.hidden;
  auto type = typeOf(it.x);
  bool isFine =
      (it.directions == 1 || it.directions == 2) && type.getRank() == 3 &&
      type.getElementType().isF32() && !type.isDynamicDim(1) &&
      !type.isDynamicDim(2) &&
      hasShape(it.weight.getY(), {it.directions, rows, type.getDimSize(2)}) &&
      hasShape(it.ownWeight.getY(), {it.directions, rows, it.hidden}) &&
      (!hasBias || hasShape(it.bias.getY(), {it.directions, 2 * rows})) &&
      int64_t(layer.getNumResults()) ==
          1 + it.directions * (it.isLstm() ? 2 : 1);
  if (!isFine)
    return std::nullopt;
  Extents all = asg::getDims(type), last = {all[0], DimExpr(it.hidden)};
  all[2] = DimExpr(it.directions * it.hidden);
  for (auto [i, result] : llvm::enumerate(layer.getResults()))
    if (asg::getDims(typeOf(result)) != (i == 0 ? all : last))
      return std::nullopt;
  return it;
}

/// The layers of which each reads only the one before, so that one block is all
/// of them; the last is `top`.
static std::vector<Recurrent> findStack(Recurrent top) {
  std::vector<Recurrent> stack{std::move(top)};
  while (true) {
    Recurrent &above = stack.front();
    auto below = findRecurrent(above.x.getDefiningOp());
    if (!below || !below->isAlike(above) ||
        above.x != below->layer.getResult(0) ||
        llvm::any_of(above.x.getUsers(),
                     [&](Operation *user) {
                       return !above.layer->isProperAncestor(user);
                     }) ||
        llvm::any_of(below->layer.getResults().drop_front(),
                     [](Value state) { return !state.use_empty(); }))
      return stack;
    stack.insert(stack.begin(), std::move(*below));
  }
}

/// Adds the parameters of layer `index` of the block.
static void addVariables(Recurrent &it, size_t index, Layer &layer) {
  int64_t rows = int64_t(it.gates.size()) * it.hidden;
  for (int64_t d = 0; d < it.directions; ++d) {
    std::string end = "_l" + std::to_string(index) + (d ? "_reverse" : "");
    // Rows of every gate, of a matrix with `columns` or of a vector; each
    // direction has `all` rows, of which these are from `first` on.
    auto add = [&](const char *name, asg::ReadOp read, int64_t all,
                   int64_t first, int64_t columns) {
      LayerVariable variable{name + end, read.getVariable().str()};
      for (int64_t gate : it.gates)
        variable.stretches.push_back(
            {(d * all + first + gate * it.hidden) * columns,
             it.hidden * columns});
      variable.shape = {rows};
      if (rankOf(read.getY()) == 3)
        variable.shape.push_back(columns);
      layer.variables.push_back(std::move(variable));
    };
    add("weight_ih", it.weight, rows, 0,
        typeOf(it.weight.getY()).getDimSize(2));
    add("weight_hh", it.ownWeight, rows, 0, it.hidden);
    if (it.bias) {
      add("bias_ih", it.bias, 2 * rows, 0, 1);
      add("bias_hh", it.bias, 2 * rows, rows, 1);
    }
  }
}

std::optional<Layer> matchRecurrent(Operation *op) {
  auto found = findRecurrent(op);
  if (!found)
    return std::nullopt;
  std::vector<Recurrent> stack = findStack(std::move(*found));
  Recurrent &top = stack.back();
  // The last h stands in y; the last c does not.
  bool needsStates =
      top.isLstm() &&
      llvm::any_of(top.layer.getResults().take_back(size_t(top.directions)),
                   [](Value memory) { return !memory.use_empty(); });
  Layer layer{top.block + (needsStates ? "_states" : ""),
              {stack.front().x},
              {std::to_string(top.hidden)},
              {}};
  if (stack.size() > 1)
    layer.arguments.push_back("layers = " + std::to_string(stack.size()));
  if (top.directions == 2)
    layer.arguments.push_back("bidirectional = true");
  if (top.activation == "relu")
    layer.arguments.push_back("activation = relu");
  if (!top.bias)
    layer.arguments.push_back("bias = false");
  for (size_t i = 0; i < stack.size(); ++i)
    addVariables(stack[i], i, layer);
  return layer;
}

/// y, the last h and the last c of every direction.
void Raiser::writeRecurrent(const Unit &unit) {
  auto layer = cast<asg::LayerOp>(unit.op);
  Recurrent it = *findRecurrent(layer);
  size_t directions = size_t(it.directions), layers = findStack(it).size();
  Value y = layer.getResult(0);
  Text text = writeLayer(*unit.layer, y);
  ResultRange states = layer.getResults().drop_front();
  if (StringRef(unit.layer->block).ends_with("_states")) {
    int variable = names.addVariable();
    statements.push_back({variable, text.code});
    std::string all = NamePool::reference(variable);
    texts[y] = made(indexed(all, "0"), y);
    for (auto [i, state] : llvm::enumerate(states)) {
      size_t place = (layers - 1) * directions + i % directions;
      texts[state] =
          made(indexed(indexed(all, std::to_string(1 + i / directions)),
                       std::to_string(place)),
               state);
    }
    return;
  }
  for (Value state : states)
    uses[y] += uses.lookup(state) > 0;
  bind(y, std::move(text));
  std::string hidden = std::to_string(it.hidden);
  for (size_t d = 0; d < directions; ++d) {
    if (uses.lookup(states[d]) == 0)
      continue;
    std::string index = d == 0 ? ":, -1" : ":, 0, " + hidden + ":";
    if (directions == 2 && d == 0)
      index += ", :" + hidden;
    Text state = made(indexed(full(y), index), states[d]);
    state.weight += textOf(y).weight;
    bind(states[d], std::move(state));
  }
}

} // namespace asgc::raise

bool asgc::canRaise(mlir::Operation *layer) {
  return raise::matchRecurrent(layer).has_value();
}
