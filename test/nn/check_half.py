#!/usr/bin/env python3
"""Runs the models of half.asg with --precision=f16 and bf16 and compares with PyTorch's model.half(): check_half.py ASGC.

asgc rounds where products begin and end and sums in f32, PyTorch rounds after every op. So asgc may be off from the exact
result by no more than PyTorch is (largest error of the case; it measured a half to nine tenths of it), and both must be
within twice that of each other. Weights are a file of f32, converted as it is loaded.
"""
import math
import sys
import tempfile
import pathlib

import check_cases
from check_cases import Difference, arrays, asgc

HERE = pathlib.Path(__file__).resolve().parent


def run(program, folder, case, roles, precision):
    words = [HERE / "half.asg", "--model", f"{case}_case", "--threads", "1", "--output-dir", folder / precision,
             "--weights", arrays.write_safetensors(folder / "w.safetensors", roles["param"]), "--precision", precision]
    for key, (shape, values) in roles["input"].items():
        words += ["--input", f"{key}={arrays.write_npy(folder / f'{key}.npy', '<f4', shape, values)}"]
    asgc(program, "run", *words)
    return arrays.read_npy(folder / precision / "output.npy")


def distance(a, b):
    if list(a[0]) != list(b[0]):
        raise Difference(f"expected the shape {list(b[0])}, found {list(a[0])}")
    return max(abs(x - y) if math.isfinite(x) else math.inf for x, y in zip(a[1], b[1]))


def check(program, case, roles, folder):
    exact = roles["output"]["exact"]
    wide = distance(run(program, folder, case, roles, "f32"), exact)
    if not wide <= check_cases.TOLERANCE * 10:
        raise Difference(f"{case}: f32 is off by {wide:.3g}")
    for precision in ("f16", "bf16"):
        theirs, ours = roles["output"][precision], run(program, folder, case, roles, precision)
        allowed, error, apart = distance(theirs, exact), distance(ours, exact), distance(ours, theirs)
        print(f"{case} in {precision}: off by {error:.3g}, PyTorch by {allowed:.3g}, apart {apart:.3g}")
        if not 10 * wide < error <= allowed or apart > 2 * allowed:
            raise Difference(f"{case}: in {precision} asgc is off by {error:.3g} and PyTorch by {allowed:.3g}; apart {apart:.3g}")


def main():
    cases = check_cases.read_cases("half")
    for case, roles in cases.items():
        with tempfile.TemporaryDirectory(prefix="asgc-nn-") as folder:
            try:
                check(sys.argv[1], case, roles, pathlib.Path(folder))
            except Difference as difference:
                print(f"check_half.py: {difference}", file=sys.stderr)
                return 1
    return 0 if cases else 1


if __name__ == "__main__":
    sys.exit(main())
