//===- TileTable.h - Measured times of tiles ------------------------------===//
#ifndef ASGC_TILETABLE_H
#define ASGC_TILETABLE_H

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace asgc {

/// How a group of a Vulkan device computes a product: a block of `rows` x
/// `columns`, `depth` of the sum at a time, by a matrix unit or without.
struct DeviceTile {
  int64_t rows = 0, columns = 0, depth = 0;
  bool usesUnit = false;
  auto operator<=>(const DeviceTile &) const = default;
};

/// c[m, n] = Σ a[m, k] · b[k, n] for each point of a batch.
struct ProductShape {
  int64_t batch = 1, m = 1, n = 1, k = 1;
  auto operator<=>(const ProductShape &) const = default;
};

struct TileTime {
  ProductShape shape;
  DeviceTile tile;
  double micros = 0; ///< over 0
};

/// What `asgc tune` measured on a device.
struct TileTable {
  std::string device, driver;
  std::vector<TileTime> times;
};

} // namespace asgc

#endif
