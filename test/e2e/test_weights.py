#!/usr/bin/env python3
"""Weights of other systems: PyTorch checkpoints, sharded safetensors, GGUF, and names that a map changes. Files are
written with the standard library, and by PyTorch itself where python3-torch is installed."""

import io
import json
import math
import random
import struct
import subprocess
import zipfile

import arrays
import checkpoints as files
import gguf_blocks
import harness
import models

TORCH = "/usr/bin/python3"


def has_torch():
    found = subprocess.run([TORCH, "-c", "import torch"], capture_output=True).returncode == 0
    if not found:
        print("left out: PyTorch (python3-torch is not installed)")
    return found


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def converted(t, path, *options):
    t.asgc("convert", path, *options, "-o", "converted.safetensors")
    return arrays.read_safetensors(t.path("converted.safetensors"))


def setup(t):
    t.write("tiny.asg", models.TINY)
    arrays.write_npy(t.path("x.npy"), "<f4", (1, 3), [1.0, 2.0, 3.0])


WEIGHT, BIAS = models.TINY_WEIGHTS["fc.weight"][1], models.TINY_WEIGHTS["fc.bias"][1]


def tiny_state(prefix=""):
    """(pickled entries of a state dict, storages) of the model tiny; the weight is stored as its transpose."""
    columns = [WEIGHT[3 * row + column] for column in range(3) for row in range(2)]
    entries = [(prefix + "fc.weight", files.tensor(files.storage("FloatStorage", "0", 6), [2, 3], [1, 2])),
               (prefix + "fc.bias", files.tensor(files.storage("FloatStorage", "1", 4), [2], [1], first=1))]
    return entries, {"0": floats(*columns), "1": floats(9.0, *BIAS, 9.0)}


def legacy(storages):
    return {key: (len(data) // 4, data) for key, data in storages.items()}


def runs(t, *weights):
    """Whether the model computes what its true weights give."""
    t.asgc("run", "tiny.asg", "--weights", *weights, "--input", "x.npy", "--output-dir", "out")
    values = arrays.read_npy(t.path("out/output.npy"))[1]
    expected = models.tiny([[1.0, 2.0, 3.0]])[0]
    t.expect(all(abs(a - e) < 1e-6 for a, e in zip(values, expected, strict=True)), f"{weights}: {values}, not {expected}")


def test_checkpoints_of_both_kinds_run(t):
    setup(t)
    entries, storages = tiny_state()
    t.write("w.pt", files.torch_zip(files.dict_of(entries), storages))
    t.write("w.pth", files.torch_legacy(files.dict_of(entries), legacy(storages)))
    t.write("packed.pt", files.torch_zip(files.dict_of(entries), storages, compression=zipfile.ZIP_DEFLATED))
    for name in ("w.pt", "w.pth", "packed.pt"):
        runs(t, name)
        t.asgc("check", name)
        tensors = converted(t, name)
        t.equal(tensors["fc.weight"][0], [2, 3], "shape")
        t.expect(all(abs(a - e) < 1e-7 for a, e in zip(tensors["fc.weight"][1], WEIGHT, strict=True)), "values")


def test_state_dicts_inside_checkpoints_are_found(t):
    setup(t)
    entries, storages = tiny_state()
    state = files.dict_of(entries)
    optimizer = files.dict_of([("lr", b"G" + bytes(8)), ("momentum", files.dict_of([entries[0]]))])
    for key in ("state_dict", "model_state_dict", "model"):
        root = files.dict_of([("epoch", b"K\x07"), ("optimizer", optimizer), (key, state)])
        t.write("w.pt", files.torch_zip(root, storages))
        runs(t, "w.pt")
    # Elsewhere, names are the keys on the way, which a map can shorten.
    t.write("w.pt", files.torch_zip(files.dict_of([("net", state), ("optimizer", optimizer)]), storages))
    t.equal(sorted(converted(t, "w.pt")), ["net.fc.bias", "net.fc.weight", "optimizer.momentum.fc.weight"], "names")
    t.write("net.map", "# of our trainer\nnet.* = *\noptimizer.* = -\n")
    runs(t, "w.pt", "--map", "net.map")
    # DataParallel's prefix, and a counter that nobody reads.
    entries, storages = tiny_state("module.")
    counter = ("module.bn.num_batches_tracked", files.tensor(files.storage("LongStorage", "2", 1), [], []))
    t.write("w.pt", files.torch_zip(files.dict_of([*entries, counter]), {**storages, "2": bytes(8)}))
    t.write("module.map", "module.* = *\n")
    runs(t, "w.pt", "--map", "module.map")


def test_every_type_of_pytorch_becomes_one_of_ours(t):
    half = struct.pack("<3e", 0.5, -2.0, 65504.0)
    brain = struct.pack("<3H", 0x3F80, 0xC000, 0x0001)
    cases = {
        "f64": ("DoubleStorage", None, struct.pack("<2d", 0.1, -3.0)),
        "f16": ("HalfStorage", None, half), "bf16": ("BFloat16Storage", None, brain),
        "i64": ("LongStorage", None, struct.pack("<2q", -(1 << 62) - 1, 7)), "i8": ("CharStorage", None, b"\x80\x7f"),
        "i32": ("IntStorage", None, struct.pack("<i", -5)), "bool": ("BoolStorage", None, b"\x00\x01"),
        "u8": ("ByteStorage", None, b"\x00\xff"), "i16": ("ShortStorage", None, struct.pack("<2h", -32768, 32767)),
        "u16": ("UntypedStorage", "uint16", b"\xff\xff"), "u32": ("UntypedStorage", "uint32", b"\xff" * 4),
    }
    sizes = {"DoubleStorage": 8, "LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "HalfStorage": 2, "BFloat16Storage": 2}
    width = {"uint16": 2, "uint32": 4}
    entries, storages = [], {}
    for name, (kind, dtype, data) in cases.items():
        size = width.get(dtype, sizes.get(kind, 1))
        elements = len(data) if dtype else len(data) // size
        entries.append((name, files.tensor(files.storage(kind, name, elements), [len(data) // size], [1], dtype=dtype)))
        storages[name] = data
    t.write("w.pt", files.torch_zip(files.dict_of(entries), storages))
    t.asgc("convert", "w.pt", "-o", "w.safetensors")
    found = read_bytes(t.path("w.safetensors"))
    same = {"f64": "F64", "f16": "F16", "bf16": "BF16", "i64": "I64", "i8": "I8", "i32": "I32", "bool": "BOOL"}
    for name, dtype in same.items():
        t.equal(found[name], (dtype, cases[name][2]), name)
    # What nothing here computes with is widened.
    t.equal(found["u8"], ("I32", struct.pack("<2i", 0, 255)), "u8")
    t.equal(found["i16"], ("I32", struct.pack("<2i", -32768, 32767)), "i16")
    t.equal(found["u16"], ("I32", struct.pack("<i", 65535)), "u16")
    t.equal(found["u32"], ("I64", struct.pack("<q", 0xFFFFFFFF)), "u32")


def read_bytes(path):
    """name -> (type, bytes) of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return {name: (info["dtype"], data[8 + length + info["data_offsets"][0] : 8 + length + info["data_offsets"][1]])
            for name, info in header.items()}


def float8(code, fraction, bias, fnuz=False):
    """The number that a byte stands for, from the definitions of the formats."""
    sign, exponent = -1.0 if code & 128 else 1.0, (code & 127) >> fraction
    mantissa = (code & ((1 << fraction) - 1)) / (1 << fraction)
    if fnuz and code == 128:
        return math.nan
    if not fnuz and fraction == 3 and code & 127 == 127:
        return math.nan
    if not fnuz and fraction == 2 and exponent == 31:
        return math.nan if mantissa else sign * math.inf
    return sign * (2.0 ** (exponent - bias) * (1 + mantissa) if exponent else 2.0 ** (1 - bias) * mantissa)


def test_floats_of_eight_bits_are_widened(t):
    codes = bytes(range(256))
    t.write("w.safetensors", files.safetensors({"e4m3": ("F8_E4M3", [256], codes), "e5m2": ("F8_E5M2", [256], codes),
                                                "e8m0": ("F8_E8M0", [256], codes)}))
    dtypes = {"e4m3": "float8_e4m3fn", "e5m2": "float8_e5m2", "e4m3fnuz": "float8_e4m3fnuz", "e5m2fnuz": "float8_e5m2fnuz"}
    entries = [(name, files.tensor(files.storage("UntypedStorage", name, 256), [256], [1], dtype=dtype))
               for name, dtype in dtypes.items()]
    t.write("w.pt", files.torch_zip(files.dict_of(entries), {name: codes for name in dtypes}))
    expected = {"e4m3": [float8(c, 3, 7) for c in codes], "e5m2": [float8(c, 2, 15) for c in codes],
                "e4m3fnuz": [float8(c, 3, 8, True) for c in codes], "e5m2fnuz": [float8(c, 2, 16, True) for c in codes],
                "e8m0": [2.0 ** (c - 127) for c in range(255)] + [math.nan]}
    for path in ("w.safetensors", "w.pt"):
        for name, (_, values) in converted(t, path).items():
            bits = [struct.pack("<f", v) if v == v else b"nan" for v in values]
            wanted = [struct.pack("<f", v) if v == v else b"nan" for v in expected[name]]
            t.equal(bits, wanted, f"{path}: {name}")


def test_shards_with_an_index(t):
    setup(t)
    t.write("model-1.safetensors", files.safetensors({"fc.weight": ("F32", [2, 3], floats(*WEIGHT))}))
    t.write("model-2.safetensors", files.safetensors({"fc.bias": ("F32", [2], floats(*BIAS))}))
    index = {"metadata": {"total_size": 32},
             "weight_map": {"fc.weight": "model-1.safetensors", "fc.bias": "model-2.safetensors"}}
    t.write("model.safetensors.index.json", json.dumps(index))
    runs(t, "model.safetensors.index.json")
    t.asgc("check", "model.safetensors.index.json")
    faults = {
        "../model-1.safetensors": "expected the name of a file beside the index",
        "/etc/model.safetensors": "expected the name of a file beside the index",
        "model-2.safetensors": "has no tensor",
        "notes.txt": "is called like no file of weights",
    }
    for shard, part in faults.items():
        index["weight_map"]["fc.weight"] = shard
        t.write("bad.safetensors.index.json", json.dumps(index))
        error = t.asgc("check", "bad.safetensors.index.json", code=1).err
        t.contains(error, "bad.safetensors.index.json: ")
        t.contains(error, part)
    del index["weight_map"]["fc.weight"]
    index["weight_map"]["fc.bias"] = "model-1.safetensors"
    t.write("bad.safetensors.index.json", json.dumps(index))
    t.contains(t.asgc("check", "bad.safetensors.index.json", code=1).err, '"fc.weight" of "model-1.safetensors" is missing in the index')
    t.write("bad.index.json", '{"weight_map": {"a": "m.safetensors", "a": "n.safetensors"}}')
    t.contains(t.asgc("check", "bad.index.json", code=1).err, "(offset ")
    index["weight_map"]["fc.bias"] = "none.safetensors"
    t.write("bad.index.json", json.dumps(index))
    t.contains(t.asgc("check", "bad.index.json", code=4).err, "none.safetensors")
    with open(t.path("long.index.json"), "wb") as file:
        file.truncate(100_000_001)
    t.contains(t.asgc("check", "long.index.json", code=1).err,
               "long.index.json: expected an index of at most 100000000 bytes, not compressed (offset 0)")


def block(draw, size, halves):
    data = bytearray(draw.randbytes(size))
    for at in halves: # finite scales of a sane size
        struct.pack_into("<e", data, at, draw.uniform(-2, 2))
    return bytes(data)


def test_blocks_of_gguf_are_dequantized(t):
    draw = random.Random(4)
    tensors, expected = [], {}
    for name, (kind, elements, size, halves, numbers) in gguf_blocks.BLOCKS.items():
        blocks = [block(draw, size, halves) for _ in range(6)]
        tensors.append((name, [3, 2 * elements], kind, b"".join(blocks)))
        expected[name] = ([3, 2 * elements], [value for one in blocks for value in numbers(one)])
    tensors.append(("plain", [2, 3], 0, floats(*range(6))))
    expected["plain"] = ([2, 3], [float(i) for i in range(6)])
    tensors.append(("long", [2], 27, struct.pack("<2q", 1 << 60, -1)))
    expected["long"] = ([2], [1 << 60, -1])
    metadata = [("general.name", 8, files.gguf_text("test")), ("general.alignment", 4, struct.pack("<I", 64)),
                ("tokens", 9, struct.pack("<IQ", 8, 2) + files.gguf_text("a") + files.gguf_text("bc"))]
    for version in (2, 3):
        t.write("w.gguf", files.gguf(tensors, version, metadata, alignment=64))
        t.asgc("check", "w.gguf")
        found = converted(t, "w.gguf")
        t.equal(sorted(found), sorted(expected), "names")
        for name, (shape, values) in expected.items():
            t.equal(found[name][0], shape, name)
            # The products are rounded once or twice to f32, the halves not at all.
            scale = max(abs(value) for value in values)
            worst = max(abs(a - e) for a, e in zip(found[name][1], values, strict=True))
            t.expect(worst <= 2e-7 * scale, f"{name}: {worst} of {scale}")
    t.write("halves.gguf", files.gguf([("h", [2], 1, struct.pack("<2e", 1.5, -2)), ("b", [1], 30, b"\x80\x3f")]))
    t.asgc("convert", "halves.gguf", "-o", "h.safetensors")
    t.equal(read_bytes(t.path("h.safetensors")), {"h": ("F16", struct.pack("<2e", 1.5, -2)), "b": ("BF16", b"\x80\x3f")}, "halves")


def test_a_map_renames_transposes_and_drops(t):
    setup(t)
    columns = [WEIGHT[3 * row + column] for column in range(3) for row in range(2)]
    t.write("w.safetensors", files.safetensors({"blk.0.w": ("F32", [3, 2], floats(*columns)),
                                                "blk.0.b": ("F32", [2], floats(*BIAS)),
                                                "mask.of.blk": ("F32", [1], floats(1))}))
    t.write("w.map", "blk.*.w = fc.weight*  transposed\n")
    t.contains(t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--map", "w.map", "--input", "x.npy", code=1).err,
               "'fc.weight0' is unexpected")
    t.write("w.map", "# the one layer\nblk.0.w = fc.weight transposed\nblk.0.b = fc.bias # comment\n*.of.* = -\n")
    runs(t, "w.safetensors", "--map", "w.map")
    t.asgc("convert", "tiny.asg", "--weights", "w.safetensors", "--map", "w.map", "-o", "tiny.mlir")
    runs(t, "tiny.safetensors")
    t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "--map", "w.map", "-o", "lib")
    runs(t, "lib/tiny.safetensors")
    faults = {"a b c": ":1: expected NAME = NAME", "a.* = b": ":1: \"a.*\" has 1 stars, \"b\" has 0",
              "\nblk.0.b = c transposed": "w.map:2: tensor 'blk.0.b' is f32[2]; only a matrix can be transposed",
              "blk.0.w = x\nblk.0.b = x": "w.map:2: tensors 'blk.0.w' and 'blk.0.b' are both called 'x'"}
    for text, part in faults.items():
        t.write("w.map", text + "\n")
        t.contains(t.asgc("convert", "w.safetensors", "--map", "w.map", "-o", "c.safetensors", code=1).err, part)
    t.contains(t.asgc("convert", "w.safetensors", "--map", "none.map", "-o", "c.safetensors", code=4).err, "none.map")
    t.expect(not t.path("c.safetensors").exists(), "something was written")


def test_all_that_does_not_fit_is_said_at_once(t):
    setup(t)
    t.write("w.safetensors", files.safetensors({"fc.weight": ("F32", [3, 2], floats(*WEIGHT)), "fc.b": ("F32", [2], floats(*BIAS)),
                                                "head": ("F16", [1], b"\0\0")}))
    error = t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x.npy", code=1).err
    t.equal(error, "asgc: w.safetensors does not fit 'tiny': 'fc.weight' is f32[3, 2] instead of f32[2, 3], 'fc.bias' is missing, "
            "'fc.b' is unexpected, 'head' is unexpected; --map FILE tells what is called how\n", "report")
    t.write("many.safetensors", files.safetensors({f"t{i:02}": ("F32", [1], floats(1)) for i in range(30)}))
    t.contains(t.asgc("run", "tiny.asg", "--weights", "many.safetensors", "--input", "x.npy", code=1).err, "and 10 more are unexpected")
    # Passing over them is asked for.
    t.write("extra.safetensors", files.safetensors({"fc.weight": ("F32", [2, 3], floats(*WEIGHT)),
                                                    "fc.bias": ("F32", [2], floats(*BIAS)), "head": ("F16", [1], b"\0\0")}))
    t.contains(t.asgc("run", "tiny.asg", "--weights", "extra.safetensors", "--input", "x.npy", code=1).err, "--partial passes over them")
    runs(t, "extra.safetensors", "--partial")
    t.write("less.safetensors", files.safetensors({"fc.weight": ("F32", [2, 3], floats(*WEIGHT))}))
    for seed in ("3", "4"):
        t.asgc("run", "tiny.asg", "--weights", "less.safetensors", "--partial", "--seed", seed, "--input", "x.npy",
               "--output-dir", seed)
    t.expect(t.path("3/output.npy").read_bytes() != t.path("4/output.npy").read_bytes(), "the seed made no difference")


def test_numbers_convert_if_they_keep_their_values(t):
    setup(t)
    t.write("w.safetensors", files.safetensors({"fc.weight": ("F64", [2, 3], struct.pack("<6d", *WEIGHT)),
                                                "fc.bias": ("F16", [2], struct.pack("<2e", 0.125, -0.25))}))
    t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x.npy", "--output-dir", "out")
    weight = models.tiny([[1.0, 2.0, 3.0]])[0][0] - BIAS[0] + 0.125
    t.expect(abs(arrays.read_npy(t.path("out/output.npy"))[1][0] - weight) < 1e-6, "values")
    t.write("c.asg", "model c(x: f32[3]) -> f32[3] {\n  state n: i32[1] = zeros()\n  return x * cast(n, f32)\n}\n")
    t.write("n.safetensors", files.safetensors({"n": ("F32", [1], floats(2.5))}))
    t.contains(t.asgc("run", "c.asg", "--weights", "n.safetensors", "--input", "x.npy", code=1).err,
               "n.safetensors: tensor 'n': expected i32, but element 0 of the f32 given is 2.5")


PYTORCH = """
import json, sys, torch
g = torch.Generator().manual_seed(1)
base = torch.randn(4, 5, 6, generator=g)
tensors = {"plain": base, "transposed": base.permute(2, 0, 1), "slice": base[1:3, ::2, 5], "one": torch.tensor(3.5),
           "empty": torch.zeros(0, 4), "expanded": torch.randn(3, 1, generator=g).expand(3, 7), "last": base[:, :, -2:],
           "f64": base.double(), "i64": torch.arange(-3, 4), "bool": base[0] > 0}
tensors.update({name: base[0].to(kind).t() for name, kind in
                (("f16", torch.float16), ("bf16", torch.bfloat16), ("i8", torch.int8), ("i32", torch.int32))})
tensors["shared"] = tensors["plain"]
tensors["parameter"] = torch.nn.Parameter(base[0].clone())
torch.save(tensors, "zip.pt")
torch.save({"epoch": 3, "model": tensors}, "legacy.pt", _use_new_zipfile_serialization=False)
json.dump({k: [list(v.shape), v.detach().contiguous().view(-1).double().tolist()] for k, v in tensors.items()}, open("expected.json", "w"))
module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
optimizer = torch.optim.Adam(module.parameters())
module(torch.randn(2, 1, 5, 5)).sum().backward(); optimizer.step()
for legacy in (False, True):
    torch.save({"state_dict": module.state_dict(), "optimizer": optimizer.state_dict(), "best": 0.5, "args": ["a", None, True]},
               f"training{int(legacy)}.ckpt", _use_new_zipfile_serialization=not legacy)
torch.save(module, "module.pt")
torch.jit.script(module).save("script.pt")
"""


def numbers(dtype, data):
    codes = {"F32": "f", "F64": "d", "F16": "e", "I64": "q", "I32": "i", "I8": "b", "BOOL": "?"}
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + data[i : i + 2])[0] for i in range(0, len(data), 2)]
    return [float(v) for v in struct.unpack(f"<{len(data) // struct.calcsize(codes[dtype])}{codes[dtype]}", data)]


def test_what_pytorch_saves_is_read(t):
    if not has_torch():
        return
    t.run(TORCH, "-c", PYTORCH)
    expected = json.loads(t.path("expected.json").read_text())
    for name in ("zip.pt", "legacy.pt"):
        t.asgc("convert", name, "-o", "w.safetensors")
        found = read_bytes(t.path("w.safetensors"))
        t.equal(sorted(found), sorted(expected), name)
        for key, (_, values) in expected.items():
            t.equal(numbers(*found[key]), values, f"{name}: {key}")
    for name in ("training0.ckpt", "training1.ckpt"):
        t.equal(sorted(converted(t, name)), ["0.bias", "0.weight", "1.bias", "1.num_batches_tracked", "1.running_mean",
                                             "1.running_var", "1.weight"], name)
    t.contains(t.asgc("check", "module.pt", code=1).err, 'the pickle wants "torch.nn.modules.container Sequential"')
    t.contains(t.asgc("check", "script.pt", code=3).err, "script.pt: is TorchScript")


STORAGE = files.storage("FloatStorage", "0", 4)
GOOD = files.dict_of([("a", files.tensor(STORAGE, [4], [1]))])
DATA = {"0": bytes(16)}


def hostile(root, storages=None, **options):
    return files.torch_zip(root, DATA if storages is None else storages, **options)


def one(shape, strides, first=0):
    return hostile(files.dict_of([("a", files.tensor(STORAGE, shape, strides, first))]))


def raw(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/data.pkl", data)
    return buffer.getvalue()


def bomb():
    """A megabyte that becomes a gigabyte."""
    buffer = io.BytesIO(hostile(GOOD))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("archive/data/1", "w", force_zip64=True) as entry:
            for _ in range(1100):
                entry.write(bytes(1 << 20))
    return buffer.getvalue()


def announced(size):
    """An archive whose directory says that its pickle has `size` bytes."""
    data = bytearray(hostile(GOOD, compression=zipfile.ZIP_DEFLATED))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + at, size)
    return bytes(data)


TENSOR = [("a", [32], 0, bytes(128))]
# file: (bytes, exit code, what the line says behind the name)
CASES = {
    "system.pt": (hostile(files.name("os", "system") + files.tuple_of(files.text("true")) + b"R"), 1,
                  'the pickle wants "os system", which no file of tensors needs; nothing of it is executed (offset 2)'),
    "getattr.pt": (raw(b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93."), 1, 'the pickle wants "builtins getattr"'),
    "instance.pt": (raw(b"(i__main__\nEvil\n."), 1, "opcode 0x69 has no place in a pickle of tensors (offset 1)"),
    "object.pt": (raw(b"\x80\x02ctorch\nSize\n)\x81."), 1, "opcode 0x81 has no place in a pickle of tensors (offset 15)"),
    "extension.pt": (raw(b"\x80\x02\x82\x01."), 1, "opcode 0x82 has no place in a pickle of tensors (offset 2)"),
    "noncall.pt": (raw(b"\x80\x02ctorch\nfloat32\n)R."), 1, '"torch float32" is called, which is no function'),
    "protocol.pt": (raw(b"\x80\x09."), 1, "pickle protocol 9 is unknown"),
    "stop.pt": (raw(b"\x80\x02}"), 1, "the pickle ends without its STOP (offset 3)"),
    "stack.pt": (raw(b"\x80\x02R."), 1, "an opcode wants 2 values, the stack has 0"),
    "mark.pt": (raw(b"\x80\x02t."), 1, "there is no mark to go back to"),
    "deep.pt": (raw(b"\x80\x02" + b"(" * 600 + b"."), 1, "values are nested more than 512 deep"),
    "memo.pt": (raw(b"\x80\x02j\xff\xff\xff\xff."), 1, "memo slot 4294967295 is empty"),
    "slot.pt": (raw(b"\x80\x02}r\xff\xff\xff\xff."), 1, "memo slot 4294967295 is out of range"),
    "long.pt": (raw(b"\x80\x02X\xff\xff\xff\xffa."), 1, "the pickle ends within an opcode"),
    "cycle.pt": (raw(b"\x80\x02]q\x00h\x00a."), 1, "the values are nested without end"),
    "laughs.pt": (raw(b"\x80\x02]q\x00" + b"".join(b"]" + b"h" + bytes([i]) + b"ah" + bytes([i]) + b"aq" + bytes([i + 1])
                                                    for i in range(40)) + b"."), 1, "the values are nested without end"),
    "outside.pt": (one([5], [1]), 1, "a tensor of shape [5] and strides [1] from element 0 on lies outside its storage of 4"),
    "offset.pt": (one([4], [1], 1), 1, "lies outside its storage"),
    "stride.pt": (one([2, 2], [1 << 62, 1 << 62]), 1, "lies outside its storage"),
    "huge.pt": (one([1 << 40, 1 << 40], [0, 0]), 1, "lies outside its storage"),
    "negative.pt": (one([-1], [1]), 1, "a tensor is made of an offset, a shape and strides that are none"),
    "expand.pt": (one([1 << 20, 1 << 10], [0, 0]), 1, "the tensors expand the "),
    "twice.pt": (hostile(files.dict_of([("a", files.tensor(STORAGE, [4], [1]))] * 2)), 1, 'two tensors are called "a"'),
    "missing.pt": (hostile(GOOD, {}), 1, 'the archive has no storage "0"'),
    "short.pt": (hostile(GOOD, {"0": bytes(12)}), 1, 'storage "0" has 12 bytes in the archive, expected 16'),
    "many.pt": (hostile(files.dict_of([("a", files.tensor(files.storage("FloatStorage", "0", 1 << 62), [1], [1]))])), 1,
                "a storage of 4611686018427387904 elements is too large"),
    "long.pt": (announced(100_000_001), 1, "a pickle of 100000001 bytes is longer than the allowed 100000000 (offset 0)"),
    "bomb.pt": (bomb(), 1, "the entries expand "),
    "text.pt": (hostile(files.text("words")), 0, ""),
    "endian.pt": (hostile(GOOD, extra=[("archive/byteorder", "big")]), 3, 'its numbers are in the byte order "big"'),
    "none.pt": (b"", 1, "expected a file of torch.save, found neither a zip archive nor a pickle (offset 0)"),
    "pickle.pt": (b"\x80\x02}.", 1, "expected a file of torch.save, found another pickle (offset 0)"),
    "folder.pt": (files.torch_zip(GOOD, DATA).replace(b"data.pkl", b"date.pkl"), 1, "without an entry data.pkl"),
    "crc.pt": (files.torch_zip(GOOD, {"0": b"0123456789abcdef"}).replace(b"0123456789abcdef", b"0123456789abcdeF"), 1, "CRC"),
    "cut.pth": (files.torch_legacy(GOOD, {"0": (4, bytes(16))})[:-1], 1, 'storage "0" has 16 bytes, the file only 15 more'),
    "count.pth": (files.torch_legacy(GOOD, {"0": (5, bytes(20))}), 1, "expected a storage of 4 elements, found 5"),
    "keys.pth": (files.torch_legacy(GOOD, {"1": (4, bytes(16))}), 1, "a storage in the list is no tensor's"),
    "tail.pth": (files.torch_legacy(GOOD, {"0": (4, bytes(16))}) + b"x", 1, "1 bytes after the last storage"),
    "version.pth": (files.torch_legacy(GOOD, {}, [files.pickle(files.number(files.MAGIC)), files.pickle(files.number(1000))]), 3,
                    "expected version 1001 of PyTorch's format"),
    "magic.gguf": (b"GGML" + bytes(20), 1, 'expected a GGUF file, found "GGML" (offset 0)'),
    "version.gguf": (files.gguf(TENSOR, 1), 3, "GGUF of version 1; there is 2, 3"),
    "endian.gguf": (b"GGUF" + struct.pack(">I", 3) + bytes(16), 3, 'its numbers are in the byte order "big"'),
    "cut.gguf": (files.gguf(TENSOR)[:60], 1, "(offset "),
    "count.gguf": (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), 1, "reaches beyond the file (offset 24)"),
    "array.gguf": (files.gguf([], metadata=[("k", 9, struct.pack("<IQ", 10, 1 << 61))]), 1, "an array of"),
    "nested.gguf": (files.gguf([], metadata=[("k", 9, struct.pack("<IQ", 9, 1) * 20)]), 1, "metadata are nested too deep"),
    "key.gguf": (files.gguf([], metadata=[("k", 0, b"\0")] * 2), 1, "a key of the metadata is there twice"),
    "align.gguf": (files.gguf([], metadata=[("general.alignment", 4, struct.pack("<I", 24))]), 1, "is no power of two"),
    "place.gguf": (files.gguf(TENSOR, offsets=[8]), 1, 'tensor "a" lies at 8, which is no multiple of 32'),
    "beyond.gguf": (files.gguf(TENSOR, offsets=[32]), 1, 'tensor "a" lies at 32 with 128 bytes, of 128'),
    "overlap.gguf": (files.gguf(TENSOR + [("b", [16], 0, bytes(64))], offsets=[0, 96]), 1, 'tensor "b" overlaps "a"'),
    "twice.gguf": (files.gguf(TENSOR * 2), 1, 'two tensors are called "a"'),
    "huge.gguf": (files.gguf([("a", [1 << 40, 1 << 40], 0, b"")]), 1, 'of tensor "a" overflows'),
    "rank.gguf": (files.gguf([("a", [1] * 9, 0, bytes(4))]), 1, 'tensor "a" has 9 dims'),
    "row.gguf": (files.gguf([("a", [2, 16], 2, bytes(18))]), 1, 'tensor "a" has rows of 16 elements, which are no blocks of 32'),
    "type.gguf": (files.gguf([("a", [32], 99, bytes(128))]), 3, "elements of type 99 are not known"),
}


def test_each_bad_file_is_refused_in_one_line(t):
    faults = []
    for name, (data, code, part) in CASES.items():
        t.write(name, data)
        result = t.asgc("check", name, code=None)
        lines = 1 if code else 0
        if result.code != code or part not in result.err or len(result.err.splitlines()) != lines or result.out or (
                lines and not result.err.startswith(f"asgc: {name}")):
            faults.append(f"{name}: expected {code} and {part!r}\n{result}")
    t.expect(not faults, *faults or [""])


def test_types_that_cannot_be_read_are_named(t):
    entries = [("z", files.tensor(files.storage("ComplexFloatStorage", "0", 2), [2], [1]))]
    t.write("c.pt", files.torch_zip(files.dict_of(entries), {"0": bytes(16)}))
    t.contains(t.asgc("convert", "c.pt", "-o", "c.safetensors", code=3).err,
               "c.pt: tensor 'z': elements of type c64 are not supported")
    t.write("q.gguf", files.gguf([("q", [32], 20, bytes(18))]))
    t.contains(t.asgc("convert", "q.gguf", "-o", "c.safetensors", code=3).err, "elements of type iq4_nl are not supported")
    t.contains(t.asgc("run", "x.asg", "--weights", "w.xyz", code=4).err, "x.asg")
    setup(t)
    t.contains(t.asgc("run", "tiny.asg", "--weights", "w.xyz", "--input", "x.npy", code=3).err, "w.xyz: expected weights: .safetensors")
    t.expect(not t.path("c.safetensors").exists(), "something was written")


harness.main()
