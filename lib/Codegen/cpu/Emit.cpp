//===- Emit.cpp - From the llvm dialect to object code --------------------===//
#include "asgc/Codegen.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

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

} // namespace

void asgc::registerCodegenDialects(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

std::string asgc::emitCode(ModuleOp llvmModule, CodeFormat format) {
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = makeTargetMachine(&error);
  if (!machine) {
    llvmModule.emitError() << "LLVM has no code generator for " << kTriple
                           << ": " << error;
    return {};
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(llvmModule, context, "asgc");
  if (!module) {
    llvmModule.emitError() << "cannot be translated to LLVM IR";
    return {};
  }
  module->setDataLayout(machine->createDataLayout());
  module->setTargetTriple(llvm::Triple(kTriple));
  optimize(*module, *machine);

  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  if (format == CodeFormat::LlvmIr) {
    module->print(stream, nullptr);
    return std::string(code.begin(), code.end());
  }
  llvm::legacy::PassManager codegen;
  auto fileType = format == CodeFormat::Assembly
                      ? llvm::CodeGenFileType::AssemblyFile
                      : llvm::CodeGenFileType::ObjectFile;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, fileType)) {
    llvmModule.emitError() << "LLVM cannot write " << kTriple << " code";
    return {};
  }
  codegen.run(*module);
  return std::string(code.begin(), code.end());
}
