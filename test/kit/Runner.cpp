//===- Runner.cpp - Runs the op suite where there is no compiler ----------===//
//
// suite FOLDER [--threads=N] [--gpu] [FILTER]
//
// Runs every graph of the kit whose group contains FILTER on this machine's
// Vulkan device and compares with what kit-maker wrote beside it. Prints each
// failure, the counts of every group, and as the last line the counts of all.
// Exits with 1 if any failed or none ran, with 4 if there is no device, or with
// --gpu none but one that computes on the processor.
#include "asgc/safetensors.h"
#include "test/ops/TensorCloseness.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

extern "C" const asgc_program_desc *const kit_programs[];

using namespace asgc;
using namespace asgc::test;

namespace {

constexpr DType kTypes[] = {DType::F32, DType::F16, DType::BF16, DType::I8,
                            DType::I32, DType::I64, DType::Bool, DType::F64};
constexpr DLDataType kDlTypes[] = {{kDLFloat, 32, 1},  {kDLFloat, 16, 1},
                                   {kDLBfloat, 16, 1}, {kDLInt, 8, 1},
                                   {kDLInt, 32, 1},    {kDLInt, 64, 1},
                                   {kDLUInt, 8, 1},    {kDLFloat, 64, 1}};

struct FileCloser {
  void operator()(asgc_safetensors *file) const {
    asgc_safetensors_close(file);
  }
};
using File = std::unique_ptr<asgc_safetensors, FileCloser>;

struct Closer {
  void operator()(asgc_program *program) const {
    asgc_program_destroy(program);
  }
};
using Program = std::unique_ptr<asgc_program, Closer>;

/// The tensor called `name`; nothing if the file has none.
std::optional<HostTensor> find(const File &file, const std::string &name) {
  asgc_safetensors_tensor found;
  if (asgc_safetensors_find(file.get(), name.c_str(), &found) ||
      found.dtype < 0)
    return std::nullopt;
  auto tensor = HostTensor::make(kTypes[found.dtype],
                                 {found.dims, found.dims + found.rank});
  if (tensor && found.bytes > 0)
    std::memcpy(tensor->bytes().data(), found.data, size_t(found.bytes));
  return tensor;
}

int32_t codeOf(DType type) {
  return int32_t(std::find(std::begin(kTypes), std::end(kTypes), type) -
                 std::begin(kTypes));
}

/// A view of a host tensor.
struct View {
  std::vector<int64_t> shape;
  DLTensor tensor{};

  explicit View(HostTensor &source)
      : shape(source.shape().begin(), source.shape().end()) {
    tensor.data = source.bytes().data();
    tensor.device = {kDLCPU, 0};
    tensor.ndim = int32_t(shape.size());
    tensor.dtype = kDlTypes[codeOf(source.dtype())];
    tensor.shape = shape.data();
  }
  View(View &&) = default;
};

struct Counts {
  int passed = 0, failed = 0;
};

/// What all threads write.
struct Results {
  std::mutex guard;
  std::map<std::string, Counts> groups;

  void add(const std::string &group, const std::string &what,
           const std::string &problem) {
    std::lock_guard lock(guard);
    Counts &counts = groups[group];
    ++(problem.empty() ? counts.passed : counts.failed);
    if (!problem.empty())
      std::printf("FAILED %s: %s: %s\n", group.c_str(), what.c_str(),
                  problem.c_str());
  }
};

/// The group, the tolerance and the label of a graph.
struct About {
  std::string group, label;
  double tolerance = 0;

  About(const File &file, const std::string &graph) {
    const char *text = asgc_safetensors_metadata(file.get(), graph.c_str());
    std::string_view rest = text ? text : "";
    auto next = [&] {
      std::string part(rest.substr(0, rest.find('\t')));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      return part;
    };
    group = next();
    tolerance = std::atof(next().c_str());
    label = rest;
  }
};

/// The bytes of a variable of `program`; null if it has none.
std::byte *memoryOf(asgc_program *program, const char *name) {
  DLTensor view;
  return asgc_program_variable(program, name, &view) == ASGC_OK
             ? static_cast<std::byte *>(view.data)
             : nullptr;
}

/// Where the entry differs from what it must compute; "" if nowhere.
std::string check(const File &file, const asgc_program_desc &desc,
                  const asgc_entry_desc &entry, asgc_program *program,
                  const std::string &graph, double tolerance) {
  for (int32_t i = 0; i < desc.num_variables; ++i) {
    const char *name = desc.variables[i].tensor.name;
    std::byte *memory = memoryOf(program, name);
    auto value = find(file, graph + "/before/" + name);
    if (!memory)
      return asgc_program_error(program);
    if (value)
      std::copy(value->bytes().begin(), value->bytes().end(), memory);
  }
  asgc_program_touch(program);
  std::vector<HostTensor> inputs, outputs, expected;
  for (int32_t i = 0; i < entry.num_inputs; ++i) {
    auto input = find(file, graph + "/in/" + std::to_string(i));
    if (!input)
      return "the kit lacks input " + std::to_string(i);
    inputs.push_back(std::move(*input));
  }
  for (int32_t i = 0; i < entry.num_outputs; ++i) {
    auto output = find(file, graph + "/out/" + std::to_string(i));
    if (!output)
      return "the kit lacks output " + std::to_string(i);
    expected.push_back(*output);
    // What is not written must not look right.
    std::ranges::fill(output->bytes(), std::byte(0xFF));
    outputs.push_back(std::move(*output));
  }
  std::vector<View> views;
  for (auto *list : {&inputs, &outputs})
    for (HostTensor &tensor : *list)
      views.emplace_back(tensor);
  std::vector<DLTensor *> pointers;
  for (View &view : views)
    pointers.push_back(&view.tensor);
  if (asgc_program_run(program, entry.name, pointers.data(), entry.num_inputs,
                       pointers.data() + entry.num_inputs, entry.num_outputs))
    return asgc_program_error(program);
  for (int32_t i = 0; i < entry.num_outputs; ++i) {
    std::string found =
        findDifference(expected[size_t(i)], outputs[size_t(i)], tolerance);
    if (!found.empty())
      return "output " + std::to_string(i) + ": " + found;
  }
  for (int32_t i = 0; i < desc.num_variables; ++i) {
    const char *name = desc.variables[i].tensor.name;
    auto after = find(file, graph + "/after/" + name);
    if (!after)
      continue;
    HostTensor actual = *after;
    std::memcpy(actual.bytes().data(), memoryOf(program, name),
                actual.bytes().size());
    std::string found = findDifference(*after, actual, tolerance);
    if (!found.empty())
      return std::string("variable ") + name + ": " + found;
  }
  return "";
}

/// An instance on the device; null with a sentence as the last error.
Program create(const asgc_program_desc &desc) {
  asgc_options options{};
  options.device = ASGC_DEVICE_VULKAN;
  options.threads = 1;
  options.poison = 1; // what is read before it is written is NaN
  asgc_program *made = nullptr;
  asgc_program_create(&desc, &options, &made);
  return Program(made);
}

/// Runs all entries of program `name`.
void runProgram(const File &file, const asgc_program_desc &desc,
                const std::string &name, const std::string &filter,
                Results &results) {
  Program program;
  std::string problem;
  for (int32_t e = 0; e < desc.num_entries; ++e) {
    const asgc_entry_desc &entry = desc.entries[e];
    const std::string_view full = entry.name;
    const std::string graph =
        name + "/" + std::string(full.substr(0, full.rfind('.')));
    const About about(file, graph);
    if (about.group.find(filter) == std::string::npos)
      continue;
    if (!program && problem.empty()) {
      program = create(desc);
      problem = program ? "" : asgc_last_error();
    }
    results.add(about.group, about.label + " (" + entry.name + ")",
                !problem.empty() ? problem
                                 : check(file, desc, entry, program.get(),
                                         graph, about.tolerance));
  }
}

/// Names the device that is used; false, with all that is known of others, if
/// there is none.
bool printDevice(bool wantsGpu) {
  struct Found {
    std::string name, others;
    bool isCpu = false;
  } found;
  auto visit = [](void *user, const asgc_vulkan_device *device) {
    Found &found = *static_cast<Found *>(user);
    if (!device->is_chosen) {
      found.others += std::string("; ") + device->name + " " + device->reason;
      return;
    }
    found.name = std::string(device->name) + ", " + device->kind;
    found.isCpu = std::strcmp(device->kind, "CPU") == 0;
  };
  const asgc_status status = asgc_vulkan_devices(visit, &found);
  if (status)
    std::fprintf(stderr, "there is no GPU here: %s\n", asgc_last_error());
  else if (found.name.empty())
    std::fprintf(stderr, "no Vulkan device can be used here%s\n",
                 found.others.c_str());
  else if (wantsGpu && found.isCpu)
    std::fprintf(stderr, "there is no GPU here, only %s\n", found.name.c_str());
  else
    std::printf("%s\n", found.name.c_str());
  return !found.name.empty() && !(wantsGpu && found.isCpu);
}

} // namespace

int main(int argc, char **argv) {
  std::string folder, filter;
  bool wantsGpu = false;
  unsigned threads = std::min(8u, std::thread::hardware_concurrency());
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--threads=", 10) == 0)
      threads = unsigned(std::atoi(argv[i] + 10));
    else if (std::strcmp(argv[i], "--gpu") == 0)
      wantsGpu = true;
    else
      (folder.empty() ? folder : filter) = argv[i];
  }
  if (folder.empty()) {
    std::fprintf(stderr, "usage: suite FOLDER [--threads=N] [--gpu] [GROUP]\n");
    return 2;
  }
  asgc_safetensors *opened = nullptr;
  if (asgc_safetensors_open((folder + "/cases.safetensors").c_str(), &opened)) {
    std::fprintf(stderr, "%s\n", asgc_last_error());
    return 4;
  }
  const File file(opened);
  if (!printDevice(wantsGpu))
    return 4;
  const auto start = std::chrono::steady_clock::now();
  // The device stays open from one program to the next.
  const Program keeper = kit_programs[0] ? create(*kit_programs[0]) : nullptr;
  Results results;
  std::atomic<size_t> next = 0;
  size_t count = 0;
  while (kit_programs[count])
    ++count;
  auto work = [&] {
    for (size_t i = next++; i < count; i = next++)
      runProgram(file, *kit_programs[i], "k" + std::to_string(i), filter,
                 results);
  };
  std::vector<std::thread> workers;
  for (unsigned t = 1; t < threads; ++t)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  Counts all;
  for (const auto &[group, counts] : results.groups) {
    std::printf("%-28s %5d passed %5d failed\n", group.c_str(), counts.passed,
                counts.failed);
    all.passed += counts.passed;
    all.failed += counts.failed;
  }
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  std::printf("%.1f s\n%d passed, %d failed\n", seconds.count(), all.passed,
              all.failed);
  return all.failed == 0 && all.passed > 0 ? 0 : 1;
}
