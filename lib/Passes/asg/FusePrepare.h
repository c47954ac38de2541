//===- FusePrepare.h - Ops in the terms of kernels ------------------------===//
#ifndef ASGC_PASSES_ASG_FUSEPREPARE_H
#define ASGC_PASSES_ASG_FUSEPREPARE_H

#include "dialects/asg/Asg.h"

namespace asgc {

/// Writes arg_max and arg_min as reductions, drops reductions over no axes, dead and
/// equal ops, and lets gradients of rectifiers ask what is kept anyway.
void prepareFusion(asg::GraphOp graph);

} // namespace asgc

#endif
