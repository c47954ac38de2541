//===- RecurrentLayer.cpp - Recurrent operators as layers -----------------===//
#include "lib/Interop/Onnx/RecurrentLayer.h"
#include "lib/Interop/Onnx/GraphImporter.h"

#include "dialects/asg/AsgRecurrent.h"

#include <algorithm>
#include <onnx/onnx_pb.h>

using namespace mlir;
namespace recurrent = asgc::asg::recurrent;

namespace asgc::interop {

/// Zeros, however they are made.
static bool isZero(Call &call, Value x) {
  while (isa_and_nonnull<asg::BroadcastOp, asg::ReshapeOp, asg::TransposeOp,
                         asg::SliceOp>(x.getDefiningOp()))
    x = x.getDefiningOp()->getOperand(0);
  const HostTensor *value = call.find(x);
  if (!value)
    return false;
  for (int64_t i = 0; i < value->numElements(); ++i)
    if (value->get(i) != 0)
      return false;
  return true;
}

/// The activation of an RNN as the language calls it; empty if nn.rnn, gru and
/// lstm have others.
static StringRef activationOf(Call &call, int64_t directions) {
  bool isRnn = call.node.op_type() == "RNN";
  std::vector<std::string> names = call.texts("activations");
  if (names.empty())
    return "tanh";
  std::vector<std::string> usual = {"Sigmoid", "Tanh", "Tanh"};
  if (isRnn)
    usual = {names[0] == "Relu" ? "Relu" : "Tanh"};
  else if (call.node.op_type() == "GRU")
    usual.pop_back();
  if (names.size() != usual.size() * size_t(directions))
    return {};
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] != usual[i % usual.size()])
      return {};
  return isRnn && names[0] == "Relu" ? "relu" : "tanh";
}

std::optional<RecurrentLayer> RecurrentLayer::begin(Call &call, Value lengths,
                                                    Value &x) {
  Emitter &e = call.e;
  StringRef kind = call.node.op_type();
  auto type = Emitter::typeOf(x);
  Value own = call[2];
  int64_t hidden = Emitter::typeOf(own).getDimSize(2),
          directions = Emitter::typeOf(own).getDimSize(0);
  StringRef activation = activationOf(call, directions);
  if (lengths || !type.getElementType().isF32() ||
      !Emitter::dim(x, 0).asConstant() || activation.empty() ||
      call.text("direction", "forward") == "reverse" ||
      call.number("clip", 0) != 0 || call.integer("input_forget", 0) != 0 ||
      call.has(7) || !call.importer.isOutermost() ||
      (kind == "GRU" && call.integer("linear_before_reset", 0) == 0))
    return std::nullopt;
  for (size_t state : {5, 6})
    if (call.has(state) && !isZero(call, call[state]))
      return std::nullopt;
  OpBuilder &b = e.builder;
  SmallVector<NamedAttribute> arguments = {
      b.getNamedAttr(recurrent::kHidden, b.getI64IntegerAttr(hidden)),
      b.getNamedAttr(recurrent::kDirections, b.getI64IntegerAttr(directions)),
      b.getNamedAttr(recurrent::kActivation, b.getStringAttr(activation))};
  const StringRef names[] = {recurrent::kWeight, recurrent::kOwnWeight,
                             recurrent::kBias};
  for (size_t i = 0; i < 3; ++i) {
    Value weight = call[1 + i];
    if (!weight)
      continue;
    auto read = weight.getDefiningOp<asg::ReadOp>();
    if (!read)
      return std::nullopt;
    arguments.push_back(
        b.getNamedAttr(names[i], b.getStringAttr(read.getVariable())));
  }
  // What the layer takes is this value, not one that it is made of: the
  // transposes below are to be found side by side.
  Value batchFirst = e.transpose(x, {1, 0, 2});
  if (!batchFirst)
    return std::nullopt;
  RecurrentLayer layer(call);
  Block *here = b.getInsertionBlock();
  layer.before = here->empty() ? nullptr : &here->back();
  layer.block = kind == "RNN"   ? recurrent::kRnn
                : kind == "GRU" ? recurrent::kGru
                                : recurrent::kLstm;
  layer.arguments = b.getDictionaryAttr(arguments);
  x = e.infer<asg::TransposeOp>(1, batchFirst, ArrayRef<int64_t>{1, 0, 2});
  return layer;
}

Value RecurrentLayer::end(ArrayRef<Value> ys, Values &hs, Values &cs) {
  Emitter &e = call.e;
  Values results = {e.transpose(e.concat(ys, 2), {1, 0, 2})};
  results.append(hs);
  if (cs[0])
    results.append(cs);
  if (e.hasFailed())
    return {};
  Block *here = e.builder.getInsertionBlock(), *body = new Block;
  auto first = before ? std::next(before->getIterator()) : here->begin();
  body->getOperations().splice(body->end(), here->getOperations(), first,
                               here->end());
  std::string path = block.str();
  if (auto name = dyn_cast<NameLoc>(e.loc)) {
    path = name.getName().getValue().ltrim('/').str();
    std::replace(path.begin(), path.end(), '/', '.');
  }
  auto layer = asg::LayerOp::create(
      e.builder, e.loc, TypeRange(ValueRange(results)), path, block, arguments);
  layer.getBody().push_back(body);
  OpBuilder inside(e.builder.getContext());
  inside.setInsertionPointToEnd(body);
  asg::YieldOp::create(inside, e.loc, results);
  int64_t directions = int64_t(ys.size());
  for (unsigned d = 0; d < directions; ++d) {
    hs[d] = layer.getResult(1 + d);
    if (cs[d])
      cs[d] = layer.getResult(unsigned(1 + directions) + d);
  }
  Value y = layer.getResult(0);
  Extents parts = Emitter::dims(y);
  parts[2] = Emitter::dim(ys[0], 2);
  parts.insert(parts.begin() + 2, DimExpr(directions));
  if (call.integer("layout", 0))
    return e.reshape(y, parts);
  return directions == 1 ? e.unsqueeze(e.transpose(y, {1, 0, 2}), {1})
                         : e.transpose(e.reshape(y, parts), {1, 2, 0, 3});
}

} // namespace asgc::interop
