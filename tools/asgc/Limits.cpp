//===- Limits.cpp - What a device does at most ----------------------------===//
#include "Limits.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

namespace asgc::cli {

namespace {

using Clock = std::chrono::steady_clock;

/// Bytes per second of copying, with `threads` threads on memory beyond caches.
double measureCopy(int threads) {
  const size_t bytes = size_t(64) << 20;
  std::vector<char> from(bytes, 1), to(bytes, 2);
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    auto start = Clock::now();
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        size_t begin = bytes * size_t(t) / size_t(threads);
        size_t end = bytes * size_t(t + 1) / size_t(threads);
        std::memcpy(to.data() + begin, from.data() + begin, end - begin);
      });
    for (std::thread &worker : workers)
      worker.join();
    std::chrono::duration<double> seconds = Clock::now() - start;
    best = std::max(best, 2.0 * double(bytes) / seconds.count());
  }
  return best;
}

/// Models of one kernel each. What a device can do shows in what our own code
/// does there at best: one that only moves, and one that only multiplies.
struct Probe {
  const char *name, *text;
  int64_t elements;
};
constexpr Probe kCopy = {
    "copy",
    "model copy(x: f32[16777216]) -> f32[16777216] {\n  return x + 1\n}\n",
    int64_t(1) << 24};
constexpr int64_t kProducts = 64; // of a point
constexpr Probe kMultiply = {
    "multiply",
    "model multiply(x: f32[1048576]) -> f32[1048576] {\n"
    "  y = x\n  repeat 64 { y = y * x }\n  return y\n}\n",
    int64_t(1) << 20};

/// The seconds that the probe's kernel takes at best.
Result<double> measure(const Probe &probe, const CompileOptions &base,
                       const Settings &settings) {
  CompileOptions options;
  options.isas = base.isas;
  options.cpu = base.cpu;
  options.vulkan = base.vulkan;
  options.inferOnly = true;
  options.stripMetadata = true;
  Compilation compilation(options);
  if (MaybeFault fault =
          compilation.loadText(std::string(probe.name) + ".asg", probe.text))
    return *fault;
  auto execution =
      Execution::create(compilation, settings, false, /*isProbe=*/true);
  if (!execution)
    return execution.fault();
  // Ones stay ones: the time of a product may depend on its factors.
  std::vector<float> x(size_t(probe.elements), 1.0f), y(x.size());
  TensorView in{x.data(), ASGC_F32, {probe.elements}};
  TensorView out{y.data(), ASGC_F32, {probe.elements}};
  asgc_program *handle = (*execution)->handle();
  double best = 0;
  auto start = Clock::now();
  for (int round = 0;
       round < 5 || Clock::now() - start < std::chrono::milliseconds(200);
       ++round) {
    asgc_program_profile(handle, 1); // from zero
    if (MaybeFault fault =
            (*execution)
                ->program()
                .run("infer", std::span(&in, 1), std::span(&out, 1)))
      return *fault;
    double seconds = 0;
    for (int32_t i = 0; i < asgc_program_num_kernels(handle); ++i) {
      asgc_profile_entry entry;
      if (asgc_program_profile_entry(handle, i, &entry) == ASGC_OK)
        seconds += entry.seconds;
    }
    best = round == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

} // namespace

double Limits::shareOf(int64_t bytesMoved, int64_t flopDone,
                       double seconds) const {
  double least = std::max(bytes > 0 ? double(bytesMoved) / bytes : 0,
                          flop > 0 ? double(flopDone) / flop : 0);
  return seconds > 0 ? least / seconds : 0;
}

Result<Limits> measureLimits(const CompileOptions &options,
                             const Settings &settings, int threads) {
  Limits limits;
  if (options.vulkan) {
    auto seconds = measure(kCopy, options, settings);
    if (!seconds)
      return seconds.fault();
    limits.bytes = 2.0 * sizeof(float) * double(kCopy.elements) / *seconds;
  } else {
    limits.bytes = measureCopy(threads);
  }
  auto seconds = measure(kMultiply, options, settings);
  if (!seconds)
    return seconds.fault();
  limits.flop = 2.0 * double(kProducts) * double(kMultiply.elements) / *seconds;
  return limits;
}

} // namespace asgc::cli
