//===- AsgBytecode.h - The version of asg in bytecode ---------------------===//
#ifndef ASGC_DIALECTS_ASG_ASGBYTECODE_H
#define ASGC_DIALECTS_ASG_ASGBYTECODE_H

#include "mlir/Bytecode/BytecodeImplementation.h"

namespace asgc::asg {

/// Tells which ops a file of bytecode may hold.
struct AsgVersion : mlir::DialectVersion {
  explicit AsgVersion(uint64_t number) : number(number) {}
  uint64_t number;
};

/// Raised whenever older files would read wrongly or not at all; the way from
/// the version before is then added to `upgradeFromVersion`. Version 1 is what
/// the first release wrote.
inline constexpr uint64_t kCurrentVersion = 1;

/// Writes the version, refuses newer ones, and brings older files up to date.
/// Attributes keep their textual form.
class AsgBytecodeInterface final : public mlir::BytecodeDialectInterface {
public:
  explicit AsgBytecodeInterface(mlir::Dialect *dialect)
      : BytecodeDialectInterface(dialect) {}

  void writeVersion(mlir::DialectBytecodeWriter &writer) const final;
  std::unique_ptr<mlir::DialectVersion>
  readVersion(mlir::DialectBytecodeReader &reader) const final;
  mlir::LogicalResult
  upgradeFromVersion(mlir::Operation *top,
                     const mlir::DialectVersion &version) const final;
};

} // namespace asgc::asg

#endif
