//===- Error.cpp - Statuses and the sentences that go with them -----------===//
#include "Error.h"
#include "Program.h"
#include <cstring>

namespace asgc::rt {

static std::string &lastError() {
  thread_local std::string sentence;
  return sentence;
}

asgc_status fail(asgc_status status, std::string sentence) {
  lastError() = std::move(sentence);
  return status;
}

asgc_status fail(asgc_program &program, asgc_status status,
                 std::string sentence) {
  program.error = sentence;
  return fail(status, std::move(sentence));
}

std::string systemReason(int error) {
  char buffer[256] = "";
  // The GNU form returns the text, which need not lie in the buffer.
  return strerror_r(error, buffer, sizeof(buffer));
}

} // namespace asgc::rt

const char *asgc_last_error(void) { return asgc::rt::lastError().c_str(); }

const char *asgc_program_error(const asgc_program *program) {
  return program ? program->error.c_str() : asgc_last_error();
}
