//===- Conv.h - Convolutions of a program ---------------------------------===//
#ifndef ASGC_RT_CPU_CONV_H
#define ASGC_RT_CPU_CONV_H

#include "ConvPlan.h"
#include "Kernels.h"
#include "Program.h"

namespace asgc::rt {

/// x, w and y of the forward convolution, or their gradients; the result is
/// one of them.
struct ConvBuffers {
  char *x, *w, *y;
  const char *bias; ///< may be null
};

/// What a convolution keeps between runs.
class ConvState final : public KernelState {
public:
  asgc_status run(asgc_program &program, const asgc_conv_desc &desc,
                  const int64_t *dims, const ConvBuffers &buffers);

private:
  const ConvPlan &planFor(asgc_program &program, const ConvShape &shape);
  asgc_status packWeights(asgc_program &program, const ConvPlan &plan,
                          const ConvBuffers &buffers, bool keeps);
  asgc_status runOperations(asgc_program &program, const ConvPlan &plan,
                            const asgc_conv_desc &desc,
                            const ConvBuffers &buffers);
  void addPartials(asgc_program &program, const ConvPlan &plan,
                   const ConvBuffers &buffers);

  std::vector<std::unique_ptr<ConvPlan>> plans_;
  size_t nextReplaced_ = 0;

  Pages packed_; ///< by part of the channels
  const ConvPlan *packedFor_ = nullptr;
  uint64_t packedEpoch_ = 0; ///< 0: not to be used again
  const char *packedSource_ = nullptr;
  Pages wideWeights_; ///< f32 copies of 16-bit weights
  Pages partials_;    ///< weight gradients by part of the images
};

/// One convolution under way: what a thread needs to compute a slice.
struct ConvCall {
  const ConvPlan &plan;
  const Dnnl &dnnl;
  const CpuKernels &kernels;
  ConvBuffers buffers;
  const char *packed; ///< weights
  float *gradients;   ///< f32 weight gradients by part of the images
  int32_t activation;
};

/// Computes slice `task`; false if oneDNN fails.
bool runSlice(const ConvCall &call, int64_t task, int worker, char *scratch);

/// The same by plain loops, for any type: tasks [begin, end) of
/// convLoopTasks(shape).
int64_t convLoopTasks(const ConvShape &shape);
void runConvLoops(const ConvShape &shape, int32_t activation,
                  const ConvBuffers &buffers, int64_t begin, int64_t end);

} // namespace asgc::rt
#endif
