//===- EntryRun.cpp - An entry with tensors where its program computes ----===//
#include "EntryRun.h"

#include <fmt/format.h>

namespace asgc::cli {

namespace {
Array makeInput(const Port &port) {
  Array array{elementTypeOf(port.dtype), {}, {}};
  for (const PortExtent &extent : port.shape)
    array.shape.push_back(extent.value >= 0 ? extent.value : extent.bound);
  array.data.resize(size_t(arrayBytes(array.type, array.shape).value_or(0)));
  std::vector<double> values(size_t(array.elements()));
  uint32_t state = 12345;
  for (double &value : values) {
    state = state * 1664525u + 1013904223u;
    value = isFloat(array.type) ? (state >> 8) / double(1 << 23) - 1.0
            : array.type == ElementType::Bool ? double(state >> 31)
                                              : double((state >> 8) % 10);
  }
  storeElements(array.type, values, array.data.data());
  return array;
}
} // namespace

EntryRun::~EntryRun() {
  for (std::vector<Tensor> *list : {&inputs, &outputs})
    for (Tensor &tensor : *list)
      asgc_tensor_destroy(tensor.managed);
}

Result<std::unique_ptr<EntryRun>> EntryRun::create(Execution &execution,
                                                   const std::string &entry) {
  const EntryPorts *ports = execution.program().entry(entry);
  if (!ports)
    return Fault{FaultKind::Input,
                 fmt::format("the program has no entry '{}'", entry)};
  std::unique_ptr<EntryRun> result(new EntryRun(execution.handle(), entry));
  std::vector<TensorView> views;
  for (const Port &port : ports->inputs) {
    if (MaybeFault fault =
            result->add(makeInput(port), port.dtype, result->inputs))
      return *fault;
    Array &host = result->inputs.back().host;
    views.push_back({host.data.data(), port.dtype, host.shape});
  }
  auto shapes = execution.program().outputShapes(entry, views);
  if (!shapes)
    return shapes.fault();
  for (size_t i = 0; i < shapes->size(); ++i) {
    const asgc_dtype dtype = ports->outputs[i].dtype;
    Array host{elementTypeOf(dtype), (*shapes)[i], {}};
    host.data.resize(size_t(arrayBytes(host.type, host.shape).value_or(0)));
    if (MaybeFault fault = result->add(std::move(host), dtype, result->outputs))
      return *fault;
  }
  if (MaybeFault fault = result->copyInputs())
    return *fault;
  return result;
}

MaybeFault EntryRun::add(Array host, asgc_dtype dtype,
                         std::vector<Tensor> &list) {
  list.push_back({std::move(host)});
  Tensor &tensor = list.back();
  DLTensor &view = tensor.hostView;
  view.data = tensor.host.data.data();
  view.device = {kDLCPU, 0};
  view.ndim = int32_t(tensor.host.shape.size());
  view.dtype = asgc_dlpack_type(dtype);
  view.shape = tensor.host.shape.data();
  return faultOf(asgc_tensor_create(program, view.dtype, view.ndim, view.shape,
                                    &tensor.managed),
                 asgc_program_error(program));
}

MaybeFault EntryRun::start() {
  std::vector<const DLTensor *> in;
  std::vector<DLTensor *> out;
  for (const Tensor &tensor : inputs)
    in.push_back(&tensor.managed->dl_tensor);
  for (const Tensor &tensor : outputs)
    out.push_back(&tensor.managed->dl_tensor);
  return faultOf(asgc_program_run(program, entry.c_str(), in.data(),
                                  int32_t(in.size()), out.data(),
                                  int32_t(out.size())),
                 asgc_program_error(program));
}

MaybeFault EntryRun::wait() {
  return faultOf(asgc_program_wait(program), asgc_program_error(program));
}

MaybeFault EntryRun::copy(const DLTensor *from, DLTensor *to) {
  return faultOf(asgc_tensor_copy(program, from, to),
                 asgc_program_error(program));
}

MaybeFault EntryRun::copyInputs() {
  for (Tensor &tensor : inputs)
    if (MaybeFault fault = copy(&tensor.hostView, &tensor.managed->dl_tensor))
      return fault;
  return std::nullopt;
}

MaybeFault EntryRun::copyOutputs() {
  for (Tensor &tensor : outputs)
    if (MaybeFault fault = copy(&tensor.managed->dl_tensor, &tensor.hostView))
      return fault;
  return std::nullopt;
}

int64_t EntryRun::items() const {
  for (const Tensor &tensor : inputs)
    if (!tensor.host.shape.empty())
      return tensor.host.shape[0];
  return 0;
}

} // namespace asgc::cli
