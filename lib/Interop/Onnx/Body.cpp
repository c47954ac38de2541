//===- Body.cpp - A body of control flow as a graph of its own ------------===//
#include "lib/Interop/Onnx/Body.h"

#include <fmt/format.h>

using namespace mlir;

namespace asgc::interop {

Body::Body(GraphImporter &importer, TypeRange arguments)
    : importer(importer), block(new Block) {
  block->addArguments(arguments,
                      SmallVector<Location>(arguments.size(), importer.e.loc));
}

Body::~Body() {
  if (!block)
    return;
  block->dropAllReferences();
  block->dropAllUses();
  block->clear();
  delete block;
}

ValueRange Body::arguments() { return block->getArguments(); }

bool Body::fill(llvm::function_ref<std::optional<Values>()> import) {
  OpBuilder::InsertionGuard guard(importer.e.builder);
  importer.e.builder.setInsertionPointToEnd(block);
  auto made = import();
  if (!made || importer.e.hasFailed())
    return false;
  results = std::move(*made);
  if (!llvm::is_contained(results, Value()))
    return true;
  importer.e.fail("an output of its body is left out");
  return false;
}

bool Body::hasHeavyWork() const {
  return llvm::any_of(*block, [](Operation &op) {
    return isa<asg::DotOp, asg::Conv2dOp, asg::Conv2dInputGradOp,
               asg::Conv2dWeightGradOp, asg::LoopOp, asg::IfOp, asg::CumsumOp,
               asg::LinearScanOp>(op);
  });
}

bool Body::isInside(Value value) const {
  return value.getParentBlock() == block;
}

void Body::addCaptured(llvm::SetVector<Value> &captured) {
  OpBuilder builder(importer.e.builder.getContext());
  builder.setInsertionPointToStart(block);
  llvm::DenseMap<Value, Value> copies;
  auto take = [&](Value value) -> Value {
    if (isInside(value))
      return value;
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<asg::ReadOp, asg::ConstantOp>(op)) {
      captured.insert(value);
      return value;
    }
    Value &copy = copies[value];
    if (!copy)
      copy = builder.clone(*op)->getResult(0);
    return copy;
  };
  for (Operation &op : *block)
    for (OpOperand &operand : op.getOpOperands())
      operand.set(take(operand.get()));
  for (Value &result : results)
    result = take(result);
}

FlatSymbolRefAttr Body::seal(StringRef name, ArrayRef<Value> captured) {
  Emitter &e = importer.e;
  for (Value value : captured) {
    Value argument = block->addArgument(value.getType(), e.loc);
    value.replaceUsesWithIf(argument, [&](OpOperand &use) {
      return use.getOwner()->getBlock() == block;
    });
    std::replace(results.begin(), results.end(), value, argument);
  }
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToEnd(block);
  asg::ReturnOp::create(e.builder, e.loc, results);
  return importer.addPrivateGraph(name, std::exchange(block, nullptr));
}

Values Body::loop(Value count, Value condition, ArrayRef<Value> carried,
                  const DimExpr &places) {
  Emitter &e = importer.e;
  ArrayRef<Value> outputs = ArrayRef(results).drop_front(condition ? 1 : 0);
  for (auto [index, pair] : llvm::enumerate(llvm::zip(carried, outputs)))
    if (auto [before, after] = pair; before.getType() != after.getType())
      return {e.refuse("carried value " + Twine(index) + " is " +
                       asg::describe(before.getType()) + " before and " +
                       asg::describe(after.getType()) +
                       " after a step; that is possible only where the number "
                       "of steps is known when the model is compiled")};
  SmallVector<Type> types(ValueRange(carried).getTypes());
  for (Value output : outputs.drop_front(carried.size())) {
    Extents dims = Emitter::dims(output);
    dims.insert(dims.begin(), places);
    types.push_back(e.typeFor(dims, Emitter::elementOf(output)));
  }
  llvm::SetVector<Value> captured;
  addCaptured(captured);
  FlatSymbolRefAttr body = seal("infer.loop", captured.getArrayRef());
  return e.makeAll<asg::LoopOp>(types, body, count, condition, carried,
                                captured.getArrayRef());
}

void Body::inlineHere() {
  Block *here = importer.e.builder.getInsertionBlock();
  here->getOperations().splice(importer.e.builder.getInsertionPoint(),
                               block->getOperations());
}

/// Takes the block, which ends with asg.return. Its dims get their bounds when
/// all nodes have been read, since they may lower them.
FlatSymbolRefAttr GraphImporter::addPrivateGraph(StringRef name, Block *body) {
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToEnd(module->getBody());
  std::string unique = name.str();
  for (int number = 1; module->lookupSymbol(unique); ++number)
    unique = fmt::format("{}.{}", name.str(), number);
  auto nameAll = [&](size_t count, StringRef stem) {
    SmallVector<Attribute> attributes;
    for (size_t i = 0; i < count; ++i)
      attributes.push_back(e.builder.getDictionaryAttr(e.builder.getNamedAttr(
          "asg.name", e.builder.getStringAttr(stem + Twine(i)))));
    return attributes.empty() ? ArrayAttr()
                              : e.builder.getArrayAttr(attributes);
  };
  TypeRange results = body->getTerminator()->getOperandTypes();
  auto graph = asg::GraphOp::create(
      e.builder, e.loc, unique,
      e.builder.getFunctionType(body->getArgumentTypes(), results),
      e.builder.getDictionaryAttr({}), nameAll(body->getNumArguments(), "x"),
      nameAll(results.size(), "y"));
  graph.setPrivate();
  graph.getBody().push_back(body);
  return FlatSymbolRefAttr::get(&context, unique);
}

} // namespace asgc::interop
