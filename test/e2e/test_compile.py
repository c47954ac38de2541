#!/usr/bin/env python3
"""asgc compile: the files it writes, and programs linked against them."""

import json
import os
import struct
import subprocess
import zipfile

import arrays
import checkpoints as files
import harness
import models

FILES = ["tiny.h", "libtiny.a", "tiny.pc", "tinyConfig.cmake", "tiny.json", "example.c"]
ROWS = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]]

MAIN = """#include "tiny.h"
#include <stdio.h>
int main(int argc, char **argv) {
  float x[6] = {1, 2, 3, -1, 0.5f, 0.25f}, y[4];
  asgc_program *p = 0;
  if (tiny_create(0, &p) || (argc > 1 && tiny_load(p, argv[1])) || tiny_infer(p, 2, x, y))
    return fprintf(stderr, "%s\\n", tiny_error(p)), 1;
  return printf("%.6f %.6f %.6f %.6f\\n", y[0], y[1], y[2], y[3]), tiny_destroy(p), 0;
}
"""


def setup(t):
    t.write("tiny.asg", models.TINY)
    arrays.write_safetensors(t.path("w.safetensors"), models.TINY_WEIGHTS)


def link(t, source, out, program, compiler="cc", *flags):
    config = subprocess.run(["pkg-config", "--cflags", "--libs", "tiny"], capture_output=True, text=True, check=True,
                            env={**os.environ, "PKG_CONFIG_PATH": str(t.path(out))}).stdout.split()
    t.run(compiler, *flags, "-Wall", "-Werror", source, *config, "-o", program)


def check_output(t, text):
    expected = sum(models.tiny(ROWS), [])
    actual = [float(word) for word in text.split()]
    t.expect(len(actual) == 4 and all(abs(a - e) < 1e-5 for a, e in zip(actual, expected)), f"{actual} != {expected}")


def test_writes_all_files_and_the_same_bytes_twice(t):
    setup(t)
    result = t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "-o", "out")
    t.equal(result.out, "", "stdout")
    t.equal(sorted(os.listdir(t.path("out"))), sorted(FILES + ["tiny.safetensors"]), "files")
    t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "-o", "again")
    for name in os.listdir(t.path("out")):
        t.equal(t.path(f"out/{name}").read_bytes() == t.path(f"again/{name}").read_bytes(), True, f"{name} the same")
    manifest = json.loads(t.path("out/tiny.json").read_text())
    t.equal(manifest["format"], "asgc-manifest/1")
    t.equal([v["name"] for v in manifest["variables"] if v["role"] == "param"], ["fc.weight", "fc.bias"])
    t.asgc("check", "out")


def test_c_program_links_by_pkg_config(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "-o", "out")
    t.write("main.c", MAIN)
    for compiler, flags in (("cc", ["-std=c99", "-pedantic"]), ("c++", ["-x", "c++", "-std=c++11"])):
        link(t, "main.c", "out", "main", compiler, *flags) if compiler == "cc" else link_cpp(t)
        check_output(t, t.run("./main", "out/tiny.safetensors").out)
    error = t.run("./main", "none.safetensors", code=1).err
    t.contains(error, "none.safetensors")


def link_cpp(t):
    t.write("main.cpp", MAIN)
    link(t, "main.cpp", "out", "main", "c++", "-std=c++11")


def test_example_compiles_and_runs(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "-o", "out")
    example = t.path("out/example.c").read_text()
    t.expect(len(example.splitlines()) <= 13, "the example is long", example)
    link(t, "out/example.c", "out", "example", "cc", "-std=c99")
    t.run("./../example", cwd=t.path("out"))


def test_weights_can_be_embedded(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "--embed-weights", "-o", "out")
    t.expect(not t.path("out/tiny.safetensors").exists(), "weights also stand beside the library")
    t.write("main.c", MAIN)
    link(t, "main.c", "out", "main")
    t.path("w.safetensors").unlink()
    check_output(t, t.run("./main").out)


def test_weights_of_every_format_can_be_embedded(t):
    setup(t)
    t.write("main.c", MAIN)
    (shape, weight), (_, bias) = models.TINY_WEIGHTS.values()
    raw = {name: struct.pack(f"<{len(values)}f", *values) for name, (_, values) in models.TINY_WEIGHTS.items()}
    entries = [("fc.weight", files.tensor(files.storage("FloatStorage", "0", 6), shape, [3, 1])),
               ("fc.bias", files.tensor(files.storage("FloatStorage", "1", 2), [2], [1]))]
    t.write("w.pt", files.torch_zip(files.dict_of(entries), {"0": raw["fc.weight"], "1": raw["fc.bias"]}))
    t.write("w.gguf", files.gguf([("fc.weight", shape, 0, raw["fc.weight"]), ("fc.bias", [2], 0, raw["fc.bias"])]))
    with zipfile.ZipFile(t.path("w.npz"), "w") as archive:
        for name, (dims, values) in models.TINY_WEIGHTS.items():
            archive.write(arrays.write_npy(t.path("one.npy"), "<f4", dims, values), name + ".npy")
    t.write("1.safetensors", files.safetensors({"fc.weight": ("F32", shape, raw["fc.weight"])}))
    t.write("2.safetensors", files.safetensors({"fc.bias": ("F64", [2], struct.pack("<2d", *bias))}))
    t.write("w.index.json", json.dumps({"weight_map": {"fc.weight": "1.safetensors", "fc.bias": "2.safetensors"}}))
    arrays.write_safetensors(t.path("named.safetensors"), {"net.w": (shape, weight), "net.b": ([2], bias)})
    t.write("w.map", "net.w = fc.weight\nnet.b = fc.bias\n")
    for weights in (["w.pt"], ["w.gguf"], ["w.npz"], ["w.index.json"], ["named.safetensors", "--map", "w.map"]):
        t.asgc("compile", "tiny.asg", "--weights", *weights, "--embed-weights", "-o", "out")
        t.equal(sorted(os.listdir(t.path("out"))), sorted(FILES), weights[0])
        link(t, "main.c", "out", "main")
        check_output(t, t.run("./main").out)
    # An ONNX model brings its own.
    t.asgc("convert", "tiny.asg", "--weights", "w.pt", "-o", "tiny.onnx")
    t.asgc("compile", "tiny.onnx", "--embed-weights", "-o", "out")
    t.expect(not t.path("out/tiny.safetensors").exists(), "weights also stand beside the library")
    link(t, "main.c", "out", "main")
    check_output(t, t.run("./main").out)
    t.contains(t.asgc("compile", "tiny.asg", "--embed-weights", "-o", "none", code=2).err, "needs --weights FILE")
    # What does not fit is refused before anything is written.
    t.write("less.pt", files.torch_zip(files.dict_of(entries[:1]), {"0": raw["fc.weight"], "1": raw["fc.bias"]}))
    for extra in ([], ["--embed-weights"]):
        error = t.asgc("compile", "tiny.asg", "--weights", "less.pt", *extra, "-o", "none", code=1).err
        t.contains(error, "less.pt does not fit 'tiny': 'fc.bias' is missing")
    t.expect(not t.path("none").exists(), "something was written")


def test_shared_library(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "--shared", "-o", "out")
    symbols = t.run("nm", "-D", "--defined-only", "out/libtiny.so").out
    t.contains(symbols, "tiny_program")


def test_wrong_weights_leave_no_files(t):
    setup(t)
    arrays.write_safetensors(t.path("bad.safetensors"), {"fc.weight": ([2, 2], [0.0] * 4), "fc.bias": ([2], [0.0] * 2)})
    for extra in ([], ["--embed-weights"]):
        error = t.asgc("compile", "tiny.asg", "--weights", "bad.safetensors", *extra, "-o", "out", code=1).err
        for part in ("fc.weight", "[2, 3]", "[2, 2]"):
            t.contains(error, part)
        t.expect(not t.path("out").exists() or not os.listdir(t.path("out")), "files were written")


def test_errors_in_the_model_leave_what_was_there(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "-o", "out")
    before = {name: t.path(f"out/{name}").read_bytes() for name in os.listdir(t.path("out"))}
    t.write("tiny.asg", models.TINY.replace("linear(2)", "linear(3)"))
    t.contains(t.asgc("compile", "tiny.asg", "-o", "out", code=1).err, "error[ASG")
    after = {name: t.path(f"out/{name}").read_bytes() for name in os.listdir(t.path("out"))}
    t.equal(after == before, True, "the folder unchanged")


def test_folder_that_cannot_be_written(t):
    setup(t)
    t.write("file", "x")
    t.contains(t.asgc("compile", "tiny.asg", "-o", "file/out", code=4).err, "file/out")
    t.equal(t.path("file").read_text(), "x")


def test_cmake_package(t):
    setup(t)
    t.write("main.c", MAIN)
    t.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(app C)\nfind_package(asgc REQUIRED)\n"
            "asgc_add_model(tiny SOURCE tiny.asg WEIGHTS w.safetensors)\nadd_executable(app main.c)\n"
            "target_link_libraries(app PRIVATE tiny)\n")
    t.run("cmake", "-G", "Ninja", "-S", ".", "-B", "b", f"-Dasgc_DIR={harness.BUILD}")
    t.run("cmake", "--build", "b")
    check_output(t, t.run("b/app", "b/tiny/tiny.safetensors").out)
    t.contains(t.run("cmake", "--build", "b").out, "no work to do")
    t.write("tiny.asg", "# changed\n" + models.TINY)
    t.contains(t.run("cmake", "--build", "b").out, "Compiling the model tiny")


def test_package_of_the_artifact_for_cmake(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "--weights", "w.safetensors", "-o", "out")
    t.write("main.c", MAIN)
    t.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(app C)\nfind_package(tiny REQUIRED)\n"
            "add_executable(app main.c)\ntarget_link_libraries(app PRIVATE tiny::tiny)\n")
    t.run("cmake", "-G", "Ninja", "-S", ".", "-B", "b", f"-Dtiny_DIR={t.path('out')}")
    t.run("cmake", "--build", "b")
    check_output(t, t.run("b/app", "out/tiny.safetensors").out)


def test_stages_can_be_printed(t):
    setup(t)
    for form, part in (("asg", "asg.graph @infer"), ("plan", "plan.program @infer"), ("llvm", "define "),
                       ("asm", ".text"), ("dot", "digraph"), ("json", '"format": "asgc-dump/1"')):
        t.contains(t.asgc("compile", "tiny.asg", f"--emit={form}").out, part, form)
    t.contains(t.asgc("compile", "tiny.asg", "--emit=asg", "--after=elaborate").out, "asg.layer")
    t.asgc("compile", "tiny.asg", "--emit=plan", "-o", "tiny.plan")
    t.contains(t.path("tiny.plan").read_text(), "plan.program @infer")
    t.contains(t.asgc("compile", "tiny.asg", "--emit=plam", code=2).err, "did you mean 'plan'?")
    t.contains(t.asgc("compile", "tiny.asg", "--after=asg-fues", code=2).err, "did you mean 'asg-fuse'?")
    for form in ("plan", "llvm", "asm", "obj"):
        t.contains(t.asgc("compile", "tiny.asg", "--after=asg-fuse", f"--emit={form}", code=2).err, "there is --emit=asg")
    t.contains(t.asgc("compile", "tiny.asg", "--after=plan-build", "--emit=asg", code=2).err, "there is --emit=plan")
    for name in ("asg-fuse", "plan-build"):
        t.contains(t.asgc("compile", "tiny.asg", f"--after={name}", "--emit=dot").out, "digraph")
    t.contains(t.asgc("compile", "tiny.asg", "--after=plan-schedule").out, "plan.program @infer")
    t.contains(t.asgc("compile", "tiny.asg", "--remarks=memroy", "--emit=plan", code=2).err, "did you mean 'memory'?")
    t.contains(t.asgc("compile", "tiny.asg", "--target=wasm32", "-o", "x", code=3).err, "'wasm32' is not supported")
    t.contains(t.asgc("compile", "m.onnx", "-o", "x", code=4).err, "m.onnx")


def test_dim_of_the_command_line_wins_over_the_recipe(t):
    t.write("points.asg", models.POINTS)  # its recipe says batch = 16
    printed = t.asgc("compile", "points.asg", "--dim", "batch=1", "--emit=asg").out
    t.contains(printed, "tensor<1x2xf32> {asg.name = \"x\"}")


def test_dump_tree_has_every_pass(t):
    setup(t)
    t.asgc("compile", "tiny.asg", "--emit=json", "--dump", "tree", "-o", "dump.json")
    stages = [stage["pass"] for stage in json.loads(t.path("dump.json").read_text())["stages"]]
    names = [name.split("-", 1)[1].removesuffix(".mlir") for name in sorted(os.listdir(t.path("tree")))]
    t.equal(names, stages, "passes of the tree and of the JSON")
    t.equal(names[0], "elaborate")
    t.expect("asg-fuse" in names and "plan-assign-memory" in names, "passes", names)
    for name in sorted(os.listdir(t.path("tree"))):
        t.asgc("check", f"tree/{name}")
        t.asgc("opt", f"tree/{name}")


def test_a_reader_that_has_read_enough(t):
    digits = harness.ROOT / "docs/examples/digits/digits.asg"
    ran = t.run("bash", "-c", f"set -o pipefail; {harness.ASGC} compile {digits} --emit=llvm | true")
    t.equal((ran.out, ran.err), ("", ""), "messages")


harness.main()
