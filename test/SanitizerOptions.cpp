//===- SanitizerOptions.cpp - What AddressSanitizer may assume ------------===//

/// LLVM's allocators are headers: compiled here they mark what they hand out for
/// AddressSanitizer, compiled in the shared library, which has no sanitizer,
/// they do not. Memory that the one takes from the other's slab looks forbidden,
/// so marks by hand must not count.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}
