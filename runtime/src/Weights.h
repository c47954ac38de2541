//===- Weights.h - Loads and saves the variables of a program -------------===//
#ifndef ASGC_RT_WEIGHTS_H
#define ASGC_RT_WEIGHTS_H

#include "asgc/safetensors.h"
#include <span>
#include <string>
#include <string_view>

namespace asgc::rt {

/// Whether a tensor of this name counts batches, for PyTorch's batch norm: no
/// layer here has use for it, so that any file of weights may hold it.
bool isCounter(std::string_view name);

/// Whether `file` is a checkpoint of training, which holds more than weights.
bool holdsMore(const asgc_safetensors &file);

/// Loads the weights that are part of the description.
asgc_status loadEmbedded(asgc_program &program);

/// The bytes of a file of `tensors`, as asgc_safetensors_write_from would write
/// it; `label` stands for the path in sentences.
asgc_status formatSafetensors(const char *label,
                              std::span<const asgc_safetensors_source> tensors,
                              asgc_safetensors_read read, void *context,
                              std::string *out_file);

} // namespace asgc::rt
#endif
