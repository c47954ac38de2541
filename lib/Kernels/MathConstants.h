//===- MathConstants.h - Numbers that several functions need --------------===//
#ifndef ASGC_KERNELS_MATHCONSTANTS_H
#define ASGC_KERNELS_MATHCONSTANTS_H

namespace asgc {

constexpr double kLog2E = 1.4426950408889634;
/// ln 2 as the sum of two f32.
constexpr double kLn2High = 0.693147182465, kLn2Low = -1.90465421213e-9;

} // namespace asgc

#endif
