#!/usr/bin/env python3
"""ONNX models whose extents are known at run time only, as exporters write them:
each becomes a text that holds for every extent, and is run at several."""

import math

import arrays
import harness
import onnx_models as onnx


def run_text(t, nodes, inputs, outputs, weights=(), opset=17):
    """Writes the model as a text and says what it reads like."""
    t.write("m.onnx", onnx.model(nodes, inputs, outputs, weights, opset))
    t.path("m.safetensors").unlink(missing_ok=True)
    t.asgc("convert", "m.onnx", "-o", "m.asg")
    return t.path("m.asg").read_text()


def outputs_of(t, model, code=0, **inputs):
    """Runs `model` with name = (dtype, shape, values); a list of (shape, values)."""
    command = ["run", model, "--ordinal", "--output-dir", "out"]
    if model == "m.asg" and t.path("m.safetensors").exists():
        command += ["--weights", "m.safetensors"]
    for name, value in inputs.items():
        arrays.write_npy(t.path(f"{name}.npy"), *value)
        command += ["--input", f"{name}={name}.npy"]
    for old in t.path("out").glob("*.npy"):
        old.unlink()
    result = t.asgc(*command, code=code)
    if code:
        return result.err
    return [arrays.read_npy(t.path(f"out/out{i}.npy")) for i in range(len(list(t.path("out").glob("*.npy"))))]


def check_all(t, expected, **inputs):
    """The text and the model itself give `expected`."""
    for model in ("m.asg", "m.onnx"):
        found = outputs_of(t, model, **inputs)
        t.equal([tuple(shape) for shape, _ in found], [tuple(shape) for shape, _ in expected], f"shapes of {model}")
        for (_, a), (_, e) in zip(found, expected, strict=True):
            t.expect(all(abs(x - y) < 1e-5 for x, y in zip(a, e, strict=True)), f"{model}: {a} is not {e}")


def sequence(x):
    """Nodes that compute extent 1 of `x` as a scalar `n` and a vector `ns`."""
    return [onnx.node("Shape", [x], ["shape"]), onnx.node("Gather", ["shape", "one"], ["n"]),
            onnx.node("Unsqueeze", ["n", "axes"], ["ns"])]


ONE = onnx.tensor("one", [], [1], onnx.INT64)
FRONT = onnx.tensor("axes", [1], [0], onnx.INT64)


def vector(name, *values):
    return onnx.tensor(name, [len(values)], values, onnx.INT64)


def floats(*values):
    return ("<f4", (len(values),), list(values))


def rows(b, n, first=0):
    return ("<f4", (b, n), [float(first + i) for i in range(b * n)])


def test_a_table_is_cut_to_the_length_of_the_sequence_and_bounds_it(t):
    table = [0.5 * i * i for i in range(8)]
    text = run_text(t, [*sequence("x"), onnx.node("Slice", ["table", "axes", "ns", "one1"], ["part"]),
                        onnx.node("Add", ["x", "part"], ["y"])],
                    [onnx.value("x", ["b", "s"])], [onnx.value("y", ["b", "s"])],
                    [ONE, FRONT, vector("one1", 1), onnx.tensor("table", [1, 8], table)])
    t.contains(text, "x: f32[b <= 64, s <= 8]")
    for b, n in ((1, 1), (2, 5), (3, 8)):
        check_all(t, [((b, n), [i + table[i % n] for i in range(b * n)])], x=rows(b, n))
    t.contains(outputs_of(t, "m.asg", code=1, x=rows(2, 9)), "9")


def test_a_dim_that_is_fixed_decides_though_others_are_open(t):
    t.write("m.onnx", onnx.model(
        [*sequence("x"), onnx.node("Range", ["zero", "n", "one"], ["place"]), onnx.node("TopK", ["x", "ns"], ["y", "at"])],
        [onnx.value("x", ["b", "s"])], [onnx.value("y", ["b", "s"]), onnx.value("place", ["s"], onnx.INT64)],
        [ONE, FRONT, onnx.tensor("zero", [], [0], onnx.INT64)]))
    t.contains(t.asgc("check", "m.onnx", code=3).err, "must be known when the model is compiled")
    t.asgc("check", "m.onnx", "--dim", "s=4")


def test_parts_start_and_end_at_computed_places(t):
    half = [*sequence("x"), onnx.node("Div", ["ns", "two"], ["h"])]
    text = run_text(t, [*half, onnx.node("Slice", ["x", "h", "far", "one1"], ["y"]),
                        onnx.node("Slice", ["x", "axes", "h", "one1"], ["z"]),
                        onnx.node("Slice", ["x", "axes", "far", "one1", "two"], ["w"])],
                    [onnx.value("x", ["b", "s"])], [onnx.value(name, ["b", "p"]) for name in "yzw"],
                    [ONE, FRONT, vector("one1", 1), vector("two", 2), vector("far", (1 << 63) - 1)])
    t.contains(text, "x[:, ::2]")
    for n in (2, 5, 6):
        row = [float(i) for i in range(n)]
        check_all(t, [((1, len(part)), part) for part in (row[n // 2:], row[:n // 2], row[::2])], x=rows(1, n))


def test_a_part_that_may_not_be_there_is_refused(t):
    for start, end in ((0, 3), (-3, 1 << 40)):
        t.write("m.onnx", onnx.model([onnx.node("Slice", ["x", "from", "to"], ["y"])], [onnx.value("x", ["n"])],
                                     [onnx.value("y", ["m"])], [vector("from", start), vector("to", end)]))
        t.contains(t.asgc("check", "m.onnx", code=3).err, "of the extent n with step 1 is not supported: it may")
        found = outputs_of(t, "m.onnx", x=floats(1, 2, 3, 4))
        t.equal(found, [((3,), [1, 2, 3] if end == 3 else [2, 3, 4])], "y")


def test_extents_of_minus_one_are_kept_by_expand(t):
    # expand(n, -1, 2) as PyTorch writes it: where(shape == -1, 1, shape).
    nodes = [*sequence("x"), onnx.node("Concat", ["ns", "minus", "two"], ["wanted"], axis=0),
             onnx.node("Shape", ["wanted"], ["rank"]), onnx.node("ConstantOfShape", ["rank"], ["ones"], value=one_tensor()),
             onnx.node("Mul", ["ones", "minus"], ["negative"]), onnx.node("Equal", ["wanted", "negative"], ["isKept"]),
             onnx.node("Where", ["isKept", "ones", "wanted"], ["full"]), onnx.node("Expand", ["w", "full"], ["y"])]
    run_text(t, nodes, [onnx.value("x", ["b", "s"])], [onnx.value("y", ["s", 3, 2])],
             [ONE, FRONT, vector("minus", -1), vector("two", 2), onnx.tensor("w", [1, 3, 1], [1, 2, 3])])
    for n in (1, 4):
        check_all(t, [((n, 3, 2), [1, 1, 2, 2, 3, 3] * n)], x=rows(1, n))


def one_tensor():
    return onnx.Tensor(onnx.tensor("", [1], [1], onnx.INT64))


def test_images_of_any_size_and_number_are_resized(t):
    def linear(row, places):
        result = []
        for at in places:
            low = math.floor(at)
            a, b = (row[min(max(i, 0), len(row) - 1)] for i in (low, low + 1))
            result.append(a + (b - a) * (at - low))
        return result

    scales = onnx.tensor("scales", [3], [1, 1, 2])
    weights = [ONE, FRONT, scales, vector("three", 3), onnx.tensor("both", [3], [1, 1, 1.5])]
    nodes = [onnx.node("Resize", ["x", "", "scales"], ["y"], mode="linear"),
             onnx.node("Resize", ["x", "", "both"], ["z"], mode="nearest", nearest_mode="floor",
                       coordinate_transformation_mode="asymmetric"),
             onnx.node("Shape", ["x"], ["shape"]), onnx.node("Shape", ["pattern"], ["other"]),
             onnx.node("Slice", ["shape", "axes", "two"], ["front"]), onnx.node("Concat", ["front", "other"], ["sizes"], axis=0),
             onnx.node("Resize", ["x", "", "", "sizes"], ["w"], mode="linear", coordinate_transformation_mode="align_corners")]
    weights.append(vector("two", 2))
    run_text(t, nodes, [onnx.value("x", ["b", 1, "n"]), onnx.value("pattern", ["m"])],
             [onnx.value("y", ["b", 1, "2n"]), onnx.value("z", ["b", 1, "k"]), onnx.value("w", ["b", 1, "m"])], weights)
    for b, n, m in ((1, 4, 6), (2, 3, 2), (1, 1, 3)):
        x = rows(b, n)[2]
        lines = [x[i * n:(i + 1) * n] for i in range(b)]
        double = [v for line in lines for v in linear(line, [(i + 0.5) / 2 - 0.5 for i in range(2 * n)])]
        wide = 3 * n // 2
        near = [line[math.floor(i / 1.5)] for line in lines for i in range(wide)]
        like = [v for line in lines for v in linear(line, [i * (n - 1) / max(m - 1, 1) for i in range(m)])]
        check_all(t, [((b, 1, 2 * n), double), ((b, 1, wide), near), ((b, 1, m), like)], x=("<f4", (b, 1, n), x),
                  pattern=floats(*range(m)))


def test_elements_are_gathered_and_scattered_in_any_number(t):
    nodes = [onnx.node("GatherElements", ["x", "at"], ["y"], axis=1),
             onnx.node("ScatterElements", ["x", "at", "y"], ["z"], axis=1),
             onnx.node("ScatterElements", ["x", "at", "y"], ["w"], axis=1, reduction="add")]
    run_text(t, nodes, [onnx.value("x", ["b", "n"]), onnx.value("at", ["b", "k"], onnx.INT64)],
             [onnx.value("y", ["b", "k"]), onnx.value("z", ["b", "n"]), onnx.value("w", ["b", "n"])])
    for b, n, at in ((1, 3, [2]), (2, 4, [1, -1, 0, 2])):
        k = len(at) // b
        x = rows(b, n, first=1)[2]
        y = [x[i // k * n + at[i] % n] for i in range(b * k)]
        z = list(x)
        w = list(x)
        for i, place in enumerate(at):
            z[i // k * n + place % n] = y[i]
            w[i // k * n + place % n] += y[i]
        check_all(t, [((b, k), y), ((b, n), z), ((b, n), w)], x=("<f4", (b, n), x), at=("<i8", (b, k), at))


def test_an_input_without_a_shape_has_that_of_its_value(t):
    shapeless = onnx.field(1, "x") + onnx.field(2, onnx.field(1, onnx.field(1, onnx.FLOAT)))
    t.write("m.onnx", onnx.model([onnx.node("Neg", ["x"], ["y"])], [shapeless], [onnx.value("y", ["n"])]))
    t.equal(outputs_of(t, "m.onnx", x=floats(1, 2)), [((2,), [-1, -2])], "y")
    t.contains(t.asgc("check", "m.onnx", code=3).err, "input 'x': the model does not say how many axes it has")


harness.main()
