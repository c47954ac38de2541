//===- EventLog.cpp - A file of JSON lines that can be cut back -----------===//
#include "EventLog.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asgc {

namespace {
/// The step of a line, or nothing if this file did not write it.
std::optional<int64_t> stepOf(std::string_view line) {
  constexpr std::string_view start = "{\"step\":";
  int64_t step = 0;
  if (!line.starts_with(start) || !line.ends_with("}"))
    return std::nullopt;
  const char *digits = line.data() + start.size();
  auto [end, code] = std::from_chars(digits, line.data() + line.size(), step);
  if (code != std::errc() || (*end != ',' && *end != '}'))
    return std::nullopt;
  return step;
}
} // namespace

EventLog::EventLog(EventLog &&other) noexcept
    : path(std::move(other.path)),
      descriptor(std::exchange(other.descriptor, -1)) {}

EventLog &EventLog::operator=(EventLog &&other) noexcept {
  std::swap(path, other.path);
  std::swap(descriptor, other.descriptor);
  return *this;
}

EventLog::~EventLog() {
  if (descriptor >= 0)
    ::close(descriptor);
}

Fault EventLog::failed(const char *verb) const {
  return {FaultKind::Environment,
          fmt::format("cannot {} '{}': {}", verb, path, std::strerror(errno))};
}

Result<EventLog> EventLog::open(const std::string &path) {
  EventLog log;
  log.path = path;
  log.descriptor =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (log.descriptor < 0)
    return log.failed("open");
  return log;
}

Result<int64_t> EventLog::cutAfter(int64_t step) {
  int64_t kept = 0, last = 0, at = 0;
  std::string pending;
  std::vector<char> chunk(1 << 16);
  bool isDone = false;
  while (!isDone) {
    ssize_t got = ::pread(descriptor, chunk.data(), chunk.size(), at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return failed("read");
    if (got == 0)
      break;
    at += got;
    pending.append(chunk.data(), size_t(got));
    size_t begin = 0;
    for (size_t end;
         !isDone && (end = pending.find('\n', begin)) != std::string::npos;) {
      std::optional<int64_t> found =
          stepOf(std::string_view(pending).substr(begin, end - begin));
      // Steps only rise, so nothing behind this line can stay either.
      if (!found || *found > step) {
        isDone = true;
        break;
      }
      last = *found;
      kept += int64_t(end - begin) + 1;
      begin = end + 1;
    }
    pending.erase(0, begin);
  }
  if (::ftruncate(descriptor, kept) != 0)
    return failed("cut");
  return last;
}

MaybeFault EventLog::append(int64_t step, const std::string &fields) {
  std::string line = fmt::format("{{\"step\":{},{}}}\n", step, fields);
  struct stat before;
  if (::fstat(descriptor, &before) != 0)
    return failed("write");
  for (size_t done = 0; done < line.size();) {
    ssize_t written =
        ::write(descriptor, line.data() + done, line.size() - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      Fault fault = failed("write");
      (void)!::ftruncate(descriptor, before.st_size);
      return fault;
    }
    done += size_t(written);
  }
  return std::nullopt;
}

MaybeFault EventLog::sync() {
  if (::fsync(descriptor) != 0)
    return failed("flush");
  return std::nullopt;
}

std::string jsonString(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      result += fmt::format("\\u{:04x}", c);
    else
      result += c;
  }
  return result + "\"";
}

std::string jsonField(const std::string &name, double value) {
  if (std::isnan(value))
    return jsonString(name) + ":\"nan\"";
  if (std::isinf(value))
    return jsonString(name) + (value > 0 ? ":\"inf\"" : ":\"-inf\"");
  return fmt::format("{}:{:.9g}", jsonString(name), value);
}

} // namespace asgc
