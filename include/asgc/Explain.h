//===- Explain.h - What the definitions of a model text are for -----------===//
#ifndef ASGC_EXPLAIN_H
#define ASGC_EXPLAIN_H

#include "asgc/Data.h"

#include <string>
#include <vector>

namespace asgc {

/// A parameter, state or argument of a definition.
struct BlockField {
  std::string kind; ///< "argument", "param" or "state"
  std::string name, type;
  std::string initial; ///< the default or initial value; empty: none
  std::string role;
};

/// A block, loss, metric, optimizer, schedule or model, in words.
struct BlockExplanation {
  std::string kind, name;
  std::string signature; ///< `linear(x: f32[..., in], out: int) -> f32[..., out]`
  std::string place;     ///< "nn/layers.asg:12"
  std::string meaning, formula, why, source;
  std::vector<BlockField> fields;
  std::string text;      ///< the definition itself
};

/// Every definition of the standard library and, if `file` is given, of that
/// model text, sorted by name; in English or Russian ("ru").
Result<std::vector<BlockExplanation>> explainBlocks(const std::string &file,
                                                    const std::string &lang);

/// A function of the language that is built in.
struct BuiltinExplanation {
  std::string name;
  std::string signature; ///< `sum(x, axis = none, keep = false)`
  std::string family;    ///< "reductions"
  std::string meaning;
};

/// All of them, sorted by name; in English or Russian ("ru").
std::vector<BuiltinExplanation> explainBuiltins(const std::string &lang);

/// A pass: its name is its flag in `asgc opt`.
struct PassExplanation {
  std::string name, summary;
};

/// All of them, in pipeline order.
std::vector<PassExplanation> explainPasses();

} // namespace asgc

#endif
