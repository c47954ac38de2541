//===- RuntimeProgram.cpp - Compiled programs behind the loop's interface -===//
#include "asgc/Train.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc {

TrainableProgram::~TrainableProgram() = default;

namespace {
FaultKind kindOf(asgc_status status) {
  switch (status) {
  case ASGC_OUT_OF_MEMORY:
  case ASGC_IO_ERROR:
  case ASGC_NO_DEVICE:
  case ASGC_DEVICE_LOST:
    return FaultKind::Environment;
  case ASGC_UNSUPPORTED:
    return FaultKind::Unsupported;
  case ASGC_INTERNAL:
    return FaultKind::Internal;
  default:
    return FaultKind::Input;
  }
}

class RuntimeProgram final : public TrainableProgram {
public:
  RuntimeProgram(const asgc_program_desc *desc, asgc_program *program)
      : desc(*desc), program(program) {
    for (int32_t i = 0; i < desc->num_entries; ++i)
      ports.push_back(
          {portsOf(desc->entries[i].inputs, desc->entries[i].num_inputs),
           portsOf(desc->entries[i].outputs, desc->entries[i].num_outputs)});
    for (int32_t i = 0; i < desc->num_variables; ++i)
      addVariable(desc->variables[i]);
  }

  const EntryPorts *entry(std::string_view name) const override {
    int32_t index = find(name);
    return index < 0 ? nullptr : &ports[size_t(index)];
  }
  std::span<const ProgramVariable> variables() const override { return vars; }
  MaybeFault init(int64_t seed) override {
    return check(asgc_program_init(program, seed));
  }
  Result<std::vector<std::vector<int64_t>>>
  outputShapes(std::string_view entry,
               std::span<const TensorView> inputs) const override;
  MaybeFault run(std::string_view entry, std::span<const TensorView> inputs,
                 std::span<const TensorView> outputs) override;
  MaybeFault sync() const override { return check(asgc_program_sync(program)); }
  void touch() override { asgc_program_touch(program); }

private:
  std::vector<Port> portsOf(const asgc_tensor_desc *tensors,
                            int32_t count) const;
  void addVariable(const asgc_variable_desc &variable);
  int32_t find(std::string_view entry) const;
  MaybeFault check(asgc_status status) const {
    if (status == ASGC_OK)
      return std::nullopt;
    return Fault{kindOf(status), asgc_program_error(program)};
  }

  const asgc_program_desc &desc;
  asgc_program *program;
  std::vector<EntryPorts> ports;
  std::vector<ProgramVariable> vars;
};

std::vector<Port> RuntimeProgram::portsOf(const asgc_tensor_desc *tensors,
                                          int32_t count) const {
  std::vector<Port> result;
  for (int32_t i = 0; i < count; ++i) {
    Port port{tensors[i].name, asgc_dtype(tensors[i].dtype), {}};
    for (int32_t d = 0; d < tensors[i].rank; ++d) {
      asgc_dim dim = tensors[i].dims[d];
      bool isSymbol = dim < 0 && -1 - dim < desc.num_symbols;
      port.shape.push_back(dim >= 0 ? PortExtent{dim, dim}
                           : isSymbol
                               ? PortExtent{-1, desc.symbol_bounds[-1 - dim]}
                               : PortExtent{-1, INT64_MAX});
    }
    result.push_back(std::move(port));
  }
  return result;
}

void RuntimeProgram::addVariable(const asgc_variable_desc &variable) {
  DLTensor tensor;
  if (asgc_program_variable(program, variable.tensor.name, &tensor) != ASGC_OK)
    return; // cannot be: the program was made from this description
  ProgramVariable result{variable.tensor.name,
                         asgc_dtype(variable.tensor.dtype),
                         {tensor.shape, tensor.shape + tensor.ndim},
                         asgc_variable_role(variable.role),
                         static_cast<char *>(tensor.data) + tensor.byte_offset,
                         tensor.dtype.bits / 8};
  for (int64_t extent : result.shape)
    result.bytes *= extent;
  vars.push_back(std::move(result));
}

int32_t RuntimeProgram::find(std::string_view entry) const {
  for (int32_t i = 0; i < desc.num_entries; ++i)
    if (entry == desc.entries[i].name)
      return i;
  return -1;
}

Result<std::vector<std::vector<int64_t>>>
RuntimeProgram::outputShapes(std::string_view entry,
                             std::span<const TensorView> inputs) const {
  int32_t index = find(entry);
  if (index < 0)
    return Fault{FaultKind::Internal,
                 fmt::format("the program has no entry '{}'", entry)};
  const asgc_entry_desc &found = desc.entries[index];
  // As the runtime does it: a symbol that no input binds takes its bound.
  std::vector<int64_t> dims(size_t(std::max(desc.num_dims, desc.num_symbols)));
  for (int32_t i = 0; i < desc.num_symbols; ++i)
    dims[size_t(i)] = desc.symbol_bounds[i];
  for (int32_t i = 0; i < found.num_inputs && size_t(i) < inputs.size(); ++i)
    for (int32_t d = 0; d < found.inputs[i].rank; ++d) {
      asgc_dim dim = found.inputs[i].dims[d];
      if (dim < 0 && -1 - dim < desc.num_symbols &&
          size_t(d) < inputs[size_t(i)].shape.size())
        dims[size_t(-1 - dim)] = inputs[size_t(i)].shape[size_t(d)];
    }
  if (desc.eval_dims)
    desc.eval_dims(dims.data());
  std::vector<std::vector<int64_t>> shapes;
  for (int32_t i = 0; i < found.num_outputs; ++i) {
    std::vector<int64_t> &shape = shapes.emplace_back();
    for (int32_t d = 0; d < found.outputs[i].rank; ++d) {
      asgc_dim dim = found.outputs[i].dims[d];
      shape.push_back(dim >= 0 ? dim : dims[size_t(-1 - dim)]);
    }
  }
  return shapes;
}

MaybeFault RuntimeProgram::run(std::string_view entry,
                               std::span<const TensorView> inputs,
                               std::span<const TensorView> outputs) {
  std::vector<DLTensor> tensors;
  tensors.reserve(inputs.size() + outputs.size());
  std::vector<DLTensor *> pointers;
  for (std::span<const TensorView> views : {inputs, outputs})
    for (const TensorView &view : views) {
      DLTensor tensor{};
      tensor.data = view.data;
      tensor.device = {kDLCPU, 0};
      tensor.ndim = int32_t(view.shape.size());
      tensor.dtype = asgc_dlpack_type(view.dtype);
      // The runtime only reads shapes.
      tensor.shape = const_cast<int64_t *>(view.shape.data());
      tensors.push_back(tensor);
      pointers.push_back(&tensors.back());
    }
  return check(asgc_program_run(program, std::string(entry).c_str(),
                                pointers.data(), int32_t(inputs.size()),
                                pointers.data() + inputs.size(),
                                int32_t(outputs.size())));
}
} // namespace

std::unique_ptr<TrainableProgram>
makeRuntimeProgram(const asgc_program_desc *desc, asgc_program *program) {
  return std::make_unique<RuntimeProgram>(desc, program);
}

} // namespace asgc
