#!/usr/bin/env python3
"""A C program that trains, saves and loads a compiled model, and what it is told when a tensor does not fit."""

import json
import os
import struct
import subprocess

import arrays
import harness
import models

BATCHES, BATCH, EPOCHS, SEED = 11, 16, 30, 3

# The loop of a training program; train_step gives the loss and the other numbers of events.jsonl.
TRAIN = r"""#include "points.h"
#include "points_data.h" /* x, label */
#include <stdio.h>
static int fail(asgc_program *p) { return fprintf(stderr, "%s\n", points_error(p)), 1; }
int main(void) {
  asgc_program *p = 0, *q = 0;
  float loss, accuracy, norm, rate, before[32], after[32];
  if (points_create(0, &p) || points_init(p, SEED)) return fail(p);
  for (int step = 0, at = 0; step < EPOCHS * BATCHES; ++step, at = (at + BATCH) % (BATCHES * BATCH)) {
    if (points_train_step(p, BATCH, x[at], label + at, &loss, &accuracy, &norm, &rate)) return fail(p);
    printf("%.9g\n", loss);
  }
  if (points_eval_step(p, BATCH, x[0], label, &loss, &accuracy)) return fail(p);
  printf("%.9g %.9g\n", loss, accuracy);
  if (points_save(p, "trained.safetensors") || points_infer(p, BATCH, x[0], before)) return fail(p);
  if (points_create(0, &q) || points_load(q, "trained.safetensors") || points_infer(q, BATCH, x[0], after))
    return fail(q);
  for (int i = 0; i < 32; ++i)
    if (before[i] != after[i]) return fprintf(stderr, "element %d differs after loading\n", i), 1;
  points_destroy(p);
  points_destroy(q);
  return 0;
}
"""

# Tensors that do not fit, through the interface below the typed functions.
WRONG = r"""#include "points.h"
#include <stdio.h>
static float x[64][2], y[64][2];
static int64_t label[64], shape[3], out_shape[2];
static void try_run(asgc_program *p, const char *what, DLTensor in, DLTensor out) {
  const DLTensor *inputs[1] = {&in};
  DLTensor *outputs[1] = {&out};
  asgc_status status = asgc_program_run(p, "infer", inputs, 1, outputs, 1);
  printf("%s|%d|%s\n", what, (int)status, status ? points_error(p) : "");
}
int main(void) {
  asgc_program *p = 0;
  if (points_create(0, &p) || points_init(p, 1)) return 1;
  DLTensor in = {x, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, 0, 0}, out = in, bad;
  out.data = y;
  out.shape = out_shape;
  shape[0] = out_shape[0] = 4, shape[1] = out_shape[1] = 2;
  try_run(p, "good", in, out);
  bad = in, shape[1] = 3, try_run(p, "extent", bad, out), shape[1] = 2;
  bad = in, bad.ndim = 1, try_run(p, "rank", bad, out);
  bad = in, bad.dtype.bits = 64, try_run(p, "dtype", bad, out);
  bad = in, bad.data = 0, try_run(p, "null", bad, out);
  bad = out, out_shape[0] = 5, try_run(p, "output", in, bad), out_shape[0] = 4;
  shape[0] = out_shape[0] = 17, try_run(p, "bound", in, out), shape[0] = out_shape[0] = 4;
  float loss, accuracy, norm, rate;
  asgc_status status = points_train_step(p, 17, x[0], label, &loss, &accuracy, &norm, &rate);
  printf("typed|%d|%s\n", (int)status, status ? points_error(p) : "");
  status = points_load(p, "wrong.safetensors");
  printf("load|%d|%s\n", (int)status, status ? points_error(p) : "");
  status = points_save(p, "no/such/folder.safetensors");
  printf("save|%d|%s\n", (int)status, status ? points_error(p) : "");
  try_run(p, "still good", in, out);
  points_destroy(p);
  return 0;
}
"""


def compile_points(t):
    t.write("points.asg", models.POINTS)
    t.write("points.csv", models.points_csv())
    t.asgc("compile", "points.asg", "-o", "lib")


def link(t, source, program, *flags):
    config = subprocess.run(["pkg-config", "--cflags", "--libs", "points"], capture_output=True, text=True, check=True,
                            env={**os.environ, "PKG_CONFIG_PATH": str(t.path("lib"))}).stdout.split()
    t.write(f"{program}.c", source)
    t.run("cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *flags, f"{program}.c", *config, "-o", program)


def write_data(t):
    rows = [line.split(",") for line in models.points_csv().splitlines()][: BATCHES * BATCH]
    points = ", ".join(f"{{{a}f, {b}f}}" for a, b, _ in rows)
    labels = ", ".join(label for *_, label in rows)
    t.write("points_data.h", f"#include <stdint.h>\nstatic const float x[][2] = {{{points}}};\n"
            f"static const int64_t label[] = {{{labels}}};\n")


def test_c_program_trains_saves_and_loads(t):
    compile_points(t)
    write_data(t)
    flags = [f"-D{name}={globals()[name]}" for name in ("BATCHES", "BATCH", "EPOCHS", "SEED")]
    link(t, TRAIN, "train", *flags)
    *losses, (loss, accuracy) = [[float(word) for word in line.split()] for line in t.run("./train").out.splitlines()]
    losses = [loss for loss, in losses]
    t.equal(len(losses), EPOCHS * BATCHES, "losses")
    t.expect(sum(losses[-BATCHES:]) < 0.5 * sum(losses[:BATCHES]), "the loss did not fall", losses)
    t.expect(0.8 < accuracy <= 1 and 0 < loss < 0.5, "evaluation", loss, accuracy)

    # The same batches through asgc train give the same bits.
    rows = models.points_csv().splitlines()[: BATCHES * BATCH]
    t.write("points.csv", "\n".join(rows) + "\n")
    t.write("same.asg", models.POINTS.replace("split = 0.75", "split = 1").replace("epochs     = 6", f"epochs = {EPOCHS}")
            .replace("seed ", "shuffle = false\n  seed "))
    t.asgc("train", "same.asg", "--out", "run")
    events = [json.loads(line) for line in t.path("run/events.jsonl").read_text().splitlines()]
    for step, (event, loss) in enumerate(zip(events, losses, strict=True), 1):
        t.equal(event["loss"], loss, f"the loss of asgc train at step {step}")
    t.equal(t.path("trained.safetensors").read_bytes() == t.path("run/weights.safetensors").read_bytes(), True,
            "the weights of asgc train")


def test_saved_file_has_the_layout_that_python_reads(t):
    compile_points(t)
    link(t, '#include "points.h"\nint main(void) { asgc_program *p = 0; return points_create(0, &p) || '
         'points_init(p, 5) || points_save(p, "w.safetensors"); }\n', "save")
    t.run("./save")
    data = t.path("w.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    t.equal((data[8:9], (8 + length) % 8), (b"{", 0), "start and alignment of the header")
    header = json.loads(data[8 : 8 + length])
    t.equal(header.pop("__metadata__"), {"format": "pt"}, "metadata")
    t.equal({name: (info["dtype"], info["shape"]) for name, info in header.items()},
            {"fc1.weight": ("F32", [8, 2]), "fc1.bias": ("F32", [8]), "fc2.weight": ("F32", [2, 8]),
             "fc2.bias": ("F32", [2])}, "torch.nn.Linear's names, types and shapes")
    end = 0
    for info in sorted(header.values(), key=lambda info: info["data_offsets"]):
        begin, end_of_this = info["data_offsets"]
        t.equal((begin, end_of_this - begin), (end, 4 * arrays.count(info["shape"])), "offsets without holes")
        end = end_of_this
    t.equal(8 + length + end, len(data), "size of the file")
    # torch.nn.Linear draws from ±1/√in.
    values = arrays.read_safetensors(t.path("w.safetensors"))
    t.expect(all(abs(value) <= 2 ** -0.5 for value in values["fc1.weight"][1]), "initial values", values)


def test_wrong_tensors_give_a_status_and_a_sentence(t):
    compile_points(t)
    arrays.write_safetensors(t.path("wrong.safetensors"),
                             {"fc1.weight": ([8, 3], [0.0] * 24), "fc1.bias": ([8], [0.0] * 8),
                              "fc2.weight": ([2, 8], [0.0] * 16), "head.bias": ([2], [0.0] * 2)})
    link(t, WRONG, "wrong")
    said = {}
    for line in t.run("./wrong").out.splitlines():
        what, status, sentence = line.split("|", 2)
        said[what] = (int(status), sentence)
    for what in ("good", "still good"):
        t.equal(said.pop(what), (0, ""), what)
    for what, parts in {"extent": ["'x'", "[4, 3]", "2]"], "rank": ["'x'", "[4]", "2]"], "dtype": ["'x'", "f32", "f64"],
                        "null": ["'x'", "without data"], "output": ["'output'", "[5, 2]", "batch = 4"],
                        "bound": ["'x'", "17", "16"], "typed": ["'x'", "17", "16"],
                        "load": ["wrong.safetensors", "'fc1.weight'", "[8, 2]", "[8, 3]", "'fc2.bias' is missing",
                                 "'head.bias' is unexpected"],
                        "save": ["no/such/folder.safetensors"]}.items():
        status, sentence = said.pop(what)
        t.expect(status > 0, f"{what}: no status", sentence)
        for part in parts:
            t.contains(sentence, part, what)
        t.equal("\n" in sentence, False, "more than one line")
    t.equal(said, {}, "cases")


harness.main()
