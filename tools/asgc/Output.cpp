//===- Output.cpp - Data to standard output, messages to standard error ---===//
#include "Output.h"

#include "Crash.h"
#include "Verb.h"
#include "asgc/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <unistd.h>

namespace asgc::cli {

void printText(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void sayText(std::string_view text) {
  std::string line(text);
  if (!line.ends_with('\n'))
    line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void complainText(std::string_view text) {
  sayText("asgc: " + std::string(text));
}

int reportFault(const Fault &fault) {
  if (!fault.message.empty())
    complainText(fault.message);
  switch (fault.kind) {
  case FaultKind::Input:
    return ExitInput;
  case FaultKind::Unsupported:
    return ExitUnsupported;
  case FaultKind::Environment:
    return ExitEnvironment;
  case FaultKind::Internal:
    reportReproducer(fault.message);
    return ExitInternal;
  }
  return ExitInternal;
}

/// Of the write that failed, maybe long ago, no error number is left.
static bool isReaderGone() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return poll(&output, 1, 0) > 0 && (output.revents & POLLERR);
}

int finishOutput(int code) {
  errno = 0;
  if (std::fflush(stdout) == 0 && !std::ferror(stdout))
    return code;
  if (isReaderGone()) // it has read enough
    return code;
  complain("standard output: {}",
           errno ? std::strerror(errno) : "not all could be written");
  return code == ExitOk ? ExitEnvironment : code;
}

MaybeFault writeFile(const std::string &path, std::string_view bytes) {
  if (asgc_file_replace(path.c_str(), bytes.data(), bytes.size()) == ASGC_OK)
    return std::nullopt;
  return Fault{FaultKind::Environment, asgc_last_error()};
}

Result<std::string> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file)
    text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || file.bad())
    return Fault{FaultKind::Environment,
                 fmt::format("{}: {}", path, std::strerror(errno))};
  return text;
}

} // namespace asgc::cli
