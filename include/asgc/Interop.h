//===- Interop.h - Models and weights of other systems --------------------===//
#ifndef ASGC_INTEROP_H
#define ASGC_INTEROP_H

#include "asgc/HostTensor.h"
#include "asgc/OnnxFiles.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace asgc {

//===----------------------------------------------------------------------===//
// ONNX
//===----------------------------------------------------------------------===//

struct OnnxOptions {
  /// `name=extent` of `--dim`: fixes a run-time dim.
  std::vector<std::string> dims;
  /// The bound of run-time dims that are not fixed.
  int64_t dimBound = 64;
  /// Given the names of the inputs, says what values are known of them. They
  /// are used where the shape of a result depends on one (the new shape of a
  /// Reshape, the count of a Loop); the module then holds for these values
  /// only.
  std::function<std::map<std::string, Array>(const std::vector<std::string> &)>
      inputs;
};

/// An ONNX model as a module of asg.
struct OnnxModel {
  /// Holds the graph @infer and a parameter for every weight.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The values of the parameters, in the pages of the files they come from.
  std::vector<NamedView> weights;
  /// Inputs whose given values the module depends on.
  std::vector<std::string> specialized;
  /// The types that the model gives its inputs and outputs of integers that the
  /// module carries by wider ones.
  std::map<std::string, ElementType> carried;
};

/// An array as a module holds it. Integers that the dialect lacks are carried
/// by wider ones, also as inputs and outputs of a module: u8, u16 and i16 by
/// i32, u32 by i64. Nothing for u64, which nothing can carry.
std::optional<HostTensor> toHostTensor(const Array &array);
std::optional<HostTensor> toHostTensor(const NamedView &array);
/// The element type of files that holds `type`.
ElementType elementTypeOf(DType type);

/// Reads the ONNX model at `path` (opset 7 to 23, older ones as far as their
/// operators mean the same). External data is read from files beside it.
///
/// A malformed file is a fault of one line with the offset; operators and
/// features that are not supported are all listed in one fault.
Result<OnnxModel> importOnnx(const std::string &path,
                             mlir::MLIRContext &context,
                             const OnnxOptions &options = {});
/// The same from memory; `name` stands in messages, external data is refused.
Result<OnnxModel> parseOnnx(std::span<const std::byte> file,
                            const std::string &name, mlir::MLIRContext &context,
                            const OnnxOptions &options = {});

/// Writes the graph `@entry` of `module` (gradients expanded; layers may be
/// there) as an ONNX model of opset 17. `weights` give the parameters their
/// values, and every variable that the graph reads needs one, unless the graph
/// assigns variables: then all it reads are inputs as well, with their values
/// as defaults, and each new value is an output called NAME.next.
///
/// Ops that ONNX cannot say are all listed in one fault; so are missing values.
Result<OnnxFiles> exportOnnx(mlir::ModuleOp module, const std::string &entry,
                             const std::vector<NamedView> &weights,
                             const OnnxExportOptions &options = {});

/// How an op of asg, or a block of the standard library, is written.
struct OnnxExport {
  std::string what, operators;
  bool isBlock = false;
};

/// All of them, in the order of OnnxOps.def.
std::vector<OnnxExport> onnxExports();

/// What is supported of one operator.
struct OnnxOperator {
  std::string domain, name, family, limits;
  int64_t since = 1;         ///< the first opset that has it
  bool takesCarried = false; ///< integers that the dialect lacks, too
};

/// The names of the operators that the model at `path` uses, sorted, each once.
Result<std::vector<std::string>> operatorsOf(const std::string &path);

/// All operators that can be imported, in the order of OnnxOps.def.
std::vector<OnnxOperator> onnxOperators();

} // namespace asgc

#endif
