//===- Crash.h - What is left behind when asgc itself fails ---------------===//
#ifndef ASGC_TOOLS_CRASH_H
#define ASGC_TOOLS_CRASH_H

#include <string>
#include <string_view>

namespace asgc::cli {

/// From now on a crash, an uncaught exception or a fatal error of LLVM writes a
/// reproducer, names it on standard error and ends the process with 70. A lack
/// of memory ends it with 4.
void installCrashHandler(int argc, char **argv);

/// A text that the reproducer will hold besides the command line: the model, or
/// the IR a pass failed on. The latest under a title counts.
void rememberForCrash(std::string_view title, std::string text);

/// Writes the reproducer now and says where it is.
void reportReproducer(const std::string &reason);

} // namespace asgc::cli

#endif
