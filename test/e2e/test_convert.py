#!/usr/bin/env python3
"""asgc convert: the same model, or the same weights, in another form."""

import json
import random
import re
import zipfile

import arrays
import harness
import models
import onnx_models as onnx

EXAMPLES = harness.ROOT / "docs/examples"


def numbers(count, seed):
    draw = random.Random(seed)
    return [draw.uniform(-1, 1) for _ in range(count)]


def weight(name, *shape):
    count = 1
    for extent in shape:
        count *= extent
    return onnx.tensor(name, shape, numbers(count, name))


def convnet():
    """What PyTorch exports of a small network: Conv, BatchNormalization, MaxPool, Gemm, and GELU and layer norm in
    pieces; a MatMul whose weights stand as [in, out]."""
    norm = [("ReduceMean", ["h4"], "mean", {"axes": [1], "keepdims": 1}), ("Sub", ["h4", "mean"], "centered", {}),
            ("Pow", ["centered", "two"], "square", {}),
            ("ReduceMean", ["square"], "variance", {"axes": [1], "keepdims": 1}),
            ("Add", ["variance", "eps"], "shifted", {}), ("Sqrt", ["shifted"], "deviation", {}),
            ("Div", ["centered", "deviation"], "normal", {}), ("Mul", ["normal", "norm.weight"], "gained", {}),
            ("Add", ["gained", "norm.bias"], "h5", {})]
    gelu = [("Div", ["h6", "root"], "g1", {}), ("Erf", ["g1"], "g2", {}), ("Add", ["g2", "one"], "g3", {}),
            ("Mul", ["h6", "g3"], "g4", {}), ("Mul", ["g4", "half"], "h7", {})]
    steps = [("Conv", ["image", "conv1.weight", "conv1.bias"], "h0",
              {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}),
             ("BatchNormalization", ["h0", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"], "h1", {}),
             ("Relu", ["h1"], "h2", {}), ("MaxPool", ["h2"], "h3", {"kernel_shape": [2, 2], "strides": [2, 2]}),
             ("Flatten", ["h3"], "h4", {"axis": 1}), *norm,
             ("MatMul", ["h5", "onnx::MatMul_17"], "product", {}), ("Add", ["fc1.bias", "product"], "h6", {}), *gelu,
             ("Gemm", ["h7", "fc2.weight", "fc2.bias"], "h8", {"transB": 1}),
             ("Softmax", ["h8"], "probabilities", {"axis": 1})]
    positive = onnx.tensor("bn1.running_var", [4], [0.5, 1.0, 1.5, 2.0])
    scalars = [onnx.tensor(name, [], [value]) for name, value in
               (("two", 2.0), ("eps", 1e-5), ("root", 2**0.5), ("one", 1.0), ("half", 0.5))]
    return onnx.model(
        [onnx.node(op, inputs, [output], **attributes) for op, inputs, output, attributes in steps],
        [onnx.value("image", ["batch", 1, 8, 8])], [onnx.value("probabilities", ["batch", 3])],
        [weight("conv1.weight", 4, 1, 3, 3), weight("conv1.bias", 4), weight("bn1.weight", 4), weight("bn1.bias", 4),
         weight("bn1.running_mean", 4), positive, weight("norm.weight", 16), weight("norm.bias", 16),
         weight("onnx::MatMul_17", 16, 8), weight("fc1.bias", 8), weight("fc2.weight", 3, 8), weight("fc2.bias", 3),
         *scalars])


CONVNET_TEXT = """use nn

model convnet(image: f32[batch <= 64, 1, 8, 8]) -> probabilities: f32[batch, 3] {
  return image
          |> conv1: conv2d(4, kernel = 3, stride = 2, padding = 1)
          |> bn1: batch_norm
          |> relu
          |> max_pool2d(kernel = 2)
          |> flatten
          |> norm: layer_norm
          |> fc1: linear(8)
          |> gelu
          |> fc2: linear(3)
          |> softmax
}
"""


def compare(t, left, right, tolerance=1e-5):
    shape, expected = arrays.read_npy(t.path(left))
    actual_shape, actual = arrays.read_npy(t.path(right))
    t.equal(actual_shape, shape, "shape")
    worst = max(abs(a - e) for a, e in zip(actual, expected, strict=True))
    t.expect(worst <= tolerance, f"{right} differs from {left} by {worst}")
    t.expect(len(set(expected)) > 1, f"{left} is constant")


def test_layers_are_found_again_in_onnx(t):
    t.write("convnet.onnx", convnet())
    t.asgc("convert", "convnet.onnx", "-o", "convnet.asg")
    t.equal(t.path("convnet.asg").read_text(), CONVNET_TEXT, "text")
    t.asgc("fmt", "--check", "convnet.asg")
    t.equal(sorted(arrays.read_safetensors(t.path("convnet.safetensors"))),
            sorted(["conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
                    "norm.weight", "norm.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]), "weights")
    arrays.write_npy(t.path("x.npy"), "<f4", (3, 1, 8, 8), numbers(192, "x"))
    t.asgc("run", "convnet.onnx", "--input", "x.npy", "--output-dir", "onnx")
    t.asgc("run", "convnet.asg", "--weights", "convnet.safetensors", "--input", "x.npy", "--output-dir", "text")
    compare(t, "onnx/probabilities.npy", "text/probabilities.npy")


def test_names_that_the_language_lacks_are_changed_and_said(t):
    t.write("m.onnx", onnx.model([onnx.node("Add", ["input.1", "max"], ["and"])],
                                 [onnx.value("input.1", [2, 3]), onnx.value("max", [3])], [onnx.value("and", [2, 3])]))
    result = t.asgc("convert", "m.onnx", "-o", "-")
    t.contains(result.out, "model m(input_1: f32[2, 3], max_: f32[3]) -> and_: f32[2, 3] {\n  return input_1 + max_\n}")
    for line in ("'input.1' is called 'input_1'", "'max' is called 'max_'", "'and' is called 'and_'"):
        t.contains(result.err, line)


def test_what_the_language_cannot_say_is_listed_and_nothing_is_written(t):
    t.write("m.onnx", onnx.model(
        [onnx.node("BitwiseXor", ["a", "b"], ["c"]), onnx.node("BitwiseAnd", ["c", "b"], ["d"]),
         onnx.node("BitwiseXor", ["d", "a"], ["y"])],
        [onnx.value("a", [4], onnx.INT64), onnx.value("b", [4], onnx.INT64)], [onnx.value("y", [4], onnx.INT64)],
        opset=18))
    result = t.asgc("convert", "m.onnx", "-o", "m.asg", code=3)
    t.contains(result.err, "m.onnx: the language has no words for: asg.and (1), asg.xor (2)")
    t.expect(not t.path("m.asg").exists(), "m.asg was written")


def test_bytecode_that_claims_more_than_it_holds_is_refused_before_mlir_reads_it(t):
    t.write("m.asg", "model twice(x: f32[3]) -> f32[3] { return 2 * x }\n")
    t.asgc("convert", "m.asg", "-o", "m.mlirbc")
    t.asgc("check", "m.mlirbc")
    data = bytearray(t.path("m.mlirbc").read_bytes())
    place = data.index(0, 5) + 3  # behind who wrote it: a section, its length, and how many dialects it names
    t.equal(data[place - 2], 1, "the section of dialects")
    length = data[place - 1] >> 1
    data[place] = 0xff
    t.path("m.mlirbc").write_bytes(data)
    for verb in (["check", "m.mlirbc"], ["convert", "m.mlirbc", "-o", "m.mlir"]):
        result = t.asgc(*verb, code=1)
        t.contains(result.err, f"m.mlirbc: claims 127 dialects, at most {length - 1} are possible (offset {place})")


def sliced(extent, dynamic):
    """Every slice of an axis of `extent` elements, which a name adds to if it is `dynamic`: what the IR says (start,
    stride, extent of the result in the IR) and what numpy's slice takes of an axis with three elements more."""
    for stride in (1, 2, 3):
        for start in range(-extent, extent):
            first = start % extent if not dynamic else start
            inside = -start if dynamic and start < 0 else extent - first
            for count in range(inside // stride + 1):
                if (count - 1) * stride < inside:
                    yield start, stride, str(count), (lambda n, a=start, s=stride, c=count, e=extent: [
                        (n + a if a < 0 else a) + i * s for i in range(c)])
            if dynamic and start >= 0:  # up to the end, and up to the last but one, whatever that is
                for less in (0, 1):
                    room = extent - start - less
                    count = f"((n + {room - 1}) floordiv {stride} + 1)" if stride > 1 else f"n + {room}"
                    if room >= 1:
                        yield start, stride, count, (lambda n, a=start, s=stride, m=less: list(range(a, n - m, s)))


def slices_model(dynamic):
    """IR of a model whose outputs are all the slices of its input, and the places that each takes."""
    extent = "?" if dynamic else "4"
    encoding = ', #asg.dims<"n + 4", 2>' if dynamic else ""
    ports, lines, names, places = [], [], [], []
    for i, (start, stride, count, taken) in enumerate(sliced(4, dynamic)):
        known = count.isdigit()
        y = f"tensor<{count}x2xf32>" if known else f'tensor<?x2xf32, #asg.dims<"{count}", 2>>'
        lines.append(f"    %y{i} = asg.slice %w starts [{start}, 0] strides [{stride}, 1] : "
                     f"(tensor<{extent}x2xf32{encoding}>) -> {y}")
        ports.append(f'{y} {{asg.name = "y{i}"}}')
        names.append((f"%y{i}", y))
        places.append(taken)
    x = "tensor<?x2xf32, #asg.dims<n, 2>>" if dynamic else "tensor<4x2xf32>"
    w = f"tensor<{extent}x2xf32{encoding}>"
    pad = (f"    %w = asg.pad %x low [4, 0] high [0, 0] interior [0, 0] value 5.0 : ({x}) -> {w}\n" if dynamic else
           f"    %w = asg.neg %x : {w}\n")
    return (f'module @m {{\n  asg.graph @infer(%x: {x} {{asg.name = "x"}}) -> ({", ".join(ports)})'
            + (" dims = {n = 9}" if dynamic else "") + " {\n" + pad + "\n".join(lines)
            + f'\n    asg.return {", ".join(name for name, _ in names)} : {", ".join(y for _, y in names)}\n  }}\n}}\n',
            places)


def slices(t, dynamic, extents):
    ir, places = slices_model(dynamic)
    t.write("m.mlir", ir)
    t.asgc("convert", "m.mlir", "-o", "m.asg")
    t.asgc("convert", "m.mlir", "-o", "m.onnx")
    t.asgc("convert", "m.asg", "-o", "again.mlir")
    for n in extents:
        values = numbers(n * 2, "x")
        arrays.write_npy(t.path("x.npy"), "<f4", (n, 2), values)
        _, x = arrays.read_npy(t.path("x.npy"))
        w = [5.0] * 8 + list(x) if dynamic else [-value for value in x]
        for form in ("m.mlir", "m.asg", "again.mlir", "m.onnx"):
            t.asgc("run", form, "--input", "x=x.npy", "--output-dir", f"{form}.{n}")
            for i, taken in enumerate(places):
                shape, actual = arrays.read_npy(t.path(f"{form}.{n}/y{i}.npy"))
                rows = taken(len(w) // 2)
                t.equal((tuple(shape), list(actual)), ((len(rows), 2), [w[2 * row + k] for row in rows for k in (0, 1)]),
                        f"{form}, {n} rows, output y{i}")


def test_slices_of_known_extents_mean_the_same_in_every_form(t):
    slices(t, False, [4])


def test_slices_of_run_time_extents_mean_the_same_in_every_form(t):
    slices(t, True, [1, 2, 9])


def random_weights(t, ir, path):
    """Values for every parameter and state of the model in the text `ir`."""
    found = re.findall(r"asg\.(?:param|state) @([\w.]+|\"[^\"]+\") : tensor<([\dx]*)f32>(?! role \"optimizer)", ir)
    tensors = {}
    for name, shape in found:
        dims = [int(extent) for extent in shape.split("x") if extent]
        count = 1
        for extent in dims:
            count *= extent
        tensors[name] = (dims, numbers(count, name))
    arrays.write_safetensors(t.path(path), tensors)


def round_trip(t, name, dtype, shape, values):
    model = EXAMPLES / name / f"{name}.asg"
    port = {"transformer": "tokens"}.get(name, "image")
    t.asgc("convert", model, "-o", "m.mlir")
    random_weights(t, t.path("m.mlir").read_text(), "w.safetensors")
    arrays.write_npy(t.path("x.npy"), dtype, shape, values)
    t.asgc("run", model, "--weights", "w.safetensors", "--input", f"{port}=x.npy", "--output-dir", "direct")
    # Text, bytecode and JSON are models that run, and become a model text again.
    t.asgc("convert", "m.mlir", "-o", "m.mlirbc")
    t.asgc("convert", "m.mlirbc", "-o", "m.json")
    t.equal(t.asgc("compile", "m.json", "--emit=asg", "--after=elaborate").out,
            t.asgc("compile", model, "--emit=asg", "--after=elaborate").out, "the model as JSON")
    for form in ("m.mlir", "m.mlirbc", "m.json"):
        t.asgc("run", form, "--weights", "w.safetensors", "--input", f"{port}=x.npy", "--output-dir", form + ".out")
        t.equal(t.path(form + ".out/output.npy").read_bytes(), t.path("direct/output.npy").read_bytes(), form)
        t.asgc("check", form)
    t.asgc("convert", "m.json", "--weights", "w.safetensors", "-o", "back.asg")
    t.asgc("run", "back.asg", "--weights", "back.safetensors", "--input", f"{port}=x.npy", "--output-dir", "back")
    compare(t, "direct/output.npy", "back/output.npy", 1e-4)
    return t.path("back.asg").read_text()


def test_digits_goes_through_ir_and_back(t):
    text = round_trip(t, "digits", "<f4", (2, 64), [16 * abs(x) for x in numbers(128, 1)])
    t.contains(text, "x = x + (x |> body.0.layer_norm: layer_norm |> body.0.linear: linear(128) |> gelu)")


def test_lenet_goes_through_ir_and_back(t):
    text = round_trip(t, "lenet", "<f4", (2, 64), [16 * abs(x) for x in numbers(128, 2)])
    t.contains(text, "|> conv2: conv2d(16, kernel = 3, padding = 1)")


def test_transformer_goes_through_ir_and_back(t):
    text = round_trip(t, "transformer", "<i8", (2, 64), [random.Random(3).randrange(256) for _ in range(128)])
    t.contains(text, "attention(y[:, :, 0], y[:, :, 1], y[:, :, 2], causal = true)")


def test_bad_ir_is_refused(t):
    t.write("m.mlir", "module {\n  asg.graph\n}\n")
    t.contains(t.asgc("convert", "m.mlir", "-o", "m.asg", code=1).err, "m.mlir:3:1: error:")
    t.write("e.mlir", "module {\n}\n")
    t.contains(t.asgc("run", "e.mlir", "--input", "x.npy", code=1).err, "e.mlir: has no asg.graph @infer")
    t.write("c.mlirbc", b"ML\xefR\x06broken")
    t.contains(t.asgc("convert", "c.mlirbc", "-o", "c.asg", code=1).err, "c.mlirbc")
    t.asgc("convert", "none.mlir", "-o", "m.asg", code=4)
    t.expect(not t.path("m.asg").exists() and not t.path("c.asg").exists(), "something was written")


def test_a_model_trains_from_json(t):
    t.write("points.asg", models.POINTS)
    t.write("points.csv", models.points_csv())
    t.asgc("convert", "points.asg", "-o", "points.json")
    for model in ("points.asg", "points.json"):
        t.asgc("train", model, "--out", model + ".run")
    t.equal(t.path("points.json.run/weights.safetensors").read_bytes() == t.path("points.asg.run/weights.safetensors").read_bytes(),
            True, "weights the same bits")


def test_bad_json_is_refused_with_its_place(t):
    t.write("tiny.asg", models.TINY)
    t.asgc("convert", "tiny.asg", "-o", "tiny.json")
    good = t.path("tiny.json").read_text()
    graph = json.loads(good)["stages"][0]["graphs"][0]
    dot = next(i for i, node in enumerate(graph["nodes"]) if node["op"] == "asg.dot")
    place = f"stages[0].graphs[0].nodes[{dot}]"
    changes = {
        "is not JSON": lambda m: good[:-10],
        "brackets nest deeper than 512 levels": lambda m: "[" * 600,
        "expected asgc-dump/1, found 'asgc-dump/2'": lambda m: m.update(format="asgc-dump/2"),
        "variables[0]: 'f31' is no dtype": lambda m: m["variables"][0].update(dtype="f31"),
        "variables[0]: an extent is negative": lambda m: m["variables"][0].update(shape=[-1]),
        "variables[0]: the shape is no shape of a tensor": lambda m: m["variables"][0].update(shape=[1 << 40, 1 << 40]),
        "stages[0]: has no graphs of asg": lambda m: m.update(stages=[]),
        f"{place}: 'asg.nothing' is no op of a graph": lambda m: nodes(m)[dot].update(op="asg.nothing"),
        f"{place}: 'builtin.module' is no op of a graph": lambda m: nodes(m)[dot].update(op="builtin.module"),
        f"{place}.inputs: there is no node 99": lambda m: nodes(m)[dot].update(inputs=[{"node": 99, "out": 0}]),
        f"{place}: the id 0 is taken": lambda m: nodes(m)[dot].update(id=0),
        f"{place}.attrs: attribute 'x'": lambda m: nodes(m)[dot]["attrs"].update(x="array<i64: "),
        f"{place}: its parent is no layer": lambda m: nodes(m)[dot].update(parent=dot),
        "'asg.param' op has no name": lambda m: m["variables"][0].update(name=""),
        "'asg.dot' op": lambda m: nodes(m)[dot].update(attrs={}),
        "e.json: has no asg.graph @infer": lambda m: m["stages"][0].update(graphs=[]),
    }
    for part, change in changes.items():
        document = json.loads(good)
        text = change(document)
        t.write("e.json", text if isinstance(text, str) else json.dumps(document))
        result = t.asgc("convert", "e.json", "-o", "e.mlir", code=1)
        t.contains(result.err, part)
        t.expect("e.json" in result.err and not t.path("e.mlir").exists(), "the message, or a file", result)


def test_a_model_without_a_name_is_one_in_every_form(t):
    t.write("tiny.asg", models.TINY)
    t.asgc("convert", "tiny.asg", "-o", "tiny.json")
    document = json.loads(t.path("tiny.json").read_text())
    for name in ("", None):
        document["name"] = name
        t.write("m.json", json.dumps(document))
        t.asgc("convert", "m.json", "-o", "m.mlir")
        t.asgc("convert", "m.mlir", "-o", "again.json")
        t.equal(json.loads(t.path("again.json").read_text())["stages"], document["stages"], "stages")


def nodes(document):
    return document["stages"][0]["graphs"][0]["nodes"]


def test_weights_become_safetensors(t):
    rows = numbers(6, 4)
    arrays.write_npy(t.path("a.npy"), "<f4", (2, 3), rows)
    arrays.write_npy(t.path("b.npy"), "<i8", (2,), [7, -7])
    with zipfile.ZipFile(t.path("w.npz"), "w") as archive:
        for name in ("a.npy", "b.npy"):
            archive.write(t.path(name), name)
    t.asgc("convert", "w.npz", "-o", "w.safetensors")
    tensors = arrays.read_safetensors(t.path("w.safetensors"))
    t.equal(tensors["a"][0], [2, 3], "shape")
    t.expect(all(abs(a - e) < 1e-7 for a, e in zip(tensors["a"][1], rows, strict=True)), "values of a")
    t.equal(tensors["b"], ([2], [7, -7]), "b")


def test_a_wrong_command_line_is_explained(t):
    t.write("m.onnx", convnet())
    t.contains(t.asgc("convert", "m.onnx", "-o", "m.xyz", code=2).err, "a model becomes .asg")
    model = EXAMPLES / "digits/digits.asg"
    t.contains(t.asgc("convert", model, "-o", "m.asg", code=2).err, "is a model text already")
    t.contains(t.asgc("convert", model, code=2).err, "--out")


def test_a_limit_on_the_size_of_files_leaves_nothing(t):
    model = t.write("m.asg", "model m(x: f32[8, 16]) {\n  return x |> fc: linear(24)\n}\n")
    result = t.run("sh", "-c", f"ulimit -f 0; exec {harness.ASGC} convert {model} -o m.mlir", code=4)
    t.contains(result.err, "cannot write 'm.mlir': File too large")
    t.equal(sorted(path.name for path in t.path(".").iterdir()), ["m.asg"], "files")
    # The weights would fit, the IR does not: the weights of before stay as well.
    t.write("tiny.asg", models.TINY)
    arrays.write_safetensors(t.path("w.safetensors"), models.TINY_WEIGHTS)
    t.write("tiny.safetensors", "of before")
    result = t.run("sh", "-c", f"ulimit -f 2; exec {harness.ASGC} convert tiny.asg --weights w.safetensors -o tiny.mlir", code=4)
    t.contains(result.err, "cannot write 'tiny.mlir': File too large")
    t.equal(t.path("tiny.safetensors").read_text(), "of before", "the weights of before")
    t.equal(sorted(path.name for path in t.path(".").iterdir()), ["m.asg", "tiny.asg", "tiny.safetensors", "w.safetensors"],
            "files")


harness.main()
