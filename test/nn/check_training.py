#!/usr/bin/env python3
"""Trains with every optimizer, schedule and clip of dialects/nn and compares losses, learning rates, gradient norms and
variables after six steps with PyTorch's: check_training.py ASGC [CASE...].

PyTorch computed in f64, asgc computes in f32: TOLERANCE allows a hundred roundings.
"""
import json
import pathlib
import sys
import tempfile

import check_cases
from check_cases import HERE, Difference, arrays, asgc, compare

# case: (model of training.asg, settings)
RECIPES = {
    "sgd": ("fit", "optimizer=sgd(lr = 0.1)"),
    "sgd_decay": ("fit", "optimizer=sgd(lr = 0.1, weight_decay = 0.05)"),
    "sgd_momentum": ("fit", "optimizer=sgd(lr = 0.1, momentum = 0.9, weight_decay = 0.05)"),
    "sgd_dampened": ("fit", "optimizer=sgd(lr = 0.1, momentum = 0.9, dampening = 0.3)"),
    "sgd_nesterov": ("fit", "optimizer=sgd(lr = 0.1, momentum = 0.9, weight_decay = 0.05, nesterov = true)"),
    "adam": ("fit", "optimizer=adam(lr = 0.1)"),
    "adam_decay": ("fit", "optimizer=adam(lr = 0.1, beta1 = 0.8, beta2 = 0.95, eps = 1e-6, weight_decay = 0.05)"),
    "adamw": ("fit", "optimizer=adamw(lr = 0.1, weight_decay = 0.2)"),
    "adamw_except_bias": ("without_bias_decay",),
    "rmsprop": ("fit", "optimizer=rmsprop(lr = 0.05)"),
    "rmsprop_momentum": ("fit", "optimizer=rmsprop(lr = 0.05, alpha = 0.9, momentum = 0.7, weight_decay = 0.05)"),
    "adagrad": ("fit", "optimizer=adagrad(lr = 0.2)"),
    "adagrad_decay": ("fit", "optimizer=adagrad(lr = 0.2, weight_decay = 0.05)"),
    "lion": ("fit", "optimizer=lion(lr = 0.05, weight_decay = 0.1)"),
    "constant": ("fit", "optimizer=sgd(lr = constant(0.1))"),
    "warm_up": ("fit", "optimizer=sgd(lr = warm_up(0.2, warmup = 3))"),
    "cosine": ("fit", "optimizer=sgd(lr = cosine(0.2, floor = 0.02))"),
    "cosine_warm_up": ("fit", "optimizer=sgd(lr = cosine(0.2, warmup = 3))"),
    "linear_ramp": ("fit", "optimizer=sgd(lr = linear_ramp(0.2, 0.02, steps = 4))"),
    "step_decay": ("fit", "optimizer=sgd(lr = step_decay(0.2, every = 2, factor = 0.5))"),
    "exponential": ("fit", "optimizer=sgd(lr = exponential(0.2, factor = 0.8))"),
    "clip_norm": ("fit", "clip=norm(0.5)"),
    "clip_norm_idle": ("fit", "clip=norm(1e3)"),
    "clip_value": ("fit", "clip=value(0.3)"),
    "batch_norm": ("normed",),
    "batch_norm_adamw": ("normed", "optimizer=adamw(lr = 0.05, weight_decay = 0.1)"),
}


def check(program, _, case, roles):
    model, *settings = RECIPES[case]
    with tempfile.TemporaryDirectory(prefix="asgc-nn-") as name:
        folder = pathlib.Path(name)
        arrays.write_safetensors(folder / "w.safetensors", roles["start"])
        asgc(program, "train", HERE / "training.asg", "--model", model, "--threads", "1", "--out", folder / "run",
             "--weights", folder / "w.safetensors", *[word for setting in settings for word in ("--set", setting)])
        events = [json.loads(line) for line in (folder / "run/events.jsonl").read_text().splitlines()]
        for key, expected in roles["loss"].items():
            compare(key, ([len(events)], [event[key] for event in events]), expected)
        weights = arrays.read_safetensors(folder / "run/weights.safetensors")
        if weights.keys() != roles["end"].keys():
            raise Difference(f"expected the tensors {list(roles['end'])}, found {list(weights)}")
        for key, expected in roles["end"].items():
            compare(key, weights[key], expected)


if __name__ == "__main__":
    cases = check_cases.read_cases("training")
    if cases.keys() != RECIPES.keys():
        sys.exit(f"cases without a recipe or a fixture: {sorted(cases.keys() ^ RECIPES.keys())}")
    check_cases.run_all(check, sys.argv[1], "training", sys.argv[2:])
