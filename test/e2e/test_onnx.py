#!/usr/bin/env python3
"""ONNX models on the command line."""

import json

import arrays
import harness
import onnx_models as onnx

WEIGHT = [0.5, -1.0, 2.0, 0.25, 1.5, -0.75]  # [2, 3]
BIAS = [0.125, -0.5]
ROWS = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]]


def linear(batch):
    return onnx.model(
        [onnx.node("Gemm", ["x", "weight", "bias"], ["h"], transB=1), onnx.node("Relu", ["h"], ["y"])],
        [onnx.value("x", [batch, 3])], [onnx.value("y", [batch, 2])],
        [onnx.tensor("weight", [2, 3], WEIGHT), onnx.tensor("bias", [2], BIAS)])


def expected():
    return [max(0.0, BIAS[o] + sum(x * WEIGHT[3 * o + i] for i, x in enumerate(row)))
            for row in ROWS for o in range(2)]


def check_outputs(t, name, shape, values):
    actual_shape, actual = arrays.read_npy(t.path(name))
    t.equal(actual_shape, shape, "shape")
    t.expect(all(abs(a - e) < 1e-5 for a, e in zip(actual, values, strict=True)), f"{actual} is not {values}")


def test_a_model_runs_with_its_own_weights(t):
    t.write("m.onnx", linear(2))
    arrays.write_npy(t.path("x.npy"), "<f4", (2, 3), sum(ROWS, []))
    t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "out")
    check_outputs(t, "out/y.npy", (2, 2), expected())


def test_a_library_of_it_has_its_weights_beside(t):
    t.write("m.onnx", linear(2))
    t.contains(t.asgc("compile", "m.onnx", "-o", "lib").err, "m.safetensors")
    t.equal(arrays.read_safetensors(t.path("lib/m.safetensors")), {"weight": ([2, 3], WEIGHT), "bias": ([2], BIAS)},
            "weights")
    t.asgc("check", "lib")


def test_a_named_dim_takes_the_extent_of_the_input(t):
    t.write("m.onnx", linear("batch"))
    arrays.write_npy(t.path("x.npy"), "<f4", (2, 3), sum(ROWS, []))
    t.asgc("run", "m.onnx", "--input", "x=x.npy", "--output-dir", "out")
    check_outputs(t, "out/y.npy", (2, 2), expected())


def test_integers_keep_the_types_of_the_model(t):
    # What the dialect lacks is computed in wider types; files have the model's own.
    types = {"u8": (2, "|u1", 0, 255), "u16": (4, "<u2", 0, 65535), "i16": (5, "<i2", -32768, 32767),
             "u32": (12, "<u4", 0, 0xFFFFFFFF)}
    for name, (code, dtype, low, high) in types.items():
        t.write("m.onnx", onnx.model([onnx.node("Add", ["x", "x"], ["y"])], [onnx.value("x", [3], code)],
                                     [onnx.value("y", [3], code)]))
        wrapped = high - 1 if low == 0 else -2  # of high + high
        for given in (dtype, "<i8", "<f8"):  # any type that holds the values
            arrays.write_npy(t.path("x.npy"), given, (3,), [low // 2, (high - 1) // 4, high])
            t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "out")
            t.contains(t.path("out/y.npy").read_bytes()[:128].decode("latin-1"), f"'{dtype}'", name)
            t.equal(arrays.read_npy(t.path("out/y.npy")), ((3,), [low, (high - 1) // 4 * 2, wrapped]), f"{name} of {given}")
        output = json.loads(t.asgc("run", "m.onnx", "--input", "x.npy", "--json").out)["outputs"][0]
        t.equal(output["dtype"], name, "dtype")
        for bad in (high + 1, low - 1):
            arrays.write_npy(t.path("x.npy"), "<i8", (3,), [0, bad, 0])
            error = t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "none", code=1).err
            t.contains(error, f"input 'x': expected {name}, but element 1 of the i64 given is {bad}")
        arrays.write_npy(t.path("x.npy"), "<f4", (3,), [0, 0.5, 0])
        t.contains(t.asgc("run", "m.onnx", "--input", "x.npy", code=1).err, f"expected {name}, but element 1 of the f32 given is 0.5")
        arrays.write_npy(t.path("x.npy"), dtype, (2,), [0, 0])
        error = t.asgc("run", "m.onnx", "--input", "x.npy", code=1).err
        for part in ("'x'", "[2]", "3]"):
            t.contains(error, part)
        t.expect(not t.path("none").exists(), "something was written")


def test_narrow_files_go_to_wide_inputs(t):
    t.write("m.asg", "model m(a: i32[2], b: i64[2]) -> (c: i32[2], d: i64[2]) {\n  return a + a, b\n}\n")
    for dtype, values in (("|u1", [0, 255]), ("<u2", [1, 65535]), ("<i2", [-32768, 32767]), ("|i1", [-128, 127])):
        arrays.write_npy(t.path("x.npy"), dtype, (2,), values)
        t.asgc("run", "m.asg", "--input", "a=x.npy", "--input", "b=x.npy", "--output-dir", "out")
        t.equal(arrays.read_npy(t.path("out/c.npy"))[1], [2 * v for v in values], dtype)
        t.equal(arrays.read_npy(t.path("out/d.npy"))[1], values, dtype)
    arrays.write_npy(t.path("zero.npy"), "<i4", (2,), [0, 0])
    # No 64-bit number passes through a double.
    arrays.write_npy(t.path("x.npy"), "<u8", (2,), [(1 << 53) + 1, (1 << 63) - 1])
    t.asgc("run", "m.asg", "--input", "a=zero.npy", "--input", "b=x.npy", "--output-dir", "out")
    t.equal(arrays.read_npy(t.path("out/d.npy"))[1], [(1 << 53) + 1, (1 << 63) - 1], "u64")
    for name, dtype, value, said in (("b", "<u8", 1 << 63, "expected i64, but element 1 of the u64 given is 9223372036854775808"),
                                     ("a", "<u4", 1 << 31, "expected i32, but element 1 of the u32 given is 2147483648"),
                                     ("a", "<u8", 1 << 31, "expected i32, but element 1 of the u64 given is 2147483648")):
        arrays.write_npy(t.path("x.npy"), dtype, (2,), [0, value])
        other = "a" if name == "b" else "b"
        t.contains(t.asgc("run", "m.asg", "--input", f"{name}=x.npy", "--input", f"{other}=zero.npy", code=1).err,
                   f"input '{name}': {said}")


def test_a_model_cannot_choose_where_its_outputs_go(t):
    arrays.write_npy(t.path("x.npy"), "<f4", (2, 3), sum(ROWS, []))
    for name in ("../evil", str(t.path("evil")), "a/b"):
        t.write("m.onnx", onnx.model([onnx.node("Relu", ["x"], [name])], [onnx.value("x", [2, 3])], [onnx.value(name, [2, 3])]))
        error = t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "out/in", code=1).err
        t.contains(error, f"output '{name}' cannot be the name of a file; `asgc run --ordinal` numbers them")
        t.equal(sorted(path.name for path in t.folder.rglob("*")), ["m.onnx", "x.npy"], "files")
    t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "out", "--ordinal")
    check_outputs(t, "out/out0.npy", (2, 3), [max(0.0, v) for v in sum(ROWS, [])])


def test_a_shape_may_come_from_an_input(t):
    t.write("m.onnx", onnx.model([onnx.node("Reshape", ["x", "shape"], ["y"])],
                                 [onnx.value("x", [2, 3]), onnx.value("shape", [2], onnx.INT64)],
                                 [onnx.value("y", ["a", "b"])]))
    arrays.write_npy(t.path("x.npy"), "<f4", (2, 3), sum(ROWS, []))
    arrays.write_npy(t.path("shape.npy"), "<i8", (2,), [3, -1])
    t.asgc("run", "m.onnx", "--input", "x=x.npy", "--input", "shape=shape.npy", "--output-dir", "out")
    check_outputs(t, "out/y.npy", (3, 2), sum(ROWS, []))
    result = t.asgc("check", "m.onnx", code=3)
    t.contains(result.err, "the shape must be known")


def test_check_accepts_a_good_model(t):
    t.write("m.onnx", linear("batch"))
    t.asgc("check", "m.onnx")


def test_all_unsupported_operators_are_listed_at_once(t):
    t.write("m.onnx", onnx.model(
        [onnx.node("Frobnicate", ["x"], ["a"], "first"), onnx.node("Unique", ["a"], ["b"], "second"),
         onnx.node("Frobnicate", ["b"], ["y"], "third")],
        [onnx.value("x", [2])], [onnx.value("y", [2])]))
    result = t.asgc("check", "m.onnx", code=3)
    t.contains(result.err, "2 operators are not supported: Frobnicate (2: first, third); Unique (1: second)")


def test_a_broken_file_is_refused_with_the_place(t):
    whole = linear(2)
    t.write("m.onnx", whole[: len(whole) - 40])
    result = t.asgc("check", "m.onnx", code=1)
    t.contains(result.err, "asgc: m.onnx: a field of ")
    t.contains(result.err, "(offset ")
    t.equal(len(result.err.strip().splitlines()), 1, "lines")
    t.write("n.onnx", b"")
    t.contains(t.asgc("check", "n.onnx", code=1).err, "not an ONNX model")


def test_a_node_that_cannot_be_is_named(t):
    t.write("m.onnx", onnx.model([onnx.node("Add", ["x", "z"], ["y"], "sum")],
                                 [onnx.value("x", [2]), onnx.value("z", [3])], [onnx.value("y", [3])]))
    result = t.asgc("check", "m.onnx", code=1)
    t.contains(result.err, "node 'sum' (Add): shapes f32[2] and f32[3] do not broadcast")


harness.main()
