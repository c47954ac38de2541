//===- NestingGuard.h - Refuses IR text that nests too deep ---------------===//
#ifndef ASGC_NESTINGGUARD_H
#define ASGC_NESTINGGUARD_H

#include <optional>
#include <string>
#include <string_view>

namespace asgc {

/// The deepest nesting that a reader of IR text accepts.
constexpr unsigned maxNesting = 512;

struct NestingError {
  unsigned line = 0; // from 1
  unsigned column = 0;
  std::string message;
};

/// Scans MLIR text for nesting over `maxNesting`: brackets, attributes built by
/// one alias from another, and chains of operators in affine expressions. MLIR's
/// parser recurses over each of them and would overflow the stack. Null if the
/// text is safe to parse (well-formed or not).
std::optional<NestingError> checkNesting(std::string_view text);

} // namespace asgc

#endif
