//===- Compile.cpp - asgc compile: a C library, or any stage as text ------===//
#include "Execution.h"
#include "Model.h"
#include "Output.h"
#include "Weights.h"

#include "asgc/Package.h"

#include <filesystem>

namespace asgc::cli {

namespace fs = std::filesystem;

namespace {

struct CompileFlags {
  ModelFlags model;
  WeightFlags weights;
  std::string out, emit, after, dump, target = "cpu", remarks, depfile;
  std::string optimize = "2";
  bool shared = false, embed = false, strip = false, inferOnly = false;
  bool poison = false, timing = false;
};

/// The parts of `fusion,memory`.
std::vector<std::string> splitList(const std::string &text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

/// Whether the file of weights can be that of the library as it is.
bool isShippable(const WeightFlags &flags) {
  return flags.map.empty() &&
         fs::path(flags.file).extension() == ".safetensors";
}

bool hasTarget(const CompileFlags &flags, const char *name) {
  std::vector<std::string> targets = splitList(flags.target);
  return std::find(targets.begin(), targets.end(), name) != targets.end();
}

/// Checks what is a choice among few; the exit code if a choice is wrong.
std::optional<int> verifyFlags(const CompileFlags &flags) {
  auto choose = [](const char *what, const std::string &value,
                   const std::vector<std::string> &choices)
      -> std::optional<int> {
    if (std::find(choices.begin(), choices.end(), value) != choices.end())
      return std::nullopt;
    auto near = findNearest(value, choices);
    complain("{} '{}' is unknown; {}", what, value,
             near ? fmt::format("did you mean '{}'?", *near)
                  : fmt::format("there is {}", fmt::join(choices, ", ")));
    return ExitUsage;
  };
  for (const std::string &target : splitList(flags.target)) {
    if (target == "native" || target == "wasm32") {
      complain("target '{}' is not supported yet; there is cpu, vulkan", target);
      return ExitUnsupported;
    }
    if (auto code = choose("target", target, {"cpu", "vulkan"}))
      return code;
  }
  if (auto code = choose("-O", flags.optimize, {"0", "1", "2", "3"}))
    return code;
  if (!flags.emit.empty())
    if (auto code = choose("--emit", flags.emit, emitNames()))
      return code;
  if (!flags.after.empty())
    if (auto code = choose("--after: pass", flags.after, passNames()))
      return code;
  // Until the last pass a module is at one level; code is made after it.
  const char *level = flags.after.starts_with("plan-") ? "plan" : "asg";
  if (!flags.after.empty() && !flags.emit.empty() && flags.emit != level &&
      flags.emit != "dot" && flags.emit != "json") {
    complain("after {} there is no {} yet; there is --emit={}, dot or json",
             flags.after, flags.emit, level);
    return ExitUsage;
  }
  for (const std::string &category : splitList(flags.remarks))
    if (auto code = choose("--remarks: category", category, remarkNames()))
      return code;
  if (flags.emit.empty() && flags.after.empty() && flags.out.empty() &&
      flags.dump.empty()) {
    complain("say where the library goes: -o DIR, or what to print: --emit=plan");
    return ExitUsage;
  }
  return std::nullopt;
}

void showTimes(const Compilation &compilation) {
  double total = 0;
  for (const PassTime &time : compilation.times()) {
    say("{:>9.2f} ms  {}", time.seconds * 1e3, time.pass);
    total += time.seconds;
  }
  say("{:>9.2f} ms  in all", total * 1e3);
}

/// Prints a stage to standard output, or to the file -o names.
int emitStage(Compilation &compilation, const CompileFlags &flags,
              const Session &session) {
  Emit form = flags.emit.empty() ? Emit::Plan : *parseEmit(flags.emit);
  auto text = compilation.emit(form);
  if (!text)
    return reportCompilation(compilation, text.fault(), session);
  showDiagnostics(compilation, session);
  if (flags.out.empty() || flags.out == "-") {
    printText(*text);
    return ExitOk;
  }
  if (MaybeFault fault = writeFile(flags.out, *text))
    return reportFault(*fault);
  return ExitOk;
}

PackageOptions packageOptions(const CompileFlags &flags) {
  PackageOptions options;
  options.directory = flags.out;
  options.wantsSharedLibrary = flags.shared;
  // The runtime of an installed asgc lies beside it, that of a build in the
  // tree; both are known when asgc is built.
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  fs::path installed = self.parent_path().parent_path();
  if (!error && fs::exists(installed / "include/asgc/runtime.h", error)) {
    options.runtimeIncludeDir = installed / "include";
    options.runtimeLibraryDir = installed / ASGC_INSTALL_LIBDIR;
  } else {
    options.runtimeIncludeDir = ASGC_RUNTIME_INCLUDE;
    options.runtimeLibraryDir = installed / "runtime";
  }
  options.runtimeLinkFlags = {"-lstdc++", "-lpthread", "-lm"};
  return options;
}

/// The file that the weights of the library come from.
const std::string &weightsSource(const CompileFlags &flags) {
  return flags.weights.file.empty() ? flags.model.file : flags.weights.file;
}

/// The file of weights that goes with the library, inside it or beside it: that
/// of --weights, as it is if it can be, else the model's own; empty if there is
/// none.
Result<std::string> weightsToShip(const Compilation &compilation,
                                  const CompileFlags &flags) {
  const std::vector<ModelVariable> variables = compilation.variables();
  std::vector<NamedView> kept;
  if (!flags.weights.file.empty()) {
    auto given = readWeights(flags.weights, variables, compilation.name());
    if (!given)
      return given.fault();
    if (isShippable(flags.weights))
      return readFile(flags.weights.file);
    kept = std::move(*given);
  } else {
    for (const NamedView &weight : compilation.weights())
      for (const ModelVariable &variable : variables)
        if (weight.name == variable.name)
          kept.push_back(weight);
  }
  if (kept.empty())
    return std::string();
  return formatWeights(weightsSource(flags), kept);
}

/// Checks weights against the program by loading them, as an application would.
MaybeFault checkWeights(asgc_program_desc program, const std::string &weights,
                        const std::string &path) {
  program.weights = weights.data();
  program.weights_bytes = int64_t(weights.size());
  asgc_program *instance = nullptr;
  asgc_options options = {};
  options.threads = 1;
  asgc_status status = asgc_program_create(&program, &options, &instance);
  asgc_program_destroy(instance);
  MaybeFault fault = faultOf(status, asgc_last_error());
  if (fault)
    fault->message = path + ": " + fault->message;
  return fault;
}

/// Writes the library with the file of weights `weights`, if it is not empty.
int writeLibrary(Compilation &compilation, std::string weights,
                 const CompileFlags &flags, const Session &session) {
  PackageInput input;
  input.source = fs::path(flags.model.file).filename().string();
  auto objects = compilation.makeObjects();
  if (!objects)
    return reportCompilation(compilation, objects.fault(), session);
  input.objects = std::move(*objects);
  auto program = compilation.link();
  if (!program)
    return reportCompilation(compilation, program.fault(), session);
  showDiagnostics(compilation, session);
  input.program = &(*program)->description();
  if (!weights.empty())
    if (MaybeFault fault =
            checkWeights(*input.program, weights, weightsSource(flags)))
      return reportFault(*fault);
  if (!flags.embed)
    input.weights = std::move(weights);
  std::string facts = fmt::format("{{\"target\": {}, \"optimize\": {}, "
                                  "\"passes\": [",
                                  quoteJson(flags.target), flags.optimize);
  const char *comma = "";
  for (const PassTime &time : compilation.times()) {
    facts += comma + quoteJson(time.pass);
    comma = ", ";
  }
  input.compilerFacts = facts + "]}";
  PackageResult result = writePackage(input, packageOptions(flags));
  if (!result.error.empty())
    return reportFault({result.isEnvironmentError ? FaultKind::Environment
                                                  : FaultKind::Input,
                        result.error});
  if (!session.settings.isQuiet())
    for (const fs::path &file : result.files)
      say("wrote {}", file.string());
  return ExitOk;
}

/// A rule for make that says what the outputs depend on.
MaybeFault writeDepfile(Compilation &compilation, const CompileFlags &flags) {
  SourceManager &sources = compilation.sources();
  std::string rule = fmt::format("{}/lib{}.a:", flags.out,
                                 toIdentifier(compilation.name()));
  for (FileId file = 0; file < sources.getNumFiles(); ++file) {
    std::error_code error;
    fs::path path = fs::absolute(sources.getFile(file).getPath(), error);
    if (!fs::exists(path, error)) // the standard library is in asgc itself
      continue;
    rule += " \\\n  ";
    for (char c : path.string())
      rule += c == ' ' ? "\\ " : std::string(1, c);
  }
  return writeFile(flags.depfile, rule + "\n");
}

int act(const CompileFlags &flags, const Session &session) {
  if (auto code = verifyFlags(flags))
    return *code;
  CompileOptions options = compileOptions(flags.model);
  options.inferOnly = flags.inferOnly;
  options.optimize = flags.optimize[0] - '0';
  options.poison = flags.poison;
  options.stripMetadata = flags.strip;
  options.after = flags.after;
  options.dumpFolder = flags.dump;
  options.wantsSnapshots = flags.emit == "json";
  options.cpu = hasTarget(flags, "cpu");
  options.vulkan = hasTarget(flags, "vulkan");
  options.splitsF32 = session.settings.splitsF32();
  options.addsAtomically = session.settings.addsAtomically();
  options.tileTimes = session.settings.tiles().times;
  options.remarks = splitList(flags.remarks);
  if (!flags.dump.empty()) {
    std::error_code error;
    fs::create_directories(flags.dump, error);
    if (error)
      return reportFault({FaultKind::Environment,
                          fmt::format("{}: {}", flags.dump, error.message())});
  }
  Compilation compilation(options);
  if (auto code = loadModel(compilation, flags.model, session))
    return *code;
  bool wantsText = !flags.emit.empty() || !flags.after.empty() ||
                   flags.out.empty();
  std::string weights;
  if (flags.embed || !wantsText) {
    auto file = weightsToShip(compilation, flags);
    if (!file)
      return reportFault(file.fault());
    weights = std::move(*file);
  }
  if (flags.embed && weights.empty()) {
    complain(
        "--embed-weights needs --weights FILE, or an ONNX model with weights");
    return ExitUsage;
  }
  if (flags.embed)
    compilation.embed(weights);
  int code =
      wantsText ? emitStage(compilation, flags, session)
                : writeLibrary(compilation, std::move(weights), flags, session);
  for (const std::string &remark : compilation.remarks())
    sayText(remark);
  if (code == ExitOk && !flags.depfile.empty())
    if (MaybeFault fault = writeDepfile(compilation, flags))
      return reportFault(*fault);
  if (flags.timing)
    showTimes(compilation);
  return code;
}

} // namespace

void addCompile(CLI::App &app, Session &session) {
  auto flags = std::make_shared<CompileFlags>();
  CLI::App *verb = addVerb(
      app, "compile", "Compile a model into a C library, or print any stage",
      "asgc compile digits.asg --weights run/weights.safetensors -o lib\n"
      "asgc compile digits.asg --emit=plan          look at kernels and memory\n"
      "asgc compile digits.asg --emit=asg --after=asg-simplify");
  addModelFlags(verb, flags->model);
  addPrecisionFlag(verb, flags->model);
  verb->add_option("-o,--out", flags->out,
                   "Folder for the library; with --emit the file to write")
      ->option_text("DIR");
  addWeightFlags(verb, flags->weights,
                 "Ship these parameters as NAME.safetensors");
  verb->add_flag("--embed-weights", flags->embed,
                 "Put the weights into the library itself");
  verb->add_flag("--shared", flags->shared, "Also link libNAME.so");
  verb->add_flag("--infer-only", flags->inferOnly, "Leave training out");
  verb->add_flag("--strip", flags->strip,
                 "Leave graph and plan out of the library (see asgc_program_dump)");
  verb->add_option("--target", flags->target,
                   "cpu (default), vulkan, or both: cpu,vulkan")
      ->option_text("NAME,…");
  verb->add_option("-O", flags->optimize,
                   "0: no fusion, for comparison; 1 to 3: all of it (default)")
      ->option_text("N");
  verb->add_option("--depfile", flags->depfile,
                   "Write what the library depends on, as a rule for make")
      ->option_text("FILE");
  const char *look = "Looking inside";
  verb->add_option("--emit", flags->emit, "asg, plan, llvm, spirv, asm, obj, dot, json")
      ->option_text("FORM")
      ->group(look);
  verb->add_option("--after", flags->after, "Stop after this pass, or 'elaborate'")
      ->option_text("PASS")
      ->group(look);
  verb->add_option("--dump", flags->dump, "Write the IR after every pass there")
      ->option_text("DIR")
      ->group(look);
  verb->add_option("--remarks", flags->remarks, "fusion, memory: why it came out so")
      ->option_text("KIND,…")
      ->group(look);
  verb->add_flag("--timing", flags->timing, "Time of each pass")->group(look);
  verb->add_flag("--poison", flags->poison, "Fill dead memory with NaN")
      ->group(look);
  setAction(verb, session, flags, act);
}

} // namespace asgc::cli
