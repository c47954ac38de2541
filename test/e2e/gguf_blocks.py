"""What the quantized blocks of GGUF mean, from the published description of the format: an independent reading, in
which a block is first unpacked into its fields and the integers of all elements, and only then becomes numbers."""

import struct


def f16(data, at):
    return struct.unpack_from("<e", data, at)[0]


def nibbles(data):
    """The low halves of all bytes, then the high ones."""
    return [byte & 15 for byte in data] + [byte >> 4 for byte in data]


def pairs(data):
    """Bits 0-1 of all bytes, then bits 2-3, 4-5, 6-7."""
    return [byte >> shift & 3 for shift in (0, 2, 4, 6) for byte in data]


def singles(data):
    """Bit 0 of all bytes, then bit 1, and so on."""
    return [byte >> shift & 1 for shift in range(8) for byte in data]


def chunks(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def flat(lists):
    return [item for items in lists for item in items]


def bits_of_word(data):
    word = int.from_bytes(data, "little")
    return [word >> i & 1 for i in range(8 * len(data))]


def q4_0(b):
    return [f16(b, 0) * (q - 8) for q in nibbles(b[2:18])]


def q4_1(b):
    return [f16(b, 0) * q + f16(b, 2) for q in nibbles(b[4:20])]


def q5_0(b):
    return [f16(b, 0) * (q + 16 * top - 16) for q, top in zip(nibbles(b[6:22]), bits_of_word(b[2:6]), strict=True)]


def q5_1(b):
    return [f16(b, 0) * (q + 16 * top) + f16(b, 2) for q, top in zip(nibbles(b[8:24]), bits_of_word(b[4:8]), strict=True)]


def q8_0(b):
    return [f16(b, 0) * q for q in struct.unpack_from("<32b", b, 2)]


def q2_k(b):
    q = flat(pairs(half) for half in chunks(b[16:80], 32))
    d, least = f16(b, 80), f16(b, 82)
    return [d * (b[i // 16] & 15) * x - least * (b[i // 16] >> 4) for i, x in enumerate(q)]


def q3_k(b):
    """Scales of 6 bits, less 32: 16 low halves in 8 bytes, then the 16 upper pairs in 4 bytes."""
    q = flat(pairs(half) for half in chunks(b[32:96], 32))
    scales = [low + 16 * high - 32 for low, high in zip(nibbles(b[96:104]), pairs(b[104:108]), strict=True)]
    return [f16(b, 108) * scales[i // 16] * (x - (0 if top else 4))
            for i, (x, top) in enumerate(zip(q, singles(b[0:32]), strict=True))]


def six_bits(packed):
    """8 scales and 8 offsets in 12 bytes: rows of four, whose upper pairs extend the last row's halves."""
    scales, offsets, rest = chunks(packed, 4)
    return ([x & 63 for x in scales] + [(y & 15) + 16 * (x >> 6) for x, y in zip(scales, rest, strict=True)],
            [x & 63 for x in offsets] + [(y >> 4) + 16 * (x >> 6) for x, y in zip(offsets, rest, strict=True)])


def q4_k(b):
    scales, offsets = six_bits(b[4:16])
    q = flat(nibbles(part) for part in chunks(b[16:144], 32))
    return [f16(b, 0) * scales[i // 32] * x - f16(b, 2) * offsets[i // 32] for i, x in enumerate(q)]


def q5_k(b):
    scales, offsets = six_bits(b[4:16])
    q = flat(nibbles(part) for part in chunks(b[48:176], 32))
    return [f16(b, 0) * scales[i // 32] * (x + 16 * top) - f16(b, 2) * offsets[i // 32]
            for i, (x, top) in enumerate(zip(q, singles(b[16:48]), strict=True))]


def q6_k(b):
    low = flat(nibbles(half) for half in chunks(b[0:128], 64))
    high = flat(pairs(half) for half in chunks(b[128:192], 32))
    scales = struct.unpack_from("<16b", b, 192)
    return [f16(b, 208) * scales[i // 16] * (x + 16 * y - 32) for i, (x, y) in enumerate(zip(low, high, strict=True))]


# name -> (number in the file, elements and bytes of a block, where its f16 lie, the block as numbers)
BLOCKS = {
    "q4_0": (2, 32, 18, (0,), q4_0), "q4_1": (3, 32, 20, (0, 2), q4_1), "q5_0": (6, 32, 22, (0,), q5_0),
    "q5_1": (7, 32, 24, (0, 2), q5_1), "q8_0": (8, 32, 34, (0,), q8_0), "q2_k": (10, 256, 84, (80, 82), q2_k),
    "q3_k": (11, 256, 110, (108,), q3_k), "q4_k": (12, 256, 144, (0, 2), q4_k),
    "q5_k": (13, 256, 176, (0, 2), q5_k), "q6_k": (14, 256, 210, (208,), q6_k),
}
