//===- Grad.cpp - asgc grad: derivatives of a model -----------------------===//
#include "Execution.h"
#include "Model.h"
#include "Output.h"

namespace asgc::cli {

namespace {

struct GradOptions {
  ModelFlags model;
  WeightFlags weights;
  std::string directory;
  std::vector<std::string> inputs, cotangents;
  std::optional<int64_t> seed;
};

int act(const GradOptions &options, const Session &session) {
  CompileOptions compile = hostOptions(options.model, session);
  compile.wantsGradients = true;
  compile.stripMetadata = true;
  Compilation compilation(compile);
  if (auto code = loadModel(compilation, options.model, session))
    return *code;
  auto execution = Execution::create(compilation, session.settings);
  if (!execution)
    return reportCompilation(compilation, execution.fault(), session);

  const asgc_program_desc &program = (*execution)->description();
  // The entry's inputs are the model's, then a cotangent for each output.
  const std::string prefix = "cotangent_";
  std::vector<std::string> names = inputNames(program, "infer"), outputs;
  for (const std::string &name : inputNames(program, "grad"))
    if (std::find(names.begin(), names.end(), name) == names.end())
      outputs.push_back(name.substr(prefix.size()));
  auto inputs = readInputs(options.inputs, names, "--input");
  if (!inputs)
    return reportFault(inputs.fault());
  auto cotangents = readInputs(options.cotangents, outputs, "--cotangent");
  if (!cotangents)
    return reportFault(cotangents.fault());
  for (const std::string &output : outputs) {
    auto found = cotangents->find(output);
    if (found == cotangents->end()) {
      complain("the cotangent of output '{0}' is missing; give --cotangent "
               "{0}=FILE.npy",
               output);
      return ExitInput;
    }
    inputs->emplace(prefix + output, std::move(found->second));
  }
  MaybeFault fault;
  if (options.seed || options.weights.isPartial)
    fault = (*execution)->program().init(options.seed.value_or(0));
  else if (options.weights.file.empty() && compilation.weights().empty() &&
           (*execution)->hasParameters())
    fault = Fault{FaultKind::Input,
                  "the model has parameters; give --weights FILE, or --seed N "
                  "for fresh ones"};
  if (!fault && !options.weights.file.empty())
    fault = (*execution)->loadWeights(options.weights);
  if (fault)
    return reportFault(*fault);
  auto gradients = (*execution)->run("grad", *inputs);
  if (!gradients)
    return reportFault(gradients.fault());
  if (MaybeFault fault = writeOutputs(*gradients, options.directory, false))
    return reportFault(*fault);
  if (!session.settings.isQuiet())
    for (const NamedArray &gradient : *gradients)
      print("{}: {}\n", gradient.name, describeArray(gradient.array));
  return ExitOk;
}

} // namespace

void addGrad(CLI::App &app, Session &session) {
  auto options = std::make_shared<GradOptions>();
  CLI::App *verb = addVerb(
      app, "grad", "Derivatives of Σ output · cotangent by inputs and parameters",
      "asgc grad m.asg --weights w.safetensors --input x=x.npy \\\n"
      "          --cotangent output=dy.npy --output-dir out    writes out/grad_x.npy, …");
  addModelFlags(verb, options->model);
  addWeightFlags(verb, options->weights,
                 "Parameters: .safetensors, .pt, .gguf, …");
  addPartialFlag(verb, options->weights);
  verb->add_option("--seed", options->seed, "Fresh parameters drawn from this seed")
      ->option_text("N");
  verb->add_option("--input", options->inputs,
                   "An input: .npy, ONNX .pb; or a whole .npz by name")
      ->option_text("NAME=FILE")
      ->expected(1)
      ->take_all();
  verb->add_option("--cotangent", options->cotangents,
                   "The weight of each element of an output, as --input")
      ->option_text("OUTPUT=FILE")
      ->expected(1)
      ->take_all();
  verb->add_option("--output-dir", options->directory,
                   "Where grad_NAME.npy goes, for each input and parameter")
      ->option_text("DIR")
      ->required();
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
