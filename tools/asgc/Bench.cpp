//===- Bench.cpp - asgc bench: how fast, how much memory, and where -------===//
#include "EntryRun.h"
#include "Limits.h"
#include "Model.h"
#include "Output.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace asgc::cli {

namespace {

struct BenchOptions {
  ModelFlags model;
  WeightFlags weights;
  std::vector<std::string> entries;
  double seconds = 1.0;
  bool json = false;
};

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A step of the plan: its share of the time, what it moves and computes.
struct StepReport {
  std::string name;
  int64_t calls = 0;
  double seconds = 0;
  int64_t bytes = 0; ///< read and written in one call, at the bounds
  int64_t flop = 0;  ///< of one call, at the bounds
};

struct EntryReport {
  std::string name;
  int64_t runs = 0, items = 0; ///< items: extent of the first dim of an input
  double median = 0, low = 0, high = 0; ///< seconds; 10 % and 90 % of the runs
  double backToBack = 0; ///< seconds of a run when no one waits for each
  double copyIn = 0,
         copyOut = 0; ///< seconds of copying all inputs, all outputs
  int64_t arenaBytes = 0;
  std::vector<StepReport> steps; ///< slowest first
};

struct StepWork {
  int64_t bytes = 0, flop = 0;
};

/// What each step of the plan moves and computes, from the program's own
/// description of itself.
std::map<std::string, StepWork> stepWork(const asgc_program_desc &program) {
  std::map<std::string, StepWork> result;
  if (!program.metadata)
    return result;
  auto dump = nlohmann::json::parse(
      std::string_view(program.metadata, size_t(program.metadata_bytes)),
      nullptr, false);
  if (dump.is_discarded())
    return result;
  for (const auto &stage : dump.value("stages", nlohmann::json::array()))
    for (const auto &plan : stage.value("programs", nlohmann::json::array())) {
      std::map<int64_t, int64_t> bytes;
      for (const auto &buffer : plan.value("buffers", nlohmann::json::array()))
        if (buffer.contains("bytes") && buffer["bytes"].is_number())
          bytes[buffer.value("id", -1)] = buffer["bytes"];
      for (const auto &step : plan.value("steps", nlohmann::json::array())) {
        int64_t total = 0;
        for (const char *list : {"reads", "writes"})
          for (const auto &id : step.value(list, nlohmann::json::array()))
            total += bytes[id.get<int64_t>()];
        result[step.value("name", "")] = {total,
                                          step.value("flop", int64_t(0))};
      }
    }
  return result;
}

/// Reads what the profile counted for the steps of `report.runs` runs.
void readProfile(asgc_program *handle,
                 const std::map<std::string, StepWork> &work,
                 EntryReport &report) {
  for (int32_t i = 0; i < asgc_program_num_kernels(handle); ++i) {
    asgc_profile_entry entry;
    if (asgc_program_profile_entry(handle, i, &entry) != ASGC_OK ||
        entry.calls == 0)
      continue;
    auto found = work.find(entry.name);
    StepWork each = found == work.end() ? StepWork() : found->second;
    report.steps.push_back(
        {entry.name, entry.calls, entry.seconds, each.bytes, each.flop});
  }
  std::stable_sort(report.steps.begin(), report.steps.end(),
                   [](const StepReport &a, const StepReport &b) {
                     return a.seconds > b.seconds;
                   });
}

/// The median seconds of five calls of `work`.
template <typename Work> Result<double> medianOf(Work work) {
  std::vector<double> samples;
  for (int i = 0; i < 5; ++i) {
    auto start = Clock::now();
    if (MaybeFault fault = work())
      return *fault;
    samples.push_back(secondsSince(start));
  }
  std::sort(samples.begin(), samples.end());
  return samples[2];
}

/// What only a device has: runs that follow each other without a wait, and
/// copies of what each run here finds in place.
MaybeFault measureDevice(EntryRun &entry, double seconds, EntryReport &report) {
  const int64_t count =
      std::clamp(int64_t(seconds * 0.2 / std::max(report.median, 1e-7)),
                 int64_t(5), int64_t(5000));
  auto several = medianOf([&]() -> MaybeFault {
    for (int64_t i = 0; i < count; ++i)
      if (MaybeFault fault = entry.start())
        return fault;
    return entry.wait();
  });
  if (!several)
    return several.fault();
  report.backToBack = *several / double(count);
  auto in = medianOf([&] { return entry.copyInputs(); });
  if (!in)
    return in.fault();
  auto out = medianOf([&] { return entry.copyOutputs(); });
  if (!out)
    return out.fault();
  report.copyIn = *in;
  report.copyOut = *out;
  return std::nullopt;
}

Result<EntryReport> measureEntry(Execution &execution, const std::string &name,
                                 double seconds) {
  EntryReport report{name};
  auto entry = EntryRun::create(execution, name);
  if (!entry)
    return entry.fault();
  report.items = (*entry)->items();
  auto runOnce = [&]() -> MaybeFault {
    if (MaybeFault fault = (*entry)->start())
      return fault;
    return (*entry)->wait();
  };
  auto start = Clock::now();
  do
    if (MaybeFault fault = runOnce())
      return *fault;
  while (secondsSince(start) < seconds * 0.2);
  std::vector<double> samples;
  start = Clock::now();
  while (samples.size() < 5 ||
         (secondsSince(start) < seconds && samples.size() < 100000)) {
    auto before = Clock::now();
    if (MaybeFault fault = runOnce())
      return *fault;
    samples.push_back(secondsSince(before));
  }
  std::sort(samples.begin(), samples.end());
  report.runs = int64_t(samples.size());
  report.median = samples[samples.size() / 2];
  report.low = samples[samples.size() / 10];
  report.high = samples[samples.size() * 9 / 10];
  if (asgc_program_device(execution.handle()))
    if (MaybeFault fault = measureDevice(**entry, seconds, report))
      return *fault;

  const asgc_program_desc &program = execution.description();
  for (int32_t e = 0; e < program.num_entries; ++e)
    if (program.entries[e].name == name)
      report.arenaBytes = program.entries[e].arena_bytes;
  // The profile slows a run down a little, so it has runs of its own.
  asgc_program_profile(execution.handle(), 1);
  for (int run = 0; run < 5; ++run)
    if (MaybeFault fault = runOnce())
      return *fault;
  readProfile(execution.handle(), stepWork(program), report);
  asgc_program_profile(execution.handle(), 0);
  return report;
}

void showReport(const EntryReport &report, const Limits &limits) {
  print("{}: {:.3f} ms  ({:.3f} to {:.3f} in 80 % of {} runs)", report.name,
        report.median * 1e3, report.low * 1e3, report.high * 1e3, report.runs);
  if (report.items)
    print(", {:.0f} items/s", double(report.items) / report.median);
  if (report.backToBack > 0)
    print(
        "\n  without waiting for each {:.3f} ms; copies, not contained: inputs "
        "{:.3f} ms, outputs {:.3f} ms",
        report.backToBack * 1e3, report.copyIn * 1e3, report.copyOut * 1e3);
  print("\n  working memory {:.2f} MiB\n",
        double(report.arenaBytes) / (1 << 20));
  double total = 0;
  for (const StepReport &step : report.steps)
    total += step.seconds;
  print("  {:>10} {:>6} {:>10} {:>8} {:>10} {:>8} {:>8}  step\n", "us", "share",
        "KiB", "GB/s", "MFLOP", "GFLOP/s", "of limit");
  for (const StepReport &step : report.steps) {
    double each = step.seconds / double(step.calls);
    double scale = each > 0 ? 1e-9 / each : 0;
    print("  {:>10.1f} {:>5.1f}% {:>10.1f} {:>8.2f} {:>10.3f} {:>8.2f} "
          "{:>7.0f}%  {}\n",
          each * 1e6, 100 * step.seconds / std::max(total, 1e-12),
          double(step.bytes) / 1024, double(step.bytes) * scale,
          double(step.flop) * 1e-6, double(step.flop) * scale,
          100 * limits.shareOf(step.bytes, step.flop, each), step.name);
  }
}

nlohmann::ordered_json jsonOf(const EntryReport &report) {
  nlohmann::ordered_json out = {
      {"name", report.name},
      {"runs", report.runs},
      {"seconds",
       {{"median", report.median}, {"p10", report.low}, {"p90", report.high}}},
      {"items", report.items},
      {"arena_bytes", report.arenaBytes},
      {"steps", nlohmann::ordered_json::array()}};
  if (report.backToBack > 0) {
    out["seconds"]["back_to_back"] = report.backToBack;
    out["copy_seconds"] = {{"inputs", report.copyIn},
                           {"outputs", report.copyOut}};
  }
  for (const StepReport &step : report.steps)
    out["steps"].push_back({{"name", step.name},
                            {"calls", step.calls},
                            {"seconds", step.seconds},
                            {"bytes", step.bytes},
                            {"flop", step.flop}});
  return out;
}

int act(const BenchOptions &options, const Session &session) {
  CompileOptions compile = hostOptions(options.model, session);
  Compilation compilation(compile);
  if (auto code = loadModel(compilation, options.model, session))
    return *code;
  auto execution = Execution::create(compilation, session.settings);
  if (!execution)
    return reportCompilation(compilation, execution.fault(), session);
  MaybeFault fault; // an ONNX model has values of its own
  if ((*execution)->program().entry("init"))
    fault = (*execution)->program().init(1);
  if (!fault && !options.weights.file.empty())
    fault = (*execution)->loadWeights(options.weights);
  if (fault)
    return reportFault(*fault);
  std::vector<std::string> entries = options.entries;
  if (entries.empty())
    for (const char *name : {"infer", "train_step"})
      if ((*execution)->program().entry(name))
        entries.push_back(name);
  int threads = session.settings.threads();
  if (threads == 0)
    threads = int(std::max(1u, std::thread::hardware_concurrency()));
  const asgc_vulkan_device *device =
      asgc_program_device((*execution)->handle());
  compile.cpu = !device; // where --device auto led to
  compile.vulkan = device;
  auto limits = measureLimits(compile, session.settings, threads);
  if (!limits)
    return reportFault(limits.fault());
  nlohmann::ordered_json out = {{"format", "asgc-bench/1"},
                                {"model", compilation.name()},
                                {"threads", threads},
                                {"device", device ? device->name : "cpu"},
                                {"copy_bytes_per_second", limits->bytes},
                                {"flop_per_second", limits->flop},
                                {"entries", nlohmann::ordered_json::array()}};
  if (!options.json)
    print("{}, {}; it copies {:.1f} GB/s and computes {:.1f} GFLOP/s\n\n",
          compilation.name(),
          device ? device->name : fmt::format("{} threads", threads),
          limits->bytes / 1e9, limits->flop / 1e9);
  for (const std::string &name : entries) {
    auto report = measureEntry(**execution, name, options.seconds);
    if (!report)
      return reportFault(report.fault());
    if (options.json)
      out["entries"].push_back(jsonOf(*report));
    else
      showReport(*report, *limits);
  }
  if (options.json)
    print("{}\n", out.dump(2));
  return ExitOk;
}

} // namespace

void addBench(CLI::App &app, Session &session) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App *verb = addVerb(
      app, "bench", "Measure latency, throughput, memory, and each kernel",
      "asgc bench digits.asg --dim batch=1\n"
      "asgc bench digits.asg --entry train_step --json");
  addModelFlags(verb, options->model);
  addPrecisionFlag(verb, options->model);
  verb->add_option("--entry", options->entries,
                   "Only this entry point; all but eval_step by default")
      ->option_text("NAME")
      ->expected(1)
      ->take_all();
  addWeightFlags(verb, options->weights,
                 "Parameters: .safetensors, .pt, .gguf, …");
  verb->add_option("--seconds", options->seconds,
                   "How long each entry runs (1)")
      ->option_text("N")
      ->check(CLI::Range(0.01, 3600.0));
  verb->add_flag("--json", options->json, "For programs: see docs/cli.md");
  setAction(verb, session, options, act);
}

} // namespace asgc::cli
