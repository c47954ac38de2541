//===- Backends.cpp - Whatever else can run a module, for parity ----------===//
#include "test/ops/Backends.h"

namespace asgc::test {

const std::vector<Backend> &allBackends() {
  static const std::vector<Backend> backends;
  return backends;
}

} // namespace asgc::test
