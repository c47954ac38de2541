//===- AsgGradients.cpp - The rules that are written in the records -------===//
#include "dialects/asg/Asg.h"

namespace asgc::asg {
#include "dialects/asg/AsgGradients.cpp.inc"
} // namespace asgc::asg
