//===- Error.h - Statuses and the sentences that go with them -------------===//
#ifndef ASGC_RT_ERROR_H
#define ASGC_RT_ERROR_H

#include "asgc/runtime.h"
#include <concepts>
#include <string>
#include <string_view>

namespace asgc::rt {

inline void appendPart(std::string &out, std::string_view part) { out += part; }
inline void appendPart(std::string &out, char part) { out += part; }
template <std::integral Integer>
void appendPart(std::string &out, Integer part) {
  out += std::to_string(part);
}

/// Joins strings and integers: text("m = ", 3) is "m = 3".
template <typename... Parts> std::string text(const Parts &...parts) {
  std::string out;
  (appendPart(out, parts), ...);
  return out;
}

/// Keeps `sentence` as this thread's last error and returns `status`.
asgc_status fail(asgc_status status, std::string sentence);

/// The same, and as the last error of `program`.
asgc_status fail(asgc_program &program, asgc_status status,
                 std::string sentence);

/// What the operating system says of `error` (an errno).
std::string systemReason(int error);

} // namespace asgc::rt
#endif
