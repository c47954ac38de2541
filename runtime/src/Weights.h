//===- Weights.h - Loads and saves the variables of a program -------------===//
#ifndef ASGC_RT_WEIGHTS_H
#define ASGC_RT_WEIGHTS_H

#include "asgc/runtime.h"

namespace asgc::rt {

/// Loads the weights that are part of the description.
asgc_status loadEmbedded(asgc_program &program);

} // namespace asgc::rt
#endif
