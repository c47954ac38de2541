//===- Through.h - A model after a detour through another form ------------===//
#ifndef ASGC_TEST_ONNX_THROUGH_H
#define ASGC_TEST_ONNX_THROUGH_H

#include "asgc/Interop.h"
#include "asgc/Interpreter.h"

namespace asgc {

/// What stands between a model and its evaluation.
enum class Through { Nothing, Text, Onnx };

/// A module with one graph, and the values of its variables.
struct Evaluable {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Variables weights;
};

Array toArray(const HostTensor &tensor);
Evaluable toEvaluable(OnnxModel model);

/// `model` written as a model text and elaborated again. `*unsupported` says
/// what the language has no words for, `*broken` what is wrong with the text.
Evaluable throughText(Evaluable &model, std::string *unsupported,
                      std::string *broken);

/// `model` written as ONNX and imported again.
Evaluable throughOnnx(Evaluable &model, std::string *unsupported,
                      std::string *broken);

} // namespace asgc

#endif
