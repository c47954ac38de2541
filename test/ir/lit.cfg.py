# What the IR tests may use: asgc-opt, asgc-tblgen, FileCheck, not, split-file.
import os

import lit.formats

config.name = "asgc-ir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".td"]
config.test_source_root = os.path.dirname(__file__)
config.environment["PATH"] = os.pathsep.join(
    [config.asgc_bin, config.llvm_bin, config.environment["PATH"]])
config.substitutions.append(
    (r"\bFileCheck\b", "FileCheck --enable-var-scope --dump-input=fail"))
config.substitutions.append(("%tblgen_includes", config.tblgen_includes))
