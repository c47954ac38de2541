#!/usr/bin/python3
"""Writes what PyTorch computes for the cases of reference/: make_fixtures.py [FAMILY...].

One safetensors file per family in fixtures/, with tensors CASE/ROLE/NAME. They are committed, so that
PyTorch is needed only to make them again (python3-torch, python3-numpy).
"""
import importlib
import json
import pathlib
import struct
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
FAMILIES = ["activations", "layers", "recurrent", "attention", "losses", "tensors", "training"]
DTYPES = {np.dtype("f4"): "F32", np.dtype("i8"): "I64", np.dtype("?"): "BOOL"}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, array in tensors.items():
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        begin = len(data)
        data += array.tobytes()
        header[name] = {"dtype": DTYPES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    for name in sys.argv[1:] or FAMILIES:
        reference = importlib.import_module("reference." + name)
        family = reference.family
        tensors = {f"{case.name}/{key}": value for case in family.cases for key, value in case.compute().items()}
        path = HERE / "fixtures" / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        write_safetensors(path, tensors)
        if hasattr(reference, "ROWS"):  # what the recipes of NAME.asg read
            np.savez(HERE / "fixtures" / f"{name}.npz", **reference.ROWS)
        print(f"{name}: {len(family.cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
