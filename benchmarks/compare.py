#!/usr/bin/env python3
"""Compares asgc with ONNX Runtime and PyTorch on the same models, in one run.

Each row starts one process per engine and lets them take turns, so that all see
the same machine; the figure is the median of the rounds, the ratio the median of
the rounds' ratios. Beside them stand the machine's limits, measured in turns
with the rest. `./x bench` calls this; --json writes the tables for programs.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
MIB = 1 << 20
ROWS = 4096 * 1024 * 4  # bytes of the row-wise cases' tensor
PARAMETERS = 784 * 512 + 512 * 512 + 512 * 10  # weights of the perceptron
GEMM_FLOPS = 2 * 1024**3  # of one `gemm` of worker_limits

# limit: a copy of so many bytes, and how much more the case must move than
# that; or the case's operations beside a matrix product's. goals: least ratios.
# The first layer needs no gradient of its input. Where memory is the limit, asgc
# and the copy go round so many tensors that none is left in a cache.
CASES = [
    dict(name="mlp_train", model="mlp", entry="train_step", dims=["batch=128"],
         flops=2 * 128 * (3 * PARAMETERS - 784 * 512), goals={"torch": 2.0}),
    dict(name="mlp_b1", model="mlp", entry="infer", dims=["batch=1"], onnx=("mlp", ["input=1x784"]),
         flops=2 * PARAMETERS, goals={"torch": 5.0, "ort": 1.0}),
    dict(name="mlp_b128", model="mlp", entry="infer", dims=["batch=128"], onnx=("mlp", ["input=128x784"]),
         flops=2 * 128 * PARAMETERS),
    dict(name="softmax_forward", model="softmax", onnx=("softmax_forward", ["input=4096x1024"]), copy=(ROWS, 1.0),
         goals={"limit": 0.8}),
    dict(name="softmax_backward", model="softmax", copy=(ROWS, 1.5), goals={"limit": 0.8}),
    dict(name="layer_norm_forward", model="layer_norm", onnx=("layer_norm_forward", ["input=4096x1024"]),
         copy=(ROWS, 1.0), goals={"limit": 0.8}),
    dict(name="layer_norm_backward", model="layer_norm", copy=(ROWS, 1.5), goals={"limit": 0.8}),
    dict(name="chain", model="chain", onnx=("chain", ["input=16777216", "other=16777216"]), copy=(64 * MIB, 1.5),
         goals={"limit": 0.85}),
]
COMMANDS = [("check digits", ["check"], 150), ("compile digits", ["compile", "-o"], 1000)]  # goals in ms
OUT_OF_CACHE = 512 * MIB
ARENAS = ["digits", "lenet", "transformer"]  # training steps
ARENA_GOAL = 1.05


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


def build(case, args, folder):
    """Compiles the case's model as an application would and links a worker around it; the worker's path."""
    name = case["name"] if "entry" not in case else case["model"]
    worker = folder / f"worker_{name}"
    if not worker.exists():
        out = folder / name
        subprocess.run([args.asgc, "compile", "--quiet", HERE / "models" / f"{case['model']}.asg", "--model",
                        name, "-o", out], check=True)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", name], check=True, text=True,
                               stdout=subprocess.PIPE, env={**os.environ, "PKG_CONFIG_PATH": str(out)}).stdout.split()
        subprocess.run([args.cc, "-O2", f"-DPROGRAM={name}_program", HERE / "worker_asgc.c", "-o", worker, *flags],
                       check=True)
    return worker


def measure(case, args, folder):
    """Medians in seconds and peaks in bytes by engine, and ratios to asgc."""
    threads = str(args.threads)
    omp = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    sets = str(max(2, OUT_OF_CACHE // (2 * case["copy"][0]))) if "copy" in case else "1"
    limit = ["copy", str(case["copy"][0]), sets] if "copy" in case else ["gemm"]
    workers = {"asgc": Worker([build(case, args, folder), case.get("entry", "infer"), threads, sets,
                               *case.get("dims", [])])}
    if args.torch:
        workers["torch"] = Worker([args.torch, HERE / "worker_torch.py", case["name"], threads], omp)
    if args.ort and "onnx" in case:
        model, inputs = case["onnx"]
        node = ["node", HERE / "worker_ort.cjs"]
        workers["ort"] = Worker([*node, folder / f"{model}.onnx", threads, *inputs])
        workers["binding"] = Worker([*node, folder / "identity.onnx", threads, "input=1"])
    workers["limit"] = Worker([folder / "worker_limits", *limit, threads], omp)

    counts = {}
    for engine, worker in workers.items():
        worker.run(3)
        counts[engine] = max(1, min(5000, int(args.slice / max(worker.run(2), 1e-7))))
        worker.run(counts[engine])
    times = {engine: [] for engine in workers}
    for _ in range(args.rounds):
        for engine, worker in workers.items():
            times[engine].append(worker.run(counts[engine]))
    # The limit's time for this case's own traffic or operations.
    rate = (2 * case["copy"][0] if "copy" in case else GEMM_FLOPS) / statistics.median(times["limit"])
    scale = case["copy"][1] if "copy" in case else case["flops"] / GEMM_FLOPS
    times["limit"] = [t * scale for t in times["limit"]]
    # A call from JavaScript costs much beside a small model: it is taken off, with the little that an empty model costs.
    if "ort" in times:
        times["ort"] = [t - binding for t, binding in zip(times["ort"], times.pop("binding"))]
    row = {"name": case["name"], "limit_rate": rate, "seconds": {}, "ratio": {}, "peak": {},
           "goals": case.get("goals", {})}
    for engine in times:
        row["seconds"][engine] = statistics.median(times[engine])
        row["ratio"][engine] = statistics.median(o / a for o, a in zip(times[engine], times["asgc"]))
        row["peak"][engine] = workers[engine].peak
    for worker in workers.values():
        worker.close()
    return row


def time_commands(args, folder):
    """Whole processes: what a person waits for."""
    rows = []
    for name, words, goal in COMMANDS:
        model = ROOT / f"docs/examples/{name.split()[1]}/{name.split()[1]}.asg"
        command = [args.asgc, words[0], "--quiet", model] + ([words[1], folder / "out"] if len(words) > 1 else [])
        times = []
        for _ in range(args.rounds):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        rows.append({"name": name, "seconds": statistics.median(times), "goal": goal / 1e3})
    return rows


def read_arenas(args):
    """Peak of the training step's arena beside the largest set of bytes alive at once, as the plan says."""
    rows = []
    for name in ARENAS:
        plan = subprocess.run([args.asgc, "compile", "--quiet", ROOT / f"docs/examples/{name}/{name}.asg",
                               "--emit=plan"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = re.search(r"plan\.program @train_step\b.*?arena (\d+) lower_bound (\d+)", plan.stdout, re.DOTALL)
        if plan.returncode == 0 and found:
            rows.append({"name": name, "arena": int(found[1]), "lower_bound": int(found[2])})
        else:
            print(f"{name} does not compile: it has no row", file=sys.stderr)
    return rows


def table(head, rows):
    """A table that reads well as it stands and in Markdown."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    line = lambda cells: "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w)
                                           for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    print("\n".join([line(head), rule, *map(line, rows)]) + "\n")


def verdict(is_met):
    return "ok" if is_met else "MISS"


def show(report):
    print(f"\n{report['cpu']}, {report['threads']} threads, {report['date']}; {report['versions']}\n")

    def cell(values, key, factor, digits, suffix=""):
        return f"{values[key] * factor:.{digits}f}{suffix}" if key in values else "-"

    rows = []
    for row in report["rows"]:
        seconds, ratio, peak = row["seconds"], row["ratio"], row["peak"]
        is_copy = row["limit_rate"] < 1e12 and "copy" in next(c for c in CASES if c["name"] == row["name"])
        rows.append([
            row["name"], *(cell(seconds, e, 1e3, 4 if seconds["asgc"] < 1e-3 else 2) for e in ("asgc", "torch", "ort")),
            cell(ratio, "torch", 1, 2), cell(ratio, "ort", 1, 2),
            cell(ratio, "limit", 100, 0, "% of ") + f"{row['limit_rate'] / 1e9:.0f} {'GB/s' if is_copy else 'GF/s'}",
            "/".join(f"{peak[e] / MIB:.0f}" for e in ("asgc", "torch", "ort") if e in peak),
            ", ".join(f"{e} ≥ {f'{g:.0%}' if e == 'limit' else f'{g:g}'} {verdict(ratio[e] >= g)}"
                      for e, g in row["goals"].items() if e in ratio)])
    if rows:
        table(["case", "asgc ms", "torch ms", "ort ms", "torch/asgc", "ort/asgc", "limit", "peak MiB", "goal"], rows)
    if report["commands"]:
        table(["command", "ms", "goal"],
              [[r["name"], f"{r['seconds'] * 1e3:.0f}", f"< {r['goal'] * 1e3:.0f} {verdict(r['seconds'] < r['goal'])}"]
               for r in report["commands"]])
    if report["arenas"]:
        table(["training step", "arena KiB", "lower bound KiB", "goal"],
              [[r["name"], f"{r['arena'] / 1024:.1f}", f"{r['lower_bound'] / 1024:.1f}",
                f"≤ {ARENA_GOAL:g}x {verdict(r['arena'] <= ARENA_GOAL * r['lower_bound'])}"] for r in report["arenas"]])


def first_line(command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", help="names of rows; all, and what follows them, if none")
    parser.add_argument("--asgc", default=ROOT / "build/bin/asgc", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slice", type=float, default=0.1, help="seconds an engine runs before the next takes over")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--json", type=pathlib.Path, help="also write the tables here")
    args = parser.parse_args()

    python = "/usr/bin/python3"
    torch = first_line([python, "-c", "import torch; print(torch.__version__)"])
    args.torch = python if torch else None
    args.ort = torch and (HERE / "node_modules/onnxruntime-node").exists() and shutil.which("node")
    for engine, there in (("PyTorch", args.torch), ("ONNX Runtime", args.ort)):
        if not there:
            print(f"{engine} is not installed: its columns stay empty (see benchmarks/README.md)", file=sys.stderr)
    cases = [c for c in CASES if not args.cases or c["name"] in args.cases]
    if not cases:
        parser.error(f"no such case; there are {', '.join(c['name'] for c in CASES)}")
    versions = [first_line([args.asgc, "--version"])] + ([f"PyTorch {torch}"] if torch else [])
    if args.ort:
        versions.append("ONNX Runtime " + json.loads((HERE / "package.json").read_text())["dependencies"]["onnxruntime-node"])
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    report = {"date": datetime.date.today().isoformat(), "cpu": cpu[1] if cpu else "unknown CPU",
              "versions": ", ".join(versions), "threads": args.threads, "rounds": args.rounds, "rows": [],
              "commands": [], "arenas": []}

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["g++", "-O2", "-std=c++20", "-pthread", HERE / "worker_limits.cpp", "-o",
                        folder / "worker_limits", "-ldnnl"], check=True)
        if args.ort:
            subprocess.run([args.torch, HERE / "worker_torch.py", "export", folder], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for case in cases:
            print(f"{case['name']} ...", file=sys.stderr, flush=True)
            report["rows"].append(measure(case, args, folder))
        if not args.cases:
            report["commands"] = time_commands(args, folder)
            report["arenas"] = read_arenas(args)
    show(report)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1))


main()
