//===- KernelBench.cpp - Generated kernels beside a copy ------------------===//
//
// Each benchmark runs a kernel and a copy by turns, and reports, besides the
// kernel's time, `copy_share`: the kernel's bytes a second (operands once) as a
// share of the copy's. The copy is of the largest operand, half of it on each
// of two threads.
//
//===----------------------------------------------------------------------===//
#include "KernelBench.h"

#include "asgc/abi.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

using namespace asgc;
using namespace asgc::bench;

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

/// Copies with a second thread that waits for work without sleeping.
class Copier {
public:
  Copier() : worker([this] { serve(); }) {}
  ~Copier() {
    go.store(-1);
    worker.join();
  }
  void copy(char *to, const char *from, size_t bytes) {
    size_t half = bytes / 2;
    target = to + half, source = from + half, count = bytes - half;
    int turn = ++turns;
    go.store(turn, std::memory_order_release);
    std::memcpy(to, from, half);
    while (done.load(std::memory_order_acquire) != turn)
      __builtin_ia32_pause();
  }

private:
  void serve() {
    for (int seen = 0;;) {
      int turn = go.load(std::memory_order_acquire);
      if (turn < 0)
        return;
      if (turn == seen) {
        __builtin_ia32_pause();
        continue;
      }
      seen = turn;
      std::memcpy(target, source, count);
      done.store(turn, std::memory_order_release);
    }
  }

  std::atomic<int> go{0}, done{0};
  int turns = 0;
  char *target = nullptr;
  const char *source = nullptr;
  size_t count = 0;
  std::thread worker;
};

struct Buffer {
  std::vector<int64_t> shape;
  float *data = nullptr;
  int64_t count = 1;

  explicit Buffer(std::vector<int64_t> dims) : shape(std::move(dims)) {
    for (int64_t dim : shape)
      count *= dim;
    data = static_cast<float *>(
        std::aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64));
    for (int64_t i = 0; i < count; ++i)
      data[i] = (i * 2654435761u % 1000) * 0.002f - 1;
  }
  Buffer(Buffer &&other)
      : shape(other.shape), data(other.data), count(other.count) {
    other.data = nullptr;
  }
  ~Buffer() { std::free(data); }
  DLTensor view() {
    DLTensor tensor{};
    tensor.data = data;
    tensor.device = {kDLCPU, 0};
    tensor.ndim = shape.size();
    tensor.dtype = {kDLFloat, 32, 1};
    tensor.shape = shape.data();
    return tensor;
  }
};

double median(std::vector<double> &times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2,
                   times.end());
  return times[times.size() / 2];
}

} // namespace

void bench::runKernel(benchmark::State &state, const Case &test,
                      int32_t threads) {
  std::string error;
  std::vector<RuntimeFunction> runtime = {
#define ASGC_ABI(name, ...) {#name, reinterpret_cast<void *>(&name)},
#include "asgc/abi.def"
  };
  auto program =
      loadProgram(compile(test.text, hostIsas()), "model", runtime, &error);
  asgc_options options{threads, 0, -1, 0};
  asgc_program *instance = nullptr;
  if (!program || asgc_program_create(&program->getDescription(), &options,
                                      &instance) != ASGC_OK)
    return state.SkipWithError(error.c_str());
  std::vector<Buffer> buffers;
  std::vector<DLTensor> views;
  for (const auto *shapes : {&test.inputs, &test.outputs})
    for (const auto &shape : *shapes)
      buffers.emplace_back(shape);
  int64_t bytes = 0, largest = 0;
  for (Buffer &buffer : buffers) {
    views.push_back(buffer.view());
    bytes += 4 * buffer.count;
    largest = std::max(largest, 4 * buffer.count);
  }
  std::vector<const DLTensor *> inputs;
  std::vector<DLTensor *> outputs;
  for (size_t i = 0; i < views.size(); ++i)
    if (i < test.inputs.size())
      inputs.push_back(&views[i]);
    else
      outputs.push_back(&views[i]);
  Buffer from({largest / 4}), to({largest / 4});
  Copier copier;
  std::vector<double> times, copies;
  for (auto _ : state) {
    Clock::time_point begin = Clock::now();
    copier.copy(reinterpret_cast<char *>(to.data),
                reinterpret_cast<char *>(from.data), largest);
    copies.push_back(seconds(begin));
    begin = Clock::now();
    if (asgc_program_run(instance, "f", inputs.data(), inputs.size(),
                         outputs.data(), outputs.size()) != ASGC_OK)
      return state.SkipWithError(asgc_program_error(instance));
    times.push_back(seconds(begin));
    state.SetIterationTime(times.back());
  }
  double rate = bytes / median(times),
         copyRate = 2.0 * largest / median(copies);
  state.counters["GB/s"] = rate / 1e9;
  state.counters["copy_GB/s"] = copyRate / 1e9;
  state.counters["copy_share"] = rate / copyRate;
  asgc_program_destroy(instance);
}
