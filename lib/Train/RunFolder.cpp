//===- RunFolder.cpp - Files of a run, and who may write them -------------===//
#include "RunFolder.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace asgc {

namespace fs = std::filesystem;

namespace {
/// The step in "step-00000120.safetensors".
std::optional<int64_t> stepOf(std::string_view name) {
  constexpr std::string_view prefix = "step-", suffix = ".safetensors";
  if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
      name.size() <= prefix.size() + suffix.size())
    return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  int64_t step = 0;
  auto [end, code] =
      std::from_chars(name.data(), name.data() + name.size(), step);
  if (code != std::errc() || end != name.data() + name.size() || step < 0)
    return std::nullopt;
  return step;
}

/// What file.h leaves when a process dies while it writes.
void removeTemporaries(const fs::path &folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with(".") && name.ends_with(".tmp") &&
        (name.find(".safetensors.") != std::string::npos ||
         name.find(".json.") != std::string::npos)) {
      std::error_code ignored;
      fs::remove(it->path(), ignored);
    }
  }
}
} // namespace

RunFolder::RunFolder(RunFolder &&other) noexcept
    : folder(std::move(other.folder)), lock(std::exchange(other.lock, -1)) {}

RunFolder &RunFolder::operator=(RunFolder &&other) noexcept {
  std::swap(folder, other.folder);
  std::swap(lock, other.lock);
  return *this;
}

RunFolder::~RunFolder() {
  if (lock >= 0)
    ::close(lock);
}

Result<RunFolder> RunFolder::open(const std::string &path) {
  auto failed = [](const std::string &what, int code) {
    return Fault{
        FaultKind::Environment,
        fmt::format("cannot create '{}': {}", what, std::strerror(code))};
  };
  RunFolder run;
  run.folder = path;
  std::string checkpoints = path + "/checkpoints";
  std::error_code error;
  fs::create_directories(checkpoints, error);
  if (error)
    return failed(checkpoints, error.value());
  std::string lockPath = path + "/.lock";
  run.lock = ::open(lockPath.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (run.lock < 0)
    return failed(lockPath, errno);
  if (::flock(run.lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return Fault{FaultKind::Environment,
                 path + ": another process is training in this folder"};
  removeTemporaries(path);
  removeTemporaries(checkpoints);
  return run;
}

bool RunFolder::holdsRun() const {
  std::error_code error;
  return fs::exists(events(), error) || !listCheckpoints(folder).empty();
}

std::string RunFolder::checkpoint(int64_t step) const {
  return fmt::format("{}/checkpoints/step-{:08}.safetensors", folder, step);
}

void RunFolder::rotate(int64_t newest, int64_t best, int64_t keep) const {
  if (keep <= 0)
    return;
  std::vector<std::pair<int64_t, std::string>> all = listCheckpoints(folder);
  // Steps beyond the newest are of a run that was taken back; they go when
  // this one gets there.
  std::erase_if(all, [&](auto &entry) { return entry.first > newest; });
  for (size_t i = 0; i + size_t(keep) < all.size(); ++i)
    if (all[i].first != best && all[i].first != newest) {
      std::error_code ignored;
      fs::remove(all[i].second, ignored);
    }
}

std::vector<std::pair<int64_t, std::string>>
listCheckpoints(const std::string &runFolder) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator it(runFolder + "/checkpoints", error), end;
       !error && it != end; it.increment(error))
    if (std::optional<int64_t> step = stepOf(it->path().filename().string()))
      found.push_back({*step, it->path().string()});
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace asgc
