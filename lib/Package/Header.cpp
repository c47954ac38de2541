//===- Header.cpp - The C header of a compiled model ----------------------===//
#include "PackageText.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace asgc {

namespace {

std::string upper(std::string text) {
  for (char &c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Run-time dims that the inputs of an entry are indexed by, in order.
std::vector<int64_t> symbolsOf(const asgc_program_desc &program,
                               const asgc_entry_desc &entry) {
  std::set<int64_t> found;
  for (int32_t i = 0; i < entry.num_inputs; ++i)
    for (int32_t axis = 0; axis < entry.inputs[i].rank; ++axis) {
      int64_t index = -1 - entry.inputs[i].dims[axis];
      if (index >= 0 && index < program.num_symbols)
        found.insert(index);
    }
  return {found.begin(), found.end()};
}

/// Names that stay distinct after becoming identifiers.
class Names {
public:
  std::string add(const std::string &name) {
    std::string identifier = toIdentifier(name);
    while (!taken.insert(identifier).second)
      identifier += "_";
    return identifier;
  }

private:
  std::set<std::string> taken;
};

/// The declarations that fillTensor fills; C89 order, so that old compilers and
/// C++ agree.
std::string declareTensor(const asgc_tensor_desc &tensor,
                          const std::string &name) {
  std::string text;
  if (tensor.rank)
    text += fmt::format("  int64_t {}_shape_[{}];\n", name, tensor.rank);
  return text + fmt::format("  DLTensor {}_tensor_;\n", name);
}

/// The statements that describe the memory at `name` as a DLTensor.
std::string fillTensor(const asgc_program_desc &program,
                       const asgc_tensor_desc &tensor,
                       const std::string &name) {
  static const char *const codes[] = {"kDLFloat", "kDLFloat", "kDLBfloat",
                                      "kDLInt",   "kDLInt",   "kDLInt",
                                      "kDLUInt",  "kDLFloat"};
  std::string text;
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    asgc_dim dim = tensor.dims[axis];
    std::string extent;
    if (dim >= 0)
      extent = std::to_string(dim);
    else if (-1 - dim < program.num_symbols)
      extent = toIdentifier(program.symbols[-1 - dim]);
    else
      extent = fmt::format("dims_[{}]", -1 - dim);
    text += fmt::format("  {}_shape_[{}] = {};\n", name, axis, extent);
  }
  text += fmt::format(
      "  {0}_tensor_.data = (void *){0};\n"
      "  {0}_tensor_.device.device_type = kDLCPU;\n"
      "  {0}_tensor_.device.device_id = 0;\n"
      "  {0}_tensor_.ndim = {1};\n"
      "  {0}_tensor_.dtype.code = {2};\n"
      "  {0}_tensor_.dtype.bits = {3};\n"
      "  {0}_tensor_.dtype.lanes = 1;\n"
      "  {0}_tensor_.shape = {4};\n"
      "  {0}_tensor_.strides = 0;\n"
      "  {0}_tensor_.byte_offset = 0;\n",
      name, tensor.rank, codes[tensor.dtype], dtypeBytes(tensor.dtype) * 8,
      tensor.rank ? name + "_shape_" : "0");
  return text;
}

std::string entryFunction(const asgc_program_desc &program,
                          const asgc_entry_desc &entry,
                          const std::string &prefix) {
  Names names;
  std::string parameters = "asgc_program *program";
  std::vector<int64_t> symbols = symbolsOf(program, entry);
  for (int64_t symbol : symbols)
    parameters += ", int64_t " + names.add(program.symbols[symbol]);

  std::string declarations, statements, inputList, outputList, doc;
  bool usesDims = false;
  auto addTensor = [&](const asgc_tensor_desc &tensor, bool isInput) {
    std::string name = names.add(tensor.name);
    parameters += fmt::format(", {}{} *{}", isInput ? "const " : "",
                              dtypeC(tensor.dtype), name);
    for (int32_t axis = 0; axis < tensor.rank; ++axis)
      usesDims |= -1 - tensor.dims[axis] >= program.num_symbols;
    declarations += declareTensor(tensor, name);
    statements += fillTensor(program, tensor, name);
    std::string &list = isInput ? inputList : outputList;
    list += (list.empty() ? "&" : ", &") + name + "_tensor_";
    doc += fmt::format(" *   {} {}\n", isInput ? "in " : "out",
                       tensorText(program, tensor));
  };
  for (int32_t i = 0; i < entry.num_inputs; ++i)
    addTensor(entry.inputs[i], true);
  for (int32_t i = 0; i < entry.num_outputs; ++i)
    addTensor(entry.outputs[i], false);

  std::string text = fmt::format(
      "/** Runs `{}`{}.\n{} */\n"
      "static inline asgc_status {}_{}({}) {{\n",
      entry.name,
      entry.assigns_variables ? ", which changes the variables" : "", doc,
      prefix, toIdentifier(entry.name), parameters);
  text += declarations;
  if (entry.num_inputs)
    text += fmt::format("  const DLTensor *inputs_[{}];\n", entry.num_inputs);
  if (entry.num_outputs)
    text += fmt::format("  DLTensor *outputs_[{}];\n", entry.num_outputs);
  if (usesDims) {
    text += fmt::format("  int64_t dims_[{}];\n", program.num_dims);
    for (int32_t s = 0; s < program.num_symbols; ++s) {
      bool isBound =
          std::find(symbols.begin(), symbols.end(), s) != symbols.end();
      text += fmt::format("  dims_[{}] = {};\n", s,
                          isBound ? toIdentifier(program.symbols[s]) : "0");
    }
    text += fmt::format("  {}_program.eval_dims(dims_);\n", prefix);
  }
  text += statements;
  auto fillList = [&](const std::string &list, const char *array) {
    size_t index = 0, start = 0;
    while (start < list.size()) {
      size_t end = std::min(list.find(", ", start), list.size());
      text += fmt::format("  {}[{}] = {};\n", array, index++,
                          list.substr(start, end - start));
      start = end + 2;
    }
  };
  fillList(inputList, "inputs_");
  fillList(outputList, "outputs_");
  text += fmt::format("  return asgc_program_run(program, \"{}\", {}, {}, {}, "
                      "{});\n}}\n\n",
                      entry.name, entry.num_inputs ? "inputs_" : "0",
                      entry.num_inputs, entry.num_outputs ? "outputs_" : "0",
                      entry.num_outputs);
  return text;
}

std::string constants(const asgc_program_desc &program,
                      const std::string &prefix) {
  std::string text, big = upper(prefix);
  int64_t workspace = 0;
  for (int32_t e = 0; e < program.num_entries; ++e)
    workspace = std::max(workspace, program.entries[e].arena_bytes);
  text += fmt::format("/** Bytes of working memory a program needs. */\n"
                      "#define {}_WORKSPACE_BYTES INT64_C({})\n"
                      "/** Bytes of parameters and model state. */\n"
                      "#define {}_WEIGHTS_BYTES INT64_C({})\n",
                      big, workspace, big, variableBytes(program, true));
  for (int32_t s = 0; s < program.num_symbols; ++s)
    text += fmt::format("/** Largest value of the run-time dim `{0}`. */\n"
                        "#define {1}_MAX_{2} {3}\n",
                        program.symbols[s], big,
                        upper(toIdentifier(program.symbols[s])),
                        program.symbol_bounds[s]);
  auto addExtents = [&](const asgc_entry_desc &entry,
                        const asgc_tensor_desc &tensor) {
    for (int32_t axis = 0; axis < tensor.rank; ++axis)
      if (tensor.dims[axis] >= 0)
        text += fmt::format("#define {}_{}_{}_DIM{} {}\n", big,
                            upper(toIdentifier(entry.name)),
                            upper(toIdentifier(tensor.name)), axis,
                            tensor.dims[axis]);
  };
  for (int32_t e = 0; e < program.num_entries; ++e) {
    const asgc_entry_desc &entry = program.entries[e];
    for (int32_t i = 0; i < entry.num_inputs; ++i)
      addExtents(entry, entry.inputs[i]);
    for (int32_t i = 0; i < entry.num_outputs; ++i)
      addExtents(entry, entry.outputs[i]);
  }
  return text;
}

} // namespace

std::string writeHeader(const asgc_program_desc &program,
                        const std::string &source) {
  std::string prefix = toIdentifier(program.name);
  std::string guard = upper(prefix) + "_H";
  std::string text = fmt::format(
      "/* {0}.h - The model `{1}`, compiled from {2}. Generated; do not edit.\n"
      " *\n"
      " * A program holds the variables and the working memory; use it from one\n"
      " * thread at a time. Every function returns 0 or a status, and then\n"
      " * {0}_error() has a sentence. Tensors are row-major. */\n"
      "#ifndef {3}\n#define {3}\n\n"
      "#include <asgc/runtime.h>\n\n"
      "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
      "extern const asgc_program_desc {0}_program;\n\n",
      prefix, program.name, source, guard);
  text += constants(program, prefix);
  text += fmt::format(
      "\n/** Makes a program; `options` may be null. */\n"
      "static inline asgc_status {0}_create(const asgc_options *options,\n"
      "                                     asgc_program **out_program) {{\n"
      "  return asgc_program_create(&{0}_program, options, out_program);\n}}\n"
      "static inline void {0}_destroy(asgc_program *program) {{\n"
      "  asgc_program_destroy(program);\n}}\n"
      "/** What went wrong last; `program` may be null after a failed create. */\n"
      "static inline const char *{0}_error(const asgc_program *program) {{\n"
      "  return program ? asgc_program_error(program) : asgc_last_error();\n}}\n"
      "/** Reads parameters and state from a safetensors file. */\n"
      "static inline asgc_status {0}_load(asgc_program *program, const char *path) "
      "{{\n  return asgc_program_load(program, path);\n}}\n"
      "/** Writes parameters and state as a safetensors file, atomically. */\n"
      "static inline asgc_status {0}_save(asgc_program *program, const char *path) "
      "{{\n  return asgc_program_save(program, path);\n}}\n",
      prefix);
  if (findEntry(program, "init"))
    text += fmt::format(
        "/** Draws fresh parameters from `seed`. */\n"
        "static inline asgc_status {0}_init(asgc_program *program, int64_t seed) "
        "{{\n  return asgc_program_init(program, seed);\n}}\n",
        prefix);
  text += "\n";
  for (int32_t e = 0; e < program.num_entries; ++e)
    if (std::string(program.entries[e].name) != "init")
      text += entryFunction(program, program.entries[e], prefix);
  text += fmt::format("#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {} */\n",
                      guard);
  return text;
}

} // namespace asgc
