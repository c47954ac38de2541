//===- Evaluate.h - What models give on the interpreter or a backend ------===//
#ifndef ASGC_TEST_ONNX_EVALUATE_H
#define ASGC_TEST_ONNX_EVALUATE_H

#include "Through.h"

#include <optional>

namespace asgc {

/// Who computes.
enum class Engine { Interpreter, Cpu, Vulkan };

/// "interpreter", "cpu", "vulkan".
std::optional<Engine> parseEngine(std::string_view name);

enum class Outcome { Pass, Unsupported, Fail };

/// A graph (gradients expanded) and what to run it on.
struct Job {
  Evaluable model;
  std::vector<HostTensor> inputs; ///< in the order of the graph
};

/// The outputs of a job, or why there are none.
struct Answer {
  Outcome outcome = Outcome::Pass;
  std::string reason;
  std::vector<HostTensor> outputs;
};

/// An answer for each job; their modules, all of one context, are of no more
/// use then. The backends compile all of them as one program, and parts of
/// them if that cannot be.
std::vector<Answer> evaluate(std::vector<Job> &jobs, Engine engine);

} // namespace asgc

#endif
