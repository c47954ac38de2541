//===- BytecodeGuard.h - Refuses bytecode that MLIR's reader trusts -------===//
#ifndef ASGC_BYTECODEGUARD_H
#define ASGC_BYTECODEGUARD_H

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace asgc {

struct BytecodeError {
  size_t offset = 0; // of the wrong number, in bytes from the start of the file
  std::string message;
};

/// Walks a file of MLIR bytecode, from the first four bytes to the last
/// operation, before MLIR reads it. MLIR's reader reserves memory by the counts
/// in the file, follows attributes that hold themselves, and writes to places
/// that the file names. Refused are therefore sections longer than the file,
/// counts of anything that could not stand in the bytes that are left (each
/// takes at least one), attributes, types and regions that nest over
/// `maxNesting`, use orders that name uses that are not there, and attributes
/// and types of kinds that no file of asg has. What passes makes the reader
/// take memory in proportion to the file. `bytes` must be the very memory that
/// MLIR then reads: alignment is that of addresses. Null if the file is safe to
/// read (valid or not).
std::optional<BytecodeError> checkBytecode(std::string_view bytes);

} // namespace asgc

#endif
