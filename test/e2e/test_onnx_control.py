#!/usr/bin/env python3
"""Loops, scans, running sums and branches of ONNX whose counts, extents and conditions are known at run time only,
compared with the same in Python, and with ONNX Runtime where that can be had (see test_onnx_export.py)."""

import shutil

import arrays
import harness
import onnx_models as onnx

RUNTIME = harness.ROOT / "benchmarks/node_modules/onnxruntime-node"
BOOL = 9
CODES = {onnx.FLOAT: "<f4", onnx.INT64: "<i8", BOOL: "|b1"}
ROWS = [[1.0, 2.0], [-3.0, 0.5], [0.25, 4.0], [2.0, -1.0], [1.5, 1.0]]


def number(name, value, dtype=onnx.INT64):
    return onnx.tensor(name, [], [value], dtype)


def agree(t, folder, expected, what):
    for name, (shape, values) in expected.items():
        found_shape, found = arrays.read_npy(t.path(f"{folder}/{name}.npy"))
        t.equal((list(found_shape), list(found)), (list(shape), list(values)), f"{what}: {name}")


def run(t, data, cases):
    """`cases`: inputs (name -> (type, shape, values)) and the outputs they have (name -> (shape, values))."""
    t.write("m.onnx", data)
    t.asgc("convert", "m.onnx", "-o", "m.mlir")
    t.asgc("convert", "m.onnx", "-o", "m.asg")
    for index, (inputs, expected) in enumerate(cases):
        words = []
        for name, (dtype, shape, values) in inputs.items():
            arrays.write_npy(t.path(f"{name}.npy"), CODES[dtype], shape, values)
            words.append(f"{name}={name}.npy")
        flags = [part for word in words for part in ("--input", word)]
        # As IR and as a text the extents stay open; an ONNX model takes them from the inputs.
        for model in ("m.mlir", "m.asg", "m.onnx"):
            t.asgc("run", model, *flags, "--output-dir", f"{model}.{index}")
            agree(t, f"{model}.{index}", expected, f"{model}, case {index}")
        if RUNTIME.exists() and shutil.which("node"):
            t.run("node", harness.ROOT / "test/e2e/run_ort.cjs", RUNTIME, "m.onnx", f"ort.{index}", *words)
            agree(t, f"ort.{index}", expected, f"ONNX Runtime, case {index}")


def rows(count):
    return {"x": (onnx.FLOAT, (count, 2), sum(ROWS[:count], []))}


def running_sums(count):
    sums = [[0.5, 0.5]]
    for row in ROWS[:count]:
        sums.append([a + b for a, b in zip(sums[-1], row)])
    return sums[1:]


# A vector of halves that is no parameter.
START = [onnx.node("ConstantOfShape", ["two"], ["zeros"]), onnx.node("Add", ["zeros", "half"], ["start"])]
WEIGHTS = [onnx.tensor("two", [1], [2], onnx.INT64), number("half", 0.5, onnx.FLOAT)]


def loop(body_nodes, carried, scans, inputs, outputs, before, names):
    """A model of a Loop whose operands the nodes `before` compute and `names` list; the body's values are typed."""
    body = onnx.graph(body_nodes, [onnx.value("i", [], onnx.INT64), onnx.value("on", [], BOOL),
                                   *(onnx.value(f"{name}.in", shape) for name, shape in carried.items())],
                      [onnx.value("on.out", [], BOOL), *(onnx.value(f"{name}.out", shape) for name, shape in carried.items()),
                       *(onnx.value(name, shape) for name, shape in scans.items())])
    nodes = [*START, *before, onnx.node("Loop", names, list(outputs), "loop", body=body)]
    weights = [number("zero", 0), number("three", 3), *WEIGHTS]
    return onnx.model(nodes, inputs, [onnx.value(name, shape) for name, shape in outputs.items()], weights)


SUM = [onnx.node("Gather", ["x", "i"], ["row"], axis=0), onnx.node("Add", ["s.in", "row"], ["s.out"]),
       onnx.node("Identity", ["on"], ["on.out"])]
EXTENT = [onnx.node("Shape", ["x"], ["shape"]), onnx.node("Gather", ["shape", "zero"], ["n"], axis=0)]
X = onnx.value("x", ["n", 2])


def test_a_loop_over_an_extent_leaves_as_many_rows(t):
    data = loop([*SUM, onnx.node("Mul", ["s.out", "row"], ["part"])], {"s": [2]}, {"part": [2]}, [X],
                {"total": [2], "parts": ["n", 2]}, EXTENT, ["n", "", "start"])
    cases = []
    for count in (1, 2, 5):
        sums = running_sums(count)
        parts = [a * b for one, row in zip(sums, ROWS) for a, b in zip(one, row)]
        cases.append((rows(count), {"total": ((2,), sums[-1]), "parts": ((count, 2), parts)}))
    run(t, data, cases)


def test_a_loop_with_a_maximum_and_a_condition(t):
    """At most three steps, and none after one with a sum above `limit`: Min bounds a count that an input gives."""
    body = [*SUM[:2], onnx.node("ReduceSum", ["s.out"], ["sum"], keepdims=0), onnx.node("Less", ["sum", "limit"], ["on.out"])]
    data = loop(body, {"s": [2]}, {}, [X, onnx.value("wanted", [], onnx.INT64), onnx.value("limit", []), onnx.value("go", [], BOOL)],
                {"total": [2]}, [onnx.node("Min", ["three", "wanted"], ["count"])], ["count", "go", "start"])
    cases = []
    for wanted, limit, go in ((0, 9.0, True), (2, 9.0, True), (99, 99.0, True), (3, 1.0, True), (-4, 9.0, True), (3, 9.0, False)):
        total = [0.5, 0.5]
        goes = go
        for i in range(min(3, wanted)):
            if not goes:
                break
            total = [a + b for a, b in zip(total, ROWS[i])]
            goes = sum(total) < limit
        inputs = {**rows(5), "wanted": (onnx.INT64, (), [wanted]), "limit": (onnx.FLOAT, (), [limit]), "go": (BOOL, (), [go])}
        cases.append((inputs, {"total": ((2,), total)}))
    run(t, data, cases)


def test_a_scan_of_a_length_known_at_run_time(t):
    """Backwards through one operand, forwards through the other, and the results of one output in reverse."""
    body = onnx.graph([onnx.node("Add", ["s.in", "a"], ["s.out"]), onnx.node("Mul", ["s.out", "b"], ["part"]),
                       onnx.node("Identity", ["s.out"], ["copy"])],
                      [onnx.value(name, [2]) for name in ("s.in", "a", "b")],
                      [onnx.value(name, [2]) for name in ("s.out", "part", "copy")])
    data = onnx.model([*START, onnx.node("Scan", ["start", "x", "x"], ["total", "parts", "copies"], "scan", num_scan_inputs=2,
                                 scan_input_directions=[1, 0], scan_output_directions=[0, 1], scan_output_axes=[0, 1],
                                 body=body)],
                      [X], [onnx.value("total", [2]), onnx.value("parts", ["n", 2]), onnx.value("copies", [2, "n"])],
                      WEIGHTS)
    cases = []
    for count in (1, 3, 5):
        state, states = [0.5, 0.5], []
        for i in range(count):
            state = [a + b for a, b in zip(state, ROWS[count - 1 - i])]
            states.append(state)
        parts = [a * b for one, row in zip(states, ROWS) for a, b in zip(one, row)]
        copies = [one[axis] for axis in range(2) for one in reversed(states)]
        cases.append((rows(count), {"total": ((2,), state), "parts": ((count, 2), parts), "copies": ((2, count), copies)}))
    run(t, data, cases)


def test_running_sums_of_an_extent_known_at_run_time(t):
    data = onnx.model([onnx.node("CumSum", ["x", "zero"], ["sums"]),
                       onnx.node("CumSum", ["x", "zero"], ["before"], exclusive=1),
                       onnx.node("CumSum", ["x", "zero"], ["after"], exclusive=1, reverse=1)],
                      [X], [onnx.value(name, ["n", 2]) for name in ("sums", "before", "after")], [number("zero", 0)])
    cases = []
    for count in (1, 2, 5):
        table = ROWS[:count]
        sums = [[sum(row[axis] for row in table[:i]) for axis in range(2)] for i in range(count + 1)]
        after = [[sum(row[axis] for row in table[i + 1:]) for axis in range(2)] for i in range(count)]
        cases.append((rows(count), {name: ((count, 2), sum(values, [])) for name, values in
                                    (("sums", sums[1:]), ("before", sums[:-1]), ("after", after))}))
    run(t, data, cases)


def test_a_branch_by_a_condition_known_at_run_time(t):
    then = onnx.graph([onnx.node("Neg", ["x"], ["y"])], [], [onnx.value("y", ["n", 2])])
    other = onnx.graph([onnx.node("Add", ["x", "x"], ["y"])], [], [onnx.value("y", ["n", 2])])
    data = onnx.model([onnx.node("If", ["go"], ["y"], then_branch=then, else_branch=other)], [X, onnx.value("go", [], BOOL)],
                      [onnx.value("y", ["n", 2])])
    run(t, data, [({**rows(count), "go": (BOOL, (), [go])},
                   {"y": ((count, 2), [(-x if go else 2 * x) for x in sum(ROWS[:count], [])])})
                  for count, go in ((2, True), (3, False))])


def test_what_has_no_maximum_is_refused(t):
    wanted = onnx.value("wanted", [], onnx.INT64)
    grown = [onnx.node("Concat", ["s.in", "s.in"], ["s.out"], axis=0), onnx.node("Identity", ["on"], ["on.out"])]
    cases = {
        "a count without a maximum": (
            loop(SUM, {"s": [2]}, {}, [X, wanted], {"y": [2]}, [], ["wanted", "", "start"]),
            "the trip count must be known when the model is compiled, or a maximum of it: by run-time dims, or by Min"),
        "rows without an extent": (
            loop([*SUM, onnx.node("Neg", ["row"], ["part"])], {"s": [2]}, {"part": [2]}, [X, wanted], {"y": [2], "z": ["m", 2]},
                 [onnx.node("Min", ["three", "wanted"], ["count"])], ["count", "", "start"]),
            "scanned outputs need a known trip count, or one that is an extent"),
        "a value that grows": (
            loop(grown, {"s": [2]}, {}, [X], {"y": [2]}, EXTENT, ["n", "", "start"]),
            "a carried value is f32[4] before and f32[8] after a step that may not be taken"),
        "two counts": (
            loop(SUM, {"s": [2]}, {}, [X], {"y": [2]}, [onnx.node("Shape", ["x"], ["both"])], ["both", "", "start"]),
            "the trip count is i64[2], not one number"),
    }
    for name, (data, said) in cases.items():
        t.write("m.onnx", data)
        code = 1 if name == "two counts" else 3
        t.contains(t.asgc("check", "m.onnx", code=code).err, f"asgc: m.onnx: node 'loop' (Loop): {said}", name)


harness.main()
