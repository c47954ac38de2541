//===- Execution.cpp - A compiled model with its inputs and outputs -------===//
#include "Execution.h"

#include "Output.h"

#include "asgc/HostTensor.h"

#include <cmath>
#include <cstring>
#include <filesystem>

namespace asgc::cli {

namespace fs = std::filesystem;

MaybeFault faultOf(asgc_status status, const char *sentence) {
  switch (status) {
  case ASGC_OK:
    return std::nullopt;
  case ASGC_OUT_OF_MEMORY:
  case ASGC_IO_ERROR:
  case ASGC_NO_DEVICE:
  case ASGC_DEVICE_LOST:
    return Fault{FaultKind::Environment, sentence};
  case ASGC_UNSUPPORTED:
    return Fault{FaultKind::Unsupported, sentence};
  case ASGC_INTERNAL:
    return Fault{FaultKind::Internal, sentence};
  default:
    return Fault{FaultKind::Input, sentence};
  }
}

ElementType elementTypeOf(asgc_dtype dtype) {
  switch (dtype) {
  case ASGC_F16: return ElementType::F16;
  case ASGC_BF16: return ElementType::BF16;
  case ASGC_I8: return ElementType::I8;
  case ASGC_I32: return ElementType::I32;
  case ASGC_I64: return ElementType::I64;
  case ASGC_BOOL: return ElementType::Bool;
  case ASGC_F64: return ElementType::F64;
  case ASGC_F32: break;
  }
  return ElementType::F32;
}

std::string describeArray(const Array &array) {
  return fmt::format("{}[{}]", elementName(array.type),
                     fmt::join(array.shape, ", "));
}

std::vector<std::string> entryNames(const asgc_program_desc &program) {
  std::vector<std::string> names;
  for (int32_t e = 0; e < program.num_entries; ++e)
    names.push_back(program.entries[e].name);
  return names;
}

std::vector<std::string> inputNames(const asgc_program_desc &program,
                                    const std::string &entry) {
  std::vector<std::string> names;
  for (int32_t e = 0; e < program.num_entries; ++e)
    if (program.entries[e].name == entry)
      for (int32_t i = 0; i < program.entries[e].num_inputs; ++i)
        names.push_back(program.entries[e].inputs[i].name);
  return names;
}

Result<std::unique_ptr<Execution>>
Execution::create(Compilation &compilation, const Settings &settings,
                  bool poison, bool isProbe) {
  auto linked = compilation.link();
  if (!linked)
    return linked.fault();
  std::unique_ptr<Execution> result(new Execution());
  result->code = std::move(*linked);
  result->carried = compilation.carried();
  asgc_options options = {};
  options.threads = settings.threads();
  options.isa = settings.isa();
  options.poison = poison;
  options.device = settings.device();
  options.device_memory = settings.deviceMemory();
  asgc_status status = asgc_program_create(&result->description(), &options,
                                           &result->instance);
  if (MaybeFault fault = faultOf(status, asgc_last_error()))
    return *fault;
  const asgc_vulkan_device *device = asgc_program_device(result->instance);
  if (settings.device() == ASGC_DEVICE_AUTO && !device && !isProbe)
    complain("no Vulkan device can be used ({}); running on the CPU",
             asgc_last_error());
  if (device && std::string_view(device->kind) == "CPU" && !isProbe)
    complain("warning: the Vulkan device {} computes on the processor; --device cpu is faster",
             device->name);
  const TileTable &tiles = settings.tiles();
  if (device && !isProbe && !tiles.device.empty() &&
      (tiles.device != device->name || tiles.driver != device->driver))
    complain("warning: the device table was measured on {} ({}), and this is "
             "{} ({})",
             tiles.device, tiles.driver, device->name, device->driver);
  result->trainable =
      makeRuntimeProgram(&result->description(), result->instance);
  if (MaybeFault fault = result->setVariables(compilation.weights()))
    return *fault;
  return result;
}

/// Gives a variable of f16 or bf16 the nearest to f32 values.
static void setNarrow(const ProgramVariable &variable,
                      const NamedView &values) {
  const size_t count = values.data.size() / sizeof(float);
  for (size_t i = 0; i < count; ++i) {
    float value;
    std::memcpy(&value, values.data.data() + i * sizeof(value), sizeof(value));
    static_cast<uint16_t *>(variable.data)[i] =
        variable.dtype == ASGC_F16 ? roundToF16(value) : roundToBF16(value);
  }
}

MaybeFault Execution::setVariables(const std::vector<NamedView> &values) {
  for (const NamedView &value : values)
    for (const ProgramVariable &variable : trainable->variables()) {
      if (variable.name != value.name) // or nothing uses it
        continue;
      const bool hasShape = variable.shape == value.shape;
      if (hasShape && value.type == ElementType::F32 &&
          (variable.dtype == ASGC_F16 || variable.dtype == ASGC_BF16)) {
        setNarrow(variable, value);
        continue;
      }
      if (!hasShape || elementTypeOf(variable.dtype) != value.type)
        return Fault{FaultKind::Internal,
                     fmt::format("the variable '{}' is not {}", value.name,
                                 describeArray({value.type, value.shape, {}}))};
      std::copy(value.data.begin(), value.data.end(),
                static_cast<std::byte *>(variable.data));
      if (value.owner)
        value.owner->forget(value.data);
    }
  if (!values.empty())
    trainable->touch();
  return std::nullopt;
}

Execution::~Execution() {
  trainable.reset();
  if (instance)
    asgc_program_destroy(instance);
}

const asgc_program_desc &Execution::description() const {
  return code->description();
}

/// Whether a variable belongs in a file of weights.
static bool isWeight(const ProgramVariable &variable) {
  return variable.role == ASGC_ROLE_PARAM || variable.role == ASGC_ROLE_STATE;
}

MaybeFault Execution::loadWeights(const WeightFlags &flags) {
  auto file = openWeights(flags.file, flags.map);
  if (!file)
    return file.fault();
  if (MaybeFault fault = trainable->sync())
    return fault;
  std::vector<WeightTarget> targets;
  for (const ProgramVariable &variable : trainable->variables())
    if (isWeight(variable))
      targets.push_back({variable.name, elementTypeOf(variable.dtype),
                         variable.shape,
                         static_cast<std::byte *>(variable.data)});
  MaybeFault fault =
      asgc::loadWeights(**file, targets, description().name, flags.isPartial);
  trainable->touch();
  return fault;
}

bool Execution::hasParameters() const {
  std::span<const ProgramVariable> variables = trainable->variables();
  return std::any_of(variables.begin(), variables.end(), isWeight);
}

/// `array` with elements of `type`; `what` stands in messages.
static Result<Array> convert(const Array &array, ElementType type,
                             const std::string &what) {
  Array result{type, array.shape, {}};
  size_t count = size_t(array.elements());
  result.data.resize(count * elementBytes(type));
  if (MaybeFault fault =
          convertElements(array.type, array.data.data(), count, type,
                          result.data.data(), what))
    return *fault;
  return result;
}

Result<std::vector<NamedArray>> Execution::run(const std::string &entry,
                                               const ArrayMap &inputs) {
  const EntryPorts *ports = trainable->entry(entry);
  if (!ports)
    return Fault{FaultKind::Input,
                 fmt::format("the program has no entry '{}'", entry)};
  std::vector<Array> arrays;
  std::vector<TensorView> views;
  for (const Port &port : ports->inputs) {
    auto found = inputs.find(port.name);
    if (found == inputs.end())
      return Fault{FaultKind::Input,
                   fmt::format("input '{}' is missing; give --input {}=FILE.npy",
                               port.name, port.name)};
    const std::string what = "input '" + port.name + "'";
    const Array *given = &found->second;
    std::optional<Array> narrow;
    if (auto type = carried.find(port.name); type != carried.end()) {
      auto array = convert(*given, type->second, what);
      if (!array)
        return array.fault();
      given = &narrow.emplace(std::move(*array));
    }
    auto array = convert(*given, elementTypeOf(port.dtype), what);
    if (!array)
      return array.fault();
    arrays.push_back(std::move(*array));
  }
  for (size_t i = 0; i < arrays.size(); ++i)
    views.push_back(
        {arrays[i].data.data(), ports->inputs[i].dtype, arrays[i].shape});

  auto shapes = trainable->outputShapes(entry, views);
  if (!shapes)
    return shapes.fault();
  std::vector<NamedArray> outputs;
  for (size_t i = 0; i < shapes->size(); ++i) {
    const Port &port = ports->outputs[i];
    Array array{elementTypeOf(port.dtype), (*shapes)[i], {}};
    auto bytes = arrayBytes(array.type, array.shape);
    if (!bytes)
      return Fault{FaultKind::Input,
                   fmt::format("output '{}' would be too large", port.name)};
    array.data.resize(size_t(*bytes));
    outputs.push_back({port.name, std::move(array)});
  }
  std::vector<TensorView> outputViews;
  for (size_t i = 0; i < outputs.size(); ++i)
    outputViews.push_back({outputs[i].array.data.data(),
                           ports->outputs[i].dtype, outputs[i].array.shape});
  if (MaybeFault fault = trainable->run(entry, views, outputViews))
    return *fault;
  for (NamedArray &output : outputs)
    if (auto type = carried.find(output.name); type != carried.end()) {
      auto array =
          convert(output.array, type->second, "output '" + output.name + "'");
      if (!array)
        return array.fault();
      output.array = std::move(*array);
    }
  return outputs;
}

/// Reads one file of one array.
static Result<Array> readArray(const std::string &path) {
  std::string extension = fs::path(path).extension().string();
  if (extension == ".npy")
    return readNpy(path);
  if (extension == ".pb")
    return readTensorProto(path);
  return Fault{FaultKind::Unsupported,
               fmt::format("{}: expected .npy, .npz or .pb", path)};
}

Result<ArrayMap> readInputs(const std::vector<std::string> &arguments,
                            const std::vector<std::string> &inputNames,
                            const char *option) {
  ArrayMap inputs;
  auto add = [&](const std::string &name, Array array,
                 const std::string &path) -> MaybeFault {
    if (std::find(inputNames.begin(), inputNames.end(), name) ==
        inputNames.end()) {
      auto near = findNearest(name, inputNames);
      return Fault{FaultKind::Input,
                   fmt::format("{}: there is no '{}'; there is {}{}", path,
                               name, fmt::join(inputNames, ", "),
                               near ? "; did you mean '" + *near + "'?" : "")};
    }
    if (!inputs.emplace(name, std::move(array)).second)
      return Fault{FaultKind::Input,
                   fmt::format("{} gives '{}' twice", option, name)};
    return std::nullopt;
  };
  for (const std::string &argument : arguments) {
    size_t equals = argument.find('=');
    std::string name =
        equals == std::string::npos ? "" : argument.substr(0, equals);
    std::string path =
        equals == std::string::npos ? argument : argument.substr(equals + 1);
    if (fs::path(path).extension() == ".npz") {
      auto arrays = readNpz(path);
      if (!arrays)
        return arrays.fault();
      if (!name.empty() && arrays->size() != 1)
        return Fault{FaultKind::Input,
                     fmt::format("{}: holds {} arrays, but '{}' wants one; "
                                 "leave the name out to give all by name",
                                 path, arrays->size(), name)};
      for (NamedArray &array : *arrays)
        if (MaybeFault fault = add(name.empty() ? array.name : name,
                                   std::move(array.array), path))
          return *fault;
      continue;
    }
    if (name.empty()) {
      if (inputNames.size() != 1)
        return Fault{FaultKind::Input,
                     fmt::format("{} {}: say which of {} it is: NAME={}",
                                 option, path, fmt::join(inputNames, ", "),
                                 path)};
      name = inputNames.front();
    }
    auto array = readArray(path);
    if (!array)
      return array.fault();
    if (MaybeFault fault = add(name, std::move(*array), path))
      return *fault;
  }
  return inputs;
}

MaybeFault writeOutputs(const std::vector<NamedArray> &arrays,
                        const std::string &directory, bool isOrdinal) {
  std::vector<std::string> files;
  for (size_t i = 0; i < arrays.size(); ++i) {
    files.push_back((isOrdinal ? fmt::format("out{}", i) : arrays[i].name) +
                    ".npy");
    // The model chose the name; it must not choose the folder as well.
    if (files.back().find_first_of(std::string_view("/\0", 2)) !=
        std::string::npos)
      return Fault{FaultKind::Input,
                   fmt::format("output '{}' cannot be the name of a file; "
                               "`asgc run --ordinal` numbers them",
                               arrays[i].name)};
  }
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return Fault{FaultKind::Environment,
                 fmt::format("{}: {}", directory, error.message())};
  for (size_t i = 0; i < arrays.size(); ++i)
    if (MaybeFault fault = writeNpy((fs::path(directory) / files[i]).string(),
                                    arrays[i].array))
      return fault;
  return std::nullopt;
}

} // namespace asgc::cli
