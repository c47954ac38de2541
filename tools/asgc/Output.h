//===- Output.h - Data to standard output, messages to standard error -----===//
#ifndef ASGC_TOOLS_OUTPUT_H
#define ASGC_TOOLS_OUTPUT_H

#include "asgc/Data.h"

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace asgc::cli {

/// Writes data.
void printText(std::string_view text);
template <typename... Args>
void print(fmt::format_string<Args...> format, Args &&...args) {
  printText(fmt::format(format, std::forward<Args>(args)...));
}

/// Writes a message, as a line if it is not one yet.
void sayText(std::string_view text);
template <typename... Args>
void say(fmt::format_string<Args...> format, Args &&...args) {
  sayText(fmt::format(format, std::forward<Args>(args)...));
}

/// Writes an error: `asgc: TEXT`, or `asgc VERB: TEXT` for a wrong command line.
void complainText(std::string_view text);
template <typename... Args>
void complain(fmt::format_string<Args...> format, Args &&...args) {
  complainText(fmt::format(format, std::forward<Args>(args)...));
}

/// Complains of `fault`; its exit code. An internal one leaves a reproducer.
int reportFault(const Fault &fault);

/// Empties standard output's buffer. A full disk or a closed pipe becomes a
/// failure here: returns `code` if all is well.
int finishOutput(int code);

/// Writes `bytes` as the whole file `path`, atomically.
MaybeFault writeFile(const std::string &path, std::string_view bytes);

/// The bytes of a file.
Result<std::string> readFile(const std::string &path);

} // namespace asgc::cli

#endif
