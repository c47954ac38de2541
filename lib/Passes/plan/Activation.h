//===- Activation.h - Activations among elementwise ops -------------------===//
#ifndef ASGC_PASSES_PLAN_ACTIVATION_H
#define ASGC_PASSES_PLAN_ACTIVATION_H

#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

namespace asgc::planner {

/// An activation that ops compute of some value.
struct FoundActivation {
  plan::Activation kind;
  mlir::Value result;
};

/// The largest activation of `x` among the ops of its block, such that nothing
/// else there uses `x` or what lies between; null if there is none.
std::optional<FoundActivation> findActivation(mlir::Value x);

/// The only value of a constant, also through broadcasts; null if it varies.
std::optional<double> getSplatNumber(mlir::Value value);

} // namespace asgc::planner

#endif
