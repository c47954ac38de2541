//===- Harness.h - Compiles plan programs in memory and runs them ---------===//
#ifndef ASGC_TEST_UNIT_CODEGEN_HARNESS_H
#define ASGC_TEST_UNIT_CODEGEN_HARNESS_H

#include "asgc/Codegen.h"
#include "asgc/runtime.h"

#include <string>
#include <vector>

namespace asgc::test {

/// A tensor of the host: elements as bytes.
struct Tensor {
  int32_t dtype = ASGC_F32;
  std::vector<int64_t> dims;
  std::vector<char> bytes;

  Tensor(int32_t dtype, std::vector<int64_t> dims);
  static Tensor f32(std::vector<int64_t> dims, std::vector<float> values);
  static Tensor f32(std::vector<int64_t> dims) {
    return Tensor(ASGC_F32, dims);
  }
  int64_t size() const;
  template <typename T> T *as() { return reinterpret_cast<T *>(bytes.data()); }
  template <typename T> const T *as() const {
    return reinterpret_cast<const T *>(bytes.data());
  }
  float *f() { return as<float>(); }
  const float *f() const { return as<float>(); }
};

/// Fails unless each element is within `tolerance` · (1 + |want|).
void checkClose(const Tensor &got, const std::vector<double> &want,
                double tolerance = 1e-6);

/// Numbers of [low, high], the same for the same seed.
Tensor randomF32(std::vector<int64_t> dims, double low = -2, double high = 2,
                 uint32_t seed = 1);

/// Whether everything runs on a Vulkan device: the same tests, called with
/// ASGC_DEVICE=vulkan, which the runtime reads too.
bool usesVulkan();

struct RunOptions {
  int32_t isa = -1;
  int32_t threads = 1;
};

/// A module of plan programs as text, compiled for all instruction sets of this
/// machine. Failing to compile fails the test.
class Compiled {
public:
  explicit Compiled(const std::string &text, CodegenOptions options = {});
  ~Compiled();
  /// Runs `entry`; the outputs are those of `shapes`, first filled with noise.
  std::vector<Tensor> run(const std::string &entry, std::vector<Tensor> inputs,
                          std::vector<Tensor> shapes, RunOptions options = {});
  /// An instance that lives on, so that variables can be looked at.
  asgc_program *create(RunOptions options = {});
  const asgc_program_desc &getDescription() const;

private:
  std::unique_ptr<LoadedProgram> program;
};

/// Diagnostics of a text that must not compile.
std::string compileErrors(const std::string &text);

/// Each instruction set of this machine, and -1 for the best.
std::vector<int32_t> isasToTest();

/// Runs the entry with all instruction sets and 1, 2 and 4 threads; the bits
/// must be the same for each number of threads. The results per instruction
/// set.
std::vector<std::vector<Tensor>> runAll(Compiled &compiled,
                                        const std::string &entry,
                                        const std::vector<Tensor> &inputs,
                                        const std::vector<Tensor> &shapes);

} // namespace asgc::test

#endif
