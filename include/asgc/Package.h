//===- Package.h - What an application links ------------------------------===//
#ifndef ASGC_PACKAGE_H
#define ASGC_PACKAGE_H

#include "asgc/program.h"

#include <filesystem>
#include <string>
#include <vector>

namespace asgc {

/// A compiled model, ready to be written as files.
struct PackageInput {
  /// The program's description, alive in this process (see Codegen.h).
  const asgc_program_desc *program = nullptr;
  /// Relocatable objects that together define `<name>_program`.
  std::vector<std::string> objects;
  /// Path of the model text, for comments and the manifest.
  std::string source;
  /// A safetensors file to ship beside the library; empty: none.
  std::string weights;
  /// JSON object of facts for the manifest's "compiler" field (target, passes).
  std::string compilerFacts = "{}";
};

struct PackageOptions {
  std::filesystem::path directory;
  /// Also link lib<name>.so, with the C compiler `linker`.
  bool wantsSharedLibrary = false;
  std::string linker = "cc";
  /// Where the runtime's headers and library are: written into the build files.
  std::filesystem::path runtimeIncludeDir;
  std::filesystem::path runtimeLibraryDir;
  /// What else the runtime needs at link time, such as "-lstdc++".
  std::vector<std::string> runtimeLinkFlags;
};

struct PackageResult {
  std::vector<std::filesystem::path> files; // in the order written
  std::string error;                        // empty on success
  bool isEnvironmentError = false;          // the disk or a tool, not the input
};

/// Writes NAME.h, libNAME.a, NAME.pc, NAMEConfig.cmake, NAME.json, example.c
/// and, if there are weights, NAME.safetensors (and libNAME.so on request) into
/// the directory, making it if need be. All files are complete under temporary
/// names before the first is renamed, so that a failure leaves what was there.
PackageResult writePackage(const PackageInput &input,
                           const PackageOptions &options);

/// The text of NAME.h: constants and typed functions, C99 and C++.
std::string writeHeader(const asgc_program_desc &program,
                        const std::string &source);

/// A C program of at most ten lines that uses the header.
std::string writeExample(const asgc_program_desc &program, bool hasWeights);

/// `text` as a C identifier: other characters become `_`, and a leading digit
/// or a keyword of C or C++ gets one in front or behind.
std::string toIdentifier(const std::string &text);

} // namespace asgc

#endif
