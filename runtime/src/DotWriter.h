//===- DotWriter.h - A dump as a drawing for Graphviz ---------------------===//
#ifndef ASGC_RT_DOTWRITER_H
#define ASGC_RT_DOTWRITER_H

#include "Json.h"
#include "asgc/runtime.h"
#include <string>

namespace asgc::rt {

/// Draws the last graphs and the last programs of an asgc-dump/1 document; the
/// steps of a program with their share of the profile, if there is one.
std::string writeDot(const json::Document &dump, const asgc_program &program);

} // namespace asgc::rt
#endif
