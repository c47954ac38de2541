#!/usr/bin/env python3
"""asgc train on the digits: killed at random and resumed, a run leaves the same bytes as one that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import time

import harness

DIGITS = harness.ROOT / "docs/examples/digits/digits.asg"
STEPS = 60  # of 23 an epoch
ARGUMENTS = ["train", DIGITS, "--set", f"steps={STEPS}", "--set", "checkpoint=every(7 steps, keep = 2)"]


def events(t, run, file="events.jsonl"):
    """The lines without the clock."""
    lines = [json.loads(line) for line in t.path(run).joinpath(file).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "t"} for line in lines]


def start(t, *args):
    return subprocess.Popen([str(word) for word in [harness.ASGC, *ARGUMENTS, *args]], cwd=t.folder,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def undisturbed(t):
    t.asgc(*ARGUMENTS, "--out", "whole")
    t.equal(len(events(t, "whole")), STEPS, "steps")


def same_as_undisturbed(t, run):
    for file in ("events.jsonl", "epochs.jsonl"):
        t.equal(events(t, run, file), events(t, "whole", file), f"{file} of {run}")
    t.equal(t.path(f"{run}/weights.safetensors").read_bytes() == t.path("whole/weights.safetensors").read_bytes(), True,
            "weights the same bits")


def count_events(t, run):
    path = t.path(run) / "events.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_killed_runs_end_as_if_they_had_not_been(t):
    undisturbed(t)
    seed = int(os.environ.get("ASGC_E2E_SEED", "0")) or random.randrange(1, 1 << 30)
    print(f"ASGC_E2E_SEED={seed}")  # to see the same again
    draw, kills, resume = random.Random(seed), 0, []
    for _ in range(5):
        process = start(t, "--out", "run", *resume)
        # Anywhere: before the first step, within one, while a checkpoint is written.
        target, delay = draw.randrange(STEPS), draw.random() * 0.01
        while process.poll() is None and count_events(t, "run") < target:
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        kills += process.returncode == -signal.SIGKILL
        t.expect(process.returncode in (0, -signal.SIGKILL), "ended by itself", err.decode())
        resume = ["--resume"]
    t.expect(kills > 0, "no run was killed")
    t.asgc(*ARGUMENTS, "--out", "run", "--resume")
    same_as_undisturbed(t, "run")
    t.asgc("check", "run")


def interrupt(t, number):
    process = start(t, "--out", "run", "--set", "steps=1000000")
    while process.poll() is None and count_events(t, "run") < 10:
        time.sleep(0.001)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    err = err.decode()
    t.equal(process.returncode, 130, f"exit code\n{err}")
    step = count_events(t, "run")
    t.contains(err, f"saved checkpoint step {step}\n")
    t.contains(err, f"interrupted after step {step}\n")
    return err


def test_interrupt_saves_and_the_line_it_prints_goes_on(t):
    for number in (signal.SIGINT, signal.SIGTERM):
        err = interrupt(t, number)
        done = events(t, "run")
        line = next(line for line in err.splitlines() if line.startswith("resume with: "))
        command = line.removeprefix("resume with: ").replace("asgc ", f"{harness.ASGC} ", 1)
        t.contains(command, "--out run --resume")
        t.run("sh", "-c", f"{command} --set steps={len(done) + 5}")
        t.equal(events(t, "run")[: len(done)], done, "events before the interrupt")
        t.equal(len(events(t, "run")), len(done) + 5, "steps")
        t.run("rm", "-r", "run")


def test_checkpoints_rotate_and_are_found_by_number(t):
    t.asgc(*ARGUMENTS, "--out", "run", "--set", "steps=100", "--set", "evaluate=every(1000 steps)")
    names = sorted(path.name for path in t.path("run/checkpoints").iterdir())
    t.equal(names, ["step-00000098.safetensors", "step-00000100.safetensors"], "the two newest")
    # 9 is after 10 as text, not as a number.
    folder = t.path("run/checkpoints")
    (folder / names[0]).rename(folder / "step-9.safetensors")
    result = t.asgc(*ARGUMENTS, "--out", "run", "--resume", "--set", "steps=101")
    t.contains(result.err, "resumed at step 100 of")


harness.main()
