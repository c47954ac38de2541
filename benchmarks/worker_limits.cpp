//===- worker_limits.cpp - What the machine can do ------------------------===//
//
// worker_limits copy BYTES SETS THREADS   memcpy of BYTES, going round SETS
// pairs of arrays worker_limits gemm THREADS              oneDNN's f32 product
// of two 1024 x 1024
//
// For each line "N" on stdin, does it N times and prints the seconds of one
// time and 0 (where the other workers print their peak memory).
#include <dnnl.h>
#include <immintrin.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

/// Workers that spin between jobs, so that starting one costs under 1 us, but
/// sleep while another program has its turn: it shall have all processors.
class Pool {
public:
  explicit Pool(int threads) : count(threads) {
    for (int i = 1; i < threads; ++i)
      workers.emplace_back([this, i] { loop(i); });
  }
  ~Pool() {
    stop = true;
    wake();
    for (std::thread &worker : workers)
      worker.join();
  }
  void run(const std::function<void(int)> &f) {
    job = &f;
    done = 0;
    wake();
    f(0);
    while (done != count - 1)
      _mm_pause();
  }

private:
  static constexpr int kSpins = 20000; // some 0.3 ms

  void wake() {
    ++generation;
    generation.notify_all();
  }
  void loop(int index) {
    for (int seen = 0;;) {
      for (int spin = 0; spin < kSpins && generation == seen; ++spin)
        _mm_pause();
      generation.wait(seen);
      seen = generation; // the next job waits until this one is done
      if (stop)
        return;
      (*job)(index);
      ++done;
    }
  }
  int count;
  const std::function<void(int)> *job = nullptr;
  std::atomic<int> generation{0}, done{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
};

void serve(const std::function<void()> &once) {
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    int count = std::atoi(line);
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i)
      once();
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    std::printf("%.9g 0\n", time.count() / count);
    std::fflush(stdout);
  }
}

} // namespace

int main(int argc, char **argv) {
  std::string what = argc > 1 ? argv[1] : "";
  if (what == "copy" && argc == 5) {
    size_t bytes = std::atoll(argv[2]), set = 0;
    int threads = std::atoi(argv[4]);
    Pool pool(threads);
    std::vector<char *> from, to;
    for (int i = 0; i < std::atoi(argv[3]); ++i)
      for (auto *list : {&from, &to}) {
        list->push_back(static_cast<char *>(std::aligned_alloc(64, bytes)));
        std::memset(list->back(), 1, bytes);
      }
    size_t part = bytes / threads / 64 * 64;
    serve([&] {
      pool.run([&](int t) {
        size_t count = t == threads - 1 ? bytes - part * t : part;
        std::memcpy(to[set] + part * t, from[set] + part * t, count);
      });
      set = (set + 1) % from.size();
    });
    return 0;
  }
  if (what == "gemm" &&
      argc == 3) { // OMP_NUM_THREADS says with how many threads
    constexpr dnnl_dim_t n = 1024;
    std::vector<float> a(n * n, 0.5f), b(n * n, 0.25f), c(n * n);
    serve([&] {
      dnnl_sgemm('N', 'N', n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(),
                 n);
    });
    return 0;
  }
  std::fprintf(stderr,
               "usage: worker_limits copy BYTES SETS THREADS | gemm THREADS\n");
  return 2;
}
