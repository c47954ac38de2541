//===- Program.h - One instance of a compiled model -----------------------===//
#ifndef ASGC_RT_PROGRAM_H
#define ASGC_RT_PROGRAM_H

#include "Error.h"
#include "Memory.h"
#include "ThreadPool.h"
#include "asgc/runtime.h"
#include "cpu/Dnnl.h"
#include <memory>
#include <string>
#include <vector>

namespace asgc::rt {

/// What a library call keeps from one run to the next: primitives, packed
/// weights. One per kernel of the description; made by the call itself.
struct KernelState {
  virtual ~KernelState() = default;
};

struct KernelProfile {
  int64_t calls = 0;
  int64_t nanoseconds = 0;
};

} // namespace asgc::rt

namespace asgc::rt::vulkan {
class Executor;
}

struct asgc_program {
  asgc_program(const asgc_program_desc &description, int threads);
  ~asgc_program();

  const asgc_program_desc &desc;
  std::string error;
  int32_t isa = 0; ///< ASGC_ISA_* that kernels run with

  /// The function of each kernel that this CPU runs; null for library calls.
  std::vector<asgc_kernel_fn> functions;

  asgc::rt::Pages variableBlock;
  std::vector<void *> variables; ///< into variableBlock
  std::vector<int64_t> variableBytes;
  std::vector<int64_t> variableShape; ///< all shapes, one after the other
  std::vector<int64_t *> variableDims;
  /// Changes whenever a variable may have changed; packed copies remember it.
  uint64_t variableEpoch = 1;

  asgc::rt::Pages arena;
  std::vector<int64_t> dims;
  std::vector<void *> inputs, outputs; ///< addresses of the run under way
  std::vector<bool> inputIsOnDevice, outputIsOnDevice; ///< or the processor's
  bool runAssigns = false; ///< the entry under way assigns variables

  asgc::rt::ThreadPool pool;
  /// Made with the first library call; outlives the states that use it.
  std::unique_ptr<asgc::rt::Dnnl> dnnl;
  std::vector<std::unique_ptr<asgc::rt::KernelState>> states;
  /// Why it runs on the CPU although it was to run on a device if it can.
  std::string fallbackReason;
  /// Set if the program runs on a Vulkan device.
  std::unique_ptr<asgc::rt::vulkan::Executor> executor;
  bool poison = false;
  bool profiling = false;
  std::vector<asgc::rt::KernelProfile> profile;
};

namespace asgc::rt {

/// Checks the tensors of a run against `entry`, binds the run-time dims and
/// sets program.inputs, .outputs and .dims.
asgc_status bindTensors(asgc_program &program, const asgc_entry_desc &entry,
                        const DLTensor *const *inputs, int32_t numInputs,
                        DLTensor *const *outputs, int32_t numOutputs);

/// Fails if there is no oneDNN here.
inline asgc_status requireDnnl(asgc_program &program) {
  return openDnnl().empty() ? ASGC_OK
                            : fail(program, ASGC_IO_ERROR, openDnnl());
}

/// oneDNN for this program's threads; null if it does not work here.
inline const Dnnl *dnnlOf(asgc_program &program) {
  if (!program.dnnl)
    program.dnnl = Dnnl::create(program.pool.threads());
  return program.dnnl.get();
}

/// The index of variable `name`, or -1.
int32_t findVariable(const asgc_program_desc &desc, const char *name);

/// Adds the time until the end of the scope to kernel `kernel`'s profile.
class ProfileScope {
public:
  ProfileScope(asgc_program &program, int32_t kernel)
      : entry_(program.profiling ? &program.profile[size_t(kernel)] : nullptr) {
    if (entry_)
      begin_ = now();
  }
  ~ProfileScope() {
    if (entry_) {
      entry_->nanoseconds += now() - begin_;
      ++entry_->calls;
    }
  }
  ProfileScope(const ProfileScope &) = delete;

private:
  static int64_t now();

  KernelProfile *entry_;
  int64_t begin_ = 0;
};

/// The value of an extent or stride in the run under way.
inline int64_t resolve(asgc_dim dim, const int64_t *dims) {
  return dim >= 0 ? dim : dims[-1 - dim];
}

/// The state of `kernel`, made on the first call.
template <typename State>
State &stateOf(asgc_program &program, int32_t kernel) {
  std::unique_ptr<KernelState> &state = program.states[size_t(kernel)];
  if (!state)
    state = std::make_unique<State>();
  return static_cast<State &>(*state);
}

} // namespace asgc::rt
#endif
