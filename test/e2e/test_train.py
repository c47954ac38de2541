#!/usr/bin/env python3
"""asgc train: what it leaves, how it goes on, and how it fails."""

import json
import os
import random
import re
import resource
import signal
import subprocess
import time

import arrays
import harness
import models

STEPS = 6 * 12  # 180 points to train on in batches of 16: 12 a epoch
LAST = "last checkpoint"


def setup(t):
    t.write("points.asg", models.POINTS)
    t.write("points.csv", models.points_csv())


def events(t, run):
    """The lines of events.jsonl without the clock."""
    lines = [json.loads(line) for line in t.path(run).joinpath("events.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "t"} for line in lines]


def start(t, *args, **options):
    return subprocess.Popen([str(harness.ASGC), "train", "points.asg", *args], cwd=t.folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def wait_for_events(t, run, count):
    path = t.path(run) / "events.jsonl"
    for _ in range(3000):
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)
    raise harness.Failure(f"no {count} events in {path}")


def test_train_leaves_events_checkpoints_and_weights(t):
    setup(t)
    result = t.asgc("train", "points.asg", "--out", "run")
    t.contains(result.err, f"saved checkpoint step {STEPS}")
    t.equal(result.out, "", "stdout")
    log = events(t, "run")
    t.equal([line["step"] for line in log], list(range(1, STEPS + 1)), "steps")
    epochs = [json.loads(line) for line in t.path("run/epochs.jsonl").read_text().splitlines()]
    means = [line["loss"] for line in epochs if line["part"] == "train"]
    t.expect(len(means) == 6 and means[-1] < 0.95 * means[0], "the loss did not fall", means)
    weights = arrays.read_safetensors(t.path("run/weights.safetensors"))
    t.equal(sorted(weights), ["fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"])
    t.asgc("check", "run", "run/weights.safetensors")


def test_precision_narrows_products_alone(t):
    setup(t)
    t.write("narrow.asg", models.POINTS.replace("  loss ", "  precision = bf16\n  loss ", 1))
    plan = t.asgc("compile", "narrow.asg", "--emit=plan").out
    step = plan[plan.index("@train_step"):plan.index("@eval_step")]
    products = re.findall(r'"train_step\.[^"]*dot[^"]*".*?\) -> [^\n]*\n[^\n]*', step, re.DOTALL)
    t.equal(len(products), 5, "two products and their gradients, without that of x")
    for product in products:
        factors = product[product.index(" : "):product.rindex(" -> ")]
        t.expect("xbf16" in factors and "xf32" not in factors, "a product of the step", product)
    t.expect("bf16" not in plan.replace(step, ""), "what is no step is narrowed", plan)
    t.asgc("train", "points.asg", "--out", "wide")
    t.asgc("train", "narrow.asg", "--out", "narrow")
    wide, narrow = ([line["loss"] for line in events(t, run)] for run in ("wide", "narrow"))
    t.expect(wide != narrow, "the losses are the same")
    # bf16 keeps 8 bits: a product of rounded numbers is off by 2^-8 of itself.
    for step, (a, b) in enumerate(zip(wide, narrow), 1):
        t.expect(abs(a - b) <= 0.02 * a, f"step {step}: f32 {a}, bf16 {b}")


def test_loss_has_nine_digits(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "run", "--set", "epochs=1")
    line = t.path("run/events.jsonl").read_text().splitlines()[0]
    loss = line.split('"loss":')[1].split(",")[0].strip(" }")
    t.expect(len(loss.replace(".", "").replace("-", "").lstrip("0")) >= 7, "few digits", line)


def test_killed_runs_resume_to_the_same_curve(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "whole")
    expected = events(t, "whole")
    draw = random.Random(int(os.environ.get("ASGC_E2E_SEED", "1")))
    for attempt in range(3):
        run = f"run{attempt}"
        resume = []
        for _ in range(3):
            process = start(t, "--out", run, *resume)
            try:
                wait_for_events(t, run, draw.randrange(1, STEPS - 1))
            except harness.Failure:
                pass  # it was done before it could be killed
            process.send_signal(signal.SIGKILL)
            process.communicate()
            resume = ["--resume"]
        t.asgc("train", "points.asg", "--out", run, "--resume")
        t.equal(events(t, run), expected, f"events of run {attempt}")
        t.equal(t.path(f"{run}/weights.safetensors").read_bytes() == t.path("whole/weights.safetensors").read_bytes(), True,
                "weights the same bits")


def test_threads_give_the_same_curve(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "one", "--threads", "1")
    t.asgc("train", "points.asg", "--out", "four", "--threads", "4")
    t.equal(events(t, "one"), events(t, "four"), "events")


def test_interrupt_saves_and_says_how_to_go_on(t):
    setup(t)
    process = start(t, "--out", "run", "--set", "epochs=5000", "--set", "checkpoint=every(100000 steps)")
    wait_for_events(t, "run", 7)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    err = err.decode()
    t.equal(process.returncode, 130, "exit code")
    t.contains(err, "saved checkpoint step ")
    line = next(line for line in err.splitlines() if "asgc train" in line and "--resume" in line)
    t.contains(line, "--out run")
    done = len(events(t, "run"))
    t.asgc("train", "points.asg", "--out", "run", "--resume", "--set", "checkpoint=every(100000 steps)", "--set",
           f"epochs={done // 12 + 2}", code=None)
    t.expect(len(events(t, "run")) >= done, "resuming lost events")


def test_folder_of_a_run_is_not_overwritten(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "run", "--set", "epochs=1")
    before = t.path("run/events.jsonl").read_bytes()
    t.contains(t.asgc("train", "points.asg", "--out", "run", code=1).err, "run: there is a run in this folder")
    t.equal(t.path("run/events.jsonl").read_bytes(), before, "events")


def test_settings_change_the_run(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "run", "--set", "epochs=2", "--set", "optimizer.lr=0.001")
    t.equal(len(events(t, "run")), 24, "steps")
    t.contains(t.asgc("train", "points.asg", "--out", "x", "--set", "epoch=2", code=1).err, "epochs")


def test_weights_to_begin_with(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "a", "--set", "epochs=1")
    t.asgc("train", "points.asg", "--out", "b", "--set", "epochs=1", "--weights", "a/weights.safetensors")
    t.expect(events(t, "b")[0]["loss"] != events(t, "a")[0]["loss"], "the weights made no difference")


def test_loss_that_is_not_finite_stops_the_run(t):
    setup(t)
    t.write("bad.asg", models.POINTS.replace("fc2: linear(2)", "fc2: linear(2) |> log"))
    result = t.asgc("train", "bad.asg", "--model", "points", "--out", "run", code=1)
    t.contains(result.err, "step")
    t.expect("nan" in result.err.lower() or "finite" in result.err, "says nothing of NaN", result)


def test_bad_data_name_file_and_line(t):
    setup(t)
    good = models.points_csv().splitlines()
    for bad, part in (("0.5,x,1", "points.csv"), ("0.5,1", "points.csv"), ("0.5,0.1,1,7", "points.csv")):
        t.write("points.csv", "\n".join(good[:9] + [bad] + good[10:]) + "\n")
        error = t.asgc("train", "points.asg", "--out", "run", code=1).err
        t.contains(error, part)
        t.contains(error, "10")
    t.path("points.csv").unlink()
    t.contains(t.asgc("train", "points.asg", "--out", "run", code=4).err, "points.csv")
    t.write("points.csv", "")
    t.contains(t.asgc("train", "points.asg", "--out", "run", code=1).err, "points.csv")


def test_corrupt_checkpoint_falls_back_or_says_so(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "run")
    checkpoints = sorted(t.path("run/checkpoints").glob("step-*.safetensors"))
    t.expect(len(checkpoints) >= 2, "needs two checkpoints", checkpoints)
    data = bytearray(checkpoints[-1].read_bytes())
    data[len(data) // 2] ^= 1
    checkpoints[-1].write_bytes(data)
    t.contains(t.asgc("check", checkpoints[-1], code=1).err, checkpoints[-1].name)
    t.asgc("train", "points.asg", "--out", "run", "--resume")
    t.asgc("train", "points.asg", "--out", "whole")
    t.equal(events(t, "run"), events(t, "whole"), "events")


def test_full_disk_loses_nothing(t):
    setup(t)
    t.asgc("train", "points.asg", "--out", "run", "--set", "epochs=2")
    before = {path: path.read_bytes() for path in t.path("run").rglob("*.safetensors")}

    def limit():  # files may not grow beyond 1 KiB: what a full disk looks like from here
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    process = start(t, "--out", "run", "--resume", "--set", "epochs=4", preexec_fn=limit)
    _, err = process.communicate(timeout=120)
    t.equal(process.returncode, 4, "exit code")
    t.expect(err.count(b"asgc:") >= 1, "no message", err)
    for path, content in before.items():
        t.equal(path.read_bytes() == content, True, f"{path} unchanged")
    t.asgc("train", "points.asg", "--out", "run", "--resume", "--set", "epochs=4")


def test_folder_that_cannot_be_made(t):
    setup(t)
    t.write("file", "x")
    t.contains(t.asgc("train", "points.asg", "--out", "file/run", code=4).err, "file/run")


harness.main()
