//===- Cpu.cpp - What this machine can run --------------------------------===//
#include "Cpu.h"
#include "Error.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <vector>

namespace asgc::rt {

std::string missingFeatures(int32_t isa) {
  std::string missing;
  auto need = [&](bool has, const char *feature) {
    if (!has)
      missing += text(missing.empty() ? "" : ", ", feature);
  };
  // These also ask whether the operating system saves the wide registers.
  need(__builtin_cpu_supports("avx2"), "avx2");
  need(__builtin_cpu_supports("fma"), "fma");
  need(__builtin_cpu_supports("f16c"), "f16c");
  if (isa == ASGC_ISA_AVX512) {
    need(__builtin_cpu_supports("avx512f"), "avx512f");
    need(__builtin_cpu_supports("avx512bw"), "avx512bw");
    need(__builtin_cpu_supports("avx512dq"), "avx512dq");
    need(__builtin_cpu_supports("avx512vl"), "avx512vl");
  }
  return missing;
}

int32_t bestIsa() {
  for (int32_t isa = ASGC_ISA_COUNT - 1; isa >= 0; --isa)
    if (missingFeatures(isa).empty())
      return isa;
  return -1;
}

const char *isaName(int32_t isa) {
  return isa == ASGC_ISA_AVX512 ? "avx512" : "avx2";
}

/// The first `bytes` of a small file; "" if it cannot be read.
static std::string readSmallFile(const std::string &path) {
  char buffer[4096];
  std::FILE *file = std::fopen(path.c_str(), "re");
  if (!file)
    return "";
  size_t got = std::fread(buffer, 1, sizeof(buffer), file);
  std::fclose(file);
  return std::string(buffer, got);
}

/// Cores within this process's affinity, each counted once however many
/// hardware threads it has: two of them share the multipliers that we fill.
static int coresInAffinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return 1;
  std::vector<int> firsts;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set))
      continue;
    std::string siblings = readSmallFile(text(
        "/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    int first = siblings.empty() ? cpu : std::atoi(siblings.c_str());
    if (std::find(firsts.begin(), firsts.end(), first) == firsts.end())
      firsts.push_back(first);
  }
  return std::max<int>(1, int(firsts.size()));
}

/// Whole cores in "QUOTA PERIOD"; a large number for "max PERIOD" or nothing.
static int coresInQuota(const std::string &limits) {
  long long quota = 0, period = 0;
  if (std::sscanf(limits.c_str(), "%lld %lld", &quota, &period) != 2 ||
      quota <= 0 || period <= 0)
    return maxThreads;
  return int(
      std::clamp<long long>((quota + period - 1) / period, 1, maxThreads));
}

/// The tightest CPU quota of this process's control group and those above it.
static int coresInControlGroups() {
  const std::string root = "/sys/fs/cgroup";
  int cores = maxThreads;
  std::string groups = readSmallFile("/proc/self/cgroup");
  size_t unified = groups.find("0::/");
  if (unified != std::string::npos) {
    size_t begin = unified + 3;
    std::string group = groups.substr(begin, groups.find('\n', begin) - begin);
    for (;;) {
      cores = std::min(
          cores, coresInQuota(readSmallFile(text(root, group, "/cpu.max"))));
      if (group.empty() || group == "/")
        break;
      group.resize(group.find_last_of('/'));
    }
  }
  // Version 1 keeps the two numbers in two files.
  std::string quota = readSmallFile(root + "/cpu/cpu.cfs_quota_us");
  std::string period = readSmallFile(root + "/cpu/cpu.cfs_period_us");
  return std::min(cores, coresInQuota(text(quota, " ", period)));
}

int usableCores() {
  return std::min({coresInAffinity(), coresInControlGroups(), maxThreads});
}

int chooseThreads(int32_t requested) {
  if (requested <= 0)
    if (const char *variable = std::getenv("ASGC_THREADS"))
      requested = int32_t(std::strtol(variable, nullptr, 10));
  if (requested <= 0)
    requested = usableCores();
  return std::clamp<int>(requested, 1, maxThreads);
}

} // namespace asgc::rt

const char *asgc_cpu_isa(void) {
  using namespace asgc::rt;
  int32_t isa = bestIsa();
  if (isa >= 0)
    return isaName(isa);
  fail(ASGC_UNSUPPORTED,
       text("this CPU lacks ", missingFeatures(ASGC_ISA_AVX2)));
  return "none";
}
