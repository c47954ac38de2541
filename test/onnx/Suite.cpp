//===- Suite.cpp - ONNX's tests of its operators, on asg ------------------===//
// onnx-suite --data FOLDER [--filter TEXT] [--list unsupported]
//            [--at-least GROUP=N] [--page FILE] [--write-page FILE]
//            [--through text|onnx]
//
// Imports every model and evaluates it with the interpreter. Prints how many of
// each group and operator pass, are not supported, or fail; a failure is a
// wrong answer or a model that is refused as malformed, and each is shown.
// --page wants docs/reference/onnx.md to say the same, --write-page makes it
// so. --through text writes every model as a model text and evaluates what that
// elaborates to; --through onnx exports and imports it again.
#include "Cases.h"
#include "Through.h"

#include "asgc/Interop.h"
#include "asgc/Interpreter.h"
#include "asgc/Passes.h"

#include "mlir/Pass/PassManager.h"

#include <cstdio>
#include <fmt/ranges.h>
#include <fstream>
#include <iterator>
#include <set>

using namespace asgc;

namespace {

enum class Outcome { Pass, Unsupported, Fail };

struct Verdict {
  Outcome outcome = Outcome::Pass;
  std::string reason;
};

/// Inputs in the order of the graph.
Verdict evaluate(Evaluable &model, const DataSet &set) {
  auto graph = *model.module->getOps<asg::GraphOp>().begin();
  std::vector<HostTensor> inputs;
  for (const Array &array : set.inputs) {
    auto tensor = toHostTensor(array);
    if (!tensor)
      return {Outcome::Unsupported, "an element type of its inputs"};
    inputs.push_back(std::move(*tensor));
  }
  std::string message;
  mlir::ScopedDiagnosticHandler handler(graph.getContext(),
                                        [&](mlir::Diagnostic &diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  auto result = interpret(graph, inputs, model.weights);
  if (mlir::failed(result))
    return {Outcome::Fail, "interpreter: " + message};
  if (result->outputs.size() < set.outputs.size())
    return {Outcome::Fail, "too few outputs"};
  for (size_t i = 0; i < set.outputs.size(); ++i)
    if (std::string why = compare(toArray(result->outputs[i]), set.outputs[i]);
        !why.empty())
      return {Outcome::Fail, fmt::format("output {}: {}", i, why)};
  return {};
}

Verdict runSet(const Case &test, const DataSet &set, Through through) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  OnnxOptions options;
  options.inputs = [&](const std::vector<std::string> &names) {
    std::map<std::string, Array> values;
    for (size_t i = 0; i < std::min(names.size(), set.inputs.size()); ++i)
      values.emplace(names[i], set.inputs[i]);
    return values;
  };
  auto model = importOnnx(test.model, context, options);
  if (!model)
    return {model.fault().kind == FaultKind::Unsupported ? Outcome::Unsupported
                                                         : Outcome::Fail,
            model.fault().message};
  mlir::PassManager passes(&context);
  passes.addPass(createAsgDifferentiate());
  if (mlir::failed(passes.run(*model->module)))
    return {Outcome::Fail, "its gradient cannot be made"};
  Evaluable evaluable = toEvaluable(std::move(*model));
  if (through != Through::Nothing) {
    std::string unsupported, broken;
    auto detour = through == Through::Text ? throughText : throughOnnx;
    evaluable = detour(evaluable, &unsupported, &broken);
    if (!unsupported.empty())
      return {Outcome::Unsupported, unsupported};
    if (!broken.empty())
      return {Outcome::Fail, broken};
  }
  return evaluate(evaluable, set);
}

/// Cases whose expected outputs do not follow from their models.
const std::map<std::string, std::string> mistaken = {
    {"test_adam_multiple",
     "its outputs were made with epsilon = 0.01, which its model does not say"},
    {"test_cast_FLOAT_to_BFLOAT16",
     "its outputs were cut off instead of rounded to nearest"}};

Verdict run(const Case &test, Through through) {
  if (!test.unreadable.empty())
    return {Outcome::Unsupported, test.unreadable};
  for (const DataSet &set : test.sets)
    if (Verdict verdict = runSet(test, set, through);
        verdict.outcome != Outcome::Pass)
      return verdict;
  return {};
}

/// How many of a group, or of the cases of one operator.
struct Counts {
  int pass = 0, unsupported = 0, fail = 0;
  int total() const { return pass + unsupported + fail; }
  void add(Outcome outcome) {
    ++(outcome == Outcome::Pass   ? pass
       : outcome == Outcome::Fail ? fail
                                  : unsupported);
  }
};

using CountsByName = std::map<std::string, Counts>;

std::string formatPage(const CountsByName &operators,
                       const CountsByName &groups) {
  std::string page =
      "# ONNX operators\n\n"
      "Made by `onnx-suite --write-page docs/reference/onnx.md` from "
      "`lib/Interop/OnnxOps.def` and the tests of Debian's\n"
      "libonnx-testdata (opsets up to 17); `ctest -R onnx-suite` fails when it "
      "is "
      "out of date. *Passed* counts the models with the\n"
      "operator in them whose outputs agree, of those that could be imported "
      "or "
      "were refused for another reason. Element types are\n"
      "f32, f16, bf16, f64 (not in compiled programs), i8, i32, i64 and "
      "bool.\n\n"
      "| operator | since opset | family | passed | limits |\n"
      "|---|---|---|---|---|\n";
  std::set<std::string> known = {"Constant"};
  for (const OnnxOperator &op : onnxOperators()) {
    known.insert(op.name);
    auto found = operators.find(op.name);
    std::string passed = found == operators.end()
                             ? "no test"
                             : fmt::format("{} of {}", found->second.pass,
                                           found->second.total());
    page += fmt::format("| {}{} | {} | {} | {} | {} |\n",
                        op.domain.empty() ? "" : op.domain + ".", op.name,
                        op.since, op.family, passed, op.limits);
  }
  page += "\nOperators of the suite that are not supported:";
  const char *comma = " ";
  for (const auto &[name, counts] : operators)
    if (!known.count(name)) {
      page += comma + fmt::format("{} ({})", name, counts.total());
      comma = ", ";
    }
  page += ".\n\n## Export\n\nWhat `asgc convert -o m.onnx` writes for each op of "
          "asg, and for the blocks of `dialects/nn` that ONNX has an operator "
          "for;\n`ctest -R onnx-suite-export` writes every model that imports and "
          "reads it back.\n\n| op or block | operators |\n|---|---|\n";
  for (const OnnxExport &row : onnxExports())
    page += fmt::format("| {}`{}` | {} |\n", row.isBlock ? "block " : "",
                        row.what,
                        row.operators.empty() ? "none of its own"
                                              : row.operators);
  page += "\n## Groups\n\n| group | pass | unsupported | fail |\n|---|---|---|---|\n";
  for (const auto &[name, counts] : groups)
    page += fmt::format("| {} | {} | {} | {} |\n", name, counts.pass,
                        counts.unsupported, counts.fail);
  return page;
}

std::string readText(const std::string &path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void print(const std::string &name, const Counts &counts) {
  fmt::print("{:<34} {:>5} pass {:>5} unsupported {:>5} fail\n", name,
             counts.pass, counts.unsupported, counts.fail);
}

} // namespace

int main(int argc, char **argv) {
  std::string data, filter, list, page, newPage;
  std::map<std::string, int> minimum;
  Through through = Through::Nothing;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string option = argv[i], value = argv[i + 1];
    if (option == "--data")
      data = value;
    else if (option == "--filter")
      filter = value;
    else if (option == "--list")
      list = value;
    else if (option == "--page")
      page = value;
    else if (option == "--write-page")
      newPage = value;
    else if (option == "--through" && value == "text")
      through = Through::Text;
    else if (option == "--through" && value == "onnx")
      through = Through::Onnx;
    else if (option == "--at-least")
      minimum[value.substr(0, value.find('='))] =
          std::atoi(value.substr(value.find('=') + 1).c_str());
    else
      return fmt::print(stderr, "onnx-suite: unknown option '{}'\n", option), 2;
  }
  CountsByName groups, operators;
  int failures = 0;
  for (const Case &test : findCases(data, filter)) {
    if (auto found = mistaken.find(test.name); found != mistaken.end()) {
      fmt::print("skipped: {}: {}\n", test.name, found->second);
      continue;
    }
    Verdict verdict = run(test, through);
    groups[test.group + (test.isBasic ? "" : ", other types")].add(
        verdict.outcome);
    auto names = operatorsOf(test.model);
    for (const std::string &name : names ? *names : std::vector<std::string>())
      operators[name].add(verdict.outcome);
    bool isListed =
        verdict.outcome == Outcome::Fail ||
        (verdict.outcome == Outcome::Unsupported && list == "unsupported");
    if (isListed)
      fmt::print("{}: {}/{}: {}\n",
                 verdict.outcome == Outcome::Fail ? "FAIL" : "unsupported",
                 test.group, test.name, verdict.reason);
    failures += verdict.outcome == Outcome::Fail;
  }
  for (const auto &[name, counts] : operators)
    print(name, counts);
  for (const auto &[name, counts] : groups)
    print(name, counts);
  for (const auto &[name, least] : minimum)
    if (groups[name].pass < least) {
      fmt::print("FAIL: {} of group {} pass, at least {} did\n",
                 groups[name].pass, name, least);
      ++failures;
    }
  std::string text = formatPage(operators, groups);
  if (!newPage.empty())
    std::ofstream(newPage) << text;
  if (!page.empty() && readText(page) != text) {
    fmt::print(
        "FAIL: {} is out of date; onnx-suite --data {} --write-page {}\n", page,
        data, page);
    ++failures;
  }
  return failures ? 1 : 0;
}
