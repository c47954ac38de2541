#!/usr/bin/env python3
"""Every code: its wrong text raises it, its right one raises nothing, and what is
said of the wrong one is what test/e2e/bad/CODE.txt holds. More bad texts are
there as NAME.asg beside NAME.txt. `--update` writes the .txt files anew."""

import json
import re
import sys

import harness

BAD = harness.ROOT / "test/e2e/bad"
UPDATE = "--update" in sys.argv
# A text that raises the first would be endless here; none should raise the second.
MADE = {"ASG0007": "block f(x: f32[n]) -> f32[n] {\n  return " + "(" * 600 + "x" + ")" * 600 + "\n}\n"}
NEVER = {"ASG0901"}
# What only code generation finds.
COMPILED = {"ASG0602"}
PROBE = "\nmodel probe(x: f32[1]) -> f32[1] {\n  return x\n}\n"


def codes(t):
    topics = [json.loads(line) for line in t.asgc("explain", "--json").out.splitlines()]
    return [topic for topic in topics if topic["kind"] == "code"]


def whole(text):
    return text + "\n" + ("" if "\nmodel " in "\n" + text else PROBE)


def placeless(text):
    """The text without what moves when the standard library is edited: its lines and the width of the gutter."""
    text = re.sub(r"(nn/\w+\.asg):\d+:\d+", r"\1", text)
    return re.sub(r"^ *\d* *(\||-->|:::|=)", r"\1", text, flags=re.MULTILINE)


def compare(t, name, actual, faults):
    file = BAD / f"{name}.txt"
    if UPDATE:
        file.write_text(actual)
    elif not file.is_file() or placeless(file.read_text()) != placeless(actual):
        expected = file.read_text() if file.is_file() else "(no file)"
        faults.append(f"=== {name}: expected\n{expected}\n=== found\n{actual}")


def test_wrong_texts_raise_their_code(t):
    faults = []
    for topic in codes(t):
        name = topic["name"]
        if name in NEVER:
            continue
        text = MADE.get(name) or topic["wrong"]["text"]
        # A text without a model is read beside one, but for what stops the reader.
        t.write("model.asg", whole(text))
        verb = ["compile", "--emit=asm"] if name in COMPILED else ["check"]
        result = t.asgc(*verb, "model.asg", *topic["wrong"]["options"].split(), code=None)
        isError = topic["severity"] == "error"
        if f"{topic['severity']}[{name}]" not in result.err:
            faults.append(f"{name} is not raised\n{result}")
        elif (result.code != 0) != isError:
            faults.append(f"{name}: exit code\n{result}")
        elif name not in MADE:
            compare(t, name, result.err, faults)
    t.expect(not faults, "\n".join(faults))


def test_right_texts_raise_nothing(t):
    faults = []
    for topic in codes(t):
        t.write("model.asg", whole(topic["right"]["text"]))
        result = t.asgc("check", "model.asg", *topic["right"]["options"].split(), code=None)
        if result.code != 0 or result.err:
            faults.append(f"{topic['name']}\n{result}")
        if t.asgc("fmt", "--check", "model.asg", code=None).code != 0:
            faults.append(f"{topic['name']}: not as asgc fmt writes it\n{t.asgc('fmt', '-', stdin=whole(topic['right']['text']).encode()).out}")
    t.expect(not faults, "\n".join(faults))


def test_more_bad_texts(t):
    faults = []
    files = sorted(BAD.glob("*.asg"))
    t.expect(len(files) >= 20, f"only {len(files)} bad texts")
    for file in files:
        result = t.asgc("check", file.name, cwd=BAD, code=None)
        if result.code != 1:
            faults.append(f"{file.name}: exit code\n{result}")
        compare(t, file.stem, result.err, faults)
    t.expect(not faults, "\n".join(faults))


def test_errors_have_a_place_and_help(t):
    """Each error points at a line and, unless a syntax error speaks for itself, says what to do."""
    faults = []
    for file in sorted(BAD.glob("*.txt")):
        for part in file.read_text().split("\n\n"):
            if part.startswith(("error[", "warning[")) and "--> " not in part:
                faults.append(f"{file.name}: no place\n{part}")
    t.expect(not faults, "\n".join(faults))


if UPDATE:
    sys.argv.remove("--update")
    BAD.mkdir(exist_ok=True)
harness.main()
