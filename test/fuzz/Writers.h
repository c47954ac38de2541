//===- Writers.h - What the writers of graphs promise ---------------------===//
#ifndef ASGC_TEST_FUZZ_WRITERS_H
#define ASGC_TEST_FUZZ_WRITERS_H

#include "mlir/IR/BuiltinOps.h"

namespace asgc::test {

/// Whatever graph of `module` (verified) becomes ONNX or a model text is read
/// back as valid asg of the same types, which computes the same (compared where
/// there are no variables); whatever does not become it has a reason. Ends the
/// process otherwise.
void checkWriters(mlir::ModuleOp module);

} // namespace asgc::test

#endif
