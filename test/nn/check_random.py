#!/usr/bin/env python3
"""Draws some thousand numbers from every initializer and both dropouts and compares their spread with PyTorch's
formulas: check_random.py ASGC. Limits are five deviations of what is measured."""
import json
import math
import pathlib
import sys
import tempfile

from check_cases import HERE, Difference, arrays, asgc

FAN_IN, FAN_OUT = 50, 200  # of [200, 50]
CONV_FAN = 10 * 5 * 5      # of [40, 10, 5, 5]


def uniform(low, high):
    return ("uniform", (low + high) / 2, (high - low) / math.sqrt(12), low, high)


def normal(mean, deviation):
    return ("normal", mean, deviation, -math.inf, math.inf)


def symmetric(bound):
    return uniform(-bound, bound)


# The deviation of a standard normal cut at ±1, by its density and distribution there.
CUT = math.sqrt(1 - 2 * math.exp(-0.5) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(0.5)))
EXPECTED = {
    "zeros_": ("constant", 0.0, 0.0, 0.0, 0.0),
    "ones_": ("constant", 1.0, 0.0, 1.0, 1.0),
    "constant_": ("constant", 0.3, 0.0, 0.3, 0.3),
    "uniform_": uniform(-1, 3),
    "uniform_bound": symmetric(0.5),
    "normal_": normal(2, 0.5),
    "trunc_normal_": ("cut", 0.0, CUT, -1, 1),
    "kaiming_uniform_": symmetric(1 / math.sqrt(FAN_IN)),  # a = √5, as torch.nn.Linear's own
    "kaiming_uniform_relu": symmetric(math.sqrt(2) * math.sqrt(3 / FAN_IN)),
    "kaiming_normal_": normal(0, math.sqrt(2 / FAN_IN)),
    "kaiming_normal_conv": normal(0, 1 / math.sqrt(CONV_FAN)),
    "xavier_uniform_": symmetric(math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "xavier_normal_": normal(0, math.sqrt(2 / (FAN_IN + FAN_OUT))),
}


def check(name, values):
    kind, mean, deviation, low, high = EXPECTED[name]
    count = len(values)
    found_mean = sum(values) / count
    found_deviation = math.sqrt(sum((value - found_mean) ** 2 for value in values) / count)
    room = 1e-6 + 5 * deviation / math.sqrt(count)
    if abs(found_mean - mean) > room or abs(found_deviation - deviation) > room:
        raise Difference(f"expected the mean {mean:g} and deviation {deviation:g}, "
                         f"found {found_mean:g} and {found_deviation:g}")
    if min(values) < low - 1e-6 or max(values) > high + 1e-6:
        raise Difference(f"expected numbers from {low:g} to {high:g}, found {min(values):g} to {max(values):g}")
    # 4.55 % of a normal lie beyond two deviations, none of a uniform.
    far = sum(abs(value - mean) > 2 * deviation for value in values) / count
    if kind == "normal" and abs(far - 0.0455) > 0.0105 or kind == "uniform" and far > 0:
        raise Difference(f"{far:.2%} lie beyond two deviations")
    if kind != "constant" and len(set(values)) < 0.99 * count:
        raise Difference("numbers repeat")


def check_initial(program, run):
    asgc(program, "train", HERE / "random.asg", "--model", "initial", "--out", run)
    for name, (_, values) in arrays.read_safetensors(run / "weights.safetensors").items():
        if name in EXPECTED:
            try:
                check(name, values)
            except Difference as difference:
                raise Difference(f"{name}: {difference}") from None


def near(what, found, share, count):
    if abs(found - share) > 5 * math.sqrt(share * (1 - share) / count):
        raise Difference(f"{what}: expected {share:g}, found {found:g}")


def drop(program, run, *options):
    asgc(program, "train", HERE / "random.asg", "--model", "drops", "--out", run, *options)
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [{key: value for key, value in event.items() if key != "t"} for event in events]


def check_dropout(program, run):
    events = drop(program, run)
    for event in events:
        near("share of elements that are kept", event["kept"], 0.7, 10_000)
        near("share of channels that are kept", event["channels"], 0.75, 2000)
        if event["spread"] != 0:
            raise Difference("a channel is dropped in part")
        if abs(event["grown"] - event["kept"] / 0.7) > 1e-5:
            raise Difference("what is kept does not grow by 1 / (1 - p)")
    if len({event["kept"] for event in events}) < 3:
        raise Difference("steps drop the same elements")
    if drop(program, run.with_name("again"), "--threads", "2") != events:
        raise Difference("the same seed drops other elements")
    if drop(program, run.with_name("other"), "--set", "seed=12") == events:
        raise Difference("another seed drops the same elements")


def main():
    failed = 0
    for test in (check_initial, check_dropout):
        with tempfile.TemporaryDirectory(prefix="asgc-nn-") as folder:
            try:
                test(sys.argv[1], pathlib.Path(folder) / "run")
            except Difference as difference:
                failed += 1
                print(f"FAILED {test.__name__}: {difference}")
    print(f"{2 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
