//===- Usage.h - Help texts and what to say of a wrong command line -------===//
#ifndef ASGC_TOOLS_USAGE_H
#define ASGC_TOOLS_USAGE_H

#include "Verb.h"

namespace asgc::cli {

/// What `asgc` alone prints: the way from nothing to a linked program.
extern const char *const kTour;

/// The group of options that every verb has; stands last in its help.
inline constexpr const char *kEverywhere = "Everywhere";

/// Help with examples first, short enough to be read.
void setHelpFormat(CLI::App &app);

/// Says what is wrong with the command line, with the nearest right word; or
/// prints the help or version that was asked for. Returns the exit code.
int reportParseError(const CLI::App &app, const CLI::ParseError &error);

/// Complains of words that no verb or option took; null if there are none.
std::optional<int> reportExtras(const CLI::App &app);

} // namespace asgc::cli

#endif
