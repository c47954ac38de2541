//===- Convert.cpp - asgc convert: the same model in another form ---------===//
#include "Execution.h"
#include "Model.h"
#include "Output.h"
#include "Weights.h"
#include "asgc/file.h"

#include <filesystem>

namespace asgc::cli {

namespace fs = std::filesystem;

namespace {

struct ConvertFlags {
  ModelFlags model;
  WeightFlags weights;
  std::string out, entry = "infer";
};

const std::vector<std::string> kModelForms = {".asg", ".onnx", ".mlir",
                                              ".mlirbc", ".json"};

std::string extensionOf(const std::string &path) {
  return fs::path(path).extension().string();
}

bool isOneOf(const std::string &text, const std::vector<std::string> &texts) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// Where the weights that belong to `out` go.
std::string weightsBeside(const std::string &out) {
  return fs::path(out).replace_extension(".safetensors").string();
}

struct Discard {
  void operator()(asgc_file_writer *writer) const { asgc_file_discard(writer); }
};
using FileWriter = std::unique_ptr<asgc_file_writer, Discard>;

asgc_status createFile(const std::string &path, FileWriter &writer) {
  asgc_file_writer *created = nullptr;
  asgc_status status = asgc_file_create(path.c_str(), &created);
  writer.reset(created);
  return status;
}

/// `bytes`, and the weights that belong to them beside. Neither file takes its
/// name before both are written, and that of `path` is the last: whoever sees
/// it finds the weights.
template <typename Weight>
MaybeFault writeResult(const std::string &path, const std::string &bytes,
                       const std::vector<Weight> &weights,
                       const Session &session) {
  if (path == "-") {
    printText(bytes);
    return std::nullopt;
  }
  FileWriter result;
  asgc_status status = createFile(path, result);
  if (!status)
    status = asgc_file_write(result.get(), bytes.data(), bytes.size());
  if (!status)
    status = asgc_file_sync(result.get());
  if (status)
    return faultOf(status, asgc_last_error());
  std::string beside = weightsBeside(path);
  if (!weights.empty())
    if (MaybeFault fault = writeWeights(beside, weights))
      return fault;
  status = asgc_file_commit(result.release());
  if (!status && !session.settings.isQuiet()) {
    if (!weights.empty())
      say("wrote {}", beside);
    say("wrote {}", path);
  }
  return faultOf(status, asgc_last_error());
}

/// What was written must mean something to the compiler itself.
MaybeFault checkText(const ModelText &model, const std::string &path) {
  CompileOptions options;
  options.inferOnly = true;
  Compilation compilation(options);
  MaybeFault fault = compilation.loadText(path, model.text);
  if (!fault)
    return std::nullopt;
  std::string message = fault->message;
  for (const Diagnostic &diagnostic :
       compilation.diagnostics().getDiagnostics())
    if (message.empty())
      message = renderShort(diagnostic, compilation.sources());
  return Fault{FaultKind::Internal,
               "the text that was made is wrong: " + message};
}

int toText(Compilation &compilation, const ConvertFlags &flags,
           const std::vector<NamedView> &values, const Session &session) {
  std::string name = flags.out == "-" ? compilation.name()
                                      : fs::path(flags.out).stem().string();
  auto model = compilation.toText(name, values);
  if (!model) {
    Fault fault = model.fault();
    fault.message = flags.model.file + ": " + fault.message;
    return reportFault(fault);
  }
  if (MaybeFault fault = checkText(*model, flags.out))
    return reportFault(*fault);
  for (const auto &[old, name] : model->renamed)
    if (!session.settings.isQuiet())
      complain("'{}' is called '{}' in the text", old, name);
  if (!model->missing.empty() && !values.empty())
    return reportFault(
        {FaultKind::Input, fmt::format("{}: has no {}", flags.weights.file,
                                       fmt::join(model->missing, ", "))});
  if (MaybeFault fault =
          writeResult(flags.out, model->text, model->weights, session))
    return reportFault(*fault);
  return ExitOk;
}

asgc_status writeParts(asgc_file_writer *writer,
                       const std::vector<OnnxDataPart> &parts) {
  int64_t at = 0;
  for (const auto &[offset, value] : parts) {
    const std::vector<std::byte> gap(size_t(offset - at));
    if (asgc_status status = asgc_file_write(writer, gap.data(), gap.size()))
      return status;
    if (asgc_status status =
            asgc_file_write(writer, value.data.data(), value.data.size()))
      return status;
    if (value.owner)
      value.owner->forget(value.data);
    at = offset + int64_t(value.data.size());
  }
  return ASGC_OK;
}

/// Neither file takes its name before both are written, and the model's is the
/// last: whoever sees it finds the data.
MaybeFault writeOnnx(const std::string &path, const std::string &dataPath,
                     const OnnxFiles &files) {
  FileWriter model, data;
  asgc_status status = createFile(path, model);
  if (!status)
    status =
        asgc_file_write(model.get(), files.model.data(), files.model.size());
  if (!status)
    status = asgc_file_sync(model.get());
  if (!status && !files.data.empty()) {
    status = createFile(dataPath, data);
    if (!status)
      status = writeParts(data.get(), files.data);
    if (!status)
      status = asgc_file_commit(data.release());
  }
  if (!status)
    status = asgc_file_commit(model.release());
  return faultOf(status, asgc_last_error());
}

int toOnnx(Compilation &compilation, const ConvertFlags &flags,
           const std::vector<NamedView> &values, const Session &session) {
  OnnxExportOptions options;
  options.dataFile = fs::path(flags.out).filename().string() + ".data";
  auto files = compilation.toOnnx(flags.entry, values, options);
  if (!files) {
    Fault fault = files.fault();
    fault.message = flags.model.file + ": " + fault.message;
    return reportFault(fault);
  }
  const std::string data = flags.out + ".data";
  if (MaybeFault fault = writeOnnx(flags.out, data, *files))
    return reportFault(*fault);
  if (!session.settings.isQuiet()) {
    if (!files->data.empty())
      say("wrote {}", data);
    say("wrote {}", flags.out);
  }
  return ExitOk;
}

int toIr(Compilation &compilation, const ConvertFlags &flags,
         const std::vector<NamedView> &values, const Session &session) {
  std::string form = extensionOf(flags.out);
  auto bytes = compilation.serialize(form == ".mlirbc" ? GraphForm::Bytecode
                                     : form == ".json" ? GraphForm::Json
                                                       : GraphForm::Text);
  if (!bytes)
    return reportFault(bytes.fault());
  if (MaybeFault fault = writeResult(flags.out, *bytes, values, session))
    return reportFault(*fault);
  return ExitOk;
}

int convertWeights(const ConvertFlags &flags, const Session &session) {
  if (extensionOf(flags.out) != ".safetensors") {
    complain("{}: weights become .safetensors, not '{}'", flags.model.file,
             extensionOf(flags.out));
    return ExitUsage;
  }
  auto values = readWeights({flags.model.file, flags.weights.map});
  if (!values)
    return reportFault(values.fault());
  if (MaybeFault fault = writeWeights(flags.out, *values))
    return reportFault(*fault);
  if (!session.settings.isQuiet())
    say("wrote {}", flags.out);
  return ExitOk;
}

int act(const ConvertFlags &flags, const Session &session) {
  if (isWeightFile(flags.model.file))
    return convertWeights(flags, session);
  std::string form = flags.out == "-" ? ".asg" : extensionOf(flags.out);
  if (!isOneOf(form, kModelForms)) {
    complain("-o {}: a model becomes {}", flags.out,
             fmt::join(kModelForms, ", "));
    return ExitUsage;
  }
  if (flags.entry != "infer" && form != ".onnx") {
    complain("--entry is for ONNX; {} holds every entry it can", form);
    return ExitUsage;
  }
  bool isText = extensionOf(flags.model.file) == ".asg";
  if (isText && form == ".asg") {
    complain("{} is a model text already; `asgc fmt` lays it out",
             flags.model.file);
    return ExitUsage;
  }
  Compilation compilation(compileOptions(flags.model));
  if (auto code = loadModel(compilation, flags.model, session))
    return *code;
  showDiagnostics(compilation, session);
  std::vector<NamedView> given;
  if (!flags.weights.file.empty()) {
    auto read =
        readWeights(flags.weights, compilation.variables(), compilation.name());
    if (!read)
      return reportFault(read.fault());
    given = std::move(*read);
  }
  const std::vector<NamedView> &values =
      flags.weights.file.empty() ? compilation.weights() : given;
  if (form == ".asg")
    return toText(compilation, flags, values, session);
  if (form == ".onnx")
    return toOnnx(compilation, flags, values, session);
  return toIr(compilation, flags, values, session);
}

} // namespace

void addConvert(CLI::App &app, Session &session) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App *verb = addVerb(
      app, "convert", "Write a model, or weights, in another form",
      "asgc convert m.onnx -o m.asg          text, and m.safetensors "
      "beside it\n"
      "asgc convert digits.asg --weights w.safetensors -o digits.onnx\n"
      "asgc convert model.pt -o model.safetensors     weights of PyTorch");
  addModelFlags(verb, flags->model);
  verb->add_option("-o,--out", flags->out,
                   "The file to write: .asg (- prints it), .onnx, .mlir, "
                   ".mlirbc, .json;\n"
                   ".safetensors of weights")
      ->option_text("FILE")
      ->required();
  addWeightFlags(verb, flags->weights,
                 "Values of the parameters, where MODEL has none");
  verb->add_option("--entry", flags->entry,
                   "What becomes ONNX: infer (default), train_step, eval_step")
      ->option_text("NAME");
  setAction(verb, session, flags, act);
}

} // namespace asgc::cli
