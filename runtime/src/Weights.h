//===- Weights.h - Loads and saves the variables of a program -------------===//
#ifndef ASGC_RT_WEIGHTS_H
#define ASGC_RT_WEIGHTS_H

#include "asgc/safetensors.h"
#include <string_view>

namespace asgc::rt {

/// Whether a tensor of this name counts batches, for PyTorch's batch norm: no
/// layer here has use for it, so that any file of weights may hold it.
bool isCounter(std::string_view name);

/// Whether `file` is a checkpoint of training, which holds more than weights.
bool holdsMore(const asgc_safetensors &file);

/// Loads the weights that are part of the description.
asgc_status loadEmbedded(asgc_program &program);

} // namespace asgc::rt
#endif
