//===- Evaluation.h - What the evaluators of ops work on ------------------===//
// Private to lib/Interpreter.
#ifndef ASGC_LIB_INTERPRETER_EVALUATION_H
#define ASGC_LIB_INTERPRETER_EVALUATION_H

#include "asgc/Interpreter.h"

#include "llvm/ADT/StringMap.h"

namespace asgc::interpreter {

using Extents = std::vector<int64_t>;

/// The values of one tensor: floats as f64, everything else as i64.
struct Array {
  DType type = DType::F32;
  Extents shape;
  std::vector<double> floats;
  std::vector<int64_t> integers;

  bool isFloat() const { return asgc::isFloat(type); }
  int64_t size() const {
    return static_cast<int64_t>(isFloat() ? floats.size() : integers.size());
  }
  /// The number at `index` as f64, whatever the type.
  double number(int64_t index) const {
    return isFloat() ? floats[index] : static_cast<double>(integers[index]);
  }
};

Array fromHost(const HostTensor &tensor, DType type);
HostTensor toHost(const Array &array, bool roundToStorage);

int64_t countElements(llvm::ArrayRef<int64_t> shape);
/// Row-major strides.
Extents stridesOf(llvm::ArrayRef<int64_t> shape);
/// Σ index · stride for every index of `shape`, in row-major order.
Extents offsetsOf(llvm::ArrayRef<int64_t> shape,
                  llvm::ArrayRef<int64_t> strides);

/// One op with its operands, and the results to fill. Results arrive with type,
/// shape, and zeros; the driver rounds them afterwards.
struct Evaluation {
  mlir::Operation *op;
  std::vector<const Array *> operands;
  std::vector<Array> results;
  const InterpreterOptions &options;
  /// The value of a run-time extent; reports an unknown symbol.
  std::function<mlir::FailureOr<int64_t>(const DimExpr &)> extent;

  const Array &in(unsigned index) const { return *operands[index]; }
  Array &out(unsigned index = 0) { return results[index]; }

  /// Reports an op that would run too long.
  mlir::LogicalResult checkSteps(llvm::ArrayRef<int64_t> factors) const;
};

/// Copies the elements of `from` at `offsets` to `to`, in order.
void gatherElements(const Array &from, llvm::ArrayRef<int64_t> offsets,
                    Array &to);

using Evaluator = mlir::LogicalResult (*)(Evaluation &);
using Evaluators = llvm::StringMap<Evaluator>;

// One per family; each adds its ops by name.
void addElementwise(Evaluators &evaluators);
void addReductions(Evaluators &evaluators);
void addScans(Evaluators &evaluators);
void addContractions(Evaluators &evaluators);
void addAttention(Evaluators &evaluators);
void addPooling(Evaluators &evaluators);
void addLayout(Evaluators &evaluators);
void addIndexing(Evaluators &evaluators);
void addRandom(Evaluators &evaluators);

} // namespace asgc::interpreter

#endif
