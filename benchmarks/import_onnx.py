#!/usr/bin/env python3
"""Times `asgc convert` of an ONNX model of 0.5 GB to a text and to IR.

The model is GPT-2 small (docs/examples/gpt2) with random weights, exported by
asgc itself. Of each form: the median time, of which in processors, and the peak
memory, in all and how much of it are pages of files at most (Linux's RssFile,
sampled), beside the size of the file. `./x bench --import` calls this.
"""
import argparse
import json
import os
import pathlib
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_SECONDS, MAX_SHARE = 5.0, 1.2


def write_weights(asgc, model, folder):
    """Random values for every parameter of the model, as safetensors."""
    subprocess.run([asgc, "convert", "--quiet", model, "-o", folder / "model.mlir"], check=True)
    found = re.findall(r"asg\.(?:param|state) @([\w.]+) : tensor<([\dx]*)f32>", (folder / "model.mlir").read_text())
    draw = random.Random(1)
    block = struct.pack("<65536f", *(draw.gauss(0, 0.02) for _ in range(65536)))
    header, end = {}, 0
    for name, shape in found:
        dims = [int(extent) for extent in shape.split("x") if extent]
        size = 4
        for extent in dims:
            size *= extent
        header[name] = {"dtype": "F32", "shape": dims, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with open(folder / "weights.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for left in range(end, 0, -len(block)):
            file.write(block[:left])
    return folder / "weights.safetensors"


def watch(process, pages):
    """Keeps the largest number of bytes of mapped files that the process holds."""
    while True:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        found = re.search(r"^RssFile:\s+(\d+) kB", status, re.MULTILINE)
        if not found:  # it has ended
            return
        pages[0] = max(pages[0], int(found[1]) * 1024)
        time.sleep(0.005)


def convert(asgc, source, target):
    """(seconds, processor seconds, peak bytes, bytes of mapped files at most)"""
    start, pages = time.monotonic(), [0]
    process = subprocess.Popen([asgc, "convert", "--quiet", source, "-o", target])
    watcher = threading.Thread(target=watch, args=(process, pages))
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    if process.returncode:
        sys.exit(f"asgc convert ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, pages[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asgc", default=ROOT / "build/bin/asgc", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = ROOT / "docs/examples/gpt2/gpt2.asg"
        weights = write_weights(args.asgc, model, folder)
        source = folder / "gpt2.onnx"
        subprocess.run([args.asgc, "convert", "--quiet", model, "--weights", weights, "-o", source], check=True)
        weights.unlink()
        size = source.stat().st_size
        print(f"GPT-2 small, {size / 1e6:.0f} MB\n")
        print("| to | s | processor s | peak MB | of it file pages | of the file | goal |")
        print("|---|---:|---:|---:|---:|---:|---|")
        for form in (".asg", ".mlirbc"):
            rounds = [convert(args.asgc, source, folder / f"out{form}") for _ in range(args.rounds)]
            seconds, busy, peak, pages = (statistics.median(column) for column in zip(*rounds))
            is_good = seconds < MAX_SECONDS and peak < MAX_SHARE * size
            print(f"| {form} | {seconds:.2f} | {busy:.2f} | {peak / 1e6:.0f} | {pages / 1e6:.0f} | {peak / size:.2f} | "
                  f"< {MAX_SECONDS:.0f} s, < {MAX_SHARE} {'ok' if is_good else 'MISS'} |")


main()
