//===- AsgBytecode.cpp - The version of asg in bytecode -------------------===//
#include "dialects/asg/AsgBytecode.h"
#include "dialects/asg/Asg.h"

using namespace mlir;
using namespace asgc::asg;

void AsgBytecodeInterface::writeVersion(DialectBytecodeWriter &writer) const {
  // A writer can be asked for another version than ours.
  auto wanted = writer.getDialectVersion<AsgDialect>();
  writer.writeVarInt(succeeded(wanted)
                         ? static_cast<const AsgVersion *>(*wanted)->number
                         : kCurrentVersion);
}

std::unique_ptr<DialectVersion>
AsgBytecodeInterface::readVersion(DialectBytecodeReader &reader) const {
  uint64_t number = 0;
  if (failed(reader.readVarInt(number)))
    return nullptr;
  if (number == 0 || number > kCurrentVersion) {
    reader.emitError() << "the file holds asg IR of version " << number
                       << ", this asgc reads 1 to " << kCurrentVersion
                       << (number ? "; a newer asgc wrote it" : "");
    return nullptr;
  }
  return std::make_unique<AsgVersion>(number);
}

LogicalResult
AsgBytecodeInterface::upgradeFromVersion(Operation *,
                                         const DialectVersion &) const {
  return success(); // there is no older version yet
}
