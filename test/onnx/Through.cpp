//===- Through.cpp - A model after a detour through another form ----------===//
#include "Through.h"

#include "asgc/Frontend.h"
#include "asgc/Raise.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace asgc {

Evaluable toEvaluable(OnnxModel model) {
  Evaluable result{std::move(model.module), {}};
  for (const NamedView &weight : model.weights)
    result.weights.emplace(weight.name, *toHostTensor(weight));
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

Array toArray(const HostTensor &tensor) {
  static constexpr ElementType types[] = {
      ElementType::F32, ElementType::F16, ElementType::BF16, ElementType::F64,
      ElementType::I8,  ElementType::I32, ElementType::I64,  ElementType::Bool};
  auto shape = tensor.shape();
  auto bytes = tensor.bytes();
  return {types[size_t(tensor.dtype())],
          {shape.begin(), shape.end()},
          {bytes.begin(), bytes.end()}};
}

Evaluable throughOnnx(Evaluable &model, std::string *unsupported,
                      std::string *broken) {
  std::vector<NamedView> weights;
  for (const auto &[name, value] : model.weights)
    weights.push_back(viewOf({name, toArray(value)}));
  auto files = exportOnnx(*model.module, "infer", weights);
  if (!files) {
    *unsupported = "cannot be exported: " + files.fault().message;
    return {};
  }
  if (const char *folder = std::getenv("ASGC_KEEP_ONNX")) {
    std::string path = std::string(folder) + "/exported.onnx";
    if (std::FILE *file = std::fopen(path.c_str(), "wb")) {
      std::fwrite(files->model.data(), 1, files->model.size(), file);
      std::fclose(file);
    }
  }
  auto again = parseOnnx(std::as_bytes(std::span(files->model)),
                         "exported.onnx", *model.module->getContext());
  if (!again) {
    *broken = "the export cannot be imported: " + again.fault().message;
    return {};
  }
  return toEvaluable(std::move(*again));
}

} // namespace asgc
