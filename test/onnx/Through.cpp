//===- Through.cpp - A model after a detour through another form ----------===//
#include "Through.h"

#include "asgc/Frontend.h"
#include "asgc/Raise.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace asgc {

std::optional<HostTensor> toHostTensor(const Array &array) {
  auto type = parseDType(elementName(array.type));
  auto tensor = type ? HostTensor::make(*type, array.shape) : std::nullopt;
  if (tensor)
    std::copy(array.data.begin(), array.data.end(), tensor->bytes().begin());
  return tensor;
}

Evaluable toEvaluable(OnnxModel model) {
  Evaluable result{std::move(model.module), {}};
  for (const NamedArray &weight : model.weights)
    result.weights.emplace(weight.name, *toHostTensor(weight.array));
  return result;
}

/// A matrix with its axes swapped.
static HostTensor transposed(const HostTensor &matrix) {
  int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  auto result = *HostTensor::make(matrix.dtype(), {columns, rows});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result.set(j * rows + i, matrix.get(i * columns + j));
  return result;
}

Evaluable throughText(Evaluable &model, std::string *unsupported,
                      std::string *broken) {
  auto graph = *model.module->getOps<asg::GraphOp>().begin();
  std::string whyNot;
  auto raised = raiseModel(graph, "m", &whyNot);
  if (!raised) {
    *unsupported = "cannot be written: " + whyNot;
    return {};
  }
  if (std::getenv("ASGC_SHOW_TEXT"))
    std::fputs(raised->text.c_str(), stderr);
  SourceManager sources;
  DiagnosticEngine diagnostics(sources);
  Library library =
      Library::load(sources.add("m.asg", raised->text), diagnostics);
  Evaluable result;
  if (!diagnostics.hasErrors())
    result.module =
        elaborate(library, *graph->getContext(),
                  {.model = "m", .settings = {}, .dims = {}, .inferOnly = true},
                  diagnostics);
  if (diagnostics.hasErrors() || !result.module) {
    *broken = "the text does not elaborate: " +
              renderShort(diagnostics.getDiagnostics().front(), sources);
    return {};
  }
  for (const RaisedWeight &weight : raised->weights) {
    HostTensor value =
        weight.source.empty() ? weight.value : model.weights.at(weight.source);
    result.weights.emplace(weight.name,
                           weight.isTransposed ? transposed(value) : value);
  }
  return result;
}

} // namespace asgc
