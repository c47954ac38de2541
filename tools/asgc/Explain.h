//===- Explain.h - Topics of asgc explain, as text and as JSON ------------===//
#ifndef ASGC_TOOLS_EXPLAIN_H
#define ASGC_TOOLS_EXPLAIN_H

#include "asgc/Catalog.h"
#include "asgc/Explain.h"
#include "asgc/Support.h"

#include <string>
#include <variant>

namespace asgc::cli {

/// One thing that has a name and an explanation.
struct Topic {
  std::string kind; ///< "block", "optimizer", "function", "op", "pass", "code"
  std::string name;
  std::variant<BlockExplanation, BuiltinExplanation, const CatalogOp *,
               PassExplanation, const CodeInfo *>
      content;
};

/// What a person reads; `lang` is "en" or "ru". `withSource` adds the
/// definition of a block.
std::string topicText(const Topic &topic, const std::string &lang,
                      bool withSource);

/// One object in one line (docs/cli.md).
std::string topicJson(const Topic &topic, const std::string &lang);

} // namespace asgc::cli

#endif
