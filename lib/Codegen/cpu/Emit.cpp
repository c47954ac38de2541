//===- Emit.cpp - From the llvm dialect to object code --------------------===//
#include "asgc/Codegen.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"

#include <atomic>
#include <thread>

using namespace mlir;
using namespace asgc;

namespace {

constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

std::unique_ptr<llvm::TargetMachine> makeTargetMachine(std::string *error) {
  static const bool initialized = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple(kTriple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, *error);
  if (!target)
    return nullptr;
  // What is common to all x86-64; each kernel names its own CPU.
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, "x86-64", "", llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// The code is vectorized and in good order already: what is left is to fold
/// addresses and constants, and to move what does not vary out of loops.
void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder passes(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(graphs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, graphs, modules);
  llvm::FunctionPassManager pipeline;
  pipeline.addPass(llvm::EarlyCSEPass());
  pipeline.addPass(
      llvm::InstCombinePass(llvm::InstCombineOptions().setMaxIterations(1)));
  pipeline.addPass(llvm::createFunctionToLoopPassAdaptor(
      llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      pipeline.run(function, functions);
}

/// The module in the llvm dialect as a module of LLVM; null after an error,
/// which the context reports.
std::unique_ptr<llvm::Module> translate(ModuleOp llvmModule,
                                        llvm::LLVMContext &context) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(&error);
  if (!machine) {
    llvmModule.emitError() << "LLVM has no code generator for " << kTriple
                           << ": " << error;
    return nullptr;
  }
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(llvmModule, context, "asgc");
  if (!module) {
    llvmModule.emitError() << "cannot be translated to LLVM IR";
    return nullptr;
  }
  module->setDataLayout(machine->createDataLayout());
  module->setTargetTriple(llvm::Triple(kTriple));
  return module;
}

/// Optimizes the module and writes it; empty if LLVM cannot.
std::string generate(llvm::Module &module, CodeFormat format) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(&error);
  if (!machine)
    return {};
  optimize(module, *machine);
  std::string code;
  llvm::raw_string_ostream text(code);
  if (format == CodeFormat::LlvmIr) {
    module.print(text, nullptr);
    return code;
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager codegen;
  auto fileType = format == CodeFormat::Assembly
                      ? llvm::CodeGenFileType::AssemblyFile
                      : llvm::CodeGenFileType::ObjectFile;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, fileType))
    return {};
  codegen.run(module);
  return std::string(bytes.begin(), bytes.end());
}

//===- Several objects ----------------------------------------------------===//

/// So many instructions take LLVM about 150 ms, which is worth a thread.
constexpr size_t kPartInstructions = 4000;
constexpr size_t kMaxParts = 8;

/// Which functions are defined in which part, by name.
struct Partition {
  llvm::StringMap<size_t> partOf;
  size_t count = 1;
};

/// Parts of about equal size. They depend on the module alone, so that every
/// machine writes the same objects.
Partition divide(const llvm::Module &module) {
  std::vector<std::pair<size_t, const llvm::Function *>> functions;
  size_t total = 0;
  for (const llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    functions.emplace_back(function.getInstructionCount(), &function);
    total += functions.back().first;
  }
  Partition partition;
  partition.count = std::clamp<size_t>(total / kPartInstructions, 1, kMaxParts);
  // The longest first, each to the part that has least.
  llvm::stable_sort(functions, [](const auto &a, const auto &b) {
    return a.first > b.first;
  });
  std::vector<size_t> sizes(partition.count);
  for (auto [size, function] : functions) {
    size_t part = llvm::min_element(sizes) - sizes.begin();
    sizes[part] += size;
    partition.partOf[function->getName()] = part;
  }
  return partition;
}

/// Makes what is local visible to the other parts, and to nothing else once
/// they are linked. Every name begins with the program's.
void shareAmongParts(llvm::Module &module) {
  for (llvm::GlobalValue &value : module.global_values()) {
    if (!value.hasLocalLinkage())
      continue;
    value.setLinkage(llvm::GlobalValue::ExternalLinkage);
    value.setVisibility(llvm::GlobalValue::HiddenVisibility);
    value.setDSOLocal(true);
  }
}

/// Reads the functions of `part` from `bitcode` and makes an object of them;
/// the first part has the constants too. Empty if LLVM cannot.
std::string generatePart(llvm::MemoryBufferRef bitcode,
                         const Partition &partition, size_t part) {
  llvm::LLVMContext context;
  auto module = llvm::getLazyBitcodeModule(bitcode, context);
  if (!module) {
    llvm::consumeError(module.takeError());
    return {};
  }
  for (llvm::Function &function : **module)
    if (!function.isDeclaration() &&
        partition.partOf.lookup(function.getName()) != part)
      function.deleteBody();
  if (part != 0)
    for (llvm::GlobalVariable &variable : (*module)->globals()) {
      variable.setInitializer(nullptr);
      variable.setLinkage(llvm::GlobalValue::ExternalLinkage);
      variable.setComdat(nullptr);
    }
  if (llvm::Error error = (*module)->materializeAll()) {
    llvm::consumeError(std::move(error));
    return {};
  }
  return generate(**module, CodeFormat::Object);
}

} // namespace

void asgc::registerCodegenDialects(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

std::string asgc::emitCode(ModuleOp llvmModule, CodeFormat format) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translate(llvmModule, context);
  if (!module)
    return {};
  std::string code = generate(*module, format);
  if (code.empty())
    llvmModule.emitError() << "LLVM cannot write " << kTriple << " code";
  return code;
}

std::vector<std::string> asgc::emitObjects(ModuleOp llvmModule) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = translate(llvmModule, context);
  if (!module)
    return {};
  Partition partition = divide(*module);
  std::vector<std::string> objects(partition.count);
  if (partition.count == 1) {
    objects[0] = generate(*module, CodeFormat::Object);
  } else {
    // A context of LLVM belongs to one thread: the parts travel as bitcode.
    shareAmongParts(*module);
    llvm::SmallVector<char, 0> bitcode;
    llvm::raw_svector_ostream stream(bitcode);
    llvm::WriteBitcodeToFile(*module, stream);
    llvm::MemoryBufferRef buffer(stream.str(), "asgc");
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t part; (part = next++) < partition.count;)
        objects[part] = generatePart(buffer, partition, part);
    };
    size_t cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    while (threads.size() + 1 < std::min(cores, partition.count))
      threads.emplace_back(work);
    work();
    for (std::thread &thread : threads)
      thread.join();
  }
  if (!llvm::any_of(objects, [](const auto &object) { return object.empty(); }))
    return objects;
  llvmModule.emitError() << "LLVM cannot write " << kTriple << " code";
  return {};
}
