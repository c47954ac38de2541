#!/usr/bin/env python3
"""asgc run and asgc grad against the same arithmetic in Python."""

import json
import math

import arrays
import harness
import models

ROWS = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25], [0.0, -2.0, 1.0]]


def setup(t):
    t.write("tiny.asg", models.TINY)
    arrays.write_safetensors(t.path("w.safetensors"), models.TINY_WEIGHTS)
    arrays.write_npy(t.path("x.npy"), "<f4", (3, 3), sum(ROWS, []))


def close(t, actual, expected, tolerance=1e-5):
    t.equal(len(actual), len(expected), "number of values")
    for a, e in zip(actual, expected):
        t.expect(abs(a - e) <= tolerance * max(1.0, abs(e)), f"expected {expected}, found {actual}")


def test_run_computes_the_model(t):
    setup(t)
    t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", "out")
    shape, values = arrays.read_npy(t.path("out/output.npy"))
    t.equal(shape, (3, 2), "shape")
    close(t, values, sum(models.tiny(ROWS), []))


def test_run_takes_any_batch_up_to_its_bound(t):
    setup(t)
    for batch in (1, 2, 8):
        rows = [[0.1 * (i + 3 * b) - 0.5 for i in range(3)] for b in range(batch)]
        arrays.write_npy(t.path("x.npy"), "<f4", (batch, 3), sum(rows, []))
        t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x.npy", "--output-dir", "out", "--ordinal")
        shape, values = arrays.read_npy(t.path("out/out0.npy"))
        t.equal(shape, (batch, 2), "shape")
        close(t, values, sum(models.tiny(rows), []))
    arrays.write_npy(t.path("x.npy"), "<f4", (9, 3), [0.0] * 27)
    result = t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x.npy", code=1)
    t.contains(result.err, "'x'")
    t.contains(result.err, "9")
    t.contains(result.err, "8")


def test_run_without_onednn(t):
    setup(t)
    t.write("nowhere/libdnnl.so.2", "")  # the loader finds this one first
    env = {"LD_LIBRARY_PATH": str(t.path("nowhere"))}
    result = t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", "out", code=4,
                    env=env)
    t.contains(result.err, "oneDNN cannot be opened: ")
    t.contains(result.err, "(Debian: libdnnl2)")
    t.expect(not t.path("out").exists(), "an output was left behind")
    finding = json.loads(t.asgc("doctor", "--json", code=4, env=env).out)["findings"]["onednn"]
    t.equal((finding["ok"], finding["value"]), (False, "none"), "what doctor finds")
    # What multiplies no matrices goes without it.
    t.write("plain.asg", "model plain(x: f32[3, 3]) -> f32[3, 3] {\n  return exp(x)\n}\n")
    t.asgc("run", "plain.asg", "--input", "x=x.npy", "--output-dir", "out", env=env)
    close(t, arrays.read_npy(t.path("out/output.npy"))[1], [math.exp(v) for v in sum(ROWS, [])])


def test_run_prints_and_converts(t):
    setup(t)
    arrays.write_npy(t.path("x.npy"), "<f8", (3, 3), sum(ROWS, []))
    result = t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--json")
    output = json.loads(result.out)["outputs"][0]
    t.equal((output["name"], output["dtype"], output["shape"]), ("output", "f32", [3, 2]))
    close(t, output["values"], sum(models.tiny(ROWS), []))
    result = t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy")
    t.contains(result.out, "output: f32[3, 2] = ")


def test_integers_keep_all_their_digits(t):
    """No double holds 2^53 + 1."""
    big = 2**53 + 1
    t.write("whole.asg", f"""model whole(x: i64[1]) -> i64[11] {{
  state start: i64 = {big}
  state table: i64[2] = [{big}, -{2**63 - 1}]
  state filled: i64[1] = constant({big})
  const row: i64[2] = [{2**63 - 1}, {big}]
  low = x + clamp(abs(-{big}), {big - 3}, {big - 1})
  return concat([x + {big}, where(x > {big - 1}, x, {big}), full([1], {big}, i64), row, low, x + abs(-{big}),
                 x + start, table, filled])
}}
""")
    arrays.write_npy(t.path("x.npy"), "<i8", (1,), [0])
    expected = [big, big, big, 2**63 - 1, big, big - 1, big, big, big, -(2**63 - 1), big]
    result = t.asgc("run", "whole.asg", "--input", "x=x.npy", "--seed", "1", "--json")
    t.equal(json.loads(result.out)["outputs"][0]["values"], expected, "values")
    result = t.asgc("run", "whole.asg", "--input", "x=x.npy", "--seed", "1")
    t.contains(result.out, f"= {', '.join(map(str, expected))}")
    t.write("padded.asg", f"model padded(x: i64[1]) -> i64[3] {{\n  return pad(x, [1], value = {big})\n}}\n")
    result = t.asgc("run", "padded.asg", "--input", "x=x.npy", code=1)
    t.contains(result.err, f"cannot pad with {big}")


def test_fixed_dim(t):
    setup(t)
    t.asgc("run", "tiny.asg", "--dim", "batch=3", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", "o")
    close(t, arrays.read_npy(t.path("o/output.npy"))[1], sum(models.tiny(ROWS), []))


def test_grad_is_the_derivative(t):
    setup(t)
    cotangent = [[1.0, -2.0], [0.5, 0.25], [3.0, 1.0]]
    arrays.write_npy(t.path("dy.npy"), "<f4", (3, 2), sum(cotangent, []))
    t.asgc("grad", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--cotangent", "output=dy.npy",
           "--output-dir", "g")
    weight = models.TINY_WEIGHTS["fc.weight"][1]
    live = [[c if y > 0 else 0.0 for c, y in zip(cs, ys)] for cs, ys in zip(cotangent, models.tiny(ROWS))]
    dx = [sum(live[r][o] * weight[3 * o + i] for o in range(2)) for r in range(3) for i in range(3)]
    dw = [sum(live[r][o] * ROWS[r][i] for r in range(3)) for o in range(2) for i in range(3)]
    db = [sum(live[r][o] for r in range(3)) for o in range(2)]
    for name, shape, expected in (("x", (3, 3), dx), ("fc.weight", (2, 3), dw), ("fc.bias", (2,), db)):
        actual = arrays.read_npy(t.path(f"g/grad_{name}.npy"))
        t.equal(actual[0], shape, f"shape of grad_{name}")
        close(t, actual[1], expected)


ATTENTION = """model attend(x: f32[rows <= 8, 4], w: f32[4, 2]) -> f32[rows, 2] {
  return softmax(x @ transpose(x)) @ (x @ w)
}
"""


def attend(x, w):
    """softmax(x · xᵀ) · (x · w) of rows of numbers."""
    scores = [[math.exp(sum(a * b for a, b in zip(row, other))) for other in x] for row in x]
    values = [[sum(a * column[o] for a, column in zip(row, w)) for o in range(2)] for row in x]
    return [[sum(s * v[o] for s, v in zip(row, values)) / sum(row) for o in range(2)] for row in scores]


def test_grad_of_a_value_that_meets_itself(t):
    # x stands on both sides of one product and in another: three paths to its gradient.
    t.write("attend.asg", ATTENTION)
    x = [[math.sin(4 * i + k + 1) for k in range(4)] for i in range(3)]
    w = [[math.cos(3 * i + k) for k in range(2)] for i in range(4)]
    cotangent = [[1.0, -2.0], [0.5, 0.25], [3.0, 1.0]]
    for name, rows in (("x", x), ("w", w), ("dy", cotangent)):
        arrays.write_npy(t.path(f"{name}.npy"), "<f4", (len(rows), len(rows[0])), sum(rows, []))
    t.asgc("grad", "attend.asg", "--input", "x=x.npy", "--input", "w=w.npy", "--cotangent", "output=dy.npy",
           "--output-dir", "g")

    def loss():
        return sum(c * y for cs, ys in zip(cotangent, attend(x, w)) for c, y in zip(cs, ys))

    def slope(row, k, step=1e-5):
        kept, ends = row[k], []
        for row[k] in (kept + step, kept - step):
            ends.append(loss())
        row[k] = kept
        return (ends[0] - ends[1]) / (2 * step)

    for name, rows in (("x", x), ("w", w)):
        close(t, arrays.read_npy(t.path(f"g/grad_{name}.npy"))[1], [slope(row, k) for row in rows for k in range(len(row))])


def test_wrong_arguments_say_what_is_there(t):
    setup(t)
    run = ["run", "tiny.asg", "--weights", "w.safetensors"]
    t.contains(t.asgc(*run, code=1).err, "input 'x' is missing; give --input x=FILE.npy")
    t.contains(t.asgc(*run, "--input", "y=x.npy", code=1).err, "there is no 'y'; there is x")
    t.contains(t.asgc(*run, "--input", "x=none.npy", code=4).err, "none.npy")
    t.contains(t.asgc("run", "tiny.asg", "--input", "x=x.npy", code=1).err, "--weights FILE, or --seed N")
    t.contains(t.asgc(*run, "--input", "x=x.npy", "--device", "tpu", code=2).err, "vulkan")
    t.contains(t.asgc(*run, "--input", "x=x.npy", "--entry", "train_step", code=1).err, "no entry 'train_step'")
    arrays.write_npy(t.path("bad.npy"), "<f4", (3, 4), [0.0] * 12)
    error = t.asgc(*run, "--input", "x=bad.npy", code=1).err
    for part in ("'x'", "3", "4"):
        t.contains(error, part)
    t.contains(t.asgc("grad", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", "g",
                      code=1).err, "the cotangent of output 'output' is missing")


def test_wrong_weights_name_tensor_and_shapes(t):
    setup(t)
    run = ["run", "tiny.asg", "--input", "x=x.npy", "--weights"]
    bad = dict(models.TINY_WEIGHTS)
    bad["fc.bias"] = ([3], [0.0] * 3)
    arrays.write_safetensors(t.path("shape.safetensors"), bad)
    error = t.asgc(*run, "shape.safetensors", code=1).err
    for part in ("fc.bias", "[2]", "[3]"):
        t.contains(error, part)
    del bad["fc.bias"]
    arrays.write_safetensors(t.path("missing.safetensors"), bad)
    t.contains(t.asgc(*run, "missing.safetensors", code=1).err, "fc.bias")
    whole = t.path("w.safetensors").read_bytes()
    for size in (0, 7, 20, len(whole) - 1):
        t.write("cut.safetensors", whole[:size])
        error = t.asgc(*run, "cut.safetensors", code=1).err
        t.equal(len(error.splitlines()), 1, "lines of the error")
        t.contains(error, "cut.safetensors: ")
    t.contains(t.asgc(*run, "none.safetensors", code=4).err, "none.safetensors")


def test_threads_do_not_change_a_bit(t):
    setup(t)
    t.write("big.asg", "use nn\n\nmodel big(x: f32[64, 96]) -> f32[64, 80] {\n"
            "  return x |> a: linear(128) |> gelu |> layer_norm |> b: linear(80) |> softmax(axis = -1)\n}\n")
    arrays.write_npy(t.path("b.npy"), "<f4", (64, 96), [((i * 7919) % 1000) / 500 - 1 for i in range(64 * 96)])
    seen = set()
    for threads in (1, 2, 4):
        t.asgc("run", "big.asg", "--seed", "5", "--threads", threads, "--input", "b.npy", "--output-dir", f"o{threads}")
        seen.add(t.path(f"o{threads}/output.npy").read_bytes())
    t.equal(len(seen), 1, "number of different results")
    t.asgc("run", "big.asg", "--seed", "5", "--poison", "--input", "b.npy", "--output-dir", "poison")
    t.equal(t.path("poison/output.npy").read_bytes(), seen.pop(), "result with poisoned memory")


harness.main()
