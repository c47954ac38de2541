//===- Run.cpp - asgc run: a model on given inputs ------------------------===//
#include "Execution.h"
#include "Model.h"
#include "Output.h"

#include <cstring>

namespace asgc::cli {

namespace {

struct RunOptions {
  ModelFlags model;
  WeightFlags weights;
  std::string directory, entry = "infer";
  std::vector<std::string> inputs;
  std::optional<int64_t> seed;
  bool ordinal = false, json = false, poison = false;
};

/// Element `index` of `array`: floats with so many digits, integers with all.
std::string showElement(const Array &array, int64_t index, int digits) {
  if (array.type == ElementType::I64 || array.type == ElementType::U64) {
    uint64_t bits;
    std::memcpy(&bits, array.data.data() + size_t(index) * sizeof(bits),
                sizeof(bits));
    return array.type == ElementType::U64 ? std::to_string(bits)
                                          : std::to_string(int64_t(bits));
  }
  double value;
  loadElements(array.type, array.data.data(), size_t(index), {&value, 1});
  return isFloat(array.type) ? fmt::format("{:.{}g}", value, digits)
                             : fmt::format("{:.0f}", value);
}

/// The numbers of `array`, at most `limit` of them.
std::string showNumbers(const Array &array, int64_t limit) {
  std::string text;
  for (int64_t i = 0; i < std::min(array.elements(), limit); ++i)
    text += (i ? ", " : "") + showElement(array, i, 6);
  return array.elements() > limit ? text + ", …" : text;
}

void showOutputs(const std::vector<NamedArray> &outputs, bool json) {
  if (!json) {
    for (const NamedArray &output : outputs)
      print("{}: {} = {}\n", output.name, describeArray(output.array),
            showNumbers(output.array, 16));
    return;
  }
  std::string text = "{\"outputs\": [";
  const char *comma = "";
  for (const NamedArray &output : outputs) {
    text += fmt::format("{}\n  {{\"name\": {}, \"dtype\": \"{}\", \"shape\": "
                        "[{}], \"values\": [",
                        comma, quoteJson(output.name),
                        elementName(output.array.type),
                        fmt::join(output.array.shape, ", "));
    for (int64_t i = 0; i < output.array.elements(); ++i) {
      std::string number = showElement(output.array, i, 9);
      bool isFinite = number.find_first_of("ni") == std::string::npos;
      text += (i ? ", " : "") + // JSON has no NaN
              (isFinite ? number : "\"" + number + "\"");
    }
    text += "]}";
    comma = ",";
  }
  printText(text + "\n]}\n");
}

int act(const RunOptions &options, const Session &session) {
  CompileOptions compile = hostOptions(options.model, session);
  compile.inferOnly = options.entry == "infer";
  compile.poison = options.poison;
  compile.stripMetadata = true;
  // Shapes inside an ONNX model may depend on them.
  compile.inputs = [&](const std::vector<std::string> &names) {
    auto known = readInputs(options.inputs, names, "--input");
    return known ? std::move(*known) : ArrayMap(); // its fault comes below
  };
  Compilation compilation(compile);
  if (auto code = loadModel(compilation, options.model, session))
    return *code;
  auto execution =
      Execution::create(compilation, session.settings, options.poison);
  if (!execution)
    return reportCompilation(compilation, execution.fault(), session);
  showDiagnostics(compilation, session);

  const asgc_program_desc &program = (*execution)->description();
  if (!(*execution)->program().entry(options.entry)) {
    complain("the program has no entry '{}'; there is {}", options.entry,
             fmt::join(entryNames(program), ", "));
    return ExitInput;
  }
  auto inputs = readInputs(options.inputs, inputNames(program, options.entry),
                           "--input");
  if (!inputs)
    return reportFault(inputs.fault());
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
  auto outputs = (*execution)->run(options.entry, *inputs);
  if (!outputs)
    return reportFault(outputs.fault());
  if (!options.directory.empty())
    if (MaybeFault fault =
            writeOutputs(*outputs, options.directory, options.ordinal))
      return reportFault(*fault);
  if (options.directory.empty() || options.json)
    showOutputs(*outputs, options.json);
  return ExitOk;
}

} // namespace

void addRun(CLI::App &app, Session &session) {
  auto options = std::make_shared<RunOptions>();
  CLI::App *verb = addVerb(
      app, "run", "Run a model on given inputs",
      "asgc run digits.asg --weights w.safetensors --input image=x.npy\n"
      "asgc run digits.asg --weights w.safetensors --input x.npz --output-dir out");
  addModelFlags(verb, options->model);
  addPrecisionFlag(verb, options->model);
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
  verb->add_option("--output-dir", options->directory,
                   "Write each output there as NAME.npy; else they are printed")
      ->option_text("DIR");
  verb->add_flag("--ordinal", options->ordinal,
                 "Call them out0.npy, out1.npy, … in order");
  verb->add_option("--entry", options->entry,
                   "Entry point: infer (default), eval_step, train_step")
      ->option_text("NAME");
  verb->add_flag("--poison", options->poison,
                 "Fill dead memory with NaN, to find what reads it");
  verb->add_flag("--json", options->json, "Print the outputs for programs");
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
