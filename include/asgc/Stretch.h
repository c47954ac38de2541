//===- Stretch.h - Neighbouring elements of a tensor ----------------------===//
#ifndef ASGC_STRETCH_H
#define ASGC_STRETCH_H

#include <cstdint>

namespace asgc {

/// `count` elements of a tensor from the one numbered `begin` on, in its order.
struct Stretch {
  int64_t begin = 0, count = 0;
};

} // namespace asgc

#endif
