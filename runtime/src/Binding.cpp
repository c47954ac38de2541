//===- Binding.cpp - Checks tensors and binds run-time dims ---------------===//
#include "Dtype.h"
#include "Program.h"
#include "vulkan/Executor.h"
#include <algorithm>

namespace asgc::rt {

namespace {

/// One run's view of an entry: which symbols are known, and from where.
struct Binder {
  asgc_program &program;
  const asgc_entry_desc &entry;
  /// For each symbol the input that bound it; null while unknown.
  std::vector<const char *> source;
  bool evaluated = false; ///< the expressions in dims are valid

  int64_t *dims() { return program.dims.data(); }
  bool isSymbol(asgc_dim dim) const {
    return dim < 0 && -1 - dim < program.desc.num_symbols;
  }
  /// Whether an input other than `desc` bound the symbol.
  bool boundElsewhere(asgc_dim symbol, const asgc_tensor_desc &desc) const {
    const char *input = source[size_t(-1 - symbol)];
    return input && input != desc.name;
  }
  std::string describe(asgc_dim dim, const asgc_tensor_desc &desc);
  std::string describe(const asgc_tensor_desc &desc);
  std::string notes(const asgc_tensor_desc &desc);
  asgc_status refuse(const char *kind, const asgc_tensor_desc &desc,
                     const std::string &what);
  asgc_status refuseShape(const char *kind, const asgc_tensor_desc &desc,
                          const DLTensor &tensor);
  asgc_status checkStorage(const char *kind, const asgc_tensor_desc &desc,
                           const DLTensor *tensor);
  asgc_status bindSymbols(const asgc_tensor_desc &desc, const DLTensor &tensor);
  asgc_status checkShape(const char *kind, const asgc_tensor_desc &desc,
                         const DLTensor &tensor);
  asgc_status checkLayout(const char *kind, const asgc_tensor_desc &desc,
                          const DLTensor &tensor, void *&address);
  void evaluate();
};

std::string describe(const DLTensor &tensor) {
  std::string shape = text(nameOf(tensor.dtype), "[");
  for (int i = 0; i < tensor.ndim; ++i)
    shape += text(i ? ", " : "", tensor.shape[i]);
  return shape + "]";
}

/// "64", "batch <= 256", "batch", or the value of an expression.
std::string Binder::describe(asgc_dim dim, const asgc_tensor_desc &desc) {
  if (dim >= 0)
    return std::to_string(dim);
  size_t index = size_t(-1 - dim);
  if (!isSymbol(dim))
    return evaluated ? std::to_string(dims()[index]) : "?";
  const char *name = program.desc.symbols[index];
  if (boundElsewhere(dim, desc))
    return name;
  return text(name, " <= ", program.desc.symbol_bounds[index]);
}

std::string Binder::describe(const asgc_tensor_desc &desc) {
  std::string shape = text(nameOf(desc.dtype), "[");
  for (int32_t i = 0; i < desc.rank; ++i)
    shape += text(i ? ", " : "", describe(desc.dims[i], desc));
  return shape + "]";
}

/// " with batch = 3 (from input 'image')" for each symbol of the shape that is
/// bound elsewhere.
std::string Binder::notes(const asgc_tensor_desc &desc) {
  std::string notes;
  std::vector<asgc_dim> said;
  for (int32_t i = 0; i < desc.rank; ++i) {
    asgc_dim dim = desc.dims[i];
    if (!isSymbol(dim) ||
        std::find(said.begin(), said.end(), dim) != said.end())
      continue;
    said.push_back(dim);
    size_t index = size_t(-1 - dim);
    if (boundElsewhere(dim, desc))
      notes +=
          text(notes.empty() ? " with " : " and ", program.desc.symbols[index],
               " = ", dims()[index], " (from input '", source[index], "')");
  }
  return notes;
}

asgc_status Binder::refuse(const char *kind, const asgc_tensor_desc &desc,
                           const std::string &what) {
  return fail(program, ASGC_INVALID_ARGUMENT,
              text(kind, " '", desc.name, "': ", what));
}

asgc_status Binder::refuseShape(const char *kind, const asgc_tensor_desc &desc,
                                const DLTensor &tensor) {
  return refuse(kind, desc,
                text("expected ", describe(desc), notes(desc), ", got ",
                     rt::describe(tensor)));
}

/// What can be said of a tensor before its extents are looked at.
asgc_status Binder::checkStorage(const char *kind, const asgc_tensor_desc &desc,
                                 const DLTensor *tensor) {
  if (!tensor)
    return refuse(kind, desc,
                  text("expected ", describe(desc), ", got a null tensor"));
  if (tensor->ndim < 0 || (tensor->ndim > 0 && !tensor->shape))
    return refuse(kind, desc,
                  text("expected ", describe(desc), ", got ndim ", tensor->ndim,
                       tensor->shape ? "" : " with a null shape"));
  if (tensor->ndim != desc.rank || !isSameType(tensor->dtype, desc.dtype))
    return refuseShape(kind, desc, *tensor);
  const int device = int(tensor->device.device_type);
  if (device != kDLCPU && !(device == kDLVulkan && program.executor))
    return refuse(
        kind, desc,
        text("expected a tensor on the CPU",
             program.executor ? " or of the program's Vulkan device" : "",
             ", got device type ", device));
  return ASGC_OK;
}

asgc_status Binder::bindSymbols(const asgc_tensor_desc &desc,
                                const DLTensor &tensor) {
  for (int32_t i = 0; i < desc.rank; ++i) {
    if (!isSymbol(desc.dims[i]))
      continue;
    size_t index = size_t(-1 - desc.dims[i]);
    if (source[index])
      continue; // compared by checkShape
    if (tensor.shape[i] < 0 ||
        tensor.shape[i] > program.desc.symbol_bounds[index])
      return refuseShape("input", desc, tensor);
    dims()[index] = tensor.shape[i];
    source[index] = desc.name;
  }
  return ASGC_OK;
}

/// A symbol that no input binds takes its bound; then the expressions follow.
void Binder::evaluate() {
  for (size_t i = 0; i < source.size(); ++i)
    if (!source[i])
      dims()[i] = program.desc.symbol_bounds[i];
  if (program.desc.eval_dims)
    program.desc.eval_dims(dims());
  evaluated = true;
}

asgc_status Binder::checkShape(const char *kind, const asgc_tensor_desc &desc,
                               const DLTensor &tensor) {
  for (int32_t i = 0; i < desc.rank; ++i)
    if (tensor.shape[i] != resolve(desc.dims[i], dims()))
      return refuseShape(kind, desc, tensor);
  return ASGC_OK;
}

/// Extents of 1 may have any stride; a tensor without elements has no layout.
bool isContiguous(const DLTensor &tensor) {
  int64_t expected = 1;
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected)
      return false;
    expected *= tensor.shape[i];
  }
  return true;
}

std::string describeStrides(const DLTensor &tensor) {
  std::string strides = "[";
  for (int i = 0; i < tensor.ndim; ++i)
    strides += text(i ? ", " : "", tensor.strides[i]);
  return strides + "]";
}

asgc_status Binder::checkLayout(const char *kind, const asgc_tensor_desc &desc,
                                const DLTensor &tensor, void *&address) {
  bool empty = false;
  for (int i = 0; i < tensor.ndim; ++i)
    empty |= tensor.shape[i] == 0;
  address = tensor.data ? static_cast<char *>(tensor.data) + tensor.byte_offset
                        : nullptr;
  if (empty)
    return ASGC_OK;
  if (!tensor.data)
    return refuse(kind, desc,
                  text("got ", rt::describe(tensor), " without data"));
  if (tensor.strides && !isContiguous(tensor))
    return refuse(kind, desc,
                  text("expected contiguous data, got ", rt::describe(tensor),
                       " with strides ", describeStrides(tensor)));
  int64_t size = sizeOf(desc.dtype);
  if (reinterpret_cast<uintptr_t>(address) % uintptr_t(size) != 0)
    return refuse(kind, desc,
                  text("expected data aligned to ", size,
                       " bytes, got an address that is not"));
  if (tensor.device.device_type != kDLVulkan)
    return ASGC_OK;
  for (int i = 0; i < tensor.ndim; ++i)
    size *= tensor.shape[i];
  vulkan::Device &device = *program.executor->sharedDevice();
  if (!device.findTensor(reinterpret_cast<uintptr_t>(address), size))
    return refuse(kind, desc,
                  text("expected ", size, " bytes within a tensor of the ",
                       "Vulkan device ", device.choice.name,
                       ", made by asgc_tensor_create; got an address that is "
                       "not"));
  // Shaders may read so much at once.
  constexpr uintptr_t kPacked = 16;
  if (reinterpret_cast<uintptr_t>(address) % kPacked != 0)
    return refuse(kind, desc,
                  text("expected data of the device aligned to ", kPacked,
                       " bytes, got an address that is not"));
  return ASGC_OK;
}

struct Range {
  const char *begin, *end;
  bool isOnDevice =
      false; ///< addresses of a device and of the processor differ
  bool meets(const Range &other) const {
    return isOnDevice == other.isOnDevice &&
           std::max(begin, other.begin) < std::min(end, other.end);
  }
};

Range rangeOf(const asgc_tensor_desc &desc, const void *address,
              bool isOnDevice, const int64_t *dims) {
  int64_t bytes = sizeOf(desc.dtype);
  for (int32_t i = 0; i < desc.rank; ++i)
    bytes *= resolve(desc.dims[i], dims);
  const char *begin = static_cast<const char *>(address);
  return {begin, begin + bytes, isOnDevice};
}

/// An output is written while inputs are still read: it may share memory with
/// no other tensor, nor with the variables.
asgc_status checkOverlap(asgc_program &program, const asgc_entry_desc &entry) {
  const Range variables{program.variableBlock.data(),
                        program.variableBlock.data() +
                            program.variableBlock.bytes()};
  auto inputRange = [&](int32_t i) {
    return rangeOf(entry.inputs[i], program.inputs[size_t(i)],
                   program.inputIsOnDevice[size_t(i)], program.dims.data());
  };
  auto outputRange = [&](int32_t i) {
    return rangeOf(entry.outputs[i], program.outputs[size_t(i)],
                   program.outputIsOnDevice[size_t(i)], program.dims.data());
  };
  auto refuse = [&](const char *kind, const char *name,
                    const std::string &other) {
    return fail(program, ASGC_INVALID_ARGUMENT,
                text(kind, " '", name, "' overlaps ", other));
  };
  for (int32_t i = 0; i < entry.num_outputs; ++i) {
    const Range range = outputRange(i);
    const char *name = entry.outputs[i].name;
    if (range.meets(variables))
      return refuse("output", name, "the program's variables");
    for (int32_t j = 0; j < entry.num_inputs; ++j)
      if (range.meets(inputRange(j)))
        return refuse("output", name,
                      text("input '", entry.inputs[j].name, "'"));
    for (int32_t j = 0; j < i; ++j)
      if (range.meets(outputRange(j)))
        return refuse("output", name,
                      text("output '", entry.outputs[j].name, "'"));
  }
  for (int32_t i = 0; entry.assigns_variables && i < entry.num_inputs; ++i)
    if (inputRange(i).meets(variables))
      return refuse("input", entry.inputs[i].name,
                    "the variables that this entry assigns");
  return ASGC_OK;
}

/// The tensor at `index` of a list that may be null when it is empty.
template <typename Tensor>
const DLTensor *at(Tensor *const *list, int32_t index) {
  return list ? list[index] : nullptr;
}

asgc_status checkCount(asgc_program &program, const asgc_entry_desc &entry,
                       const char *kind, int32_t expected, int32_t got) {
  if (expected == got)
    return ASGC_OK;
  return fail(program, ASGC_INVALID_ARGUMENT,
              text("entry '", entry.name, "' has ", expected, " ", kind,
                   expected == 1 ? "" : "s", ", got ", got));
}

} // namespace

asgc_status bindTensors(asgc_program &program, const asgc_entry_desc &entry,
                        const DLTensor *const *inputs, int32_t numInputs,
                        DLTensor *const *outputs, int32_t numOutputs) {
  if (asgc_status status =
          checkCount(program, entry, "input", entry.num_inputs, numInputs))
    return status;
  if (asgc_status status =
          checkCount(program, entry, "output", entry.num_outputs, numOutputs))
    return status;

  Binder binder{program, entry, {}};
  binder.source.resize(size_t(program.desc.num_symbols));
  for (int32_t i = 0; i < numInputs; ++i) {
    const DLTensor *tensor = at(inputs, i);
    if (asgc_status status =
            binder.checkStorage("input", entry.inputs[i], tensor))
      return status;
    if (asgc_status status = binder.bindSymbols(entry.inputs[i], *tensor))
      return status;
  }
  binder.evaluate();

  program.inputs.resize(size_t(numInputs));
  program.outputs.resize(size_t(numOutputs));
  program.inputIsOnDevice.resize(size_t(numInputs));
  program.outputIsOnDevice.resize(size_t(numOutputs));
  for (int32_t i = 0; i < numInputs; ++i) {
    const DLTensor &tensor = *inputs[i];
    if (asgc_status status =
            binder.checkShape("input", entry.inputs[i], tensor))
      return status;
    if (asgc_status status = binder.checkLayout(
            "input", entry.inputs[i], tensor, program.inputs[size_t(i)]))
      return status;
    program.inputIsOnDevice[size_t(i)] = tensor.device.device_type == kDLVulkan;
  }
  for (int32_t i = 0; i < numOutputs; ++i) {
    const DLTensor *tensor = at(outputs, i);
    if (asgc_status status =
            binder.checkStorage("output", entry.outputs[i], tensor))
      return status;
    if (asgc_status status =
            binder.checkShape("output", entry.outputs[i], *tensor))
      return status;
    if (asgc_status status = binder.checkLayout(
            "output", entry.outputs[i], *tensor, program.outputs[size_t(i)]))
      return status;
    program.outputIsOnDevice[size_t(i)] =
        tensor->device.device_type == kDLVulkan;
  }
  return checkOverlap(program, entry);
}

} // namespace asgc::rt
