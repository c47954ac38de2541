//===- OnnxFuzz.cpp - ONNX models from hostile hands ----------------------===//
#include "Writers.h"
#include "asgc/Interop.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <cstdlib>

using namespace asgc;

/// Whatever is refused says why; whatever is accepted is valid asg, which the
/// writers can take.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::span bytes(reinterpret_cast<const std::byte *>(data), size);
  Result<OnnxModel> model = parseOnnx(bytes, "fuzz.onnx", context);
  if (!model ? model.fault().message.empty()
             : mlir::failed(mlir::verify(*model->module)))
    std::abort();
  if (model)
    test::checkWriters(*model->module);
  return 0;
}
