# Writes OUTPUT, a C++ table of the texts listed in INPUTS (separated by commas):
# the standard library travels inside the compiler.
string(REPLACE "," ";" INPUTS "${INPUTS}")
set(entries "")
foreach(input IN LISTS INPUTS)
  get_filename_component(name ${input} NAME)
  file(READ ${input} text)
  string(APPEND entries "    {\"nn/${name}\", R\"asgtext(${text})asgtext\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made from dialects/nn by EmbedTexts.cmake.
#include \"StandardTexts.h\"

namespace asgc {
const std::vector<StandardText> &getStandardTexts() {
  static const std::vector<StandardText> texts = {
${entries}  };
  return texts;
}
} // namespace asgc
")
