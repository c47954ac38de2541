#!/usr/bin/env python3
"""What can be looked at: every pass alone, dumps, remarks, and the JSON of docs/json.md."""

import json
import re

import harness
import models

DIGITS = harness.ROOT / "docs/examples/digits/digits.asg"
LENET = harness.ROOT / "docs/examples/lenet/lenet.asg"

PROFILE = """#include "tiny.h"
#include <stdio.h>
static int put(void *user, const char *text, size_t size) { return fwrite(text, 1, size, stdout) != size; }
int main(void) {
  float x[3] = {1, 2, 3}, y[2];
  asgc_program *p = 0;
  if (tiny_create(0, &p)) return 1;
  asgc_program_profile(p, 1);
  return tiny_infer(p, 1, x, y) || asgc_program_dump(p, ASGC_DUMP_JSON, put, 0);
}
"""


def passes_of_the_compiler():
    text = (harness.ROOT / "include/asgc/Passes.td").read_text()
    return re.findall(r'Pass<"([a-z-]+)"', text)


def dump_tree(t, model):
    """The dumps of all passes: [(pass, file)]."""
    t.asgc("compile", model, "--emit=plan", "--dump", "tree", "-o", "plan.mlir")
    files = sorted(t.path("tree").iterdir())
    return [(file.stem.split("-", 1)[1], file) for file in files]


def without_names(text):
    """A dump has no locations, from which a plan takes the names of steps and the sources of buffers."""
    return re.sub(r'"[^"]*"', '""', text).strip()


def test_every_pass_runs_alone_at_its_stage(t):
    tree = dump_tree(t, DIGITS)
    t.equal([name for name, _ in tree], ["elaborate"] + passes_of_the_compiler(), "passes")
    for (_, before), (name, after) in zip(tree, tree[1:]):
        checks = ["--check-semantics"] if name.startswith("asg") else []
        alone = t.asgc("opt", before, f"--{name}", *checks)
        t.equal(without_names(alone.out), without_names(after.read_text()), f"{name} alone")
        if name.startswith("plan"):
            t.asgc("opt", before, f"--{name}", "--plan-verify")


def test_any_pass_at_any_stage_works_or_says_why_not(t):
    for stage, file in dump_tree(t, DIGITS):
        for name in passes_of_the_compiler():
            result = t.asgc("opt", file, f"--{name}", code=None)
            t.expect(result.code == 0 or (result.code == 1 and "error: " in result.err), f"{name} after {stage}", result)


def test_passes_at_both_ends_leave_legal_modules_alone(t):
    tree = dict(dump_tree(t, DIGITS))
    for stage, name in (("asg-simplify", "asg-simplify"), ("plan-schedule", "plan-schedule"), ("plan-verify", "plan-verify")):
        once = t.asgc("opt", tree[stage], f"--{name}").out
        t.equal(once.strip(), tree[stage].read_text().strip(), f"{name} twice")


#===- JSON ----------------------------------------------------------------===


def documented():
    """{object: {field: is optional}} of docs/json.md."""
    objects, fields = {}, None
    for line in (harness.ROOT / "docs/json.md").read_text().splitlines():
        if line.startswith("## "):
            fields = objects.setdefault(line[3:].lower(), {})
        elif fields is not None and line.startswith("| `"):
            names, meaning = line.strip("| ").split(" | ", 1)
            for name in re.findall(r"`([a-z_]+)`", names):
                fields[name] = meaning.startswith("optional")
    return objects


class Fields:
    """Compares every object of a document with what is documented."""

    def __init__(self, t):
        self.t, self.kinds = t, documented()
        self.seen = {kind: set() for kind in self.kinds}

    def visit(self, kind, value):
        for field in value:
            self.t.expect(field in self.kinds[kind], f"docs/json.md does not say that a {kind} has '{field}'", value)
        for field, is_optional in self.kinds[kind].items():
            self.t.expect(is_optional or field in value, f"a {kind} has no '{field}'", value)
        self.seen[kind] |= set(value)

    def visit_all(self, kind, values, inner=lambda value: None):
        for value in values:
            self.visit(kind, value)
            for place in value.get("loc", []):
                self.visit("place", place)
            inner(value)

    def document(self, document):
        self.visit("document", document)
        self.visit_all("layer", document["layers"])
        self.visit_all("variable", document["variables"])
        self.visit_all("stage", document["stages"], self.stage)
        self.visit_all("profile", document.get("profile", []))

    def stage(self, stage):
        self.t.expect(("graphs" in stage) != ("programs" in stage), "a stage has one level", stage["pass"])
        self.visit_all("graph", stage.get("graphs", []), self.graph)
        self.visit_all("program", stage.get("programs", []), self.program)

    def graph(self, graph):
        self.visit_all("tensor", graph["inputs"])
        self.visit_all("tensor", graph["outputs"], lambda output: self.visit("reference", output["from"]))
        self.visit_all("node", graph["nodes"], self.node)
        ids = [node["id"] for node in graph["nodes"]]
        self.t.equal(ids, list(range(len(ids))), "ids of nodes")

    def node(self, node):
        self.visit_all("tensor", node["outputs"])
        self.visit_all("reference", node["inputs"])

    def program(self, program):
        self.visit_all("buffer", program["buffers"])
        self.visit_all("step", program["steps"])
        for step in program["steps"]:
            self.t.expect(step["loc"], "a step traces to no source line", step)
            for buffer in step["reads"] + step["writes"]:
                self.t.expect(0 <= buffer < len(program["buffers"]), "a step names a buffer that is not there", step)


# A graph that others call.
BRANCH = """
asg.graph private @same(%x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
  asg.return %x : tensor<2xf32>
}
asg.graph @infer(%c: tensor<i1> {asg.name = "c"}, %x: tensor<2xf32> {asg.name = "x"}) -> (tensor<2xf32> {asg.name = "y"}) {
  %y = asg.if %c then @same else @same (%x) : (tensor<i1>, tensor<2xf32>) -> tensor<2xf32>
  asg.return %y : tensor<2xf32>
}
"""


def test_json_is_what_its_documentation_says(t):
    fields = Fields(t)
    for model in (DIGITS, LENET):
        document = json.loads(t.asgc("compile", model, "--emit=json").out)
        fields.document(document)
        t.equal([stage["pass"] for stage in document["stages"]], ["elaborate"] + passes_of_the_compiler(), "stages")
    t.write("branch.mlir", BRANCH)
    fields.document(json.loads(t.asgc("compile", "branch.mlir", "--emit=json").out))
    t.asgc("convert", DIGITS, "-o", "digits.json")
    fields.document(json.loads(t.path("digits.json").read_text()))
    t.write("tiny.asg", models.TINY)
    t.asgc("compile", "tiny.asg", "-o", "out")
    t.write("main.c", PROFILE)
    flags = t.run("pkg-config", "--cflags", "--libs", "tiny", env={"PKG_CONFIG_PATH": t.path("out")}).out.split()
    t.run("cc", "main.c", *flags, "-o", "main")
    fields.document(json.loads(t.run("./main").out))
    for kind, names in fields.kinds.items():
        t.equal(sorted(set(names) - fields.seen[kind]), [], f"documented fields of a {kind} that are never printed")


def test_json_stops_after_a_pass(t):
    document = json.loads(t.asgc("compile", DIGITS, "--emit=json", "--after=asg-simplify").out)
    t.equal(document["stages"][-1]["pass"], "asg-simplify")


# Elementwise work, a row's work whose division is once a row, and a sum along a dim.
WORK = """model work(x: f32[batch <= 4, 8]) -> (a: f32[batch, 8], b: f32[batch, 8], c: f32[8]) {
  return tanh(x) * 3 + x, softmax(x, axis = -1), sum(x * x, axis = 0)
}
"""


def flop_of_steps(t, model):
    dump = json.loads(t.asgc("compile", model, "--emit=json").out)
    return {step["name"]: step["flop"] for program in dump["stages"][-1]["programs"] for step in program["steps"]}


def test_steps_say_what_they_compute(t):
    t.write("work.asg", WORK)
    flop = flop_of_steps(t, "work.asg")
    points = 4 * 8
    t.equal(flop["infer.work.map"], 3 * points, "tanh, product, sum")
    t.equal(flop["infer.softmax.row"], 5 * points, "largest, difference, exp, sum, product")
    t.equal(flop["infer.work.reduce"], 2 * points, "product, sum")
    flop = flop_of_steps(t, LENET)
    # Each of 256 images: 16 channels of 4 x 4 points from 6 channels by kernels of 3 x 3.
    for part in ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"):
        t.equal(flop[f"train_step.conv2.{part}"], 2 * 256 * 16 * 4 * 4 * 6 * 3 * 3, part)
    for part in ("dot", "dot.1", "dot.2"):
        t.equal(flop[f"train_step.fc1.{part}"], 2 * 256 * 64 * 120, part)


harness.main()
