//===- Suite.cpp - ONNX's tests of its operators, on asg ------------------===//
// onnx-suite --data FOLDER [--filter TEXT] [--list unsupported]
//            [--engine interpreter|cpu|vulkan] [--at-least GROUP=N]
//            [--page FILE] [--write-page FILE] [--through text|onnx]
//
// Imports every model and evaluates it: with the interpreter, or compiled for
// the CPU or Vulkan. Prints how many of each group and operator pass, are not
// supported, or fail; a failure is a wrong answer or a model that is refused as
// malformed, and each is shown. --page wants docs/reference/onnx.md to say the
// same of the engine, --write-page makes it so. --through text writes every
// model as a model text and evaluates what that elaborates to; --through onnx
// exports and imports it again.
#include "Cases.h"
#include "Evaluate.h"
#include "Page.h"

#include "asgc/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <cstdio>
#include <fmt/ranges.h>
#include <fstream>
#include <iterator>

using namespace asgc;

namespace {

/// Models of one program. What they share of a compilation's cost is worth
/// more than what larger programs add.
constexpr size_t batchSize = 32;

struct Options {
  std::string data, filter, list, page, newPage;
  std::map<std::string, int> minimum;
  Engine engine = Engine::Interpreter;
  Through through = Through::Nothing;
};

struct Verdict {
  Outcome outcome = Outcome::Pass;
  std::string reason;
};

/// The suite stores the bits of bf16 as u16.
Array readAs(Array array, DType type) {
  if (type == DType::BF16 && array.type == ElementType::U16)
    array.type = ElementType::BF16;
  return array;
}

/// `set` of `test` made ready, or why it cannot be.
std::optional<Job> prepare(const Case &test, const DataSet &set,
                           Through through, mlir::MLIRContext &context,
                           Verdict &verdict) {
  auto refuse = [&](Outcome outcome, std::string reason) {
    verdict = {outcome, std::move(reason)};
    return std::nullopt;
  };
  OnnxOptions options;
  options.inputs = [&](const std::vector<std::string> &names) {
    std::map<std::string, Array> values;
    for (size_t i = 0; i < std::min(names.size(), set.inputs.size()); ++i)
      values.emplace(names[i], set.inputs[i]);
    return values;
  };
  auto model = importOnnx(test.model, context, options);
  if (!model)
    return refuse(model.fault().kind == FaultKind::Unsupported
                      ? Outcome::Unsupported
                      : Outcome::Fail,
                  model.fault().message);
  mlir::PassManager passes(&context);
  passes.addPass(createAsgDifferentiate());
  if (mlir::failed(passes.run(*model->module)))
    return refuse(Outcome::Fail, "its gradient cannot be made");
  Job job{toEvaluable(std::move(*model)), {}};
  if (through != Through::Nothing) {
    std::string unsupported, broken;
    auto detour = through == Through::Text ? throughText : throughOnnx;
    job.model = detour(job.model, &unsupported, &broken);
    if (!unsupported.empty())
      return refuse(Outcome::Unsupported, unsupported);
    if (!broken.empty())
      return refuse(Outcome::Fail, broken);
  }
  auto graph = *job.model.module->getOps<asg::GraphOp>().begin();
  for (auto [type, array] : llvm::zip(graph.getArgumentTypes(), set.inputs)) {
    auto tensor =
        toHostTensor(readAs(array, getDType(getElementTypeOrSelf(type))));
    if (!tensor)
      return refuse(Outcome::Unsupported, "an element type of its inputs");
    auto tensorType = cast<mlir::RankedTensorType>(type);
    if (tensorType.hasStaticShape() &&
        !llvm::equal(tensorType.getShape(), tensor->shape()))
      return refuse(Outcome::Unsupported,
                    "its data have another shape than its model says");
    job.inputs.push_back(std::move(*tensor));
  }
  return job;
}

/// Why `actual` is not `expected`, as far as a module can hold that; "" if it
/// is.
std::string compareOutput(const HostTensor &actual, const Array &expected) {
  auto carried = toHostTensor(readAs(expected, actual.dtype()));
  return compare(toArray(actual), carried ? toArray(*carried) : expected);
}

Verdict judge(const Answer &answer, const DataSet &set) {
  if (answer.outcome != Outcome::Pass)
    return {answer.outcome, answer.reason};
  if (answer.outputs.size() < set.outputs.size())
    return {Outcome::Fail, "too few outputs"};
  for (size_t i = 0; i < set.outputs.size(); ++i)
    if (std::string why = compareOutput(answer.outputs[i], set.outputs[i]);
        !why.empty())
      return {Outcome::Fail, fmt::format("output {}: {}", i, why)};
  return {};
}

/// The verdicts on `cases`, evaluated together.
std::vector<Verdict> run(std::span<const Case> cases, const Options &options) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::vector<Verdict> verdicts(cases.size());
  std::vector<Job> jobs;
  std::vector<std::pair<size_t, const DataSet *>> sources; // of each job
  for (size_t i = 0; i < cases.size(); ++i) {
    if (!cases[i].unreadable.empty())
      verdicts[i] = {Outcome::Unsupported, cases[i].unreadable};
    for (const DataSet &set : cases[i].sets)
      if (verdicts[i].outcome == Outcome::Pass)
        if (auto job =
                prepare(cases[i], set, options.through, context, verdicts[i])) {
          jobs.push_back(std::move(*job));
          sources.emplace_back(i, &set);
        }
  }
  std::vector<Answer> answers = evaluate(jobs, options.engine);
  for (size_t i = 0; i < jobs.size(); ++i)
    if (Verdict &verdict = verdicts[sources[i].first];
        verdict.outcome == Outcome::Pass)
      verdict = judge(answers[i], *sources[i].second);
  return verdicts;
}

/// Cases whose expected outputs do not follow from their models.
const std::map<std::string, std::string> mistaken = {
    {"test_adam_multiple",
     "its outputs were made with epsilon = 0.01, which its model does not say"},
    {"test_cast_FLOAT_to_BFLOAT16",
     "its outputs were cut off instead of rounded to nearest"}};

std::string readText(const std::string &path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void print(const std::string &name, const Counts &counts) {
  fmt::print("{:<34} {:>5} pass {:>5} unsupported {:>5} fail\n", name,
             counts.pass, counts.unsupported, counts.fail);
}

/// Whether the command line could be read.
bool read(int argc, char **argv, Options &options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string option = argv[i], value = argv[i + 1];
    if (option == "--data")
      options.data = value;
    else if (option == "--filter")
      options.filter = value;
    else if (option == "--list")
      options.list = value;
    else if (option == "--page")
      options.page = value;
    else if (option == "--write-page")
      options.newPage = value;
    else if (option == "--engine" && parseEngine(value))
      options.engine = *parseEngine(value);
    else if (option == "--through" && value == "text")
      options.through = Through::Text;
    else if (option == "--through" && value == "onnx")
      options.through = Through::Onnx;
    else if (option == "--at-least")
      options.minimum[value.substr(0, value.find('='))] =
          std::atoi(value.substr(value.find('=') + 1).c_str());
    else
      return fmt::print(stderr, "onnx-suite: unknown option '{} {}'\n", option,
                        value),
             false;
  }
  return true;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!read(argc, argv, options))
    return 2;
  std::vector<Case> cases = findCases(options.data, options.filter);
  std::erase_if(cases, [](const Case &test) {
    auto found = mistaken.find(test.name);
    if (found != mistaken.end())
      fmt::print("skipped: {}: {}\n", test.name, found->second);
    return found != mistaken.end();
  });
  CountsByName groups, operators;
  int failures = 0;
  for (size_t first = 0; first < cases.size(); first += batchSize) {
    auto batch = std::span<const Case>(cases).subspan(
        first, std::min(batchSize, cases.size() - first));
    std::vector<Verdict> verdicts = run(batch, options);
    for (size_t i = 0; i < batch.size(); ++i) {
      const Case &test = batch[i];
      const auto &[outcome, reason] = verdicts[i];
      groups[test.group + (test.isBasic ? "" : ", other types")].add(outcome);
      auto names = operatorsOf(test.model);
      for (const std::string &name :
           names ? *names : std::vector<std::string>())
        operators[name].add(outcome);
      if (outcome == Outcome::Fail ||
          (outcome == Outcome::Unsupported && options.list == "unsupported"))
        fmt::print("{}: {}/{}: {}\n",
                   outcome == Outcome::Fail ? "FAIL" : "unsupported",
                   test.group, test.name, reason);
      failures += outcome == Outcome::Fail;
    }
  }
  for (const auto &[name, counts] : operators)
    print(name, counts);
  for (const auto &[name, counts] : groups)
    print(name, counts);
  for (const auto &[name, least] : options.minimum)
    if (groups[name].pass < least) {
      fmt::print("FAIL: {} of group {} pass, at least {} did\n",
                 groups[name].pass, name, least);
      ++failures;
    }
  if (!options.newPage.empty()) {
    std::string text = formatPage(readText(options.newPage), options.engine,
                                  operators, groups);
    std::ofstream(options.newPage) << text;
  }
  if (!options.page.empty()) {
    std::string before = readText(options.page);
    if (before != formatPage(before, options.engine, operators, groups)) {
      fmt::print("FAIL: {} is out of date: run the same with --write-page\n",
                 options.page);
      ++failures;
    }
  }
  return failures ? 1 : 0;
}
