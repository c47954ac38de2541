#!/usr/bin/env python3
"""What a compiled step consists of: its kernels, its calls, and the memory they share."""

import re

import harness
import models

EXAMPLES = harness.ROOT / "docs/examples"


class Plan:
    """One program of `--emit=plan`: the names of its steps by op, and its arena."""

    def __init__(self, text, entry):
        programs = re.split(r"\n  (?=plan\.program)", text)
        self.text = next(part for part in programs if part.startswith(f"plan.program @{entry}"))
        self.steps = re.findall(r'^    plan\.(\w+) "([^"]+)"( \w+)?', self.text, re.M)
        arena = re.search(r"arena (\d+) lower_bound (\d+) waste (\d+)", self.text)
        self.arena, self.lower_bound, self.waste = map(int, arena.groups())

    def named(self, op, part, kind=""):
        return [name for step, name, form in self.steps if step == op and part in name and kind in form]

    def body(self, name):
        """The scalar program of a kernel."""
        return self.text.split(f'"{name}"', 1)[1].split("plan.yield", 1)[0]


def plan_of(t, model, entry="train_step"):
    return Plan(t.asgc("compile", model, "--emit=plan").out, entry)


def test_digits_loss_is_one_kernel(t):
    plan = plan_of(t, EXAMPLES / "digits/digits.asg")
    rows = [name for op, name, kind in plan.steps if op == "kernel" and "math.exp" in plan.body(name) and "math.log" in plan.body(name)]
    t.equal(len(rows), 1, "kernels with the exponential and the logarithm of softmax and cross entropy")
    # Its gradient, and the metrics that look at the same row, come with it.
    t.equal(plan.body(rows[0]).count("math.exp "), 1, "exponentials")
    t.equal(len([name for op, name, _ in plan.steps if op == "matmul" and "head" in name]), 3, "products of the head")


def test_digits_evaluation_is_one_kernel_after_the_head(t):
    plan = plan_of(t, EXAMPLES / "digits/digits.asg", "eval_step")
    head = next(index for index, (op, name, _) in enumerate(plan.steps) if op == "matmul" and "head" in name)
    kernels = plan.steps[head + 1:]
    # Loss and both metrics of every example; their sums over the batch; their means.
    t.equal([(op, kind.strip()) for op, _, kind in kernels], [("kernel", "row"), ("kernel", "reduce"), ("kernel", "map")],
            "kernels after the head")
    row, total = (plan.body(name) for _, name, _ in kernels[:2])
    t.equal(row.count("math.exp "), 1, "exponentials")
    t.equal(total.count("plan.reduce add"), 4, "sums over the batch: loss, examples that count, two metrics")


def test_activations_join_the_product_before_them(t):
    activations = {"relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "silu": "silu", "gelu": "gelu_erf", "gelu_tanh": "gelu_tanh"}
    for written, name in activations.items():
        model = t.write("m.asg", f"model m(x: f32[8, 16]) {{ return x |> fc: linear(24) |> {written} }}\n")
        plan = plan_of(t, model, "infer")
        t.equal([op for op, _, _ in plan.steps], ["matmul"], f"steps of a linear layer and {written}")
        t.equal(re.search(r" act (\w+)", plan.text)[1], name, f"activation of the product behind {written}")


def test_digits_scalars_are_one_kernel(t):
    plan = plan_of(t, EXAMPLES / "digits/digits.asg")
    scalars = [name for op, name, _ in plan.steps if op == "kernel" and f'"{name}" map space [] (' in plan.text]
    t.equal(len(scalars), 1, "kernels of scalars: learning rate, bias corrections, norm, clip, step, loss")
    t.equal(plan.named("copy", ""), [], "copies")


def test_digits_layer_norm_backward_is_one_row_kernel(t):
    plan = plan_of(t, EXAMPLES / "digits/digits.asg")
    # A kernel has the name of one of its ops, and its neighbours' ops may be in it: so
    # the kernels are known by what they read. Forward alone needs the bias.
    for body in ("body.0", "body.1"):
        readers = [name for op, name, _ in plan.steps if op == "kernel" and f"%{body}.layer_norm.weight at" in plan.body(name)]
        backward = [name for name in readers if f"%{body}.layer_norm.bias at" not in plan.body(name)]
        t.equal(len(readers), 2, f"kernels that scale by {body}.layer_norm.weight, forward and backward")
        t.equal(len(backward), 1, f"kernels of the gradient of {body}.layer_norm for its input")
        t.expect(backward[0] in plan.named("kernel", "", "row"), f"{backward[0]} is a row kernel")
        t.equal(plan.body(backward[0]).count("plan.reduce "), 2, f"reductions along the rows of {backward[0]}")


def test_digits_update_is_one_launch(t):
    plan = plan_of(t, EXAMPLES / "digits/digits.asg")
    updates = plan.named("update", "update")
    t.equal(len(updates), 1, "updates")
    t.equal(plan.body(updates[0]).count("math.sqrt"), 1, "square roots of AdamW")


def test_arenas_are_within_five_percent_of_the_largest_live_set(t):
    t.write("rows.asg", models.ROWS)
    for model in (EXAMPLES / "digits/digits.asg", EXAMPLES / "lenet/lenet.asg", t.path("rows.asg")):
        for entry in ("train_step", "infer"):
            plan = plan_of(t, model, entry)
            t.equal(plan.waste, plan.arena - plan.lower_bound, f"waste of {model}")
            t.expect(plan.lower_bound > 0 and plan.waste <= 0.05 * plan.lower_bound,
                     f"{model}: {entry} needs {plan.arena} bytes, {plan.lower_bound} live at once")


def test_the_schedule_is_never_worse_than_the_order_of_the_source(t):
    t.write("rows.asg", models.ROWS)
    for model in (EXAMPLES / "digits/digits.asg", EXAMPLES / "lenet/lenet.asg", t.path("rows.asg")):
        t.write("given.mlir", t.asgc("compile", model, "--after=plan-select-kernels").out)
        for entry in ("train_step", "eval_step", "infer"):
            given = Plan(t.asgc("opt", "given.mlir", "--plan-assign-memory").out, entry)
            scheduled = Plan(t.asgc("opt", "given.mlir", "--plan-schedule", "--plan-assign-memory").out, entry)
            t.expect(scheduled.lower_bound <= given.lower_bound,
                     f"{model}: {entry}: {scheduled.lower_bound} live at once, {given.lower_bound} in the given order")


def test_memory_remarks_name_what_fills_the_arena(t):
    result = t.asgc("compile", EXAMPLES / "digits/digits.asg", "--emit=plan", "--remarks=memory", "-o", "plan.mlir")
    plan = Plan(t.path("plan.mlir").read_text(), "train_step")
    lines = [line for line in result.err.splitlines() if "@train_step" in line]
    t.contains(lines[0], "remark: @train_step needs an arena of")
    step = int(re.search(r"alive in step (\d+) of", lines[0]).group(1))
    alive = [(int(first), int(last)) for first, last in re.findall(r"alive (\d+) to (\d+)", plan.text)]
    count = int(re.search(r"in (\d+) buffers", lines[0]).group(1))
    t.expect(0 < count <= sum(first <= step <= last for first, last in alive), "buffers alive at the peak", lines[0])
    t.equal(len(lines), 1 + count, "a line for each buffer")
    t.expect(all(re.match(r"\S+\.asg:\d+:\d+: remark: ", line) for line in lines), "lines of the source", *lines)


harness.main()
