#!/usr/bin/env python3
"""A layer and an optimizer that a user wrote (docs/own-block.md) train without a line of C++."""

import json
import re

import arrays
import harness

EXAMPLE = harness.ROOT / "docs/examples/own_block/own_block.asg"
PAGE = harness.ROOT / "docs/own-block.md"


def code(text):
    """The lines of a model text without comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_page_and_example_say_the_same(t):
    example = EXAMPLE.read_text()
    t.expect(len(example.splitlines()) < 40, "the example is long")
    snippets = re.findall(r"```asg\n(.*?)```", PAGE.read_text(), re.DOTALL)
    t.equal(len(snippets), 3, "snippets")
    t.contains("\n".join(code(example)), "\n".join(code(snippets[0])))
    t.contains("\n".join(code(example)), "\n".join(code(snippets[2])))
    t.write("all.asg", "".join(snippets) + "model m(x: f32[4, 3]) -> f32[4, 3] {\n  return x |> highway |> scaled\n}\n")
    t.asgc("check", "all.asg")


def test_example_trains(t):
    t.asgc("train", EXAMPLE, "--out", "run")
    tests = [json.loads(line) for line in t.path("run/epochs.jsonl").read_text().splitlines()]
    accuracy = max(line["accuracy"] for line in tests if line["part"] == "test")
    t.expect(accuracy > 0.9, "the example does not learn", accuracy)
    newest = sorted(t.path("run/checkpoints").iterdir())[-1]
    names = set(arrays.read_safetensors(newest))
    t.expect({"stack.0.highway.gate.weight", "stack.0.highway.gate.weight.m"} <= names, "names in the checkpoint", names)


def test_optimizer_is_one_kernel(t):
    plan = t.asgc("compile", EXAMPLE, "--emit=plan").out
    step = plan[plan.index("plan.program @train_step") :]
    updates = [line for line in step.splitlines() if line.startswith("    plan.update ")]
    norms = [line for line in updates if line.rstrip(" {(").endswith("reduces")]
    t.equal(len(updates) - len(norms), 1, "kernels that update parameters")
    t.equal(len(norms), 1, "kernels that sum the squares of the gradients")


def test_explain_reads_the_file(t):
    said = t.asgc("explain", "highway", "--file", EXAMPLE).out
    t.contains(said, "a learned gate decides")
    t.contains(said, "y = g · relu(change(x)) + (1 − g) · x")


harness.main()
