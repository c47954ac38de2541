//===- BuildFiles.cpp - How build systems find a compiled model -----------===//
#include "PackageText.h"

#include "asgc/runtime.h"

#include <fmt/format.h>

namespace asgc {

std::string writePkgConfig(const PackageInput &input,
                           const PackageOptions &options) {
  std::string name = toIdentifier(input.program->name);
  std::string flags;
  for (const std::string &flag : options.runtimeLinkFlags)
    flags += " " + flag;
  return fmt::format("prefix=${{pcfiledir}}\n"
                     "Name: {0}\n"
                     "Description: The model {0}, compiled from {1}\n"
                     "Version: {2}\n"
                     "Cflags: -I${{prefix}} -I{3}\n"
                     "Libs: -L${{prefix}} -l{0} -L{4} -lasgc_rt{5}\n",
                     name, input.source, asgc_version(),
                     options.runtimeIncludeDir.string(),
                     options.runtimeLibraryDir.string(), flags);
}

std::string writeCMakeConfig(const PackageInput &input,
                             const PackageOptions &options) {
  std::string name = toIdentifier(input.program->name);
  std::string libraries =
      (options.runtimeLibraryDir / "libasgc_rt.a").string();
  for (const std::string &flag : options.runtimeLinkFlags)
    libraries += ";" + flag;
  return fmt::format(
      "# Gives the target {0}::{0}: the model compiled from {1}.\n"
      "if(NOT TARGET {0}::{0})\n"
      "  add_library({0}::{0} STATIC IMPORTED)\n"
      "  set_target_properties({0}::{0} PROPERTIES\n"
      "    IMPORTED_LOCATION \"${{CMAKE_CURRENT_LIST_DIR}}/lib{0}.a\"\n"
      "    INTERFACE_INCLUDE_DIRECTORIES \"${{CMAKE_CURRENT_LIST_DIR}};{2}\"\n"
      "    INTERFACE_LINK_LIBRARIES \"{3}\")\n"
      "endif()\n",
      name, input.source, options.runtimeIncludeDir.string(), libraries);
}

} // namespace asgc
