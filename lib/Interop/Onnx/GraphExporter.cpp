//===- GraphExporter.cpp - One asg graph becomes an ONNX graph ------------===//
#include "lib/Interop/Onnx/GraphExporter.h"

#include "asgc/Interop.h"
#include "asgc/Interpreter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

using namespace mlir;

namespace asgc {
namespace interop {

/// The newest opset that the checker of Debian 12 knows, and its file format.
static constexpr int64_t kOpset = 17, kIrVersion = 8;
/// A message of protobuf ends at 2 GiB.
static constexpr int64_t kMaxBytes = (int64_t(1) << 31) - (1 << 20);
/// Weights in a file of data begin at whole pages, so that they can be mapped;
/// smaller ones than these bytes stay in the model.
static constexpr int64_t kPage = 4096, kMinExternal = 1024;

llvm::ArrayRef<ExportRow<ExportOp>> allExports() {
  static const ExportRow<ExportOp> rows[] = {
#define ONNX_UNARY(NAME, SINCE, OP)                                            \
  {OP::getOperationName(), #NAME, exportUnary},
#define ASG_EXPORT(OP, FUNCTION, NODES)                                        \
  {OP::getOperationName(), NODES, FUNCTION},
#include "lib/Interop/OnnxOps.def"
  };
  return rows;
}

llvm::ArrayRef<ExportRow<ExportLayer>> allLayerExports() {
  static const ExportRow<ExportLayer> rows[] = {
#define ASG_EXPORT_LAYER(BLOCK, FUNCTION, NODES) {BLOCK, NODES, FUNCTION},
#include "lib/Interop/OnnxOps.def"
  };
  return rows;
}

GraphExporter::GraphExporter(ModuleOp module, asg::GraphOp graph,
                             const std::vector<NamedView> &weights,
                             const OnnxExportOptions &options)
    : module(module), graph(graph), weights(weights), options(options),
      out(model.mutable_graph()) {
  int64_t total = 0;
  for (const NamedView &weight : weights)
    total += int64_t(weight.data.size());
  hasDataFile = !options.dataFile.empty() && total > options.maxInline;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("asgc");
  onnx::OperatorSetIdProto *opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(kOpset);
  out->set_name(module.getSymName().value_or("model").str());
}

//===----------------------------------------------------------------------===//
// Names and types
//===----------------------------------------------------------------------===//

std::string GraphExporter::fresh(const std::string &wanted) {
  std::string name = wanted;
  while (!names.insert(name).second)
    name = fmt::format("{}_{}", wanted, ++counts[wanted]);
  return name;
}

int32_t dataTypeOf(Type element) {
  switch (getDType(element)) {
  case DType::F32:
    return onnx::TensorProto::FLOAT;
  case DType::F16:
    return onnx::TensorProto::FLOAT16;
  case DType::BF16:
    return onnx::TensorProto::BFLOAT16;
  case DType::F64:
    return onnx::TensorProto::DOUBLE;
  case DType::I8:
    return onnx::TensorProto::INT8;
  case DType::I32:
    return onnx::TensorProto::INT32;
  case DType::I64:
    return onnx::TensorProto::INT64;
  case DType::Bool:
    return onnx::TensorProto::BOOL;
  }
  return onnx::TensorProto::UNDEFINED;
}

void GraphExporter::describe(onnx::ValueInfoProto &info,
                             const std::string &name, Type type) {
  auto tensorType = mlir::cast<RankedTensorType>(type);
  info.set_name(name);
  onnx::TypeProto::Tensor *tensor = info.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(dataTypeOf(tensorType.getElementType()));
  tensor->mutable_shape(); // a scalar has one, too
  for (const DimExpr &dim : asg::getDims(tensorType)) {
    auto *entry = tensor->mutable_shape()->add_dim();
    if (auto number = dim.asConstant())
      entry->set_dim_value(*number);
    else if (auto symbol = dim.asSymbol())
      entry->set_dim_param(*symbol);
  }
}

void GraphExporter::refuse(Operation *op, const std::string &what) {
  ++refused[what.empty() ? op->getName().getStringRef().str() : what];
}

//===----------------------------------------------------------------------===//
// Values and nodes
//===----------------------------------------------------------------------===//

void GraphExporter::set(Value value, const std::string &name) {
  values[value] = {name,
                   asg::getDims(mlir::cast<RankedTensorType>(value.getType()))};
}
void GraphExporter::set(Value value, Exported exported) {
  values[value] = std::move(exported);
}

std::string GraphExporter::full(Value value) {
  Exported exported = get(value);
  Extents dims = asg::getDims(mlir::cast<RankedTensorType>(value.getType()));
  if (exported.dims == dims)
    return exported.name;
  std::string name = node("Expand", {exported.name, extents(dims)});
  set(value, name);
  return name;
}

onnx::NodeProto &GraphExporter::add(StringRef op, ArrayRef<std::string> inputs,
                                    int outputs) {
  onnx::NodeProto &node = *out->add_node();
  std::string name = fresh(scope + op.str());
  node.set_name(name);
  node.set_op_type(op.str());
  for (const std::string &input : inputs)
    node.add_input(input);
  for (int i = 0; i < outputs; ++i)
    node.add_output(fresh(fmt::format("{}_output_{}", name, i)));
  return node;
}

void setInteger(onnx::NodeProto &node, const char *name, int64_t value) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void setIntegers(onnx::NodeProto &node, const char *name,
                 ArrayRef<int64_t> values) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (int64_t value : values)
    attribute.add_ints(value);
}

void setNumber(onnx::NodeProto &node, const char *name, double value) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(float(value));
}

void setText(onnx::NodeProto &node, const char *name, const char *value) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}

std::string GraphExporter::reshape(const std::string &x,
                                   ArrayRef<DimExpr> dims) {
  Axes shape;
  int open = 0;
  bool hasZero = false;
  for (const DimExpr &dim : dims) {
    auto number = dim.asConstant();
    open += !number;
    hasZero |= number && *number == 0;
    shape.push_back(number.value_or(-1));
  }
  if (open <= 1 && !hasZero)
    return node("Reshape", {x, integers(shape)});
  onnx::NodeProto &reshape = add("Reshape", {x, extents(dims)});
  setInteger(reshape, "allowzero", 1);
  return reshape.output(0);
}

std::string GraphExporter::transpose(const std::string &x,
                                     ArrayRef<int64_t> perm) {
  if (llvm::is_sorted(perm))
    return x;
  onnx::NodeProto &node = add("Transpose", {x});
  setIntegers(node, "perm", perm);
  return node.output(0);
}

std::string GraphExporter::unsqueeze(const std::string &x,
                                     ArrayRef<int64_t> axes) {
  return axes.empty() ? x : node("Unsqueeze", {x, integers(axes)});
}

std::string GraphExporter::slice(const std::string &x,
                                 const std::string &starts,
                                 const std::string &ends,
                                 ArrayRef<int64_t> axes,
                                 ArrayRef<int64_t> steps) {
  return node("Slice", {x, starts, ends, integers(axes), integers(steps)});
}

std::string GraphExporter::cast(const std::string &x, Type element) {
  onnx::NodeProto &node = add("Cast", {x});
  setInteger(node, "to", dataTypeOf(element));
  return node.output(0);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

void GraphExporter::addInitializer(const std::string &name,
                                   const HostTensor &tensor) {
  static constexpr int32_t types[] = {
      onnx::TensorProto::FLOAT,    onnx::TensorProto::FLOAT16,
      onnx::TensorProto::BFLOAT16, onnx::TensorProto::DOUBLE,
      onnx::TensorProto::INT8,     onnx::TensorProto::INT32,
      onnx::TensorProto::INT64,    onnx::TensorProto::BOOL};
  onnx::TensorProto &proto = *model.mutable_graph()->add_initializer();
  proto.set_name(name);
  proto.set_data_type(types[size_t(tensor.dtype())]);
  for (int64_t extent : tensor.shape())
    proto.add_dims(extent);
  proto.set_raw_data(tensor.bytes().data(), tensor.bytes().size());
}

void GraphExporter::addExternal(const std::string &name,
                                const NamedView &weight, Type element) {
  int64_t offset = 0;
  if (!data.empty())
    offset = data.back().offset + int64_t(data.back().value.data.size());
  offset = (offset + kPage - 1) / kPage * kPage;
  onnx::TensorProto &proto = *model.mutable_graph()->add_initializer();
  proto.set_name(name);
  proto.set_data_type(dataTypeOf(element));
  for (int64_t extent : weight.shape)
    proto.add_dims(extent);
  proto.set_data_location(onnx::TensorProto::EXTERNAL);
  auto add = [&](const char *key, const std::string &value) {
    onnx::StringStringEntryProto &entry = *proto.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", options.dataFile);
  add("offset", std::to_string(offset));
  add("length", std::to_string(weight.data.size()));
  data.push_back({offset, weight});
}

std::string GraphExporter::constant(const HostTensor &tensor, StringRef hint) {
  auto bytes = tensor.bytes();
  std::string key = tensor.describe() + ":";
  key.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  auto [it, isNew] = constants.try_emplace(key);
  if (isNew) {
    it->second = fresh(hint.str());
    addInitializer(it->second, tensor);
  }
  return it->second;
}

std::string GraphExporter::integers(ArrayRef<int64_t> numbers) {
  auto tensor = *HostTensor::make(DType::I64, {int64_t(numbers.size())});
  for (size_t i = 0; i < numbers.size(); ++i)
    tensor.setInteger(int64_t(i), numbers[i]);
  return constant(tensor, "ints");
}

std::string GraphExporter::scalar(double value, Type element) {
  auto tensor = *HostTensor::make(getDType(element), {});
  tensor.set(0, value);
  return constant(tensor, "number");
}

std::string GraphExporter::extent(const DimExpr &dim) {
  if (auto number = dim.asConstant())
    return integers({*number});
  auto [it, isNew] = sizes.try_emplace(dim.str());
  if (!isNew)
    return it->second;
  std::string outer = std::exchange(scope, "/");
  onnx::GraphProto *inner = std::exchange(out, model.mutable_graph());
  std::string name = dim.evaluateWith<std::string>(
      [&](int64_t number) { return integers({number}); },
      [&](std::string_view symbol) -> std::string {
        for (BlockArgument argument : graph.getArguments()) {
          auto type = mlir::cast<RankedTensorType>(argument.getType());
          for (int64_t axis = 0; axis < type.getRank(); ++axis)
            if (asg::getDim(type, axis).asSymbol() == symbol) {
              onnx::NodeProto &node = add("Shape", {get(argument).name});
              setInteger(node, "start", axis);
              setInteger(node, "end", axis + 1);
              return node.output(0);
            }
        }
        ++refused[fmt::format("the dim {}, which no input has", symbol)];
        return "";
      },
      [&](std::string a, std::string b) {
        return node("Add", {a, b});
      },
      [&](std::string a, std::string b) {
        return node("Mul", {a, b});
      },
      [&](std::string a, int64_t b) {
        return node("Div", {a, integers({b})});
      });
  scope = outer;
  out = inner;
  return sizes[dim.str()] = name;
}

std::string GraphExporter::extents(ArrayRef<DimExpr> dims) {
  Axes numbers;
  for (const DimExpr &dim : dims)
    if (auto number = dim.asConstant())
      numbers.push_back(*number);
  if (numbers.size() == dims.size())
    return integers(numbers);
  std::vector<std::string> parts;
  for (const DimExpr &dim : dims)
    parts.push_back(extent(dim));
  if (parts.size() == 1)
    return parts[0];
  onnx::NodeProto &node = add("Concat", parts);
  setInteger(node, "axis", 0);
  return node.output(0);
}

std::string GraphExporter::filled(ArrayRef<DimExpr> dims, double value,
                                  Type element) {
  return node("Expand", {scalar(value, element), extents(dims)});
}

std::string GraphExporter::iota(const DimExpr &count, Type element) {
  if (auto number = count.asConstant(); number && *number <= kMaxTable) {
    auto tensor = *HostTensor::make(getDType(element), {*number});
    for (int64_t i = 0; i < *number; ++i)
      tensor.set(i, double(i));
    return constant(tensor, "places");
  }
  Type i64 = IntegerType::get(element.getContext(), 64);
  std::string limit = node("Squeeze", {extent(count), integers({0})});
  std::string range = node("Range", {scalar(0, i64), limit, scalar(1, i64)});
  return element == i64 ? range : cast(range, element);
}

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

/// Inputs and outputs take their names before anything else does.
void GraphExporter::addPorts() {
  auto type = mlir::cast<FunctionType>(graph.getFunctionType());
  for (unsigned i = 0; i < type.getNumInputs(); ++i) {
    StringRef given = graph.getInputName(i);
    std::string name = fresh(given.empty() ? fmt::format("x{}", i) : given.str());
    describe(*out->add_input(), name, type.getInput(i));
    set(graph.getArgument(i), name);
  }
  for (unsigned i = 0; i < type.getNumResults(); ++i) {
    StringRef given = graph.getOutputName(i);
    std::string name =
        fresh(given.empty() ? fmt::format("output{}", i) : given.str());
    describe(*out->add_output(), name, type.getResult(i));
  }
}

void GraphExporter::writeVariable(asg::ReadOp read) {
  std::string variable = read.getVariable().str();
  auto [it, isNew] = variables.try_emplace(variable);
  if (isNew) {
    it->second = fresh(variable);
    auto found = llvm::find_if(weights, [&](const NamedView &weight) {
      return weight.name == variable;
    });
    auto type = mlir::cast<RankedTensorType>(read.getY().getType());
    DType dtype = getDType(type.getElementType());
    bool isAssigned = !graph.getBody().getOps<asg::AssignOp>().empty();
    bool hasValue = found != weights.end();
    bool fits = hasValue && ArrayRef(found->shape) == type.getShape() &&
                parseDType(elementName(found->type)) == dtype;
    if (fits && hasDataFile && int64_t(found->data.size()) >= kMinExternal)
      addExternal(it->second, *found, type.getElementType());
    else if (fits)
      addInitializer(it->second, *toHostTensor(*found));
    else if (hasValue)
      wrongValues.push_back(fmt::format(
          "'{}' expects {}, got {}[{}]", variable, asg::describe(type),
          elementName(found->type), fmt::join(found->shape, ", ")));
    else if (!isAssigned)
      wrongValues.push_back(fmt::format("'{}' has none", variable));
    if (isAssigned)
      describe(*out->add_input(), it->second, type);
  }
  set(read.getY(), it->second);
}

/// "/body/0/linear/" of an op of the instance body.0.linear.
static std::string scopeOf(Operation *op) {
  auto layer = op->getParentOfType<asg::LayerOp>();
  std::string scope = "/";
  if (layer)
    for (char c : layer.getPath().str() + "/")
      scope += c == '.' ? '/' : c;
  return scope;
}

void GraphExporter::writeOp(Operation *op) {
  static const llvm::StringMap<const ExportRow<ExportOp> *> ops = [] {
    llvm::StringMap<const ExportRow<ExportOp> *> map;
    for (const ExportRow<ExportOp> &row : allExports())
      map[row.what] = &row;
    return map;
  }();
  scope = scopeOf(op);
  if (auto read = dyn_cast<asg::ReadOp>(op))
    return writeVariable(read);
  if (auto layer = dyn_cast<asg::LayerOp>(op)) {
    for (const ExportRow<ExportLayer> &row : allLayerExports()) {
      if (row.what != layer.getBlock())
        continue;
      scope += layer.getPath().rsplit('.').second.empty()
                   ? layer.getPath().str() + "/"
                   : layer.getPath().rsplit('.').second.str() + "/";
      if (row.write(*this, layer, row.nodes))
        return;
    }
    writeOps(layer.getBody().front());
    auto yield = layer.getBody().front().getTerminator();
    for (auto [result, inner] :
         llvm::zip(layer.getValues(), yield->getOperands()))
      set(result, get(inner));
    return;
  }
  auto row = ops.find(op->getName().getStringRef());
  if (row == ops.end())
    return refuse(op);
  row->second->write(*this, op, row->second->nodes);
}

void GraphExporter::writeOps(Block &block) {
  for (Operation &op : block.without_terminator())
    if (!isa<asg::AssignOp>(op))
      writeOp(&op);
}

void GraphExporter::finish() {
  scope = "/";
  auto bind = [&](const std::string &value, const std::string &name) {
    onnx::NodeProto &node = add("Identity", {value});
    node.set_output(0, name);
  };
  Operation *end = graph.getBody().front().getTerminator();
  for (unsigned i = 0; i < end->getNumOperands(); ++i)
    bind(full(end->getOperand(i)), out->output(int(i)).name());
  for (auto assign : graph.getBody().getOps<asg::AssignOp>()) {
    std::string name = fresh(assign.getVariable().str() + ".next");
    describe(*out->add_output(), name, assign.getValue().getType());
    bind(full(assign.getValue()), name);
  }
}

Result<onnx::ModelProto> GraphExporter::run() {
  addPorts();
  // ONNX knows no bounds of run-time dims; the importer looks here for them.
  for (NamedAttribute dim : graph.getDims()) {
    onnx::StringStringEntryProto &entry = *model.add_metadata_props();
    entry.set_key((kBoundKey + dim.getName().getValue()).str());
    entry.set_value(
        std::to_string(mlir::cast<IntegerAttr>(dim.getValue()).getInt()));
  }
  writeOps(graph.getBody().front());
  finish();
  if (refused.empty() && wrongValues.empty())
    return std::move(model);
  if (refused.empty())
    return Fault{FaultKind::Input,
                 fmt::format("ONNX needs the values of all variables "
                             "(--weights): {}",
                             fmt::join(wrongValues, ", "))};
  std::vector<std::string> lines;
  for (const auto &[what, count] : refused)
    lines.push_back(count > 1 ? fmt::format("{} ({})", what, count) : what);
  return Fault{FaultKind::Unsupported, fmt::format("ONNX has no words for: {}",
                                                   fmt::join(lines, ", "))};
}

} // namespace interop

Result<OnnxFiles> exportOnnx(ModuleOp module, const std::string &entry,
                             const std::vector<NamedView> &weights,
                             const OnnxExportOptions &options) {
  auto graph = module.lookupSymbol<asg::GraphOp>(entry);
  if (!graph)
    return Fault{FaultKind::Input,
                 fmt::format("there is no entry '{}'", entry)};
  interop::GraphExporter exporter(module, graph, weights, options);
  auto model = exporter.run();
  if (!model)
    return model.fault();
  if (int64_t(model->ByteSizeLong()) > interop::kMaxBytes)
    return Fault{FaultKind::Unsupported,
                 "the model is larger than the 2 GiB that an ONNX file may be"};
  // Equal models give equal bytes.
  OnnxFiles files{{}, exporter.takeData()};
  google::protobuf::io::StringOutputStream stream(&files.model);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  model->SerializeToCodedStream(&coded);
  coded.Trim();
  return files;
}

std::vector<OnnxExport> onnxExports() {
  std::vector<OnnxExport> all;
  for (const auto &row : interop::allExports())
    all.push_back({row.what.str(), row.nodes.str(), false});
  for (const auto &row : interop::allLayerExports())
    all.push_back({row.what.str(), row.nodes.str(), true});
  return all;
}

} // namespace asgc
