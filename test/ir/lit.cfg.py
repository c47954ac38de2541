# What the IR tests may use: asgc-opt, FileCheck, not, split-file.
import os

import lit.formats

config.name = "asgc-ir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.environment["PATH"] = os.pathsep.join(
    [config.asgc_bin, config.llvm_bin, config.environment["PATH"]])
config.substitutions.append(
    (r"\bFileCheck\b", "FileCheck --enable-var-scope --dump-input=fail"))
