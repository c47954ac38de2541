//===- FuseEmit.h - Groups become asg.fusion ops --------------------------===//
#ifndef ASGC_PASSES_ASG_FUSEEMIT_H
#define ASGC_PASSES_ASG_FUSEEMIT_H

#include "FuseGraph.h"

namespace asgc {

/// Rewrites the graph: each group of computing nodes becomes an asg.fusion, and the
/// ops stand in an order that fits. Returns the number of fusions; failure, with a
/// diagnostic, if the groups need each other.
mlir::FailureOr<unsigned> emitFusions(FuseGraph &graph);

} // namespace asgc

#endif
