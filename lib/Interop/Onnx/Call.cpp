//===- Call.cpp - One node, as the function that imports it sees it -------===//
#include "lib/Interop/Onnx/GraphImporter.h"

using namespace mlir;

namespace asgc::interop {

int Call::numOutputs() const { return node.output_size(); }

bool Call::wants(int index) const {
  return index < node.output_size() && !node.output(index).empty();
}

const onnx::AttributeProto *Call::attribute(StringRef name) const {
  for (const onnx::AttributeProto &attribute : node.attribute())
    if (name == attribute.name())
      return &attribute;
  return nullptr;
}

int64_t Call::integer(StringRef name, int64_t otherwise) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? found->i() : otherwise;
}

double Call::number(StringRef name, double otherwise) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? double(found->f()) : otherwise;
}

std::string Call::text(StringRef name, StringRef otherwise) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? found->s() : otherwise.str();
}

std::optional<Axes> Call::integers(StringRef name) const {
  const onnx::AttributeProto *found = attribute(name);
  if (!found)
    return std::nullopt;
  return Axes(found->ints().begin(), found->ints().end());
}

std::vector<double> Call::numbers(StringRef name) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? std::vector<double>(found->floats().begin(),
                                     found->floats().end())
               : std::vector<double>();
}

std::vector<std::string> Call::texts(StringRef name) const {
  const onnx::AttributeProto *found = attribute(name);
  return found ? std::vector<std::string>(found->strings().begin(),
                                          found->strings().end())
               : std::vector<std::string>();
}

std::optional<HostTensor> Call::tensor(StringRef name,
                                       const Carrier **carrier) {
  const onnx::AttributeProto *found = attribute(name);
  if (carrier)
    *carrier = found ? findCarrier(found->t().data_type()) : nullptr;
  auto tensor =
      readTensor(found ? found->t() : onnx::TensorProto(), name.str());
  if (tensor)
    return std::move(*tensor);
  e.fail(tensor.fault().message, tensor.fault().kind == FaultKind::Unsupported);
  return std::nullopt;
}

Type Call::elementType(int64_t dataType) {
  Type element = elementTypeOf(*e.builder.getContext(), int32_t(dataType));
  if (!element)
    e.refuse("elements of type " + nameOfDataType(int32_t(dataType)) +
             " are not supported");
  return element;
}

int Call::numBodyOutputs(StringRef name) const {
  const onnx::AttributeProto *body = attribute(name);
  return body && body->has_g() ? body->g().output_size() : -1;
}

std::optional<Values> Call::importBody(StringRef name,
                                       ArrayRef<Value> arguments) {
  const onnx::AttributeProto *body = attribute(name);
  if (body && body->has_g())
    return importer.importBody(body->g(), arguments);
  e.fail("has no graph '" + name + "'");
  return std::nullopt;
}

Value Call::lookUp(StringRef name) { return importer.lookUp(name); }

const HostTensor *Call::find(Value x) { return importer.known.find(x); }
std::optional<Extents> Call::findExtents(Value x) {
  return importer.known.findExtents(x);
}

std::optional<int64_t> Call::findMaximum(Value x) {
  return importer.known.findMaximum(x, importer.bounds);
}
std::optional<int64_t> Call::findMaximum(const DimExpr &extent) {
  return maximumOf(extent, importer.bounds);
}

bool Call::limit(const DimExpr &extent, int64_t most) {
  return interop::limit(extent, most, importer.bounds);
}

const HostTensor *Call::known(size_t index, StringRef what) {
  const HostTensor *value = importer.known.find((*this)[index]);
  if (!value && has(index))
    e.refuse(what + " must be known when the model is compiled");
  else if (!value)
    e.fail(what + " is missing");
  return value;
}

std::optional<double> Call::knownNumber(size_t index, StringRef what) {
  const HostTensor *value = known(index, what);
  if (!value)
    return std::nullopt;
  if (value->numElements() != 1) {
    e.fail(what + " is " + value->describe() + ", not one number");
    return std::nullopt;
  }
  return value->get(0);
}

std::optional<Axes> Call::knownIntegers(size_t index, StringRef what) {
  const HostTensor *value = known(index, what);
  if (!value)
    return std::nullopt;
  Axes all;
  for (int64_t i = 0; i < value->numElements(); ++i)
    all.push_back(value->getInteger(i));
  return all;
}

std::optional<Axes> Call::integersOf(size_t index, StringRef name) {
  return has(index) ? knownIntegers(index, name) : integers(name);
}

std::optional<Extents> Call::knownExtents(size_t index, StringRef what) {
  auto extents = importer.known.findExtents((*this)[index]);
  if (!extents)
    known(index, what); // says what is wrong
  return extents;
}

} // namespace asgc::interop
