#!/usr/bin/env python3
"""Runs every case of the given families through asgc and compares values and gradients with PyTorch's.

check_cases.py ASGC FAMILY [CASE...]: for each case of fixtures/FAMILY.safetensors, `asgc run` and `asgc grad` the model
CASE_case of FAMILY.asg. PyTorch computed in f64, asgc computes in f32: with sums of at most some hundred terms the
difference stays below a hundred roundings of the largest term, which is what TOLERANCE allows.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import arrays  # noqa: E402

TOLERANCE = 1e-5
NUMPY_TYPES = {float: "<f4", int: "<i8", bool: "|b1"}


def read_cases(family):
    """case -> role -> name -> (shape, values)"""
    cases = {}
    for key, tensor in arrays.read_safetensors(HERE / "fixtures" / f"{family}.safetensors").items():
        case, role, name = key.split("/")
        cases.setdefault(case, {}).setdefault(role, {})[name] = tensor
    return cases


class Difference(Exception):
    pass


def compare(what, actual, expected):
    (shape, values), (expected_shape, wanted) = actual, expected
    if list(shape) != list(expected_shape):
        raise Difference(f"{what}: expected the shape {list(expected_shape)}, found {list(shape)}")
    for i, (a, e) in enumerate(zip(values, wanted)):
        if not abs(a - e) <= TOLERANCE * max(1.0, abs(e)):
            raise Difference(f"{what}: element {i}: expected {e:.9g}, found {a:.9g}")


def asgc(program, *args):
    result = subprocess.run([program, *args], capture_output=True, text=True)
    if result.returncode:
        raise Difference(f"{' '.join(map(str, args))}: exit {result.returncode}\n{result.stderr}")


def check(program, family, case, roles):
    with tempfile.TemporaryDirectory(prefix="asgc-nn-") as name:
        folder = pathlib.Path(name)
        common = [HERE / f"{family}.asg", "--model", f"{case}_case", "--threads", "1", "--output-dir", folder]
        if "param" in roles:
            arrays.write_safetensors(folder / "w.safetensors", roles["param"])
            common += ["--weights", folder / "w.safetensors"]

        def files(role):
            for key, (shape, values) in roles.get(role, {}).items():
                path = folder / f"{role}_{key}.npy"
                yield f"{key}={arrays.write_npy(path, NUMPY_TYPES[type(values[0])], shape, values)}"

        inputs = [word for file in files("input") for word in ("--input", file)]
        asgc(program, "run", *common, *inputs)
        for key, expected in roles["output"].items():
            compare(key, arrays.read_npy(folder / f"{key}.npy"), expected)
        if "grad" not in roles:
            return
        cotangents = [word for file in files("cotangent") for word in ("--cotangent", file)]
        asgc(program, "grad", *common, *inputs, *cotangents)
        for key, expected in roles["grad"].items():
            if key not in roles.get("param", {}) or not key.split(".")[-1].startswith("running_"):
                compare(f"gradient of {key}", arrays.read_npy(folder / f"grad_{key}.npy"), expected)


def run_all(check, program, family, wanted):
    cases = {case: roles for case, roles in read_cases(family).items() if not wanted or case in wanted}
    failed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {case: pool.submit(check, program, family, case, roles) for case, roles in cases.items()}
        for case, run in runs.items():
            try:
                run.result()
            except Difference as difference:
                failed.append(case)
                print(f"FAILED {case}: {difference}")
    print(f"{len(cases) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed or not cases else 0)


if __name__ == "__main__":
    run_all(check, sys.argv[1], sys.argv[2], sys.argv[3:])
