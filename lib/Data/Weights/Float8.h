//===- Float8.h - Floats of 8 bits ----------------------------------------===//
#ifndef ASGC_LIB_DATA_WEIGHTS_FLOAT8_H
#define ASGC_LIB_DATA_WEIGHTS_FLOAT8_H

#include <cstddef>
#include <span>
#include <string_view>

namespace asgc {

/// The floats of 8 bits that files of weights hold.
enum class Float8 {
  E4M3,     ///< no infinity, one NaN of each sign; "float8_e4m3fn" of PyTorch
  E5M2,     ///< as IEEE 754 would have it
  E4M3Fnuz, ///< no infinity, no −0, whose bits are the NaN
  E5M2Fnuz, ///< the same
  E8M0      ///< a power of two without sign; 0xff is NaN
};

/// Every one of them is an f32 exactly.
float decodeFloat8(Float8 format, std::byte bits);
void decodeFloat8(Float8 format, std::span<const std::byte> bits,
                  std::span<float> out);

} // namespace asgc

#endif
