//===- GraphImporter.cpp - ONNX graphs become ops of one asg graph --------===//
#include "lib/Interop/Onnx/GraphImporter.h"

#include "asgc/Interpreter.h"

#include "llvm/ADT/StringExtras.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"

#include <cstring>
#include <filesystem>
#include <fmt/format.h>

using namespace mlir;

namespace asgc {
namespace interop {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// Bodies, calls of functions and unrolled steps deeper or more than this are
/// refused: a small file could ask for any amount of work.
static constexpr int kMaxDepth = 64;
static constexpr int64_t kMaxNodes = 1'000'000, kMaxSteps = 65'536;

static std::string domainOf(const onnx::NodeProto &node) {
  return node.domain() == "ai.onnx" ? "" : node.domain();
}

static std::string nodeName(const onnx::NodeProto &node) {
  if (!node.name().empty())
    return node.name();
  for (const std::string &output : node.output())
    if (!output.empty())
      return output;
  return node.op_type();
}

GraphImporter::GraphImporter(const std::string &path, ModelFile &file,
                             MLIRContext &context, const OnnxOptions &options)
    : e(context), path(path), file(file), model(file.model), context(context),
      options(options) {}

//===----------------------------------------------------------------------===//
// What is not supported
//===----------------------------------------------------------------------===//

const onnx::FunctionProto *
GraphImporter::findFunction(const onnx::NodeProto &node) const {
  for (const onnx::FunctionProto &function : model.functions())
    if (function.name() == node.op_type() && function.domain() == node.domain())
      return &function;
  return nullptr;
}

void GraphImporter::scanNodes(const Nodes &nodes,
                              const std::map<std::string, int64_t> &opsets,
                              int level) {
  for (const onnx::NodeProto &node : nodes) {
    std::string domain = domainOf(node);
    const OperatorRow *row = findOperator(domain, node.op_type());
    bool isConstant = domain.empty() && node.op_type() == "Constant";
    if (!row && !isConstant && !findFunction(node))
      unsupported[domain.empty() ? node.op_type()
                                 : domain + "." + node.op_type()]
          .push_back(nodeName(node));
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g() && level < kMaxDepth)
        scanNodes(attribute.g().node(), opsets, level + 1);
  }
}

std::optional<Fault> GraphImporter::findUnsupported() {
  auto import = [&](const auto &imports) -> std::optional<Fault> {
    for (const onnx::OperatorSetIdProto &opset : imports) {
      std::string domain = opset.domain() == "ai.onnx" ? "" : opset.domain();
      if (domain.empty() && (opset.version() < 1 || opset.version() > 23))
        return Fault{
            FaultKind::Unsupported,
            fmt::format("{}: opset {} is not supported, only 7 to 23 are", path,
                        opset.version())};
      opsets[domain] = opset.version();
    }
    return std::nullopt;
  };
  auto fault = import(model.opset_import());
  auto own = opsets;
  for (const onnx::FunctionProto &function : model.functions())
    if (!fault)
      fault = import(function.opset_import());
  opsets = std::move(own);
  if (fault)
    return fault;
  scanNodes(model.graph().node(), opsets, 0);
  for (const onnx::FunctionProto &function : model.functions())
    scanNodes(function.node(), opsets, 0);
  if (unsupported.empty())
    return std::nullopt;
  std::vector<std::string> lines;
  for (const auto &[op, nodes] : unsupported) {
    size_t shown = std::min<size_t>(nodes.size(), 5);
    std::string names = fmt::format(
        "{}", fmt::join(nodes.begin(), nodes.begin() + shown, ", "));
    lines.push_back(fmt::format("{} ({}: {}{})", op, nodes.size(), names,
                                shown < nodes.size() ? ", …" : ""));
  }
  return Fault{FaultKind::Unsupported,
               fmt::format("{}: {} operator{} not supported: {}", path,
                           lines.size(), lines.size() == 1 ? " is" : "s are",
                           fmt::join(lines, "; "))};
}

void GraphImporter::report(const onnx::NodeProto &node) {
  bool unsupportedHere = false;
  std::string reason = e.takeFailure(unsupportedHere);
  isUnsupported |= unsupportedHere;
  faults.push_back(fmt::format("node '{}' ({}): {}", nodeName(node),
                               node.op_type(), reason));
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Value GraphImporter::lookUp(StringRef name) {
  for (Scope *at = scope; at; at = at->parent)
    if (auto found = at->values.find(name); found != at->values.end())
      return found->second;
  auto weight = initializers.find(name);
  if (weight == initializers.end())
    return {};
  Scope *root = scope;
  while (root->parent)
    root = root->parent;
  // Bodies have blocks of their own; all of them see the model's.
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToEnd(block);
  Value value = importWeight(name, *weight->second);
  if (value)
    root->values[name] = value;
  root->keepCarrier(name, findCarrier(weight->second->data_type()));
  return value;
}

const Carrier *GraphImporter::findCarrierOf(StringRef name) const {
  for (Scope *at = scope; at; at = at->parent)
    if (at->values.count(name))
      return at->carriers.lookup(name);
  return nullptr;
}

/// The value of a Constant node.
Value GraphImporter::importConstant(const onnx::NodeProto &node) {
  if (node.attribute_size() != 1)
    return e.fail("a constant has one attribute, its value");
  const onnx::AttributeProto &value = node.attribute(0);
  if (value.name() == "value") {
    auto tensor = readTensor(value.t(), path);
    if (!tensor)
      return e.fail(tensor.fault().message,
                    tensor.fault().kind == FaultKind::Unsupported);
    return importTable(node.output(0), std::move(*tensor));
  }
  if (value.name() == "value_int")
    return e.reshape(e.integers(value.i()), {});
  if (value.name() == "value_float")
    return e.scalar(value.f(), e.f32());
  if (value.name() == "value_ints")
    return e.integers(Axes(value.ints().begin(), value.ints().end()));
  if (value.name() == "value_floats")
    return e.constant(
        SmallVector<double>(value.floats().begin(), value.floats().end()),
        {int64_t(value.floats_size())}, e.f32());
  return e.refuse("constants given as '" + value.name() +
                  "' are not supported");
}

/// `carriers` are those of the operands, and then of the results.
Values GraphImporter::importOperator(const onnx::NodeProto &node,
                                     Values operands, Carriers &carriers) {
  std::string domain = domainOf(node);
  Carrying how = carryingOf(domain, node.op_type());
  auto carried = llvm::find_if(
      carriers, [](const Carrier *carrier) { return carrier != nullptr; });
  const Carrier *carrier = carried == carriers.end() ? nullptr : *carried;
  if (carrier && how == Carrying::refuse) {
    e.refuse("elements of type " + nameOfDataType(carrier->dataType) +
             " are not supported");
    return {};
  }
  auto opset = opsets.find(domain);
  if (opset == opsets.end() && domain.empty()) {
    e.fail("the model imports no opset of ONNX's own operators");
    return {};
  }
  Call call(*this, e, node, opset == opsets.end() ? 1 : opset->second,
            std::move(operands), std::move(carriers));
  Values results = findOperator(domain, node.op_type())->import(call);
  if (carrier && how == Carrying::wrap && !results.empty())
    results[0] = wrap(e, results[0], *carrier);
  if (carrier && how != Carrying::own)
    call.setCarrier(0, carrier);
  carriers = std::move(call.resultCarriers);
  return results;
}

void GraphImporter::define(const std::string &name, Value value,
                           const Carrier *carrier) {
  bool isWeight = !scope->parent && initializers.count(name);
  if (!scope->values.try_emplace(name, value).second || isWeight)
    e.fail("there is a value '" + name + "' already");
  else
    scope->keepCarrier(name, carrier);
}

void GraphImporter::importNode(const onnx::NodeProto &node) {
  if (++numNodes > kMaxNodes) {
    e.refuse("more than " + Twine(kMaxNodes) +
             " nodes, unrolled loops included");
    return report(node);
  }
  std::string domain = domainOf(node);
  if (domain.empty() && node.op_type() == "Constant") {
    if (node.output_size() != 1) {
      e.fail("a constant has one output, not " + Twine(node.output_size()));
      for (const std::string &output : node.output())
        brokenNames.insert(output);
      return report(node);
    }
    define(node.output(0), importConstant(node),
           node.attribute_size() == 1
               ? findCarrier(node.attribute(0).t().data_type())
               : nullptr);
    if (e.hasFailed())
      report(node);
    return;
  }
  Values operands;
  Carriers carriers; // of the operands, then of the results
  for (const std::string &name : node.input()) {
    Value value = name.empty() ? Value() : lookUp(name);
    operands.push_back(value);
    carriers.push_back(findCarrierOf(name));
    if (value || name.empty())
      continue;
    if (e.hasFailed())
      return report(node);
    if (brokenNames.count(name)) { // reported where it broke
      for (const std::string &output : node.output())
        brokenNames.insert(output);
      return;
    }
    e.fail("there is no value '" + name + "'");
    for (const std::string &output : node.output())
      brokenNames.insert(output);
    return report(node);
  }
  const onnx::FunctionProto *function = findFunction(node);
  Values results = function
                       ? importFunction(node, *function, operands, carriers)
                       : importOperator(node, std::move(operands), carriers);
  for (int i = 0; i < node.output_size() && !e.hasFailed(); ++i) {
    if (node.output(i).empty())
      continue;
    if (size_t(i) >= results.size() || !results[i]) {
      e.refuse("its output '" + node.output(i) + "' is not supported");
      break;
    }
    define(node.output(i), results[i],
           size_t(i) < carriers.size() ? carriers[i] : nullptr);
  }
  if (!e.hasFailed())
    return;
  for (const std::string &output : node.output())
    brokenNames.insert(output);
  report(node);
}

void GraphImporter::importNodes(const Nodes &nodes) {
  for (const onnx::NodeProto &node : nodes) {
    e.loc = NameLoc::get(
        StringAttr::get(&context, nodeName(node)),
        FileLineColLoc::get(&context, path, unsigned(++numPlaces), 1));
    importNode(node);
    if (faults.size() >= 20)
      return;
  }
}

std::optional<Values> GraphImporter::importBody(const onnx::GraphProto &body,
                                                ArrayRef<Value> arguments) {
  if (depth >= kMaxDepth || body.input_size() != int(arguments.size())) {
    e.fail("a body of " + Twine(body.input_size()) + " inputs is given " +
           Twine(arguments.size()) + ", or bodies are nested too deep");
    return std::nullopt;
  }
  if (++numSteps > kMaxSteps) { // a body may be empty, its loop endless
    e.refuse("more than " + Twine(kMaxSteps) + " steps of loops");
    return std::nullopt;
  }
  Scope inner;
  inner.parent = scope;
  for (auto [input, argument] : llvm::zip_equal(body.input(), arguments))
    inner.values[input.name()] = argument;
  Scope *outer = std::exchange(scope, &inner);
  Location place = e.loc;
  ++depth;
  size_t before = faults.size();
  for (const onnx::TensorProto &tensor : body.initializer()) {
    inner.values[tensor.name()] = importInitializer(tensor.name(), tensor);
    inner.keepCarrier(tensor.name(), findCarrier(tensor.data_type()));
  }
  importNodes(body.node());
  Values results;
  for (const onnx::ValueInfoProto &output : body.output()) {
    results.push_back(lookUp(output.name()));
    if (const Carrier *carrier = findCarrierOf(output.name()))
      e.refuse("results of type " + nameOfDataType(carrier->dataType) +
               " are not supported");
  }
  --depth;
  scope = outer;
  e.loc = place;
  if (faults.size() == before && !llvm::is_contained(results, Value()))
    return results;
  e.fail("its body is not supported");
  return std::nullopt;
}

/// A copy of `node` with the attributes of the call where it refers to them.
static onnx::NodeProto bindAttributes(const onnx::NodeProto &node,
                                      const onnx::NodeProto &call) {
  onnx::NodeProto bound = node;
  bound.clear_attribute();
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.ref_attr_name().empty()) {
      *bound.add_attribute() = attribute;
      continue;
    }
    for (const onnx::AttributeProto &given : call.attribute())
      if (given.name() == attribute.ref_attr_name()) {
        onnx::AttributeProto &copy = *bound.add_attribute();
        copy = given;
        copy.set_name(attribute.name());
      }
  }
  return bound;
}

Values GraphImporter::importFunction(const onnx::NodeProto &node,
                                     const onnx::FunctionProto &function,
                                     ArrayRef<Value> operands,
                                     Carriers &carriers) {
  if (depth >= kMaxDepth) {
    e.refuse("functions call each other more than " + Twine(kMaxDepth) +
             " deep");
    return {};
  }
  Scope inner; // a function sees nothing outside
  for (int i = 0; i < function.input_size() && i < int(operands.size()); ++i)
    if (operands[i]) {
      inner.values[function.input(i)] = operands[i];
      inner.keepCarrier(function.input(i), carriers[i]);
    }
  auto outerOpsets = opsets;
  for (const onnx::OperatorSetIdProto &opset : function.opset_import())
    opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = opset.version();
  Scope *outer = std::exchange(scope, &inner);
  auto outerInitializers = std::exchange(initializers, {});
  Location place = e.loc;
  ++depth;
  size_t before = faults.size();
  for (const onnx::NodeProto &one : function.node()) {
    // What the function's optional inputs leave out is left out inside.
    onnx::NodeProto bound = bindAttributes(one, node);
    for (std::string &input : *bound.mutable_input())
      for (int i = 0; i < function.input_size(); ++i)
        if (input == function.input(i) && !inner.values.count(input))
          input.clear();
    importNode(bound);
  }
  Values results;
  carriers.clear();
  for (const std::string &output : function.output()) {
    results.push_back(lookUp(output));
    carriers.push_back(findCarrierOf(output));
  }
  --depth;
  scope = outer;
  initializers = std::move(outerInitializers);
  opsets = std::move(outerOpsets);
  e.loc = place;
  if (faults.size() != before)
    e.fail("the function it calls is not supported");
  return results;
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::finish(OnnxModel &result) {
  Values outputs;
  SmallVector<Type> types;
  SmallVector<Attribute> inputAttrs, outputAttrs;
  auto named = [&](StringRef name) {
    return e.builder.getDictionaryAttr(
        {e.builder.getNamedAttr("asg.name", e.builder.getStringAttr(name))});
  };
  std::set<std::string> names;
  for (const onnx::ValueInfoProto &output : model.graph().output()) {
    Value value = lookUp(output.name());
    if (!value) {
      if (!brokenNames.count(output.name()))
        faults.push_back(
            fmt::format("nothing computes the output '{}'", output.name()));
      continue;
    }
    if (!names.insert(output.name()).second) {
      faults.push_back(
          fmt::format("two outputs are called '{}'", output.name()));
      continue;
    }
    outputs.push_back(value);
    types.push_back(value.getType());
    outputAttrs.push_back(named(output.name()));
  }
  if (!faults.empty())
    return failure();
  for (const std::string &name : inputNames)
    inputAttrs.push_back(named(name));
  e.loc = module->getLoc();
  asg::ReturnOp::create(e.builder, e.loc, outputs);
  SmallVector<NamedAttribute> dims;
  for (const auto &[name, bound] : bounds)
    dims.push_back(
        e.builder.getNamedAttr(name, e.builder.getI64IntegerAttr(bound)));
  DictionaryAttr bounded = e.builder.getDictionaryAttr(dims);
  for (auto body : module->getOps<asg::GraphOp>())
    body.setDimsAttr(bounded);
  e.builder.setInsertionPointToEnd(module->getBody());
  auto graph = asg::GraphOp::create(
      e.builder, e.loc, "infer",
      e.builder.getFunctionType(block->getArgumentTypes(), types), bounded,
      inputAttrs.empty() ? ArrayAttr() : e.builder.getArrayAttr(inputAttrs),
      outputAttrs.empty() ? ArrayAttr() : e.builder.getArrayAttr(outputAttrs));
  graph.getBody().push_back(std::exchange(block, nullptr));
  // Computations of shapes have done their work.
  IRRewriter rewriter(&context);
  (void)runRegionDCE(rewriter, graph.getBody());
  for (const auto &[value, host] : known.used())
    if (auto argument = dyn_cast<BlockArgument>(value))
      result.specialized.push_back(inputNames[argument.getArgNumber()]);
  llvm::sort(result.specialized);
  names.insert(inputNames.begin(), inputNames.end());
  for (const std::string &name : names)
    if (const Carrier *carrier = findCarrierOf(name))
      result.carried[name] = carrier->element;
  return success();
}

MaybeFault GraphImporter::run(OnnxModel &result) {
  if (auto fault = findUnsupported())
    return fault;
  ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    e.diagnostic = diagnostic.str();
    return success();
  });
  std::string name = std::filesystem::path(path).stem().string();
  module =
      ModuleOp::create(NameLoc::get(StringAttr::get(&context, name),
                                    FileLineColLoc::get(&context, path, 0, 0)),
                       name);
  block = new Block;
  Scope root;
  scope = &root;
  e.builder.setInsertionPointToEnd(block);
  e.loc = module->getLoc();
  if (succeeded(importInputs(*model.mutable_graph())))
    importNodes(model.graph().node());
  bool isWhole = faults.empty() && succeeded(finish(result));
  if (block) {
    block->dropAllReferences();
    block->dropAllUses();
    block->clear();
    delete std::exchange(block, nullptr);
  }
  if (!isWhole)
    return Fault{isUnsupported ? FaultKind::Unsupported : FaultKind::Input,
                 fmt::format("{}: {}", path, fmt::join(faults, "; "))};
  if (failed(mlir::verify(*module)))
    return Fault{FaultKind::Input, fmt::format("{}: {}", path, e.diagnostic)};
  result.module = std::move(module);
  result.weights = std::move(weights);
  return std::nullopt;
}

} // namespace interop
} // namespace asgc
