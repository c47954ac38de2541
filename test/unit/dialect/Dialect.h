//===- Dialect.h - Reading asg text in tests ------------------------------===//
#ifndef ASGC_TEST_UNIT_DIALECT_DIALECT_H
#define ASGC_TEST_UNIT_DIALECT_DIALECT_H

#include "dialects/asg/Asg.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace asgc::test {

/// A context with the asg dialect that collects the errors of what is read in it.
class Reader {
public:
  Reader() {
    context.loadDialect<asg::AsgDialect, mlir::arith::ArithDialect,
                        mlir::math::MathDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      errors += diagnostic.str() + "\n";
      for (mlir::Diagnostic &note : diagnostic.getNotes())
        errors += "note: " + note.str() + "\n";
    });
  }

  /// The verified module; null if `errors` says why not.
  mlir::OwningOpRef<mlir::ModuleOp> read(llvm::StringRef text) {
    errors.clear();
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }

  static std::string print(mlir::Operation *op) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    op->print(stream);
    return text;
  }

  mlir::MLIRContext context;
  std::string errors;
};

} // namespace asgc::test

#endif
