//===- worker_limits.cpp - What the machine can do ------------------------===//
//
// worker_limits copy BYTES THREADS   copies BYTES from one array to another
// worker_limits fma THREADS          f32 fused multiply-adds in registers
//
// For each line "N" on stdin, does it N times and prints the seconds of one time
// and 0 (where the other workers print their peak memory). One `fma` time is
// kFmaFlops operations in all.
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

constexpr double kFmaFlops = 2e9;

/// Workers that spin between jobs, so that starting one costs under 1 us.
class Pool {
public:
  explicit Pool(int threads) : count(threads) {
    for (int i = 1; i < threads; ++i)
      workers.emplace_back([this, i] { loop(i); });
  }
  ~Pool() {
    stop = true;
    for (std::thread &worker : workers)
      worker.join();
  }
  void run(const std::function<void(int)> &f) {
    job = &f;
    done = 0;
    ++generation;
    f(0);
    while (done != count - 1)
      _mm_pause();
  }

private:
  void loop(int index) {
    int seen = 0;
    while (!stop) {
      if (generation == seen) {
        _mm_pause();
        continue;
      }
      seen = generation;
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

__attribute__((target("avx2"))) void copyStream(float *to, const float *from,
                                                size_t count) {
  for (size_t i = 0; i + 8 <= count; i += 8)
    _mm256_stream_ps(to + i, _mm256_load_ps(from + i));
  _mm_sfence();
}

__attribute__((target("avx512f"))) float fma512(long iterations) {
  __m512 sums[12];
  for (__m512 &sum : sums)
    sum = _mm512_set1_ps(1.0f);
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
  for (long i = 0; i < iterations; ++i)
#pragma GCC unroll 12
    for (__m512 &sum : sums)
      sum = _mm512_fmadd_ps(sum, a, b);
  float total = 0;
  for (__m512 &sum : sums)
    total += _mm512_reduce_add_ps(sum);
  return total;
}

__attribute__((target("avx2,fma"))) float fma256(long iterations) {
  __m256 sums[12];
  for (__m256 &sum : sums)
    sum = _mm256_set1_ps(1.0f);
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
  for (long i = 0; i < iterations; ++i)
#pragma GCC unroll 12
    for (__m256 &sum : sums)
      sum = _mm256_fmadd_ps(sum, a, b);
  float total = 0;
  for (__m256 &sum : sums)
    total += sum[0];
  return total;
}

void serve(const std::function<void()> &once) {
  char line[64];
  while (std::fgets(line, sizeof line, stdin)) {
    int count = std::atoi(line);
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i)
      once();
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%.9g 0\n", time.count() / count);
    std::fflush(stdout);
  }
}

} // namespace

int main(int argc, char **argv) {
  std::string what = argc > 1 ? argv[1] : "";
  if (what == "copy" && argc == 4) {
    size_t count = std::atoll(argv[2]) / sizeof(float);
    int threads = std::atoi(argv[3]);
    Pool pool(threads);
    auto *from = static_cast<float *>(std::aligned_alloc(64, count * 4));
    auto *to = static_cast<float *>(std::aligned_alloc(64, count * 4));
    std::memset(from, 1, count * 4);
    std::memset(to, 1, count * 4);
    size_t part = count / threads / 16 * 16;
    // What is larger than the last-level cache is best written around it.
    bool streams = count * 8 > (64u << 20);
    serve([&] {
      pool.run([&](int t) {
        size_t n = t == threads - 1 ? count - part * t : part;
        if (streams)
          copyStream(to + part * t, from + part * t, n);
        else
          std::memcpy(to + part * t, from + part * t, n * 4);
      });
    });
    return 0;
  }
  if (what == "fma" && argc == 3) {
    int threads = std::atoi(argv[2]);
    Pool pool(threads);
    bool wide = __builtin_cpu_supports("avx512f");
    long iterations = kFmaFlops / threads / (2 * 12 * (wide ? 16 : 8));
    static volatile float sink;
    serve([&] {
      pool.run([&](int) { sink = wide ? fma512(iterations) : fma256(iterations); });
    });
    return 0;
  }
  std::fprintf(stderr, "usage: worker_limits copy BYTES THREADS | fma THREADS\n");
  return 2;
}
