//===- GgufBlocks.cpp - Quantized blocks of GGUF files --------------------===//
//
// x = scale · q − offset for small integers q; the formats differ in how many
// elements share a scale, in how scales are stored, and in where the bits of
// each q lie. A block begins to be read at `b`; `half(b + n)` is the f16 there.
//
#include "GgufBlocks.h"
#include "asgc/FileBytes.h"

namespace asgc {

namespace {
float half(const std::byte *data) {
  double value = 0;
  loadElements(ElementType::F16, data, 0, {&value, 1});
  return float(value);
}

int low(std::byte bits) { return int(bits) & 15; }
int high(std::byte bits) { return int(bits) >> 4; }
/// Bit `i` of the bytes at `data`.
int bit(const std::byte *data, int i) {
  return int(data[i / 8]) >> (i % 8) & 1;
}

//===----------------------------------------------------------------------===//
// Blocks of 32: the low halves of 16 bytes, then the high ones
//===----------------------------------------------------------------------===//

void dequantizeQ4_0(const std::byte *b, float *out) {
  float scale = half(b);
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(low(b[2 + i]) - 8);
    out[i + 16] = scale * float(high(b[2 + i]) - 8);
  }
}

void dequantizeQ4_1(const std::byte *b, float *out) {
  float scale = half(b), least = half(b + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(low(b[4 + i])) + least;
    out[i + 16] = scale * float(high(b[4 + i])) + least;
  }
}

void dequantizeQ5_0(const std::byte *b, float *out) {
  float scale = half(b);
  const std::byte *fifth = b + 2, *q = b + 6;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float((low(q[i]) | bit(fifth, i) << 4) - 16);
    out[i + 16] = scale * float((high(q[i]) | bit(fifth, i + 16) << 4) - 16);
  }
}

void dequantizeQ5_1(const std::byte *b, float *out) {
  float scale = half(b), least = half(b + 2);
  const std::byte *fifth = b + 4, *q = b + 8;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(low(q[i]) | bit(fifth, i) << 4) + least;
    out[i + 16] = scale * float(high(q[i]) | bit(fifth, i + 16) << 4) + least;
  }
}

void dequantizeQ8_0(const std::byte *b, float *out) {
  float scale = half(b);
  for (int i = 0; i < 32; ++i)
    out[i] = scale * float(int8_t(b[2 + i]));
}

//===----------------------------------------------------------------------===//
// Blocks of 256, whose groups have scales that are quantized themselves
//===----------------------------------------------------------------------===//

/// Two bits of element `i`: 32 bytes hold 128 elements, 32 in each pair of
/// bits.
int twoBits(const std::byte *data, int i) {
  return int(data[i / 128 * 32 + i % 32]) >> (i % 128 / 32 * 2) & 3;
}

/// [16 scales and offsets of 4 bits, 64 · 4 q of 2 bits, scale, offset].
void dequantizeQ2K(const std::byte *b, float *out) {
  float scale = half(b + 80), offset = half(b + 82);
  for (int i = 0; i < 256; ++i) {
    std::byte group = b[i / 16];
    out[i] = scale * float(low(group)) * float(twoBits(b + 16, i)) -
             offset * float(high(group));
  }
}

/// [the third bits, 64 · 4 q of 2 bits, 16 scales of 6 bits, scale]. The low
/// four bits of scales 0 to 7 are low halves of 8 bytes, those of 8 to 15 the
/// high ones; the two bits above stand in 4 more bytes.
void dequantizeQ3K(const std::byte *b, float *out) {
  const std::byte *packed = b + 96;
  float scale = half(b + 108), scales[16];
  for (int i = 0; i < 16; ++i) {
    int four = i < 8 ? low(packed[i]) : high(packed[i - 8]);
    int two = int(packed[8 + i % 4]) >> (i / 4 * 2) & 3;
    scales[i] = scale * float((four | two << 4) - 32);
  }
  for (int i = 0; i < 256; ++i) {
    int third = int(b[i % 32]) >> (i / 32) & 1;
    out[i] = scales[i / 16] * float((twoBits(b + 32, i) | third << 2) - 4);
  }
}

/// Scale and offset of 6 bits of group `i` of 8. The first four stand in the
/// low bits of 4 bytes each, whose upper two bits belong to the last four,
/// whose low halves stand in 4 more.
struct ScaleAndOffset {
  float scale, offset;
};
ScaleAndOffset groupOf(const std::byte *packed, int i) {
  if (i < 4)
    return {float(int(packed[i]) & 63), float(int(packed[i + 4]) & 63)};
  return {float(low(packed[i + 4]) | int(packed[i - 4]) >> 6 << 4),
          float(high(packed[i + 4]) | int(packed[i]) >> 6 << 4)};
}

/// Four bits of element `i`: 32 bytes hold 64 elements, 32 in each half.
int fourBits(const std::byte *data, int i) {
  return int(data[i / 64 * 32 + i % 32]) >> (i % 64 / 32 * 4) & 15;
}

/// [scale, offset, 8 scales and offsets of 6 bits, 32 · 8 q of 4 bits].
void dequantizeQ4K(const std::byte *b, float *out) {
  float scale = half(b), offset = half(b + 2);
  for (int i = 0; i < 256; ++i) {
    ScaleAndOffset group = groupOf(b + 4, i / 32);
    out[i] = scale * group.scale * float(fourBits(b + 16, i)) -
             offset * group.offset;
  }
}

/// The same with the fifth bits before the q: bit g of 32 bytes for group g.
void dequantizeQ5K(const std::byte *b, float *out) {
  float scale = half(b), offset = half(b + 2);
  for (int i = 0; i < 256; ++i) {
    ScaleAndOffset group = groupOf(b + 4, i / 32);
    int fifth = int(b[16 + i % 32]) >> (i / 32) & 1;
    out[i] = scale * group.scale * float(fourBits(b + 48, i) | fifth << 4) -
             offset * group.offset;
  }
}

/// [low 4 bits, upper 2 bits, 16 scales of 8 bits, scale]. Of each 128
/// elements, 64 bytes hold the low bits: the first 64 elements in the low
/// halves.
void dequantizeQ6K(const std::byte *b, float *out) {
  float scale = half(b + 208);
  for (int i = 0; i < 256; ++i) {
    int four = int(b[i / 128 * 64 + i % 64]) >> (i % 128 / 64 * 4) & 15;
    int q = (four | twoBits(b + 128, i) << 4) - 32;
    out[i] = scale * float(int8_t(b[192 + i / 16])) * float(q);
  }
}

constexpr auto kF32 = ElementType::F32;
constexpr GgufType kTypes[] = {
    {0, "f32", 1, 4, kF32},
    {1, "f16", 1, 2, ElementType::F16},
    {2, "q4_0", 32, 18, kF32, dequantizeQ4_0},
    {3, "q4_1", 32, 20, kF32, dequantizeQ4_1},
    {6, "q5_0", 32, 22, kF32, dequantizeQ5_0},
    {7, "q5_1", 32, 24, kF32, dequantizeQ5_1},
    {8, "q8_0", 32, 34, kF32, dequantizeQ8_0},
    {9, "q8_1", 32, 36, {}},
    {10, "q2_k", 256, 84, kF32, dequantizeQ2K},
    {11, "q3_k", 256, 110, kF32, dequantizeQ3K},
    {12, "q4_k", 256, 144, kF32, dequantizeQ4K},
    {13, "q5_k", 256, 176, kF32, dequantizeQ5K},
    {14, "q6_k", 256, 210, kF32, dequantizeQ6K},
    {15, "q8_k", 256, 292, {}},
    {16, "iq2_xxs", 256, 66, {}},
    {17, "iq2_xs", 256, 74, {}},
    {18, "iq3_xxs", 256, 98, {}},
    {19, "iq1_s", 256, 50, {}},
    {20, "iq4_nl", 32, 18, {}},
    {21, "iq3_s", 256, 110, {}},
    {22, "iq2_s", 256, 82, {}},
    {23, "iq4_xs", 256, 136, {}},
    {24, "i8", 1, 1, ElementType::I8},
    {25, "i16", 1, 2, ElementType::I16},
    {26, "i32", 1, 4, ElementType::I32},
    {27, "i64", 1, 8, ElementType::I64},
    {28, "f64", 1, 8, ElementType::F64},
    {29, "iq1_m", 256, 56, {}},
    {30, "bf16", 1, 2, ElementType::BF16},
};
} // namespace

const GgufType *findGgufType(uint32_t id) {
  for (const GgufType &type : kTypes)
    if (type.id == id)
      return &type;
  return nullptr;
}

} // namespace asgc
