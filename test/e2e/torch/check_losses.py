#!/usr/bin/env python3
"""Trains the fixtures' models and compares the losses with PyTorch's.

check_losses.py ASGC NAME: from the same weights and batches, each of 20 losses
must agree within 1e-4 relative.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

LIMIT = 1e-4


def main():
    asgc, name = sys.argv[1:]
    here = pathlib.Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        subprocess.run([asgc, "train", here / f"{name}.asg", "--weights", here / f"{name}.safetensors", "--out", run],
                       check=True)
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    losses = [event["loss"] for event in events]
    expected = json.loads((here / f"{name}.losses.json").read_text())
    if len(losses) != len(expected):
        sys.exit(f"{name}: expected {len(expected)} steps, got {len(losses)}")
    worst = max(abs(a - b) / abs(b) for a, b in zip(losses, expected))
    print(f"{name}: {losses[0]:.6f} -> {losses[-1]:.6f}, largest relative difference to PyTorch {worst:.2e}")
    if not worst <= LIMIT:
        for step, (a, b) in enumerate(zip(losses, expected), 1):
            print(f"  step {step}: asgc {a:.9g}, PyTorch {b:.9g}")
        sys.exit(f"{name}: the losses differ by more than {LIMIT}")


main()
