//===- StandardLibrary.h - The standard library, read once ----------------===//
#ifndef ASGC_TEST_FUZZ_STANDARDLIBRARY_H
#define ASGC_TEST_FUZZ_STANDARDLIBRARY_H

#include "asgc/Frontend.h"

namespace asgc::test {

/// Reading it takes ten times as long as all else that a text of a fuzzer needs.
struct StandardLibrary {
  SourceManager sources; ///< to copy
  Library library;

  static const StandardLibrary &get() {
    static const StandardLibrary standard = [] {
      StandardLibrary result;
      DiagnosticEngine diagnostics(result.sources);
      result.library = Library::standard(diagnostics);
      return result;
    }();
    return standard;
  }
};

} // namespace asgc::test

#endif
