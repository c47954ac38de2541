#!/usr/bin/env python3
"""Recurrent layers of ONNX whose sequences have a length known at run time only: compared with the same model of a
fixed length, whose steps are written out, and with ONNX Runtime where that can be had (see test_onnx_export.py)."""

import math
import shutil

import arrays
import harness
import onnx_models as onnx

RUNTIME = harness.ROOT / "benchmarks/node_modules/onnxruntime-node"
INT32 = 6
FEATURES, HIDDEN = 3, 2
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def numbers(count, seed):
    return [math.sin(seed + 1.7 * i) for i in range(count)]


def model(kind, length, *, directions=1, layout=0, lengths=False, initial=False, **attributes):
    """A layer of `kind` over x[time, batch, 3], or with layout 1 x[batch, time, 3]; `length` a number or a name."""
    batch, gates = 2, GATES[kind] * HIDDEN
    x = [batch, length, FEATURES] if layout else [length, batch, FEATURES]
    state = [batch, directions, HIDDEN] if layout else [directions, batch, HIDDEN]
    shapes = {"w": [directions, gates, FEATURES], "r": [directions, gates, HIDDEN], "b": [directions, 2 * gates]}
    weights = [onnx.tensor(name, shape, numbers(arrays.count(shape), seed))
               for seed, (name, shape) in enumerate(shapes.items())]
    inputs, operands = [onnx.value("x", x)], ["x", "w", "r", "b"]
    operands.append("lengths" if lengths else "")
    if lengths:
        inputs.append(onnx.value("lengths", [batch], INT32))
    if initial:
        inputs.append(onnx.value("h", state))
        operands.append("h")
    if directions == 2:
        attributes["direction"] = "bidirectional"
    y = [batch, length, directions, HIDDEN] if layout else [length, directions, batch, HIDDEN]
    outputs = {"y": y, "last": state, **({"cell": state} if kind == "LSTM" else {})}
    node = onnx.node(kind, operands, list(outputs), "layer", hidden_size=HIDDEN, layout=layout, **attributes)
    return onnx.model([node], inputs, [onnx.value(*item) for item in outputs.items()], weights)


def same(t, found, expected, what):
    for name in ("y", "last", "cell"):
        if not t.path(f"{expected}/{name}.npy").exists():
            continue
        (shape, values), (want_shape, wanted) = (arrays.read_npy(t.path(f"{f}/{name}.npy")) for f in (found, expected))
        t.equal(shape, want_shape, f"{what}: shape of {name}")
        worst = max(abs(a - b) for a, b in zip(values, wanted))
        t.expect(worst < 2e-6, f"{what}: {name} is off by {worst}")


def check(t, kind, lengths=(), **options):
    """As IR, and as the ONNX that this becomes again, both with a loop; as a text, whose steps are written out."""
    t.write("m.onnx", model(kind, "steps", lengths=bool(lengths), **options))
    t.asgc("convert", "m.onnx", "-o", "m.mlir")
    t.contains(t.path("m.mlir").read_text(), "asg.loop @infer.loop")
    t.asgc("convert", "m.mlir", "--weights", "m.safetensors", "-o", "again.onnx")
    directions, layout = options.get("directions", 1), options.get("layout", 0)
    for steps in (1, 4, 9):
        shape = (2, steps, FEATURES) if layout else (steps, 2, FEATURES)
        arrays.write_npy(t.path("x.npy"), "<f4", shape, numbers(arrays.count(shape), 5))
        words = ["x=x.npy"]
        if lengths:
            arrays.write_npy(t.path("lengths.npy"), "<i4", (2,), [min(steps, one) for one in lengths])
            words.append("lengths=lengths.npy")
        if options.get("initial"):
            state = (2, directions, HIDDEN) if layout else (directions, 2, HIDDEN)
            arrays.write_npy(t.path("h.npy"), "<f4", state, numbers(arrays.count(state), 9))
            words.append("h=h.npy")
        flags = [part for word in words for part in ("--input", word)]
        t.write("fixed.onnx", model(kind, steps, lengths=bool(lengths), **options))
        t.asgc("run", "fixed.onnx", *flags, "--output-dir", f"fixed.{steps}")
        t.asgc("run", "m.mlir", "--weights", "m.safetensors", *flags, "--poison", "--output-dir", f"loop.{steps}")
        same(t, f"loop.{steps}", f"fixed.{steps}", f"{kind} of {steps} steps")
        t.asgc("run", "again.onnx", *flags, "--output-dir", f"again.{steps}")
        same(t, f"again.{steps}", f"fixed.{steps}", f"{kind} of {steps} steps, back from ONNX")
        if RUNTIME.exists() and shutil.which("node") and not layout:  # which ONNX Runtime lacks
            for name in ("m", "again"):
                t.run("node", harness.ROOT / "test/e2e/run_ort.cjs", RUNTIME, f"{name}.onnx", f"ort.{steps}", *words)
                same(t, f"ort.{steps}", f"fixed.{steps}", f"{name} of {steps} steps in ONNX Runtime")


def test_lstm(t):
    check(t, "LSTM")


def test_lstm_from_the_end_with_lengths(t):
    check(t, "LSTM", lengths=(3, 9), direction="reverse")


def test_gru_both_ways_from_a_given_state(t):
    check(t, "GRU", directions=2, initial=True, linear_before_reset=1)


def test_gru_with_lengths(t):
    check(t, "GRU", lengths=(9, 2), linear_before_reset=0)


def test_rnn_with_the_batch_first(t):
    check(t, "RNN", layout=1, directions=2)


def test_operands_of_other_ranks_are_refused(t):
    x, state = onnx.value("x", [4, 2, FEATURES]), onnx.value("h", [2, HIDDEN])
    w, r = (onnx.tensor(name, [1, HIDDEN, n], numbers(HIDDEN * n, 1)) for name, n in (("w", FEATURES), ("r", HIDDEN)))
    b = onnx.tensor("b", [2 * HIDDEN], numbers(2 * HIDDEN, 2))
    for operands in (["x", "w", "r", "b"], ["x", "w", "r", "", "lengths"], ["x", "w", "r", "", "", "h"]):
        node = onnx.node("RNN", operands, ["y"], "layer", hidden_size=HIDDEN)
        t.write("m.onnx", onnx.model([node], [x, state, onnx.value("lengths", [2, 1], INT32)],
                                     [onnx.value("y", [4, 1, 2, HIDDEN])], [w, r, b]))
        t.contains(t.asgc("check", "m.onnx", code=1).err,
                   "node 'layer' (RNN): takes biases of rank 2, lengths of rank 1 and states of rank 3")


def test_many_steps_become_a_loop(t):
    steps = 300
    t.write("m.onnx", model("LSTM", steps))
    t.asgc("convert", "m.onnx", "-o", "m.mlir")
    t.contains(t.path("m.mlir").read_text(), "asg.loop @infer.loop")
    x = numbers(steps * 2 * FEATURES, 5)
    arrays.write_npy(t.path("x.npy"), "<f4", (steps, 2, FEATURES), x)
    t.asgc("run", "m.onnx", "--input", "x=x.npy", "--output-dir", "all")
    # Half of them are few enough to be written out; the rest cannot change what they give.
    whole = arrays.read_npy(t.path("all/y.npy"))[1]
    half = steps // 2
    t.write("half.onnx", model("LSTM", half))
    arrays.write_npy(t.path("x.npy"), "<f4", (half, 2, FEATURES), x[:half * 2 * FEATURES])
    t.asgc("run", "half.onnx", "--input", "x=x.npy", "--output-dir", "half")
    first = arrays.read_npy(t.path("half/y.npy"))[1]
    worst = max(abs(a - b) for a, b in zip(whole, first))
    t.expect(worst < 2e-6, f"the loop is off by {worst}")


def test_a_device_computes_the_steps_up_to_the_bound(t):
    t.write("m.onnx", model("GRU", "steps", linear_before_reset=1))
    t.asgc("convert", "m.onnx", "-o", "m.mlir")
    for steps in (2, 5):
        arrays.write_npy(t.path("x.npy"), "<f4", (steps, 2, FEATURES), numbers(steps * 2 * FEATURES, 5))
        for device in ("cpu", "vulkan"):
            t.asgc("run", "m.mlir", "--weights", "m.safetensors", "--device", device, "--input", "x=x.npy",
                   "--output-dir", f"{device}.{steps}")
        same(t, f"vulkan.{steps}", f"cpu.{steps}", f"{steps} steps on a device")


harness.main()
