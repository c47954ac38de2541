#!/usr/bin/env python3
"""Weights as PyTorch's libraries write them load into the examples by name, and the examples compute the same. Needs
python3-torch, which draws the weights; without it nothing is compared.

By hand, at full size: test_pretrained.py test_gpt2 --full"""

import subprocess
import sys

import arrays
import harness

TORCH = "/usr/bin/python3"
EXAMPLES = harness.ROOT / "docs/examples"
FULL = "--full" in sys.argv
if FULL:
    sys.argv.remove("--full")


def agree(t, name, settings, *options):
    """Both compute the logits of a random input from the same random weights."""
    if subprocess.run([TORCH, "-c", "import torch"], capture_output=True).returncode != 0:
        print("left out: PyTorch (python3-torch is not installed)")
        return
    words = [] if FULL else [f"{key}={value}" for key, value in settings.items()]
    t.run(TORCH, harness.ROOT / "test/e2e/torch/pretrained.py", name, t.folder, *words)
    sets = [part for word in words for part in ("--set", word)]
    t.asgc("run", EXAMPLES / name / f"{name}.asg", "--weights", "weights.pt", *options, *sets, "--input", "input.npy",
           "--output-dir", "out")
    shape, expected = arrays.read_npy(t.path("output.npy"))
    found_shape, found = arrays.read_npy(t.path("out/logits.npy"))
    t.equal(found_shape, shape, "shape")
    worst = max(abs(a - e) for a, e in zip(found, expected, strict=True))
    largest = max(map(abs, expected))
    print(f"{name}: logits up to {largest:.3g} differ by {worst:.2g} at most")
    t.expect(0.1 < largest < 100, f"logits up to {largest} say little")
    t.expect(worst <= 1e-4, f"the logits differ by {worst}")


def test_resnet50(t):
    agree(t, "resnet50", {"size": 64})


def test_gpt2(t):
    agree(t, "gpt2", {"layers": 3, "vocab": 4000, "length": 32, "positions": 64}, "--map",
          EXAMPLES / "gpt2/huggingface.map")


harness.main()
