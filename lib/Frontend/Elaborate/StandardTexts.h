//===- StandardTexts.h - The texts of the standard library ----------------===//
#ifndef ASGC_FRONTEND_STANDARDTEXTS_H
#define ASGC_FRONTEND_STANDARDTEXTS_H

#include <string_view>
#include <vector>

namespace asgc {

struct StandardText {
  const char *path; ///< "nn/layers.asg"
  std::string_view text;
};

/// All texts of dialects/nn, compiled in.
const std::vector<StandardText> &getStandardTexts();

} // namespace asgc

#endif
