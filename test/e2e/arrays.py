"""Reads and writes .npy and safetensors files with the standard library alone,
so that the tests do not trust the code they test."""

import ast
import json
import struct

CODES = {"<f4": ("f", 4), "<f8": ("d", 8), "<i8": ("q", 8), "<i4": ("i", 4), "|i1": ("b", 1), "|b1": ("?", 1),
         "<i2": ("h", 2), "|u1": ("B", 1), "<u2": ("H", 2), "<u4": ("I", 4), "<u8": ("Q", 8)}


def count(shape):
    total = 1
    for extent in shape:
        total *= extent
    return total


def write_npy(path, dtype, shape, values):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    header += " " * ((64 - (10 + len(header) + 1) % 64) % 64) + "\n"
    values = list(values)
    assert len(values) == count(shape)
    data = struct.pack(f"<{len(values)}{CODES[dtype][0]}", *values)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
    return path


def read_npy(path):
    """(shape, values)"""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", path
    (length,) = struct.unpack_from("<H", data, 8)
    header = ast.literal_eval(data[10 : 10 + length].decode())
    assert not header["fortran_order"]
    shape, (code, _) = header["shape"], CODES[header["descr"]]
    return shape, list(struct.unpack_from(f"<{count(shape)}{code}", data, 10 + length))


def read_safetensors(path):
    """name -> (shape, values); f32 and i64 only."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    result = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        code = {"F32": "f", "I64": "q", "BOOL": "?"}[info["dtype"]]
        result[name] = (info["shape"],
                        list(struct.unpack_from(f"<{count(info['shape'])}{code}", data, 8 + length + info["data_offsets"][0])))
    return result


def write_safetensors(path, tensors):
    """tensors: name -> (shape, f32 values)"""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path
