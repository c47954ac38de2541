#!/usr/bin/env python3
"""Checks the rules of the tree; prints `file:line: what` and fails if any breaks.

A rule stands here only if a machine can tell. The layers are read from the
table "Folders" of docs/architecture.md, the passes from include/asgc/Passes.td:
neither is repeated here.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = {".cpp", ".c", ".h", ".td", ".def", ".py", ".asg", ".mlir", ".ts"}
CXX = {".cpp", ".c", ".h"}
SMELL_LINES, MOST_LINES = 600, 1000
VAGUE = re.compile(r"(Util|Common|Helper|Misc|Uncategorized|Manager)s?\b|\b(util|common|helper|misc)s?\b")
# Headers of include/asgc whose name is not that of their folder.
HEADER_FOLDERS = {
    "DeviceKernels.h": "lib/Kernels",
    "DimExpr.h": "lib/Support",
    "HostTensor.h": "lib/Support",
    "Diagnostics.def": "lib/Support",
    "ErrorExamples.h": "lib/Support",
    "Explain.h": "lib/Compiler",
    "Functions.h": "lib/Frontend",
    "Passes.td": "lib/Passes",
    "Raise.h": "lib/Frontend",
    "Syntax.h": "lib/Frontend",
    "Weights.h": "lib/Data",
}
# Plain data that every layer may pass on.
SHARED_HEADERS = {"asgc/Recipe.h", "asgc/TileTable.h"}
# A path on the machine of whoever wrote the line.
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:home|root|work|Users)/\w")
# Libraries report; they do not print, throw or end the process.
LOUD = re.compile(
    r"\bstd::(cout|cerr|clog|exit|abort|terminate)\b|\bllvm::(errs|outs)\(\)"
    r"|(?<![\w:.>])(printf|fprintf|puts|exit|abort|_exit)\s*\(|\breport_fatal_error\b")
THROW = re.compile(r"\bthrow\b")

problems = []
remarks = []


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def tracked_files():
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return sorted(Path(name) for name in listing.split("\0") if name and (ROOT / name).is_file())


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


#===- Layers -------------------------------------------------------------===#

def read_layers():
    """The table of docs/architecture.md: folder -> (may use MLIR, folders it may see)."""
    text = read("docs/architecture.md")
    rows = re.findall(r"^\| (`[^|]+) \| (yes|no) \| ([^|]+) \|$", text, re.MULTILINE)
    layers, above = {}, []
    for names, mlir, sees in rows:
        folders = re.findall(r"`([\w/]+)`", names)
        seen = list(above) if "all above" in sees else []
        seen += re.findall(r"`([\w/]+)`", sees)
        for folder in folders:
            layers[folder] = (mlir == "yes", set(seen) | {folder})
        above += folders
    if len(layers) < 10:
        problem("docs/architecture.md", 1, "the table of folders could not be read")
    return layers


def folder_of(path, layers):
    """The longest folder of the table that holds `path`."""
    found = [folder for folder in layers if str(path).startswith(folder + "/")]
    return max(found, key=len, default=None)


def folder_of_include(name, layers):
    if name.startswith("asgc/"):
        stem = name.split("/")[1]
        if (ROOT / "runtime/include" / name).exists():
            return "runtime"
        return HEADER_FOLDERS.get(stem, "lib/" + stem.split(".")[0])
    return folder_of(Path(name), layers)


def check_layers(files):
    layers = read_layers()
    for path in files:
        folder = folder_of(path, layers)
        if folder is None or path.suffix not in CXX | {".td"}:
            continue
        may_mlir, sees = layers[folder]
        for number, line in enumerate(read(path).splitlines(), 1):
            match = re.match(r'\s*(?:#\s*include|include)\s+["<]([^">]+)[">]', line)
            if not match or match[1] in SHARED_HEADERS:
                continue
            name = match[1]
            if re.match(r"(mlir|mlir-c|llvm|llvm-c)/", name):
                if not may_mlir:
                    problem(path, number, f"{folder} may not use MLIR or LLVM, but includes {name}")
                continue
            target = folder_of_include(name, layers)
            if target is not None and target in layers and target not in sees \
                    and not any(target.startswith(s + "/") for s in sees):
                problem(path, number, f"{folder} may not see {target}, but includes {name}")


#===- Passes: name = file = flag = test ----------------------------------===#

def check_passes(files):
    records = Path("include/asgc/Passes.td")
    if not (ROOT / records).exists():
        return
    names = set(files)
    sources = {}
    for match in re.finditer(r'^def (\w+)\s*:\s*Pass<"((asg|plan)-([\w-]+))"', read(records), re.MULTILINE):
        camel, flag, level, rest = match.groups()
        line = read(records)[: match.start()].count("\n") + 1
        spelled = "".join(word.capitalize() for word in rest.split("-"))
        if camel != level.capitalize() + spelled:
            problem(records, line, f"pass {flag} should be called {level.capitalize()}{spelled}")
        source = Path(f"lib/Passes/{level}/{spelled}.cpp")
        sources[source] = flag
        for wanted in (source, Path(f"test/ir/{level}/{rest}.mlir")):
            if wanted not in names:
                problem(records, line, f"pass {flag} has no {wanted}")
    for path in files:
        if str(path).startswith("lib/Passes/") and path.suffix == ".cpp" and path not in sources \
                and re.search(r"\bGEN_PASS_DEF_\w+", read(path)):
            problem(path, 1, "implements a pass, but Passes.td has no record of that name")


#===- Every file ---------------------------------------------------------===#

def check_lines(path, text):
    lines = text.splitlines()
    if path.suffix in CODE:
        if len(lines) > MOST_LINES:
            problem(path, len(lines), f"{len(lines)} lines; {MOST_LINES} is the most a file may have")
        elif len(lines) > SMELL_LINES:
            remarks.append(f"{path}: {len(lines)} lines; split it by idea")
    for number, line in enumerate(lines, 1):
        if MACHINE_PATH.search(line):
            problem(path, number, "names a path of somebody's machine")
        if path.suffix in CXX | {".td", ".py"} and re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line) \
                and path.name != "check.py":
            problem(path, number, "a TODO names its issue: TODO(#12)")
        if path.suffix in CODE and path.suffix != ".mlir" and line != line.rstrip():
            problem(path, number, "space at the end of the line")
    if text and not text.endswith("\n") and path.parts[:2] != ("test", "fuzz"):
        problem(path, len(lines), "no newline at the end")


def check_first_line(path, text):
    first = text.split("\n", 1)[0]
    if path.suffix == ".cpp" or (path.suffix == ".h" and first.startswith("//")):
        if not re.match(rf"//===- {re.escape(path.name)}( -|-)", first) or not first.endswith("===//"):
            problem(path, 1, f"the first line is //===- {path.name} - What it is ---===//")


def check_loudness(path, text):
    if path.parts[0] not in ("lib", "runtime", "dialects"):
        return
    text = re.sub(r'R"\w*\(.*?\)\w*"|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"',
                  lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    leaks = "catch (" not in text  # what a file throws and catches is its own business
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"//.*", "", line)
        match = LOUD.search(line) or (leaks and THROW.search(line))
        if match:
            problem(path, number, f"a library reports and does not use {match[0].strip()}")


def check_names(path):
    if path.suffix in CODE and path.parts[0] in ("lib", "dialects", "runtime", "tools", "include") \
            and VAGUE.search(path.stem):
        problem(path, 1, "a vague name; name the idea")


def main():
    files = tracked_files()
    check_layers(files)
    check_passes(files)
    for path in files:
        check_names(path)
        data = (ROOT / path).read_bytes()
        if b"\0" in data[:8192]:
            continue
        text = data.decode("utf-8", errors="replace")
        check_lines(path, text)
        if path.suffix in CXX:
            check_first_line(path, text)
            check_loudness(path, text)
    for text in remarks:
        print("remark: " + text, file=sys.stderr)
    for text in problems:
        print(text)
    print(f"check: {len(files)} files, {len(problems)} problems", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
