//===- Main.cpp - asgc-tblgen: what follows from the op records -----------===//
#include "OpRecords.h"

#include "mlir/TableGen/GenInfo.h"
#include "mlir/Tools/mlir-tblgen/MlirTblgenMain.h"

int main(int argc, char **argv) {
  mlir::GenRegistration gradients("gen-asg-gradients",
                                  "Generate buildGradient of the asg ops",
                                  asgc::emitGradients);
  mlir::GenRegistration scalars("gen-asg-scalars",
                                "Generate buildScalar of the asg ops",
                                asgc::emitScalars);
  mlir::GenRegistration catalog("gen-op-catalog",
                                "Generate the catalog of ops, as JSON",
                                asgc::emitCatalog);
  mlir::GenRegistration literal("gen-op-catalog-literal",
                                "Generate the catalog as a C++ string literal",
                                asgc::emitCatalogLiteral);
  return mlir::MlirTblgenMain(argc, argv);
}
