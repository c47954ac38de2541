//===- Manifest.cpp - NAME.json: what is in the package -------------------===//
#include "PackageText.h"

#include "asgc/runtime.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace asgc {

static json::Object describeTensor(const asgc_program_desc &program,
                                   const asgc_tensor_desc &tensor) {
  json::Array shape;
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    if (tensor.dims[axis] >= 0)
      shape.push_back(tensor.dims[axis]);
    else
      shape.push_back(dimText(program, tensor.dims[axis]));
  }
  return json::Object{{"name", tensor.name},
                      {"dtype", dtypeName(tensor.dtype)},
                      {"shape", std::move(shape)}};
}

std::string writeManifest(const PackageInput &input) {
  const asgc_program_desc &program = *input.program;
  static const char *const roles[] = {"param", "state", "optimizer", "step",
                                      "seed"};
  json::Array entries, variables, dims;
  for (int32_t e = 0; e < program.num_entries; ++e) {
    const asgc_entry_desc &entry = program.entries[e];
    json::Array inputs, outputs;
    for (int32_t i = 0; i < entry.num_inputs; ++i)
      inputs.push_back(describeTensor(program, entry.inputs[i]));
    for (int32_t i = 0; i < entry.num_outputs; ++i)
      outputs.push_back(describeTensor(program, entry.outputs[i]));
    entries.push_back(json::Object{{"name", entry.name},
                                   {"inputs", std::move(inputs)},
                                   {"outputs", std::move(outputs)},
                                   {"workspace_bytes", entry.arena_bytes},
                                   {"assigns", entry.assigns_variables != 0}});
  }
  for (int32_t v = 0; v < program.num_variables; ++v) {
    json::Object variable =
        describeTensor(program, program.variables[v].tensor);
    variable["role"] = roles[program.variables[v].role];
    variables.push_back(std::move(variable));
  }
  for (int32_t s = 0; s < program.num_symbols; ++s)
    dims.push_back(json::Object{{"name", program.symbols[s]},
                                {"bound", program.symbol_bounds[s]}});
  Expected<json::Value> facts = json::parse(input.compilerFacts);
  if (!facts)
    consumeError(facts.takeError());
  json::Value manifest = json::Object{
      {"format", "asgc-manifest/1"},
      {"name", program.name},
      {"source", input.source},
      {"asgc", asgc_version()},
      {"abi", program.abi_version},
      {"weights_bytes", variableBytes(program, true)},
      {"dims", std::move(dims)},
      {"entries", std::move(entries)},
      {"variables", std::move(variables)},
      {"compiler", facts ? std::move(*facts) : json::Value(json::Object{})}};
  std::string text;
  raw_string_ostream stream(text);
  stream << formatv("{0:2}", manifest) << "\n";
  return text;
}

} // namespace asgc
