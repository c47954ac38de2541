#!/usr/bin/env python3
"""asgc new makes a project whose README holds: it checks, trains, compiles, links
and answers. Then the verbs that look at such a project: doctor and bench."""

import json
import os
import re

import harness


def test_project_from_new_to_a_linked_program(t):
    made = t.asgc("new", "spiral").err
    t.contains(made, "cd spiral && asgc train spiral.asg --out run")
    project = t.path("spiral")
    t.asgc("check", "spiral.asg", "spiral.csv", cwd=project)
    t.asgc("train", "spiral.asg", "--out", "run", cwd=project)
    tests = [json.loads(line) for line in (project / "run/epochs.jsonl").read_text().splitlines()]
    best = max(line["accuracy"] for line in tests if line["part"] == "test")
    t.expect(best > 0.9, f"test accuracy {best}")
    t.run("cmake", "-B", "build", f"-Dasgc_DIR={harness.BUILD}", cwd=project)
    t.run("cmake", "--build", "build", cwd=project)
    right = 0
    rows = [line.split(",") for line in (project / "spiral.csv").read_text().splitlines()[300::30]]
    for x, y, arm in rows:
        right += t.run("build/spiral", x, y, cwd=project).out == f"arm {arm}\n"
    t.expect(right >= len(rows) - 1, f"{right} of {len(rows)} points are right")
    # Without CMake, as README's tour does it.
    t.asgc("compile", "spiral.asg", "--weights", "run/weights.safetensors", "-o", "lib", cwd=project)
    t.run("sh", "-c", "cc main.c $(PKG_CONFIG_PATH=lib pkg-config --cflags --libs spiral) -o spiral", cwd=project)
    x, y, arm = rows[0]
    t.equal(t.run("./spiral", x, y, cwd=project).out, f"arm {arm}\n")


def test_names(t):
    t.asgc("new", "a/b/net_2")
    t.contains(t.path("a/b/net_2/net_2.asg").read_text(), "\nmodel net_2(")
    t.asgc("check", "a/b/net_2/net_2.asg")
    for name in ("7up", "no-dashes", "", "repeat"):
        t.asgc("new", name, code=2)
    t.write("file", "x")
    t.contains(t.asgc("new", "file/net", code=4).err, "file/net")


def test_doctor(t):
    human = t.asgc("doctor").out
    report = json.loads(t.asgc("doctor", "--json").out)
    t.equal(report["ok"], True, "ok")
    for key, finding in report["findings"].items():
        t.expect(finding["ok"] or finding.get("remedy"), f"{key} has no remedy", finding)
        # How much memory is free changes from call to call.
        t.contains(human, finding["value"].split(",")[0] if key == "memory" else finding["value"])
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    found = re.fullmatch(r"([\d.]+) GiB, ([\d.]+) GiB of it free", report["findings"]["memory"]["value"])
    t.expect(found and abs(float(found[1]) - total) <= 0.06 and 0 < float(found[2]) <= float(found[1]), "memory", report["findings"]["memory"])
    t.equal(set(report["settings"]), {"threads", "device", "device-memory", "f32", "scatter", "device-table", "isa", "color", "lang", "quiet"}, "settings")


def test_bench(t):
    t.asgc("new", "spiral")
    report = json.loads(t.asgc("bench", "spiral/spiral.asg", "--seconds", "0.1", "--json").out)
    t.equal((report["format"], report["model"]), ("asgc-bench/1", "spiral"))
    t.equal([entry["name"] for entry in report["entries"]], ["infer", "train_step"], "entries")
    for entry in report["entries"]:
        seconds = entry["seconds"]
        t.expect(0 < seconds["p10"] <= seconds["median"] <= seconds["p90"], "times", seconds)
        t.expect(entry["runs"] > 0 and entry["arena_bytes"] >= 0 and entry["steps"], "entry", entry)
    human = t.asgc("bench", "spiral/spiral.asg", "--seconds", "0.1", "--entry", "infer").out
    t.contains(human, "it copies ")
    t.contains(human, "of limit")
    t.expect("train_step" not in human, "an entry that was not asked for", human)
    t.asgc("bench", "spiral/spiral.asg", "--seconds", "0", code=2)
    t.contains(t.asgc("bench", "spiral/spiral.asg", "--entry", "infre", code=1).err, "infre")


harness.main()
