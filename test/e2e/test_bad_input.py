#!/usr/bin/env python3
"""Wrong model texts: code, place, message, a cure. Each case is a text with the
diagnostic that must come first; all errors of a file come in one run."""

import json

import harness

# name: (text, code, line, column, parts of what is printed)
CASES = {
    "syntax": ("use nn\nmodel m(x: f32[2]) -> f32[2] {\n  return x +\n}\n", None, 4, None, ["expected"]),
    "bracket": ("model m(x: f32[2] -> f32[2] {\n  return x\n}\n", None, 1, None, []),
    "unknown name": ("model m(x: f32[2]) -> f32[2] {\n  return y\n}\n", None, 2, 10, ["`y`"]),
    "near miss": ("use nn\nmodel m(x: f32[2, 4]) -> f32[2, 4] {\n  return x |> layer_nrom\n}\n", None, 3, None,
                  ["layer_norm"]),
    "matmul": ("model m(a: f32[4, 8], b: f32[16, 4]) -> f32[4, 4] {\n  return a @ b\n}\n", None, 2, None, ["8", "16"]),
    "broadcast": ("model m(a: f32[4, 3], b: f32[4, 2]) -> f32[4, 3] {\n  return a + b\n}\n", None, 2, None,
                  ["[4, 3]", "[4, 2]"]),
    "result shape": ("use nn\nmodel m(x: f32[batch <= 8, 3]) -> f32[batch, 2] {\n  return x |> linear(4)\n}\n", None, 3,
                     None, ["4", "2"]),
    "argument": ("use nn\nmodel m(x: f32[2, 3]) -> f32[2, 4] {\n  return x |> linear(out_features = 4)\n}\n", None, 3,
                 None, ["out_features"]),
    "type": ("use nn\nmodel m(x: f32[2, 3]) -> f32[2, 4] {\n  return x |> linear(\"four\")\n}\n", None, 3, None, []),
    "dtype": ("model m(x: f33[2]) -> f32[2] {\n  return x\n}\n", None, 1, None, ["f33"]),
    "require": ("use nn\nblock half(x: f32[n]) -> f32[n] {\n  require n % 2 == 0, \"{n} is odd\"\n  return x\n}\n"
                "model m(x: f32[3]) -> f32[3] {\n  return x |> half\n}\n", None, None, None, ["3 is odd"]),
    "huge": ("model m(x: f32[9999999999, 9999999999]) -> f32[1] {\n  return x\n}\n", None, 1, None, []),
    "bad utf-8": (b"model m(x: f32[2]) -> f32[2] {\n  return \xff\xfe\n}\n", None, 2, None, []),
    "empty": ("", None, None, None, []),
    "self use": ("use \"self_use.asg\"\nmodel m(x: f32[2]) -> f32[2] {\n  return x\n}\n", None, 1, None, []),
    "missing use": ("use \"none.asg\"\nmodel m(x: f32[2]) -> f32[2] {\n  return x\n}\n", None, 1, None, ["none.asg"]),
    "no gradient": ("use nn\nmodel m(x: f32[batch <= 4, 3]) -> f32[batch, 3] {\n"
                    "  h = x |> fc: linear(3)\n  return h * cast(argmax(h, axis = -1, keep = true), f32)\n}\n", None, None,
                    None, None),
}


def test_each_case_is_diagnosed(t):
    for name, (text, code, line, column, parts) in CASES.items():
        if parts is None:
            continue
        file = name.replace(" ", "_").replace("-", "_") + ".asg"
        t.write(file, text)
        result = t.asgc("check", file, code=1)
        t.contains(result.err, "error[ASG", name)
        for part in parts:
            t.contains(result.err, part, name)
        first = json.loads(t.asgc("check", "--diagnostics=json", file, code=1).out.splitlines()[0])
        t.equal(first["level"], "error", name)
        t.expect(first["code"]["code"].startswith("ASG"), name, first)
        if line is not None:
            span = first["spans"][0]
            t.equal((span["file_name"], span["line_start"]), (file, line), f"{name}: place")
            if column is not None:
                t.equal(span["column_start"], column, f"{name}: column")
        t.equal(first["rendered"].strip() in result.err, True, f"{name}: rendered as for people")


def test_all_errors_come_in_one_run(t):
    t.write("two.asg", "use nn\nmodel m(x: f32[2, 3]) -> f32[2, 4] {\n  a = x |> liner(4)\n  b = x + nothing\n  return a\n}\n")
    lines = t.asgc("check", "--diagnostics=json", "two.asg", code=1).out.splitlines()
    places = {json.loads(line)["spans"][0]["line_start"] for line in lines}
    t.expect({3, 4} <= places, "not both errors", *lines)


def test_every_code_that_is_shown_is_explained(t):
    seen = set()
    for name, (text, *_rest) in CASES.items():
        file = t.write("case.asg", text)
        for line in t.asgc("check", "--diagnostics=json", file, code=None).out.splitlines():
            seen.add(json.loads(line)["code"]["code"])
    t.expect(len(seen) >= 5, "few codes", seen)
    for code in seen:
        t.contains(t.asgc("explain", code).out, code)


def test_nesting_is_refused_not_crashed_on(t):
    for depth in (600, 100_000):
        t.write("deep.asg", "model m(x: f32[2]) -> f32[2] {\n  return " + "(" * depth + "x" + ")" * depth + "\n}\n")
        t.contains(t.asgc("check", "deep.asg", code=1).err, "error[ASG0007]")
        t.write("deep.mlir", "module {" * depth + "}" * depth)
        t.contains(t.asgc("check", "deep.mlir", code=1).err, "deep.mlir")
        t.asgc("opt", "deep.mlir", code=1)


def test_binary_noise_is_refused(t):
    noise = bytes((i * 7919 + i // 251) % 256 for i in range(4096))
    for extension, code in ((".asg", 1), (".mlir", 1), (".safetensors", 1), (".npy", 1), (".npz", 1), (".csv", 1)):
        file = t.write("noise" + extension, noise)
        t.expect(t.asgc("check", file, code=code).err, f"nothing said of {file}")


def test_headers_larger_than_the_file_are_refused(t):
    t.write("w.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}")
    error = t.asgc("check", "w.safetensors", code=1).err
    t.equal(len(error.splitlines()), 1, "lines")
    t.contains(error, "asgc: w.safetensors: ")
    t.write("x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{")
    t.contains(t.asgc("check", "x.npy", code=1).err, "x.npy: ")


def test_missing_files_are_named(t):
    for file in ("none.asg", "none.mlir", "none.safetensors", "none.npy", "none.csv", "none"):
        t.contains(t.asgc("check", file, code=4).err, file)


def test_explain(t):
    t.contains(t.asgc("explain", "linear").out, "weight")
    t.contains(t.asgc("explain", "asg.tanh").out, "tanh")
    russian = t.asgc("explain", "asg.tanh", "--lang", "ru").out
    t.expect(any("а" <= c <= "я" for c in russian), "not Russian", russian)
    t.contains(t.asgc("explain", "ASG0007").out, "512")
    t.contains(t.asgc("explain", "liner", code=1).err, "did you mean 'linear'?")
    listing = t.asgc("explain").out
    for part in ("linear", "adamw", "cross_entropy", "asg.tanh", "ASG0001"):
        t.contains(listing, part)


harness.main()
