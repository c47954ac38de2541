#!/usr/bin/env python3
"""Data, weights and checkpoints that are missing, cut short or malformed: one line
that names the file, the place in it, what was expected and what was found."""

import gzip
import io
import json
import re
import struct
import warnings
import zipfile

import arrays
import harness
import models


def npy(text, data=b""):
    text += " " * ((64 - (10 + len(text) + 1) % 64) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def array(dtype, shape, data=b""):
    return npy(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}", data)


def tensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(name, shape, begin, end, dtype="F32"):
    return {name: {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


def zipped(name, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def bomb(stored, announced):
    """An archive whose directory says that the few bytes of x.npy become `announced`."""
    data = bytearray(zipped("x.npy", array("<f4", f"({stored // 4},)", bytes(stored))))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, announced)
    return bytes(data)


def twice(name, data):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(name, data)
        archive.writestr(name, data)
    return buffer.getvalue()


# file: (bytes, exit code, what the line says behind the name)
CASES = {
    "empty.npy": (b"", 1, 'expected a .npy file (93 4e 55 4d 50 59), found "" (offset 0)'),
    "magic.npy": (b"NUMPY?" * 10, 1, 'expected a .npy file (93 4e 55 4d 50 59), found "NUMPY?" (offset 0)'),
    "cut.npy": (b"\x93NUMPY\x01\x00\xff", 1, "the header is truncated (offset 9)"),
    "length.npy": (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{", 1, "(offset "),
    "header.npy": (npy("{'descr': '<f4', 'shape': }"), 1, "expected '(' in the header, found"),
    "short.npy": (array("<f4", "(3, 3)", bytes(20)), 1, "expected 36 bytes for [3, 3] of f32, found 20 (offset 128)"),
    "long.npy": (array("<f4", "(3,)", bytes(20)), 1, "expected 12 bytes for [3] of f32, found 20 (offset 128)"),
    "huge.npy": (array("<f4", "(4611686018427387904, 8)"), 1, "the shape [4611686018427387904, 8] overflows (offset 10)"),
    "negative.npy": (array("<f4", "(-1,)"), 1, "expected an extent in the header"),
    "complex.npy": (array("<c8", "(1,)", bytes(8)), 3, 'elements of type "<c8" are not supported'),
    "cut.npz": (zipped("x.npy", array("<f4", "(3,)", bytes(12)))[:-30], 1, "expected a zip archive of .npy files"),
    "inner.npz": (zipped("x.npy", array("<f4", "(3, 3)", bytes(12))), 1, 'expected 36 bytes of data, found an entry of 140'),
    "bomb.npz": (bomb(4000, (1 << 31) - 1), 1, "the entries expand "),
    "more.npz": (bomb(1 << 20, 200), 1, "(offset "),
    "twice.npz": (twice("x.npy", array("<f4", "(1,)", bytes(4))), 1, "expected a zip archive of .npy files: "),
    "overflow.npz": (zipped("x.npy", array("<f4", "(4611686018427387904, 8)")), 1, "the shape [4611686018427387904, 8] overflows"),
    "empty.csv": (b"", 1, "expected lines with numbers, found an empty file"),
    "ragged.csv": (b"1,2,3\n4,5,6\n7,8\n", 1, "expected 3 columns as in line 1, found 2"),
    "word.csv": (b"1,2,3\n4,five,6\n", 1, 'expected a number in column 1, found "five"'),
    "nan.csv": (b"1,2\nnan,3\n", 1, 'expected a finite number in the range of f32 in column 0, found "nan"'),
    "quote.csv": (b'1,"2,3\n4,5,6\n', 1, "expected a closing quote for the one here, found the end of the file"),
    "cut.csv.gz": (gzip.compress(b"1,2,3\n" * 1000, mtime=0)[:-12], 1, "the gzip file is truncated (offset "),
    "noise.csv.gz": (b"\x1f\x8b\x08\0" + b"noise" * 10, 1, "the gzip file is damaged"),
    "magic.idx": (b"\1\2\3\4\5\6\7\10", 1, "expected an IDX header"),
    "cut.idx": (struct.pack(">IIII", 0x803, 2, 2, 2) + bytes(7), 1, "expected 8 bytes for [2, 2, 2] of u8, found 7 (offset 16)"),
    "huge.idx": (struct.pack(">IIII", 0x803, *[0xFFFFFFFF] * 3), 1, "the extents [4294967295, 4294967295, 4294967295] overflow"),
    "noise.pb": (b"\xff" * 20, 1, "a number is longer than 64 bits (offset 10)"),
    "empty.safetensors": (b"", 1, "expected the 8 bytes of a header length, got 0 (offset 0)"),
    "length.safetensors": (tensors(b"{}", length=1 << 40), 1, "header of 1099511627776 bytes is longer than"),
    "over.safetensors": (tensors(b"{}", length=100), 1, "header"),
    "json.safetensors": (tensors(b'{"a": {"dtype": "F32", "shape": [4}'), 1, "header is not JSON: expected ',' or ']' (offset 42)"),
    "cut.safetensors": (tensors(tensor("a", [4], 0, 16), bytes(10)), 1, 'tensor "a" lies at 0 to 16 of 10 bytes of data'),
    "size.safetensors": (tensors(tensor("a", [4], 0, 12), bytes(12)), 1, 'tensor "a" has 12 bytes, its shape needs 4 x 4'),
    "long.safetensors": (tensors(b"{}", length=100_000_001), 1,
                         "header of 100000001 bytes is longer than the allowed 100000000 (offset 0)"),
    "twice.safetensors": (tensors(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, '
                                  b'"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', bytes(4)), 1,
                          'duplicate key "a" (offset 75)'),
    "order.safetensors": (tensors(tensor("a", [1], 4, 0), bytes(4)), 1, 'tensor "a" lies at 4 to 0 of 4 bytes of data'),
    "negative.safetensors": (tensors(tensor("a", [1], -4, 0), bytes(4)), 1, 'tensor "a" has an invalid data offset'),
    "gap.safetensors": (tensors(tensor("a", [1], 4, 8), bytes(8)), 1, 'tensor "a" leaves a gap before it'),
    "tail.safetensors": (tensors(tensor("a", [1], 0, 4), bytes(8)), 1, "4 bytes after the last tensor"),
    "dtype.safetensors": (tensors(tensor("a", [4], 0, 16, "F99"), bytes(16)), 1, 'tensor "a" has the unknown dtype "F99"'),
    "huge.safetensors": (tensors(tensor("a", [1 << 62, 8], 0, 16), bytes(16)), 1, 'tensor "a" is too large'),
    "overlap.safetensors": (tensors({**tensor("a", [4], 0, 16), **tensor("b", [4], 8, 24)}, bytes(24)), 1,
                            'tensor "b" overlaps the one before it'),
    "sum.safetensors": (tensors({"__metadata__": {"asgc": '{"step":1}', "asgc.crc32": "00000000"}, **tensor("a", [4], 0, 16)},
                                bytes(16)), 1, "the checkpoint is damaged: expected the checksum 00000000, found "),
}


def test_each_file_is_refused_in_one_line(t):
    faults = []
    for name, (data, code, part) in CASES.items():
        t.write(name, data)
        result = t.asgc("check", name, code=None)
        line = re.fullmatch(r"asgc: (\S+?)(\[\"\w+\"\]|:\d+:\d+)?: .+\n", result.err)
        if result.code != code or not line or line[1] != name or part not in result.err or result.out:
            faults.append(f"{name}: expected {code} and {part!r}\n{result}")
    t.expect(not faults, *faults or [""])


def test_data_that_a_recipe_names(t):
    t.write("points.asg", models.POINTS)
    t.contains(t.asgc("train", "points.asg", "--out", "run", code=4).err, "points.csv")
    t.write("points.csv", "0.1,0.2,1\n0.3,0.4\n")
    t.contains(t.asgc("train", "points.asg", "--out", "run", code=1).err, "points.csv:2:1: expected 3 columns")
    t.write("points.csv", "0.1,0.2\n0.3,0.4\n")
    t.contains(t.asgc("train", "points.asg", "--out", "run", code=1).err, "points.csv")
    t.expect(not list(t.path(".").glob("run/checkpoints/*")), "a run began")


def test_weights_of_another_model(t):
    t.write("tiny.asg", models.TINY)
    arrays.write_npy(t.path("x.npy"), "<f4", (1, 3), [0.0] * 3)
    weights = dict(models.TINY_WEIGHTS)
    weights["fc.weight"] = ([3, 2], [0.0] * 6)
    arrays.write_safetensors(t.path("shape.safetensors"), weights)
    error = t.asgc("run", "tiny.asg", "--weights", "shape.safetensors", "--input", "x.npy", code=1).err
    for part in ("shape.safetensors", "fc.weight", "[2, 3]", "[3, 2]"):
        t.contains(error, part)
    arrays.write_safetensors(t.path("less.safetensors"), {"fc.bias": ([2], [0.0] * 2)})
    error = t.asgc("run", "tiny.asg", "--weights", "less.safetensors", "--input", "x.npy", code=1).err
    t.contains(error, "less.safetensors")
    t.contains(error, "fc.weight")
    t.contains(t.asgc("run", "tiny.asg", "--weights", "none.safetensors", "--input", "x.npy", code=4).err, "none.safetensors")


harness.main()
