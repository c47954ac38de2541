#!/usr/bin/env python3
"""ONNX models on the command line."""

import json
import struct

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


def test_integers_beyond_doubles_are_not_rounded(t):
    big = 2**53 + 1
    nodes = [onnx.node("Constant", [], ["start"], value_int=big), onnx.node("Constant", [], ["limit"], value_int=big + 4),
             onnx.node("Constant", [], ["delta"], value_int=3), onnx.node("Range", ["start", "limit", "delta"], ["r"]),
             onnx.node("Add", ["x", "r"], ["y"])]
    t.write("m.onnx", onnx.model(nodes, [onnx.value("x", [1], onnx.INT64)], [onnx.value("y", [2], onnx.INT64)]))
    arrays.write_npy(t.path("x.npy"), "<i8", (1,), [0])
    result = t.asgc("run", "m.onnx", "--input", "x.npy", "--json")
    t.equal(json.loads(result.out)["outputs"][0]["values"], [big, big + 3], "values")
    t.asgc("convert", "m.onnx", "-o", "m.asg")
    result = t.asgc("run", "m.asg", "--input", "x.npy", "--json")
    t.equal(json.loads(result.out)["outputs"][0]["values"], [big, big + 3], "values of the text")


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


def test_an_input_has_the_shape_of_the_model(t):
    for dims, expected in (([2, 3], "[2, 3]"), (["batch", 3], "3]")):
        t.write("m.onnx", onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", dims)], [onnx.value("y", dims)]))
        for shape in ([2, 4], [6], [2, 3, 1]):
            arrays.write_npy(t.path("x.npy"), "<f4", shape, [1.0] * arrays.count(shape))
            error = t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "out", code=1).err
            for part in ("'x'", str(shape), expected):
                t.contains(error, part)
    t.expect(not t.path("out").exists(), "something was written")


def add_weight(weight):
    """x + w, where w is a tensor of the file in the given bytes."""
    return onnx.model([onnx.node("Add", ["x", "w"], ["y"])], [onnx.value("x", [2])], [onnx.value("y", [2])], [weight])


def relu(**options):
    return onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", [2])], [onnx.value("y", [2])], **options)


def nested(depth):
    """An If in an If in an If …"""
    node = onnx.node("Relu", ["x"], ["y"])
    for _ in range(depth):
        branch = onnx.field(1, node) + onnx.field(12, onnx.value("y", [2]))
        node = onnx.node("If", ["c"], ["y"]) + onnx.field(5, onnx.field(1, "then_branch") + onnx.field(6, branch) + onnx.field(20, 5))
    return onnx.model([node], [onnx.value("x", [2])], [onnx.value("y", [2])])


RAW = onnx.field(8, "w") + onnx.field(9, b"\0" * 8)  # a weight's name and data, without dims and type
FLOAT = onnx.field(2, onnx.FLOAT)
# name: (bytes, exit code, what the line says behind "asgc: m.onnx: ")
BAD = {
    "a field of a number that does not end": (relu() + b"\x08\xff\xff", 1, "the file ends inside a number"),
    "a group that is not closed": (relu() + b"\x0b", 1, "the file ends inside a number, or a field is of no known kind (offset "),
    "a field without number": (relu() + b"\x00\x01", 1, "(offset "),
    "text": (b"not a protobuf at all", 1, "(offset "),
    "nothing but an opset": (onnx.field(8, onnx.field(2, 17)), 1, "not an ONNX model: it has no graph or no opset (offset 0)"),
    "no opset": (onnx.field(7, onnx.field(2, "graph")), 1, "not an ONNX model: it has no graph or no opset (offset 0)"),
    "messages without end": (nested(60), 1, "nested deeper than 100 (offset "),
    "an opset of the future": (relu(opset=99), 3, "opset 99 is not supported, only 7 to 23 are"),
    "an opset below one": (relu(opset=0), 3, "opset 0 is not supported"),
    "a negative opset": (relu(opset=-5), 3, "opset -5 is not supported"),
    "an opset of another domain": (relu(domain="com.example"), 1,
                                     "node 'y' (Relu): the model imports no opset of ONNX's own operators"),
    "a shape that overflows": (add_weight(onnx.field(1, 1 << 40) * 2 + FLOAT + RAW), 1, "tensor 'w': the shape [1099511627776, 1099511627776] wants more elements than are there"),
    "a shape whose bytes overflow": (add_weight(onnx.field(1, 1 << 62) + FLOAT + RAW), 1, "tensor 'w': the shape [4611686018427387904] wants more elements than are there"),
    "a negative extent": (add_weight(onnx.field(1, -2) + FLOAT + RAW), 1, "tensor 'w': the shape [-2] wants more elements than are there"),
    "fewer data than the shape": (add_weight(onnx.field(1, 3) + FLOAT + RAW), 1, "tensor 'w': its data do not fit the shape [3] of f32"),
    "more data than the shape": (add_weight(onnx.field(1, 1) + FLOAT + RAW), 1, "tensor 'w': its data do not fit the shape [1] of f32"),
    "an unknown type": (add_weight(onnx.field(1, 2) + onnx.field(2, 77) + RAW), 3, "tensor 'w': elements of type f8 or i4 are not supported"),
    "an input that overflows": (onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", [1 << 40, 1 << 40])],
                                           [onnx.value("y", [2])]), 1, "input 'x': its shape is too large"),
    "two weights of one name": (onnx.model([onnx.node("Add", ["x", "w"], ["y"])], [onnx.value("x", [2])], [onnx.value("y", [2])],
                                           [onnx.tensor("w", [2], [1, 2])] * 2), 1, "two weights are called 'w'"),
    "two inputs of one name": (onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", [2])] * 2, [onnx.value("y", [2])]),
                               1, "two inputs are called 'x'"),
    "two outputs of one name": (onnx.model([onnx.node("Relu", ["x"], ["y"])], [onnx.value("x", [2])], [onnx.value("y", [2])] * 2),
                                1, "two outputs are called 'y'"),
    "two values of one name": (onnx.model([onnx.node("Relu", ["x"], ["y"]), onnx.node("Neg", ["x"], ["y"])],
                                          [onnx.value("x", [2])], [onnx.value("y", [2])]), 1,
                               "node 'y' (Neg): there is a value 'y' already"),
    "a value of a weight's name": (onnx.model([onnx.node("Neg", ["x"], ["y"]), onnx.node("Add", ["x", "y"], ["z"])],
                                              [onnx.value("x", [2])], [onnx.value("z", [2])], [onnx.tensor("y", [2], [1, 2])]), 1,
                                   "node 'y' (Neg): there is a value 'y' already"),
    "a value from nowhere": (onnx.model([onnx.node("Add", ["x", "z"], ["y"])], [onnx.value("x", [2])], [onnx.value("y", [2])]), 1, "z"),
    "a cycle": (onnx.model([onnx.node("Add", ["x", "b"], ["a"]), onnx.node("Relu", ["a"], ["b"])], [onnx.value("x", [2])],
                           [onnx.value("b", [2])]), 1, "b"),
    "an output from nowhere": (onnx.model([], [onnx.value("x", [2])], [onnx.value("y", [2])]), 1, "nothing computes the output 'y'"),
}


def test_each_bad_model_is_refused_in_one_line_and_nothing_is_written(t):
    arrays.write_npy(t.path("x.npy"), "<f4", (2,), [1.0, 2.0])
    commands = (["check", "m.onnx"], ["run", "m.onnx", "--input", "x.npy", "--output-dir", "out"], ["compile", "m.onnx", "-o", "lib"],
                *(["convert", "m.onnx", "-o", f"c.{form}"] for form in ("asg", "mlir", "mlirbc", "json", "onnx")))
    faults = []
    for name, (data, code, part) in BAD.items():
        t.write("m.onnx", data)
        for command in commands:
            result = t.asgc(*command, code=None)
            files = sorted(path.name for path in t.folder.iterdir())
            if (result.code != code or not result.err.startswith("asgc: m.onnx: ") or part not in result.err or result.out or
                    len(result.err.splitlines()) != 1 or files != ["m.onnx", "x.npy"]):
                faults.append(f"{name}: expected {code} and {part!r}\n{result}\n{files}")
                break
    t.expect(not faults, *faults or [""])


def test_external_data_stay_beside_the_model(t):
    t.write("secret", struct.pack("<2f", 5.0, 7.0))
    arrays.write_npy(t.path("x.npy"), "<f4", (2,), [1.0, 2.0])
    t.write("m/w.bin", struct.pack("<4f", 9.0, 10.0, 20.0, 9.0))
    t.path("m/link").symlink_to(t.path("secret"))
    t.path("m/folder").symlink_to(t.folder)
    t.path("m/near").symlink_to("w.bin")
    cases = [(["../secret"], 1, "external data at '../secret', which is not beside the model"),
             (["a/../../secret"], 1, "which is not beside the model"), ([str(t.path("secret"))], 1, "which is not beside the model"),
             (["link"], 1, "which is not beside the model"), (["folder/secret"], 1, "which is not beside the model"),
             ([""], 1, "which is not beside the model"), (["a\0b"], 1, "which is not beside the model"),
             (["none.bin"], 4, "No such file"), (["w.bin", 12, 8], 1, "external data [12, 20) of 'w.bin', which has 16 bytes"),
             (["w.bin", 20, 0], 1, "which has 16 bytes"), (["w.bin", -4, 8], 1, "malformed offset or length"),
             (["w.bin", 4, "8x"], 1, "malformed offset or length"), (["w.bin", "9" * 30, 8], 1, "malformed offset or length"),
             (["w.bin", 4, 4], 1, ""), (["w.bin", 4, 12], 1, ""), (["."], 4, "")]
    for (location, *place), code, part in cases:
        entries = dict(zip(("offset", "length"), place))
        t.write("m/m.onnx", add_weight(onnx.external("w", [2], location, **entries)))
        for command in (["check", "m/m.onnx"], ["run", "m/m.onnx", "--input", "x.npy", "--output-dir", "out"]):
            error = t.asgc(*command, code=code).err
            t.expect(error.startswith("asgc: m/m.onnx: ") and len(error.splitlines()) == 1, "not one line", error)
            t.contains(error, part)
            t.contains(error, "'w'")
    t.expect(not t.path("out").exists(), "something was written")
    for location in ("w.bin", "near", "./w.bin"):
        t.write("m/m.onnx", add_weight(onnx.external("w", [2], location, offset=4, length=8)))
        t.asgc("run", "m/m.onnx", "--input", "x.npy", "--output-dir", "out")
        check_outputs(t, "out/y.npy", (2,), [11.0, 22.0])


def test_nodes_that_name_one_file_again_and_again_are_refused(t):
    """A small model must not ask for any amount of memory: 17 constants of a file of 1 MiB."""
    t.write("w.bin", struct.pack("<f", 1.0) * (1 << 18))
    for count, code in ((3, 0), (17, 1)):
        constants = []
        for i in range(count):
            value = field_of_tensor(onnx.external(f"w{i}", [1 << 18], "w.bin"))
            constants.append(onnx.node("Constant", [], [f"c{i}"]) + value)
        sums = [onnx.node("Add", [f"s{i - 1}" if i else "x", f"c{i}"], [f"s{i}"]) for i in range(count)]
        t.write("m.onnx", onnx.model([*constants, *sums], [onnx.value("x", [1 << 18])], [onnx.value(f"s{count - 1}", [1 << 18])]))
        error = t.asgc("check", "m.onnx", code=code).err
    t.contains(error, "asgc: m.onnx: tensor 'w16': with it the nodes have 17825792 bytes of external data, but the files "
                      "of these have 1048576")


def field_of_tensor(tensor):
    """The attribute `value` of a Constant."""
    return onnx.field(5, onnx.field(1, "value") + onnx.field(5, tensor) + onnx.field(20, 4))


def test_a_node_that_cannot_be_is_named(t):
    t.write("m.onnx", onnx.model([onnx.node("Add", ["x", "z"], ["y"], "sum")],
                                 [onnx.value("x", [2]), onnx.value("z", [3])], [onnx.value("y", [3])]))
    result = t.asgc("check", "m.onnx", code=1)
    t.contains(result.err, "node 'sum' (Add): shapes f32[2] and f32[3] do not broadcast")


harness.main()
