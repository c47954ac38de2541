//===- EditDistance.cpp - Finds the name that was meant -------------------===//
#include "asgc/Support.h"

#include <algorithm>
#include <cctype>

namespace asgc {

unsigned editDistance(std::string_view a, std::string_view b, unsigned limit) {
  size_t difference =
      a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit)
    return limit + 1;
  // Rows i - 2, i - 1 and i of the table of optimal string alignment.
  std::vector<unsigned> before(b.size() + 1), last(b.size() + 1),
      row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    unsigned best = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min(
          {last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
      best = std::min(best, row[j]);
    }
    if (best > limit)
      return limit + 1;
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::optional<std::string>
findNearest(std::string_view name, const std::vector<std::string> &candidates) {
  auto lower = [](std::string_view text) {
    std::string result(text);
    for (char &c : result)
      c = std::tolower(static_cast<unsigned char>(c));
    return result;
  };
  // A third of the letters may be wrong; beyond that a hint misleads.
  unsigned limit = std::max<size_t>(name.size(), 3) / 3;
  std::optional<std::string> nearest;
  std::string wanted = lower(name);
  for (const std::string &candidate : candidates) {
    if (candidate == name)
      continue;
    unsigned distance = editDistance(wanted, lower(candidate), limit);
    if (distance > limit)
      continue;
    nearest = candidate;
    if (distance == 0)
      break;
    limit = distance - 1;
  }
  return nearest;
}

} // namespace asgc
