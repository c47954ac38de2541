#!/usr/bin/env python3
"""rnn, gru and lstm of dialects/nn as one meets them: names of variables, mistakes, and training that has to remember."""

import json
import random

import arrays
import harness

STEPS = 8

# Only the first of the numbers decides the class, and all are read after it.
MEMORY = """use nn

model memory(x: f32[batch <= 64, {steps}, 1]) -> f32[batch, 2] {{
  y = x |> cell: {block}(12)
  return y[:, -1] |> head: linear(2)
}}

train memory {{
  data      = csv("memory.csv", features = 0..{steps}, label = {steps}, shape = [{steps}, 1], split = 0.8)
  batch     = 32
  epochs    = 20
  loss      = cross_entropy(output, label)
  optimizer = adam(lr = 0.02)
  metrics   = [accuracy]
  seed      = 3
}}
"""


def write_memory(t, count=400):
    """As CSV; the label of a row is whether its first number is positive."""
    draw = random.Random(5)
    rows = [[draw.choice((-1, 1)) * draw.uniform(0.5, 1) for _ in range(STEPS)] for _ in range(count)]
    t.write("memory.csv", "".join(",".join(f"{x:.4f}" for x in row) + f",{int(row[0] > 0)}\n" for row in rows))


def test_each_of_them_learns_to_remember(t):
    write_memory(t)
    for block in ("rnn", "gru", "lstm"):
        text = MEMORY.format(steps=STEPS, block=block)
        t.write(f"{block}.asg", text)
        t.asgc("train", f"{block}.asg", "--out", block)
        last = json.loads(t.path(f"{block}/epochs.jsonl").read_text().splitlines()[-1])
        t.expect(last["accuracy"] > 0.95, f"{block} learns nothing", last)


def test_a_length_of_run_time_is_an_error_at_the_call(t):
    t.write("m.asg", "use nn\n\nmodel m(x: f32[2, time <= 7, 3]) -> f32[2, time, 4] {\n  return x |> lstm(4)\n}\n")
    error = t.asgc("check", "m.asg", code=1).err
    for part in ("error[ASG0110]: the extent of axis 1 must be known at compile time", "is time, known only at run time",
                 "note: in block `lstm`, called here\n", "m.asg:4:15\n", "m.asg: 1 error\n"):
        t.contains(error, part)


def test_states_must_be_as_many_as_layers_and_directions(t):
    t.write("m.asg", "use nn\n\nmodel m(x: f32[2, 5, 3], h: f32[3, 2, 4]) -> f32[2, 2, 4] {\n"
                     "  y, last = gru_states(x, 4, h, layers = 2)\n  return last\n}\n")
    t.contains(t.asgc("check", "m.asg", code=1).err, "3 states are given to 2 layers and directions")


def test_a_variable_may_have_another_name_in_files(t):
    text = ("block b(x: f32[2]) -> f32[2] {{\n  for i in 0..2 {{\n    param w as {}: f32[2] = zeros()\n    x = x + w\n  }}\n"
            "  return x\n}}\n\nmodel m(x: f32[2]) -> f32[2] {{\n  return x |> b\n}}\n")
    t.write("m.asg", text.format('"w{i}"'))
    arrays.write_npy(t.path("x.npy"), "<f4", [2], [1.0, 2.0])
    arrays.write_safetensors(t.path("w.safetensors"), {"b.w0": ([2], [1.0, 1.0]), "b.w1": ([2], [0.25, 0.5])})
    t.asgc("run", "m.asg", "--weights", "w.safetensors", "--input", "x=x.npy", "--output-dir", ".")
    t.equal(list(arrays.read_npy(t.path("output.npy"))[1]), [2.25, 3.5], "output")
    t.asgc("fmt", "--check", "m.asg")
    for name, code in (("w", "ASG0214"), ('"w{i}."', "ASG0311"), ("1", "ASG00")):
        t.write("m.asg", text.format(name))
        t.contains(t.asgc("check", "m.asg", code=1).err, f"error[{code}")


if __name__ == "__main__":
    harness.main()
