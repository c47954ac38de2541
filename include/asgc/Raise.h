//===- Raise.h - Turns an asg graph back into a model text ----------------===//
#ifndef ASGC_RAISE_H
#define ASGC_RAISE_H

#include "asgc/HostTensor.h"
#include "asgc/Stretch.h"
#include "dialects/asg/Asg.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asgc {

/// A variable of a raised text, and where its value comes from.
struct RaisedWeight {
  std::string name;          ///< in the text: "fc1.weight"
  std::string source;        ///< the variable of the module; empty: `value`
  bool isTransposed = false; ///< the source is a matrix [in, out]
  HostTensor value;          ///< of a constant too large for the text
  /// What of the source it is, one after the other; empty: all of it.
  std::vector<Stretch> stretches = {};
  std::vector<int64_t> shape = {}; ///< of the stretches
};

/// A model text that computes what a graph does.
struct RaisedModel {
  std::string text; ///< canonical, as `asgc fmt` writes it
  std::vector<RaisedWeight> weights;
  /// Inputs, outputs and dims that had to take another name: old and new.
  std::vector<std::pair<std::string, std::string>> renamed;
};

/// Whether raiseModel writes `layer`, an asg.layer, in a word; others are to be
/// inlined.
bool canRaise(mlir::Operation *layer);

/// Writes `graph` (verified, layers inlined, no fusions, no gradients) as a
/// model called `name`. Compositions that `dialects/nn` has a block for become
/// instances of it, up to rounding; parameters keep their names where the
/// language has room for them.
///
/// Null if an op cannot be written in the language; `*whyNot` then lists all of
/// them with how often they occur.
std::optional<RaisedModel>
raiseModel(asg::GraphOp graph, const std::string &name, std::string *whyNot);

} // namespace asgc

#endif
