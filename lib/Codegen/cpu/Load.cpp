//===- Load.cpp - Links an object in this process -------------------------===//
#include "asgc/Codegen.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <cstring>

using namespace asgc;

LoadedProgram::~LoadedProgram() = default;

namespace {

class JitProgram final : public LoadedProgram {
public:
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const asgc_program_desc *description = nullptr;

  const asgc_program_desc &getDescription() const override {
    return *description;
  }
};

llvm::Error load(JitProgram &program, llvm::ArrayRef<std::string> objects,
                 const std::string &name,
                 const std::vector<RuntimeFunction> &runtime) {
  llvm::orc::LLJITBuilder builder;
  builder.setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder(
      llvm::Triple(llvm::sys::getProcessTriple())));
  // The object is linked with what is given here and nothing of this process.
  builder.setLinkProcessSymbolsByDefault(false);
  builder.setPlatformSetUp(llvm::orc::setUpInactivePlatform);
  auto jit = builder.create();
  if (!jit)
    return jit.takeError();
  program.jit = std::move(*jit);
  llvm::orc::SymbolMap symbols;
  auto define = [&](const char *symbol, void *address) {
    symbols[program.jit->mangleAndIntern(symbol)] = {
        llvm::orc::ExecutorAddr::fromPtr(address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  for (const RuntimeFunction &function : runtime)
    define(function.name, function.address);
  // What LLVM may call of its own accord.
  define("memcpy", reinterpret_cast<void *>(&std::memcpy));
  define("memmove", reinterpret_cast<void *>(&std::memmove));
  define("memset", reinterpret_cast<void *>(&std::memset));
  if (llvm::Error error = program.jit->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(std::move(symbols))))
    return error;
  for (auto [index, object] : llvm::enumerate(objects))
    if (llvm::Error error =
            program.jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(
                object, name + "." + std::to_string(index))))
      return error;
  auto address = program.jit->lookup(name + "_program");
  if (!address)
    return address.takeError();
  program.description = address->toPtr<const asgc_program_desc *>();
  return llvm::Error::success();
}

} // namespace

std::vector<int32_t> asgc::hostIsas() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto hasAll = [&](std::initializer_list<const char *> names) {
    return llvm::all_of(
        names, [&](const char *name) { return features.lookup(name); });
  };
  // What x86-64-v3 and x86-64-v4 add to their predecessors.
  std::vector<int32_t> isas;
  if (!hasAll({"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}))
    return isas;
  isas.push_back(ASGC_ISA_AVX2);
  if (hasAll({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    isas.push_back(ASGC_ISA_AVX512);
  return isas;
}

std::unique_ptr<LoadedProgram>
asgc::loadProgram(llvm::ArrayRef<std::string> objects, const std::string &name,
                  const std::vector<RuntimeFunction> &runtime,
                  std::string *error) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  auto program = std::make_unique<JitProgram>();
  if (llvm::Error failure = load(*program, objects, name, runtime)) {
    *error = llvm::toString(std::move(failure));
    return nullptr;
  }
  return program;
}
