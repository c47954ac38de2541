#!/usr/bin/env python3
"""asgc convert M.asg -o M.onnx: ONNX's own checker takes it, and ONNX Runtime computes the same.

The checker is Debian's python3-onnx, the runtime npm's onnxruntime-node in benchmarks/node_modules (where there is an
npm, ./x test puts it there). Without one of them its part is left out, and a line says so; asgc reads each file back in any case.
"""

import array
import functools
import json
import random
import re
import shutil
import struct
import subprocess
import sys

import arrays
import harness

EXAMPLES = harness.ROOT / "docs/examples"
RUNTIME = harness.ROOT / "benchmarks/node_modules/onnxruntime-node"
CHECK = "import sys, onnx; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)"


@functools.cache
def checker():
    """A Python that has onnx; None if there is none."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import onnx.checker"], capture_output=True).returncode == 0:
            return python
    print("left out: ONNX's checker (python3-onnx is not installed)")
    return None


@functools.cache
def runtime():
    found = RUNTIME.exists() and shutil.which("node") is not None
    if not found:
        print("left out: ONNX Runtime (node or benchmarks/node_modules/onnxruntime-node is missing)")
    return found


def check(t, path):
    if checker():
        t.run(checker(), "-c", CHECK, path)


def run_ort(t, model, folder, inputs):
    """Outputs by name; None without ONNX Runtime."""
    if not runtime():
        return None
    t.run("node", harness.ROOT / "test/e2e/run_ort.cjs", RUNTIME, model, folder,
          *(f"{name}={t.path(path)}" for name, path in inputs.items()))
    return read_all(t, folder)


def read_all(t, folder):
    return {path.name[:-4]: arrays.read_npy(path) for path in t.path(folder).glob("*.npy")}


def numbers(count, seed, scale=0.3):
    draw = random.Random(seed)
    return [draw.uniform(-scale, scale) for _ in range(count)]


def variables(t, model, kind="param"):
    """Name -> shape of the f32 variables of a model text."""
    t.asgc("convert", model, "-o", "variables.mlir")
    found = re.findall(rf"asg\.{kind} @([\w.]+) : tensor<([\dx]*)f32>", t.path("variables.mlir").read_text())
    return {name: [int(extent) for extent in shape.split("x") if extent] for name, shape in found}


def write_weights(t, model, path):
    tensors = {name: (shape, numbers(arrays.count(shape), name)) for name, shape in variables(t, model).items()}
    arrays.write_safetensors(t.path(path), tensors)
    return tensors


def close(t, actual, expected, what, tolerance=1e-4):
    t.equal(actual[0], expected[0], f"shape of {what}")
    worst = max(abs(a - e) for a, e in zip(actual[1], expected[1], strict=True))
    t.expect(worst <= tolerance, f"{what} differs by {worst}")


def export(t, name, port, dtype, shape, values):
    model = EXAMPLES / name / f"{name}.asg"
    write_weights(t, model, "w.safetensors")
    return export_model(t, model, port, dtype, shape, values)


def export_model(t, model, port, dtype, shape, values, result="output"):
    """Writes `model` with the weights w.safetensors, has it judged, and reads it back: that text."""
    t.asgc("convert", model, "--weights", "w.safetensors", "-o", "m.onnx")
    check(t, "m.onnx")
    arrays.write_npy(t.path("x.npy"), dtype, shape, values)
    t.asgc("run", model, "--weights", "w.safetensors", "--input", f"{port}=x.npy", "--output-dir", "asg")
    expected = arrays.read_npy(t.path(f"asg/{result}.npy"))
    t.expect(max(map(abs, expected[1])) > 0.1, "the outputs say nothing")
    ort = run_ort(t, "m.onnx", "ort", {port: "x.npy"})
    if ort:
        close(t, ort[result], expected, "ONNX Runtime's output")
    # And back: the same layers, the same numbers.
    t.asgc("convert", "m.onnx", "-o", "back.asg")
    t.asgc("run", "back.asg", "--weights", "back.safetensors", "--input", f"{port}=x.npy", "--output-dir", "back")
    close(t, arrays.read_npy(t.path(f"back/{result}.npy")), expected, "the output after a round trip")
    return t.path("back.asg").read_text()


def test_digits(t):
    text = export(t, "digits", "image", "<f4", (3, 64), [abs(x) for x in numbers(192, 1, 16)])
    t.equal(text, """use nn

model back(image: f32[batch <= 256, 64]) -> f32[batch, 10] {
  x = image / 16 |> fc1: linear(128) |> relu
  x = x + (x |> body.0.layer_norm: layer_norm |> body.0.linear: linear(128) |> gelu)
  return x + (x |> body.1.layer_norm: layer_norm |> body.1.linear: linear(128) |> gelu)
          |> head: linear(10)
}
""", "text")


def test_lenet(t):
    text = export(t, "lenet", "image", "<f4", (3, 64), [abs(x) for x in numbers(192, 2, 16)])
    t.contains(text, "|> max_pool2d(kernel = 2)\n      |> flatten\n      |> fc1: linear(120)\n      |> relu")


def test_transformer(t):
    text = export(t, "transformer", "tokens", "<i8", (2, 64), [random.Random(3).randrange(256) for _ in range(128)])
    t.contains(text, "attention(y[:, :, 0], y[:, :, 1], y[:, :, 2], causal = true)")


def test_own_block(t):
    text = export(t, "own_block", "image", "<f4", (2, 64), [abs(x) for x in numbers(128, 4, 16)])
    t.contains(text, "stack.0.highway.gate: linear(64)")


def shrink(t, name, *replacements):
    """A model of the benchmarks with smaller extents, and weights that keep its signals in range."""
    text = (harness.ROOT / f"benchmarks/models/{name}.asg").read_text()
    text = text[:text.index("\ntrain ")]
    for pattern, number in replacements:
        text, count = re.subn(pattern, number, text)
        t.expect(count > 0, f"{name}.asg has no {pattern}")
    model = t.write(f"{name}.asg", text)
    tensors = {}
    for path, shape in {**variables(t, model), **variables(t, model, "state")}.items():
        values = numbers(arrays.count(shape), path, 0.2)
        if len(shape) > 1:
            values = [x * 5 * (6 / arrays.count(shape[1:])) ** 0.5 for x in values]
        elif path.endswith(("weight", "running_var")):
            values = [0.5 + x for x in values]
        tensors[path] = (shape, values)
    arrays.write_safetensors(t.path("w.safetensors"), tensors)
    return model


def test_an_own_block_is_not_the_one_that_it_hides(t):
    """`relu` and `linear` of a model that has its own; layers are written as operators by the names of their blocks."""
    t.write("hiding.asg", """block relu(x: f32[n, k]) -> f32[n, k] {
  return max(x, 0.0) * 3
}

block linear(x: f32[n, in], out: int) -> f32[n, out] {
  param weight: f32[out, in] = normal(1)
  param bias: f32[out] = normal(1)
  return x @ weight.T - bias
}

model hiding(x: f32[2, 3]) -> y: f32[2, 2] {
  return x |> linear(2) |> relu
}
""")
    weights = {"linear.weight": ([2, 3], [1.0, -2.0, 0.5, 0.25, 1.0, -1.0]), "linear.bias": ([2], [-4.0, 0.5])}
    arrays.write_safetensors(t.path("w.safetensors"), weights)
    arrays.write_npy(t.path("x.npy"), "<f4", (2, 3), [1.0, -1.0, 2.0, 3.0, 4.0, -5.0])
    t.asgc("convert", "hiding.asg", "--weights", "w.safetensors", "-o", "m.onnx")
    check(t, "m.onnx")
    expected = [3 * max(v, 0.0) for v in (4 + 4.0, -2.75 - 0.5, 4 - 7.5, 9.75 - 0.5)]
    t.asgc("run", "hiding.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", "own")
    t.asgc("run", "m.onnx", "--input", "x=x.npy", "--output-dir", "back")
    for folder in ("own", "back"):
        found = list(arrays.read_npy(t.path(f"{folder}/y.npy"))[1])
        t.expect(all(abs(a - b) < 1e-5 for a, b in zip(found, expected)), f"{folder}: expected {expected}, found {found}")


def test_resnet50(t):
    """All fifty layers, with a sixteenth of the channels and images of 32 x 32."""
    model = shrink(t, "resnet50", (r"224, 224", "32, 32"),
                   (r"(conv2d|bottleneck)\((\d+)(?=[,)])", lambda match: f"{match[1]}({int(match[2]) // 16}"),
                   (r"1000", "10"))
    text = export_model(t, model, "image", "<f4", (2, 3, 32, 32), numbers(2 * 3 * 32 * 32, 6, 1.0))
    t.equal(text.count(": conv2d("), 53, "convolutions")
    t.equal(text.count(": batch_norm"), 53, "normalizations")


def test_gpt2(t):
    model = shrink(t, "gpt", (r"length: int = \d+", "length: int = 16"), (r"dim: int = \d+", "dim: int = 32"),
                   (r"heads: int = \d+", "heads: int = 4"), (r"layers: int = \d+", "layers: int = 3"),
                   (r"vocab: int = \d+", "vocab: int = 64"))
    text = export_model(t, model, "tokens", "<i8", (8, 16), [random.Random(7).randrange(64) for _ in range(128)])
    t.equal(text.count("causal = true)"), 3, "attentions")


def write_large_weights(t, model):
    """w.safetensors, in which each tensor repeats a few thousand numbers at a scale that keeps signals in range."""
    random_numbers = numbers(65521, 8, 1.0)  # a prime: no row of a matrix is like the next

    @functools.cache
    def repeated(scale, shift):
        return array.array("f", (scale * x + shift for x in random_numbers)).tobytes()

    shapes = {**variables(t, model), **variables(t, model, "state")}
    header, begin = {}, 0
    for name, shape in shapes.items():
        end = begin + 4 * arrays.count(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    with t.path("w.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            if len(shape) > 1:
                block = repeated((6 / arrays.count(shape[1:])) ** 0.5, 0.0)
            else:
                block = repeated(0.2, 0.5 if name.endswith(("weight", "running_var")) else 0.0)
            times, rest = divmod(4 * arrays.count(shape), len(block))
            file.writelines([block] * times + [block[:rest]])


def test_resnet50_of_full_size(t):
    model = EXAMPLES / "resnet50/resnet50.asg"
    write_large_weights(t, model)
    export_model(t, model, "image", "<f4", (1, 3, 224, 224), numbers(3 * 224 * 224, 9, 1.0), "logits")


def test_gpt2_of_full_size(t):
    model = EXAMPLES / "gpt2/gpt2.asg"
    write_large_weights(t, model)
    export_model(t, model, "tokens", "<i8", (1, 128), [random.Random(10).randrange(50257) for _ in range(128)], "logits")


POINTS = """use nn

model points(x: f32[batch <= 16, 2]) -> f32[batch, 2] {
  return x |> fc1: linear(8) |> tanh |> fc2: linear(2)
}

train points {
  data      = csv("points.csv", features = 0..2, label = 2, split = 0.5, split_order = file)
  batch     = 16
  shuffle   = false
  steps     = 4
  loss      = cross_entropy(output, label)
  optimizer = adam(lr = 0.05)
  clip      = norm(1.0)
}
"""


def test_a_training_step_trains_elsewhere_with_equal_losses(t):
    """Four steps of `asgc train`, of the exported step in asgc, and of the same in ONNX Runtime."""
    rows = [(numbers(2, i, 1.0), i % 2) for i in range(32)]
    t.write("points.csv", "".join(f"{a:.5f},{b:.5f},{label}\n" for (a, b), label in rows))
    t.write("points.asg", POINTS)
    weights = write_weights(t, "points.asg", "w.safetensors")
    t.asgc("train", "points.asg", "--weights", "w.safetensors", "--out", "run")
    events = [json.loads(line) for line in t.path("run/events.jsonl").read_text().splitlines()]
    expected = [event["loss"] for event in events if "loss" in event]
    t.equal(len(expected), 4, "steps")
    t.expect(expected[-1] < expected[0], "nothing was learned")

    # Without values all that changes is an input.
    t.asgc("convert", "points.asg", "--entry", "train_step", "-o", "step.onnx")
    check(t, "step.onnx")
    arrays.write_npy(t.path("x.npy"), "<f4", (16, 2), [float(f"{x:.5f}") for point, _ in rows[:16] for x in point])
    arrays.write_npy(t.path("label.npy"), "<i8", (16,), [label for _, label in rows[:16]])
    state = {name: (shape, values) for name, (shape, values) in weights.items()}
    state.update((name, (shape, [0.0] * arrays.count(shape)))
                 for name, shape in variables(t, "points.asg", "state").items())

    def asgc(folder, inputs):
        t.asgc("run", "step.onnx", *(word for name, path in inputs.items() for word in ("--input", f"{name}={path}")),
               "--output-dir", folder)
        return read_all(t, folder)

    def train(step, engine):
        """The losses when `step` is taken again and again."""
        losses, now = [], dict(state)
        now["step"] = ((), [0])
        for round in range(len(expected)):
            inputs = {"x": "x.npy", "label": "label.npy"}
            for name, (shape, values) in now.items():
                inputs[name] = f"{engine}.{name}.npy"
                arrays.write_npy(t.path(inputs[name]), "<i8" if name == "step" else "<f4", tuple(shape), values)
            outputs = step(f"{engine}{round}", inputs)
            if outputs is None:
                return None
            losses.append(outputs["loss"][1][0])
            for name in now:
                now[name] = outputs[f"{name}.next"]
        return losses

    for engine, step in (("asgc", asgc), ("ort", lambda folder, inputs: run_ort(t, "step.onnx", folder, inputs))):
        losses = train(step, engine)
        if losses:
            close(t, ((), losses), ((), expected), f"losses of {engine}", 1e-5)


def test_convolutions_train_elsewhere(t):
    """One step of LeNet: gradients of convolutions and of max pooling as plain operators."""
    model = EXAMPLES / "lenet/lenet.asg"
    write_weights(t, model, "w.safetensors")
    t.asgc("convert", model, "--weights", "w.safetensors", "--entry", "train_step", "-o", "step.onnx")
    check(t, "step.onnx")
    arrays.write_npy(t.path("x.npy"), "<f4", (4, 64), [abs(x) for x in numbers(256, 5, 16)])
    arrays.write_npy(t.path("label.npy"), "<i8", (4,), [3, 1, 4, 9])
    arrays.write_npy(t.path("total.npy"), "<i8", (), [100])
    arrays.write_npy(t.path("step.npy"), "<i8", (), [0])
    inputs = {"image": "x.npy", "label": "label.npy", "total_steps": "total.npy", "step": "step.npy"}
    for name, shape in variables(t, model, "state").items():
        inputs[name] = f"{name}.npy"
        arrays.write_npy(t.path(inputs[name]), "<f4", tuple(shape), [0.0] * arrays.count(shape))
    t.asgc("run", model, "--weights", "w.safetensors", "--entry", "train_step", "--input", "image=x.npy",
           "--input", "label=label.npy", "--input", "total_steps=total.npy", "--output-dir", "asg")
    expected = read_all(t, "asg")
    ort = run_ort(t, "step.onnx", "ort", inputs)
    if ort:
        for name in ("loss", "grad_norm"):
            close(t, ort[name], expected[name], f"ONNX Runtime's {name}")
    t.asgc("run", "step.onnx", *(word for name, path in inputs.items() for word in ("--input", f"{name}={path}")),
           "--output-dir", "again")
    again = read_all(t, "again")
    for name in ("loss", "grad_norm"):
        close(t, again[name], expected[name], f"{name} of the step read back")
    if ort:
        for name in variables(t, model):
            close(t, ort[f"{name}.next"], again[f"{name}.next"], f"{name} after a step", 1e-5)


SCANS = """model scans(x: f32[batch <= 4, 6, 3]) -> f32[batch, 6, 3] {
  param decay: f32[3] = ones()
  s = cumsum(x, axis = 1) + cumsum(x, reverse = true)
  h = linear_scan(tanh(x), s, axis = 1)
  return h + linear_scan(decay, x, axis = 0, reverse = true)
}
"""


def test_sums_and_recurrences_along_an_axis(t):
    model = t.write("scans.asg", SCANS)
    write_weights(t, model, "w.safetensors")
    text = export_model(t, model, "x", "<f4", (3, 6, 3), numbers(54, 5, 2))
    for part in ("cumsum(x, axis = 1)", "cumsum(x, axis = 2, reverse = true)"):
        t.contains(text, part)


def test_equal_models_give_equal_bytes(t):
    model = EXAMPLES / "digits/digits.asg"
    write_weights(t, model, "w.safetensors")
    for name in ("a.onnx", "b.onnx"):
        t.asgc("convert", model, "--weights", "w.safetensors", "-o", name)
    t.equal(t.path("a.onnx").read_bytes(), t.path("b.onnx").read_bytes(), "bytes")


def test_what_onnx_cannot_say_is_listed_and_nothing_is_written(t):
    t.write("m.asg", "model m(x: f32[4]) -> f32[4] {\n  param w: f32[4] = zeros()\n  param v: f32[4] = zeros()\n"
                     "  return x + random_uniform(4) * w + random_normal(4) * v\n}\n")
    result = t.asgc("convert", "m.asg", "-o", "m.onnx", code=3)
    for part in ("m.asg: ONNX has no words for: ", "asg.random_normal", "asg.random_uniform"):
        t.contains(result.err, part)
    t.expect(not t.path("m.onnx").exists(), "m.onnx was written")
    t.write("n.asg", "model n(x: f32[4]) -> f32[4] {\n  param w: f32[4] = zeros()\n  param v: f32[4] = zeros()\n"
                     "  return x * w + v\n}\n")
    result = t.asgc("convert", "n.asg", "-o", "n.onnx", code=1)
    t.contains(result.err, "n.asg: ONNX needs the values of all variables (--weights): 'w' has none, 'v' has none")
    t.expect(not t.path("n.onnx").exists(), "n.onnx was written")
    t.contains(t.asgc("convert", "m.asg", "--entry", "nothing", "-o", "m.onnx", code=1).err,
               "there is no entry 'nothing'")
    t.contains(t.asgc("convert", "m.asg", "--entry", "init", "-o", "m.mlir", code=2).err, "--entry is for ONNX")


harness.main()
