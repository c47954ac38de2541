//===- Execution.h - A compiled model with its inputs and outputs ---------===//
#ifndef ASGC_TOOLS_EXECUTION_H
#define ASGC_TOOLS_EXECUTION_H

#include "Verb.h"
#include "Weights.h"

#include "asgc/Compiler.h"
#include "asgc/Train.h"

#include <map>

namespace asgc::cli {

/// Arrays by the name of the input they are for.
using ArrayMap = std::map<std::string, Array>;

/// A program compiled into this process, with memory and threads.
class Execution {
public:
  /// Compiles `compilation` to the end, links it and makes an instance. Says
  /// what is to be said of the device, but for a probe, which is not the user's.
  static Result<std::unique_ptr<Execution>> create(Compilation &compilation,
                                                   const Settings &settings,
                                                   bool poison = false,
                                                   bool isProbe = false);
  ~Execution();

  const asgc_program_desc &description() const;
  TrainableProgram &program() { return *trainable; }
  asgc_program *handle() { return instance; }

  /// Gives parameters and states the values of a file of weights.
  MaybeFault loadWeights(const WeightFlags &flags);
  /// Whether there is anything that weights or a seed must set.
  bool hasParameters() const;

  /// Runs `entry` on arrays converted to what its inputs want. Every input must
  /// be there, and every array must be an input. What the program carries by a
  /// wider type has its own, and must fit it.
  Result<std::vector<NamedArray>> run(const std::string &entry,
                                      const ArrayMap &inputs);

private:
  Execution() = default;
  MaybeFault setVariables(const std::vector<NamedView> &values);

  std::unique_ptr<LinkedProgram> code;
  std::map<std::string, ElementType> carried; ///< see Compilation
  asgc_program *instance = nullptr;
  std::unique_ptr<TrainableProgram> trainable;
};

/// `status` of a call of the runtime as a failure; nothing if it is ASGC_OK.
MaybeFault faultOf(asgc_status status, const char *sentence);

/// The element type of files that holds `dtype`.
ElementType elementTypeOf(asgc_dtype dtype);

/// Reads `NAME=FILE` arguments: .npy, .npz and ONNX .pb. An .npz without a name
/// gives all its arrays; another file without a name goes to `onlyInput`.
Result<ArrayMap> readInputs(const std::vector<std::string> &arguments,
                            const std::vector<std::string> &inputNames,
                            const char *option);

/// Writes `arrays` as DIR/NAME.npy, or DIR/out0.npy … with `isOrdinal`. A name
/// that is no file's is an error, before anything is written.
MaybeFault writeOutputs(const std::vector<NamedArray> &arrays,
                        const std::string &directory, bool isOrdinal);

/// `f32[2, 10]`
std::string describeArray(const Array &array);

/// What the program can be asked to do.
std::vector<std::string> entryNames(const asgc_program_desc &program);

/// Inputs of an entry by name.
std::vector<std::string> inputNames(const asgc_program_desc &program,
                                    const std::string &entry);

} // namespace asgc::cli

#endif
