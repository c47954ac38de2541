//===- Example.cpp - The shortest program around a compiled model ---------===//
#include "PackageText.h"

#include <fmt/format.h>

namespace asgc {

std::string writeExample(const asgc_program_desc &program, bool hasWeights) {
  std::string prefix = toIdentifier(program.name);
  const asgc_entry_desc *entry = findEntry(program, "infer");
  if (!entry && program.num_entries)
    entry = &program.entries[0];
  // One item of every run-time dim, all zero.
  std::string buffers, arguments;
  std::vector<std::string> symbolArguments;
  std::vector<bool> isBound(program.num_symbols, false);
  auto addBuffer = [&](const asgc_tensor_desc &tensor, bool isInput) {
    std::string size;
    for (int32_t axis = 0; axis < tensor.rank; ++axis) {
      asgc_dim dim = tensor.dims[axis];
      size += size.empty() ? "" : " * ";
      // A derived extent is at most its value at the bounds; take the bound.
      size += dim >= 0 ? std::to_string(dim) : "1";
      if (isInput && dim < 0 && -1 - dim < program.num_symbols)
        isBound[-1 - dim] = true;
    }
    std::string name = toIdentifier(tensor.name);
    buffers += fmt::format("  static {} {}[{}];\n", dtypeC(tensor.dtype), name,
                           size.empty() ? "1" : size);
    arguments += ", " + name;
  };
  std::string call;
  if (entry) {
    for (int32_t i = 0; i < entry->num_inputs; ++i)
      addBuffer(entry->inputs[i], true);
    for (int32_t i = 0; i < entry->num_outputs; ++i)
      addBuffer(entry->outputs[i], false);
    std::string ones;
    for (bool bound : isBound)
      ones += bound ? ", 1" : "";
    call = fmt::format(" || {}_{}(p{}{})", prefix, toIdentifier(entry->name),
                       ones, arguments);
  }
  return fmt::format(
      "#include \"{0}.h\"\n#include <stdio.h>\n\nint main(void) {{\n"
      "  asgc_program *p = 0;\n{1}"
      "  if ({0}_create(0, &p){2}{3})\n"
      "    return fprintf(stderr, \"%s\\n\", {0}_error(p)), 1;\n"
      "  {0}_destroy(p);\n}}\n",
      prefix, buffers,
      hasWeights ? fmt::format(" || {0}_load(p, \"{0}.safetensors\")", prefix)
                 : "",
      call);
}

} // namespace asgc
