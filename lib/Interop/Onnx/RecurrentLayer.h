//===- RecurrentLayer.h - Recurrent operators as layers -------------------===//
// Private to lib/Interop.
#ifndef ASGC_LIB_INTEROP_ONNX_RECURRENTLAYER_H
#define ASGC_LIB_INTEROP_ONNX_RECURRENTLAYER_H

#include "lib/Interop/Onnx/Call.h"

namespace asgc::interop {

/// Puts the ops of a recurrent operator into an asg.layer, as
/// dialects/asg/AsgRecurrent.h has it.
class RecurrentLayer {
public:
  /// What is emitted from here on is the layer's; nothing if a block of the
  /// standard library does something else than the operator. `x` is its input,
  /// [time, batch, features], and becomes that inside the layer.
  static std::optional<RecurrentLayer> begin(Call &call, mlir::Value lengths,
                                             mlir::Value &x);
  /// Ends the layer. Takes, for each direction, h of all steps, [time, batch,
  /// hidden], and the last h and c, which become those outside; the
  /// operator's Y.
  mlir::Value end(llvm::ArrayRef<mlir::Value> ys, Values &hs, Values &cs);

private:
  RecurrentLayer(Call &call) : call(call) {}

  Call &call;
  mlir::Operation *before = nullptr; ///< null: the block was empty
  llvm::StringRef block;
  mlir::DictionaryAttr arguments;
};

} // namespace asgc::interop

#endif
