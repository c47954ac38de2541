//===- Samples.h - Hand-made programs and tensors for the tests -----------===//
#ifndef ASGC_TEST_RUNTIME_SAMPLES_H
#define ASGC_TEST_RUNTIME_SAMPLES_H

#include "asgc/abi.h"
#include "asgc/runtime.h"
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace asgc::test {

/// A tensor with its own data.
template <typename T> struct Tensor {
  std::vector<int64_t> shape;
  std::vector<T> data;
  DLTensor view{};

  Tensor(std::vector<int64_t> dims, DLDataType type) : shape(std::move(dims)) {
    int64_t size = 1;
    for (int64_t dim : shape)
      size *= dim;
    data.resize(size_t(size));
    view.data = data.data();
    view.device = {kDLCPU, 0};
    view.ndim = int(shape.size());
    view.dtype = type;
    view.shape = shape.data();
  }
  Tensor(const Tensor &) = delete;
};

struct F32 : Tensor<float> {
  explicit F32(std::vector<int64_t> dims)
      : Tensor(std::move(dims), {kDLFloat, 32, 1}) {}
};

/// A program that ends with the scope.
struct Program {
  asgc_program *handle = nullptr;
  asgc_status status;

  explicit Program(const asgc_program_desc &desc, asgc_options options = {})
      : status(asgc_program_create(&desc, &options, &handle)) {}
  Program(const Program &) = delete;
  ~Program() { asgc_program_destroy(handle); }
  operator asgc_program *() const { return handle; }
  std::string error() const { return asgc_program_error(handle); }
};

/// A folder that is removed with everything in it.
struct TemporaryFolder {
  std::filesystem::path path;

  TemporaryFolder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "asgc-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string operator/(const std::string &name) const {
    return (path / name).string();
  }
  size_t size() const {
    return size_t(std::distance(std::filesystem::directory_iterator(path), {}));
  }
};

inline std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace asgc::test
#endif
