//===- Doctor.cpp - asgc doctor: what this machine offers -----------------===//
#include "Output.h"
#include "Verb.h"

#include "asgc/Support.h"
#include "asgc/runtime.h"

#include <fstream>
#include <sched.h>
#include <sstream>

namespace asgc::cli {

namespace {

struct DoctorOptions {
  bool json = false;
};

/// One thing looked at: what was found, and what to do if it is not enough.
struct Finding {
  std::string key, title, value, remedy;
  bool isFine = true;
};

/// The value of the first line `key : value` of a file of /proc.
std::string readProc(const char *path, const std::string &key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    size_t colon = line.find(':');
    if (line.starts_with(key) && colon != std::string::npos)
      return line.substr(line.find_first_not_of(" \t", colon + 1));
  }
  return "";
}

int64_t readKibibytes(const std::string &key) {
  return std::atoll(readProc("/proc/meminfo", key).c_str());
}

Finding findIsa() {
  std::string isa = asgc_cpu_isa();
  Finding finding{"isa", "instruction set", isa, "", isa != "none"};
  if (!finding.isFine)
    finding.remedy = asgc_last_error();
  return finding;
}

Finding findOneDnn() {
  std::string library = asgc_cpu_library();
  Finding finding{"onednn", "oneDNN", library, "", library != "none"};
  if (!finding.isFine)
    finding.remedy = asgc_last_error();
  return finding;
}

Finding findCores(const Settings &settings) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  int threads = settings.threads() ? settings.threads() : cores;
  Finding finding{"threads", "threads",
                  fmt::format("{} of {} cores that this process may use",
                              threads, cores),
                  "", threads <= cores};
  if (!finding.isFine)
    finding.remedy = "more threads than cores wait for each other; set "
                     "threads to 0";
  return finding;
}

/// One line per Vulkan device, or one that says why there is none. Not to have
/// one is no fault: programs then run on the CPU.
std::vector<Finding> findVulkan() {
  std::vector<Finding> findings;
  auto visit = [](void *user, const asgc_vulkan_device *device) {
    auto &findings = *static_cast<std::vector<Finding> *>(user);
    findings.push_back(
        {fmt::format("vulkan{}", findings.size()), "Vulkan device",
         fmt::format("{}, {}, {:.1f} GiB: {}", device->name, device->kind,
                     double(device->memory_bytes) / (1 << 30), device->reason),
         "", true});
  };
  if (asgc_vulkan_devices(visit, &findings) != ASGC_OK)
    findings.push_back({"vulkan0", "Vulkan device",
                        fmt::format("none: {}", asgc_last_error()), "", true});
  return findings;
}

std::vector<Finding> examine(const Settings &settings) {
  double gib = 1 << 20; // of kibibytes
  std::string processor = readProc("/proc/cpuinfo", "model name");
  std::vector<Finding> findings = {
          {"asgc", "asgc", asgc_version(), "", true},
          {"cpu", "processor", processor.empty() ? "unknown" : processor, "",
           true},
          findIsa(),
          findOneDnn(),
          findCores(settings),
          {"memory", "memory",
           fmt::format("{:.1f} GiB, {:.1f} GiB of it free",
                       readKibibytes("MemTotal") / gib,
                       readKibibytes("MemAvailable") / gib),
           "", true}};
  for (Finding &finding : findVulkan())
    findings.push_back(std::move(finding));
  return findings;
}

void printJson(const std::vector<Finding> &findings, const Settings &settings,
               bool isFine) {
  std::string out = fmt::format("{{\n  \"format\": \"asgc-doctor/1\",\n"
                                "  \"ok\": {},\n  \"findings\": {{",
                                isFine);
  const char *comma = "";
  for (const Finding &f : findings) {
    out += fmt::format("{}\n    {}: {{\"ok\": {}, \"value\": {}{}}}", comma,
                       quoteJson(f.key), f.isFine, quoteJson(f.value),
                       f.remedy.empty() ? ""
                                        : ", \"remedy\": " + quoteJson(f.remedy));
    comma = ",";
  }
  out += "\n  },\n  \"settings\": {";
  comma = "";
  for (const Setting &s : settings.all()) {
    out += fmt::format("{}\n    {}: {{\"value\": {}, \"origin\": {}}}", comma,
                       quoteJson(s.name), quoteJson(s.value),
                       quoteJson(s.origin));
    comma = ",";
  }
  printText(out + "\n  }\n}\n");
}

int runDoctor(const DoctorOptions &options, const Session &session) {
  std::vector<Finding> findings = examine(session.settings);
  bool isFine = true;
  for (const Finding &finding : findings)
    isFine &= finding.isFine;
  if (options.json) {
    printJson(findings, session.settings, isFine);
    return isFine ? ExitOk : ExitEnvironment;
  }
  for (const Finding &f : findings) {
    print("{} {:<16}{}\n", f.isFine ? "ok  " : "bad ", f.title, f.value);
    if (!f.remedy.empty())
      print("     {:<16}{}\n", "", f.remedy);
  }
  print("\nsettings\n");
  for (const Setting &s : session.settings.all())
    print("     {:<16}{:<8}{}\n", s.name, s.value, s.origin);
  return isFine ? ExitOk : ExitEnvironment;
}

} // namespace

void addDoctor(CLI::App &app, Session &session) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App *verb = addVerb(app, "doctor", "Say what this machine offers and how asgc is set",
                           "asgc doctor\n"
                           "asgc doctor --json");
  verb->add_flag("--json", options->json, "For programs: see docs/cli.md");
  setAction(verb, session, options, runDoctor);
}

} // namespace asgc::cli
