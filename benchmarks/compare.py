#!/usr/bin/env python3
"""Compares asgc with ONNX Runtime and PyTorch on the same models, in one run.

Each row starts one process per engine and lets them take turns, so that all see
the same machine; the figure is the median of the rounds, the ratio the median of
the rounds' ratios. Beside them stand the machine's limits, measured in turns
with the rest. `./x bench` calls this; --json writes the table for programs.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MIB = 1 << 20
ROWS = 4096 * 1024 * 4  # bytes of the row-wise cases' tensor

# name, model file, entry, dims, ONNX inputs, copy of how many bytes is the
# limit and how often its traffic the case must move, goals
CASES = [
    dict(name="mlp_train", model="mlp", entry="train_step", dims=["batch=128"], flops=3 * 2 * 128 * 669_706,
         goals={"torch": 2.0}),
    dict(name="mlp_b1", model="mlp", entry="infer", dims=["batch=1"], onnx=("mlp", ["input=1x784"]), flops=2 * 669_706,
         goals={"torch": 5.0, "ort": 1.0}),
    dict(name="mlp_b128", model="mlp", entry="infer", dims=["batch=128"], onnx=("mlp", ["input=128x784"]),
         flops=2 * 128 * 669_706),
    dict(name="softmax_forward", model="softmax", pick="softmax_forward", entry="infer",
         onnx=("softmax_forward", ["input=4096x1024"]), copy=(ROWS, 1.0), goals={"limit": 0.8}),
    dict(name="softmax_backward", model="softmax", pick="softmax_backward", entry="infer", copy=(ROWS, 1.5),
         goals={"limit": 0.8}),
    dict(name="layer_norm_forward", model="layer_norm", pick="layer_norm_forward", entry="infer",
         onnx=("layer_norm_forward", ["input=4096x1024"]), copy=(ROWS, 1.0), goals={"limit": 0.8}),
    dict(name="layer_norm_backward", model="layer_norm", pick="layer_norm_backward", entry="infer", copy=(ROWS, 1.5),
         goals={"limit": 0.8}),
    dict(name="chain", model="chain", entry="infer", onnx=("chain", ["input=16777216", "other=16777216"]),
         copy=(64 * MIB, 1.5), goals={"limit": 0.85}),
]


class Worker:
    """A process that runs its case N times when told "N"."""

    def __init__(self, command, env=None):
        self.command = command
        self.peak = 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})

    def run(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            sys.exit(f"benchmark worker failed: {' '.join(map(str, self.command))}")
        self.peak = int(answer[1])
        return float(answer[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def build(case, asgc, folder, compiler):
    """Compiles the case's model and a worker around it; the worker's path."""
    name = case.get("pick", case["model"])
    worker = folder / f"worker_{name}"
    if not worker.exists():
        out = folder / name
        command = [asgc, "compile", HERE / "models" / f"{case['model']}.asg", "-o", out]
        if "pick" in case:
            command += ["--model", case["pick"]]
        subprocess.run(command, check=True)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "--static", name], check=True, text=True,
                               stdout=subprocess.PIPE, env={**os.environ, "PKG_CONFIG_PATH": str(out)}).stdout.split()
        subprocess.run([compiler, "-O2", f"-DPROGRAM={name}_program", HERE / "worker_asgc.c", "-o", worker, *flags],
                       check=True)
    return worker


def measure(case, args, folder):
    """Medians in seconds and peaks in bytes by engine, and ratios to asgc."""
    threads = str(args.threads)
    workers = {"asgc": Worker([build(case, args.asgc, folder, args.cc), case["entry"], threads, *case.get("dims", [])])}
    if args.torch:
        workers["torch"] = Worker([args.torch, HERE / "worker_torch.py", case["name"], threads],
                                  {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads})
    if args.ort and "onnx" in case:
        model, inputs = case["onnx"]
        workers["ort"] = Worker(["node", HERE / "worker_ort.cjs", folder / f"{model}.onnx", threads, *inputs])
    if "copy" in case:
        workers["limit"] = Worker([folder / "worker_limits", "copy", str(case["copy"][0]), threads])
    else:
        workers["limit"] = Worker([folder / "worker_limits", "fma", threads])

    counts = {}
    for engine, worker in workers.items():
        worker.run(3)
        counts[engine] = max(1, min(2000, int(args.slice / max(worker.run(2), 1e-7))))
    times = {engine: [] for engine in workers}
    for _ in range(args.rounds):
        for engine, worker in workers.items():
            times[engine].append(worker.run(counts[engine]))
    # The limit's time for this case's own traffic or operations.
    scale = case["copy"][1] if "copy" in case else case["flops"] / 2e9
    times["limit"] = [t * scale for t in times["limit"]]
    row = {"name": case["name"], "seconds": {}, "ratio": {}, "peak": {}}
    for engine in workers:
        row["seconds"][engine] = statistics.median(times[engine])
        row["ratio"][engine] = statistics.median(o / a for o, a in zip(times[engine], times["asgc"]))
        row["peak"][engine] = workers[engine].peak
        workers[engine].close()
    row["goals"] = case.get("goals", {})
    return row


def show(rows, threads):
    print(f"\n{threads} threads; medians of rounds in turn. Ratio = other's time / asgc's (above 1: asgc is faster);"
          "\nlimit = share of the copy bandwidth or of the FMA peak measured in the same rounds.\n")
    head = f"{'case':21}{'asgc ms':>9}{'torch ms':>10}{'ort ms':>9}{'x torch':>9}{'x ort':>8}{'limit':>7}{'peak MiB':>17}  goal"
    print(head)
    print("-" * len(head))

    def cell(values, key, width, factor=1.0, digits=2, suffix=""):
        return f"{values[key] * factor:.{digits}f}{suffix}".rjust(width) if key in values else "-".rjust(width)

    for row in rows:
        seconds, ratio, peak = row["seconds"], row["ratio"], row["peak"]
        peaks = "/".join(f"{peak[e] / MIB:.0f}" for e in ("asgc", "torch", "ort") if e in peak)
        goals = []
        for engine, goal in row["goals"].items():
            if engine in ratio:
                verdict = "met" if ratio[engine] >= goal else "MISSED"
                goals.append(f"{engine} >= {goal:g} {verdict}")
        print(f"{row['name']:21}" + cell(seconds, "asgc", 9, 1e3, 3) + cell(seconds, "torch", 10, 1e3, 3) +
              cell(seconds, "ort", 9, 1e3, 3) + cell(ratio, "torch", 9) + cell(ratio, "ort", 8) +
              cell(ratio, "limit", 7, 100, 0, "%") + peaks.rjust(17) + "  " + ", ".join(goals))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", help="names of rows; all if none")
    parser.add_argument("--asgc", default=ROOT / "build/bin/asgc", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slice", type=float, default=0.1, help="seconds an engine runs before the next takes over")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--json", type=pathlib.Path, help="also write the table here")
    args = parser.parse_args()

    python = "/usr/bin/python3"
    has_torch = subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode == 0
    args.torch = python if has_torch else None
    args.ort = has_torch and (HERE / "node_modules/onnxruntime-node").exists() and shutil.which("node")
    for engine, there in (("PyTorch", args.torch), ("ONNX Runtime", args.ort)):
        if not there:
            print(f"{engine} is not installed: its columns stay empty (see benchmarks/README.md)", file=sys.stderr)
    cases = [c for c in CASES if not args.cases or c["name"] in args.cases]
    if not cases:
        parser.error(f"no such case; there are {', '.join(c['name'] for c in CASES)}")

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["g++", "-O2", "-std=c++20", "-pthread", HERE / "worker_limits.cpp", "-o",
                        folder / "worker_limits"], check=True)
        if args.ort:
            subprocess.run([args.torch, HERE / "worker_torch.py", "export", folder], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = []
        for case in cases:
            print(f"{case['name']} ...", file=sys.stderr, flush=True)
            rows.append(measure(case, args, folder))
    show(rows, args.threads)
    if args.json:
        args.json.write_text(json.dumps({"threads": args.threads, "rows": rows}, indent=1))


main()
