//===- Signature.h - How a block is called, for messages and docs ---------===//
#ifndef ASGC_FRONTEND_SIGNATURE_H
#define ASGC_FRONTEND_SIGNATURE_H

#include "asgc/Syntax.h"

#include <optional>

namespace asgc {

/// linear(x: f32[..., in], out: int, bias: bool = true) -> f32[..., out]
std::string formatSignature(const ast::Item &item);

/// The type that was perhaps meant by `name`: "float32" is f32.
std::optional<std::string> suggestType(const std::string &name);

} // namespace asgc

#endif
