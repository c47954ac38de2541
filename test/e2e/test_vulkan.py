#!/usr/bin/env python3
"""Training and running on a Vulkan device against the same on the CPU, and what is said where there is none."""

import json
import os
import re
import signal
import struct
import subprocess
import time

import arrays
import harness
import models

EXAMPLES = harness.ROOT / "docs/examples"
STEPS = 20


def events(t, run):
    """The lines of events.jsonl without the clock."""
    lines = [json.loads(line) for line in t.path(run).joinpath("events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "t"} for line in lines]


def train(t, model, device, run, *args, **options):
    """The weights' file of a run of 20 steps."""
    t.asgc("train", model, "--device", device, "--out", run, "--set", f"steps={STEPS}", *args, **options)
    return t.path(f"{run}/weights.safetensors").read_bytes()


def compare(t, actual, expected, steps=STEPS):
    """Step by step, within 1e-4 of the expected number."""
    t.equal(len(expected), steps, "steps on the CPU")
    t.equal(len(actual), steps, "steps on the device")
    t.expect(len({line["loss"] for line in expected}) == steps, "the loss stands still", expected)
    for ours, theirs in zip(actual, expected):
        t.equal(ours.keys(), theirs.keys(), "what a line has")
        for key, value in theirs.items():
            t.expect(abs(ours[key] - value) <= 1e-4 * abs(value),
                     f"{key} of step {theirs['step']}: expected {value}, found {ours[key]}")


def train_on_both(t, name, *args):
    model = EXAMPLES / name / f"{name}.asg"
    for device in ("cpu", "vulkan"):
        train(t, model, device, device, *args)
    compare(t, events(t, "vulkan"), events(t, "cpu"))


def test_digits(t):
    train_on_both(t, "digits")


def test_lenet(t):
    train_on_both(t, "lenet")


def test_transformer(t):
    # lavapipe needs seconds for a step of the example's own batch of 16.
    train_on_both(t, "transformer", "--set", "batch=2")


# The masks are states, so that the file of weights has them as the last step drew them. Everything here is exact:
# what is kept of ones grows by 1 / (1 - 0.5) and 1 / (1 - 0.75).
DROPS = """use nn

model drops(x: f32[batch <= 4, 3]) -> f32[batch, 2] {
  state element: f32[33, 31] = zeros()
  state channel: f32[7, 5, 3, 2] = zeros()
  element <- dropout(full([33, 31], 1.0), 0.5)
  channel <- spatial_dropout(full([7, 5, 3, 2], 1.0), 0.75)
  return x |> linear(2)
}

train drops {
  data      = csv("data.csv", features = 0..3, label = 3, split = 1)
  batch     = 4
  steps     = 3
  loss      = cross_entropy(output, label)
  optimizer = sgd(lr = 0.1)
  seed      = 81985529216486895
}
"""
SEED = 81985529216486895  # 0x0123456789abcdef: both halves of the key


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. 2011."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k0, p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def mask(stream, step, count, p):
    """What dropout makes of ones: an element is kept if its draw is at least p."""
    draws = []
    for block in range((count + 3) // 4):
        draws += philox((block, stream, step, 0), (SEED & 0xFFFFFFFF, SEED >> 32))
    return [1 / (1 - p) if (word >> 8) * 2.0 ** -24 >= p else 0.0 for word in draws[:count]]


def test_dropout_masks_are_the_same_bits(t):
    t.equal(philox([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
            "the known answer of the paper's authors")
    t.write("drops.asg", DROPS)
    t.write("data.csv", "".join(f"0.{i},0.5,-0.{i},{i % 2}\n" for i in range(8)))
    found = {}
    for device in ("cpu", "vulkan"):
        t.asgc("train", "drops.asg", "--device", device, "--out", device)
        weights = arrays.read_safetensors(t.path(f"{device}/weights.safetensors"))
        found[device] = {name: struct.pack(f"<{len(values)}f", *values)
                         for name, (_, values) in weights.items() if name in ("element", "channel")}
    t.equal(sorted(found["cpu"]), ["channel", "element"], "masks")
    t.expect(found["vulkan"] == found["cpu"], "the devices drop other elements")
    for name, count, p, repeat in (("element", 33 * 31, 0.5, 1), ("channel", 7 * 5, 0.75, 6)):
        values = struct.unpack(f"<{count * repeat}f", found["vulkan"][name])
        expected = [[value for value in mask(stream, 3, count, p) for _ in range(repeat)] for stream in range(16)]
        t.equal(expected.count(list(values)), 1, f"streams of step 3 that draw {name}")


DEEP = """use nn

model deep(x: f32[batch <= 16, 2]) -> f32[batch, 2] {
  h = x |> a: linear(37) |> batch_norm |> gelu |> dropout(0.3)
  repeat 2 as body { h = h + (h |> layer_norm |> linear(37) |> tanh |> dropout(0.1)) }
  return h |> head: linear(2)
}

train deep {
  data       = csv("points.csv", features = 0..2, label = 2, split = 0.75)
  batch      = 16
  epochs     = 9
  loss       = cross_entropy(output, label)
  optimizer  = adam(lr = 0.01)
  clip       = norm(1.0)
  metrics    = [accuracy]
  checkpoint = every(5 steps, keep = 3)
  seed       = 3
}
"""


def write_deep(t):
    t.write("deep.asg", DEEP)
    t.write("points.csv", models.points_csv())


def test_resumed_runs_end_with_the_same_bits(t):
    write_deep(t)
    whole = train(t, "deep.asg", "vulkan", "whole")
    t.asgc("train", "deep.asg", "--device", "vulkan", "--out", "parts", "--set", "steps=9")
    parts = train(t, "deep.asg", "vulkan", "parts", "--resume")
    t.equal(events(t, "parts"), events(t, "whole"), "events")
    t.expect(parts == whole, "other weights")
    t.asgc("check", "parts")
    # A checkpoint says nothing of the device that made it.
    t.asgc("train", "deep.asg", "--device", "vulkan", "--out", "moved", "--set", "steps=9")
    train(t, "deep.asg", "cpu", "moved", "--resume")
    train(t, "deep.asg", "cpu", "cpu")
    compare(t, events(t, "moved"), events(t, "cpu"))
    compare(t, events(t, "whole"), events(t, "cpu"))


def test_interrupted_run_says_how_to_go_on_here(t):
    write_deep(t)
    command = [str(harness.ASGC), "train", "deep.asg", "--device", "vulkan", "--set", "steps=1000000"]
    process = subprocess.Popen(command, cwd=t.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    log = t.path("run/events.jsonl")
    while process.poll() is None and not (log.exists() and log.read_bytes()):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1].decode()
    t.equal(process.returncode, 130, f"exit code\n{err}")
    line = next(line for line in err.splitlines() if line.startswith("resume with: "))
    t.contains(line, " --device vulkan")
    done = len(events(t, "run"))
    command = line.removeprefix("resume with: ").replace("asgc ", f"{harness.ASGC} ", 1)
    t.contains(t.run("sh", "-c", f"{command} --set steps={done + 2}").err, "computes on the processor")
    t.equal(len(events(t, "run")), done + 2, "steps")


def test_barriers_and_order_do_not_change_a_bit(t):
    write_deep(t)
    expected = train(t, "deep.asg", "vulkan", "plain")
    for number, env in enumerate([{"ASGC_VULKAN_BARRIERS": "all"}, {"ASGC_VULKAN_SHUFFLE": "1"},
                                  {"ASGC_VULKAN_SHUFFLE": "2", "ASGC_VULKAN_BARRIERS": "all"}]):
        t.expect(train(t, "deep.asg", "vulkan", f"other{number}", env=env) == expected, f"other weights with {env}")
        t.equal(events(t, f"other{number}"), events(t, "plain"), f"events with {env}")
    for name in ("ASGC_VULKAN_BARRIERS", "ASGC_VULKAN_SHUFFLE"):
        result = t.asgc("train", "deep.asg", "--device", "vulkan", "--out", "none", env={name: "2x"}, code=1)
        t.contains(result.err, f"{name}: expected ")


def test_blocks_do_not_change_a_bit(t):
    write_deep(t)
    expected = train(t, "deep.asg", "vulkan", "whole")
    plan = t.asgc("compile", "deep.asg", "--emit=plan", "--block-bytes", 4096).out
    arena, = re.findall(r"arena (\d+) .* block 4096 ", plan[plan.index("@train_step"):plan.index("@eval_step")])
    t.expect(int(arena) > 2 * 4096, "the arena is no more than two blocks", arena)
    for size in (4096, 1024):  # some buffers are more than 1024 bytes and get blocks of their own
        t.expect(train(t, "deep.asg", "vulkan", f"blocks{size}", "--block-bytes", size) == expected, f"other weights, {size}")
        t.equal(events(t, f"blocks{size}"), events(t, "whole"), f"events with blocks of {size}")
    t.contains(t.asgc("train", "deep.asg", "--block-bytes", 100, code=2).err, "expected a multiple of 64, got '100'")


# A state that doubles until it is infinite, at step 128. The loss does not show it, the next checkpoint does.
GROWS = models.POINTS.replace(
    "  return", "  state size: f32[3] = ones()\n  if training { size <- 2 * size }\n  return", 1)


def test_variables_that_are_not_finite_are_not_saved(t):
    t.write("bad.asg", GROWS.replace("epochs     = 6", "epochs = 60"))
    t.write("points.csv", models.points_csv())
    said = {}
    for device in ("cpu", "vulkan"):
        err = t.asgc("train", "bad.asg", "--device", device, "--out", device, code=1).err
        said[device] = next(line for line in err.splitlines() if line.startswith("asgc: ") and "warning" not in line)
    t.contains(said["cpu"], "'size' is not finite at step 130; ")
    t.equal(said["vulkan"].replace("vulkan", "cpu"), said["cpu"], "message")


def setup_tiny(t):
    t.write("tiny.asg", models.TINY)
    arrays.write_safetensors(t.path("w.safetensors"), models.TINY_WEIGHTS)
    rows = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25], [0.0, -2.0, 1.0]]
    arrays.write_npy(t.path("x.npy"), "<f4", (3, 3), sum(rows, []))
    return sum(models.tiny(rows), [])


def run_tiny(t, device="vulkan", **options):
    return t.asgc("run", "tiny.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", "out",
                  "--device", device, **options)


def check_tiny(t, expected):
    shape, values = arrays.read_npy(t.path("out/output.npy"))
    t.equal(shape, (3, 2), "shape")
    for value, truth in zip(values, expected, strict=True):
        t.expect(abs(value - truth) <= 1e-5 * max(1.0, abs(truth)), f"expected {expected}, found {values}")


def test_run_and_bench(t):
    check = setup_tiny(t)
    t.contains(run_tiny(t).err, "computes on the processor")
    check_tiny(t, check)
    result = t.asgc("bench", "tiny.asg", "--device", "vulkan", "--seconds", "0.05", "--json")
    entry, = json.loads(result.out)["entries"]
    t.equal(entry["name"], "infer", "entry")
    # A product and a sum for each of 8 rows (the bound), 2 outputs and 3 inputs.
    t.equal({step["name"]: step["flop"] for step in entry["steps"]}["infer.fc.dot"], 2 * 8 * 2 * 3, "FLOP of the layer")
    report = json.loads(result.out)
    t.expect(report["device"] != "cpu" and report["copy_bytes_per_second"] > 1e6 and report["flop_per_second"] > 1e6,
             "the device's limits", result)
    t.expect(entry["seconds"]["median"] > 0 and entry["steps"], "nothing measured", result)
    t.expect(entry["seconds"]["back_to_back"] > 0, "runs without waiting", result)
    t.expect(min(entry["copy_seconds"].values()) > 0, "copies", result)
    t.equal(sorted(entry["copy_seconds"]), ["inputs", "outputs"], "copies")
    cpu = json.loads(t.asgc("bench", "tiny.asg", "--seconds", "0.05", "--json").out)["entries"][0]
    t.equal("copy_seconds" in cpu, False, "copies on the CPU")
    t.expect(all(step["seconds"] > 0 and step["bytes"] > 0 for step in entry["steps"]), "a step without time", result)


# A machine without a driver: both variables, since loaders differ in which they know.
NO_DRIVER = {"VK_DRIVER_FILES": "/nonexistent/icd.json", "VK_ICD_FILENAMES": "/nonexistent/icd.json"}


def refused(t, *parts, env):
    """--device vulkan says this and ends with 4; --device auto says it and runs on the CPU."""
    expected = setup_tiny(t)
    t.run("rm", "-rf", "out")
    lines = [line for line in run_tiny(t, env=env, code=4).err.splitlines() if line.startswith("asgc: ")]
    t.equal(len(lines), 1, "lines of the error")
    t.equal(t.path("out").exists(), False, "there is an output")
    result = run_tiny(t, "auto", env=env)
    t.contains(result.err, "running on the CPU")
    check_tiny(t, expected)
    for part in parts:
        t.contains(lines[0], part)
        t.contains(result.err, part)


def test_without_a_driver(t):
    refused(t, "no Vulkan", env=NO_DRIVER)
    t.contains(t.asgc("doctor", env=NO_DRIVER).out, "none: ")


def test_without_a_loader(t):
    # What a search for the library finds first is none.
    t.write("broken/libvulkan.so.1", b"")
    refused(t, "there is no Vulkan loader (libvulkan.so.1) here", env={"LD_LIBRARY_PATH": str(t.path("broken"))})
    t.write("empty.c", "int nothing;\n")
    t.path("empty").mkdir()
    t.run("cc", "-shared", "-fPIC", "empty.c", "-o", "empty/libvulkan.so.1")
    refused(t, "libvulkan.so.1 is no Vulkan loader", env={"LD_LIBRARY_PATH": str(t.path("empty"))})


def test_without_a_feature(t):
    for names in ("shaderInt64", "timelineSemaphore", "bufferDeviceAddress,storageBuffer8BitAccess"):
        parts = names.split(",")
        env = {"ASGC_VULKAN_WITHOUT": names}
        refused(t, "no Vulkan device can be used", "lacks ", *parts, env=env)
        doctor = t.asgc("doctor", env=env).out
        for part in parts:
            t.contains(doctor, part)
    refused(t, "there is no feature 'shaderInt63'", env={"ASGC_VULKAN_WITHOUT": "shaderInt63"})


def test_without_f64(t):
    # Only a program that computes with f64 needs it.
    env = {"ASGC_VULKAN_WITHOUT": "shaderFloat64"}
    check = setup_tiny(t)
    run_tiny(t, env=env)
    check_tiny(t, check)
    t.write("tiny.asg", models.TINY.replace("|> relu", "|> sin"))
    run_tiny(t)
    t.contains(run_tiny(t, env=env, code=4).err, "lacks shaderFloat64")


def test_programs_share_shaders(t):
    found = []
    for name in ("first", "second"):
        t.write(f"{name}.asg", f"model {name}(x: f32[64]) -> f32[64] {{\n  return x + 1\n}}\n")
        t.asgc("compile", f"{name}.asg", "--target=vulkan", "--emit=obj", "-o", f"{name}.o")
        found.append(re.findall(r"asgc\.shader\.[0-9a-f]{32}", t.run("nm", f"{name}.o").out))
    t.expect(found[0], "there are no shaders")
    t.equal(found[1], found[0], "shaders of equal models")
    t.run("ld", "-r", "first.o", "second.o", "-o", "both.o")
    sections = re.findall(r"asgc\.shader\.[0-9a-f]{32} +PROGBITS", t.run("readelf", "-SW", "both.o").out)
    t.equal(len(sections), len(found[0]), "copies of the shaders")


WORDS = "model words(table: f32[6, 5], token: i64[40]) -> f32[40, 5] {\n  return gather(table, token)\n}\n"


def test_scatter(t):
    t.write("words.asg", WORDS)
    tokens = [i * i % 6 for i in range(40)]
    dy = [(i * 37 % 101 - 50) / 7 for i in range(200)]
    arrays.write_npy(t.path("token.npy"), "<i8", [40], tokens)
    arrays.write_npy(t.path("table.npy"), "<f4", [6, 5], [0.0] * 30)
    arrays.write_npy(t.path("dy.npy"), "<f4", [40, 5], dy)
    expected = [sum(dy[i * 5 + column] for i in range(40) if tokens[i] == row)
                for row in range(6) for column in range(5)]
    found = {}
    lacks = {"ASGC_VULKAN_WITHOUT": "shaderBufferFloat32AtomicAdd"}
    for name, how, env in (("ordered", "ordered", {}), ("atomic", "atomic", {}), ("lacking", "atomic", lacks)):
        t.asgc("grad", "words.asg", "--input", "token=token.npy", "--input", "table=table.npy", "--cotangent",
               "output=dy.npy", "--output-dir", name, "--device", "vulkan", "--scatter", how, env=env)
        _, found[name] = arrays.read_npy(t.path(f"{name}/grad_table.npy"))
        for ours, theirs in zip(found[name], expected, strict=True):
            t.expect(abs(ours - theirs) <= 1e-5 * (1 + abs(theirs)), f"{name}: expected {theirs}, found {ours}")
    t.equal(found["lacking"], found["ordered"], "the gradient where additions are not atomic")
    t.contains(t.asgc("run", "words.asg", "--scatter", "any", code=2).err,
               "scatter is 'any' (--scatter); it can be ordered, atomic")


LIMIT = 64 << 20
# The input and the output take as much as the limit each.
WIDE = "model wide(x: f32[4096, 4096]) -> f32[4096, 4096] {\n  return x + 1\n}\n"


def test_memory_limit(t):
    t.write("wide.asg", WIDE)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4096, 4096), }".ljust(117) + b"\n"
    t.write("x.npy", b"\x93NUMPY\x01\x00\x76\x00" + header + bytes(LIMIT))
    run = ["run", "wide.asg", "--input", "x.npy", "--output-dir", "out"]
    for variable, flags in ((LIMIT, []), (1, ["--device-memory", LIMIT])):  # the flag wins
        error = t.asgc(*run, "--device", "vulkan", *flags, env={"ASGC_DEVICE_MEMORY": str(variable)}, code=4).err
        t.contains(error, "'wide' needs ")
        t.contains(error, f"{LIMIT} that it may use")
    needed = int(error.split(" needs ")[1].split()[0])
    t.expect(2 * LIMIT <= needed < 2 * LIMIT + 4096, f"needs {needed} bytes")
    t.asgc(*run, "--device", "vulkan", "--device-memory", needed - 1, code=4)
    result = t.asgc(*run, "--device", "auto", "--device-memory", LIMIT)
    t.contains(result.err, f"'wide' needs {needed} bytes")
    t.contains(result.err, "running on the CPU")
    t.run("rm", "-r", "out")
    t.asgc(*run, "--device", "vulkan", "--device-memory", needed)
    t.expect(t.path("out/output.npy").read_bytes()[128:] == struct.pack("<f", 1.0) * (LIMIT // 4), "x + 1 is not 1")
    t.contains(t.asgc(*run, "--device-memory", "64M", code=2).err, "device-memory is '64M' (--device-memory)")


def link(t, library, source, program, *flags):
    config = subprocess.run(["pkg-config", "--cflags", "--libs", library], capture_output=True, text=True, check=True,
                            env={**os.environ, "PKG_CONFIG_PATH": str(t.path("lib"))}).stdout.split()
    t.run("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-I.", *flags, source, *config, "-o", program)


def test_c_program_of_the_demo(t):
    digits = EXAMPLES / "digits"
    t.asgc("train", digits / "digits.asg", "--out", "run", "--set", "epochs=3")
    t.asgc("compile", digits / "digits.asg", "--target=cpu,vulkan", "--weights", "run/weights.safetensors", "-o", "lib")
    row = t.run("sh", "-c", f"zcat {harness.DATA}/digits.csv.gz | sed -n 1791p").out.strip().split(",")
    t.write("image.h", f"static const float image[64] = {{{', '.join(row[:64])}}};\n")
    link(t, "digits", digits / "main.c", "digits")

    def run(**options):
        return t.run(t.path("digits"), cwd=t.path("lib"), **options)

    for device in ("cpu", "vulkan", "auto"):
        result = run(env={"ASGC_DEVICE": device})
        t.equal(result.out, f"this is a {row[64]}\n", f"answer with ASGC_DEVICE={device}")
    # It is the device that answers: without a driver it cannot.
    result = run(env={"ASGC_DEVICE": "vulkan", **NO_DRIVER}, code=1)
    t.contains(result.err, "Vulkan")
    result = run(env={"ASGC_DEVICE": "vulkan", "ASGC_DEVICE_MEMORY": "1000"}, code=1)
    t.contains(result.err, "has 1000 that it may use")
    result = run(env={"ASGC_DEVICE": "vulkan", "ASGC_DEVICE_MEMORY": "1k"}, code=1)
    t.contains(result.err, "ASGC_DEVICE_MEMORY: expected a number of bytes, got '1k'")
    t.equal(run(env={"ASGC_DEVICE": "auto", **NO_DRIVER}).out, f"this is a {row[64]}\n", "answer of the CPU")


def test_c_program_with_tensors_on_the_device(t):
    # The benchmarks' program compares all outputs of several training steps with the CPU's.
    t.asgc("compile", EXAMPLES / "digits/digits.asg", "--target=cpu,vulkan", "-o", "lib")
    link(t, "digits", harness.ROOT / "benchmarks/worker_devices.c", "worker", "-O1", "-std=gnu11",
         "-DPROGRAM=digits_program", "-lm")
    result = t.run(t.path("worker"), "train_step", "4", "batch=16")
    found = float(re.search(r"worst difference ([\d.e+-]+)", result.out)[1])
    t.expect(0 <= found <= 1e-5, "steps on the devices differ", result)
    for part in ("vulkan ", "not waited for ", "copies in ", "kernels "):
        t.expect(float(re.search(part + r"([\d.]+) ms", result.out)[1]) > 0, f"no time for '{part}'", result)


harness.main()
