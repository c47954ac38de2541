//===- Evaluate.cpp - What models give on the interpreter or a backend ----===//
#include "Evaluate.h"

#include "test/ops/CpuBackend.h"

#include "mlir/IR/SymbolTable.h"

#include <fmt/format.h>

using namespace mlir;

namespace asgc {

std::optional<Engine> parseEngine(std::string_view name) {
  if (name == "interpreter")
    return Engine::Interpreter;
  if (name == "cpu")
    return Engine::Cpu;
  if (name == "vulkan")
    return Engine::Vulkan;
  return std::nullopt;
}

static asg::GraphOp graphOf(Job &job) {
  return *job.model.module->getOps<asg::GraphOp>().begin();
}

static Answer interpretJob(Job &job) {
  Answer answer;
  ScopedDiagnosticHandler handler(job.model.module->getContext(),
                                  [&](Diagnostic &diagnostic) {
                                    answer.reason = diagnostic.str();
                                    return success();
                                  });
  auto result = interpret(graphOf(job), job.inputs, job.model.weights);
  if (failed(result))
    answer.outcome = Outcome::Fail;
  else
    answer.outputs = std::move(result->outputs);
  return answer;
}

namespace {

/// Jobs of one context on a backend.
class JointRun {
public:
  JointRun(std::vector<Job> &jobs, Engine engine)
      : jobs(jobs), engine(engine), answers(jobs.size()) {
    // Every graph and variable takes a name that it can keep beside the others.
    for (size_t i = 0; i < jobs.size(); ++i) {
      ModuleOp module = *jobs[i].model.module;
      Variables renamed;
      for (Operation &op : *module.getBody()) {
        std::string name = SymbolTable::getSymbolName(&op).str();
        std::string own = fmt::format("job{}.{}", i, name);
        StringAttr symbol = StringAttr::get(module.getContext(), own);
        (void)SymbolTable::replaceAllSymbolUses(&op, symbol, module);
        SymbolTable::setSymbolName(&op, symbol);
        if (auto found = jobs[i].model.weights.find(name);
            found != jobs[i].model.weights.end())
          renamed.emplace(own, std::move(found->second));
      }
      jobs[i].model.weights = std::move(renamed);
    }
  }

  std::vector<Answer> run() {
    run(0, jobs.size());
    return std::move(answers);
  }

private:
  /// Compiles and runs jobs [first, last).
  void run(size_t first, size_t last) {
    if (first == last)
      return;
    OwningOpRef<ModuleOp> whole = ModuleOp::create(
        UnknownLoc::get(jobs[first].model.module->getContext()));
    for (size_t i = first; i < last; ++i)
      for (Operation &op : *jobs[i].model.module->getBody())
        whole->push_back(op.clone());
    std::string error;
    auto program = test::CpuProgram::compile(
        *whole, {.vulkan = engine == Engine::Vulkan}, error);
    if (!program && last - first == 1) {
      answers[first] = refused(error);
      return;
    }
    if (!program) {
      size_t middle = first + (last - first) / 2;
      run(first, middle);
      run(middle, last);
      return;
    }
    for (size_t i = first; i < last; ++i) {
      error.clear();
      auto result = program->run(graphOf(jobs[i]).getSymName(), jobs[i].inputs,
                                 jobs[i].model.weights, {}, error);
      if (failed(result))
        answers[i] = refused(error);
      else
        answers[i].outputs = std::move(result->outputs);
    }
  }

  /// f64 is for the interpreter alone, products of integers for the CPU.
  static Answer refused(const std::string &error) {
    bool isKnown =
        error.find("'f64', which") != std::string::npos ||
        error.find("which the Vulkan backend does not") != std::string::npos;
    return {isKnown ? Outcome::Unsupported : Outcome::Fail, error, {}};
  }

  std::vector<Job> &jobs;
  Engine engine;
  std::vector<Answer> answers;
};

} // namespace

std::vector<Answer> evaluate(std::vector<Job> &jobs, Engine engine) {
  if (engine != Engine::Interpreter)
    return JointRun(jobs, engine).run();
  std::vector<Answer> answers;
  for (Job &job : jobs)
    answers.push_back(interpretJob(job));
  return answers;
}

} // namespace asgc
