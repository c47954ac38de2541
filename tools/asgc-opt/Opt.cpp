//===- Opt.cpp - Runs passes over IR text ---------------------------------===//
#include "Opt.h"
#include "asgc/NestingGuard.h"
#include "asgc/Registry.h"
#include "asgc/SemanticsCheck.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace asgc {
namespace {

enum ExitCode { exitOk = 0, exitInput = 1, exitUsage = 2, exitEnvironment = 4 };

/// Options that are not mlir-opt's own.
struct Arguments {
  std::vector<std::string> rest;
  std::optional<uint64_t> seed; // of --check-semantics
  std::vector<std::string> remarks;

  bool read(int argc, char **argv);
};

/// False if an option is malformed.
bool Arguments::read(int argc, char **argv) {
  for (StringRef argument : ArrayRef<char *>(argv, argc)) {
    StringRef name = argument;
    name.consume_front("-");
    if (name.consume_front("-remarks=")) {
      for (StringRef category : llvm::split(name, ',')) {
        if (!llvm::is_contained(remarkCategories(), category)) {
          llvm::errs() << "error: there are no remarks of category '" << category
                       << "'; there are " << llvm::join(remarkCategories(), ", ")
                       << "\n";
          return false;
        }
        remarks.push_back(category.str());
      }
    } else if (name == "-check-semantics") {
      seed = 1;
    } else if (name.consume_front("-check-semantics=")) {
      uint64_t value;
      if (name.getAsInteger(10, value)) {
        llvm::errs() << "error: --check-semantics takes a number, not '" << name
                     << "'\n";
        return false;
      }
      seed = value;
    } else {
      rest.push_back(argument.str());
    }
  }
  return true;
}

/// Says why `buffer` cannot be given to MLIR's parser, and false; or true.
bool checkInput(const llvm::MemoryBuffer &buffer) {
  StringRef text = buffer.getBuffer();
  if (text.starts_with("ML\xefR")) {
    llvm::errs() << buffer.getBufferIdentifier()
                 << ": error: is MLIR bytecode; only text is read here\n";
    return false;
  }
  if (auto error = checkNesting(text)) {
    llvm::errs() << buffer.getBufferIdentifier() << ":" << error->line << ":"
                 << error->column << ": error: " << error->message << "\n";
    return false;
  }
  return true;
}

} // namespace

int runOpt(int argc, char **argv, DialectRegistry &registry) {
  Arguments arguments;
  if (!arguments.read(argc, argv))
    return exitUsage;
  std::vector<char *> rest;
  for (std::string &argument : arguments.rest)
    rest.push_back(argument.data());
  auto [input, output] = registerAndParseCLIOptions(
      static_cast<int>(rest.size()), rest.data(), "asg compiler passes\n",
      registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  auto differs = std::make_shared<bool>(false);
  auto setup = [plain = config, arguments, differs](PassManager &manager) {
    enableRemarks(*manager.getContext(), arguments.remarks);
    if (arguments.seed)
      manager.addInstrumentation(createSemanticsCheck(*arguments.seed, differs));
    return plain.setupPassPipeline(manager);
  };
  config.setPassPipelineSetupFn(setup);

  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(input, &message);
  if (!buffer) {
    llvm::errs() << "error: " << message << "\n";
    return exitEnvironment;
  }
  if (!checkInput(*buffer))
    return exitInput;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(output, &message);
  if (!file) {
    llvm::errs() << "error: " << message << "\n";
    return exitEnvironment;
  }
  if (failed(MlirOptMain(file->os(), std::move(buffer), registry, config)))
    return exitInput;
  if (*differs)
    return exitInput;
  file->keep();
  return exitOk;
}

} // namespace asgc
