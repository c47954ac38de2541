//===- FuseRecompute.h - Computing again instead of keeping ---------------===//
#ifndef ASGC_PASSES_ASG_FUSERECOMPUTE_H
#define ASGC_PASSES_ASG_FUSERECOMPUTE_H

#include "FuseGraph.h"

namespace asgc {

/// Repeats ops in the groups that need their results where that moves fewer bytes than
/// writing and reading the results; returns how many ops were repeated.
unsigned recomputeCheaply(FuseGraph &graph);

} // namespace asgc

#endif
