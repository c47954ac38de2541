//===- DumpParts.h - The parts of a dump ----------------------------------===//
#ifndef ASGC_LIB_INSPECT_DUMPPARTS_H
#define ASGC_LIB_INSPECT_DUMPPARTS_H

#include "asgc/Inspect.h"
#include "dialects/asg/Asg.h"
#include "dialects/plan/Plan.h"

namespace asgc {

/// What a location says of an op's origin.
struct Provenance {
  /// The instance path of the block the op came from; of several, the first.
  std::string path;
  struct Line {
    std::string file;
    unsigned line, column;
    bool operator==(const Line &) const = default;
    auto operator<=>(const Line &) const = default;
  };
  /// Source lines, sorted, distinct.
  std::vector<Line> lines;
};
Provenance getProvenance(mlir::Location loc);
llvm::json::Array dumpLines(const Provenance &provenance);

/// `{"dtype": "f32", "shape": ["batch", 128]}`
llvm::json::Object dumpType(mlir::RankedTensorType type);
llvm::json::Array dumpShape(mlir::RankedTensorType type);
std::string dtypeText(mlir::Type element);

llvm::json::Object dumpDims(mlir::DictionaryAttr dims);

/// With `isWhole`, long attributes are not replaced by their size.
llvm::json::Object dumpGraph(asg::GraphOp graph,
                             DumpWriter::CategoryOf categoryOf, bool isWhole);
/// Floating-point operations of a step: a product and a sum for each term of a
/// contraction, one for each scalar operation of generated code.
DimExpr countFlop(mlir::Operation *step);
llvm::json::Object dumpProgram(plan::ProgramOp program);

} // namespace asgc

#endif
