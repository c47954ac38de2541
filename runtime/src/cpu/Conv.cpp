//===- Conv.cpp - Convolutions of a program -------------------------------===//
#include "Conv.h"
#include "Dtype.h"
#include "asgc/abi.h"
#include <algorithm>
#include <atomic>
#include <cstring>

namespace asgc::rt {

/// Plans kept for one kernel: a run-time dim takes few values at a time.
static constexpr size_t mostPlans = 16;

const ConvPlan &ConvState::planFor(asgc_program &program,
                                   const ConvShape &shape) {
  for (const auto &plan : plans_)
    if (plan->shape == shape)
      return *plan;
  auto plan = std::make_unique<ConvPlan>();
  plan->shape = shape;
  makePlan(dnnlOf(program), *plan);
  packedFor_ = nullptr; // its place may be taken by another plan
  if (plans_.size() < mostPlans) {
    plans_.push_back(std::move(plan));
    return *plans_.back();
  }
  auto &replaced = plans_[nextReplaced_++ % mostPlans];
  replaced = std::move(plan);
  return *replaced;
}

static asgc_status outOfMemory(asgc_program &program, int64_t bytes) {
  return fail(program, ASGC_OUT_OF_MEMORY,
              text("cannot allocate ", bytes, " bytes for a convolution"));
}

static asgc_status dnnlFailed(asgc_program &program) {
  return fail(program, ASGC_INTERNAL, "oneDNN failed in a convolution");
}

/// Makes `pages` at least `bytes` large.
static bool reserve(Pages &pages, int64_t bytes) {
  return pages.bytes() >= bytes || pages.allocate(bytes);
}

/// Packs the weights, unless they are those of the last time.
asgc_status ConvState::packWeights(asgc_program &program, const ConvPlan &plan,
                                   const ConvBuffers &buffers, bool keeps) {
  if (keeps && packedFor_ == &plan && packedSource_ == buffers.w &&
      packedEpoch_ == program.variableEpoch)
    return ASGC_OK;
  const ConvShape &s = plan.shape;
  const int64_t bytes = plan.partBytes * plan.channels.parts();
  if (!reserve(packed_, bytes))
    return outOfMemory(program, bytes);
  const float *weights = reinterpret_cast<const float *>(buffers.w);
  if (s.dtype != ASGC_F32) {
    if (!reserve(wideWeights_, s.weights() * 4))
      return outOfMemory(program, s.weights() * 4);
    float *wide = reinterpret_cast<float *>(wideWeights_.data());
    cpuKernels(program.isa).widen(s.dtype, buffers.w, wide, s.weights());
    weights = wide;
  }
  std::atomic<bool> ok{true};
  const Dnnl &dnnl = *dnnlOf(program);
  auto pack = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t part = begin; part < end; ++part) {
      const float *from = weights + plan.channelsOf(part).weights0;
      void *addresses[] = {const_cast<float *>(from),
                           packed_.data() + part * plan.partBytes};
      if (!plan.operationOf(0, part).weights->run(dnnl, worker, addresses,
                                                  program.pool.scratch(worker)))
        ok = false;
    }
  };
  program.pool.forEachRange(plan.channels.parts(),
                            1 + (1 << 17) / (plan.partBytes + 1), pack);
  packedFor_ = &plan;
  packedSource_ = buffers.w;
  packedEpoch_ = ok && keeps ? program.variableEpoch : 0;
  return ok ? ASGC_OK : dnnlFailed(program);
}

/// dw = the sum of the gradients by parts of the images, in order.
void ConvState::addPartials(asgc_program &program, const ConvPlan &plan,
                            const ConvBuffers &buffers) {
  const ConvShape &s = plan.shape;
  const CpuKernels &kernels = cpuKernels(program.isa);
  float *first = reinterpret_cast<float *>(partials_.data());
  auto add = [&](int64_t begin, int64_t end, int) {
    float *sums =
        s.dtype == ASGC_F32 ? reinterpret_cast<float *>(buffers.w) : first;
    const FinishArgs zero{};
    for (int64_t part = 1; part < plan.images.parts(); ++part) {
      FinishArgs args = zero;
      args.from = (part == 1 ? first : sums) + begin;
      args.to = sums + begin;
      args.residual = first + part * s.weights() + begin;
      args.count = end - begin;
      kernels.finish(args);
    }
    if (s.dtype != ASGC_F32)
      kernels.narrow(s.dtype, sums + begin, buffers.w + begin * sizeOf(s.dtype),
                     end - begin);
  };
  program.pool.forEachRange(s.weights(), 1 << 14, add);
}

asgc_status ConvState::runOperations(asgc_program &program,
                                     const ConvPlan &plan,
                                     const asgc_conv_desc &desc,
                                     const ConvBuffers &buffers) {
  const ConvShape &s = plan.shape;
  if (!program.pool.reserveScratch(plan.scratchBytes))
    return outOfMemory(program, plan.scratchBytes);
  ConvCall call{plan,    *dnnlOf(program), cpuKernels(program.isa),
                buffers, nullptr,          nullptr,
                0};
  const bool gradient = s.kind == ConvKind::BackwardWeight;
  const bool partial =
      gradient && (plan.images.parts() > 1 || s.dtype != ASGC_F32);
  if (partial) {
    const int64_t bytes = plan.images.parts() * s.weights() * 4;
    if (!reserve(partials_, bytes))
      return outOfMemory(program, bytes);
    call.gradients = reinterpret_cast<float *>(partials_.data());
  } else if (gradient) {
    call.gradients = reinterpret_cast<float *>(buffers.w);
  } else {
    const bool keeps = desc.w_variable >= 0 && !program.runAssigns;
    if (asgc_status status = packWeights(program, plan, buffers, keeps))
      return status;
    call.packed = packed_.data();
  }
  if (s.kind == ConvKind::Forward)
    call.activation = desc.activation;
  std::atomic<bool> ok{true};
  auto body = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t task = begin; task < end; ++task)
      if (!runSlice(call, task, worker, program.pool.scratch(worker)))
        ok = false;
  };
  program.pool.forEachRange(plan.tasks(), plan.grain, body);
  if (!ok)
    return dnnlFailed(program);
  if (partial)
    addPartials(program, plan, buffers);
  return ASGC_OK;
}

asgc_status ConvState::run(asgc_program &program, const asgc_conv_desc &desc,
                           const int64_t *dims, const ConvBuffers &buffers) {
  const ConvShape shape = resolveShape(desc, dims);
  const int64_t size = sizeOf(shape.dtype);
  const bool empty = shape.n * shape.o * shape.outputPlane() == 0 ||
                     shape.c * shape.inputPlane() == 0;
  if (empty && shape.kind != ConvKind::Forward) {
    // Nothing flows back.
    if (shape.kind == ConvKind::BackwardInput)
      std::memset(buffers.x, 0,
                  size_t(shape.n * shape.c * shape.inputPlane() * size));
    else
      std::memset(buffers.w, 0, size_t(shape.weights() * size));
    return ASGC_OK;
  }
  if (shape.n * shape.o * shape.outputPlane() == 0)
    return ASGC_OK;
  const ConvPlan &plan = planFor(program, shape);
  if (!plan.usesLoops)
    return runOperations(program, plan, desc, buffers);
  auto body = [&](int64_t begin, int64_t end, int) {
    runConvLoops(shape, desc.activation, buffers, begin, end);
  };
  program.pool.forEachRange(convLoopTasks(shape), 1, body);
  return ASGC_OK;
}

} // namespace asgc::rt

using namespace asgc::rt;

int32_t asgc_rt_conv2d(asgc_frame *frame, int32_t kernel,
                       const asgc_conv_desc *desc, void *in0, void *in1,
                       void *bias, void *out) {
  asgc_program &program = *frame->program;
  ProfileScope profile(program, kernel);
  if (asgc_status status = requireDnnl(program))
    return status;
  char *first = static_cast<char *>(in0), *second = static_cast<char *>(in1),
       *result = static_cast<char *>(out);
  ConvBuffers buffers{first, second, result, static_cast<char *>(bias)};
  if (ConvKind(desc->kind) == ConvKind::BackwardInput)
    buffers = {result, second, first, nullptr};
  if (ConvKind(desc->kind) == ConvKind::BackwardWeight)
    buffers = {first, result, second, nullptr};
  return stateOf<ConvState>(program, kernel)
      .run(program, *desc, frame->dims, buffers);
}
