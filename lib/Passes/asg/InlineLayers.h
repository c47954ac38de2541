//===- InlineLayers.h - Layers become the ops in them ---------------------===//
#ifndef ASGC_PASSES_ASG_INLINELAYERS_H
#define ASGC_PASSES_ASG_INLINELAYERS_H

#include "dialects/asg/Asg.h"

namespace asgc {

/// Inlines every layer in `root`, nested ones too; returns how many.
unsigned inlineLayers(mlir::Operation *root);

} // namespace asgc

#endif
