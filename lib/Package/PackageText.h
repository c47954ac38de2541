//===- PackageText.h - Facts of a program that several files state --------===//
#ifndef ASGC_LIB_PACKAGE_PACKAGETEXT_H
#define ASGC_LIB_PACKAGE_PACKAGETEXT_H

#include "asgc/Package.h"

#include <optional>
#include <string>

namespace asgc {

/// "f32" and so on, as the language writes it.
std::string dtypeName(int32_t dtype);
/// The C type of one element; f16 and bf16 are `uint16_t` holding the bits.
std::string dtypeC(int32_t dtype);
int64_t dtypeBytes(int32_t dtype);

/// How an extent reads: a number, a symbol, or `dim K` for a derived one.
std::string dimText(const asgc_program_desc &program, asgc_dim dim);

/// `image: f32[batch <= 256, 64]`
std::string tensorText(const asgc_program_desc &program,
                       const asgc_tensor_desc &tensor);

/// Bytes of all variables of roles that `isWanted` accepts.
int64_t variableBytes(const asgc_program_desc &program, bool onlyWeights);

const asgc_entry_desc *findEntry(const asgc_program_desc &program,
                                 const std::string &name);

/// The texts of NAME.pc, NAMEConfig.cmake and NAME.json.
std::string writePkgConfig(const PackageInput &input,
                           const PackageOptions &options);
std::string writeCMakeConfig(const PackageInput &input,
                             const PackageOptions &options);
std::string writeManifest(const PackageInput &input);

} // namespace asgc

#endif
