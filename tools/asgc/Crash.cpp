//===- Crash.cpp - What is left behind when asgc itself fails -------------===//
#include "Crash.h"

#include "Verb.h"
#include "asgc/runtime.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <execinfo.h>
#include <exception>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace asgc::cli {

namespace {

// A handler may use neither the heap nor locks, so everything it writes is made
// ready beforehand and lives to the end of the process.
struct Remembered {
  char title[64];
  std::string text;
};
std::array<Remembered, 8> remembered;
size_t numRemembered = 0;
std::string commandLine;
std::array<char, 256> path;
volatile std::sig_atomic_t handling = 0;

void put(int file, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = write(file, text.data(), text.size());
    if (written <= 0)
      return;
    text.remove_prefix(size_t(written));
  }
}

/// Opens asgc-crash-PID.txt here, or in the folder for temporary files.
int openReproducer() {
  const char *const folders[] = {".", std::getenv("TMPDIR"), "/tmp"};
  for (const char *folder : folders) {
    if (!folder)
      continue;
    std::snprintf(path.data(), path.size(), "%s%sasgc-crash-%d.txt",
                  std::strcmp(folder, ".") ? folder : "",
                  std::strcmp(folder, ".") ? "/" : "", int(getpid()));
    int file = open(path.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0666);
    if (file >= 0)
      return file;
  }
  return -1;
}

void writeReproducer(const char *reason) {
  int file = openReproducer();
  if (file >= 0) {
    put(file, "asgc ");
    put(file, asgc_version());
    put(file, "\nreason: ");
    put(file, reason);
    put(file, "\ncommand: ");
    put(file, commandLine);
    put(file, "\n\nstack:\n");
    std::array<void *, 64> frames;
    backtrace_symbols_fd(frames.data(), backtrace(frames.data(), frames.size()),
                         file);
    for (size_t i = 0; i < numRemembered; ++i) {
      put(file, "\n===== ");
      put(file, remembered[i].title);
      put(file, "\n");
      put(file, remembered[i].text);
    }
    close(file);
  }
  put(STDERR_FILENO, "asgc: this is an error in asgc itself, not in what you "
                     "gave it; what happened is in ");
  put(STDERR_FILENO, file >= 0 ? path.data() : "no file: none could be written");
  put(STDERR_FILENO, "\n");
}

void onSignal(int signal) {
  if (handling)
    _exit(ExitInternal);
  handling = 1;
  const char *name = signal == SIGSEGV  ? "invalid memory access"
                     : signal == SIGBUS ? "bus error"
                     : signal == SIGFPE ? "arithmetic error"
                     : signal == SIGILL ? "illegal instruction"
                                        : "aborted";
  put(STDERR_FILENO, "asgc: ");
  put(STDERR_FILENO, name);
  put(STDERR_FILENO, "\n");
  writeReproducer(name);
  _exit(ExitInternal);
}

[[noreturn]] void onTerminate() {
  if (std::exception_ptr current = std::current_exception()) {
    try {
      std::rethrow_exception(current);
    } catch (const std::bad_alloc &) {
      put(STDERR_FILENO, "asgc: out of memory\n");
      _exit(ExitEnvironment);
    } catch (const std::exception &error) {
      put(STDERR_FILENO, "asgc: ");
      put(STDERR_FILENO, error.what());
      put(STDERR_FILENO, "\n");
      writeReproducer(error.what());
    } catch (...) {
      writeReproducer("unknown exception");
    }
  } else {
    writeReproducer("terminated");
  }
  _exit(ExitInternal);
}

/// Quotes `word` for a shell if it needs that.
std::string quote(const std::string &word) {
  if (!word.empty() &&
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                             "VWXYZ0123456789_-./=:,@+") == std::string::npos)
    return word;
  std::string quoted = "'";
  for (char c : word)
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

} // namespace

void installCrashHandler(int argc, char **argv) {
  for (int i = 0; i < argc; ++i)
    commandLine += (i ? " " : "") + quote(argv[i]);
  std::set_terminate(onTerminate);
  std::set_new_handler([] {
    put(STDERR_FILENO, "asgc: out of memory\n");
    _exit(ExitEnvironment);
  });
  // The first call of backtrace() loads a library, which a handler may not.
  void *frame;
  backtrace(&frame, 1);
  // A stack overflow leaves no stack to handle it on.
  static std::array<char, 64 * 1024> stack;
  stack_t alternate = {};
  alternate.ss_sp = stack.data();
  alternate.ss_size = stack.size();
  sigaltstack(&alternate, nullptr);
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    sigaction(signal, &action, nullptr);
}

void rememberForCrash(std::string_view title, std::string text) {
  Remembered *entry = nullptr;
  for (size_t i = 0; i < numRemembered; ++i)
    if (title == remembered[i].title)
      entry = &remembered[i];
  if (!entry) {
    if (numRemembered == remembered.size())
      return;
    entry = &remembered[numRemembered++];
    std::snprintf(entry->title, sizeof entry->title, "%.*s", int(title.size()),
                  title.data());
  }
  entry->text = std::move(text);
}

void reportReproducer(const std::string &reason) {
  writeReproducer(reason.c_str());
}

} // namespace asgc::cli
