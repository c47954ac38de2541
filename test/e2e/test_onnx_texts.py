#!/usr/bin/env python3
"""What texts of ONNX models read like, where exporters write in many ops what a
person writes in a word; each is run against the model that it was made of."""

import math

import arrays
import harness
import onnx_models as onnx


def convert(t, nodes, inputs, outputs, weights=(), opset=17):
    """The text's body, after the text and the model were found to agree on 1, 2, 3 …"""
    t.write("m.onnx", onnx.model(nodes, [onnx.value(*one) for one in inputs], [onnx.value(*one) for one in outputs], weights, opset))
    t.asgc("convert", "m.onnx", "-o", "m.asg")
    command = []
    for name, shape, *dtype in inputs:
        extents = [3 if isinstance(extent, str) else extent for extent in shape]
        numbers = [(i % 7) - 1 if not dtype else i % 3 for i in range(arrays.count(extents))]
        arrays.write_npy(t.path(f"{name}.npy"), "<i8" if dtype else "<f4", extents, numbers)
        command += ["--input", f"{name}={name}.npy"]
    weights = ["--weights", "m.safetensors"] if t.path("m.safetensors").exists() else []
    t.asgc("run", "m.onnx", *command, "--output-dir", "a", "--ordinal")
    t.asgc("run", "m.asg", *weights, *command, "--output-dir", "b", "--ordinal")
    for i in range(len(outputs)):
        (shape, a), (other, b) = (arrays.read_npy(t.path(f"{folder}/out{i}.npy")) for folder in "ab")
        t.equal(other, shape, f"shape of output {i}")
        t.expect(all(abs(x - y) < 1e-5 for x, y in zip(a, b, strict=True)), f"output {i}: {b} is not {a}")
    return t.path("m.asg").read_text()


def vector(name, *values):
    return onnx.tensor(name, [len(values)], values, onnx.INT64)


def scalar(name, value):
    return onnx.tensor(name, [], [value], onnx.INT64)


def fraction(count):
    return [((7 * i) % 11 - 5) / 8 for i in range(count)]


def test_one_place_is_indexed(t):
    text = convert(t, [onnx.node("Gather", ["x", "two"], ["y"], axis=1), onnx.node("Gather", ["x", "last"], ["z"], axis=0)],
                   [("x", ["n", 4])], [("y", ["n"]), ("z", [4])], [scalar("two", 2), scalar("last", -1)])
    t.contains(text, "return x[:, 2], x[-1]")


def test_parts_of_parts_and_shapes_of_shapes_are_one(t):
    text = convert(t, [onnx.node("Slice", ["x", "one", "far", "zero"], ["a"]), onnx.node("Slice", ["a", "one", "far", "one"], ["y"]),
                       onnx.node("Unsqueeze", ["x", "one"], ["b"]), onnx.node("Unsqueeze", ["b", "two"], ["z"]),
                       onnx.node("Squeeze", ["z", "both"], ["w"])],
                   [("x", [4, 6])], [("y", [3, 5]), ("z", [4, 1, 1, 6]), ("w", [4, 6])],
                   [vector("zero", 0), vector("one", 1), vector("two", 2), vector("both", 1, 2), vector("far", (1 << 63) - 1)])
    t.contains(text, "return x[1:, 1:], x[:, none, none], x\n")


def test_a_mean_over_places_needs_no_squeeze(t):
    text = convert(t, [onnx.node("GlobalAveragePool", ["x"], ["m"]), onnx.node("Flatten", ["m"], ["y"])],
                   [("x", ["n", 2, 3, 3])], [("y", ["n", 2])])
    t.contains(text, "return mean(x, axis = [2, 3])")


def test_whole_numbers_in_order_are_counted(t):
    positions = onnx.tensor("positions", [1, 5], range(5), onnx.INT64)
    text = convert(t, [onnx.node("Gather", ["table.weight", "positions"], ["p"]), onnx.node("Add", ["x", "p"], ["y"])],
                   [("x", ["n", 5, 2])], [("y", ["n", 5, 2])], [positions, onnx.tensor("table.weight", [7, 2], fraction(14))])
    t.contains(text, "iota(5)[none] |> table: embedding(7, 2)")


def test_places_in_a_sequence_are_not_wrapped(t):
    # Positions as BERT looks them up: a table of them, cut to the length of the sequence.
    positions = onnx.tensor("positions", [1, 8], range(8), onnx.INT64)
    text = convert(t, [onnx.node("Shape", ["x"], ["shape"]), onnx.node("Slice", ["shape", "one", "two"], ["n"]),
                       onnx.node("Slice", ["positions", "zero", "n", "one"], ["part"]),
                       onnx.node("Gather", ["table.weight", "part"], ["p"]), onnx.node("Add", ["x", "p"], ["y"])],
                   [("x", ["b", "n", 2])], [("y", ["b", "n", 2])],
                   [positions, onnx.tensor("table.weight", [8, 2], fraction(16)), vector("zero", 0), vector("one", 1), vector("two", 2)])
    t.contains(text, "iota(n)[none] |> table: embedding(8, 2)")
    t.contains(text, "n <= 8")


def test_parts_without_elements_are_left_out(t):
    text = convert(t, [onnx.node("Concat", ["none", "x"], ["y"], axis=0)], [("x", ["n", 2])], [("y", ["n", 2])],
                   [onnx.tensor("none", [0, 2], [])])
    t.contains(text, "return x\n")


def test_one_table_serves_several_shapes(t):
    values = [3, 1, 4, 1, 5]
    constants = [onnx.node("Constant", [], [name], value=onnx.Tensor(onnx.tensor("", shape, values)))
                 for name, shape in (("row", [1, 5]), ("column", [5, 1]))]
    text = convert(t, [*constants, onnx.node("Mul", ["x", "row"], ["a"]), onnx.node("Mul", ["a", "column"], ["y"])],
                   [("x", [5, 5])], [("y", [5, 5])])
    t.equal(text.count("const "), 1, "tables")


def test_a_number_that_is_repeated_is_written_once(t):
    zeros = onnx.Tensor(onnx.tensor("", [10, 10], [2.5] * 100))
    text = convert(t, [onnx.node("Constant", [], ["c"], value=zeros), onnx.node("Mul", ["x", "c"], ["y"])],
                   [("x", [10, 10])], [("y", [10, 10])])
    t.contains(text, "return x * 2.5")


def test_masks_of_triangles_are_causal_attention(t):
    # As GPT-2 is exported: the mask is a table, cut to the length of the sequence.
    def nodes(mask):
        heads = [onnx.node("Reshape", [name, "split"], [f"{name}s"]) for name in "qkv"]
        heads += [onnx.node("Transpose", [f"{name}s"], [f"{name}h"], perm=[0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]) for name in "qkv"]
        return [*heads, onnx.node("MatMul", ["qh", "kh"], ["likeness"]), onnx.node("Mul", ["likeness", "scale"], ["scaled"]), *mask,
                onnx.node("Softmax", ["masked"], ["shares"], axis=-1), onnx.node("MatMul", ["shares", "vh"], ["mixed"]),
                onnx.node("Transpose", ["mixed"], ["moved"], perm=[0, 2, 1, 3]), onnx.node("Reshape", ["moved", "joined"], ["y"])]

    lower = [float(row >= column) for row in range(8) for column in range(8)]
    cut = [onnx.node("Shape", ["q"], ["shape"]), onnx.node("Slice", ["shape", "one", "two"], ["n"]),
           onnx.node("Slice", ["mask", "zero", "n", "two"], ["rows"]), onnx.node("Slice", ["rows", "zero", "n", "three"], ["part"]),
           onnx.node("Equal", ["part", "nothing"], ["isHidden"]), onnx.node("Where", ["isHidden", "never", "scaled"], ["masked"])]
    added = [onnx.node("Add", ["scaled", "mask"], ["masked"])]
    hidden = float("-inf")
    compared = [onnx.node("GreaterOrEqual", ["down", "across"], ["isSeen"]), onnx.node("Where", ["isSeen", "scaled", "never"], ["masked"])]
    large = [float(row >= column) for row in range(150) for column in range(150)]
    cases = ((cut, onnx.tensor("mask", [1, 1, 150, 150], large), 4, hidden), (compared, onnx.tensor("unused", [1], [0]), 12, hidden), (cut, onnx.tensor("mask", [1, 1, 8, 8], lower), "n", hidden), (cut, onnx.tensor("mask", [1, 1, 8, 8], lower), 5, -3.4e38),
             (added, onnx.tensor("mask", [3, 3], [0.0 if row >= column else hidden for row in range(3) for column in range(3)]), 3, 0.0))
    for mask, table, n, never in cases:
        text = convert(t, nodes(mask), [(name, ["b", n, 8]) for name in "qkv"], [("y", ["b", n, 8])],
                       [table, onnx.tensor("down", [12, 1], range(12), onnx.INT64), vector("across", *range(12)), onnx.tensor("scale", [], [0.5]), onnx.tensor("nothing", [], [0.0]), onnx.tensor("never", [], [never]),
                        vector("split", 0, 0, 2, 4), vector("joined", 0, 0, 8), *(vector(name, i) for i, name in
                                                                              enumerate(("zero", "one", "two", "three")))])
        t.contains(text, "causal = true")
        t.expect("mask" not in text and "state" not in text, "the mask is still there", text)


def test_a_triangle_of_other_numbers_is_a_table(t):
    lower = [float(row >= column) for row in range(3) for column in range(3)]
    for table in (lower[:-1] + [2.0], lower[:3] + [0.0] + lower[4:], [1 - v if i else 1 for i, v in enumerate(lower)]):
        text = convert(t, [onnx.node("Add", ["x", "mask"], ["y"])], [("x", [1, 3, 3])], [("y", [1, 3, 3])],
                       [onnx.tensor("mask", [1, 3, 3], table)])
        t.expect("iota" not in text, "not a triangle", text)


def test_large_weights_that_look_like_masks_are_weights(t):
    for place in (1, 151, 150 * 150 - 2):
        table = [float(row >= column) for row in range(150) for column in range(150)]
        table[place] += 0.5
        text = convert(t, [onnx.node("Add", ["x", "mask"], ["y"])], [("x", [1, 150, 150])], [("y", [1, 150, 150])],
                       [onnx.tensor("mask", [1, 150, 150], table)])
        t.contains(text, "param mask: f32[1, 150, 150]")


def test_transposed_convolutions_are_layers(t):
    for n in (4, "n"):
        text = convert(t, [onnx.node("ConvTranspose", ["x", "up.weight", "up.bias"], ["y"], kernel_shape=[4, 4], strides=[2, 2],
                                     pads=[1, 1, 1, 1], name="/up/ConvTranspose")],
                       [("x", ["b", 2, n, 3])], [("y", ["b", 3, "h", "w"])],
                       [onnx.tensor("up.weight", [2, 3, 4, 4], fraction(96)), onnx.tensor("up.bias", [3], [1, 2, 3])])
        t.contains(text, "x |> up: conv_transpose2d(3, kernel = 4, stride = 2, padding = 1)")
    text = convert(t, [onnx.node("ConvTranspose", ["x", "up.weight"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1],
                                 output_padding=[1, 1])],
                   [("x", ["b", 2, 4, 3])], [("y", ["b", 3, "h", "w"])], [onnx.tensor("up.weight", [2, 3, 3, 3], fraction(54))])
    for part in ("up: conv_transpose2d(3, kernel = 3, stride = 2, padding = 1", "output_padding = 1", "bias = false"):
        t.contains(text, part)


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def packed(kind, prefix, features, hidden=2, directions=1, bias=True):
    """Weights as ONNX packs them, no two alike."""
    rows = GATES[kind] * hidden
    shapes = {"w": [directions, rows, features], "r": [directions, rows, hidden], **({"b": [directions, 2 * rows]} if bias else {})}
    return [onnx.tensor(prefix + name, shape, [math.sin(7 * i + 1.7 * k) for k in range(arrays.count(shape))])
            for i, (name, shape) in enumerate(shapes.items())]


def layer(kind, x, outputs, prefix="", bias=True, **attributes):
    """A node over x[time, batch, features] that starts from zeros, as PyTorch exports it."""
    states = ["zeros"] * (2 if kind == "LSTM" else 1)
    if kind == "GRU":
        attributes.setdefault("linear_before_reset", 1)
    return onnx.node(kind, [x, prefix + "w", prefix + "r", prefix + "b" if bias else "", "", *states], outputs, hidden_size=2, **attributes)


def zeros(directions=1, batch=3):
    return onnx.tensor("zeros", [directions, batch, 2], [0.0] * (2 * batch * directions))


def swapped(x, y):
    return onnx.node("Transpose", [x], [y], perm=[1, 0, 2])


def test_an_lstm_of_two_layers_and_directions_is_one_word(t):
    nodes = [swapped("x", "xt")]
    for i, x in enumerate(("xt", "y0")):
        nodes += [layer("LSTM", x, [f"s{i}"], str(i), direction="bidirectional", name=f"/encoder/LSTM{'_1' * i}"),
                  onnx.node("Transpose", [f"s{i}"], [f"t{i}"], perm=[0, 2, 1, 3]),
                  onnx.node("Reshape", [f"t{i}", "joined"], [f"y{i}"])]
    nodes += [swapped("y1", "y"), onnx.node("Gemm", ["last", "head.weight", "head.bias"], ["z"], transB=1)]
    nodes.insert(-1, onnx.node("Gather", ["y", "end"], ["last"], axis=1))
    text = convert(t, nodes, [("x", [3, 5, 4])], [("z", [3, 2])],
                   [*packed("LSTM", "0", 4, directions=2), *packed("LSTM", "1", 4, directions=2), zeros(2),
                    vector("joined", 0, 0, -1), scalar("end", -1), onnx.tensor("head.weight", [2, 4], fraction(8)),
                    onnx.tensor("head.bias", [2], [1, 2])], opset=14)
    t.equal(text, """use nn

model m(x: f32[3, 5, 4]) -> z: f32[3, 2] {
  return (x |> encoder: lstm(2, layers = 2, bidirectional = true))[:, 4] |> head: linear(2)
}
""", "text")
    names = [f"encoder.{part}_l{i}{end}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") for i in (0, 1)
             for end in ("", "_reverse")]
    t.equal(sorted(arrays.read_safetensors(t.path("m.safetensors"))), sorted(names + ["head.bias", "head.weight"]), "weights")


def test_recurrent_layers_are_words(t):
    def text(kind, *, batch="b", bias=True, **attributes):
        start = [] if batch == 3 else [onnx.node("Shape", ["x"], ["shape"]), onnx.node("Slice", ["shape", "zero", "one"], ["n"]),
                                       onnx.node("Concat", ["one", "n", "two"], ["dims"], axis=0),
                                       onnx.node("ConstantOfShape", ["dims"], ["zeros"])]
        nodes = [*start, swapped("x", "xt"), layer(kind, "xt", ["s"], bias=bias, **attributes),
                 onnx.node("Squeeze", ["s", "one"], ["u"]), swapped("u", "y")]
        return convert(t, nodes, [("x", [batch, 4, 3])], [("y", [batch, 4, 2])],
                       [*packed(kind, "", 3, bias=bias), *([zeros()] if batch == 3 else []), vector("zero", 0), vector("one", 1),
                        vector("two", 2)], opset=14)

    t.contains(text("LSTM"), "return x |> lstm(2)\n")
    t.contains(text("LSTM", batch=3, bias=False), "return x |> lstm(2, bias = false)\n")
    t.contains(text("GRU", name="/rnn/GRU"), "return x |> rnn: gru(2)\n")
    t.contains(text("RNN", batch=3), "return x |> rnn(2)\n")
    t.contains(text("RNN", activations=["Relu"]), "return x |> rnn(2, activation = relu)\n")
    t.contains(text("LSTM", activations=["Sigmoid", "Tanh", "Tanh"]), "return x |> lstm(2)\n")
    # What the blocks do not do stays in many words.
    for kind, attributes in (("LSTM", {"clip": 0.5}), ("LSTM", {"input_forget": 1}), ("GRU", {"linear_before_reset": 0}),
                             ("RNN", {"activations": ["Sigmoid"]}), ("LSTM", {"activations": ["Sigmoid", "Tanh", "Relu"]}),
                             ("RNN", {"direction": "reverse"})):
        found = text(kind, **attributes)
        t.expect(f"{kind.lower()}(" not in found, f"{kind} with {attributes} is no block", found)


def test_time_may_come_first_and_states_last(t):
    weights = [*packed("LSTM", "", 3), zeros()]
    text = convert(t, [layer("LSTM", "x", ["y", "h"])], [("x", [4, 3, 3])], [("y", [4, 1, 3, 2]), ("h", [1, 3, 2])], weights)
    for part in ("y = transpose(x, 0, 1) |> lstm(2)", "y[:, -1][none]"):
        t.contains(text, part)
    text = convert(t, [layer("LSTM", "x", ["", "h", "c"])], [("x", [4, 3, 3])], [("h", [1, 3, 2]), ("c", [1, 3, 2])], weights)
    for part in ("y = transpose(x, 0, 1) |> lstm_states(2)", "return y[1][0][none], y[2][0][none]"):
        t.contains(text, part)
    both = [*packed("LSTM", "", 3, directions=2), zeros(2)]
    text = convert(t, [layer("LSTM", "x", ["y", "h"], direction="bidirectional")], [("x", [4, 3, 3])],
                   [("y", [4, 2, 3, 2]), ("h", [2, 3, 2])], both)
    for part in ("|> lstm(2, bidirectional = true)", "y[:, -1, :2]", "y[:, 0, 2:]"):
        t.contains(text, part)
    # As PyTorch gives the last state of the last layer; and the lower ones are wanted, too.
    two = [*packed("GRU", "0", 3), *packed("GRU", "1", 2), zeros(), vector("one", 1), scalar("end", -1)]
    nodes = [layer("GRU", "x", ["s", "h0"], "0"), onnx.node("Squeeze", ["s", "one"], ["u"]), layer("GRU", "u", ["", "h1"], "1"),
             onnx.node("Concat", ["h0", "h1"], ["h"], axis=0), onnx.node("Gather", ["h", "end"], ["last"], axis=0)]
    text = convert(t, nodes, [("x", [4, 3, 3])], [("last", [3, 2])], two)
    t.contains(text, "return (transpose(x, 0, 1) |> gru(2, layers = 2))[:, -1]\n")
    text = convert(t, nodes, [("x", [4, 3, 3])], [("h", [2, 3, 2])], two)
    t.expect("layers" not in text and "gru_1: gru(2)" in text, "the lower state is lost", text)


def test_layers_that_share_weights_or_start_elsewhere_are_no_blocks(t):
    nodes = [layer("RNN", "x", ["s"]), layer("RNN", "y", ["t"])]
    text = convert(t, nodes, [("x", [4, 3, 3]), ("y", [4, 3, 3])], [("s", [4, 1, 3, 2]), ("t", [4, 1, 3, 2])],
                   [*packed("RNN", "", 3), zeros()])
    t.expect("rnn(" not in text, "two layers share their weights", text)
    node = onnx.node("RNN", ["x", "w", "r", "b", "", "h"], ["y"], hidden_size=2)
    text = convert(t, [node], [("x", [4, 3, 3]), ("h", [1, 3, 2])], [("y", [4, 1, 3, 2])], packed("RNN", "", 3))
    t.expect("rnn(" not in text, "the layer starts from h", text)


def test_batch_norm_before_opset_14_trains_if_it_has_more_results(t):
    t.write("m.onnx", onnx.model(
        [onnx.node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y", "m1", "v1", "m2", "v2"], momentum=0.75, epsilon=0.0)],
        [onnx.value("x", [4, 1])], [onnx.value(name, [1]) for name in ("y", "m1", "v1", "m2", "v2")],
        [onnx.tensor(name, [1], [value]) for name, value in (("g", 3), ("b", 1), ("m", 8), ("v", 2))], opset=12))
    arrays.write_npy(t.path("x.npy"), "<f4", (4, 1), [1, 3, 5, 7])
    t.asgc("run", "m.onnx", "--input", "x.npy", "--output-dir", "out")
    deviation = 5 ** 0.5
    expected = {"y": [3 * (x - 4) / deviation + 1 for x in (1, 3, 5, 7)], "m1": [0.75 * 8 + 0.25 * 4], "v1": [0.75 * 2 + 0.25 * 5],
                "m2": [4], "v2": [5]}
    for name, values in expected.items():
        _, found = arrays.read_npy(t.path(f"out/{name}.npy"))
        t.expect(all(abs(a - e) < 1e-5 for a, e in zip(found, values, strict=True)), f"{name}: {found} is not {values}")


harness.main()
