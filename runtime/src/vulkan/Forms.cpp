//===- Forms.cpp - Which form of each step a device runs ------------------===//
#include "Executor.h"

#include "../Program.h"
#include <algorithm>
#include <map>

namespace asgc::rt::vulkan {

std::string Candidate::lackFor(const asgc_shader &shader) const {
  if ((shader.features & ASGC_SHADER_FLOAT64) && !hasFloat64)
    return "computes with f64, and the device lacks shaderFloat64";
  if ((shader.features & ASGC_SHADER_ATOMIC_F32) && !hasAtomicAdd)
    return "adds to memory, and the device lacks shaderBufferFloat32AtomicAdd";
  constexpr int32_t kMatrices =
      ASGC_SHADER_MATRIX_F16 | ASGC_SHADER_MATRIX_BF16;
  const int32_t type = shader.features & kMatrices;
  if (!type)
    return "";
  const MatrixShape wanted{type, shader.matrix_rows, shader.matrix_columns,
                           shader.matrix_depth};
  const uint32_t size = uint32_t(shader.subgroup_size);
  const bool hasShape =
      std::find(matrices.begin(), matrices.end(), wanted) != matrices.end();
  if (hasShape && minSubgroupSize <= size && size <= maxSubgroupSize)
    return "";
  return text("multiplies matrices of ", wanted.rows, "x", wanted.columns, "x",
              wanted.depth, " by subgroups of ", size,
              ", which the device does not");
}

const std::vector<int32_t> &
Executor::chosenOf(const asgc_dispatch_list &list) const {
  return chosen[size_t(&list - program.desc.vulkan->entries)];
}

/// Of each step takes the first form of which the device can run all shaders.
asgc_status Executor::chooseForms() {
  const asgc_vulkan_desc &desc = *program.desc.vulkan;
  for (int32_t e = 0; e < program.desc.num_entries; ++e) {
    const asgc_dispatch_list &list = desc.entries[e];
    std::vector<int32_t> &run = chosen.emplace_back();
    // What the device lacks, by step and form.
    std::map<int32_t, std::map<int32_t, std::string>> lacks;
    for (int32_t i = 0; i < list.num_dispatches; ++i) {
      const asgc_dispatch &one = list.dispatches[i];
      std::string &lack = lacks[one.step][one.form];
      if (lack.empty())
        lack = gpu->choice.lackFor(desc.shaders[one.shader]);
    }
    for (int32_t i = 0; i < list.num_dispatches; ++i) {
      const asgc_dispatch &one = list.dispatches[i];
      const auto &forms = lacks[one.step];
      const auto first =
          std::find_if(forms.begin(), forms.end(),
                       [](const auto &form) { return form.second.empty(); });
      if (first == forms.end())
        return fail(ASGC_NO_DEVICE,
                    text("'", program.desc.kernels[one.kernel].name, "' of '",
                         program.desc.name, "' ", forms.rbegin()->second, " (",
                         gpu->choice.name, ")"));
      if (first->first == one.form)
        run.push_back(i);
    }
  }
  return ASGC_OK;
}

} // namespace asgc::rt::vulkan
