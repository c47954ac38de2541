#!/usr/bin/env python3
"""asgc explain: whole pages, in two languages, for everything that has a name."""

import json
import re

import harness


def topics(t, lang):
    return [json.loads(line) for line in t.asgc("explain", "--json", "--lang", lang).out.splitlines()]


def is_russian(text):
    """Whether a text is Russian, or has no prose to translate: |x|, [batch, channels]."""
    prose = re.sub(r"\[[^\]]*\]", "", text)
    return any("а" <= c.lower() <= "я" for c in text) or not re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", prose)


def test_layer(t):
    page = t.asgc("explain", "linear").out
    for part in ("block linear: Fully connected layer", "linear(x: f32[..., in], out: int, bias: bool = true)", "\nformula\n",
                 "y = x · weightᵀ + bias", "\narguments\n", "\nparameters\n", "param weight: f32[out, in] = kaiming_uniform()",
                 "mixes every input feature into every output feature", "written in: nn/layers.asg:"):
        t.contains(page, part)
    t.contains(t.asgc("explain", "nn.linear", "--source").out, "\nblock linear(")


def test_op_in_russian(t):
    page = t.asgc("explain", "asg.tanh", "--lang", "ru").out
    for part in ("asg.tanh: гиперболический тангенс", "\nформула\n  y = tanh(x)\n", "\nроль\n", "\nградиент\n  dx = ",
                 "\nпример\n  %y = asg.tanh", "где написано: dialects/asg/AsgElementwise.td:"):
        t.contains(page, part)
    t.equal(t.asgc("explain", "asg.tanh", env={"ASGC_LANG": "ru"}).out, page, "ASGC_LANG")


def test_code(t):
    page = t.asgc("explain", "ASG0107").out
    for part in ("ASG0107: inner extents of a matrix product differ\n", "\nwrong\n  model m(", "return x @ weight\n",
                 "\nright\n  model m(", "return x @ weight.T\n"):
        t.contains(page, part)
    for name in ("asg0107", "0107", "107"):
        t.equal(t.asgc("explain", name).out, page, name)
    t.contains(t.asgc("explain", "ASG0107", "--lang", "ru").out, "\nневерно\n")


def test_function_and_pass(t):
    t.equal(t.asgc("explain", "rsqrt").out, "function rsqrt: 1 / √x\n\n  rsqrt(x)\n", "rsqrt")
    t.contains(t.asgc("explain", "asg-fuse").out, "pass asg-fuse: Groups ops that become one kernel\n")


def test_own_blocks(t):
    t.write("own.asg", "## Doubles.\n## role x: anything\nblock twice(x: f32[n]) -> f32[n] { return 2 * x }\n")
    t.contains(t.asgc("explain", "twice", "--file", "own.asg").out, "block twice: Doubles.\n")
    t.contains(t.asgc("explain", "twice", code=1).err, "called 'twice'")
    t.contains(t.asgc("explain", "twice", "--file", "none.asg", code=None).err, "none.asg")


def test_near_misses_and_the_list(t):
    t.contains(t.asgc("explain", "liner", code=1).err, "did you mean 'linear'?")
    t.contains(t.asgc("explain", "linear", "--lang", "fr", code=2).err, "--lang can be en or ru")
    listing = t.asgc("explain").out
    for part in ("block      ", " linear ", "optimizer  ", " adamw", "function   abs ", "op         asg.", "pass       asg-",
                 "code       ASG0001 "):
        t.contains(listing, part)


def test_everything_is_explained_in_both_languages(t):
    english, russian = topics(t, "en"), topics(t, "ru")
    t.equal([topic["name"] for topic in english], [topic["name"] for topic in russian], "names")
    faults = []
    need = {"op": ("summary", "role"), "code": ("title", "explanation"), "function": ("meaning", "family"), "pass": ("summary",)}
    translated = {"op": ("summary", "role"), "code": ("title", "explanation"), "pass": ()}
    for one, other in zip(english, russian):
        for field in need.get(one["kind"], ("meaning",)):
            if not one[field]:
                faults.append(f"{one['name']}: has no {field}")
        for field in translated.get(one["kind"], ("meaning",)):
            if not is_russian(other[field]):
                faults.append(f"{one['name']}: {field} is not in Russian")
        for field in one.get("fields", ()):
            if field["kind"] != "argument" and not field["role"]:
                faults.append(f"{one['name']}: {field['name']} has no role")
        for mine, theirs in zip(one.get("fields", ()), other.get("fields", ())):
            if mine["role"] and not is_russian(theirs["role"]):
                faults.append(f"{one['name']}: the role of {mine['name']} is not in Russian")
        if one["kind"] == "code" and not {"wrong", "right"} <= one.keys():
            faults.append(f"{one['name']}: has no example")
    t.expect(not faults, "explanations are missing", *faults)


def test_files_that_cannot_be_read(t):
    t.contains(t.asgc("explain", "linear", "--file", "none.asg", code=4).err, "none.asg: No such file")


harness.main()
