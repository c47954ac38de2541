//===- EntryRunner.cpp - Feeds batches to an entry point ------------------===//
#include "EntryRunner.h"

#include <algorithm>
#include <fmt/format.h>

namespace asgc {

namespace {
constexpr const char *kTotalSteps = "total_steps";

std::string shapeOf(const Port &port) {
  std::vector<std::string> extents;
  for (const PortExtent &extent : port.shape)
    extents.push_back(extent.value >= 0 ? std::to_string(extent.value)
                      : extent.bound == INT64_MAX
                          ? "?"
                          : fmt::format("<= {}", extent.bound));
  return fmt::format("{}[{}]", elementName(elementTypeOf(port.dtype)),
                     fmt::join(extents, ", "));
}

/// The column that goes with the name of an input, or "".
std::string columnByName(const std::string &input, const Dataset &data) {
  if (input == kTotalSteps || data.find(input))
    return input;
  if (input == "target" && data.find("label"))
    return "label";
  return "";
}

/// Which column each input takes; "" for those that no rule covers.
std::vector<std::string> chooseColumns(const EntryPorts &ports,
                                       const Recipe &recipe,
                                       const Dataset &data) {
  std::vector<std::string> chosen;
  for (const Port &port : ports.inputs) {
    auto bound = std::find_if(
        recipe.inputs.begin(), recipe.inputs.end(),
        [&](const InputBinding &b) { return b.input == port.name; });
    chosen.push_back(bound != recipe.inputs.end()
                         ? bound->column
                         : columnByName(port.name, data));
  }
  std::string first = data.find("features") ? "features" : "tokens";
  if (std::find(chosen.begin(), chosen.end(), first) == chosen.end())
    if (auto open = std::find(chosen.begin(), chosen.end(), "");
        open != chosen.end())
      *open = first;
  return chosen;
}

bool isScalar(const Port &port) {
  return std::all_of(port.shape.begin(), port.shape.end(),
                     [](PortExtent extent) { return extent.value == 1; });
}
} // namespace

ElementType elementTypeOf(asgc_dtype dtype) {
  switch (dtype) {
  case ASGC_F32:
    return ElementType::F32;
  case ASGC_F16:
    return ElementType::F16;
  case ASGC_BF16:
    return ElementType::BF16;
  case ASGC_I8:
    return ElementType::I8;
  case ASGC_I32:
    return ElementType::I32;
  case ASGC_I64:
    return ElementType::I64;
  case ASGC_BOOL:
    return ElementType::Bool;
  case ASGC_F64:
    return ElementType::F64;
  }
  return ElementType::F32;
}

MaybeFault EntryRunner::bind(const Port &port, const std::string &column,
                             const Recipe &recipe, const Dataset &data) {
  auto refuse = [&](const std::string &expected, const std::string &found) {
    return Fault{FaultKind::Input,
                 fmt::format("input '{}' of {}: expected {}, found {}",
                             port.name, entry, expected, found)};
  };
  if (column == kTotalSteps) {
    if (!port.shape.empty() || port.dtype != ASGC_I64)
      return refuse("i64[] for total_steps", shapeOf(port));
    inputs.push_back({-1, port.dtype, {}});
    return std::nullopt;
  }
  const Column *found = data.find(column);
  if (!found) {
    std::vector<std::string> names;
    for (const Column &known : data.columns)
      names.push_back(known.name);
    return refuse(column.empty() ? "a column of the data"
                                 : fmt::format("the column '{}'", column),
                  fmt::format("{} in {}", fmt::join(names, ", "), data.source));
  }
  std::vector<int64_t> item = found->batchItemShape();
  bool fits = port.shape.size() == item.size() + 1;
  for (size_t i = 0; fits && i < item.size(); ++i) {
    const PortExtent &extent = port.shape[i + 1];
    fits =
        extent.value >= 0 ? extent.value == item[i] : item[i] <= extent.bound;
  }
  if (!fits)
    return refuse(shapeOf(port),
                  fmt::format("items of shape [{}] in column '{}' of {}",
                              fmt::join(item, ", "), column, data.source));
  const PortExtent &batch = port.shape[0];
  if (batch.value >= 0 ? batch.value != recipe.batch
                       : batch.bound < recipe.batch)
    return refuse(shapeOf(port),
                  fmt::format("a recipe with batch = {}", recipe.batch));
  fixedBatch = fixedBatch || batch.value >= 0;
  inputs.push_back({int(wanted.size()), port.dtype, std::move(item)});
  wanted.push_back({column, elementTypeOf(port.dtype)});
  return std::nullopt;
}

Result<EntryRunner> EntryRunner::create(TrainableProgram &program,
                                        std::string entry, const Recipe &recipe,
                                        const Dataset &data,
                                        int64_t totalSteps) {
  const EntryPorts *ports = program.entry(entry);
  if (!ports)
    return Fault{
        FaultKind::Input,
        fmt::format("expected a program with the entry {}, found none", entry)};
  EntryRunner runner(program, std::move(entry));
  runner.totalSteps = totalSteps;
  std::vector<std::string> columns = chooseColumns(*ports, recipe, data);
  for (size_t i = 0; i < columns.size(); ++i)
    if (MaybeFault fault =
            runner.bind(ports->inputs[i], columns[i], recipe, data))
      return *fault;
  for (size_t i = 0; i < ports->outputs.size(); ++i)
    if (isScalar(ports->outputs[i])) {
      runner.scalarNames.push_back(ports->outputs[i].name);
      runner.scalarOutputs.push_back(i);
    }
  return runner;
}

/// Shapes and buffers change only with the number of items.
MaybeFault EntryRunner::prepareOutputs(int64_t items) {
  if (items == preparedItems)
    return std::nullopt;
  inputViews.clear();
  for (const Input &input : inputs) {
    TensorView &view = inputViews.emplace_back();
    view.dtype = input.dtype;
    if (input.column < 0)
      continue;
    view.shape = {items};
    view.shape.insert(view.shape.end(), input.itemShape.begin(),
                      input.itemShape.end());
  }
  Result<std::vector<std::vector<int64_t>>> shapes =
      program->outputShapes(entry, inputViews);
  if (!shapes)
    return shapes.fault();
  const std::vector<Port> &ports = program->entry(entry)->outputs;
  outputBytes.resize(ports.size());
  outputViews.resize(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    std::optional<int64_t> bytes =
        arrayBytes(elementTypeOf(ports[i].dtype), (*shapes)[i]);
    if (!bytes)
      return Fault{FaultKind::Internal,
                   fmt::format("the size of output '{}' of {} overflows",
                               ports[i].name, entry)};
    // An address even for outputs without elements.
    outputBytes[i].resize(size_t(std::max<int64_t>(*bytes, 8)));
    outputViews[i] = {outputBytes[i].data(), ports[i].dtype,
                      std::move((*shapes)[i])};
  }
  preparedItems = items;
  return std::nullopt;
}

Result<std::span<const double>> EntryRunner::run(const Batch &batch) {
  if (MaybeFault fault = prepareOutputs(batch.items))
    return *fault;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const void *data = inputs[i].column < 0
                           ? static_cast<const void *>(&totalSteps)
                           : batch.columns[size_t(inputs[i].column)].data();
    inputViews[i].data = const_cast<void *>(data); // inputs are only read
  }
  if (MaybeFault fault = program->run(entry, inputViews, outputViews))
    return *fault;
  values.resize(scalarOutputs.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const TensorView &output = outputViews[scalarOutputs[i]];
    loadElements(elementTypeOf(output.dtype),
                 static_cast<const std::byte *>(output.data), 0,
                 std::span(values).subspan(i, 1));
  }
  return std::span<const double>(values);
}

} // namespace asgc
