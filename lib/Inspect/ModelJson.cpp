//===- ModelJson.cpp - Reads a dump of asg back as a module ---------------===//
#include "DumpParts.h"

#include "asgc/NestingGuard.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace asgc;
namespace json = llvm::json;

namespace {

/// Builds the module of a document. Every member is checked before it is used;
/// what the ops themselves demand is left to their verifiers.
class ModelReader {
public:
  explicit ModelReader(MLIRContext &context)
      : builder(&context), unknown(builder.getUnknownLoc()) {}

  OwningOpRef<ModuleOp> read(const json::Object &document);
  std::string error;

private:
  LogicalResult fail(const Twine &where, const Twine &what) {
    if (error.empty())
      error = (where + ": " + what).str();
    return failure();
  }
  /// The text, number or array `key` of `object`, which must have it.
  std::optional<StringRef> text(const json::Object &object, StringRef key,
                                const Twine &where);
  std::optional<int64_t> number(const json::Object &object, StringRef key,
                                const Twine &where);
  const json::Array *array(const json::Object &object, StringRef key,
                           const Twine &where);
  const json::Object *object(const json::Value &value, const Twine &where);

  RankedTensorType readType(const json::Object &tensor, const Twine &where);
  std::optional<Location> readLocation(const json::Object &node, StringRef path,
                                       const Twine &where);
  LogicalResult readVariable(const json::Object &variable, const Twine &where);
  LogicalResult readGraph(const json::Object &graph, const Twine &where);
  LogicalResult readNodes(const json::Array &nodes, asg::GraphOp graph,
                          const Twine &where);
  LogicalResult readNode(const json::Object &node, Block &body,
                         const Twine &where);
  /// Names of a graph's inputs or outputs, as its attributes keep them.
  ArrayAttr names(const json::Array &tensors, SmallVectorImpl<Type> &types,
                  const Twine &where);
  Value reference(const json::Value &value, const Twine &where);
  LogicalResult readAttributes(const json::Object &attributes,
                               OperationState &state, const Twine &where);

  OpBuilder builder;
  Location unknown;
  ModuleOp module;
  /// Of the graph being read, by id: an op, or for an input its argument.
  llvm::DenseMap<int64_t, Operation *> opOf;
  llvm::DenseMap<int64_t, Value> inputOf;
};

std::optional<StringRef> ModelReader::text(const json::Object &object,
                                           StringRef key, const Twine &where) {
  auto value = object.getString(key);
  if (!value)
    (void)fail(where, "expected a text '" + key + "'");
  return value;
}

std::optional<int64_t> ModelReader::number(const json::Object &object,
                                           StringRef key, const Twine &where) {
  auto value = object.getInteger(key);
  if (!value)
    (void)fail(where, "expected a whole number '" + key + "'");
  return value;
}

const json::Array *ModelReader::array(const json::Object &object, StringRef key,
                                      const Twine &where) {
  const json::Array *value = object.getArray(key);
  if (!value)
    (void)fail(where, "expected an array '" + key + "'");
  return value;
}

const json::Object *ModelReader::object(const json::Value &value,
                                        const Twine &where) {
  const json::Object *object = value.getAsObject();
  if (!object)
    (void)fail(where, "expected an object");
  return object;
}

RankedTensorType ModelReader::readType(const json::Object &tensor,
                                       const Twine &where) {
  auto dtype = text(tensor, "dtype", where);
  const json::Array *extents = dtype ? array(tensor, "shape", where) : nullptr;
  if (!extents)
    return {};
  Type element = llvm::StringSwitch<Type>(*dtype)
                     .Case("f32", builder.getF32Type())
                     .Case("f16", builder.getF16Type())
                     .Case("bf16", builder.getBF16Type())
                     .Case("f64", builder.getF64Type())
                     .Case("i8", builder.getI8Type())
                     .Case("i32", builder.getI32Type())
                     .Case("i64", builder.getI64Type())
                     .Case("bool", builder.getI1Type())
                     .Default({});
  if (!element) {
    (void)fail(where, "'" + *dtype + "' is no dtype");
    return {};
  }
  SmallVector<int64_t> shape;
  SmallVector<Attribute> dims;
  bool isStatic = true;
  for (const json::Value &extent : *extents) {
    if (auto value = extent.getAsInteger()) {
      if (*value < 0) {
        (void)fail(where, "an extent is negative");
        return {};
      }
      shape.push_back(*value);
      dims.push_back(builder.getI64IntegerAttr(*value));
      continue;
    }
    auto spelled = extent.getAsString();
    auto expression = spelled ? DimExpr::parse(spelled->str()) : std::nullopt;
    if (!expression || expression->asConstant() ||
        expression->str() != *spelled) {
      (void)fail(where, "an extent is neither a number nor an expression in "
                        "normal form");
      return {};
    }
    isStatic = false;
    shape.push_back(ShapedType::kDynamic);
    dims.push_back(builder.getStringAttr(*spelled));
  }
  auto encoding = isStatic ? asg::DimsAttr()
                           : asg::DimsAttr::get(builder.getContext(), dims);
  auto type = RankedTensorType::getChecked([&] { return emitError(unknown); },
                                           shape, element, encoding);
  if (!type || !asg::hasLegalShape(type)) {
    (void)fail(where, "the shape is no shape of a tensor");
    return {};
  }
  return type;
}

/// The instance path around all the source lines.
std::optional<Location> ModelReader::readLocation(const json::Object &node,
                                                  StringRef path,
                                                  const Twine &where) {
  const json::Array *lines = array(node, "loc", where);
  if (!lines)
    return std::nullopt;
  SmallVector<Location> places;
  for (const json::Value &value : *lines) {
    const json::Object *place = object(value, where + ".loc");
    auto file = place ? text(*place, "file", where + ".loc") : std::nullopt;
    auto line = file ? number(*place, "line", where + ".loc") : std::nullopt;
    auto column = line ? number(*place, "col", where + ".loc") : std::nullopt;
    if (!column)
      return std::nullopt;
    places.push_back(FileLineColLoc::get(builder.getStringAttr(*file),
                                         unsigned(*line), unsigned(*column)));
  }
  Location loc = places.empty() ? unknown
                 : places.size() == 1
                     ? places.front()
                     : FusedLoc::get(builder.getContext(), places);
  return path.empty() ? loc : NameLoc::get(builder.getStringAttr(path), loc);
}

LogicalResult ModelReader::readVariable(const json::Object &variable,
                                        const Twine &where) {
  auto name = text(variable, "name", where);
  auto role = name ? text(variable, "role", where) : std::nullopt;
  RankedTensorType type = role ? readType(variable, where) : RankedTensorType();
  auto loc = type ? readLocation(variable, *name, where) : std::nullopt;
  if (!loc)
    return failure();
  auto optional = [&](StringRef key) {
    auto value = variable.getString(key);
    return value ? builder.getStringAttr(*value) : StringAttr();
  };
  auto symbol = builder.getStringAttr(*name);
  if (*role == "param")
    asg::ParamOp::create(builder, *loc, symbol, TypeAttr::get(type),
                         optional("init"), optional("doc"));
  else
    asg::StateOp::create(builder, *loc, symbol, TypeAttr::get(type),
                         builder.getStringAttr(*role), optional("init"),
                         optional("doc"));
  return success();
}

ArrayAttr ModelReader::names(const json::Array &tensors,
                             SmallVectorImpl<Type> &types, const Twine &where) {
  SmallVector<Attribute> attributes;
  for (auto [index, value] : llvm::enumerate(tensors)) {
    std::string place = (where + "[" + Twine(index) + "]").str();
    const json::Object *tensor = object(value, place);
    auto name = tensor ? text(*tensor, "name", place) : std::nullopt;
    RankedTensorType type =
        name ? readType(*tensor, place) : RankedTensorType();
    if (!type)
      return {};
    types.push_back(type);
    attributes.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr("asg.name", builder.getStringAttr(*name))));
  }
  return builder.getArrayAttr(attributes);
}

LogicalResult ModelReader::readGraph(const json::Object &graph,
                                     const Twine &where) {
  auto name = text(graph, "name", where);
  const json::Object *bounds = graph.getObject("dims");
  const json::Array *inputs = name ? array(graph, "inputs", where) : nullptr;
  const json::Array *outputs =
      inputs ? array(graph, "outputs", where) : nullptr;
  const json::Array *nodes = outputs ? array(graph, "nodes", where) : nullptr;
  if (!nodes)
    return failure();
  if (!bounds)
    return fail(where, "expected an object 'dims'");
  SmallVector<NamedAttribute> dims;
  for (const auto &[dim, bound] : *bounds) {
    auto value = bound.getAsInteger();
    if (!value)
      return fail(where + ".dims", "a bound is no whole number");
    dims.push_back(builder.getNamedAttr(StringRef(dim),
                                        builder.getI64IntegerAttr(*value)));
  }
  SmallVector<Type> inputTypes, outputTypes;
  ArrayAttr inputNames = names(*inputs, inputTypes, where + ".inputs");
  ArrayAttr outputNames =
      inputNames ? names(*outputs, outputTypes, where + ".outputs") : nullptr;
  if (!outputNames)
    return failure();
  auto place = readLocation(graph, *name, where);
  if (!place)
    return failure();
  Location loc = *place;
  auto op = asg::GraphOp::create(
      builder, loc, *name, builder.getFunctionType(inputTypes, outputTypes),
      builder.getDictionaryAttr(dims),
      inputs->empty() ? ArrayAttr() : inputNames,
      outputs->empty() ? ArrayAttr() : outputNames);
  if (graph.getBoolean("private").value_or(false))
    op.setPrivate();
  OpBuilder::InsertionGuard guard(builder);
  Block &body = op.getBody().emplaceBlock();
  opOf.clear();
  inputOf.clear();
  if (failed(readNodes(*nodes, op, where + ".nodes")))
    return failure();
  SmallVector<Value> results;
  for (auto [index, output] : llvm::enumerate(*outputs)) {
    std::string place = (where + ".outputs[" + Twine(index) + "]").str();
    const json::Value *from = output.getAsObject()->get("from");
    Value value = from ? reference(*from, place) : Value();
    if (!value)
      return fail(place, "expected 'from', the node that gives it");
    results.push_back(value);
  }
  builder.setInsertionPointToEnd(&body);
  asg::ReturnOp::create(builder, loc, results);
  return success();
}

LogicalResult ModelReader::readNodes(const json::Array &nodes,
                                     asg::GraphOp graph, const Twine &where) {
  ArrayRef<Type> inputs = graph.getArgumentTypes();
  Block &body = graph.getBody().front();
  for (auto [index, value] : llvm::enumerate(nodes)) {
    std::string place = (where + "[" + Twine(index) + "]").str();
    const json::Object *node = object(value, place);
    auto id = node ? number(*node, "id", place) : std::nullopt;
    auto op = id ? text(*node, "op", place) : std::nullopt;
    if (!op)
      return failure();
    // Two ids have a meaning of their own in the tables.
    if (*id < 0 || *id > int64_t(nodes.size()) || opOf.contains(*id) ||
        inputOf.contains(*id))
      return fail(place, "the id " + Twine(*id) + " is taken or out of range");
    if (*op != "asg.input") {
      if (failed(readNode(*node, body, place)))
        return failure();
      continue;
    }
    unsigned argument = body.getNumArguments();
    auto loc = readLocation(*node, node->getString("path").value_or(""), place);
    if (!loc)
      return failure();
    if (argument == inputs.size())
      return fail(place, "the graph has fewer inputs");
    inputOf[*id] = body.addArgument(inputs[argument], *loc);
  }
  if (body.getNumArguments() != inputs.size())
    return fail(where, "an input of the graph has no node");
  return success();
}

Value ModelReader::reference(const json::Value &value, const Twine &where) {
  const json::Object *object = value.getAsObject();
  auto node = object ? object->getInteger("node") : std::nullopt;
  auto out = object ? object->getInteger("out") : std::nullopt;
  if (!node || !out || *node < 0 || *out < 0) {
    (void)fail(where, "expected a reference: a node and which of its results");
    return {};
  }
  if (auto input = inputOf.find(*node); input != inputOf.end() && *out == 0)
    return input->second;
  auto op = opOf.find(*node);
  if (op != opOf.end() && uint64_t(*out) < op->second->getNumResults())
    return op->second->getResult(unsigned(*out));
  (void)fail(where, "there is no node " + Twine(*node) + " with a result " +
                        Twine(*out) + " before it");
  return {};
}

LogicalResult ModelReader::readAttributes(const json::Object &attributes,
                                          OperationState &state,
                                          const Twine &where) {
  for (const auto &[name, value] : attributes) {
    auto spelled = value.getAsString();
    if (!spelled)
      return fail(where, "attribute '" + StringRef(name) + "' is no text");
    if (auto nesting = checkNesting(*spelled))
      return fail(where,
                  "attribute '" + StringRef(name) + "': " + nesting->message);
    std::string message;
    ScopedDiagnosticHandler handler(builder.getContext(),
                                    [&](mlir::Diagnostic &diagnostic) {
                                      message = diagnostic.str();
                                      return success();
                                    });
    Attribute attribute = parseAttribute(*spelled, builder.getContext());
    if (!attribute)
      return fail(where, "attribute '" + StringRef(name) + "': " + message);
    state.addAttribute(StringRef(name), attribute);
  }
  return success();
}

LogicalResult ModelReader::readNode(const json::Object &node, Block &body,
                                    const Twine &where) {
  StringRef name = *node.getString("op");
  auto registered = RegisteredOperationName::lookup(name, builder.getContext());
  if (!registered || !name.starts_with("asg.") || name == "asg.return" ||
      name == "asg.graph")
    return fail(where, "'" + name + "' is no op of a graph");
  auto loc = readLocation(node, node.getString("path").value_or(""), where);
  const json::Array *inputs = loc ? array(node, "inputs", where) : nullptr;
  const json::Array *outputs = inputs ? array(node, "outputs", where) : nullptr;
  if (!outputs)
    return failure();
  OperationState state(*loc, *registered);
  for (const json::Value &input : *inputs) {
    Value operand = reference(input, where + ".inputs");
    if (!operand)
      return failure();
    state.addOperands(operand);
  }
  for (const json::Value &output : *outputs) {
    const json::Object *tensor = object(output, where + ".outputs");
    RankedTensorType type =
        tensor ? readType(*tensor, where + ".outputs") : RankedTensorType();
    if (!type)
      return failure();
    state.addTypes(type);
  }
  if (const json::Object *attributes = node.getObject("attrs"))
    if (failed(readAttributes(*attributes, state, where + ".attrs")))
      return failure();
  Block *block = &body;
  if (const json::Value *parent = node.get("parent")) {
    auto id = parent->getAsInteger();
    auto op = id && *id >= 0 ? opOf.find(*id) : opOf.end();
    if (op == opOf.end() || op->second->getNumRegions() != 1)
      return fail(where, "its parent is no layer before it");
    block = &op->second->getRegion(0).front();
  }
  if (isa_and_nonnull<asg::YieldOp>(block->empty() ? nullptr : &block->back()))
    return fail(where, "its parent has given its results already");
  bool hasRegion = name == asg::LayerOp::getOperationName() ||
                   name == asg::FusionOp::getOperationName();
  if (hasRegion)
    state.addRegion()->emplaceBlock();
  builder.setInsertionPointToEnd(block);
  opOf[*node.getInteger("id")] = builder.create(state);
  return success();
}

OwningOpRef<ModuleOp> ModelReader::read(const json::Object &document) {
  StringRef format = document.getString("format").value_or("");
  if (format != "asgc-dump/1") {
    (void)fail("format", "expected asgc-dump/1, found '" + format + "'");
    return {};
  }
  auto name = document.getString("name");
  if (name && name->empty()) // as a module without one is written
    name = std::nullopt;
  OwningOpRef<ModuleOp> result = ModuleOp::create(unknown, name);
  module = *result;
  builder.setInsertionPointToEnd(module.getBody());
  if (auto recipe = document.getString("recipe"))
    module->setAttr("asg.recipe", builder.getStringAttr(*recipe));
  const json::Array *variables = array(document, "variables", "the document");
  const json::Array *stages =
      variables ? array(document, "stages", "the document") : nullptr;
  if (!stages)
    return {};
  for (auto [index, value] : llvm::enumerate(*variables)) {
    std::string where = ("variables[" + Twine(index) + "]").str();
    const json::Object *variable = object(value, where);
    if (!variable || failed(readVariable(*variable, where)))
      return {};
  }
  const json::Object *stage =
      stages->empty() ? nullptr : stages->front().getAsObject();
  const json::Array *graphs = stage ? stage->getArray("graphs") : nullptr;
  if (!graphs) {
    (void)fail("stages[0]", "has no graphs of asg");
    return {};
  }
  for (auto [index, value] : llvm::enumerate(*graphs)) {
    std::string where = ("stages[0].graphs[" + Twine(index) + "]").str();
    const json::Object *graph = object(value, where);
    builder.setInsertionPointToEnd(module.getBody());
    if (!graph || failed(readGraph(*graph, where)))
      return {};
  }
  return result;
}

} // namespace

OwningOpRef<ModuleOp> asgc::readModelJson(StringRef text, MLIRContext &context,
                                          std::string *error) {
  // The parser recurses over brackets.
  if (auto nesting = checkNesting(text)) {
    *error = nesting->message;
    return {};
  }
  auto document = json::parse(text);
  if (!document) {
    *error = "is not JSON: " + llvm::toString(document.takeError());
    return {};
  }
  const json::Object *root = document->getAsObject();
  if (!root) {
    *error = "is no JSON object";
    return {};
  }
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
    return success();
  });
  ModelReader reader(context);
  OwningOpRef<ModuleOp> module = reader.read(*root);
  if (module && failed(verify(*module)))
    module = nullptr;
  if (!module)
    *error = !reader.error.empty() ? reader.error
             : message.empty()     ? "is no model"
                                   : message;
  return module;
}
