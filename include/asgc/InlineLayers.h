//===- InlineLayers.h - Layers become the ops in them ---------------------===//
#ifndef ASGC_INLINELAYERS_H
#define ASGC_INLINELAYERS_H

#include "dialects/asg/Asg.h"

namespace asgc {

/// Inlines every layer in `root`, nested ones too, but those that `isKept`
/// holds for; returns how many.
unsigned inlineLayers(
    mlir::Operation *root, llvm::function_ref<bool(asg::LayerOp)> isKept =
                               [](asg::LayerOp) { return false; });

} // namespace asgc

#endif
