//===- OpRecords.h - The op records, read and checked ---------------------===//
#ifndef ASGC_TOOLS_ASGC_TBLGEN_OPRECORDS_H
#define ASGC_TOOLS_ASGC_TBLGEN_OPRECORDS_H

#include "mlir/TableGen/Operator.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TableGen/Record.h"

#include <vector>

namespace asgc {

/// One record derived from Asg_Op.
struct OpRecord {
  const llvm::Record *def;
  mlir::tblgen::Operator op;

  llvm::StringRef text(llvm::StringRef field) const {
    return def->getValueAsString(field);
  }
  bool hasTrait(llvm::StringRef cppName) const {
    return op.getTrait(cppName) != nullptr;
  }
  bool hasGradientInterface() const;
  bool hasScalarInterface() const;
};

/// All op records, in the order in which they are written. Reports a record
/// that lacks what every op must say, at the record; `isComplete` is then false.
std::vector<OpRecord> readOps(const llvm::RecordKeeper &records,
                              bool &isComplete);

// The generators: true means failure, with the errors printed (TableGen's
// convention).
bool emitGradients(const llvm::RecordKeeper &records, llvm::raw_ostream &os);
bool emitScalars(const llvm::RecordKeeper &records, llvm::raw_ostream &os);
/// The catalog as JSON, and as a C++ string literal with that JSON.
bool emitCatalog(const llvm::RecordKeeper &records, llvm::raw_ostream &os);
bool emitCatalogLiteral(const llvm::RecordKeeper &records,
                        llvm::raw_ostream &os);

} // namespace asgc

#endif
