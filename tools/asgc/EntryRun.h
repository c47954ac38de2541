//===- EntryRun.h - An entry with tensors where its program computes ------===//
#ifndef ASGC_TOOLS_ENTRYRUN_H
#define ASGC_TOOLS_ENTRYRUN_H

#include "Execution.h"

#include <memory>

namespace asgc::cli {

/// An entry to be run again and again, as a program does that keeps its data on
/// the device: on a Vulkan device inputs and outputs lie in its memory, else in
/// the processor's. Inputs are numbers in [-1, 1), or small indices; run-time
/// dims are at their bounds.
class EntryRun {
public:
  static Result<std::unique_ptr<EntryRun>> create(Execution &execution,
                                                  const std::string &entry);
  ~EntryRun();
  EntryRun(const EntryRun &) = delete;

  /// Begins a run; on a device it need not have ended.
  MaybeFault start();
  /// Waits for all runs.
  MaybeFault wait();

  /// What a program does that keeps its data in the processor's memory besides:
  /// all inputs to where it computes, all outputs back.
  MaybeFault copyInputs();
  MaybeFault copyOutputs();

  /// The extent of the first dim of an input; 0 if there is none.
  int64_t items() const;

private:
  struct Tensor {
    Array host;
    DLTensor hostView{};
    DLManagedTensor *managed = nullptr;
  };
  EntryRun(asgc_program *program, std::string entry)
      : program(program), entry(std::move(entry)) {}
  MaybeFault add(Array host, asgc_dtype dtype, std::vector<Tensor> &list);
  MaybeFault copy(const DLTensor *from, DLTensor *to);

  asgc_program *program;
  std::string entry;
  std::vector<Tensor> inputs, outputs;
};

} // namespace asgc::cli

#endif
