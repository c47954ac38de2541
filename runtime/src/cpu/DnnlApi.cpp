//===- DnnlApi.cpp - The functions of oneDNN, found at run time -----------===//
#include "DnnlApi.h"

#include "../Error.h"
#include "asgc/runtime.h"
#include <cstring>
#include <dlfcn.h>
#include <iterator>

#define ASGC_DNNL_NAME(major) ASGC_DNNL_NAME_(major)
#define ASGC_DNNL_NAME_(major) "libdnnl.so." #major

namespace asgc::rt {

#define ASGC_DNNL_DEFINE(name) decltype(&::name) name = nullptr;
ASGC_DNNL_FUNCTIONS(ASGC_DNNL_DEFINE)
#undef ASGC_DNNL_DEFINE
void (*omp_set_num_threads)(int threads) = nullptr;
int (*omp_get_max_threads)() = nullptr;

namespace {
/// The structures of <dnnl.h> are those of this major version alone.
constexpr const char *kLibrary = ASGC_DNNL_NAME(DNNL_VERSION_MAJOR);

/// Where the address of a function goes.
struct Wanted {
  const char *name;
  void *variable;
};

constexpr Wanted kWanted[] = {
#define ASGC_DNNL_WANTED(name) {#name, &name},
    ASGC_DNNL_FUNCTIONS(ASGC_DNNL_WANTED)
#undef ASGC_DNNL_WANTED
    // Of a library that oneDNN needs.
    {"omp_set_num_threads", &omp_set_num_threads},
    {"omp_get_max_threads", &omp_get_max_threads}};

std::string open() {
  // Never closed: OpenMP leaves threads behind.
  void *library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return text("oneDNN cannot be opened: ", dlerror(), "; install ", kLibrary,
                " (Debian: libdnnl", DNNL_VERSION_MAJOR, ")");
  // All or none: others ask the variables whether it has been opened.
  void *found[std::size(kWanted)];
  for (size_t i = 0; i < std::size(kWanted); ++i)
    if (!(found[i] = dlsym(library, kWanted[i].name)))
      return text(kLibrary, " and what it needs have no function ",
                  kWanted[i].name);
  for (size_t i = 0; i < std::size(kWanted); ++i)
    std::memcpy(kWanted[i].variable, &found[i], sizeof(found[i]));
  return "";
}

const char *isaName(dnnl_cpu_isa_t isa) {
  switch (isa) {
  case dnnl_cpu_isa_sse41:
    return "sse41";
  case dnnl_cpu_isa_avx:
    return "avx";
  case dnnl_cpu_isa_avx2:
    return "avx2";
  case dnnl_cpu_isa_avx2_vnni:
    return "avx2_vnni";
  case dnnl_cpu_isa_avx512_core:
    return "avx512_core";
  case dnnl_cpu_isa_avx512_core_vnni:
    return "avx512_core_vnni";
  case dnnl_cpu_isa_avx512_core_bf16:
    return "avx512_core_bf16";
  case dnnl_cpu_isa_avx512_core_amx:
    return "avx512_core_amx";
  default:
    return "other";
  }
}
} // namespace

const std::string &openDnnl() {
  static const std::string reason = open();
  return reason;
}

} // namespace asgc::rt

using namespace asgc::rt;

const char *asgc_cpu_library(void) {
  if (!openDnnl().empty()) {
    fail(ASGC_IO_ERROR, openDnnl());
    return "none";
  }
  static const std::string found = [] {
    const dnnl_version_t *version = asgc::rt::dnnl_version();
    return text(version->major, ".", version->minor, ".", version->patch,
                ", uses ", isaName(asgc::rt::dnnl_get_effective_cpu_isa()));
  }();
  return found.c_str();
}
