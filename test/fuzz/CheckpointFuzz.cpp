//===- CheckpointFuzz.cpp - Checkpoints from hostile hands ----------------===//
#include "asgc/Train.h"
#include "lib/Train/Checkpoint.h"
#include "lib/Train/EventLog.h"

#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace asgc;

namespace {
void checkHeader(std::string_view json) {
  CheckpointHeader header, again;
  std::string wrong = headerFromJson(json, &header);
  if (!wrong.empty())
    return;
  std::string text = headerToJson(header);
  if (!headerFromJson(text, &again).empty() || headerToJson(again) != text)
    std::abort();
}

void checkRecipe(std::string_view json) {
  Recipe recipe, again;
  if (!recipeFromJson(json, &recipe).empty())
    return;
  verifyRecipe(recipe);
  if (!recipeFromJson(recipeToJson(recipe), &again).empty() ||
      !(recipe == again))
    std::abort();
}

void checkEvents(std::string_view lines) {
  int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
  if (write(descriptor, lines.data(), lines.size()) != ssize_t(lines.size()))
    std::abort();
  Result<EventLog> log =
      EventLog::open("/proc/self/fd/" + std::to_string(descriptor));
  if (!log || !log->cutAfter(3) || log->append(4, "\"epoch\":1"))
    std::abort();
  Result<int64_t> last = log->cutAfter(4);
  if (!last || *last != 4)
    std::abort();
  close(descriptor);
}
} // namespace

/// The first byte chooses what the rest is: a whole file, or a part that the
/// checksum of a file would keep a fuzzer from reaching.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::string_view rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  switch (data[0]) {
  case 'h':
    checkHeader(rest);
    break;
  case 'r':
    checkRecipe(rest);
    break;
  case 'e':
    checkEvents(rest);
    break;
  default: {
    Result<CheckpointInfo> info =
        verifyCheckpoint(std::as_bytes(std::span(rest)), "fuzz");
    if (!info && info.fault().message.empty())
      std::abort();
  }
  }
  return 0;
}
