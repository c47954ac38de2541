//===- Check.cpp - asgc check: is this file all right? --------------------===//
#include "Model.h"
#include "Output.h"

#include "asgc/Train.h"
#include "asgc/Weights.h"
#include "asgc/safetensors.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace asgc::cli {

namespace fs = std::filesystem;

namespace {

struct CheckOptions {
  std::vector<std::string> files;
  ModelFlags model;
  std::string diagnostics = "human";
};

int checkModel(const std::string &path, const CheckOptions &options,
               const Session &session) {
  DiagnosticsForm form = options.diagnostics == "json" ? DiagnosticsForm::Json
                         : options.diagnostics == "short"
                             ? DiagnosticsForm::Short
                             : DiagnosticsForm::Human;
  Compilation compilation(compileOptions(options.model));
  MaybeFault fault = compilation.load(path);
  if (!fault)
    fault = compilation.check();
  showDiagnostics(compilation, session, form);
  if (!fault)
    return ExitOk;
  size_t count = compilation.diagnostics().getNumErrors();
  if (fault->message.empty() && form == DiagnosticsForm::Human)
    say("asgc: {}: {} error{}", path, count, count == 1 ? "" : "s");
  return reportFault(*fault);
}

int checkIrFile(const std::string &path) {
  std::vector<std::string> messages;
  MaybeFault fault = checkIr(path, &messages);
  for (const std::string &message : messages)
    sayText(message);
  return fault ? reportFault(*fault) : int(ExitOk);
}

/// Weights, or a checkpoint, which is weights with a checksum and more.
int checkSafetensors(const std::string &path) {
  asgc_safetensors *file = nullptr;
  asgc_status status = asgc_safetensors_open(path.c_str(), &file);
  if (status != ASGC_OK)
    return reportFault({status == ASGC_CORRUPT_FILE ? FaultKind::Input
                                                    : FaultKind::Environment,
                        asgc_last_error()});
  bool isCheckpoint = asgc_safetensors_metadata(file, "asgc") != nullptr;
  asgc_safetensors_close(file);
  if (!isCheckpoint)
    return ExitOk;
  auto info = verifyCheckpoint(path);
  return info ? int(ExitOk) : reportFault(info.fault());
}

/// Weights of other systems: every tensor is read.
int checkWeightFile(const std::string &path) {
  auto file = openWeights(path);
  if (!file)
    return reportFault(file.fault());
  for (size_t i = 0; i < (*file)->tensors().size(); ++i)
    if ((*file)->tensors()[i].type)
      if (auto bytes = (*file)->read(i); !bytes)
        return reportFault(bytes.fault());
  return ExitOk;
}

template <typename T> int checkResult(const Result<T> &result) {
  return result ? int(ExitOk) : reportFault(result.fault());
}

/// Whether the manifest says what a manifest must.
MaybeFault checkManifest(const nlohmann::json &manifest,
                         const std::string &path) {
  for (const char *field : {"name", "abi", "entries", "variables", "dims"})
    if (!manifest.contains(field))
      return Fault{FaultKind::Input,
                   fmt::format("{}: has no field '{}'", path, field)};
  if (manifest["abi"] != ASGC_ABI_VERSION)
    return Fault{FaultKind::Unsupported,
                 fmt::format("{}: was compiled for ABI {}, this asgc has {}",
                             path, manifest["abi"].dump(), ASGC_ABI_VERSION)};
  return std::nullopt;
}

/// The manifest of an artifact, and that every file it goes with is there.
int checkArtifact(const fs::path &folder) {
  std::error_code error;
  bool found = false;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json")
      continue;
    auto text = readFile(entry.path().string());
    if (!text)
      return reportFault(text.fault());
    auto manifest = nlohmann::json::parse(*text, nullptr, false);
    if (manifest.is_discarded() || !manifest.is_object())
      continue;
    if (manifest.value("format", "") != "asgc-manifest/1")
      continue;
    found = true;
    std::string stem = entry.path().stem().string();
    for (const std::string &file :
         {stem + ".h", "lib" + stem + ".a", stem + ".pc", stem + "Config.cmake"})
      if (!fs::is_regular_file(folder / file, error)) {
        complain("{}: {} is missing beside {}", folder.string(), file,
                 entry.path().filename().string());
        return ExitInput;
      }
    if (MaybeFault fault = checkManifest(manifest, entry.path().string()))
      return reportFault(*fault);
    fs::path weights = folder / (stem + ".safetensors");
    if (fs::exists(weights, error))
      if (int code = checkSafetensors(weights.string()))
        return code;
  }
  if (found)
    return ExitOk;
  // A run folder: every checkpoint in it.
  auto checkpoints = listCheckpoints(folder.string());
  for (const auto &[step, path] : checkpoints)
    if (int code = checkResult(verifyCheckpoint(path)))
      return code;
  if (!checkpoints.empty())
    return ExitOk;
  complain("{}: is neither a compiled model nor a run folder", folder.string());
  return ExitInput;
}

int checkData(const std::string &path) {
  DataRecipe recipe;
  recipe.format = DataFormat::Csv;
  recipe.path = path;
  recipe.split = 1;
  return checkResult(loadData(recipe, ""));
}

int checkFile(const std::string &path, const CheckOptions &options,
              const Session &session) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return checkArtifact(path);
  std::string name = path;
  bool isGzip = name.ends_with(".gz");
  if (isGzip)
    name.resize(name.size() - 3);
  std::string extension = fs::path(name).extension().string();
  if (!isGzip && (extension == ".mlir" || extension == ".mlirbc"))
    return checkIrFile(path);
  if (!isGzip && extension == ".safetensors")
    return checkSafetensors(path);
  if (!isGzip && isWeightFile(path))
    return checkWeightFile(path);
  if (!isGzip && extension == ".npy")
    return checkResult(readNpy(path));
  if (!isGzip && extension == ".pb")
    return checkResult(readTensorProto(path));
  if (extension == ".csv")
    return checkData(path);
  if (extension == ".idx" || name.ends_with("-ubyte"))
    return checkResult(readIdx(path));
  if (extension != ".asg" && !fs::exists(path, error)) {
    complain("{}: no such file", path);
    return ExitEnvironment;
  }
  return checkModel(path, options, session);
}

int act(const CheckOptions &options, const Session &session) {
  if (options.diagnostics != "human" && options.diagnostics != "json" &&
      options.diagnostics != "short") {
    complain("--diagnostics can be human, json or short, not '{}'",
             options.diagnostics);
    return ExitUsage;
  }
  int worst = ExitOk;
  for (const std::string &path : options.files)
    worst = std::max(worst, checkFile(path, options, session));
  return worst;
}

} // namespace

void addCheck(CLI::App &app, Session &session) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App *verb = addVerb(
      app, "check", "Find every mistake in a file, changing nothing",
      "asgc check digits.asg              syntax, names, shapes, gradients\n"
      "asgc check run/weights.safetensors lib/ data.csv.gz\n"
      "asgc check --diagnostics=json digits.asg");
  verb->add_option(
          "FILE", options->files,
          "Model text, ONNX, IR (.mlir), .safetensors (weights, checkpoints),\n"
          ".pt, .gguf, .npy, .npz, .pb, .csv, .idx,\n"
          "a compiled model's or run's folder")
      ->required();
  verb->add_option("--model", options->model.model,
                   "Which model, if the file has several")
      ->option_text("NAME");
  verb->add_option("--set", options->model.settings, "Change a setting, as in train")
      ->option_text("KEY=VALUE")
      ->expected(1)
      ->take_all();
  verb->add_option("--dim", options->model.dims, "Fix a run-time dim: batch=64")
      ->option_text("NAME=N")
      ->expected(1)
      ->take_all();
  verb->add_option("--diagnostics", options->diagnostics,
                   "human (default), short, or json: a line each, to standard output")
      ->option_text("FORM");
  verb->add_flag_callback(
      "--json", [options] { options->diagnostics = "json"; },
      "The same as --diagnostics=json");
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
