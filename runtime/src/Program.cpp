//===- Program.cpp - Creates, runs and inspects programs ------------------===//
#include "Program.h"
#include "Cpu.h"
#include "Dtype.h"
#include "Weights.h"
#include "asgc/abi.h"
#include "vulkan/Executor.h"
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>

using namespace asgc::rt;

const char *asgc_version(void) { return ASGC_VERSION; }

int64_t ProfileScope::now() {
  return std::chrono::steady_clock::now().time_since_epoch() /
         std::chrono::nanoseconds(1);
}

namespace {

/// Refuses a description that this library cannot run.
asgc_status checkDescription(const asgc_program_desc *desc) {
  if (!desc)
    return fail(ASGC_INVALID_ARGUMENT, "the program's description is null");
  if (desc->abi_version != ASGC_ABI_VERSION)
    return fail(ASGC_UNSUPPORTED,
                text("the program was compiled for runtime ABI ",
                     desc->abi_version, ", this runtime has ",
                     ASGC_ABI_VERSION));
  return ASGC_OK;
}

/// The instruction set to run with, or -1 with the reason as the last error.
int32_t chooseIsa(const asgc_options &options) {
  if (options.isa <= 0) {
    int32_t isa = bestIsa();
    if (isa < 0)
      fail(ASGC_UNSUPPORTED,
           text("this CPU lacks ", missingFeatures(ASGC_ISA_AVX2)));
    return isa;
  }
  int32_t isa = options.isa - 1;
  if (isa >= ASGC_ISA_COUNT) {
    fail(ASGC_INVALID_ARGUMENT,
         text("options.isa: expected at most ", int(ASGC_ISA_COUNT), ", got ",
              options.isa));
    return -1;
  }
  std::string missing = missingFeatures(isa);
  if (missing.empty())
    return isa;
  fail(ASGC_UNSUPPORTED,
       text("cannot run with ", isaName(isa), ": this CPU lacks ", missing));
  return -1;
}

/// What ASGC_DEVICE stands for; -1 if for nothing.
int32_t parseDevice(const char *name) {
  const std::pair<const char *, asgc_device> names[] = {
      {"", ASGC_DEVICE_DEFAULT},
      {"cpu", ASGC_DEVICE_CPU},
      {"vulkan", ASGC_DEVICE_VULKAN},
      {"auto", ASGC_DEVICE_AUTO}};
  for (auto [known, device] : names)
    if (std::strcmp(name, known) == 0)
      return device;
  return -1;
}

/// The bytes of ASGC_DEVICE_MEMORY; 0 if it is not set.
asgc_status readMemoryLimit(int64_t &bytes) {
  const char *variable = std::getenv("ASGC_DEVICE_MEMORY");
  if (!variable || !*variable)
    return ASGC_OK;
  const char *end = variable + std::strlen(variable);
  auto [stop, error] = std::from_chars(variable, end, bytes);
  if (error == std::errc() && stop == end && bytes >= 0)
    return ASGC_OK;
  return fail(ASGC_INVALID_ARGUMENT,
              text("ASGC_DEVICE_MEMORY: expected a number of bytes, got '",
                   variable, "'"));
}

bool hasCpuCode(const asgc_program_desc &desc) {
  for (int32_t i = 0; i < desc.num_entries; ++i)
    if (!desc.entries[i].run)
      return false;
  return true;
}

/// Makes the program one of the CPU or of a Vulkan device.
asgc_status chooseDevice(asgc_program &program, const asgc_options &options) {
  const asgc_program_desc &desc = program.desc;
  int32_t device = options.device;
  if (device == ASGC_DEVICE_DEFAULT)
    if (const char *variable = std::getenv("ASGC_DEVICE")) {
      device = parseDevice(variable);
      if (device < 0)
        return fail(ASGC_INVALID_ARGUMENT,
                    text("ASGC_DEVICE: expected cpu, vulkan or auto, got '",
                         variable, "'"));
    }
  if (device < 0 || device > ASGC_DEVICE_AUTO)
    return fail(ASGC_INVALID_ARGUMENT,
                text("options.device: expected at most ", int(ASGC_DEVICE_AUTO),
                     ", got ", device));
  const bool hasCpu = hasCpuCode(desc);
  if (device == ASGC_DEVICE_DEFAULT)
    device = hasCpu ? ASGC_DEVICE_CPU : ASGC_DEVICE_VULKAN;
  if (device == ASGC_DEVICE_CPU)
    return hasCpu ? ASGC_OK
                  : fail(ASGC_UNSUPPORTED, text("'", desc.name,
                                                "' was not compiled for the "
                                                "CPU"));
  const bool mayFallBack = device == ASGC_DEVICE_AUTO && hasCpu;
  if (!desc.vulkan) {
    fail(ASGC_UNSUPPORTED,
         text("'", desc.name, "' was not compiled for Vulkan"));
    program.fallbackReason = mayFallBack ? asgc_last_error() : "";
    return mayFallBack ? ASGC_OK : ASGC_UNSUPPORTED;
  }
  int64_t memoryLimit = options.device_memory;
  if (memoryLimit == 0)
    if (asgc_status status = readMemoryLimit(memoryLimit))
      return status;
  asgc_status status =
      vulkan::Executor::create(program, memoryLimit, program.executor);
  if (!status || !mayFallBack)
    return status;
  program.fallbackReason = asgc_last_error();
  return ASGC_OK;
}

/// Picks of each kernel the best form that `isa` runs.
asgc_status chooseFunctions(asgc_program &program, int32_t isa) {
  const asgc_program_desc &desc = program.desc;
  program.functions.resize(size_t(desc.num_kernels));
  for (int32_t i = 0; i < desc.num_kernels; ++i) {
    const asgc_kernel_desc &kernel = desc.kernels[i];
    bool generated = false;
    for (int32_t form = 0; form < ASGC_ISA_COUNT; ++form) {
      generated |= kernel.fn[form] != nullptr;
      if (form <= isa && kernel.fn[form])
        program.functions[size_t(i)] = kernel.fn[form];
    }
    if (generated && !program.functions[size_t(i)])
      return fail(ASGC_UNSUPPORTED,
                  text("kernel '", kernel.name, "' was not compiled for ",
                       isaName(isa)));
  }
  return ASGC_OK;
}

/// The bytes of a variable with its extents put in `shape`; -1 if they are
/// negative or overflow.
int64_t measureVariable(const asgc_tensor_desc &tensor,
                        std::vector<int64_t> &shape) {
  int64_t bytes = sizeOf(tensor.dtype);
  if (bytes == 0)
    return -1;
  for (int32_t i = 0; i < tensor.rank; ++i) {
    shape.push_back(tensor.dims[i]);
    if (tensor.dims[i] < 0 ||
        __builtin_mul_overflow(bytes, tensor.dims[i], &bytes))
      return -1;
  }
  return bytes;
}

/// Lays all variables in one zeroed block.
asgc_status allocateVariables(asgc_program &program) {
  const asgc_program_desc &desc = program.desc;
  std::vector<int64_t> offsets;
  int64_t total = 0;
  for (int32_t i = 0; i < desc.num_variables; ++i) {
    const asgc_tensor_desc &tensor = desc.variables[i].tensor;
    int64_t bytes = measureVariable(tensor, program.variableShape);
    std::optional<int64_t> padded =
        bytes < 0 ? std::nullopt : roundUp(bytes, bufferAlignment);
    offsets.push_back(total);
    if (!padded || __builtin_add_overflow(total, *padded, &total))
      return fail(ASGC_INVALID_ARGUMENT,
                  text("variable '", tensor.name,
                       "' has an invalid type or is too large"));
    program.variableBytes.push_back(bytes);
  }
  if (!program.variableBlock.allocate(total))
    return fail(ASGC_OUT_OF_MEMORY,
                text("cannot allocate ", total, " bytes for the variables of '",
                     desc.name, "'"));
  int64_t *shape = program.variableShape.data();
  for (int32_t i = 0; i < desc.num_variables; ++i) {
    program.variables.push_back(program.variableBlock.data() +
                                offsets[size_t(i)]);
    program.variableDims.push_back(shape);
    shape += desc.variables[i].tensor.rank;
  }
  return ASGC_OK;
}

/// Sizes what every run needs, so that running allocates next to nothing.
asgc_status allocateTables(asgc_program &program) {
  const asgc_program_desc &desc = program.desc;
  int64_t scratch = 0;
  for (int32_t i = 0; i < desc.num_kernels; ++i)
    scratch = std::max(scratch, desc.kernels[i].scratch_bytes);
  if (scratch > 0 && !program.pool.reserveScratch(scratch))
    return fail(ASGC_OUT_OF_MEMORY,
                text("cannot allocate ", scratch,
                     " bytes of scratch memory for each of ",
                     program.pool.threads(), " threads"));
  program.dims.assign(size_t(std::max(desc.num_dims, desc.num_symbols)), 0);
  program.states.resize(size_t(desc.num_kernels));
  program.profile.resize(size_t(desc.num_kernels));
  return ASGC_OK;
}

const asgc_entry_desc *findEntry(const asgc_program_desc &desc,
                                 const char *name) {
  for (int32_t i = 0; i < desc.num_entries; ++i)
    if (std::strcmp(desc.entries[i].name, name) == 0)
      return &desc.entries[i];
  return nullptr;
}

std::string entryNames(const asgc_program_desc &desc) {
  std::string names;
  for (int32_t i = 0; i < desc.num_entries; ++i)
    names += text(i ? ", " : "", desc.entries[i].name);
  return names;
}

/// The arena serves all entries, so it is as large as the largest of them; only
/// the pages that an entry touches become real.
asgc_status ensureArena(asgc_program &program) {
  if (program.arena.data())
    return ASGC_OK;
  int64_t bytes = 0;
  for (int32_t i = 0; i < program.desc.num_entries; ++i)
    bytes = std::max(bytes, program.desc.entries[i].arena_bytes);
  if (!program.arena.allocate(bytes))
    return fail(program, ASGC_OUT_OF_MEMORY,
                text("cannot allocate ", bytes, " bytes for the arena of '",
                     program.desc.name, "'"));
  return ASGC_OK;
}

/// A NaN in every float type, and an index out of every range.
constexpr int poisonByte = 0xFF;

asgc_status runBound(asgc_program &program, const asgc_entry_desc &entry) {
  if (program.executor) {
    program.error.clear();
    asgc_status status = program.executor->run(entry);
    return status ? fail(program, status, asgc_last_error()) : ASGC_OK;
  }
  if (asgc_status status = ensureArena(program))
    return status;
  if (program.poison)
    std::memset(program.arena.data(), poisonByte, size_t(entry.arena_bytes));
  asgc_frame frame{&program,
                   program.arena.data(),
                   program.inputs.data(),
                   program.outputs.data(),
                   program.variables.data(),
                   program.dims.data()};
  OneThreadScope oneThread;
  program.runAssigns = entry.assigns_variables != 0;
  program.error.clear();
  int32_t status = entry.run(&frame);
  // Packed copies made during the run are of the variables before it.
  if (program.runAssigns)
    ++program.variableEpoch;
  program.runAssigns = false;
  if (status != ASGC_OK && program.error.empty())
    return fail(program, asgc_status(status),
                text("entry '", entry.name, "' failed with status ", status));
  return asgc_status(status);
}

int32_t findRole(const asgc_program_desc &desc, int32_t role) {
  for (int32_t i = 0; i < desc.num_variables; ++i)
    if (desc.variables[i].role == role)
      return i;
  return -1;
}

/// Sets the i64 scalar of `role`, if the program has one.
void setScalar(asgc_program &program, int32_t role, int64_t value) {
  int32_t index = findRole(program.desc, role);
  if (index >= 0 && program.variableBytes[size_t(index)] == sizeof(value))
    std::memcpy(program.variables[size_t(index)], &value, sizeof(value));
}

} // namespace

int32_t asgc::rt::findVariable(const asgc_program_desc &desc,
                               const char *name) {
  for (int32_t i = 0; i < desc.num_variables; ++i)
    if (std::strcmp(desc.variables[i].tensor.name, name) == 0)
      return i;
  return -1;
}

asgc_program::asgc_program(const asgc_program_desc &description, int threads)
    : desc(description), pool(threads) {}
asgc_program::~asgc_program() = default;

asgc_status asgc_program_create(const asgc_program_desc *desc,
                                const asgc_options *options,
                                asgc_program **out_program) {
  if (!out_program)
    return fail(ASGC_INVALID_ARGUMENT, "out_program is null");
  *out_program = nullptr;
  if (asgc_status status = checkDescription(desc))
    return status;
  const asgc_options chosen = options ? *options : asgc_options{};
  const int32_t isa = chooseIsa(chosen);
  if (isa < 0)
    return chosen.isa > ASGC_ISA_COUNT ? ASGC_INVALID_ARGUMENT
                                       : ASGC_UNSUPPORTED;
  auto program = std::unique_ptr<asgc_program>(
      new (std::nothrow) asgc_program(*desc, chooseThreads(chosen.threads)));
  if (!program)
    return fail(ASGC_OUT_OF_MEMORY, "cannot allocate the program");
  program->poison = chosen.poison != 0;
  program->isa = isa;
  if (asgc_status status = chooseFunctions(*program, isa))
    return status;
  if (asgc_status status = allocateVariables(*program))
    return status;
  if (asgc_status status = allocateTables(*program))
    return status;
  if (asgc_status status = chooseDevice(*program, chosen))
    return status;
  if (!program->executor)
    openDnnl(); // before there are threads; what needs it says if it is missing
  if (desc->weights)
    if (asgc_status status = loadEmbedded(*program))
      return status;
  *out_program = program.release();
  return ASGC_OK;
}

void asgc_program_destroy(asgc_program *program) { delete program; }

asgc_status asgc_program_run(asgc_program *program, const char *entry,
                             const DLTensor *const *inputs, int32_t num_inputs,
                             DLTensor *const *outputs, int32_t num_outputs) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  if (!entry)
    return fail(*program, ASGC_INVALID_ARGUMENT, "the entry's name is null");
  const asgc_entry_desc *found = findEntry(program->desc, entry);
  if (!found)
    return fail(*program, ASGC_NOT_FOUND,
                text("'", program->desc.name, "' has no entry '", entry,
                     "', only ", entryNames(program->desc)));
  if (asgc_status status = bindTensors(*program, *found, inputs, num_inputs,
                                       outputs, num_outputs))
    return status;
  return runBound(*program, *found);
}

asgc_status asgc_program_init(asgc_program *program, int64_t seed) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  const asgc_entry_desc *init = findEntry(program->desc, "init");
  if (!init)
    return fail(*program, ASGC_NOT_FOUND,
                text("'", program->desc.name, "' has no entry 'init'"));
  if (asgc_status status = asgc_program_sync(program))
    return status;
  setScalar(*program, ASGC_ROLE_SEED, seed);
  setScalar(*program, ASGC_ROLE_STEP, 0);
  asgc_program_touch(program);
  return asgc_program_run(program, "init", nullptr, 0, nullptr, 0);
}

asgc_status asgc_program_variable(asgc_program *program, const char *name,
                                  DLTensor *out_tensor) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  if (!name || !out_tensor)
    return fail(*program, ASGC_INVALID_ARGUMENT,
                "the variable's name or out_tensor is null");
  int32_t index = findVariable(program->desc, name);
  if (index < 0)
    return fail(
        *program, ASGC_NOT_FOUND,
        text("'", program->desc.name, "' has no variable '", name, "'"));
  if (asgc_status status = asgc_program_sync(program))
    return status;
  const asgc_tensor_desc &tensor = program->desc.variables[index].tensor;
  *out_tensor = {.data = program->variables[size_t(index)],
                 .device = {kDLCPU, 0},
                 .ndim = tensor.rank,
                 .dtype = toDlpack(tensor.dtype),
                 .shape = program->variableDims[size_t(index)],
                 .strides = nullptr,
                 .byte_offset = 0};
  return ASGC_OK;
}

void asgc_program_touch(asgc_program *program) {
  if (!program)
    return;
  ++program->variableEpoch;
  if (program->executor)
    program->executor->touch();
}

asgc_status asgc_program_sync(asgc_program *program) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  asgc_status status = program->executor ? program->executor->sync() : ASGC_OK;
  return status ? fail(*program, status, asgc_last_error()) : ASGC_OK;
}

int64_t asgc_program_device_memory(const asgc_program *program) {
  return program && program->executor
             ? program->executor->sharedDevice()->memoryInUse()
             : 0;
}

const asgc_vulkan_device *asgc_program_device(const asgc_program *program) {
  return program && program->executor ? &program->executor->device() : nullptr;
}

const char *asgc_program_fallback(const asgc_program *program) {
  return program ? program->fallbackReason.c_str() : "";
}

asgc_status asgc_program_wait(asgc_program *program) {
  if (!program)
    return fail(ASGC_INVALID_ARGUMENT, "the program is null");
  asgc_status status = program->executor ? program->executor->wait() : ASGC_OK;
  return status ? fail(*program, status, asgc_last_error()) : ASGC_OK;
}

void asgc_program_profile(asgc_program *program, int32_t enable) {
  if (!program)
    return;
  program->profiling = enable != 0;
  if (enable)
    std::fill(program->profile.begin(), program->profile.end(),
              KernelProfile{});
}

int32_t asgc_program_num_kernels(const asgc_program *program) {
  return program ? program->desc.num_kernels : 0;
}

asgc_status asgc_program_profile_entry(const asgc_program *program,
                                       int32_t index,
                                       asgc_profile_entry *out_entry) {
  if (!program || !out_entry)
    return fail(ASGC_INVALID_ARGUMENT, "the program or out_entry is null");
  if (index < 0 || index >= program->desc.num_kernels)
    return fail(ASGC_NOT_FOUND,
                text("kernel ", index, " of ", program->desc.num_kernels));
  const KernelProfile &profile = program->profile[size_t(index)];
  *out_entry = {program->desc.kernels[index].name, profile.calls,
                double(profile.nanoseconds) * 1e-9};
  return ASGC_OK;
}

//===----------------------------------------------------------------------===//
// Entries of abi.def that belong to no kernel library
//===----------------------------------------------------------------------===//

int32_t asgc_rt_parallel(asgc_frame *frame, int32_t kernel, void *args,
                         int64_t tasks, int64_t grain) {
  asgc_program &program = *frame->program;
  ProfileScope profile(program, kernel);
  const asgc_kernel_fn function = program.functions[size_t(kernel)];
  auto body = [&](int64_t begin, int64_t end, int worker) {
    function(static_cast<void *const *>(args), frame->dims, begin, end,
             program.pool.scratch(worker));
  };
  program.pool.forEachRange(tasks, grain, body);
  return ASGC_OK;
}

int32_t asgc_rt_poison(asgc_frame *frame, int64_t offset, int64_t bytes) {
  if (frame->program->poison)
    std::memset(frame->arena + offset, poisonByte, size_t(bytes));
  return ASGC_OK;
}
