//===- FuseSegments.h - Equal kernels over different tensors --------------===//
#ifndef ASGC_PASSES_ASG_FUSESEGMENTS_H
#define ASGC_PASSES_ASG_FUSESEGMENTS_H

#include "FuseGraph.h"

namespace asgc {

/// Makes one `update` group of what is assigned to the parameters: parts with equal
/// ops, elementwise on tensors of any shape, and the same scalars.
void joinUpdates(FuseGraph &graph);

/// Makes one group of equal reductions of whole tensors to scalars: the sums of
/// squares of all gradients.
void joinWholeReductions(FuseGraph &graph);

/// Makes one `update` group of the casts of whole variables that are kernels of
/// their own: what mixed precision multiplies by.
void joinParameterCasts(FuseGraph &graph);

} // namespace asgc

#endif
