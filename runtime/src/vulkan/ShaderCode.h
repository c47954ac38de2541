//===- ShaderCode.h - SPIR-V as objects hold it ---------------------------===//
//
// The words of a module are small numbers for the most part, so an object has
// them as ULEB128: those of the header, then for each instruction the opcode,
// the number of its words and its operands. That is 0.4 of their size.
//
//===----------------------------------------------------------------------===//
#ifndef ASGC_RUNTIME_VULKAN_SHADERCODE_H
#define ASGC_RUNTIME_VULKAN_SHADERCODE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace asgc::rt::vulkan {

/// Words of a module before its first instruction.
inline constexpr size_t kShaderHeader = 5;

/// The code of a module whose instructions' lengths add up.
inline std::string packShader(std::span<const uint32_t> words) {
  std::string code;
  auto put = [&](uint32_t word) {
    for (; word >= 0x80; word >>= 7)
      code.push_back(char(word | 0x80));
    code.push_back(char(word));
  };
  size_t end = kShaderHeader; // of the instruction
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != end) {
      put(words[i]);
      continue;
    }
    put(words[i] & 0xffff);
    put(words[i] >> 16);
    end += words[i] >> 16;
  }
  return code;
}

/// The words of a module; none if the code is not that of `numWords` words.
inline std::vector<uint32_t> unpackShader(std::span<const uint8_t> code,
                                          int64_t numWords) {
  std::vector<uint32_t> words;
  size_t at = 0;
  auto take = [&] {
    uint32_t word = 0;
    for (int shift = 0; shift < 32 && at < code.size(); shift += 7) {
      word |= uint32_t(code[at] & 0x7f) << shift;
      if (code[at++] < 0x80)
        break;
    }
    return word;
  };
  words.reserve(size_t(numWords));
  size_t end = kShaderHeader;
  while (at < code.size() && words.size() < size_t(numWords)) {
    uint32_t word = take();
    if (words.size() == end) {
      uint32_t length = take();
      word |= length << 16;
      end += length;
    }
    words.push_back(word);
  }
  if (at < code.size() || words.size() != size_t(numWords) ||
      words.size() != end)
    words.clear();
  return words;
}

} // namespace asgc::rt::vulkan

#endif
