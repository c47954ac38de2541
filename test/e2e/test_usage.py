#!/usr/bin/env python3
"""The command line itself: help, mistakes in it, settings, streams."""

import json

import harness

VERBS = ["new", "check", "fmt", "train", "compile", "run", "grad", "bench", "tune", "explain", "opt", "doctor"]


def test_tour_is_short_and_succeeds(t):
    result = t.asgc()
    t.expect(len(result.out.splitlines()) <= 15, "the tour has more than 15 lines", result)
    t.equal(result.err, "", "stderr")
    for verb in ("new", "check", "train", "compile", "run", "explain", "doctor"):
        t.contains(result.out, f"asgc {verb}")


def test_every_verb_has_help_with_an_example_first(t):
    listed = t.asgc("--help").out
    for verb in VERBS:
        t.contains(listed, f"\n  {verb} ")
        if verb == "opt":  # mlir-opt's own help
            continue
        lines = t.asgc(verb, "--help").out.splitlines()
        t.expect(len(lines) <= 60, f"{verb} --help has {len(lines)} lines")
        t.expect(lines[2].startswith(f"  asgc {verb}"), f"{verb} --help does not begin with an example", *lines[:5])
        t.expect(max(map(len, lines)) <= 100, f"{verb} --help has a line over 100 columns", max(lines, key=len))


def test_version(t):
    t.expect(t.asgc("--version").out.startswith("asgc "), "no version")


def test_unknown_verb_names_the_nearest(t):
    result = t.asgc("trian", code=2)
    t.equal(result.err.splitlines()[0], "asgc: unknown verb 'trian'; did you mean 'train'?")
    t.equal(result.out, "", "stdout")


def test_unknown_option_names_the_nearest(t):
    result = t.asgc("fmt", "--chek", "x.asg", code=2)
    t.contains(result.err, "asgc: unknown option '--chek'; did you mean '--check'?")
    result = t.asgc("compile", "x.asg", "--emti=plan", code=2)
    t.contains(result.err, "unknown option '--emti'; did you mean '--emit'?")


def test_missing_argument_is_a_usage_error(t):
    for verb in VERBS:
        if verb in ("doctor", "opt", "explain", "tune"):
            continue
        result = t.asgc(verb, code=2)
        t.contains(result.err, f"see 'asgc {verb} --help'")


def test_settings_come_from_flag_then_environment_then_file(t):
    t.write("asgc.toml", "threads = 1\nlang = \"ru\"\n")
    settings = json.loads(t.asgc("doctor", "--json", env={"ASGC_LANG": "en"}).out)["settings"]
    t.equal(settings["threads"]["value"], "1")
    t.expect(settings["threads"]["origin"].endswith("asgc.toml"), "origin", settings)
    t.equal(settings["lang"], {"value": "en", "origin": "ASGC_LANG"})
    settings = json.loads(t.asgc("doctor", "--json", "--color", "never", env={"ASGC_COLOR": "always"}).out)["settings"]
    t.equal(settings["color"], {"value": "never", "origin": "--color"})


def test_wrong_settings_name_their_origin(t):
    t.contains(t.asgc("doctor", code=2, env={"ASGC_THREADS": "many"}).err, "threads is 'many' (ASGC_THREADS)")
    t.write("asgc.toml", "thread = 1\n")
    t.contains(t.asgc("doctor", code=2).err, "there is no setting 'thread'; did you mean 'threads'?")


def test_doctor_json_is_json(t):
    report = json.loads(t.asgc("doctor", "--json").out)
    t.equal(report["format"], "asgc-doctor/1")
    for key in ("asgc", "cpu", "isa", "onednn", "threads", "memory"):
        t.expect(key in report["findings"], f"no {key}", report)


def test_full_standard_output_is_an_environment_error(t):
    with open("/dev/full", "wb") as full:
        import subprocess
        process = subprocess.run([harness.ASGC, "doctor"], stdout=full, stderr=subprocess.PIPE)
    t.equal(process.returncode, 4, "exit code")
    t.contains(process.stderr.decode(), "No space left on device")


def test_new_makes_a_formatted_project_and_never_overwrites(t):
    t.asgc("new", "spiral")
    for name in ("spiral.asg", "main.c", "CMakeLists.txt", "spiral.csv", "README.md"):
        t.expect(t.path(f"spiral/{name}").stat().st_size > 0, name)
    t.asgc("fmt", "--check", "spiral/spiral.asg")
    t.write("spiral/main.c", "mine")
    t.contains(t.asgc("new", "spiral", code=1).err, "nothing was changed")
    t.equal(t.path("spiral/main.c").read_text(), "mine")
    t.contains(t.asgc("new", "7up", code=2).err, "'7up' cannot name a model")
    t.expect(not list(t.folder.glob("*.new*")), "left a draft behind")


def test_fmt_rewrites_checks_and_refuses(t):
    t.write("a.asg", "use nn\nmodel   m(x:f32[2])->f32[2]{return relu(x)}\n")
    t.equal(t.asgc("fmt", "--check", "a.asg", code=1).out, "a.asg\n", "stdout of --check")
    t.asgc("fmt", "a.asg")
    once = t.path("a.asg").read_text()
    t.contains(once, "model m(x: f32[2]) -> f32[2] {\n")
    t.asgc("fmt", "a.asg")
    t.equal(t.path("a.asg").read_text(), once, "formatted twice")
    t.equal(t.asgc("fmt", "-", stdin=once.encode()).out, once, "standard input")
    t.write("bad.asg", "model m(\n")
    t.contains(t.asgc("fmt", "bad.asg", code=1).err, "error[ASG0")
    t.equal(t.path("bad.asg").read_text(), "model m(\n", "a file that does not parse")
    t.contains(t.asgc("fmt", "none.asg", code=4).err, "none.asg")


harness.main()
