//===- InterruptGuard.cpp - Ctrl-C asks once, and then insists ------------===//
#include "asgc/Train.h"

namespace asgc {

namespace {
volatile std::sig_atomic_t interrupted = 0;

// The second signal meets the default action, which ends the process.
extern "C" void onInterrupt(int signal) {
  interrupted = signal;
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  sigaction(SIGINT, &defaults, nullptr);
  sigaction(SIGTERM, &defaults, nullptr);
}
} // namespace

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = onInterrupt;
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previousInt);
  sigaction(SIGTERM, &action, &previousTerm);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previousInt, nullptr);
  sigaction(SIGTERM, &previousTerm, nullptr);
}

const volatile std::sig_atomic_t *InterruptGuard::flag() const {
  return &interrupted;
}

} // namespace asgc
