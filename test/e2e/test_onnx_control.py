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


def run(t, data, cases, hasText=True):
    """`cases`: inputs (name -> (type, shape, values)) and the outputs they have (name -> (shape, values))."""
    t.write("m.onnx", data)
    t.asgc("convert", "m.onnx", "-o", "m.mlir")
    models = ["m.mlir", "m.onnx"]
    if hasText:
        t.asgc("convert", "m.onnx", "-o", "text.asg")
        models.append("text.asg")
    for index, (inputs, expected) in enumerate(cases):
        words = []
        for name, (dtype, shape, values) in inputs.items():
            arrays.write_npy(t.path(f"{name}.npy"), CODES[dtype], shape, values)
            words.append(f"{name}={name}.npy")
        flags = [part for word in words for part in ("--input", word)]
        # As IR and as a text the extents stay open; an ONNX model takes them from the inputs.
        for model in models:
            stored = model.rsplit(".")[0] + ".safetensors"
            weights = ["--weights", stored] if model != "m.onnx" and t.path(stored).exists() else []
            t.asgc("run", model, *flags, *weights, "--poison", "--output-dir", f"{model}.{index}")
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


def run_time(t, data, cases):
    """What only the data decide: as IR, as ONNX, and as the ONNX that this becomes again."""
    run(t, data, cases, hasText=False)
    t.contains(t.asgc("convert", "m.onnx", "-o", "m.asg", code=3).err, "the language has no words for: asg.loop")
    weights = ["--weights", "m.safetensors"] if t.path("m.safetensors").exists() else []
    t.asgc("convert", "m.mlir", *weights, "-o", "again.onnx")
    run(t, t.path("again.onnx").read_bytes(), cases, hasText=False)


WANTED = onnx.value("wanted", [], onnx.INT64)
TIMES = [onnx.node("Mul", ["s.in", "x"], ["product"]), onnx.node("Add", ["product", "i.as.float"], ["s.out"]),
         onnx.node("Cast", ["i"], ["i.as.float"], to=onnx.FLOAT)]


def repeated(count, x):
    s = [0.5, 0.5]
    for i in range(count):
        s = [a * b + i for a, b in zip(s, x)]
    return s


def test_a_loop_of_a_length_that_only_an_input_knows(t):
    body = [TIMES[2], *TIMES[:2], onnx.node("Identity", ["on"], ["on.out"])]
    data = loop(body, {"s": [2]}, {}, [onnx.value("x", [2]), WANTED], {"y": [2]}, [], ["wanted", "", "start"])
    x = [1.5, -0.5]
    run_time(t, data, [({"x": (onnx.FLOAT, (2,), x), "wanted": (onnx.INT64, (), [count])}, {"y": ((2,), repeated(count, x))})
                       for count in (0, 1, 2, 3, 6, -5)])


def test_a_loop_that_a_condition_ends(t):
    """No count at all; the condition may not hold at once; what the body does not change, it gives on."""
    body = [onnx.node("Add", ["s.in", "x"], ["s.out"]), onnx.node("Identity", ["kept.in"], ["kept.out"]),
            onnx.node("ReduceSum", ["s.out"], ["sum"], keepdims=0), onnx.node("Less", ["sum", "limit"], ["on.out"])]
    data = loop(body, {"s": [2], "kept": [2]}, {}, [onnx.value("x", [2]), onnx.value("limit", []), onnx.value("go", [], BOOL)],
                {"y": [2], "kept": [2]}, [], ["", "go", "start", "x"])
    cases = []
    for go, limit in ((True, 50.0), (True, -1.0), (False, 50.0)):
        total, goes = [0.5, 0.5], go
        while goes:
            total = [a + b for a, b in zip(total, (2.0, 1.5))]
            goes = sum(total) < limit
        cases.append(({"x": (onnx.FLOAT, (2,), [2.0, 1.5]), "limit": (onnx.FLOAT, (), [limit]), "go": (BOOL, (), [go])},
                      {"y": ((2,), total), "kept": ((2,), [2.0, 1.5])}))
    run_time(t, data, cases)


def test_a_loop_in_a_loop(t):
    """The inner one starts from a value of the outer body and sees the model's inputs."""
    inner = onnx.graph([onnx.node("Add", ["r.in", "x"], ["r.out"]), onnx.node("Identity", ["on2"], ["on2.out"])],
                       [onnx.value("j", [], onnx.INT64), onnx.value("on2", [], BOOL), onnx.value("r.in", [2])],
                       [onnx.value("on2.out", [], BOOL), onnx.value("r.out", [2])])
    body = [onnx.node("Add", ["i", "wanted"], ["many"]), onnx.node("Neg", ["s.in"], ["turned"]),
            onnx.node("Loop", ["many", "", "turned"], ["s.out"], "inner", body=inner), onnx.node("Identity", ["on"], ["on.out"])]
    data = loop(body, {"s": [2]}, {}, [onnx.value("x", [2]), WANTED], {"y": [2]}, [], ["wanted", "", "start"])
    cases = []
    for count in (0, 1, 3, 4):
        s = [0.5, 0.5]
        for i in range(count):
            s = [-one for one in s]
            for _ in range(i + count):
                s = [a + b for a, b in zip(s, (0.25, 2.0))]
        cases.append(({"x": (onnx.FLOAT, (2,), [0.25, 2.0]), "wanted": (onnx.INT64, (), [count])}, {"y": ((2,), s)}))
    run_time(t, data, cases)


def test_weights_in_a_loop(t):
    """A product with a weight that the body and the model read, over an extent of run time."""
    weight = [0.5 if (row + column) % 3 else -0.25 for row in range(9) for column in range(9)]
    body = onnx.graph([onnx.node("MatMul", ["s.in", "w"], ["s.out"]), onnx.node("Identity", ["on"], ["on.out"])],
                      [onnx.value("i", [], onnx.INT64), onnx.value("on", [], BOOL), onnx.value("s.in", ["n", 9])],
                      [onnx.value("on.out", [], BOOL), onnx.value("s.out", ["n", 9])])
    data = onnx.model([onnx.node("MatMul", ["x", "w"], ["first"]), onnx.node("Loop", ["wanted", "", "first"], ["y"], body=body)],
                      [onnx.value("x", ["n", 9]), WANTED], [onnx.value("y", ["n", 9])], [onnx.tensor("w", [9, 9], weight)])
    cases = []
    for rows_, count in ((1, 0), (2, 1), (5, 4)):
        x = [float(i % 4) for i in range(rows_ * 9)]
        y = x
        for _ in range(count + 1):
            y = [sum(y[row * 9 + k] * weight[k * 9 + column] for k in range(9)) for row in range(rows_) for column in range(9)]
        cases.append(({"x": (onnx.FLOAT, (rows_, 9), x), "wanted": (onnx.INT64, (), [count])}, {"y": ((rows_, 9), y)}))
    run_time(t, data, cases)


def test_a_branch_of_much_work_is_chosen(t):
    """Products in a branch make it a graph of its own; it runs on devices too, where both are computed."""
    weight = [1.0, 2.0, -1.0, 0.5]
    then = onnx.graph([onnx.node("MatMul", ["x", "w"], ["y"])], [], [onnx.value("y", ["n", 2])])
    other = onnx.graph([onnx.node("Add", ["x", "x"], ["y"])], [], [onnx.value("y", ["n", 2])])
    data = onnx.model([onnx.node("If", ["go"], ["y"], then_branch=then, else_branch=other)], [X, onnx.value("go", [], BOOL)],
                      [onnx.value("y", ["n", 2])], [onnx.tensor("w", [2, 2], weight)])
    cases = []
    for count, go in ((2, True), (3, False)):
        y = [row[0] * weight[j] + row[1] * weight[2 + j] if go else 2 * row[j] for row in ROWS[:count] for j in range(2)]
        cases.append(({**rows(count), "go": (BOOL, (), [go])}, {"y": ((count, 2), y)}))
    run(t, data, cases)
    t.contains(t.asgc("compile", "m.onnx", "--emit", "asg", "-o", "-").out, "asg.if")
    for index, (inputs, expected) in enumerate(cases):
        arrays.write_npy(t.path("x.npy"), "<f4", *inputs["x"][1:])
        arrays.write_npy(t.path("go.npy"), "|b1", *inputs["go"][1:])
        t.asgc("run", "m.onnx", "--device", "vulkan", "--input", "x=x.npy", "--input", "go=go.npy", "--output-dir", f"gpu.{index}")
        agree(t, f"gpu.{index}", expected, f"Vulkan, case {index}")


def test_a_dim_that_a_later_node_bounds_is_bounded_in_a_body_too(t):
    then = onnx.graph([onnx.node("MatMul", ["x", "w"], ["y"])], [], [onnx.value("y", ["n", 2])])
    other = onnx.graph([onnx.node("Add", ["x", "x"], ["y"])], [], [onnx.value("y", ["n", 2])])
    table = [float(i) for i in range(12)]
    data = onnx.model([onnx.node("If", ["go"], ["y"], then_branch=then, else_branch=other), *EXTENT[:1],
                       onnx.node("Slice", ["shape", "nought", "one", "nought"], ["count"]),
                       onnx.node("Slice", ["table", "nought", "count", "nought"], ["places"]), onnx.node("Add", ["y", "places"], ["z"])],
                      [X, onnx.value("go", [], BOOL)], [onnx.value("z", ["n", 2])],
                      [onnx.tensor("w", [2, 2], [1.0, 2.0, -1.0, 0.5]), onnx.tensor("table", [6, 2], table),
                       onnx.tensor("nought", [1], [0], onnx.INT64), onnx.tensor("one", [1], [1], onnx.INT64)])
    run(t, data, [({**rows(count), "go": (BOOL, (), [False])},
                   {"z": ((count, 2), [2 * x + place for x, place in zip(sum(ROWS[:count], []), table)])}) for count in (1, 5)])
    t.contains(t.path("m.mlir").read_text(), "dims = {n = 6}")


def test_a_loop_of_run_time_has_no_code_for_devices(t):
    data = loop([*SUM[:1], onnx.node("Add", ["s.in", "row"], ["s.out"]), SUM[2]], {"s": [2]}, {}, [X, WANTED], {"y": [2]}, [],
                ["wanted", "", "start"])
    t.write("m.onnx", data)
    said = t.asgc("compile", "m.onnx", "--target", "vulkan", "-o", "out", code=3).err
    t.contains(said, "how often a loop runs is decided at run time, which the Vulkan backend does not compute")
    t.equal(t.path("out").exists(), False, "nothing is left behind")


def calls(depth):
    """Graphs of which each calls the one before it four times, and with it 4 ** depth ops."""
    port = '%x: tensor<2xf32> {asg.name = "x"}, %c: tensor<i1> {asg.name = "c"}'
    head = '(PORT) -> (tensor<2xf32> {asg.name = "y"}) {\n'.replace("PORT", port)
    text = f"asg.graph private @f0{head}  %y = asg.exp %x : tensor<2xf32>\n  asg.return %y : tensor<2xf32>\n}}\n"
    for i in range(1, depth + 1):
        call = f"asg.if %c then @f{i - 1} else @f{i - 1} "
        kind = ": (tensor<i1>, tensor<2xf32>, tensor<i1>) -> tensor<2xf32>\n"
        name = "@infer" if i == depth else f"private @f{i}"
        text += f"asg.graph {name}{head}  %z = {call}(%x, %c) {kind}  %y = {call}(%z, %c) {kind}  asg.return %y : tensor<2xf32>\n}}\n"
    return text


def test_graphs_that_call_each_other_without_measure_are_refused(t):
    t.write("wide.mlir", calls(30))
    t.contains(t.asgc("convert", "wide.mlir", "-o", "wide.asg", code=1).err, "makes more than 1000000 ops of its branches")
    t.contains(t.asgc("convert", "wide.mlir", "-o", "wide.onnx", code=3).err, "graphs that call each other so often")
    t.contains(t.asgc("compile", "wide.mlir", "--target", "vulkan", "-o", "out", code=1).err, "makes more than 1000000 ops")
    t.asgc("check", "wide.mlir")
    t.asgc("compile", "wide.mlir", "-o", "out")
    t.write("deep.mlir", calls(100))
    t.contains(t.asgc("check", "deep.mlir", code=1).err, "below which graphs call each other more than 64 deep")


def test_a_scan_without_what_it_carries_is_refused(t):
    """Of few steps, of many, and of as many as run time says."""
    nodes = [onnx.node("Identity", ["s"], ["s2"]), onnx.node("Identity", ["xi"], ["yo"])]
    for length in (3, 300, "n"):
        for state, outputs, said in (("h", [], "its body has too few outputs"), ("", ["s2", "yo"], "a state is left out")):
            body = onnx.graph(nodes, [onnx.value(name, [2]) for name in ("s", "xi")], [onnx.value(name, [2]) for name in outputs])
            scan = onnx.node("Scan", [state, "x"], ["last", "y"], "scan", num_scan_inputs=1, body=body)
            t.write("m.onnx", onnx.model([scan], [onnx.value("h", [2]), onnx.value("x", [length, 2])],
                                         [onnx.value("last", [2]), onnx.value("y", [length, 2])]))
            t.contains(t.asgc("check", "m.onnx", code=1).err, f"asgc: m.onnx: node 'scan' (Scan): {said}", f"{length}")


def test_what_no_program_can_hold_is_refused(t):
    grown = [onnx.node("Concat", ["s.in", "s.in"], ["s.out"], axis=0), onnx.node("Identity", ["on"], ["on.out"])]
    cases = {
        "a loop without an end": (
            loop(SUM, {"s": [2]}, {}, [X], {"y": [2]}, [], ["", "", "start"]), "it would never end"),
        "a value that grows without a maximum": (
            loop(grown, {"s": [2]}, {}, [X, WANTED], {"y": [2]}, [], ["wanted", "", "start"]),
            "carried value 0 is f32[2] before and f32[4] after a step; that is possible only where the number of steps is known"),
        "rows without an extent": (
            loop([*SUM, onnx.node("Neg", ["row"], ["part"])], {"s": [2]}, {"part": [2]}, [X, WANTED], {"y": [2], "z": ["m", 2]},
                 [onnx.node("Min", ["three", "wanted"], ["count"])], ["count", "", "start"]),
            "scanned outputs need a known trip count, or one that is an extent"),
        "a value that grows": (
            loop(grown, {"s": [2]}, {}, [X, onnx.value("go", [], BOOL)], {"y": [2]}, [], ["three", "go", "start"]),
            "a carried value is f32[2] before and f32[4] after a step that may not be taken"),
        "two counts": (
            loop(SUM, {"s": [2]}, {}, [X], {"y": [2]}, [onnx.node("Shape", ["x"], ["both"])], ["both", "", "start"]),
            "the trip count is i64[2], not one number"),
    }
    for name, (data, said) in cases.items():
        t.write("m.onnx", data)
        code = 1 if name in ("two counts", "a loop without an end") else 3
        t.contains(t.asgc("check", "m.onnx", code=code).err, f"asgc: m.onnx: node 'loop' (Loop): {said}", name)


harness.main()
