#!/usr/bin/env python3
"""How a run ends: patience, a loss that is not finite, a full disk, a folder that cannot be written. Nothing that
stood on the disk before is lost."""

import json
import shutil
import signal
import subprocess

import arrays
import harness
import models

EPOCH = 12  # steps


def setup(t):
    t.write("points.asg", models.POINTS)
    t.write("points.csv", models.points_csv())


def train(t, *args, **options):
    return t.asgc("train", "points.asg", "--out", "run", *args, **options)


def lines(t, file):
    return [json.loads(line) for line in t.path(f"run/{file}").read_text().splitlines()]


def snapshot(t):
    """Weights and checkpoints, byte for byte."""
    return {path: path.read_bytes() for path in t.path("run").rglob("*.safetensors")}


def test_metrics_are_means_over_items(t):
    setup(t)
    train(t, "--set", "metrics=[accuracy, top_k(1), sure: perplexity]", "--set", "epochs=2")
    events = lines(t, "events.jsonl")
    t.equal(sorted(events[0]), sorted(["step", "epoch", "loss", "accuracy", "top_k", "sure", "grad_norm", "lr", "t"]))
    for event in events:
        t.equal(event["accuracy"], event["top_k"], "top 1 of two classes")
    sizes = [16] * 11 + [4]
    for epoch, summary in enumerate(line for line in lines(t, "epochs.jsonl") if line["part"] == "train"):
        part = events[epoch * EPOCH : (epoch + 1) * EPOCH]
        t.equal(summary["items"], 180, "items")
        mean = sum(event["accuracy"] * size for event, size in zip(part, sizes)) / 180
        t.expect(abs(summary["accuracy"] - mean) < 1e-6, "the mean weighs batches by their items", summary, mean)
    t.equal([line["items"] for line in lines(t, "epochs.jsonl") if line["part"] == "test"], [60, 60], "test items")


def test_patience_ends_the_run_and_the_best_stays(t):
    setup(t)
    # Steps so large that the first evaluations are the best.
    result = train(t, "--set", "optimizer.lr=3.0", "--set", "epochs=50", "--set", "stop=patience(loss, 3)", "--set",
                   "checkpoint=every(1 epoch, keep = 1)")
    tests = [line for line in lines(t, "epochs.jsonl") if line["part"] == "test"]
    best = min(tests, key=lambda line: line["loss"])
    t.equal(len(tests), tests.index(best) + 4, "evaluations: three in vain after the best")
    t.expect(len(tests) < 50, "patience did not end the run")
    t.contains(result.err, f"best loss: {best['loss']:.4g} at step {best['step']} (run/checkpoints/")
    names = sorted(path.name for path in t.path("run/checkpoints").iterdir())
    t.equal(names, [f"step-{step:08}.safetensors" for step in (best["step"], tests[-1]["step"])], "best and newest")


def test_loss_that_is_not_finite_keeps_the_last_good_checkpoint(t):
    # A weight walks down to where its logarithm is no number: step 8 sees 0.5, step 9 −0.5.
    t.write("walk.asg", """use nn

optimizer walk() for p, g {
  p <- p - 1.0
}

model walk_down(x: f32[batch <= 4, 1]) -> f32[batch, 1] {
  param place: f32[1] = constant(7.5)
  return x * 0 + log(place)
}

train walk_down {
  data       = csv("x.csv", features = 0..1, split = 1)
  batch      = 4
  steps      = 20
  loss       = mean(output)
  optimizer  = walk()
  checkpoint = every(3 steps)
}
""")
    t.write("x.csv", "0.5\n" * 400)
    result = t.asgc("train", "walk.asg", "--out", "run", code=1)
    t.contains(result.err, "asgc: the loss is nan at step 9; nothing of that step was saved, the last good checkpoint is "
               "run/checkpoints/step-00000006.safetensors")
    t.equal(sorted(path.name for path in t.path("run/checkpoints").iterdir()),
            ["step-00000003.safetensors", "step-00000006.safetensors"])
    t.equal(lines(t, "events.jsonl")[-1]["loss"], "nan")
    place = arrays.read_safetensors(t.path("run/checkpoints/step-00000006.safetensors"))["place"]
    t.equal(place, ([1], [1.5]), "the checkpoint")
    t.asgc("check", "run")
    # What went wrong can be looked at from the good checkpoint on, or gone through.
    t.contains(t.asgc("train", "walk.asg", "--out", "run", "--resume", code=1).err, "resumed at step 6")
    t.asgc("train", "walk.asg", "--out", "run", "--resume", "--set", "non_finite=continue")
    t.equal(len(lines(t, "events.jsonl")), 20, "steps")


def in_namespace(t, script, code=None):
    """Runs `script` where it may mount, or gives None on systems that do not let it."""
    unshare = ["unshare", "--mount", "--map-root-user"]
    try:
        subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", t.folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return t.run(*unshare, "sh", "-ec", script, code=code)


def test_full_disk_loses_nothing(t):
    setup(t)
    train(t, "--set", "epochs=2")
    # A disk on which two pages are left: some lines of the log fit, a checkpoint does not.
    script = f"""mkdir small; mount -t tmpfs -o size=256k tmpfs small; cp -r run small
dd if=/dev/zero of=small/filler bs=4k 2>/dev/null || truncate -s -8k small/filler
code=0; {harness.ASGC} train points.asg --out small/run --resume --set epochs=40 || code=$?
cp -r small/run after; exit $code"""
    result = in_namespace(t, script)
    if result is None:
        return  # test_train.py has the same with a limit on the size of files
    t.equal(result.code, 4, f"exit code\n{result}")
    t.contains(result.err, "No space left on device")
    before = snapshot(t)
    good = result.err.split("the last good checkpoint is small/run/")[1].split()[0]
    t.expect(t.path(f"after/{good}").exists(), "the checkpoint that is named is not there", result)
    for path, content in before.items():
        kept = t.path("after") / path.relative_to(t.path("run"))
        if kept.exists():  # older ones make room for newer ones
            t.equal(kept.read_bytes() == content, True, f"{kept} unchanged")
    shutil.rmtree(t.path("run"))
    t.path("after").rename(t.path("run"))
    t.asgc("check", "run")
    train(t, "--resume", "--set", "epochs=4", code=None)


def test_folder_that_is_read_only_loses_nothing(t):
    setup(t)
    train(t, "--set", "epochs=2")
    before = snapshot(t)
    result = in_namespace(t, f"""mount --bind run run; mount -o remount,bind,ro run
exec {harness.ASGC} train points.asg --out run --resume --set epochs=4""")
    if result is None:
        return
    t.equal(result.code, 4, f"exit code\n{result}")
    t.contains(result.err, "Read-only file system")
    t.equal(snapshot(t) == before, True, "files unchanged")
    train(t, "--resume", "--set", "epochs=4")


def test_two_processes_do_not_train_in_one_folder(t):
    setup(t)
    first = subprocess.Popen([str(harness.ASGC), "train", "points.asg", "--out", "run", "--set", "epochs=100000"],
                             cwd=t.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not t.path("run/events.jsonl").exists():
            pass
        t.contains(train(t, "--resume", code=4).err, "another process is training in this folder")
    finally:
        first.send_signal(signal.SIGINT)
        t.equal(first.wait(timeout=60), 130, "exit code of the first")


harness.main()
