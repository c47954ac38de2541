#!/usr/bin/env python3
"""ONNX's Attention and RotaryEmbedding, which Debian's ONNX is too old to have tests of: each case is compared with
the formula written out in loops here, and with ONNX Runtime where that can be had (see test_onnx_export.py)."""

import itertools
import math
import random
import shutil
import struct

import arrays
import harness
import onnx_models as onnx

RUNTIME = harness.ROOT / "benchmarks/node_modules/onnxruntime-node"
BOOL = 9
BATCH = 2


def numbers(count, seed):
    draw = random.Random(seed)
    return [single(draw.uniform(-1.5, 1.5)) for _ in range(count)]


def single(number):
    """The nearest f32: what the files hold."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def places(*extents):
    return itertools.product(*map(range, extents))


class Array:
    """A shape, and a number at each place."""

    def __init__(self, shape, values=None, dtype="<f4"):
        self.shape, self.dtype = tuple(shape), dtype
        self.values = list(values) if values is not None else [0.0] * arrays.count(shape)

    def __getitem__(self, place):
        """Axes of extent 1 are repeated, and axes in front may be left out: numpy's broadcasting."""
        place = place[len(place) - len(self.shape):]
        offset = 0
        for extent, at in zip(self.shape, place):
            offset = offset * extent + (0 if extent == 1 else at)
        return self.values[offset]


def drawn(seed, *shape):
    return Array(shape, numbers(arrays.count(shape), seed))


def split(x, heads):
    """[batch, seq, heads * depth] -> [batch, heads, seq, depth]"""
    batch, seq, width = x.shape
    depth = width // heads
    return Array((batch, heads, seq, depth),
                 [x[b, s, h * depth + d] for b, h, s, d in places(batch, heads, seq, depth)])


def joined(past, x):
    before = past.shape[2]
    shape = (*x.shape[:2], before + x.shape[2], x.shape[3])
    return Array(shape, [past[b, h, s, d] if s < before else x[b, h, s - before, d] for b, h, s, d in places(*shape)])


def attention(q, k, v, attn_mask=None, past_key=None, past_value=None, q_num_heads=None, kv_num_heads=None, scale=None,
              softcap=0.0, is_causal=0, qk_matmul_output_mode=0, softmax_precision=1):
    """Y, present_key, present_value and qk_matmul_output, query by query."""
    is_flat = len(q.shape) == 3
    if is_flat:
        q, k, v = split(q, q_num_heads), split(k, kv_num_heads), split(v, kv_num_heads)
    before = past_key.shape[2] if past_key else 0
    if past_key:
        k, v = joined(past_key, k), joined(past_value, v)
    batch, heads, seq, depth = q.shape
    shared = heads // k.shape[1]
    scale = 1 / math.sqrt(depth) if scale is None else scale
    result, scores = [], []
    for b, h, i in places(batch, heads, seq):
        raw = [scale * sum(q[b, h, i, d] * k[b, h // shared, j, d] for d in range(depth)) for j in range(k.shape[2])]
        capped = [softcap * math.tanh(x / softcap) for x in raw] if softcap else raw
        masked = []
        for j, x in enumerate(capped):
            if attn_mask and attn_mask.dtype == "|b1":
                x = x if attn_mask[b, h, i, j] else -math.inf
            elif attn_mask:
                x += attn_mask[b, h, i, j]
            masked.append(x if not is_causal or j <= i + before else -math.inf)
        largest = max(masked)
        powers = [math.exp(x - largest) for x in masked]
        weights = [x / sum(powers) for x in powers]
        scores += (raw, capped, masked, weights)[qk_matmul_output_mode]
        result.append([sum(w * v[b, h // shared, j, d] for j, w in enumerate(weights)) for d in range(v.shape[3])])
    width = v.shape[3]
    y = Array((batch, heads, seq, width), sum(result, []))
    if is_flat:
        y = Array((batch, seq, heads * width), [y[b, h, i, d] for b, i, h, d in places(batch, seq, heads, width)])
    return y, k, v, Array((batch, heads, seq, k.shape[2]), scores)


def rotary(x, cos, sin, position_ids=None, interleaved=0, num_heads=0, rotary_embedding_dim=0):
    is_flat = len(x.shape) == 3
    heads = split(x, num_heads) if is_flat else x
    batch, count, seq, depth = heads.shape
    turned = rotary_embedding_dim or depth
    values = {}
    for b, h, s in places(batch, count, seq):
        at = (position_ids[b, s],) if position_ids else (b, s)
        for i in range(turned // 2):
            one, two = (2 * i, 2 * i + 1) if interleaved else (i, i + turned // 2)
            # A complex number, times one of absolute value 1.
            product = complex(heads[b, h, s, one], heads[b, h, s, two]) * complex(cos[(*at, i)], sin[(*at, i)])
            values[b, h, s, one], values[b, h, s, two] = product.real, product.imag
        for i in range(turned, depth):
            values[b, h, s, i] = heads[b, h, s, i]
    if is_flat:
        return [Array(x.shape, [values[b, h, s, d] for b, s, h, d in places(batch, seq, count, depth)])]
    return [Array(x.shape, [values[place] for place in places(*x.shape)])]


OUTPUTS = ("y", "present_key", "present_value", "qk")


def model(op, operands, outputs, attributes, shapes, narrow=None):
    """One node; `shapes` are those of the operands where extents have names. With `narrow`, a type of ONNX, floats are
    of it inside the model."""
    kinds = {"<f4": onnx.FLOAT, "<i8": onnx.INT64, "|b1": BOOL}
    # What is left out is called "".
    names = [name if value else "" for name, value in operands.items()]
    results = [name if name in outputs else "" for name in OUTPUTS]
    while not results[-1]:
        results.pop()
    inputs = [onnx.value(name, shapes.get(name, value.shape), kinds[value.dtype])
              for name, value in operands.items() if value]
    nodes = [onnx.node(op, names, results, "node", **attributes)]
    if narrow:
        floats = [name for name, value in operands.items() if value and value.dtype == "<f4"]
        inside = [f"{name}.narrow" if name in floats else name for name in names]
        nodes = [*(onnx.node("Cast", [name], [f"{name}.narrow"], to=narrow) for name in floats),
                 onnx.node(op, inside, [name and f"{name}.narrow" for name in results], "node", **attributes),
                 *(onnx.node("Cast", [f"{name}.narrow"], [name], to=onnx.FLOAT) for name in results if name)]
    return onnx.model(nodes, inputs, [onnx.value(name, value.shape) for name, value in outputs.items()],
                      opset=23)


def agree(t, name, folder, outputs, by, tolerance=2e-5):
    for output, expected in outputs.items():
        shape, values = arrays.read_npy(t.path(f"{folder}/{output}.npy"))
        t.equal(tuple(shape), expected.shape, f"{name}: shape of {output} of {by}")
        worst = max((0 if a == e else abs(a - e) for a, e in zip(values, expected.values, strict=True)), default=0)
        t.expect(worst <= tolerance, f"{name}: {output} of {by} differs by {worst}")


def write_inputs(t, name, operands):
    for operand, value in operands.items():
        if value:
            arrays.write_npy(t.path(f"{name}.{operand}.npy"), value.dtype, value.shape, value.values)
    return [f"{operand}={name}.{operand}.npy" for operand, value in operands.items() if value]


def run(t, name, op, operands, outputs, attributes, shapes={}):
    t.write(f"{name}.onnx", model(op, operands, outputs, attributes, shapes))
    inputs = write_inputs(t, name, operands)
    flags = [word for one in inputs for word in ("--input", one)]
    t.asgc("run", f"{name}.onnx", *flags, "--output-dir", f"{name}.out")
    agree(t, name, f"{name}.out", outputs, "asgc")
    # Text conversion, and what the text computes.
    t.asgc("convert", f"{name}.onnx", "-o", f"{name}.asg")
    t.asgc("run", f"{name}.asg", *flags, "--output-dir", f"{name}.text")
    agree(t, name, f"{name}.text", outputs, "the text")
    if RUNTIME.exists() and shutil.which("node"):
        t.run("node", harness.ROOT / "test/e2e/run_ort.cjs", RUNTIME, f"{name}.onnx", f"{name}.ort", *inputs)
        agree(t, name, f"{name}.ort", outputs, "ONNX Runtime")


def qkv(heads=4, kv_heads=4, seq=3, keys=5, depth=6, width=6, flat=False):
    if flat:
        return {"q": drawn("q", BATCH, seq, heads * depth), "k": drawn("k", BATCH, keys, kv_heads * depth),
                "v": drawn("v", BATCH, keys, kv_heads * width)}
    return {"q": drawn("q", BATCH, heads, seq, depth), "k": drawn("k", BATCH, kv_heads, keys, depth),
            "v": drawn("v", BATCH, kv_heads, keys, width)}


def bools(seed, *shape):
    """About half true, and every query may look somewhere."""
    draw = random.Random(seed)
    values = [draw.random() < 0.5 for _ in range(arrays.count(shape))]
    values[::shape[-1]] = [True] * len(values[::shape[-1]])
    return Array(shape, values, "|b1")


def past(kv_heads=4, before=4, depth=6, width=6):
    return {"past_key": drawn("pk", BATCH, kv_heads, before, depth), "past_value": drawn("pv", BATCH, kv_heads, before, width)}


FLAT = {"q_num_heads": 4, "kv_num_heads": 4}
GROUPED = {"q_num_heads": 4, "kv_num_heads": 2}
# name: (operands, attributes)
CASES = {
    "plain": (qkv(), {}),
    "flat": (qkv(flat=True), FLAT),
    "depths": (qkv(width=7), {"scale": 0.7}),
    "depths_flat": (qkv(width=7, flat=True), FLAT),
    "causal": (qkv(seq=5), {"is_causal": 1}),
    "causal_flat": (qkv(seq=5, flat=True), {**FLAT, "is_causal": 1}),
    "grouped": (qkv(kv_heads=2), {}),
    "grouped_flat": (qkv(kv_heads=2, flat=True, width=7), {**GROUPED, "is_causal": 1}),
    "one_head_of_keys": (qkv(kv_heads=1, seq=5), {"is_causal": 1}),
    "numbers": ({**qkv(), "attn_mask": drawn("m", 3, 5)}, {}),
    "numbers_of_heads": ({**qkv(kv_heads=2), "attn_mask": drawn("m", 1, 4, 3, 5)}, {"softcap": 0.5}),
    "bools": ({**qkv(flat=True), "attn_mask": bools("m", 3, 5)}, FLAT),
    "bools_of_batches": ({**qkv(seq=5), "attn_mask": bools("m", BATCH, 1, 5, 5)}, {"is_causal": 1}),
    "capped": ({**qkv(), "attn_mask": bools("m", 3, 5)}, {"softcap": 2.0, "softmax_precision": 1}),
    "past": ({**qkv(seq=2, keys=2), "attn_mask": None, **past()}, {"is_causal": 1}),
    "past_flat": ({**qkv(seq=2, keys=2, kv_heads=2, flat=True), "attn_mask": drawn("m", 2, 6), **past(kv_heads=2)}, GROUPED),
}


TEXT = """use nn

model bools(q: f32[2, 3, 24], k: f32[2, 5, 24], v: f32[2, 5, 24], attn_mask: bool[3, 5])
    -> y: f32[2, 3, 24] {
  return flatten(attention(reshape(q, 2, 3, 4, 6), reshape(k, 2, 5, 4, 6), reshape(v, 2, 5, 4, 6),
              mask = attn_mask), 2)
}
"""


def results(operands, attributes, wanted):
    all_four = attention(*operands.values(), **attributes)
    return {name: all_four[index] for index, name in enumerate(OUTPUTS) if name in wanted}


def test_attention(t):
    for name, (operands, attributes) in CASES.items():
        wanted = ("y", "present_key", "present_value") if "past_key" in operands else ("y",)
        run(t, name, "Attention", operands, results(operands, attributes, wanted), attributes)
    t.equal(t.path("bools.asg").read_text(), TEXT, "text")


def test_extents_may_be_known_at_run_time_only(t):
    for name, attributes in (("past", {"is_causal": 1}), ("past_flat", {**GROUPED, "is_causal": 1})):
        operands = dict(CASES[name][0], attn_mask=None)
        shapes = {key: ["batch", *value.shape[1:]] for key, value in operands.items() if value}
        for key, axis, extent in (("q", -2, "seq"), ("k", -2, "seq"), ("v", -2, "seq"), ("past_key", 2, "past"),
                                  ("past_value", 2, "past")):
            shapes[key][axis] = extent
        run(t, name, "Attention", operands, results(operands, attributes, OUTPUTS[:3]), attributes, shapes)


def test_scores_are_given_at_each_stage(t):
    operands = {**qkv(seq=5, kv_heads=2), "attn_mask": drawn("m", 5, 5)}
    for mode in range(4):
        attributes = {"qk_matmul_output_mode": mode, "softcap": 0.8, "scale": 0.9}
        run(t, f"mode{mode}", "Attention", operands, results(operands, attributes, ("y", "qk")), attributes)


ANGLES = [single(0.3 * i - 1) for i in range(64)]


def tables(*shape):
    angles = ANGLES[:arrays.count(shape)]
    return {"cos_cache": Array(shape, [single(math.cos(a)) for a in angles]),
            "sin_cache": Array(shape, [single(math.sin(a)) for a in angles])}


IDS = Array((BATCH, 3), [0, 4, 2, 7, 1, 1], "<i8")
ROTARY = {
    "turned": ({"x": drawn("x", BATCH, 4, 3, 8), **tables(8, 4), "position_ids": IDS}, {}),
    "interleaved": ({"x": drawn("x", BATCH, 4, 3, 8), **tables(8, 4), "position_ids": IDS}, {"interleaved": 1}),
    "in_order": ({"x": drawn("x", BATCH, 4, 3, 8), **tables(BATCH, 3, 4)}, {}),
    "flat": ({"x": drawn("x", BATCH, 3, 32), **tables(8, 4), "position_ids": IDS}, {"num_heads": 4}),
    "partly": ({"x": drawn("x", BATCH, 4, 3, 8), **tables(8, 2), "position_ids": IDS},
               {"rotary_embedding_dim": 4, "num_heads": 4}),
    "partly_flat": ({"x": drawn("x", BATCH, 3, 32), **tables(BATCH, 3, 3)},
                    {"rotary_embedding_dim": 6, "num_heads": 4, "interleaved": 1}),
}


def test_rotary_embedding(t):
    for name, (operands, attributes) in ROTARY.items():
        expected = rotary(*operands.values(), **attributes)
        run(t, name, "RotaryEmbedding", operands, {"y": expected[0]}, attributes)


# name: (operator, operands, attributes, what the error says)
BAD = {
    "no values": ("Attention", {**qkv(), "v": None}, {}, "V is missing"),
    "mixed ranks": ("Attention", {**qkv(), "k": drawn("k", BATCH, 5, 24)}, {}, "K is f32[2, 5, 24], but Q, K and V have three axes each, or four each"),
    "no count of heads": ("Attention", qkv(flat=True), {"q_num_heads": 4}, "operands of three axes need the attribute 'kv_num_heads'"),
    "heads that do not divide": ("Attention", qkv(flat=True), {"q_num_heads": 5, "kv_num_heads": 4}, "Q is f32[2, 3, 24], whose 24 features do not divide into 5 heads"),
    "no heads": ("Attention", qkv(flat=True), {"q_num_heads": 0, "kv_num_heads": 4}, "do not divide into 0 heads"),
    "heads that cannot be shared": ("Attention", qkv(heads=4, kv_heads=3), {}, "4 heads of queries cannot share 3 of keys"),
    "other depths": ("Attention", {**qkv(), "k": drawn("k", BATCH, 4, 5, 7)}, {}, "queries f32[2, 4, 3, 6], keys f32[2, 4, 5, 7]"),
    "half a past": ("Attention", {**qkv(), "attn_mask": None, "past_key": past()["past_key"]}, {}, "past_key and past_value go together"),
    "another past": ("Attention", {**qkv(), "attn_mask": None, **past(kv_heads=3)}, {}, "past_key is f32[2, 3, 4, 6], expected f32[2, 4, 4, 6]"),
    "a past of another rank": ("Attention", {**qkv(), "attn_mask": None, **past(), "past_value": drawn("v", 3)}, {}, "past_value is f32[3], expected f32[2, 4, 5, 6]"),
    "a mask that does not fit": ("Attention", {**qkv(), "attn_mask": drawn("m", 3, 4)}, {}, "do not broadcast"),
    "a mask that is larger": ("Attention", {**qkv(), "attn_mask": drawn("m", 2, BATCH, 4, 3, 5)}, {}, "attn_mask is f32[2, 2, 4, 3, 5], which does not broadcast to the scores, f32[2, 4, 3, 5]"),
    "an unknown mode": ("Attention", qkv(), {"qk_matmul_output_mode": 4}, "qk_matmul_output_mode is 4, not from 0 to 3"),
    "a precision of integers": ("Attention", qkv(), {"softmax_precision": 7}, "softmax_precision is no type of floats"),
    "two axes": ("RotaryEmbedding", {"x": drawn("x", 3, 8), **tables(8, 4)}, {}, "X is f32[3, 8], expected 3 or 4 axes"),
    "no heads to turn": ("RotaryEmbedding", {"x": drawn("x", BATCH, 3, 32), **tables(BATCH, 3, 4)}, {}, "do not divide into 0 heads"),
    "an odd number of features": ("RotaryEmbedding", {"x": drawn("x", BATCH, 4, 3, 8), **tables(BATCH, 3, 4)}, {"rotary_embedding_dim": 3}, "3 of 8 features cannot be turned in pairs"),
    "more features than there are": ("RotaryEmbedding", {"x": drawn("x", BATCH, 4, 3, 8), **tables(BATCH, 3, 4)}, {"rotary_embedding_dim": 10}, "10 of 8 features"),
    "tables of places without places": ("RotaryEmbedding", {"x": drawn("x", BATCH, 4, 3, 8), **tables(8, 4)}, {}, "cos_cache is f32[8, 4], expected 3 axes, the last of 4"),
    "tables of other places": ("RotaryEmbedding", {"x": drawn("x", BATCH, 4, 3, 8), **tables(BATCH, 5, 4)}, {}, "do not broadcast"),
    "more rows than the batch": ("RotaryEmbedding", {"x": drawn("x", 1, 4, 3, 8), **tables(BATCH, 3, 4)}, {}, "the tables are for f32[2, 4, 3, 4], X is f32[1, 4, 3, 8]"),
    "places without a batch": ("RotaryEmbedding", {"x": drawn("x", BATCH, 4, 3, 8), **tables(8, 4), "position_ids": Array((3,), [0, 1, 2], "<i8")}, {}, "position_ids is i64[3], expected [batch, places]"),
}


def test_wrong_operands_are_refused(t):
    for name, (op, operands, attributes, said) in BAD.items():
        t.write("m.onnx", model(op, operands, {"y": Array((1,))}, attributes, {}))
        error = t.asgc("check", "m.onnx", code=1).err
        t.contains(error, f"asgc: m.onnx: node 'node' ({op}): ", name)
        t.contains(error, said, name)


# bits of the type's fractions: what rounding of scores up to 4, weights and sums may lose
NARROW = {"f16": (10, 2.0**-8), "bf16": (16, 2.0**-5)}


def test_narrow_floats(t):
    """The scores of "large" overflow f16 unless they are scaled early."""
    large = {key: Array(x.shape, [single(60 * value) for value in x.values]) for key, x in qkv(depth=128).items()}
    cases = {**{name: CASES[name] for name in ("grouped_flat", "past", "bools", "numbers_of_heads")},
             "large": ({**large, "v": qkv()["v"]}, {"scale": 2.0**-12})}
    for (kind, (number, tolerance)), (name, (operands, attributes)) in itertools.product(NARROW.items(), cases.items()):
        outputs = results(operands, attributes, ("y",))
        t.write("m.onnx", model("Attention", operands, outputs, attributes, {}, number))
        flags = [word for one in write_inputs(t, name, operands) for word in ("--input", one)]
        t.asgc("run", "m.onnx", *flags, "--output-dir", "out")
        agree(t, f"{name} of {kind}", "out", outputs, "asgc", tolerance)


def test_vulkan(t):
    for op, name, (operands, attributes) in (
            *(("Attention", name, CASES[name]) for name in ("grouped_flat", "past_flat", "bools_of_batches")),
            ("RotaryEmbedding", "turned", ROTARY["turned"])):
        outputs = results(operands, attributes, ("y",)) if op == "Attention" else {"y": rotary(*operands.values(), **attributes)[0]}
        t.write("m.onnx", model(op, operands, outputs, attributes, {}))
        flags = [word for one in write_inputs(t, name, operands) for word in ("--input", one)]
        t.asgc("run", "m.onnx", "--device", "vulkan", *flags, "--output-dir", "out")
        agree(t, name, "out", outputs, "Vulkan")


harness.main()
