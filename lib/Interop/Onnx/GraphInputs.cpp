//===- GraphInputs.cpp - Inputs and weights of an ONNX graph --------------===//
#include "lib/Interop/Onnx/GraphImporter.h"
#include "lib/Interop/Onnx/Places.h"

#include "asgc/Interpreter.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

using namespace mlir;

namespace asgc {
namespace interop {

/// A run-time dim: named by the model, or after the input it is of.
DimExpr GraphImporter::dimOf(const onnx::TensorShapeProto::Dimension &dim,
                             const std::string &input, int axis) {
  if (dim.has_dim_value() && dim.dim_value() >= 0)
    return DimExpr(dim.dim_value());
  std::string key = dim.dim_param().empty() ? fmt::format("{}_{}", input, axis)
                                            : dim.dim_param();
  auto [it, isNew] = symbols.try_emplace(key);
  if (isNew) {
    std::string name;
    for (char c : key)
      name += llvm::isAlnum(c) ? c : '_';
    if (!llvm::isAlpha(name.front()))
      name = "d" + name;
    while (bounds.count(name))
      name += "_";
    it->second = name;
    bounds[name] = options.dimBound;
    for (const onnx::StringStringEntryProto &entry : model.metadata_props()) {
      int64_t bound = 0;
      if (entry.key() == (kBoundKey + key).str() &&
          !StringRef(entry.value()).getAsInteger(10, bound) && bound > 0 &&
          bound <= INT32_MAX)
        bounds[name] = bound;
    }
  }
  for (const std::string &fixed : options.dims) {
    size_t equals = fixed.find('=');
    int64_t extent = 0;
    if (equals != std::string::npos && fixed.substr(0, equals) == it->second &&
        !StringRef(fixed).substr(equals + 1).getAsInteger(10, extent) &&
        extent >= 0)
      return DimExpr(extent);
  }
  return DimExpr::symbol(it->second);
}

FailureOr<RankedTensorType>
GraphImporter::tensorTypeOf(const onnx::ValueInfoProto &info) {
  if (!info.type().has_tensor_type()) {
    faults.push_back(
        fmt::format("input '{}': only tensors are supported", info.name()));
    isUnsupported = true;
    return failure();
  }
  const onnx::TypeProto::Tensor &tensor = info.type().tensor_type();
  Type element = elementTypeOf(context, tensor.elem_type());
  if (!element) {
    faults.push_back(
        fmt::format("input '{}': elements of type {} are not supported",
                    info.name(), nameOfDataType(tensor.elem_type()).str()));
    isUnsupported = true;
    return failure();
  }
  Extents dims;
  for (int axis = 0; axis < tensor.shape().dim_size(); ++axis)
    dims.push_back(dimOf(tensor.shape().dim(axis), info.name(), axis));
  auto type = asg::getTensorType(&context, dims, element);
  if (!asg::hasLegalShape(type)) {
    faults.push_back(
        fmt::format("input '{}': its shape is too large", info.name()));
    return failure();
  }
  return type;
}

LogicalResult GraphImporter::importInputs(onnx::GraphProto &graph) {
  for (onnx::TensorProto &tensor : *graph.mutable_initializer())
    if (!initializers.try_emplace(tensor.name(), &tensor).second)
      faults.push_back(
          fmt::format("two weights are called '{}'", tensor.name()));
  if (graph.sparse_initializer_size() > 0) {
    faults.push_back("sparse weights are not supported");
    isUnsupported = true;
  }
  for (const onnx::ValueInfoProto &info : graph.input())
    if (!initializers.count(
            info.name())) // else a default; ours stay as they are
      inputNames.push_back(info.name());
  std::map<std::string, Array> inputs;
  if (options.inputs)
    inputs = options.inputs(inputNames);
  for (const onnx::ValueInfoProto &info : graph.input()) {
    if (initializers.count(info.name()))
      continue;
    auto type = tensorTypeOf(info);
    if (failed(type))
      continue;
    auto given = inputs.find(info.name());
    if (!info.type().tensor_type().has_shape()) {
      if (given == inputs.end()) {
        faults.push_back(fmt::format(
            "input '{}': the model does not say how many axes it has",
            info.name()));
        isUnsupported = true;
        continue;
      }
      type = RankedTensorType::get(given->second.shape, type->getElementType());
    }
    std::optional<HostTensor> value;
    if (given != inputs.end())
      value = toHostTensor(given->second);
    // Values decide the extents that the model leaves open, and no others.
    if (value && getDType(type->getElementType()) == value->dtype() &&
        succeeded(verifyCompatibleShape(
            type->getShape(), {value->shape().data(), value->shape().size()}))) {
      auto shape = value->shape();
      type = RankedTensorType::get({shape.data(), shape.size()},
                                   type->getElementType());
    } else {
      value.reset();
    }
    auto place = NameLoc::get(StringAttr::get(&context, info.name()),
                              FileLineColLoc::get(&context, path, 0, 0));
    Value argument = block->addArgument(*type, place);
    scope->keepCarrier(info.name(),
                       findCarrier(info.type().tensor_type().elem_type()));
    if (!scope->values.try_emplace(info.name(), argument).second)
      faults.push_back(fmt::format("two inputs are called '{}'", info.name()));
    if (value) {
      givenValues.push_back(std::move(*value));
      known.assume(argument, &givenValues.back());
    }
  }
  return success(faults.empty());
}

/// The mask that large floats are; null if they are none, which nine of them
/// show without a look at the others.
static Value maskOf(Emitter &e, const NamedView &floats, DType type) {
  std::vector<int64_t> shape = floats.shape;
  size_t rank = shape.size(), size = sizeOf(type);
  if (rank < 2 || shape[rank - 1] != shape[rank - 2] ||
      std::any_of(shape.begin(), shape.end() - 2,
                  [](int64_t dim) { return dim != 1; }))
    return {};
  int64_t n = shape[rank - 1];
  constexpr int64_t kSample = 3;
  shape[rank - 1] = shape[rank - 2] = kSample;
  auto sample = HostTensor::make(type, shape);
  for (int64_t i = 0; i < kSample * kSample; ++i) {
    int64_t row = i / kSample * (n - 1) / (kSample - 1),
            column = i % kSample * (n - 1) / (kSample - 1);
    std::copy_n(floats.data.begin() + (row * n + column) * int64_t(size), size,
                sample->bytes().begin() + i * int64_t(size));
  }
  if (!triangleOf(e, *sample))
    return {};
  auto whole = HostTensor::make(type, floats.shape);
  if (!whole || whole->bytes().size() != floats.data.size())
    return {};
  std::copy(floats.data.begin(), floats.data.end(), whole->bytes().begin());
  return triangleOf(e, *whole);
}

/// An initializer of the graph, which is read once.
Value GraphImporter::importWeight(StringRef name, onnx::TensorProto &tensor) {
  auto stored = file.stored.find(&tensor);
  if (stored == file.stored.end())
    return importInitializer(name, tensor);
  if (auto floats = viewLargeFloats(tensor, stored->second)) {
    Type element = elementTypeOf(context, tensor.data_type());
    if (Value mask = maskOf(e, *floats, getDType(element)))
      return mask;
    return addParameter(name, element, std::move(*floats));
  }
  const auto &bytes = stored->second.bytes;
  tensor.set_raw_data(bytes.data(), bytes.size());
  Value value = importInitializer(name, tensor);
  tensor.clear_raw_data();
  return value;
}

/// Weights of floats become parameters, all else constants.
Value GraphImporter::importInitializer(StringRef name,
                                       const onnx::TensorProto &tensor) {
  auto value = readTensor(tensor, path);
  if (!value) {
    e.fail(value.fault().message, value.fault().kind == FaultKind::Unsupported);
    return {};
  }
  return importTensor(name, std::move(*value), scope->parent ? kMaxInline : 1);
}

Value GraphImporter::importTable(StringRef name, HostTensor value) {
  auto all = value.bytes();
  size_t size = sizeOf(value.dtype());
  bool isRepeated = value.numElements() > kMaxInline &&
                    std::equal(all.begin() + size, all.end(), all.begin());
  if (!isRepeated)
    return importTensor(name, std::move(value), kMaxInline);
  auto one = HostTensor::make(value.dtype(), {});
  std::copy_n(all.begin(), size, one->bytes().begin());
  Extents dims(value.shape().begin(), value.shape().end());
  return e.broadcast(e.constant(*one), dims);
}

Value GraphImporter::importTensor(StringRef name, HostTensor value,
                                  int64_t maxInline) {
  if (Value triangle = triangleOf(e, value))
    return triangle;
  if (!isFloat(value.dtype()) || value.shape().empty() ||
      value.numElements() <= maxInline)
    return e.constant(value);
  auto shape = value.shape();
  Array array{asgc::elementTypeOf(value.dtype()),
              {shape.begin(), shape.end()},
              {}};
  array.data.assign(value.bytes().begin(), value.bytes().end());
  Value read = addParameter(name, elementTypeOf(context, value.dtype()),
                            viewOf({name.str(), std::move(array)}));
  if (read && value.numElements() <= kMaxKnownWeight) {
    givenValues.push_back(std::move(value));
    known.assume(read, &givenValues.back());
  }
  return read;
}

Value GraphImporter::addParameter(StringRef name, Type element,
                                  NamedView value) {
  auto type = RankedTensorType::get(value.shape, element);
  if (!asg::hasLegalShape(type))
    return e.fail("the weight '" + name + "' is too large");
  std::string unique = name.str();
  while (module->lookupSymbol(unique))
    unique += "_";
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToEnd(module->getBody());
  asg::ParamOp::create(e.builder, e.loc, unique, type, nullptr, nullptr);
  e.builder.setInsertionPointToEnd(block);
  Value read =
      e.make<asg::ReadOp>(type, FlatSymbolRefAttr::get(&context, unique));
  value.name = unique;
  weights.push_back(std::move(value));
  return read;
}

} // namespace interop
} // namespace asgc
