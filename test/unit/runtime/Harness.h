//===- Harness.h - Calls of abi.def from tests ----------------------------===//
#ifndef ASGC_TEST_RUNTIME_HARNESS_H
#define ASGC_TEST_RUNTIME_HARNESS_H

#include "Half.h"
#include "Samples.h"
#include <cmath>
#include <cstring>
#include <functional>
#include <random>

namespace asgc::test {

using Call = std::function<int32_t(asgc_frame *)>;

/// What the entries of a Harness run.
inline Call &currentCall() {
  static Call call;
  return call;
}

/// A program of library kernels whose entries run whatever a test says:
/// `infer`, and `train`, which assigns variables.
class Harness {
public:
  explicit Harness(asgc_options options = {}) : program_(desc(), options) {}

  asgc_status run(Call call, const char *entry = "infer") {
    currentCall() = std::move(call);
    return asgc_program_run(program_, entry, nullptr, 0, nullptr, 0);
  }
  std::string error() const { return program_.error(); }
  asgc_program *program() const { return program_; }

  /// Values of the run-time dims: symbol i is dims[i].
  static constexpr int numDims = 16;

private:
  static int32_t runCurrent(asgc_frame *frame) { return currentCall()(frame); }

  static const asgc_program_desc &desc() {
    static const asgc_entry_desc entries[] = {
        {"infer", nullptr, nullptr, 0, 0, 0, 0, 0, runCurrent},
        {"train", nullptr, nullptr, 0, 0, 0, 1, 0, runCurrent}};
    static const asgc_kernel_desc kernels[] = {
        {"first", {}, 0}, {"second", {}, 0}, {"third", {}, 0}};
    static const asgc_program_desc desc = [] {
      asgc_program_desc desc{};
      desc.abi_version = ASGC_ABI_VERSION;
      desc.name = "harness";
      desc.entries = entries;
      desc.num_entries = 2;
      desc.kernels = kernels;
      desc.num_kernels = 3;
      return desc;
    }();
    return desc;
  }

  Program program_;
};

inline int64_t sizeOfType(int32_t dtype) {
  switch (dtype) {
  case ASGC_I64:
  case ASGC_F64:
    return 8;
  case ASGC_F32:
  case ASGC_I32:
    return 4;
  case ASGC_F16:
  case ASGC_BF16:
    return 2;
  default:
    return 1;
  }
}

/// Elements of any type, read and written as double.
class Buffer {
public:
  Buffer(int32_t dtype, int64_t count)
      : dtype_(dtype), count_(count),
        bytes_(size_t(count * sizeOfType(dtype)) + 64) {}

  void *data() { return bytes_.data(); }
  int64_t size() const { return count_; }
  int32_t dtype() const { return dtype_; }
  const std::vector<char> &bytes() const { return bytes_; }

  double get(int64_t i) const {
    const char *at = bytes_.data() + i * sizeOfType(dtype_);
    switch (dtype_) {
    case ASGC_F32:
      return load<float>(at);
    case ASGC_F64:
      return load<double>(at);
    case ASGC_F16:
      return rt::f16ToFloat(load<uint16_t>(at));
    case ASGC_BF16:
      return rt::bf16ToFloat(load<uint16_t>(at));
    case ASGC_I8:
      return load<int8_t>(at);
    case ASGC_I32:
      return load<int32_t>(at);
    case ASGC_I64:
      return double(load<int64_t>(at));
    default:
      return load<uint8_t>(at);
    }
  }
  void set(int64_t i, double value) {
    char *at = bytes_.data() + i * sizeOfType(dtype_);
    switch (dtype_) {
    case ASGC_F32:
      return store(at, float(value));
    case ASGC_F64:
      return store(at, value);
    case ASGC_F16:
      return store(at, rt::floatToF16(float(value)));
    case ASGC_BF16:
      return store(at, rt::floatToBf16(float(value)));
    case ASGC_I8:
      return store(at, int8_t(value));
    case ASGC_I32:
      return store(at, int32_t(value));
    case ASGC_I64:
      return store(at, int64_t(value));
    default:
      return store(at, uint8_t(value));
    }
  }
  void fill(std::mt19937 &random) {
    const bool whole = dtype_ != ASGC_F32 && dtype_ != ASGC_F64 &&
                       dtype_ != ASGC_F16 && dtype_ != ASGC_BF16;
    std::uniform_int_distribution<int> integer(-100, 100);
    std::uniform_real_distribution<double> real(-1, 1);
    for (int64_t i = 0; i < count_; ++i)
      set(i, dtype_ == ASGC_BOOL ? integer(random) & 1
             : whole             ? integer(random)
                                 : real(random));
  }

private:
  template <typename T> static T load(const char *at) {
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
  }
  template <typename T> static void store(char *at, T value) {
    std::memcpy(at, &value, sizeof(T));
  }

  int32_t dtype_;
  int64_t count_;
  std::vector<char> bytes_;
};

} // namespace asgc::test
#endif
