//===- Averages.h - Means over batches of different size ------------------===//
#ifndef ASGC_LIB_TRAIN_AVERAGES_H
#define ASGC_LIB_TRAIN_AVERAGES_H

#include "asgc/Train.h"

namespace asgc {

/// Σ value · items / Σ items for each of some named values. The sums are part
/// of a checkpoint, so that an epoch that was interrupted averages to the same
/// bits.
struct Averages {
  std::vector<std::string> names;
  std::vector<double> sums;
  int64_t items = 0;

  explicit Averages(std::vector<std::string> names = {})
      : names(std::move(names)), sums(this->names.size(), 0.0) {}

  void add(std::span<const double> values, int64_t count) {
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += values[i] * double(count);
    items += count;
  }
  void clear() {
    sums.assign(names.size(), 0.0);
    items = 0;
  }
  std::vector<NamedValue> means() const {
    std::vector<NamedValue> result;
    for (size_t i = 0; i < sums.size(); ++i)
      result.push_back({names[i], items ? sums[i] / double(items) : 0.0});
    return result;
  }
};

} // namespace asgc

#endif
